/* test_alert.c - which budgets have passed the mark at which an alert is due, each once for its period. */
#include "base/clock.h"
#include "folder.h"
#include "money/ledger.h"

/* Two marks: 40 nano-dollars, and 75 % of 99 (74.25, so 74). */
static const struct config_budget
    both = { .period = PERIOD_TOTAL,
             .limit = 99,
             .ceiling = 1000,
             .alert = "http://a",
             .alert_nano = 40,
             .alert_percent = 75 },
    share = { .period = PERIOD_TOTAL,
              .limit = 1000,
              .ceiling = 1000,
              .alert = "http://b",
              .alert_nano = -1,
              .alert_percent = 5 },
    amount = { .period = PERIOD_TOTAL, .limit = 1000, .ceiling = 1000, .alert = "http://c", .alert_nano = 1 },
    nobody = { .period = PERIOD_TOTAL, .limit = 1000, .ceiling = 1000, .alert_percent = 1 };
static const struct accounts_rule rules[] = { { ACCOUNT_TEAM, TEXT("blue"), &both },
                                              { ACCOUNT_KEY, TEXT("k"), &share },
                                              { ACCOUNT_MODEL, TEXT("m"), &nobody },
                                              { ACCOUNT_PROVIDER, TEXT("p"), &amount } };

static struct ledger *open_at(const struct folder *f, size_t rule_count)
{
    struct fail fail;
    struct ledger_start start;
    struct ledger_settings settings = {
        .folder = f->path, .sync_ns = 1000000, .rules = rules, .rule_count = rule_count
    };
    struct ledger *l = ledger_open(&settings, &start, &fail);
    cr_assert_not_null(l, "%s", fail.text);
    return l;
}

static void spend(struct ledger *l, int64_t cost)
{
    struct fail fail;
    struct ledger_refusal refusal;
    struct record hold = { .request = TEXT("r"),
                           .attempt = 1,
                           .team = TEXT("blue"),
                           .key = TEXT("k"),
                           .model = TEXT("m"),
                           .provider = TEXT("p"),
                           .hard = cost,
                           .soft = cost,
                           .admitted_ms = clock_unix_ms() };
    struct ledger_hold *handle = ledger_hold(l, &hold, false, &refusal, &fail);
    cr_assert_not_null(handle);
    struct record end = { .ending = ENDING_SETTLED, .final = 1, .cost = cost, .outcome = TEXT("ok") };
    ledger_end(l, handle, &end);
}

/* "team blue 74 of 99 by share, spent 80": in any order of accounts, so one account each time. */
static void takes(struct ledger *l, bool starts, size_t most, const char *expected)
{
    struct ledger_alert alerts[8];
    char text[1024] = "";
    size_t count = ledger_take_alerts(l, starts, alerts, most), len = 0;
    cr_assert_leq(count, most);
    for (size_t i = 0; i < count; i++) {
        const struct ledger_alert *a = &alerts[i];
        cr_assert(a->begins_s == 0 && a->ends_s == INT64_MAX && a->period == PERIOD_TOTAL);
        cr_assert(a->percent == 0 || a->percent == 75);
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s %s %s: %lld of %lld%s, spent %lld",
                                i > 0 ? "; " : "", a->kind, a->id, a->url, (long long)a->mark, (long long)a->limit,
                                a->percent > 0 ? " by share" : "", (long long)a->spent);
        free(a->url);
    }
    cr_assert_str_eq(text, expected, "%s", text);
}

Test(alert, is_due_at_its_mark_once)
{
    struct folder f;
    folder_make(&f);
    struct ledger *l = open_at(&f, 1);
    takes(l, false, 8, "");
    spend(l, 39);
    takes(l, false, 8, "");
    spend(l, 1);
    takes(l, false, 8, "team blue http://a: 40 of 99, spent 40");
    takes(l, false, 8, "");
    spend(l, 33);
    takes(l, false, 8, "");
    spend(l, 1);
    takes(l, false, 8, "team blue http://a: 74 of 99 by share, spent 74");
    spend(l, 10);
    takes(l, false, 8, "");
    ledger_close(l);
    folder_remove(&f);
}

Test(alert, both_marks_may_be_passed_at_once_and_what_has_no_room_comes_next_time)
{
    struct folder f;
    folder_make(&f);
    struct ledger *l = open_at(&f, 1);
    spend(l, 90);
    takes(l, false, 0, "");
    takes(l, false, 1, "team blue http://a: 40 of 99, spent 90");
    takes(l, false, 1, "team blue http://a: 74 of 99 by share, spent 90");
    takes(l, false, 1, "");
    ledger_close(l);
    l = open_at(&f, 1); /* the marks are forgotten; what a start finds was reported */
    takes(l, true, 8, "");
    takes(l, false, 8, "");
    ledger_close(l);
    l = open_at(&f, 1);
    takes(l, false, 8, "team blue http://a: 40 of 99, spent 90; team blue http://a: 74 of 99 by share, spent 90");
    ledger_close(l);
    folder_remove(&f);
}

Test(alert, a_start_does_not_hide_what_is_passed_later)
{
    struct folder f;
    folder_make(&f);
    struct ledger *l = open_at(&f, 1);
    spend(l, 50);
    takes(l, true, 8, ""); /* the amount was passed, the share is to come */
    spend(l, 30);
    takes(l, false, 8, "team blue http://a: 74 of 99 by share, spent 80");
    ledger_close(l);
    folder_remove(&f);
}

/* Each budget has its own marks; one that informs nobody has none. */
Test(alert, each_budget_is_looked_at)
{
    struct folder f;
    struct ledger_alert alerts[8];
    folder_make(&f);
    struct ledger *l = open_at(&f, 4);
    spend(l, 50);
    size_t count = ledger_take_alerts(l, false, alerts, 8);
    cr_assert_eq(count, 3);
    int64_t marks = 0;
    for (size_t i = 0; i < count; i++) {
        const struct ledger_alert *a = &alerts[i];
        bool team = strcmp(a->url, both.alert) == 0, key = strcmp(a->url, share.alert) == 0,
             provider = strcmp(a->url, amount.alert) == 0;
        cr_assert(team + key + provider == 1 && a->spent == 50 && a->percent == (key ? 5 : 0));
        cr_assert_str_eq(a->kind, team ? "team" : key ? "key" : "provider");
        cr_assert_str_eq(a->id, team ? "blue" : key ? "k" : "p");
        marks += a->mark;
        free(a->url);
    }
    cr_assert_eq(marks, 40 + 50 + 1);
    cr_assert_eq(ledger_take_alerts(l, false, alerts, 8), 0);
    ledger_close(l);
    folder_remove(&f);
}
