/* test_choose.c - which target and which secret an attempt gets, and what its end teaches of the target. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "flow/choose.h"
#include "flow/way.h"
#include "health/lane.h"
#include "script/script.h"

static struct request req;
static struct attempt attempt, before;
static struct route_target targets[2];
static struct config_secret secrets[] = { { .name = "a", .value = { "secret-a", 8 } },
                                          { .name = "b", .value = { "secret-b", 8 } } };
static struct config_provider provider;
static struct plugin plugin = { .name = "openai" };
static struct gateway gateway;
static struct worker worker;
static struct config config;

/* Two targets of one provider, known to health/; none was asked. */
static void begin(void)
{
    memset(&req, 0, sizeof req);
    memset(&attempt, 0, sizeof attempt);
    memset(&before, 0, sizeof before);
    memset(&gateway, 0, sizeof gateway);
    arena_init(&req.arena, NULL, 0, 1 << 20);
    provider = (struct config_provider){
        .name = TEXT("p"), .plugin = &plugin, .base_url = TEXT("http://up.test"), .secrets = secrets, .secret_count = 1
    };
    gateway.health = health_new(1);
    worker.gateway = &gateway;
    worker.chance = 1;
    req.worker = &worker;
    req.config = &config;
    req.face = &face_chat;
    req.operation = GW_OP_CHAT;
    req.ask.model = TEXT("m");
    req.targets = targets;
    req.target_count = 2;
    req.timeouts = config_default_timeouts;
    req.begun_ns = clock_ns();
    targets[0] = (struct route_target){ .provider = &provider, .model = TEXT("one"), .configured = true, .weight = 1 };
    targets[1] = (struct route_target){ .provider = &provider, .model = TEXT("two"), .configured = true, .weight = 1 };
    attempt.req = before.req = &req;
    attempt.retry_after_s = -1;
}

static void end(void)
{
    health_free(gateway.health);
    arena_fini(&req.arena);
}

static struct ejection *row_of(size_t i)
{
    return health_target(gateway.health, provider.name, provider.base_url, targets[i].model, true);
}

/* As many failures in a row as eject it, that long ago. */
static void eject(size_t i, int64_t ago_ns)
{
    int64_t then = clock_ns() - ago_ns;
    for (unsigned k = 0; k < EJECTION_IN_A_ROW; k++) {
        struct ejection_ticket ticket = { .row = NULL };
        ejection_begin(row_of(i), false, then, &ticket);
        ejection_result(&ticket, EJECTION_BAD, then);
        ejection_end(&ticket, then);
    }
}

Test(choose, passes_over_what_is_ejected)
{
    struct script_target seen = { .in_flight = 9 };
    begin();
    choose_look(&req, 0, &seen);
    cr_assert_not(seen.ejected);
    cr_assert_eq(seen.in_flight, 0u);
    cr_assert_eq(choose_target(&req), NEXT);
    cr_assert(text_is(req.targets[0].model, "one"));
    cr_assert_not(req.targets[0].fallback);
    eject(0, 0);
    choose_look(&req, 0, &seen);
    cr_assert(seen.ejected);
    choose_look(&req, 1, &seen);
    cr_assert_not(seen.ejected);
    cr_assert_eq(choose_target(&req), NEXT);
    cr_assert(text_is(req.targets[0].model, "two"));
    cr_assert(req.targets[0].fallback, "the first is not usable");
    end();
}

/* One that is to be tried once after its ejection is tried where its turn is, and not before those that stand before it. */
Test(choose, tries_again_only_what_is_next)
{
    begin();
    eject(1, 2 * EJECTION_FIRST_NS);
    cr_assert_eq(ejection_asks(row_of(1), clock_ns()), EJECTION_PROBE);
    cr_assert_eq(choose_target(&req), NEXT);
    cr_assert(text_is(req.targets[0].model, "one"));
    end();
    begin();
    eject(0, 2 * EJECTION_FIRST_NS);
    cr_assert_eq(choose_target(&req), NEXT);
    cr_assert(text_is(req.targets[0].model, "one"));
    cr_assert_str_eq(req.targets[0].chosen, "probe");
    end();
}

Test(choose, sends_a_part_where_nothing_is_usable)
{
    enum next next = NEXT;
    begin();
    eject(0, 0);
    eject(1, 0);
    cr_assert_eq(choose_target(&req), NEXT, "the first one is sent");
    cr_assert_str_eq(req.targets[0].chosen, "outage");
    for (int i = 0; i < 1000 && next == NEXT; i++)
        next = choose_target(&req);
    cr_assert_eq(next, FAIL);
    cr_assert_str_eq(
        req.fail.text,
        "every provider of the model \"m\" fails at the moment: nothing was sent, come again in a few seconds");
    cr_assert_eq(req.fail.status, 503);
    cr_assert(req.fail.retry_after_s >= 3 && req.fail.retry_after_s <= 8, "%d", req.fail.retry_after_s);
    end();
}

/* Each conversation keeps to one of them, and all of them are used. */
Test(choose, gives_a_conversation_one_of_the_secrets)
{
    unsigned used[2] = { 0 };
    for (int i = 0; i < 40; i++) {
        char session[20];
        int first = -1;
        begin();
        provider.secret_count = 2;
        snprintf(session, sizeof session, "session %d", i);
        req.whose.session = text_of(session);
        req.target_next = 1;
        for (int again = 0; again < 2; again++) {
            memset(&attempt, 0, sizeof attempt);
            attempt.req = &req;
            req.secret_turn = (unsigned)again; /* it does not take turns */
            attempt.started_ns = clock_ns();
            choose_begin(&attempt);
            cr_assert(again == 0 || attempt.secret == first, "%d", i);
            first = attempt.secret;
            choose_end(&attempt);
        }
        used[first]++;
        end();
    }
    cr_assert(used[0] >= 8 && used[1] >= 8, "%u %u", used[0], used[1]);
}

