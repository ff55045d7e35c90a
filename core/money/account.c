/* account.c - the arithmetic of a budget. Sums that would pass 9.2 billion dollars stay there: nothing fits then. */
#include "money/account.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

static void add(int64_t *sum, int64_t more)
{
    if (__builtin_add_overflow(*sum, more, sum))
        *sum = more > 0 ? INT64_MAX : INT64_MIN;
}

static int64_t sum_of(int64_t a, int64_t b, int64_t c, int64_t d)
{
    add(&a, b);
    add(&a, c);
    add(&a, d);
    return a;
}

void account_fini(struct account *account)
{
    for (struct account_period *p = account->latest, *earlier; p != NULL; p = earlier) {
        earlier = p->earlier;
        free(p);
    }
    account->latest = NULL;
}

bool account_is_of(const struct account *account, const struct record *whose)
{
    if (strcmp(account->kind, "team") == 0)
        return text_eq(account->id, whose->team);
    if (strcmp(account->kind, "key") == 0)
        return whose->key.ptr != NULL && text_eq(account->id, whose->key);
    return true;
}

struct account_period *account_at(struct account *account, int64_t admitted_ms)
{
    int64_t begins = period_begins(account->period, admitted_ms > 0 ? admitted_ms / 1000 : 0);
    struct account_period **at = &account->latest;

    /* Newest first; requests of the period before may still come. */
    while (*at != NULL && (*at)->begins_s > begins)
        at = &(*at)->earlier;
    if (*at != NULL && (*at)->begins_s == begins)
        return *at;
    struct account_period *period = calloc(1, sizeof *period);
    BUG_IF(period == NULL);
    period->begins_s = begins;
    period->earlier = *at;
    *at = period;
    return period;
}

/* What of an account's limit is gone for good, as far as is known. */
static int64_t used_of(const struct account *account, const struct account_period *p)
{
    return sum_of(p->spent, account->mode == BUDGET_STRICT ? p->doubt : p->soft_doubt, 0, 0);
}

enum account_answer account_ask(const struct account *account, const struct account_period *p, int64_t hard, int64_t soft)
{
    bool within = account->mode == BUDGET_STRICT || sum_of(p->spent, p->soft_doubt, p->soft_held, soft) <= account->limit;
    bool below = sum_of(p->spent, p->doubt, p->held, hard) <= account->ceiling;
    bool money_left = used_of(account, p) < account->limit;
    bool alone = sum_of(p->spent, p->doubt, 0, hard) <= account->ceiling;

    if (below && (within || (p->open == 0 && money_left)))
        return ACCOUNT_FITS;
    if (!money_left)
        return ACCOUNT_SPENT;
    return alone ? ACCOUNT_WAIT : ACCOUNT_TOO_LARGE;
}

void account_hold(struct account_period *p, int64_t hard, int64_t soft)
{
    add(&p->held, hard);
    add(&p->soft_held, soft);
    p->open++;
    p->number++;
}

void account_add(struct account_period *p, const struct record *end)
{
    add(&p->spent, end->cost);
    add(&p->doubt, end->doubt);
    add(&p->soft_doubt, end->soft_doubt);
}

void account_end(struct account_period *p, int64_t hard, int64_t soft, const struct record *end)
{
    BUG_IF(p->open == 0);
    add(&p->held, -hard);
    add(&p->soft_held, -soft);
    p->open--;
    account_add(p, end);
}

int64_t account_left(const struct account *account, const struct account_period *p)
{
    int64_t used = used_of(account, p);
    return used >= account->limit ? 0 : used <= 0 ? account->limit : account->limit - used;
}

int64_t account_room(const struct account *account, const struct account_period *p)
{
    int64_t used = sum_of(p->spent, p->doubt, p->held, 0);
    return used >= account->ceiling ? 0 : used <= 0 ? account->ceiling : account->ceiling - used;
}
