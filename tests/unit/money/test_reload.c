/* test_reload.c - budgets that change while money is spent: none of it is forgotten, and none counts twice. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>

#include "folder.h"
#include "logged.h"
#include "money/ledger.h"
#include "money/ledger_queue.h"
#include "money/verify.h"

static const struct config_budget ten = { .period = PERIOD_TOTAL, .mode = BUDGET_STRICT, .limit = 10, .ceiling = 10 };
static const struct config_budget twenty = {
    .period = PERIOD_TOTAL, .mode = BUDGET_STRICT, .limit = 20, .ceiling = 20
};
static const struct config_budget much = { .period = PERIOD_TOTAL, .limit = INT64_MAX / 4, .ceiling = INT64_MAX / 2 };
static const struct accounts_rule small_rule[] = { { ACCOUNT_TEAM, TEXT("a"), &ten } };
static const struct accounts_rule large_rule[] = { { ACCOUNT_TEAM, TEXT("a"), &twenty } };
static const struct accounts_rule all_rules[] = { { ACCOUNT_ALL, TEXT("all"), &much },
                                                  { ACCOUNT_TEAM, TEXT("a"), &much },
                                                  { ACCOUNT_SESSION, TEXT("a"), &much } };

static struct ledger *start_ledger(const struct folder *f, const struct accounts_rule *rules, size_t count)
{
    struct ledger_settings settings = { .folder = f->path, .sync_ns = 1000000, .rules = rules, .rule_count = count };
    struct ledger_start start;
    struct fail fail;
    struct ledger *l = ledger_open(&settings, &start, &fail);
    cr_assert_not_null(l, "%s", fail.text);
    cr_assert_eq(start.problems, 0);
    return l;
}

static void reload(struct ledger *l, const struct accounts_rule *rules, size_t count)
{
    struct fail fail;
    cr_assert_eq(ledger_reload(l, rules, count, "book", &fail), 0, "%s", fail.text);
}

static struct record record_of(int64_t hard)
{
    return (struct record){ .request = TEXT("r"),
                            .attempt = 1,
                            .team = TEXT("a"),
                            .session = TEXT("s"),
                            .provider = TEXT("p"),
                            .hard = hard,
                            .soft = hard,
                            .admitted_ms = 1 };
}

static struct ledger_hold *hold(struct ledger *l, int64_t hard)
{
    struct record record = record_of(hard);
    struct ledger_refusal refusal;
    struct fail fail;
    return ledger_hold(l, &record, false, &refusal, &fail);
}

static void settle(struct ledger *l, struct ledger_hold *handle, int64_t cost)
{
    cr_assert_not_null(handle);
    struct record_line line = { .unit = TEXT("input"), .quantity = 1, .price = cost, .cost = cost };
    struct record end = {
        .ending = ENDING_SETTLED, .final = 1, .source = SOURCE_REPORTED, .lines = { &line, 1 }, .cost = cost
    };
    ledger_end(l, handle, &end);
}

static struct ledger_balance balance(struct ledger *l, enum account_kind kind)
{
    struct ledger_balance all[ACCOUNTS_MOST], none = { .spent = -1 };
    struct record whose = record_of(0);
    size_t count = ledger_read_balances(l, &whose, all);
    for (size_t i = 0; i < count; i++)
        if (all[i].kind == kind)
            return all[i];
    return none;
}

static void note(void *owner, const char *what)
{
    (void)owner;
    cr_assert(false, "%s", what);
}

/* The journal is right by its own rules, and another start makes the same of it. */
static void end_ledger(struct ledger *l, const struct folder *f, const struct accounts_rule *rules, size_t count)
{
    struct verify_report report;
    struct fail fail;
    struct ledger_balance before = balance(l, ACCOUNT_TEAM);
    ledger_close(l);
    cr_assert_eq(verify_ledger(f->path, note, NULL, &report, &fail), 0, "%s", fail.text);
    l = start_ledger(f, rules, count);
    cr_assert_eq(balance(l, ACCOUNT_TEAM).spent, before.spent);
    ledger_close(l);
    folder_remove((struct folder *)(uintptr_t)f);
}

