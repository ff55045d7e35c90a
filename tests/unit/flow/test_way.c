/* test_way.c - the whole way of a request, without a socket. */
#include "base/clock.h"
#include "check.h"
#include "fixture.h"

#define PLAIN "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define STREAM "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"

static const char *const good[] = { "text:Hel", "text:lo", "usage", "finish", "end", NULL };
static const char *const busy[] = { "error:503", NULL };
static const char *const limited[] = { "error:429", NULL };
static const char *const wrong[] = { "error:400", NULL };
static const char *const breaks[] = { "text:a", "text:b", "error:500", NULL };
static const char *const unfinished[] = { "text:a", "end", NULL };
static const char *const slow[] = { "text:a", "wait:60000", NULL };
static const char *const defect[] = { "fail", NULL };

static bool said(const struct fixture *f, const char *needle)
{
    return text_find(buf_view(&f->body), text_of(needle)) >= 0;
}

static void counted(struct fixture *f, const char *row)
{
    struct buf text = fixture_metrics(f);
    cr_assert_geq(text_find(buf_view(&text), text_of(row)), 0);
    cr_assert_geq(text_find(buf_view(&text), TEXT("gw_inflight_requests 0\n")), 0);
    buf_free(&text);
}

Test(way, answers_whole_and_settles_before_the_end)
{
    struct fixture f;
    fixture_open(&f, (const char *const *const[]){ good }, 1);
    struct request *req = fixture_send(&f, PLAIN);
    cr_assert_eq(f.status, 200);
    cr_assert(said(&f, "\"content\":\"Hello\""));
    cr_assert(f.settled_before_end);
    counted(
        &f,
        "gw_tokens_total{face=\"chat\",provider=\"p0\",model=\"x\",team=\"default\",status=\"200\",outcome=\"ok\",type=\"input\"} 3\n");
    request_end(req);
    fixture_close(&f);
}

Test(way, streams_and_settles_before_the_end)
{
    struct fixture f;
    fixture_open(&f, (const char *const *const[]){ good }, 1);
    struct request *req = fixture_send(&f, STREAM);
    cr_assert(f.begun && f.ended);
    cr_assert(text_ends(buf_view(&f.body), TEXT("data: [DONE]\n\n")));
    cr_assert(f.settled_before_end);
    request_end(req);
    fixture_close(&f);
}

Test(way, falls_back_before_the_first_byte)
{
    static const char *const body[] = { PLAIN, STREAM };
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        fixture_open(&f, (const char *const *const[]){ busy, limited, good }, 3);
        struct request *req = fixture_send(&f, body[i]);
        cr_assert_eq(f.status, 200);
        counted(&f, "gw_fallbacks_total{from=\"p0\",to=\"p1\",reason=\"status_503\"} 1\n");
        counted(&f, "gw_upstream_requests_total{provider=\"p2\",outcome=\"ok\"} 1\n");
        request_end(req);
        fixture_close(&f);
    }
}

Test(way, does_not_try_elsewhere_what_the_caller_must_change)
{
    struct fixture f;
    fixture_open(&f, (const char *const *const[]){ wrong, good }, 2);
    struct request *req = fixture_send(&f, PLAIN);
    cr_assert_eq(f.status, 400);
    cr_assert(said(&f, "told by the script"));
    request_end(req);
    fixture_close(&f);
}