/* A request that comes here after a failure elsewhere costs the target one of those that it may get in a row. */
Test(choose, counts_what_comes_after_a_failure)
{
    begin();
    struct ejection *row = row_of(0);
    double full = row->bucket;
    req.target_next = 1;
    attempt.started_ns = clock_ns();
    choose_begin(&attempt);
    cr_assert(row->bucket > full - .5, "it is its first");
    cr_assert_eq(ejection_in_flight(row), 1u);
    choose_end(&attempt);
    cr_assert_eq(ejection_in_flight(row), 0u);
    before.target = &targets[1];
    attempt.previous = &before;
    req.attempts_made = 1;
    choose_begin(&attempt);
    cr_assert(row->bucket < full - .5, "%f of %f", row->bucket, full);
    choose_end(&attempt);
    end();
}

Test(choose, begins_at_the_limit_of_its_secret)
{
    begin();
    int64_t now = clock_ns();
    struct lane *lane =
        health_lane(gateway.health, provider.name, provider.base_url, targets[0].model, secrets[0].value, true);
    cr_assert_not_null(lane);
    req.target_next = 1;
    attempt.started_ns = now;
    choose_begin(&attempt);
    cr_assert_eq(attempt.lane, lane);
    cr_assert_null(attempt.account, "it has one secret alone");
    choose_end(&attempt);
    cr_assert_null(attempt.lane);
    end();
}

/* What says nothing of the target does not eject it, however often it comes. */
Test(choose, learns_from_failures_of_the_target_alone)
{
    static const struct {
        enum outcome outcome;
        enum transfer_failure failure;
        enum attempt_wire wire;
        bool in_a_hurry; /* the client's own deadline */
        bool ejects;
    } rows[] = {
        { OUTCOME_TRANSFER, TRANSFER_CONNECT, WIRE_UNSENT, false, true },
        { OUTCOME_TRANSFER, TRANSFER_RESET, WIRE_OVER, false, true },
        { OUTCOME_TRANSFER, TRANSFER_SEND, WIRE_OVER, false, true },
        { OUTCOME_TRANSFER, TRANSFER_SEND, WIRE_UNSENT, false, false }, /* what was to be sent is malformed */
        { OUTCOME_TRANSFER, TRANSFER_TOO_LARGE, WIRE_OVER, false, false },
        { OUTCOME_TRANSFER, TRANSFER_TIME_TOTAL, WIRE_OVER, false, true },
        { OUTCOME_TRANSFER, TRANSFER_TIME_TOTAL, WIRE_OVER, true, false },
        { OUTCOME_TRANSFER, TRANSFER_TIME_FIRST, WIRE_OVER, true, true },
        { OUTCOME_JUNK, TRANSFER_OK, WIRE_OVER, false, true },
        { OUTCOME_CANCELLED, TRANSFER_OK, WIRE_OVER, false, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        req.client_timeout_ns = rows[i].in_a_hurry ? CLOCK_S : 0;
        req.target_next = 1;
        for (unsigned k = 0; k < EJECTION_IN_A_ROW; k++) {
            memset(&attempt, 0, sizeof attempt);
            attempt.req = &req;
            attempt.retry_after_s = -1;
            attempt.started_ns = clock_ns();
            choose_begin(&attempt);
            attempt.outcome = rows[i].outcome;
            attempt.failure = rows[i].failure;
            attempt.wire = rows[i].wire;
            choose_report(&attempt, false);
            choose_end(&attempt);
        }
        cr_assert_eq(ejection_asks(row_of(0), clock_ns()) == EJECTION_NO, rows[i].ejects, "%zu", i);
        end();
    }
}

Test(choose, shows_policies_how_long_a_secret_cools)
{
    struct script_target seen = { .cooling_ms = 0 };
    begin();
    choose_look(&req, 0, &seen);
    cr_assert_eq(seen.cooling_ms, 0);
    int64_t now = clock_ns();
    lane_cool(health_lane(gateway.health, provider.name, provider.base_url, targets[0].model, secrets[0].value, true),
              600 * CLOCK_S, now, now);
    choose_look(&req, 0, &seen);
    cr_assert(seen.cooling_ms > 1000, "%lld", (long long)seen.cooling_ms); /* how long is the lane's */
    end();
}

/* A request that has failed once takes of what a target allows for such. */
Test(choose, asks_no_other_target_that_cannot_afford_it)
{
    begin();
    req.target_next = 1;
    req.attempt = &before;
    before.target = &targets[0];
    req.attempts_made = 1;
    req.attempts_max = 2;
    cr_assert(choose_has_another(&req, true));
    row_of(1)->bucket = 0;
    cr_assert_not(choose_has_another(&req, true));
    end();
}

/* A target that no model names is known at once where the operator bounds it. */
Test(choose, knows_a_target_of_its_provider_that_has_a_bound)
{
    for (unsigned most = 0; most < 2; most++) {
        struct script_target seen = { .in_flight = 9 };
        begin();
        targets[0].configured = false;
        targets[0].max_in_flight = most;
        choose_look(&req, 0, &seen);
        cr_assert_eq(targets[0].health != NULL, most == 1);
        end();
    }
}
