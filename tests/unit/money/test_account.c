/* test_account.c - periods of the calendar, and the arithmetic of a budget. */
#include <time.h>

#include "check.h"
#include "money/account.h"

static int64_t at(const char *text)
{
    struct tm tm = { 0 };
    cr_assert_not_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
    return (int64_t)timegm(&tm);
}

Test(period, begins_where_the_calendar_says)
{
    static const struct {
        enum config_period period;
        const char *now, *begins, *ends;
    } rows[] = {
        { PERIOD_DAY, "2026-11-27 23:59:59", "2026-11-27 00:00:00", "2026-11-28 00:00:00" },
        { PERIOD_DAY, "2026-11-27 00:00:00", "2026-11-27 00:00:00", "2026-11-28 00:00:00" },
        { PERIOD_WEEK, "2026-11-27 12:00:00", "2026-11-23 00:00:00", "2026-11-30 00:00:00" },
        { PERIOD_WEEK, "2026-11-23 00:00:00", "2026-11-23 00:00:00", "2026-11-30 00:00:00" },
        { PERIOD_WEEK, "2026-11-22 23:59:59", "2026-11-16 00:00:00", "2026-11-23 00:00:00" },
        { PERIOD_MONTH, "2026-11-30 23:59:59", "2026-11-01 00:00:00", "2026-12-01 00:00:00" },
        { PERIOD_MONTH, "2026-12-31 23:59:59", "2026-12-01 00:00:00", "2027-01-01 00:00:00" },
        { PERIOD_MONTH, "2028-02-29 10:00:00", "2028-02-01 00:00:00", "2028-03-01 00:00:00" },
        { PERIOD_MONTH, "2027-03-01 00:00:00", "2027-03-01 00:00:00", "2027-04-01 00:00:00" },
        { PERIOD_MONTH, "2100-02-28 00:00:00", "2100-02-01 00:00:00", "2100-03-01 00:00:00" },
        { PERIOD_MONTH, "1970-01-01 00:00:00", "1970-01-01 00:00:00", "1970-02-01 00:00:00" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_assert_eq(period_begins(rows[i].period, NULL, at(rows[i].now)), at(rows[i].begins), "%s", rows[i].now);
        cr_assert_eq(period_ends(rows[i].period, NULL, at(rows[i].now)), at(rows[i].ends), "%s", rows[i].now);
    }
    cr_assert_eq(period_begins(PERIOD_TOTAL, NULL, 123456789), 0);
    cr_assert_eq(period_ends(PERIOD_TOTAL, NULL, 123456789), INT64_MAX);
}

/* Against the C library's calendar, each day of 200 years. */
Test(period, agrees_with_the_library)
{
    for (int64_t day = 0; day < 73000; day++) {
        time_t now = (time_t)(day * 86400 + 4711);
        struct tm tm;
        gmtime_r(&now, &tm);
        struct tm first = { .tm_year = tm.tm_year, .tm_mon = tm.tm_mon, .tm_mday = 1 }, next = first;
        next.tm_mon++;
        cr_assert_eq(period_begins(PERIOD_MONTH, NULL, now), timegm(&first), "day %lld", (long long)day);
        cr_assert_eq(period_ends(PERIOD_MONTH, NULL, now), timegm(&next), "day %lld", (long long)day);
        if (day >= 4)
            cr_assert_eq((now - period_begins(PERIOD_WEEK, NULL, now)) / 86400, (tm.tm_wday + 6) % 7, "day %lld",
                         (long long)day);
    }
}

Test(account, answers_by_both_sums)
{
    static const struct {
        int64_t spent, held, soft_held, doubt, soft_doubt;
        uint64_t open;
        int64_t hard, soft;
        enum account_answer wanted;
    } rows[] = {
        { 0, 0, 0, 0, 0, 0, 200, 100, ACCOUNT_FITS },    /* exactly both */
        { 0, 0, 0, 0, 0, 0, 200, 101, ACCOUNT_FITS },    /* alone, with money left: the ceiling alone counts */
        { 0, 0, 0, 0, 0, 0, 201, 1, ACCOUNT_TOO_LARGE }, /* over the ceiling */
        { 99, 0, 0, 0, 0, 0, 101, 50, ACCOUNT_FITS },
        { 99, 0, 0, 0, 0, 0, 102, 50, ACCOUNT_TOO_LARGE },
        { 100, 0, 0, 0, 0, 0, 1, 1, ACCOUNT_SPENT },
        { 101, 0, 0, 0, 0, 0, 0, 0, ACCOUNT_SPENT },
        { 50, 60, 40, 0, 0, 1, 10, 10, ACCOUNT_FITS },
        { 50, 60, 40, 0, 0, 1, 10, 11, ACCOUNT_WAIT },       /* expected sums pass the limit while another runs */
        { 50, 140, 10, 0, 0, 2, 11, 5, ACCOUNT_WAIT },       /* the most passes the ceiling */
        { 50, 140, 10, 0, 0, 2, 151, 5, ACCOUNT_TOO_LARGE }, /* it would not fit alone either */
        { 0, 0, 0, 150, 100, 0, 10, 1, ACCOUNT_SPENT },      /* doubt as expected counts as spent */
        { 0, 0, 0, 150, 40, 0, 51, 1, ACCOUNT_TOO_LARGE },   /* and the most of it against the ceiling */
        { 0, 0, 0, 150, 40, 0, 50, 1, ACCOUNT_FITS },
        { INT64_MAX, 1, 1, 1, 1, 1, INT64_MAX, 1, ACCOUNT_SPENT },
        { 1, INT64_MAX, 1, 0, 0, 1, 5, 1, ACCOUNT_WAIT },
    };
    struct config_budget terms = { .period = PERIOD_TOTAL, .limit = 100, .ceiling = 200 };
    struct account account = { .kind = ACCOUNT_TEAM, .terms = &terms };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct account_period p = { .spent = rows[i].spent,
                                    .held = rows[i].held,
                                    .soft_held = rows[i].soft_held,
                                    .doubt = rows[i].doubt,
                                    .soft_doubt = rows[i].soft_doubt,
                                    .open = rows[i].open };
        struct record hold = { .hard = rows[i].hard, .soft = rows[i].soft, .admitted_ms = 5000 };
        cr_assert_eq(account_ask(&account, &p, &hold), rows[i].wanted, "row %zu", i);
        terms.only_report = true;
        cr_assert_eq(account_ask(&account, &p, &hold), ACCOUNT_FITS, "row %zu", i);
        terms.only_report = false;
    }
}

