/* test_spend.c - refusals by a budget in their words, and what of a request the ledger is given. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "flow/spend.h"
#include "flow/way.h"
#include "money/ledger.h"
#include "money/nano.h"

static struct request req;
static struct attempt attempt;
static struct route_target target;
static struct config_provider provider;
static struct plugin plugin;
static struct config_team team;
static struct gateway gateway;
static struct worker worker;
static struct config config;

static void begin(void)
{
    memset(&req, 0, sizeof req);
    memset(&attempt, 0, sizeof attempt);
    memset(&gateway, 0, sizeof gateway);
    arena_init(&req.arena, NULL, 0, 1 << 20);
    plugin.name = "openai";
    provider = (struct config_provider){ .name = TEXT("p"), .plugin = &plugin };
    target = (struct route_target){ .provider = &provider, .model = TEXT("up") };
    team.name = TEXT("t");
    worker.gateway = &gateway;
    req.worker = &worker;
    req.config = &config;
    req.face = &face_chat;
    req.operation = GW_OP_CHAT;
    req.team = &team;
    attempt.req = &req;
    attempt.target = &target;
    snprintf(req.id, sizeof req.id, "id-1");
}

static void end(void)
{
    arena_fini(&req.arena);
}

Test(spend, refuses_in_the_words_of_each_account)
{
    static const struct {
        enum account_kind kind;
        enum config_period period;
        const char *of;
    } rows[] = {
        { ACCOUNT_ALL, PERIOD_DAY, "of this gateway per day" },
        { ACCOUNT_TEAM, PERIOD_WEEK, "of the team \"x\" per week" },
        { ACCOUNT_KEY, PERIOD_MONTH, "of the key \"x\" per month" },
        { ACCOUNT_PROJECT, PERIOD_TOTAL, "of the project \"x\" in total" },
        { ACCOUNT_TAG, PERIOD_DAY, "of the tag \"x\" per day" },
        { ACCOUNT_MODEL, PERIOD_DAY, "of the model \"x\" per day" },
        { ACCOUNT_PROVIDER, PERIOD_DAY, "of the provider \"x\" per day" },
        { ACCOUNT_USER, PERIOD_DAY, "of this end user per day" },
        { ACCOUNT_SESSION, PERIOD_DAY, "of this session per day" },
        { ACCOUNT_KEY_SESSION, PERIOD_TOTAL, "of this session in total" },
    };
    char text[300];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ledger_refusal refusal = { .kind = rows[i].kind,
                                          .period = rows[i].period,
                                          .id = "x",
                                          .left = 1234567890,
                                          .hard = 5,
                                          .after = 7,
                                          .ends_s = 1700000000 };
        begin();
        refusal.answer = ACCOUNT_WAIT;
        spend_refuse(&req, &refusal);
        snprintf(
            text, sizeof text,
            "The budget %s has room for this request when those in flight are over (1.23456789 USD are left). Try again in a few seconds",
            rows[i].of);
        cr_assert_str_eq(req.fail.text, text);
        cr_assert_str_eq(req.fail.code, "budget_in_flight");
        cr_assert_eq(req.fail.retry_after_s, 2);
        refusal.answer = ACCOUNT_TOO_LARGE;
        spend_refuse(&req, &refusal);
        snprintf(
            text, sizeof text,
            "The budget %s has 1.23456789 USD left, and this request may cost more. Send less, or a lower limit of output tokens",
            rows[i].of);
        cr_assert_str_eq(req.fail.text, text);
        cr_assert_str_eq(req.fail.code, "request_exceeds_budget");
        cr_assert_not(req.spent.is);
        refusal.answer = ACCOUNT_SPENT;
        spend_refuse(&req, &refusal);
        snprintf(text, sizeof text,
                 "The budget %s is spent. It begins anew at 2023-11-14T22:13:20Z; the operator can raise it",
                 rows[i].of);
        cr_assert_str_eq(req.fail.text, text);
        cr_assert_str_eq(req.fail.code, "project_spend_limit_exceeded");
        cr_assert(req.spent.is);
        cr_assert_eq(req.spent.period, rows[i].period);
        cr_assert_eq(req.spent.ends_s, 1700000000);
        refusal.ends_s = INT64_MAX;
        spend_refuse(&req, &refusal);
        snprintf(text, sizeof text, "The budget %s is spent. It does not begin anew. Ask the operator to raise it",
                 rows[i].of);
        cr_assert_str_eq(req.fail.text, text);
        cr_assert_str_eq(req.refusal.of, rows[i].of);
        cr_assert_eq(req.refusal.hard, 5);
        cr_assert_eq(req.refusal.left, 1234567890);
        cr_assert_eq(req.refusal.after, 7u);
        end();
    }
}

/* Only clients that come again by themselves are asked to wait for the next period. */
Test(spend, lets_clients_wait_for_the_next_period)
{
    struct ledger_refusal refusal = { .answer = ACCOUNT_SPENT, .period = PERIOD_DAY };
    int64_t now_s = clock_unix_ms() / 1000;
    begin();
    refusal.ends_s = now_s + 1000;
    spend_refuse(&req, &refusal);
    cr_assert_eq(req.fail.retry_after_s, 0);
    req.face = &face_messages;
    spend_refuse(&req, &refusal);
    cr_assert(req.fail.retry_after_s >= 990 && req.fail.retry_after_s <= 1000, "%d", req.fail.retry_after_s);
    for (int64_t before = 0; before != clock_unix_ms() / 1000;) { /* again where a second has passed meanwhile */
        before = clock_unix_ms() / 1000;
        req.fail.retry_after_s = 0;
        refusal.ends_s = before + 1;
        spend_refuse(&req, &refusal);
    }
    cr_assert_eq(req.fail.retry_after_s, 1, "the last second");
    refusal.ends_s = now_s - 5;
    spend_refuse(&req, &refusal);
    cr_assert_eq(req.fail.retry_after_s, 0);
    refusal.ends_s = now_s + INT64_C(10) * INT32_MAX;
    spend_refuse(&req, &refusal);
    cr_assert_eq(req.fail.retry_after_s, INT32_MAX);
    refusal.ends_s = INT64_MAX;
    spend_refuse(&req, &refusal);
    cr_assert_eq(req.fail.retry_after_s, 0, "it never begins anew");
    end();
}

