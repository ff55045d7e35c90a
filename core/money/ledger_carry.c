/* ledger_carry.c - what a segment's OPEN carries over, and how a start takes it up again: the holds that are open, and how each
 * account stands in the periods that may still be charged. */
#include "money/ledger_inside.h"

/* What all may take in an OPEN. Where it is more, a start reads from an older segment on. */
enum { CARRIED_MOST = 48 << 20, BALANCE_ROOM = 128, PERIODS_CARRIED = 2 };

struct carry {
    struct ledger *ledger;
    struct record *open;
    struct arena *arena;
    size_t bytes;
};

static void carry_hold(void *owner, uint64_t number, struct text record)
{
    struct carry *c = owner;
    (void)number;
    ((struct text *)c->open->carried.items)[c->open->carried.count++] = record;
    c->bytes += record.len;
}

/* The two newest, and older ones with something open: what is over is in no sum that counts again. */
static bool is_carried(const struct account_period *p, unsigned place)
{
    return place < PERIODS_CARRIED || p->open > 0 || p->doubt != 0 || p->soft_doubt != 0;
}

static void count_account(void *owner, struct account *account)
{
    unsigned place = 0;
    for (const struct account_period *p = account->latest; p != NULL; p = p->earlier)
        *(size_t *)owner += is_carried(p, place++);
}

/* One that was never charged is carried too: a start knows that it was there. */
static void begin_account(void *owner, struct account *account)
{
    if (!account->on_demand)
        account_at(account, *(const int64_t *)owner);
}

static void carry_account(void *owner, struct account *account)
{
    struct carry *c = owner;
    unsigned place = 0;
    for (const struct account_period *p = account->latest; p != NULL; p = p->earlier) {
        if (!is_carried(p, place++))
            continue;
        struct record_balance *b = (struct record_balance *)c->open->balances.items + c->open->balances.count++;
        *b = (struct record_balance){ .kind = text_of(account_kind_name(account->kind)),
                                      .id = account->id,
                                      .per = text_of(period_name(account->terms->period)),
                                      .zone = account_zone(account->terms),
                                      .begins_s = p->begins_s,
                                      .spent = p->spent,
                                      .doubt = p->doubt,
                                      .soft_doubt = p->soft_doubt,
                                      .number = p->number };
        c->bytes += BALANCE_ROOM + b->id.len;
    }
}

/* "team/": each session of the team has such a budget, and all of them are carried. */
static void carry_rules(struct carry *c)
{
    const struct accounts *all = &c->ledger->accounts;
    for (size_t i = 0; i < all->rule_count; i++) {
        struct record_balance *b = (struct record_balance *)c->open->balances.items + c->open->balances.count++;
        *b = (struct record_balance){ .kind = text_of(account_kind_name(all->rules[i].kind)),
                                      .id = text_of(arena_printf(c->arena, "%.*s/", TEXT_ARG(all->rules[i].id))),
                                      .per = text_of(period_name(all->rules[i].terms->period)),
                                      .zone = account_zone(all->rules[i].terms) };
    }
}

void ledger_carry(void *owner, struct record *open, struct arena *arena)
{
    struct ledger *l = owner;
    struct carry c = { l, open, arena, 0 };
    int64_t now = clock_unix_ms();

    ledger_book_late(l, -1);
    open->carried.items = arena_array(arena, struct text, l->open.count + 1);
    holds_each(&l->open, carry_hold, &c);
    accounts_sweep(&l->accounts);
    accounts_each(&l->accounts, begin_account, &now);
    size_t count = l->accounts.rule_count;
    accounts_each(&l->accounts, count_account, &count);
    open->balances.items = arena_array(arena, struct record_balance, count + 1);
    carry_rules(&c);
    accounts_each(&l->accounts, carry_account, &c);
    open->whole = c.bytes <= CARRIED_MOST;
    if (!open->whole)
        open->balances.count = 0;
    open->gap = l->gap;
    open->cost = l->sums.spent;
    open->doubt = l->sums.doubt;
    open->doubts = l->doubts;
    ledger_book_late(l, 1);
}

static struct account *account_of(struct ledger *l, const struct record_balance *b)
{
    return accounts_named(&l->accounts, b->kind, b->id, b->per, b->zone);
}

void ledger_take_carried(struct ledger *l, const struct record *open)
{
    const struct record_balance *b = open->balances.items;
    for (size_t i = 0; i < open->balances.count; i++) {
        struct account *account = account_of(l, &b[i]);
        if (account == NULL)
            continue;
        struct account_period *p = account_at(account, b[i].begins_s * 1000);
        p->spent = b[i].spent;
        p->doubt = b[i].doubt;
        p->soft_doubt = b[i].soft_doubt;
        p->number = b[i].number;
    }
    l->sums.spent = open->cost;
    l->sums.doubt = open->doubt;
    l->doubts = open->doubts;
}

static bool has_rule(const struct record *open, const struct accounts_rule *rule)
{
    const struct record_balance *b = open->balances.items;
    for (size_t i = 0; i < open->balances.count; i++)
        if (text_is(b[i].kind, account_kind_name(rule->kind)) && b[i].id.len == rule->id.len + 1 &&
            text_starts(b[i].id, rule->id) && b[i].id.ptr[rule->id.len] == '/' &&
            text_is(b[i].per, period_name(rule->terms->period)) && text_eq(b[i].zone, account_zone(rule->terms)))
            return true;
    return false;
}

static void look_for(void *owner, struct account *account)
{
    bool *all = owner;
    *all = *all && (account->on_demand || account->carried);
    account->carried = false;
}

bool ledger_is_carried(struct ledger *l, const struct record *open)
{
    const struct record_balance *b = open->balances.items;
    bool all = true;
    for (size_t i = 0; i < open->balances.count; i++) {
        struct account *account = account_of(l, &b[i]);
        if (account != NULL)
            account->carried = true;
    }
    accounts_each(&l->accounts, look_for, &all);
    for (size_t i = 0; all && i < l->accounts.rule_count; i++)
        all = has_rule(open, &l->accounts.rules[i]);
    return all;
}