/* Strict: one sum only, and doubt counts in full. Each account of a request is asked by its own mode. */
Test(account, strict_counts_what_can_be_at_most)
{
    static const struct {
        int64_t spent, held, doubt;
        uint64_t open;
        int64_t hard;
        enum account_answer wanted;
        int64_t left;
    } rows[] = {
        { 0, 0, 0, 0, 100, ACCOUNT_FITS, 100 },
        { 0, 0, 0, 0, 101, ACCOUNT_TOO_LARGE, 100 },
        { 40, 30, 20, 1, 10, ACCOUNT_FITS, 40 },
        { 40, 30, 20, 1, 11, ACCOUNT_WAIT, 40 },
        { 40, 30, 20, 1, 41, ACCOUNT_TOO_LARGE, 40 },
        { 40, 0, 60, 0, 1, ACCOUNT_SPENT, 0 }, /* nobody knows whether it is: it is not spent again */
        { 100, 0, 0, 0, 1, ACCOUNT_SPENT, 0 },
        { 0, 0, 99, 0, 2, ACCOUNT_TOO_LARGE, 1 },
        { 1, 0, 0, 0, 99, ACCOUNT_FITS, 99 },
        { -1, 0, 0, 0, 100, ACCOUNT_FITS, 100 }, /* corrected by more than was spent: no more is left than the limit */
    };
    struct config_budget terms = { .period = PERIOD_TOTAL, .mode = BUDGET_STRICT, .limit = 100, .ceiling = 100 };
    struct account account = { .kind = ACCOUNT_TEAM, .terms = &terms };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct account_period p = {
            .spent = rows[i].spent, .held = rows[i].held, .soft_held = 0, .doubt = rows[i].doubt, .open = rows[i].open
        };
        cr_assert_eq(account_ask(&account, &p, &(struct record){ .hard = rows[i].hard }), rows[i].wanted, "row %zu", i);
        cr_assert_eq(account_left(&account, &p, 0), rows[i].left, "row %zu", i);
    }
}

/* A month that ends with requests in flight: they end in the month of their admission. */
Test(account, keeps_periods_apart)
{
    struct config_budget terms = { .period = PERIOD_MONTH, .limit = 100, .ceiling = 200 };
    struct account account = { .kind = ACCOUNT_KEY, .id = TEXT("k"), .terms = &terms };
    int64_t november = at("2026-11-30 23:59:59") * 1000, december = at("2026-12-01 00:00:00") * 1000;
    struct account_period *old = account_at(&account, november);
    account_hold(old, 10, 5);
    struct account_period *new = account_at(&account, december);
    cr_assert_neq(old, new);
    cr_assert_eq(account_at(&account, november), old); /* a late one */
    cr_assert_eq(account_at(&account, december + 1), new);
    cr_assert_eq(account_at(&account, at("2026-10-01 00:00:00") * 1000)->spent, 0);
    struct record end = { .cost = 7, .doubt = 2, .soft_doubt = 1 };
    account_end(old, 10, 5, &end);
    cr_assert(old->spent == 7 && old->held == 0 && old->soft_held == 0 && old->doubt == 2 && old->soft_doubt == 1 &&
              old->open == 0);
    cr_assert(new->spent == 0 && account_left(&account, new, december) == 100 &&
              account_left(&account, old, november) == 92);
    old->spent = 1000;
    cr_assert_eq(account_left(&account, old, november), 0);
    account_fini(&account);
}

/* A raise counts for what is admitted before its end. */
Test(account, is_raised_for_a_while)
{
    struct config_budget terms = {
        .period = PERIOD_TOTAL, .limit = 100, .ceiling = 200, .raise = 50, .raise_until_ms = 1000
    };
    struct account account = { .kind = ACCOUNT_ALL, .terms = &terms };
    struct account_period p = { .spent = 120 };
    struct record hold = { .hard = 130, .soft = 30, .admitted_ms = 999 };
    cr_assert(account_limit(&account, 999) == 150 && account_ceiling(&account, 999) == 250 &&
              account_left(&account, &p, 999) == 30);
    cr_assert_eq(account_ask(&account, &p, &hold), ACCOUNT_FITS);
    hold.admitted_ms = 1000;
    cr_assert(account_limit(&account, 1000) == 100 && account_ceiling(&account, 1000) == 200 &&
              account_left(&account, &p, 1000) == 0);
    cr_assert_eq(account_ask(&account, &p, &hold), ACCOUNT_SPENT);
    terms = (struct config_budget){ .limit = 100, .ceiling = INT64_MAX, .raise = 50, .raise_until_ms = 5000 };
    cr_assert_eq(account_ceiling(&account, 1), INT64_MAX);
}
