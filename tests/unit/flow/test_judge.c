/* test_judge.c - what a failed attempt leads to: the next secret, the next target, or an error; and what it is counted to have used. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "flow/metrics.h"
#include "flow/way.h"

static struct request req;
static struct attempt attempt, before;
static struct route_target targets[2];
static struct config_provider providers[2];
static struct config_secret secrets[2];
static struct plugin plugin;
static struct config config;
static struct gateway gateway;
static struct worker worker;

/* The first of two targets was asked, at most three attempts are made. */
static void begin(int status)
{
    memset(&req, 0, sizeof req);
    memset(&attempt, 0, sizeof attempt);
    memset(&before, 0, sizeof before);
    memset(&gateway, 0, sizeof gateway);
    arena_init(&req.arena, NULL, 0, 1 << 20);
    buf_init(&req.body, 1000);
    plugin.name = "openai";
    for (size_t i = 0; i < 2; i++) {
        providers[i] = (struct config_provider){
            .name = i == 0 ? TEXT("one") : TEXT("two"), .plugin = &plugin, .secrets = secrets, .secret_count = 1
        };
        targets[i] = (struct route_target){ .provider = &providers[i], .model = TEXT("m") };
    }
    gateway.metrics = metrics_new(1);
    worker.gateway = &gateway;
    req.worker = &worker;
    req.config = &config;
    req.face = &face_chat;
    req.operation = GW_OP_CHAT;
    req.way = &way_main;
    req.targets = targets;
    req.target_count = 2;
    req.target_next = 1;
    req.attempts_made = 1;
    req.attempts_max = 3;
    req.begun_ns = clock_ns();
    req.timeouts = config_default_timeouts;
    req.attempt = &attempt;
    attempt.req = &req;
    attempt.target = &targets[0];
    attempt.status = status;
    attempt.retry_after_s = -1;
    attempt.should_retry = -1;
    attempt.wire = WIRE_OVER;
}

static void end(void)
{
    buf_free(&req.body);
    metrics_free(gateway.metrics);
    arena_fini(&req.arena);
}

static bool counted(const char *line)
{
    struct metrics_gauges gauges = { .version = "t" };
    struct buf out;
    buf_init(&out, 1 << 20);
    metrics_write(gateway.metrics, &gauges, &out);
    bool found = text_find(buf_view(&out), text_of(line)) >= 0;
    buf_free(&out);
    return found;
}

Test(judge, goes_to_the_next_target_or_gives_up)
{
    static const struct {
        int status;
        size_t next;
        unsigned made;
        enum next result;
        int to_client;
    } rows[] = {
        { 500, 1, 1, NEXT, 0 }, { 500, 2, 1, FAIL, 502 }, { 500, 1, 3, FAIL, 502 }, { 400, 1, 1, FAIL, 400 },
        { 404, 1, 1, NEXT, 0 }, { 404, 2, 1, FAIL, 404 }, { 405, 1, 1, FAIL, 405 }, { 501, 2, 1, FAIL, 502 },
        { 429, 1, 2, NEXT, 0 }, { 429, 2, 2, FAIL, 429 }, { 401, 1, 1, NEXT, 0 },   { 401, 2, 1, FAIL, 502 },
    };
    char line[100];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].status);
        req.target_next = rows[i].next;
        req.attempts_made = rows[i].made;
        cr_assert_eq(attempt_judge(&req), rows[i].result, "%zu", i);
        cr_assert_eq(req.target_next, rows[i].next);
        cr_assert_eq(req.attempts_max, 3u);
        snprintf(line, sizeof line, "gw_upstream_requests_total{provider=\"one\",outcome=\"status_%d\"} 1\n",
                 rows[i].status);
        cr_assert(counted(line), "%s", line);
        snprintf(line, sizeof line, "gw_fallbacks_total{from=\"one\",to=\"two\",reason=\"status_%d\"} 1\n",
                 rows[i].status);
        cr_assert_eq(counted(line), rows[i].result == NEXT, "%s", line);
        if (rows[i].result == FAIL)
            cr_assert_eq(req.fail.status, rows[i].to_client, "%zu: %d", i, req.fail.status);
        cr_assert_eq(attempt.ending, ATTEMPT_FREE);
        cr_assert_eq(attempt.price.done, rows[i].result == NEXT,
                     "what is the last one is priced and booked with the request");
        end();
    }
}

