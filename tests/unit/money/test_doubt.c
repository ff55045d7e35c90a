/* test_doubt.c - doubt ends once: by somebody who knows, or by its age. */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "folder.h"
#include "logged.h"
#include "money/ledger.h"
#include "money/verify.h"

static const struct config_budget terms = { .period = PERIOD_TOTAL, .limit = 1000000, .ceiling = 2000000 };
static const struct accounts_rule rule = { ACCOUNT_TEAM, TEXT("t"), &terms };

static struct ledger *begin(const struct folder *f, int64_t ttl_ns, size_t segment_bytes)
{
    struct fail fail;
    struct ledger_start start;
    struct ledger_settings settings = { .folder = f->path,
                                        .sync_ns = 1000000,
                                        .doubt_ttl_ns = ttl_ns,
                                        .segment_bytes = segment_bytes,
                                        .rules = &rule,
                                        .rule_count = 1 };
    struct ledger *l = ledger_open(&settings, &start, &fail);
    cr_assert_not_null(l, "%s", fail.text);
    return l;
}

static void doubt(struct ledger *l, const char *request, int64_t amount)
{
    struct fail fail;
    struct ledger_refusal refusal;
    struct record r = { .request = text_of(request),
                        .attempt = 1,
                        .team = TEXT("t"),
                        .model = TEXT("m"),
                        .provider = TEXT("p"),
                        .hard = amount,
                        .soft = amount,
                        .admitted_ms = clock_unix_ms() };
    struct ledger_hold *handle = ledger_hold(l, &r, false, &refusal, &fail);
    cr_assert_not_null(handle, "%s", fail.text);
    struct record end = { .ending = ENDING_DOUBT, .doubt = amount, .soft_doubt = amount / 2 };
    ledger_end(l, handle, &end);
}

static struct ledger_resolved resolve(struct ledger *l, struct ledger_resolution how)
{
    struct ledger_resolved done;
    struct fail fail;
    how.who = TEXT("ann");
    how.ended_before_ms = INT64_MAX;
    cr_assert_eq(ledger_resolve(l, &how, &done, &fail), 0, "%s", fail.text);
    return done;
}

static void stands(struct ledger *l, int64_t spent, int64_t in_doubt)
{
    struct ledger_balance b;
    struct ledger_sums sums;
    cr_assert_eq(ledger_read_balances(l, &(struct record){ .team = TEXT("t") }, &b), 1);
    ledger_read_sums(l, &sums);
    cr_assert(b.spent == spent && b.doubt == in_doubt, "%lld spent, %lld in doubt", (long long)b.spent,
              (long long)b.doubt);
    cr_assert(sums.spent == spent && sums.doubt == in_doubt);
    cr_assert_eq(b.left, 1000000 - spent - in_doubt / 2);
}

static char problem[512];

static void note(void *owner, const char *what)
{
    (void)owner;
    snprintf(problem, sizeof problem, "%s", what);
}

static struct verify_report verified(const struct folder *f)
{
    struct verify_report report;
    struct fail fail;
    problem[0] = '\0';
    cr_assert_eq(verify_ledger(f->path, note, NULL, &report, &fail), 0, "%s", fail.text);
    cr_assert_str_eq(problem, "");
    return report;
}

Test(doubt, ends_by_who_knows)
{
    for (size_t bytes = 400; bytes <= 100000; bytes *= 250) {
        struct folder f;
        folder_make(&f);
        struct ledger *l = begin(&f, 0, bytes);
        doubt(l, "a", 100);
        doubt(l, "b", 1000);
        doubt(l, "b", 2000);
        doubt(l, "c", 40000);
        stands(l, 0, 43100);
        struct ledger_resolved done =
            resolve(l, (struct ledger_resolution){ .request = TEXT("a"), .verdict = LEDGER_FREE });
        cr_assert(done.attempts == 1 && done.cost == 0 && done.doubt == 100);
        done = resolve(l, (struct ledger_resolution){ .request = TEXT("a"), .verdict = LEDGER_FULL });
        cr_assert_eq(done.attempts, 0); /* once */
        done = resolve(l, (struct ledger_resolution){ .request = TEXT("b"), .verdict = LEDGER_COST, .cost = 5000 });
        cr_assert(done.attempts == 2 && done.cost == 5000 &&
                  done.doubt == 3000); /* more than was held: booked in full */
        stands(l, 5000, 40000);
        done = resolve(l, (struct ledger_resolution){ .request = TEXT("x"), .verdict = LEDGER_COST, .cost = 5000 });
        cr_assert_eq(done.attempts, 0);
        ledger_close(l);
        struct verify_report r = verified(&f);
        cr_assert(r.spent == 5000 && r.doubt == 40000 && r.lates == 3);
        l = begin(&f, 0, 0); /* and it outlives the process */
        stands(l, 5000, 40000);
        doubt(l, "d", 7);
        done = resolve(l, (struct ledger_resolution){ .verdict = LEDGER_FULL });
        cr_assert(done.attempts == 2 && done.cost == 40007 && done.doubt == 40007);
        stands(l, 45007, 0);
        doubt(l, "e", 9);
        stands(l, 45007, 9);
        cr_assert_eq(resolve(l, (struct ledger_resolution){ .verdict = LEDGER_FREE }).attempts, 1);
        ledger_close(l);
        r = verified(&f);
        cr_assert(r.spent == 45007 && r.doubt == 0);
        folder_remove(&f);
    }
}

