/* account.c - the arithmetic of a budget. Sums that would pass 9.2 billion dollars stay there: nothing fits then. */
#include "money/account.h"

#include <stdlib.h>

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

const char *account_kind_name(enum account_kind kind)
{
    static const char *const names[ACCOUNT_KINDS] = { "all",   "team",     "key",  "project", "tag",
                                                      "model", "provider", "user", "session", "key_session" };
    return names[kind];
}

struct text account_zone(const struct config_budget *terms)
{
    return terms->zone != NULL ? text_of(terms->zone->name) : TEXT_NONE;
}

void account_fini(struct account *account)
{
    for (struct account_period *p = account->latest, *earlier; p != NULL; p = earlier) {
        earlier = p->earlier;
        free(p);
    }
    account->latest = NULL;
}

struct account_period *account_at(struct account *account, int64_t admitted_ms)
{
    const struct config_budget *terms = account->terms;
    int64_t at_s = admitted_ms > 0 ? admitted_ms / 1000 : 0;
    struct account_period **at = &account->latest;

    /* Newest first; requests of the period before may still come. */
    while (*at != NULL && (*at)->begins_s > at_s)
        at = &(*at)->earlier;
    if (*at != NULL && at_s < (*at)->ends_s)
        return *at;
    struct account_period *period = calloc(1, sizeof *period);
    BUG_IF(period == NULL);
    period->begins_s = period_begins(terms->period, terms->zone, at_s);
    period->ends_s = period_ends(terms->period, terms->zone, at_s);
    period->earlier = *at;
    *at = period;
    return period;
}

static int64_t raised(const struct account *account, int64_t usual, int64_t admitted_ms)
{
    if (admitted_ms < account->terms->raise_until_ms)
        add(&usual, account->terms->raise);
    return usual;
}

int64_t account_limit(const struct account *account, int64_t admitted_ms)
{
    return raised(account, account->terms->limit, admitted_ms);
}

int64_t account_ceiling(const struct account *account, int64_t admitted_ms)
{
    return raised(account, account->terms->ceiling, admitted_ms);
}

/* What of an account's limit is gone for good, as far as is known. */
static int64_t used_of(const struct account *account, const struct account_period *p)
{
    return sum_of(p->spent, account->terms->mode == BUDGET_STRICT ? p->doubt : p->soft_doubt, 0, 0);
}

enum account_answer account_ask(const struct account *account, const struct account_period *p,
                                const struct record *hold)
{
    int64_t limit = account_limit(account, hold->admitted_ms), ceiling = account_ceiling(account, hold->admitted_ms);
    bool within =
        account->terms->mode == BUDGET_STRICT || sum_of(p->spent, p->soft_doubt, p->soft_held, hold->soft) <= limit;
    bool below = sum_of(p->spent, p->doubt, p->held, hold->hard) <= ceiling;
    bool money_left = used_of(account, p) < limit;
    bool alone = sum_of(p->spent, p->doubt, 0, hold->hard) <= ceiling;

    if (account->terms->only_report || (below && (within || (p->open == 0 && money_left))))
        return ACCOUNT_FITS;
    if (!money_left)
        return ACCOUNT_SPENT;
    return alone ? ACCOUNT_WAIT : ACCOUNT_TOO_LARGE;
}

void account_carry(struct account_period *p, int64_t hard, int64_t soft)
{
    add(&p->held, hard);
    add(&p->soft_held, soft);
    p->open++;
}

void account_hold(struct account_period *p, int64_t hard, int64_t soft)
{
    account_carry(p, hard, soft);
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

int64_t account_left(const struct account *account, const struct account_period *p, int64_t admitted_ms)
{
    int64_t limit = account_limit(account, admitted_ms), used = used_of(account, p);
    return used >= limit ? 0 : used <= 0 ? limit : limit - used;
}

int64_t account_room(const struct account *account, const struct account_period *p, int64_t admitted_ms)
{
    int64_t ceiling = account->terms->only_report ? INT64_MAX : account_ceiling(account, admitted_ms),
            used = sum_of(p->spent, p->doubt, p->held, 0);
    return used >= ceiling ? 0 : used <= 0 ? ceiling : ceiling - used;
}