Test(spend, describes_a_request_for_the_ledger)
{
    static const struct config_key key = { .name = { "k", 1 } };
    struct record record = { .type = RECORD_NONE };
    begin();
    req.whose = (struct whose){
        .project = TEXT("pr"), .tags = TEXT("a=1"), .user = TEXT("u"), .session = TEXT("s"), .client = "curl"
    };
    req.ask.model = TEXT("m");
    req.admitted_ms = 1700000000123;
    spend_describe(&attempt, &record);
    cr_assert(text_is(record.request, "id-1"));
    cr_assert(text_is(record.team, "t"));
    cr_assert_eq(record.key.len, 0u);
    cr_assert(text_is(record.project, "pr"));
    cr_assert(text_is(record.tags, "a=1"));
    cr_assert(text_is(record.user, "u"));
    cr_assert(text_is(record.session, "s"));
    cr_assert(text_is(record.client, "curl"));
    cr_assert(text_is(record.face, "chat"));
    cr_assert(text_is(record.model, "m"));
    cr_assert(text_is(record.provider, "p"));
    cr_assert(text_is(record.upstream_model, "up"));
    cr_assert_eq(record.admitted_ms, 1700000000123);
    req.key = &key;
    spend_describe(&attempt, &record);
    cr_assert(text_is(record.key, "k"));
    cr_assert_eq(spend_charge(&attempt), LEDGER_UNCHARGED, "there is no ledger");
    end();
}

Test(spend, refuses_what_it_cannot_write_down)
{
    begin();
    cr_assert_eq(spend_cannot(&req, "the disk is full"), FAIL);
    cr_assert_str_eq(req.fail.text,
                     "The gateway cannot write down what this request costs. Try again later, and tell the operator");
    cr_assert_eq(req.fail.status, 503);
    end();
}

/* With a ledger that is never asked: it is only looked whether there is one. */
Test(spend, prepares_what_is_held)
{
    struct spend_hold hold;
    struct worst worst = { .bound = { .limit = 50, .choices = 1 } };
    begin();
    cr_assert_eq(spend_prepare(&attempt, &hold), 0, "there is no ledger");
    gateway.ledger = (struct ledger *)(void *)&worst;
    attempt.mode = MODE_LOCAL;
    cr_assert_eq(spend_prepare(&attempt, &hold), 0, "what costs nothing");
    attempt.mode = MODE_RELAY;
    req.attempts_made = 2;
    cr_assert_eq(spend_prepare(&attempt, &hold), 1, "no budget asks for its price");
    cr_assert_eq(hold.record.attempt, 2u);
    cr_assert_eq(hold.record.output_limit, 0u);
    cr_assert(text_is(hold.record.upstream_model, "up"));
    attempt.worst = &worst;
    cr_assert_eq(spend_prepare(&attempt, &hold), -1);
    cr_assert_str_eq(
        req.fail.text,
        "The model \"up\" of the provider \"p\" has no price, so it cannot be charged to a budget. The operator can give it one: price = { ... } (llm-gateway prices show)");
    cr_assert_str_eq(req.fail.code, "model_not_priced");
    cr_assert_eq(hold.record.output_limit, 50u);
    req.operation = GW_OP_COUNT_TOKENS;
    attempt.send.replay = true;
    cr_assert_eq(spend_prepare(&attempt, &hold), 1, "a count of tokens needs none");
    cr_assert(attempt.send.replay);
    worst.strict = true;
    worst.no_most = "audio";
    cr_assert_eq(spend_prepare(&attempt, &hold), 1, "what costs nothing is bounded");
    cr_assert_not(attempt.send.replay, "what is sent twice may be charged twice");
    end();
}