Test(doubt, ends_by_its_age)
{
    struct folder f;
    folder_make(&f);
    struct ledger *l = begin(&f, 0, 0);
    doubt(l, "a", 100);
    ledger_close(l);
    l = begin(&f, 3600 * CLOCK_S, 0);
    doubt(l, "b", 10);
    stands(l, 0, 110);
    ledger_close(l);
    clock_shift_unix(3590 * 1000);
    l = begin(&f, 3600 * CLOCK_S, 0);
    ledger_close(l);
    cr_assert_eq(verified(&f).doubt, 110);
    clock_shift_unix(3602 * 1000);
    l = begin(&f, 40 * CLOCK_MS, 0); /* looks every 10 ms; what was in doubt is an hour old */
    struct ledger_sums sums;
    for (int i = 0; i < 500; i++) {
        ledger_read_sums(l, &sums);
        if (sums.doubt == 0)
            break;
        usleep(10000);
    }
    stands(l, 0, 0);
    int64_t began_ms = clock_unix_ms();
    doubt(l, "c", 5); /* what comes after it has its own time */
    usleep(25000);
    ledger_read_sums(l, &sums);
    cr_assert(sums.doubt == 5 || clock_unix_ms() - began_ms >= 40);
    for (int i = 0; i < 500 && sums.doubt > 0; i++) {
        usleep(10000);
        ledger_read_sums(l, &sums);
    }
    cr_assert_eq(sums.doubt, 0);
    clock_shift_unix(0);
    ledger_close(l);
    struct verify_report r = verified(&f);
    cr_assert(r.lates == 3 && r.doubt == 0 && r.spent == 0);
    folder_remove(&f);
}

/* Where nothing is in doubt the journal is not read, however often it is looked; the smallest doubt ends too. */
Test(doubt, is_looked_for_only_where_there_is_some)
{
    struct folder f, away;
    struct ledger_sums sums;
    struct logged logged;
    char log[1024];
    folder_make(&f);
    struct ledger *l = begin(&f, 20 * CLOCK_MS, 0); /* looks every 5 ms */
    snprintf(away.path, sizeof away.path, "%.40s-away", f.path);
    cr_assert_eq(rename(f.path, away.path), 0);
    logged_begin(&logged);
    usleep(50000);
    logged_end(&logged, log, sizeof log);
    cr_assert_str_eq(log, "");
    cr_assert_eq(rename(away.path, f.path), 0);
    doubt(l, "a", 1);
    for (int i = 0; i < 1000; i++) {
        ledger_read_sums(l, &sums);
        if (sums.doubt == 0)
            break;
        usleep(5000);
    }
    stands(l, 0, 0);
    ledger_close(l);
    cr_assert_eq(verified(&f).lates, 1);
    folder_remove(&f);
}

/* What is too young to end is no matter for the log. */
Test(doubt, reports_only_what_has_ended)
{
    struct folder f;
    struct logged logged;
    char log[2000];
    struct ledger_sums sums;
    folder_make(&f);
    struct ledger *l = begin(&f, 3600 * CLOCK_S, 0);
    doubt(l, "a", 10);
    ledger_close(l);
    clock_shift_unix(3602 * 1000);
    l = begin(&f, 40 * CLOCK_MS, 0);
    logged_begin(&logged);
    for (int i = 0; i < 500; i++) {
        ledger_read_sums(l, &sums);
        if (sums.doubt == 0)
            break;
        usleep(10000);
    }
    doubt(l, "b", 10);
    usleep(30000); /* it is looked at several times before it ends */
    logged_end(&logged, log, sizeof log);
    clock_shift_unix(0);
    ledger_close(l);
    cr_assert_not_null(strstr(log, "1 attempts were in doubt"), "%s", log);
    cr_assert_null(strstr(log, " 0 attempts"), "%s", log);
    folder_remove(&f);
}