Test(way, says_what_the_last_target_said)
{
    static const struct {
        const char *const *script;
        int status;
        const char *code;
    } rows[] = { { busy, 503, "server_is_overloaded" },
                 { limited, 429, "upstream_rate_limited" },
                 { defect, 500, "internal_error" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f;
        fixture_open(&f, (const char *const *const[]){ rows[i].script }, 1);
        struct request *req = fixture_send(&f, STREAM);
        cr_assert_eq(f.status, rows[i].status);
        cr_assert(said(&f, rows[i].code));
        cr_assert_not(f.begun);
        request_end(req);
        fixture_close(&f);
    }
}

Test(way, ends_a_broken_stream_with_an_error_event)
{
    struct fixture f;
    fixture_open(&f, (const char *const *const[]){ breaks, good }, 2);
    struct request *req = fixture_send(&f, STREAM);
    cr_assert(f.begun && f.ended);
    cr_assert(said(&f, "data: {\"error\":{"));
    cr_assert_not(said(&f, "[DONE]"));
    request_end(req);
    fixture_close(&f);
}

Test(way, does_not_pass_off_half_an_answer)
{
    struct fixture f;
    fixture_open(&f, (const char *const *const[]){ unfinished }, 1);
    struct request *req = fixture_send(&f, STREAM);
    cr_assert(said(&f, "stream_incomplete"));
    cr_assert_not(said(&f, "[DONE]"));
    request_end(req);
    fixture_close(&f);
}

Test(way, refuses_unknown_models_and_bad_bodies)
{
    static const struct {
        const char *body;
        int status;
        const char *code;
    } rows[] = {
        { "{\"model\":\"nope\",\"messages\":[]}", 404, "model_not_found" },
        { "{\"model\":\"p9/x\",\"messages\":[]}", 404, "model_not_found" },
        { "{\"model\":\"m\",\"messages\":[}", 400, "invalid_json" },
        { "{\"model\":\"m\"}", 400, "invalid_parameter" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f;
        fixture_open(&f, (const char *const *const[]){ good }, 1);
        struct request *req = fixture_send(&f, rows[i].body);
        cr_assert_eq(f.status, rows[i].status);
        cr_assert(said(&f, rows[i].code));
        cr_assert(f.settled_before_end);
        request_end(req);
        fixture_close(&f);
    }
}

Test(way, takes_a_provider_and_its_model_as_a_name)
{
    struct fixture f;
    fixture_open(&f, (const char *const *const[]){ good }, 1);
    struct request *req = fixture_send(&f, "{\"model\":\"p0/any/thing\",\"messages\":[]}");
    cr_assert_eq(f.status, 200);
    counted(&f, "model=\"any/thing\"");
    request_end(req);
    fixture_close(&f);
}

Test(way, stops_when_the_client_leaves)
{
    struct fixture f;
    fixture_open(&f, (const char *const *const[]){ slow }, 1);
    struct request *req = fixture_begin(&f, STREAM);
    loop_timer_set(&f.worker.loop, &f.limit, clock_ns() + 50 * CLOCK_MS);
    fixture_run(&f); /* ends by the timer: the stream has begun and waits */
    cr_assert(f.begun && !f.ended);
    request_client_gone(req);
    counted(&f, "status=\"499\"");
    counted(&f, "gw_events_total{event=\"client_gone\"} 1\n");
    request_end(req);
    fixture_close(&f);
    cr_assert_not(f.ended);
}

Test(way, waits_for_a_slow_client)
{
    struct fixture f;
    fixture_open(&f, (const char *const *const[]){ good }, 1);
    f.waiting = DOOR_HIGH_MARK + 1;
    struct request *req = fixture_begin(&f, STREAM);
    loop_timer_set(&f.worker.loop, &f.limit, clock_ns() + 50 * CLOCK_MS);
    fixture_run(&f);
    cr_assert(f.begun && !f.ended);
    f.waiting = 0;
    f.timed_out = false;
    request_drained(req);
    fixture_run(&f);
    cr_assert(f.ended);
    request_end(req);
    fixture_close(&f);
}

Test(way, sheds_above_its_limit)
{
    struct fixture f;
    fixture_open(&f, (const char *const *const[]){ good }, 1);
    f.config->limits.in_flight = 1;
    atomic_store(&f.gateway.in_flight, 1);
    struct request *req = fixture_send(&f, PLAIN);
    cr_assert_eq(f.status, 503);
    cr_assert(said(&f, "server_is_overloaded"));
    cr_assert_eq(atomic_load(&f.gateway.in_flight), 1u);
    request_end(req);
    fixture_close(&f);
}

static const char *const half[] = { "text:WRONG", "error:500", NULL };

Test(way, keeps_nothing_of_a_failed_attempt)
{
    struct fixture f;
    fixture_open(&f, (const char *const *const[]){ half, good }, 2);
    struct request *req = fixture_send(&f, PLAIN);
    cr_assert_eq(f.status, 200);
    cr_assert(said(&f, "\"content\":\"Hello\""));
    cr_assert_not(said(&f, "WRONG"));
    request_end(req);
    fixture_close(&f);
}
