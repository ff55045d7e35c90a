/* test_budget_head.c - what a ledger is given of an attempt that is over, and the headers about budgets that come of it. */
#include <inttypes.h>

#include "base/clock.h"
#include "check.h"
#include "flow/answer_head.h"
#include "flow/metrics.h"
#include "flow/spend.h"
#include "flow/way.h"
#include "flow/worst.h"
#include "money/estimates.h"
#include "money/folder.h"
#include "money/ledger.h"
#include "money/nano.h"
#include "money/prefixes.h"

static struct folder folder;
static struct ledger *ledger;
static struct config_budget budgets[2];
static struct accounts_rule rules[2];
static struct request req;
static struct attempt attempt;
static struct route_target target;
static struct config_provider provider;
static struct plugin plugin;
static struct config_team team;
static struct gateway gateway;
static struct worker worker;
static struct config config;

/* The team "t" has one budget, all together another: `limit` nano-dollars. */
static void begin(enum config_period period, int64_t limit_of_team, int64_t limit_of_all, unsigned count)
{
    struct ledger_start start;
    struct fail fail;
    memset(&req, 0, sizeof req);
    memset(&attempt, 0, sizeof attempt);
    memset(&gateway, 0, sizeof gateway);
    budgets[0] = (struct config_budget){ .period = period, .limit = limit_of_team, .ceiling = INT64_MAX / 4 };
    budgets[1] = (struct config_budget){ .period = PERIOD_TOTAL, .limit = limit_of_all, .ceiling = INT64_MAX / 4 };
    rules[0] = (struct accounts_rule){ ACCOUNT_TEAM, TEXT("t"), &budgets[0] };
    rules[1] = (struct accounts_rule){ ACCOUNT_ALL, TEXT("all"), &budgets[1] };
    folder_make(&folder);
    struct ledger_settings settings = {
        .folder = folder.path, .sync_ns = 60 * CLOCK_S, .segment_bytes = 1 << 20, .rules = rules, .rule_count = count
    };
    ledger = ledger_open(&settings, &start, &fail);
    cr_assert_not_null(ledger, "%s", fail.text);
    arena_init(&req.arena, NULL, 0, 1 << 20);
    plugin.name = "openai";
    provider = (struct config_provider){ .name = TEXT("p"), .plugin = &plugin };
    target = (struct route_target){ .provider = &provider, .model = TEXT("up") };
    team.name = TEXT("t");
    gateway.ledger = ledger;
    gateway.metrics = metrics_new(1);
    worker.gateway = &gateway;
    req.worker = &worker;
    req.config = &config;
    req.face = &face_chat;
    req.operation = GW_OP_CHAT;
    req.team = &team;
    req.admitted_ms = clock_unix_ms();
    req.attempt = &attempt;
    attempt.req = &req;
    attempt.target = &target;
    attempt.outcome = OUTCOME_OK;
    snprintf(req.id, sizeof req.id, "id-1");
}

static void end(void)
{
    ledger_close(ledger);
    folder_remove(&folder);
    metrics_free(gateway.metrics);
    arena_fini(&req.arena);
}

static void hold(int64_t hard, int64_t soft)
{
    struct spend_hold h = { .record = { .attempt = 1 } };
    struct ledger_refusal refusal;
    spend_describe(&attempt, &h.record);
    h.record.hard = attempt.hard = hard;
    h.record.soft = attempt.soft = soft;
    cr_assert(spend_hold(&attempt, &h, false, &refusal), "%s", req.fail.text);
    cr_assert_eq(attempt.booked, BOOKED_HOLD);
}

static void spend(int64_t cost)
{
    hold(cost, cost);
    attempt.ending = ATTEMPT_SETTLED;
    attempt.price = (struct price){ .done = true, .known = true, .nano = cost, .entry = TEXT("e") };
    spend_end(&attempt, true);
}

