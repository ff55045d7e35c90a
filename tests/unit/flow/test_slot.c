/* test_slot.c - targets that have a limit of requests in flight: who gets a slot, who waits for one, and that it comes back at every end. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "fake_transfer.h"
#include "fixture.h"
#include "flow/way.h"
#include "health/queue.h"

#define PLAIN "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define STREAM "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define ANSWER                                                                                                         \
    "{\"id\":\"a\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","      \
    "\"content\":\"hi\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}"
#define WORD "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n"

static const char *const openai[] = { "openai", "openai" };

static struct slots *slots_at(struct fixture *f, size_t i)
{
    const struct config_target *t = &f->config->models->targets[i];
    return &health_target(f->gateway.health, t->provider->name, t->provider->base_url, t->model, true)->slots;
}

/* Each target has as many slots as `most` has; 0: no limit. */
static void begin(struct fixture *f, size_t count, const unsigned *most)
{
    fixture_open_upstream(f, openai, count);
    f->gateway.health = health_new(1);
    f->config->limits_targets = true;
    for (size_t i = 0; i < count; i++)
        f->config->models->targets[i].max_in_flight = most[i];
}

static void fill(struct fixture *f, size_t i, unsigned most)
{
    while (slots_take(slots_at(f, i), most, SLOTS_NORMAL, clock_ns()))
        ;
}

static void free_one(struct fixture *f, size_t i)
{
    slots_give(slots_at(f, i), SLOTS_NORMAL, clock_ns());
}

static void end(struct fixture *f)
{
    fixture_close(f);
    health_free(f->gateway.health);
}

static bool waits(const struct request *req)
{
    return req->wait.kind != NULL && strcmp(req->wait.kind->name, "slot") == 0;
}

static int queued(struct fixture *f)
{
    return queue_waiting(health_queue(f->gateway.health, TEXT("m")));
}

Test(slot, is_taken_and_given_back_with_the_answer)
{
    struct fixture f;
    begin(&f, 1, (const unsigned[]){ 2 });
    struct request *req = fixture_begin(&f, PLAIN);
    cr_assert(fake_runs());
    cr_assert_eq(slots_in_flight(slots_at(&f, 0)), 1u);
    fake_answer(200, "application/json", TEXT(ANSWER), 1000);
    fixture_settle(&f);
    cr_assert_eq(f.status, 200);
    cr_assert_eq(slots_in_flight(slots_at(&f, 0)), 0u);
    cr_assert_eq(queued(&f), -1);
    request_end(req);
    end(&f);
}

Test(slot, goes_back_when_the_upstream_is_over_though_the_client_still_reads)
{
    struct fixture f;
    begin(&f, 1, (const unsigned[]){ 1 });
    struct request *req = fixture_begin(&f, STREAM);
    f.waiting = 1 << 20; /* the client takes nothing */
    fake_head(200, "text/event-stream");
    fake_body(TEXT(WORD));
    cr_assert(f.begun);
    cr_assert_eq(slots_in_flight(slots_at(&f, 0)), 1u);
    fake_body(TEXT("data: [DONE]\n\n"));
    fake_done(TRANSFER_OK);
    cr_assert_eq(slots_in_flight(slots_at(&f, 0)), 0u);
    request_client_gone(req);
    fixture_settle(&f);
    request_end(req);
    end(&f);
}

Test(slot, a_full_target_is_passed_over)
{
    for (enum config_strategy s = STRATEGY_ORDER; s < STRATEGIES; s++) {
        struct fixture f;
        begin(&f, 2, (const unsigned[]){ 3, 0 });
        f.config->models->strategy = s;
        f.config->models->targets[0].weight = f.config->models->targets[1].weight = 1;
        fill(&f, 0, 3);
        struct request *req = fixture_begin(&f, PLAIN);
        cr_assert(fake_runs());
        cr_assert_str_eq(req->attempt->target->provider->name.ptr, "p1", "%s", config_strategy_name(s));
        fake_answer(200, "application/json", TEXT(ANSWER), 1000);
        fixture_settle(&f);
        request_end(req);
        cr_assert_eq(slots_in_flight(slots_at(&f, 0)), 3u);
        end(&f);
    }
}

