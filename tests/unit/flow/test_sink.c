/* test_sink.c - who subscribes to a stream is given every byte that the client gets, in order, and how it ended. */
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "fixture.h"
#include "flow/way.h"

#define STREAM "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"

static const char *const good[] = { "text:Hel", "wait:20", "text:lo", "usage", "finish", "end", NULL };
static const char *const breaks[] = { "text:Hel", "wait:20", "error:500", NULL };

struct recorder {
    struct sink_subscriber subscriber;
    struct buf bytes;
    unsigned ends;
    bool complete;
};

static struct recorder *recorder_of(struct sink_subscriber *subscriber)
{
    return (struct recorder *)(void *)((char *)subscriber - offsetof(struct recorder, subscriber));
}

static void on_bytes(struct sink_subscriber *subscriber, struct text bytes)
{
    struct recorder *r = recorder_of(subscriber);
    cr_assert_eq(r->ends, 0u);
    buf_text(&r->bytes, bytes);
}

static void on_end(struct sink_subscriber *subscriber, struct text tail, bool complete)
{
    struct recorder *r = recorder_of(subscriber);
    buf_text(&r->bytes, tail);
    r->ends++;
    r->complete = complete;
}

static void open_recorder(struct recorder *r)
{
    *r = (struct recorder){ .subscriber = { .on_bytes = on_bytes, .on_end = on_end } };
    buf_init(&r->bytes, 1 << 20);
}

/* Two of them, from before the stream begins. */
static void record(const char *const *script, struct recorder two[2], size_t waiting, bool complete)
{
    struct fixture f;
    fixture_open(&f, (const char *const *const[]){ script }, 1);
    f.waiting = waiting;
    struct request *req = fixture_begin(&f, STREAM);
    for (int i = 0; i < 2; i++) {
        open_recorder(&two[i]);
        sink_subscribe(req, &two[i].subscriber);
    }
    loop_timer_set(&f.worker.loop, &f.limit, clock_ns() + 200 * CLOCK_MS);
    fixture_run(&f);
    if (waiting > 0) { /* the client takes the rest at last */
        cr_assert_not(f.ended);
        f.waiting = 0;
        request_drained(req);
        fixture_run(&f);
    }
    cr_assert(f.ended);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(two[i].ends, 1u);
        cr_assert_eq(two[i].complete, complete);
        cr_assert_gt(f.body.len, 100u);
        cr_assert_eq(two[i].bytes.len, f.body.len);
        cr_assert_eq(memcmp(two[i].bytes.ptr, f.body.ptr, f.body.len), 0);
        buf_free(&two[i].bytes);
    }
    request_end(req);
    fixture_close(&f);
}

Test(sink, gives_all_that_the_client_gets_to_each_subscriber)
{
    struct recorder two[2];
    record(good, two, 0, true);
}

Test(sink, reports_a_stream_that_broke_off)
{
    struct recorder two[2];
    record(breaks, two, 0, false);
}

Test(sink, does_not_lose_what_a_slow_client_takes_later)
{
    struct recorder two[2];
    record(good, two, DOOR_HIGH_MARK + 1, true);
}

/* Not those before, which it could make nothing of. */
Test(sink, gives_only_what_comes_after_it_has_subscribed)
{
    struct fixture f;
    struct recorder r;
    open_recorder(&r);
    fixture_open(&f, (const char *const *const[]){ good }, 1);
    struct request *req = fixture_begin(&f, STREAM);
    loop_timer_set(&f.worker.loop, &f.limit, clock_ns() + 10 * CLOCK_MS);
    fixture_run(&f);
    cr_assert(f.begun && !f.ended);
    size_t before = f.body.len;
    sink_subscribe(req, &r.subscriber);
    loop_timer_set(&f.worker.loop, &f.limit, clock_ns() + 200 * CLOCK_MS);
    fixture_run(&f);
    cr_assert(f.ended);
    cr_assert_eq(r.bytes.len, f.body.len - before);
    cr_assert(r.complete);
    buf_free(&r.bytes);
    request_end(req);
    fixture_close(&f);
}
