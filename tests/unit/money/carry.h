/* carry.h - a ledger with budgets of every kind of period, and how it must stand. */
#ifndef TEST_CARRY_H
#define TEST_CARRY_H

#include "base/clock.h"
#include "folder.h"
#include "money/ledger.h"
#include "money/verify.h"

static const struct config_budget total = { .period = PERIOD_TOTAL, .limit = 1000000, .ceiling = 2000000 },
                                  day = { .period = PERIOD_DAY, .limit = 1000000, .ceiling = 2000000 },
                                  month = { .period = PERIOD_MONTH, .limit = 1000000, .ceiling = 2000000 };
static const struct accounts_rule rules[] = {
    { ACCOUNT_TEAM, TEXT("t"), &total },    { ACCOUNT_ALL, TEXT("all"), &day },   { ACCOUNT_KEY, TEXT("k"), &month },
    { ACCOUNT_SESSION, TEXT("t"), &total }, { ACCOUNT_SESSION, TEXT("t"), &day },
};

static inline struct ledger *begin(const struct folder *f, unsigned count, size_t segment_bytes,
                                   struct ledger_start *start)
{
    struct fail fail;
    struct ledger_settings settings = {
        .folder = f->path, .sync_ns = 60000000000, .segment_bytes = segment_bytes, .rules = rules, .rule_count = count
    };
    struct ledger *l = ledger_open(&settings, start, &fail);
    cr_assert_not_null(l, "%s", fail.text);
    return l;
}

static inline struct ledger_hold *hold(struct ledger *l, unsigned count, int64_t hard)
{
    (void)count;
    struct fail fail;
    struct ledger_refusal refusal;
    struct record r = { .request = TEXT("r"),
                        .attempt = 1,
                        .team = TEXT("t"),
                        .key = TEXT("k"),
                        .session = TEXT("s"),
                        .model = TEXT("m"),
                        .provider = TEXT("p"),
                        .hard = hard,
                        .soft = hard / 2,
                        .admitted_ms = clock_unix_ms() };
    struct ledger_hold *handle = ledger_hold(l, &r, false, &refusal, &fail);
    cr_assert_not_null(handle, "%s", fail.text);
    return handle;
}

static inline void end(struct ledger *l, struct ledger_hold *handle, int64_t cost, int64_t doubt)
{
    struct record_line line = { .unit = TEXT("input"), .quantity = 1, .price = cost, .cost = cost };
    struct record r = { .ending = doubt > 0 ? ENDING_DOUBT : ENDING_SETTLED,
                        .final = 1,
                        .lines = { &line, 1 },
                        .cost = cost,
                        .doubt = doubt,
                        .soft_doubt = doubt / 2 };
    ledger_end(l, handle, &r);
}

static char first_problem[512];

static inline void note(void *owner, const char *what)
{
    (void)owner;
    if (first_problem[0] == '\0')
        snprintf(first_problem, sizeof first_problem, "%s", what);
}

static inline struct verify_report verified(const struct folder *f)
{
    struct verify_report report;
    struct fail fail;
    first_problem[0] = '\0';
    cr_assert_eq(verify_ledger(f->path, note, NULL, &report, &fail), 0, "%s", fail.text);
    cr_assert_str_eq(first_problem, "");
    return report;
}

static inline void stands(struct ledger *l, unsigned count, int64_t spent, int64_t held, int64_t doubt)
{
    struct ledger_balance all[ACCOUNTS_MOST];
    struct record whose = { .team = TEXT("t"), .key = TEXT("k"), .session = TEXT("s") };
    cr_assert_eq(ledger_read_balances(l, &whose, all), count);
    for (unsigned i = 0; i < count; i++) {
        struct ledger_balance b = all[i];
        cr_assert(b.spent == spent && b.held == held && b.doubt == doubt,
                  "budget %u: %lld spent, %lld held, %lld in doubt", i, (long long)b.spent, (long long)b.held,
                  (long long)b.doubt);
    }
    struct ledger_sums sums;
    ledger_read_sums(l, &sums);
    cr_assert(sums.spent == spent && sums.doubt == doubt);
}

#endif