Test(slot, where_all_are_full_the_request_waits_for_any)
{
    for (size_t freed = 0; freed < 2; freed++) {
        struct fixture f;
        begin(&f, 2, (const unsigned[]){ 3, 4 });
        fill(&f, 0, 3);
        fill(&f, 1, 4);
        struct request *req = fixture_begin(&f, PLAIN);
        cr_assert(waits(req));
        cr_assert_eq(queued(&f), 1);
        fixture_settle(&f);
        cr_assert(waits(req));
        free_one(&f, freed);
        cr_assert_eq(slots_in_flight(slots_at(&f, freed)), freed == 0 ? 3u : 4u, "nobody else can take it");
        fixture_settle(&f);
        cr_assert(fake_runs());
        cr_assert_str_eq(req->attempt->target->provider->name.ptr, freed == 0 ? "p0" : "p1");
        cr_assert_str_eq(req->attempt->chosen, "queue");
        cr_assert_gt(req->queued_ns, 0);
        fake_answer(200, "application/json", TEXT(ANSWER), 1000);
        fixture_settle(&f);
        cr_assert_eq(f.status, 200);
        cr_assert_eq(slots_in_flight(slots_at(&f, freed)), freed == 0 ? 2u : 3u);
        cr_assert_eq(queued(&f), 0);
        request_end(req);
        end(&f);
    }
}

/* When the client leaves a request that waits, or has a slot. */
enum leave { IN_QUEUE, GRANTED, SENT, ANSWERING, ANSWERED, LEAVES };

static void run_until(struct fixture *f, enum leave when)
{
    if (when >= GRANTED)
        free_one(f, 0);
    if (when >= SENT)
        fixture_settle(f);
    if (when >= ANSWERING)
        fake_head(200, "text/event-stream"), fake_body(TEXT(WORD));
    if (when >= ANSWERED)
        fake_body(TEXT("data: [DONE]\n\n")), fake_done(TRANSFER_OK);
}

Test(slot, comes_back_whenever_the_client_leaves)
{
    for (enum leave when = IN_QUEUE; when < LEAVES; when++) {
        struct fixture f;
        begin(&f, 1, (const unsigned[]){ 1 });
        fill(&f, 0, 1);
        struct request *req = fixture_begin(&f, STREAM);
        cr_assert(waits(req), "%d", (int)when);
        run_until(&f, when);
        request_client_gone(req);
        cr_assert_eq(waits(req), when == GRANTED, "what is on its way cannot be called off");
        fixture_settle(&f);
        cr_assert(req->finished, "%d", (int)when);
        cr_assert_eq(queued(&f), 0, "%d", (int)when);
        cr_assert_eq(slots_in_flight(slots_at(&f, 0)), when == IN_QUEUE ? 1u : 0u, "%d", (int)when);
        request_end(req);
        end(&f);
    }
}

static void check_refused(struct fixture *f, struct request *req, const char *reason)
{
    char line[80];
    struct buf text = fixture_metrics(f);
    snprintf(line, sizeof line, "gw_shed_total{reason=\"%s\"} 1\n", reason);
    cr_assert(text_find(buf_view(&text), text_of(line)) >= 0, "%s", reason);
    buf_free(&text);
    cr_assert_eq(f->status, 503);
    cr_assert_str_eq(req->fail.code, "server_is_overloaded");
    cr_assert_str_eq(req->failed_row, "attempt.begin");
    cr_assert_eq(req->fail.should_retry, 1);
    cr_assert(req->fail.retry_after_s == 1 || req->fail.retry_after_s == 2);
    cr_assert(strstr(req->fail.text, "max_in_flight") != NULL && strstr(req->fail.text, "operator") != NULL);
}

Test(slot, nobody_waits_longer_than_a_quarter_of_the_deadline)
{
    struct fixture f;
    begin(&f, 1, (const unsigned[]){ 1 });
    f.config->models->timeouts.total_ns = 400 * CLOCK_MS;
    fill(&f, 0, 1);
    struct request *req = fixture_send(&f, PLAIN);
    cr_assert_not(f.timed_out);
    cr_assert(req->queued_ns >= 90 * CLOCK_MS && req->queued_ns < 300 * CLOCK_MS);
    check_refused(&f, req, "queue_wait");
    cr_assert_eq(req->attempts_made, 0u);
    cr_assert_eq(queued(&f), 0);
    request_end(req);
    end(&f);
}

Test(slot, nor_longer_than_two_seconds)
{
    struct fixture f;
    begin(&f, 1, (const unsigned[]){ 1 });
    fill(&f, 0, 1);
    struct request *req = fixture_send(&f, PLAIN);
    cr_assert(req->queued_ns >= 1990 * CLOCK_MS && req->queued_ns < 2500 * CLOCK_MS);
    check_refused(&f, req, "queue_wait");
    request_end(req);
    end(&f);
}

static void ignore(struct queue_wait *wait)
{
    (void)wait;
}