Test(reload, keeps_what_is_spent_and_held)
{
    struct folder f;
    folder_make(&f);
    struct ledger *l = start_ledger(&f, small_rule, 1);
    settle(l, hold(l, 4), 4);
    struct ledger_hold *open = hold(l, 5);
    cr_assert_null(hold(l, 2));
    reload(l, large_rule, 1);
    struct ledger_balance b = balance(l, ACCOUNT_TEAM);
    cr_assert(b.spent == 4 && b.held == 5 && b.limit == 20, "%lld %lld", (long long)b.spent, (long long)b.held);
    struct ledger_hold *second = hold(l, 11);
    cr_assert_not_null(second);
    cr_assert_null(hold(l, 1));
    reload(l, small_rule, 1); /* less than what is held: nothing more goes out */
    settle(l, second, 1);
    settle(l, open, 5);
    b = balance(l, ACCOUNT_TEAM);
    cr_assert(b.spent == 10 && b.held == 0 && b.left == 0);
    cr_assert_null(hold(l, 1));
    end_ledger(l, &f, small_rule, 1);
}

Test(reload, a_budget_that_is_gone_and_comes_again)
{
    struct folder f;
    folder_make(&f);
    struct ledger *l = start_ledger(&f, small_rule, 1);
    settle(l, hold(l, 3), 3);
    struct ledger_hold *open = hold(l, 5);
    cr_assert(ledger_has_budgets(l));
    reload(l, NULL, 0);
    cr_assert_not(ledger_has_budgets(l), "so that nothing is charged, and no bound is looked for");
    cr_assert_eq(balance(l, ACCOUNT_TEAM).spent, -1);
    struct ledger_hold *other = hold(l, 100);
    settle(l, open, 2);
    settle(l, hold(l, 7), 7);
    reload(l, large_rule, 1); /* in flight: 100; spent: 3, 2 and 7 */
    cr_assert(ledger_has_budgets(l));
    struct ledger_balance b = balance(l, ACCOUNT_TEAM);
    cr_assert(b.spent == 12 && b.held == 100, "%lld %lld", (long long)b.spent, (long long)b.held);
    cr_assert_null(hold(l, 1));
    settle(l, other, 1);
    b = balance(l, ACCOUNT_TEAM);
    cr_assert(b.spent == 13 && b.held == 0 && b.left == 7);
    settle(l, hold(l, 7), 0);
    end_ledger(l, &f, large_rule, 1);
}

/* From now on nothing can be written to the journal, which is longer than what is logged. */
static struct rlimit fill(struct ledger *l, const struct folder *f)
{
    struct rlimit limit, small;
    struct stat st;
    char path[512];
    signal(SIGXFSZ, SIG_IGN);
    for (int i = 0; i < 100; i++)
        settle(l, hold(l, 0), 0);
    folder_file(f, 0, path, sizeof path);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){ (rlim_t)st.st_size + 20, limit.rlim_max };
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    return limit;
}

Test(reload, what_could_not_be_written_counts_once)
{
    struct folder f;
    struct logged logged;
    char log[2000];
    folder_make(&f);
    struct ledger *l = start_ledger(&f, small_rule, 1);
    struct ledger_hold *one = hold(l, 4), *other = hold(l, 5);
    struct rlimit limit = fill(l, &f);
    logged_begin(&logged);
    settle(l, one, 4);
    settle(l, other, 5);
    logged_end(&logged, log, sizeof log);
    const char *kept = strstr(log, "; what ends is kept in memory until then, and new requests are refused\n");
    cr_assert(kept != NULL && strstr(kept + 30, "kept in memory") == NULL, "once: %s", log);
    reload(l, all_rules, 3);
    struct ledger_balance team = balance(l, ACCOUNT_TEAM), all = balance(l, ACCOUNT_ALL);
    cr_assert(team.spent == 9 && team.held == 0, "%lld %lld", (long long)team.spent, (long long)team.held);
    cr_assert(all.spent == 9 && all.held == 0, "%lld %lld", (long long)all.spent, (long long)all.held);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    settle(l, hold(l, 7), 7);
    cr_assert_eq(balance(l, ACCOUNT_ALL).spent, 16);
    end_ledger(l, &f, all_rules, 3);
}