Test(judge, goes_to_the_next_secret_where_it_is_about_the_secret)
{
    static const struct {
        int status;
        bool next_secret;
    } rows[] = { { 401, true }, { 403, true }, { 429, true }, { 500, false }, { 503, false } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].status);
        providers[0].secret_count = 2;
        cr_assert_eq(attempt_judge(&req), NEXT);
        cr_assert_eq(req.secret_tries, rows[i].next_secret ? 1u : 0u, "%d", rows[i].status);
        cr_assert_eq(req.target_next, rows[i].next_secret ? 0u : 1u);
        cr_assert_eq(req.attempts_max, rows[i].next_secret ? 4u : 3u, "it is no attempt more");
        end();
    }
    begin(401);
    providers[0].secret_count = 2;
    req.secret_tries = 100;
    cr_assert_eq(attempt_judge(&req), NEXT);
    cr_assert_eq(req.target_next, 1u, "enough of them were refused");
    cr_assert_eq(req.secret_tries, 0u);
    end();
}

Test(judge, has_nothing_to_judge_where_something_was_answered)
{
    begin(200);
    attempt.spoke_ns = 1;
    attempt.state = ATTEMPT_SPEAKING;
    cr_assert_eq(attempt_judge(&req), NEXT);
    cr_assert_eq(attempt.ending, ATTEMPT_OPEN);
    end();
    begin(200);
    cr_assert_eq(attempt_judge(&req), NEXT, "nothing that is an answer: the next target");
    cr_assert_eq(attempt.outcome, OUTCOME_JUNK);
    end();
}

/* Token counts are asked for on every turn: where there is no such path they are estimated. */
Test(judge, estimates_tokens_where_nobody_counts)
{
    static const struct {
        int status;
        bool estimates;
    } rows[] = { { 404, true }, { 405, true }, { 501, true }, { 400, false }, { 406, false }, { 500, false } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].status);
        buf_init(&req.body_out, 1000);
        req.face = &face_count_tokens;
        req.operation = GW_OP_COUNT_TOKENS;
        req.answer.arena = &req.arena;
        req.answer.ask = &req.ask;
        req.target_next = 2;
        enum next next = attempt_judge(&req);
        cr_assert_eq(next != FAIL, rows[i].estimates, "%d", rows[i].status);
        cr_assert_eq(req.body_note != NULL, rows[i].estimates, "%d", rows[i].status);
        if (rows[i].estimates) {
            cr_assert_str_eq(req.body_note->name, "x-gw-estimated");
            cr_assert_str_eq(req.body_note->value, "true");
            cr_assert(text_is(buf_view(&req.body_out), "{\"input_tokens\":1}"), "%.*s",
                      TEXT_ARG(buf_view(&req.body_out)));
        }
        buf_free(&req.body_out);
        end();
    }
}

Test(judge, estimates_nothing_of_another_operation)
{
    for (unsigned bit = 0; bit < 16; bit++) {
        if (1u << bit == GW_OP_COUNT_TOKENS)
            continue;
        begin(404);
        req.operation = 1u << bit;
        req.target_next = 2;
        cr_assert_eq(attempt_judge(&req), FAIL, "%u", bit);
        cr_assert_null(req.body_note, "%u", bit);
        end();
    }
}

/* What broke may go well a moment later: the last target is asked once more, where nothing speaks against it. */
Test(judge, asks_the_last_target_once_more)
{
    static const struct {
        enum transfer_failure failure;
        int status;
        enum request_again again;
        bool more;
    } rows[] = {
        { TRANSFER_CONNECT, 0, AGAIN_NOT, true },  { TRANSFER_SEND, 0, AGAIN_NOT, true },
        { TRANSFER_RESET, 0, AGAIN_NOT, true },    { TRANSFER_CUT, 200, AGAIN_NOT, true },
        { TRANSFER_CONNECT, 0, AGAIN_WAS, false }, { TRANSFER_TIME_IDLE, 0, AGAIN_NOT, false },
        { TRANSFER_OK, 500, AGAIN_NOT, true },     { TRANSFER_OK, 501, AGAIN_NOT, false },
        { TRANSFER_OK, 504, AGAIN_NOT, false },    { TRANSFER_OK, 400, AGAIN_NOT, false },
        { TRANSFER_OK, 508, AGAIN_NOT, false },    { TRANSFER_OK, 520, AGAIN_NOT, true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].status);
        struct ejection health;
        ejection_init(&health, 1);
        targets[0].health = &health;
        targets[0].looked_up = true;
        req.target_count = 1;
        attempt.failure = rows[i].failure;
        req.again = rows[i].again;
        cr_assert_eq(attempt_judge(&req), rows[i].more ? NEXT : FAIL, "%zu", i);
        cr_assert_eq(req.again == AGAIN_NEXT, rows[i].more, "%zu", i);
        cr_assert_eq(req.target_next, rows[i].more ? 0u : 1u, "%zu", i);
        ejection_fini(&health);
        end();
    }
}