static const char *headers(void)
{
    static char text[1000];
    struct answer_head head = { .count = 0 };
    size_t n = 0;
    text[0] = '\0';
    budget_head(&req, &head);
    budget_head_spent(&req, &head);
    for (size_t i = 0; i < head.count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s: %s\n", head.all[i].name, head.all[i].value);
    return text;
}

#define UNIFIED "anthropic-ratelimit-unified-"

Test(budget_head, has_what_is_left_of_the_least)
{
    begin(PERIOD_TOTAL, 10 * NANO_PER_USD, 4 * NANO_PER_USD, 2);
    cr_assert_eq(spend_charge(&attempt), LEDGER_CHARGED);
    cr_assert_str_eq(headers(), "x-gw-budget-remaining: 4\n");
    spend(NANO_PER_USD / 2);
    cr_assert_str_eq(headers(), "x-gw-budget-remaining: 3.5\n");
    budgets[1].only_report = true;
    cr_assert_str_eq(headers(), "x-gw-budget-remaining: 9.5\n", "what only reports has no room to be left");
    budgets[0].only_report = true;
    cr_assert_str_eq(headers(), "");
    budgets[0].only_report = false;
    req.attempt = NULL;
    cr_assert_str_eq(headers(), "", "nobody was asked");
    gateway.ledger = NULL;
    cr_assert_str_eq(headers(), "");
    end();
    begin(PERIOD_TOTAL, 1, 1, 0);
    cr_assert_str_eq(headers(), "", "no budget");
    end();
}

Test(budget_head, warns_clients_that_know_such_headers)
{
    static const struct {
        enum config_period period;
        int64_t limit, spent;
        const char *status, *utilization, *length;
    } rows[] = {
        { PERIOD_DAY, 100, 75, NULL, NULL, NULL },
        { PERIOD_DAY, 100, 76, "allowed_warning", "0.76", "daily" },
        { PERIOD_WEEK, 100, 99, "allowed_warning", "0.99", "weekly" },
        { PERIOD_MONTH, 100, 100, "allowed_warning", "0.99", "monthly" },
        { PERIOD_TOTAL, 1000, 809, "allowed_warning", "0.80", NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char want[300], left[40];
        begin(rows[i].period, rows[i].limit, 1000000, 2);
        req.face = &face_messages;
        spend(rows[i].spent);
        nano_write(rows[i].limit - rows[i].spent, 0, left);
        int n = snprintf(want, sizeof want, "x-gw-budget-remaining: %s\n", left);
        if (rows[i].status != NULL)
            snprintf(want + n, sizeof want - (size_t)n, UNIFIED "status: %s\n" UNIFIED "utilization: %s\n",
                     rows[i].status, rows[i].utilization);
        const char *got = headers();
        cr_assert_eq(strncmp(got, want, strlen(want)), 0, "%zu: %s", i, got);
        const char *rest = got + strlen(want);
        if (rows[i].length == NULL) {
            cr_assert_str_eq(rest, "");
        } else {
            int64_t ends_s = atoll(rest + strlen(UNIFIED "reset: ")), now_s = clock_unix_ms() / 1000;
            cr_assert_eq(strncmp(rest, UNIFIED "reset: ", strlen(UNIFIED "reset: ")), 0, "%s", rest);
            cr_assert(ends_s >= now_s && ends_s <= now_s + 32 * 86400, "%" PRId64, ends_s);
            snprintf(want, sizeof want, "\n" UNIFIED "overage-period: %s\n", rows[i].length);
            cr_assert_not_null(strstr(rest, want), "%s", rest);
        }
        req.face = &face_chat;
        snprintf(want, sizeof want, "x-gw-budget-remaining: %s\n", left);
        cr_assert_str_eq(headers(), want, "others know no such headers");
        end();
    }
}

Test(budget_head, names_the_budget_that_is_spent)
{
    begin(PERIOD_DAY, 100, 100, 0);
    req.spent = (struct budget_spent){ true, PERIOD_DAY, 1700000000 };
    cr_assert_str_eq(headers(), "");
    req.face = &face_messages;
    cr_assert_str_eq(headers(),
                     UNIFIED "status: rejected\n" UNIFIED "reset: 1700000000\n" UNIFIED "overage-period: daily\n");
    req.spent.period = PERIOD_TOTAL;
    cr_assert_str_eq(headers(), UNIFIED "status: rejected\n");
    req.spent.is = false;
    cr_assert_str_eq(headers(), "");
    end();
}

/* ---- what is spent, and what is in doubt ---- */

Test(spend_end, settles_doubts_or_frees)
{
    static struct worst strict = { .strict = true, .bound = { .choices = 1 } };
    static const struct {
        enum attempt_ending ending;
        enum usage_source source;
        bool strict, gone, draining;
        int64_t spent, doubt;
    } rows[] = {
        /* 100 are held, 60 are expected, 10 are counted */
        { ATTEMPT_SETTLED, USAGE_REPORTED, false, false, false, 10, 0 },
        { ATTEMPT_SETTLED, USAGE_ESTIMATED, false, false, false, 10, 0 },
        { ATTEMPT_SETTLED, USAGE_ESTIMATED, true, false, false, 10, 90 },
        { ATTEMPT_SETTLED, USAGE_REPORTED, true, false, false, 10, 0 },
        { ATTEMPT_DOUBT, USAGE_ESTIMATED, false, false, false, 10, 90 },
        { ATTEMPT_DOUBT, USAGE_ESTIMATED, false, true, false, 10, 0 },
        { ATTEMPT_DOUBT, USAGE_ESTIMATED, false, true, true, 10, 90 },
        { ATTEMPT_DOUBT, USAGE_ESTIMATED, true, true, false, 10, 90 },
        { ATTEMPT_FREE, USAGE_NONE, false, false, false, 0, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ledger_sums sums;
        begin(PERIOD_TOTAL, 1000, 1000, 1);
        hold(100, 60);
        ledger_read_sums(ledger, &sums);
        cr_assert_eq(sums.held, 100);
        attempt.worst = rows[i].strict ? &strict : NULL;
        attempt.ending = rows[i].ending;
        attempt.usage = (struct usage){ .source = rows[i].source, .input = 1 };
        attempt.price = (struct price){ .done = true, .known = true, .nano = 10, .entry = TEXT("e") };
        req.gone = rows[i].gone;
        atomic_store(&gateway.draining, rows[i].draining);
        spend_end(&attempt, true);
        ledger_read_sums(ledger, &sums);
        cr_assert_eq(sums.held, 0, "%zu", i);
        cr_assert_eq(sums.spent, rows[i].spent, "%zu: %lld", i, (long long)sums.spent);
        cr_assert_eq(sums.doubt, rows[i].doubt, "%zu: %lld", i, (long long)sums.doubt);
        cr_assert_null(attempt.hold);
        uint64_t records = sums.records;
        spend_end(&attempt, true);
        ledger_read_sums(ledger, &sums);
        cr_assert_eq(sums.records, records, "once");
        end();
    }
}

/* Its last attempt was never sent: the request is counted all the same, once. */
Test(spend_end, counts_a_request_whose_last_attempt_was_not_sent)
{
    struct attempt before = { .booked = BOOKED_HOLD };
    struct ledger_sums sums;
    begin(PERIOD_TOTAL, 1000, 1000, 1);
    attempt.previous = &before;
    ledger_read_sums(ledger, &sums);
    uint64_t records = sums.records;
    spend_end(&attempt, false);
    ledger_read_sums(ledger, &sums);
    cr_assert_eq(sums.records, records, "another one follows");
    spend_end(&attempt, true);
    ledger_read_sums(ledger, &sums);
    cr_assert_eq(sums.records, records + 1);
    before.booked = attempt.booked = BOOKED_NONE;
    spend_end(&attempt, true);
    ledger_read_sums(ledger, &sums);
    cr_assert_eq(sums.records, records + 1, "nothing was sent at all");
    attempt.mode = MODE_LOCAL; /* what costs nothing has a row without a hold */
    spend_end(&attempt, true);
    ledger_read_sums(ledger, &sums);
    cr_assert_eq(sums.records, records + 2);
    cr_assert_eq(sums.spent, 0);
    end();
}

/* What is expected of the next request: its input by the bytes of its body, its output by the choices, and all of a conversation. */
Test(spend_end, teaches_what_the_next_request_may_cost)
{
    static struct worst worst = { .bytes = 2000, .prefix = 77, .bound = { .choices = 2, .input = 1000 } };
    static const struct cost cost = { .known = true,
                                      .nano = 50,
                                      .line_count = 2,
                                      .lines = { { .unit = UNIT_INPUT, .nano = 40 },
                                                 { .unit = UNIT_OUTPUT, .nano = 10 } } };
    struct prefix prefix = { .whole = 1, .count = 1, .cuts = { { .hash = 77, .rest = 5 } } };
    struct estimate seen;
    begin(PERIOD_TOTAL, 1000000, 1000000, 1);
    gateway.estimates = estimates_new();
    for (int i = 0; i < 50; i++) {
        hold(100, 60);
        attempt.worst = &worst;
        attempt.ending = ATTEMPT_SETTLED;
        attempt.usage = (struct usage){ .source = USAGE_REPORTED, .input = 10, .output = 8 };
        attempt.price = (struct price){ .done = true, .known = true, .nano = 50, .entry = TEXT("e"), .cost = &cost };
        spend_end(&attempt, false);
        attempt.booked = BOOKED_NONE;
    }
    cr_assert(estimates_ask(gateway.estimates, target.model, TEXT_NONE, &seen));
    cr_assert(seen.input_per_kb >= 20 && seen.input_per_kb <= 25, "%" PRId64, seen.input_per_kb);
    cr_assert(seen.output >= 4 && seen.output <= 5, "%" PRId64, seen.output);
    int64_t most = estimates_prefix_bound(gateway.estimates, &prefix);
    cr_assert(most >= 15 && most < 1000, "%" PRId64, most);
    estimates_free(gateway.estimates);
    end();
}
