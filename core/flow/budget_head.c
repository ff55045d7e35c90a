/* budget_head.c - the headers of an answer about the budgets of its request: how much is left, and for clients whose API has headers
 * for that, whether it is nearly or quite spent. */
#include "base/clock.h"
#include "flow/answer_head.h"
#include "flow/spend.h"
#include "flow/way.h"
#include "money/nano.h"

enum { WARN_PERCENT = 75 };

/* One of those that the client's API has. */
static void put(struct request *req, const char *name, const char *value, struct answer_head *head)
{
    answer_head_add(head, arena_printf(&req->arena, "%s%s", req->face->dialect->quota, name), value);
}

/* When the period ends, and how long such a period is: nothing for one that never begins anew. */
static void put_period(struct request *req, enum config_period period, int64_t ends_s, struct answer_head *head)
{
    static const char *const names[] = { "daily", "weekly", "monthly" };
    if (period == PERIOD_TOTAL)
        return;
    put(req, "reset", arena_printf(&req->arena, "%lld", (long long)ends_s), head);
    put(req, "overage-period", names[period], head);
}

/* How much of the budget is used, in percent and rounded down; 100: all of it. */
static int64_t percent_of(const struct ledger_balance *b)
{
    int64_t used = b->limit - b->left;
    if (b->limit <= 0 || b->left <= 0)
        return 100;
    return used > INT64_MAX / 100 ? used / (b->limit / 100) : used * 100 / b->limit;
}

/* The nearest to its end. */
static const struct ledger_balance *fullest(const struct ledger_balance *balances, size_t count)
{
    const struct ledger_balance *most = NULL;
    for (size_t i = 0; i < count; i++)
        if (!balances[i].only_report && (most == NULL || percent_of(&balances[i]) > percent_of(most)))
            most = &balances[i];
    return most;
}

static void warn(struct request *req, const struct ledger_balance *most, struct answer_head *head)
{
    int64_t percent = percent_of(most);
    if (percent <= WARN_PERCENT)
        return;
    put(req, "status", "allowed_warning", head);
    put(req, "utilization", arena_printf(&req->arena, "0.%02lld", (long long)(percent < 100 ? percent : 99)), head);
    put_period(req, most->period, most->ends_s, head);
}

void budget_head(struct request *req, struct answer_head *head)
{
    struct ledger *ledger = req->worker->gateway->ledger;
    struct ledger_balance balances[ACCOUNTS_MOST];
    struct record whose = { .type = RECORD_NONE };
    char usd[NANO_TEXT];
    int64_t left = INT64_MAX;

    if (ledger == NULL || req->attempt == NULL || !ledger_has_budgets(ledger))
        return;
    spend_describe(req->attempt, &whose);
    size_t count = ledger_read_balances(ledger, &whose, balances);
    const struct ledger_balance *most = fullest(balances, count);
    if (most == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        if (!balances[i].only_report && balances[i].left < left)
            left = balances[i].left;
    answer_head_add(head, "x-gw-budget-remaining", arena_str(&req->arena, text_of(nano_write(left, 0, usd))));
    if (req->face->dialect->quota != NULL)
        warn(req, most, head);
}

void budget_head_spent(struct request *req, struct answer_head *head)
{
    if (!req->spent.is || req->face->dialect->quota == NULL)
        return;
    put(req, "status", "rejected", head);
    put_period(req, req->spent.period, req->spent.ends_s, head);
}