Test(slot, where_the_queue_is_full_the_oldest_is_refused)
{
    struct fixture f;
    struct queue_wait others[QUEUE_LEAST];
    begin(&f, 1, (const unsigned[]){ 1 });
    fill(&f, 0, 1);
    struct request *req = fixture_begin(&f, PLAIN);
    struct queue_place place = { slots_at(&f, 0), 1 };
    for (unsigned i = 0; i < QUEUE_LEAST; i++) {
        others[i] = (struct queue_wait){ .places = &place, .count = 1, .of = SLOTS_NORMAL, .on_over = ignore };
        queue_enter(health_queue(f.gateway.health, TEXT("m")), &others[i], QUEUE_LEAST, clock_ns());
    }
    fixture_settle(&f);
    check_refused(&f, req, "queue_full");
    for (unsigned i = 0; i < QUEUE_LEAST; i++)
        queue_leave(&others[i]);
    request_end(req);
    end(&f);
}

Test(slot, one_of_low_priority_finds_no_place_in_a_full_queue)
{
    struct fixture f;
    struct queue_wait others[QUEUE_LEAST];
    begin(&f, 1, (const unsigned[]){ 1 });
    f.config->teams->priority = PRIORITY_LOW;
    fill(&f, 0, 1);
    struct queue_place place = { slots_at(&f, 0), 1 };
    for (unsigned i = 0; i < QUEUE_LEAST; i++) {
        others[i] = (struct queue_wait){ .places = &place, .count = 1, .of = SLOTS_NORMAL, .on_over = ignore };
        queue_enter(health_queue(f.gateway.health, TEXT("m")), &others[i], QUEUE_LEAST, clock_ns());
    }
    struct request *req = fixture_begin(&f, PLAIN);
    check_refused(&f, req, "queue_full");
    for (unsigned i = 0; i < QUEUE_LEAST; i++)
        queue_leave(&others[i]);
    request_end(req);
    end(&f);
}

Test(slot, an_attempt_that_failed_gives_it_back_before_the_next)
{
    struct fixture f;
    begin(&f, 2, (const unsigned[]){ 1, 1 });
    fill(&f, 1, 1);
    struct request *req = fixture_begin(&f, PLAIN);
    cr_assert_eq(slots_in_flight(slots_at(&f, 0)), 1u);
    fake_answer(503, "application/json", TEXT("{\"error\":{\"message\":\"busy\"}}"), 100);
    cr_assert(waits(req), "the other one would do, and is full");
    cr_assert_eq(slots_in_flight(slots_at(&f, 0)), 0u);
    free_one(&f, 1);
    fixture_settle(&f);
    cr_assert(fake_runs());
    cr_assert_eq(req->attempts_made, 2u);
    fake_answer(200, "application/json", TEXT(ANSWER), 1000);
    fixture_settle(&f);
    cr_assert_eq(f.status, 200);
    cr_assert_eq(slots_in_flight(slots_at(&f, 0)) + slots_in_flight(slots_at(&f, 1)), 0u);
    request_end(req);
    end(&f);
}

Test(slot, a_target_by_its_own_name_has_the_same_limit)
{
    struct fixture f;
    begin(&f, 1, (const unsigned[]){ 1 });
    fill(&f, 0, 1);
    struct request *req =
        fixture_begin(&f, "{\"model\":\"p0/x\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}");
    cr_assert(waits(req));
    free_one(&f, 0);
    fixture_settle(&f);
    cr_assert(fake_runs());
    fake_answer(200, "application/json", TEXT(ANSWER), 1000);
    fixture_settle(&f);
    cr_assert_eq(slots_in_flight(slots_at(&f, 0)), 0u);
    request_end(req);
    end(&f);
}

/* Clients that are refused at once come again at different times. */
Test(slot, spreads_those_that_come_again)
{
    unsigned seen[3] = { 0 };
    struct fixture f;
    begin(&f, 1, (const unsigned[]){ 1 });
    struct request *req = fixture_head(&f, 1);
    req->queued_ns = INT64_C(1000000) * CLOCK_S; /* longer than it may wait */
    for (int i = 0; i < 64; i++) {
        req->fail.retry_after_s = 0;
        cr_assert_eq(slot_wait(req, NULL, 0, clock_ns()), FAIL);
        cr_assert(req->fail.retry_after_s == 1 || req->fail.retry_after_s == 2, "%d", req->fail.retry_after_s);
        seen[req->fail.retry_after_s]++;
    }
    cr_assert(seen[1] > 8 && seen[2] > 8, "%u %u", seen[1], seen[2]);
    request_client_gone(req);
    fixture_settle(&f);
    request_end(req);
    end(&f);
}