Test(reload, what_is_lost_at_the_end_is_reported)
{
    struct folder f;
    struct logged logged;
    char log[2000];
    folder_make(&f);
    struct ledger *l = start_ledger(&f, small_rule, 1);
    struct ledger_hold *one = hold(l, 4), *other = hold(l, 5);
    struct rlimit limit = fill(l, &f);
    logged_begin(&logged);
    settle(l, one, 4);
    settle(l, other, 5);
    ledger_close(l);
    logged_end(&logged, log, sizeof log);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_not_null(strstr(log, "ledger: 2 records could not be written and are lost with this process\n"), "%s",
                       log);
    folder_remove(&f);
}

Test(reload, sessions_of_a_team)
{
    struct folder f;
    folder_make(&f);
    struct ledger *l = start_ledger(&f, small_rule, 1);
    settle(l, hold(l, 4), 4);
    reload(l, all_rules, 3);
    cr_assert_eq(balance(l, ACCOUNT_SESSION).spent, 4);
    settle(l, hold(l, 50), 50);
    reload(l, all_rules, 3);
    cr_assert_eq(balance(l, ACCOUNT_SESSION).spent, 54);
    reload(l, small_rule, 1);
    cr_assert_eq(balance(l, ACCOUNT_SESSION).spent, -1);
    cr_assert_eq(balance(l, ACCOUNT_TEAM).spent, 54);
    cr_assert_null(hold(l, 1));
    end_ledger(l, &f, small_rule, 1);
}

static void on_over(struct ledger_wait *wait)
{
    (void)wait;
}

Test(reload, who_waits_is_let_in_by_a_higher_limit)
{
    struct folder f;
    struct ledger_wait wait = { .on_over = on_over };
    struct record record = record_of(8);
    folder_make(&f);
    struct ledger *l = start_ledger(&f, small_rule, 1);
    struct ledger_hold *open = hold(l, 6);
    ledger_wait(l, &wait, &record);
    reload(l, small_rule, 1);
    cr_assert(wait.queued);
    reload(l, large_rule, 1);
    cr_assert(!wait.queued);
    settle(l, wait.hold, 8);
    settle(l, open, 6);
    cr_assert_eq(balance(l, ACCOUNT_TEAM).spent, 14);
    end_ledger(l, &f, large_rule, 1);
}

enum { SPENDERS = 3, SPENT_EACH = 4000 };
static atomic_uint spenders;

static void *spend(void *arg)
{
    struct ledger_hold *open[3] = { NULL };
    for (unsigned i = 0; i < SPENT_EACH; i++) {
        if (open[i % 3] != NULL)
            settle(arg, open[i % 3], 1);
        open[i % 3] = hold(arg, 3);
    }
    for (unsigned i = 0; i < 3; i++)
        settle(arg, open[i], 1);
    atomic_fetch_sub(&spenders, 1);
    return NULL;
}

Test(reload, under_load_each_cost_counts_once)
{
    struct folder f;
    pthread_t threads[SPENDERS];
    unsigned reloads = 0;
    folder_make(&f);
    struct ledger *l = start_ledger(&f, all_rules, 3);
    atomic_store(&spenders, SPENDERS);
    for (unsigned i = 0; i < SPENDERS; i++)
        pthread_create(&threads[i], NULL, spend, l);
    while (atomic_load(&spenders) > 0)
        reload(l, all_rules, ++reloads % 4); /* none, all together, and the team, and its sessions */
    for (unsigned i = 0; i < SPENDERS; i++)
        pthread_join(threads[i], NULL);
    reload(l, all_rules, 3);
    for (enum account_kind kind = ACCOUNT_ALL; kind < ACCOUNT_KINDS; kind++)
        if (kind == ACCOUNT_ALL || kind == ACCOUNT_TEAM || kind == ACCOUNT_SESSION)
            cr_assert(balance(l, kind).spent == SPENDERS * SPENT_EACH && balance(l, kind).held == 0,
                      "%s: %lld after %u reloads", account_kind_name(kind), (long long)balance(l, kind).spent, reloads);
    cr_assert(reloads > 3);
    end_ledger(l, &f, all_rules, 3);
}
