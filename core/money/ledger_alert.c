/* ledger_alert.c - which budgets have passed the mark at which an alert is due. */
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "money/ledger_inside.h"

struct looking {
    struct ledger_alert *out;
    size_t count, most;
    int64_t now_ms;
    bool starts; /* what is over its mark already was reported by the process before */
};

static bool tell(struct looking *k, const struct account *account, const struct account_period *p, unsigned kind,
                 int64_t mark)
{
    if (p->spent < mark || k->count == k->most)
        return false;
    if (k->starts)
        return true;
    struct ledger_alert *a = &k->out[k->count++];
    *a = (struct ledger_alert){ .kind = account_kind_name(account->kind),
                                .url = strdup(account->terms->alert),
                                .period = account->terms->period,
                                .spent = p->spent,
                                .mark = mark,
                                .limit = account_limit(account, k->now_ms),
                                .begins_s = p->begins_s,
                                .ends_s = p->ends_s,
                                .percent = kind == 1 ? account->terms->alert_percent : 0 };
    BUG_IF(a->url == NULL);
    snprintf(a->id, sizeof a->id, "%.*s", TEXT_ARG(account->id));
    return true;
}

static void look(void *owner, struct account *account)
{
    struct looking *k = owner;
    const struct config_budget *t = account->terms;
    if (t->alert == NULL)
        return;
    struct account_period *p = account_at(account, k->now_ms);
    int64_t limit = account_limit(account, k->now_ms);
    int64_t share = limit / 100 * t->alert_percent + limit % 100 * t->alert_percent / 100;
    if (p->spent < t->alert_nano) /* the mark was raised */
        p->told &= ~1u;
    if (p->spent < share)
        p->told &= ~2u;
    if (t->alert_nano >= 0 && (p->told & 1) == 0 && tell(k, account, p, 0, t->alert_nano))
        p->told |= 1;
    if (t->alert_percent > 0 && (p->told & 2) == 0 && tell(k, account, p, 1, share))
        p->told |= 2;
}

size_t ledger_take_alerts(struct ledger *l, bool starts, struct ledger_alert *out, size_t most)
{
    struct looking k = { .out = out, .most = most, .now_ms = clock_unix_ms(), .starts = starts };
    CHECK(l, LEDGER);
    journal_lock(l->journal);
    if (l->away == NULL)
        accounts_each(&l->accounts, look, &k);
    journal_unlock(l->journal);
    return k.count;
}