/* A target that fails gets no more requests; what the cache answered says nothing of it. */
Test(judge, learns_of_the_target)
{
    struct ejection health;
    ejection_init(&health, 1);
    for (unsigned i = 0; i < EJECTION_IN_A_ROW; i++) {
        begin(500);
        targets[0].health = &health;
        targets[0].looked_up = true;
        ejection_begin(&health, false, clock_ns(), &attempt.ticket);
        cr_assert_neq(ejection_asks(&health, clock_ns()), EJECTION_NO, "%u", i);
        attempt_judge(&req);
        ejection_end(&attempt.ticket, clock_ns());
        end();
    }
    cr_assert_eq(ejection_asks(&health, clock_ns()), EJECTION_NO);
    ejection_fini(&health);
}

/* Several were tried: which of them lets the client come again, and when. */
Test(judge, joins_what_several_say)
{
    static const struct {
        int status, should_retry, after; /* of the one before */
        int own_retry, own_after;        /* of the last one, which is 429 */
        int retry, retry_after;
    } rows[] = {
        { 429, 1, 5, -1, 9, 1, 5 }, { 429, 1, 9, -1, 5, 1, 5 }, { 429, 1, 0, -1, 5, 1, 5 }, { 429, 1, 5, -1, -1, 1, 5 },
        { 429, 0, 5, -1, 9, 1, 9 }, { 429, 1, 5, 0, 9, 1, 5 },  { 503, 1, 5, -1, 9, 1, 9 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(429);
        before.req = &req;
        before.target = &targets[1];
        before.error = (struct fail){ .status = rows[i].status,
                                      .should_retry = (int8_t)rows[i].should_retry,
                                      .retry_after_s = rows[i].after };
        attempt.previous = &before;
        attempt.should_retry = (int8_t)rows[i].own_retry;
        attempt.retry_after_s = rows[i].own_after;
        req.target_next = 2;
        cr_assert_eq(attempt_judge(&req), FAIL);
        cr_assert_eq(req.fail.should_retry, rows[i].retry, "%zu", i);
        cr_assert_eq(req.fail.retry_after_s, rows[i].retry_after, "%zu: %d", i, req.fail.retry_after_s);
        end();
    }
    for (unsigned made = 1; made <= 2; made++) {
        begin(500);
        req.target_next = 2;
        req.attempts_made = made;
        cr_assert_eq(attempt_judge(&req), FAIL);
        cr_assert_eq(req.fail.should_retry, made == 1, "the client's own retry would only repeat it");
        end();
    }
}

/* ---- what was used, where nobody reports it ---- */

Test(judge, counts_no_more_than_was_allowed)
{
    static const struct {
        int64_t clamped;
        enum outcome outcome;
        const char *unbounded;
        int64_t output;
    } rows[] = {
        { 0, OUTCOME_OK, NULL, 100 },
        { 10, OUTCOME_OK, NULL, 2 * 10 + 5 },
        { 10, OUTCOME_GUARDED, NULL, 1000 },
        { 10, OUTCOME_OK, "audio", 1000 },
        { 10, OUTCOME_NO_MEMORY, NULL, 2 * 10 + 5 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct worst worst = {
            .bound = { .input = 7, .output = 100, .choices = 2, .prediction = 5, .unbounded = rows[i].unbounded }
        };
        begin(200);
        attempt.worst = &worst;
        attempt.clamped = rows[i].clamped;
        attempt.outcome = rows[i].outcome;
        attempt.form = FORM_FRAMES;
        attempt.spoke_ns = 1;
        attempt.frames = 5;
        attempt.spoken = 3000;
        req.bytes_in = 1000;
        usage_end(&attempt);
        cr_assert_eq(attempt.usage.source, USAGE_COUNTED);
        cr_assert_eq(attempt.usage.output, rows[i].output, "%zu: %lld", i, (long long)attempt.usage.output);
        cr_assert_eq(attempt.usage.input == 7, i < 2 || i == 4, "%zu", i);
        end();
    }
}

Test(judge, begins_no_other_attempt_with_less_than_two_seconds_left)
{
    for (int left_s = 1; left_s <= 3; left_s += 2) {
        begin(500);
        req.begun_ns = clock_ns() - req.timeouts.total_ns + left_s * CLOCK_S;
        cr_assert_eq(attempt_judge(&req), left_s == 1 ? FAIL : NEXT);
        end();
    }
}
