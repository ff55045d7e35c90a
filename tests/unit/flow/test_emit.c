/* test_emit.c - what a provider emits: in pieces that a client takes easily, without our secrets, and no faster than the client reads. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "fake_transfer.h"
#include "fixture.h"
#include "flow/way.h"

#define SECRET "sk-12345678"
#define EVENTS "text/event-stream"
#define STREAM "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define CLAUDE "{\"model\":\"m\",\"max_tokens\":9,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define DELTA(delta) "data: {\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":null}]}\n\n"
#define SHORT(text) "data: {\"choices\":[{\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define FINISH "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"

static const char *const openai[] = { "openai" };

static unsigned count(const struct fixture *f, const char *needle)
{
    struct text all = buf_view(&f->body);
    unsigned n = 0;
    for (ptrdiff_t at; (at = text_find(all, text_of(needle))) >= 0; n++)
        all = (struct text){ all.ptr + at + 1, all.len - (size_t)at - 1 };
    return n;
}

static void over(struct fixture *f, struct request *req)
{
    request_end(req);
    fixture_close(f);
}

/* A stream of a client of Anthropic's API, from an upstream of the other one. */
static struct request *begin(struct fixture *f)
{
    fixture_open_upstream(f, openai, 1);
    f->face = &face_messages;
    return fixture_begin(f, CLAUDE);
}

/* Text and refusals come in pieces of 64 KB at most; the name of a tool is one thing. */
Test(emit, cuts_long_texts_into_pieces)
{
    static char sent[100 << 10];
    static const char *const members[] = { "content", "refusal" };
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        struct request *req = begin(&f);
        struct attempt *a = req->attempt;
        int n = snprintf(
            sent, sizeof sent,
            DELTA("{\"content\":\"a\"}") "data: {\"choices\":[{\"index\":0,\"delta\":{\"%s\":\"%070000d\"}}]}\n\n",
            members[i], 0);
        fake_head(200, EVENTS);
        fake_body((struct text){ sent, (size_t)n });
        fixture_settle(&f);
        cr_assert_eq(a->spoken, 70001u, "%s: %llu", members[i], (unsigned long long)a->spoken);
        cr_assert_eq(count(&f, "event: content_block_delta\n"), 3u, "%s", members[i]);
        fake_body(TEXT(FINISH));
        fake_done(TRANSFER_OK);
        fixture_settle(&f);
        cr_assert(f.ended);
        over(&f, req);
    }
}

Test(emit, counts_no_name_of_a_tool_as_spoken)
{
    struct fixture f;
    struct request *req = begin(&f);
    struct attempt *a = req->attempt;
    fake_head(200, EVENTS);
    fake_body(TEXT(DELTA(
        "{\"tool_calls\":[{\"index\":0,\"id\":\"c0\",\"type\":\"function\",\"function\":{\"name\":\"long_name\",\"arguments\":\"\"}}]}")));
    fixture_settle(&f);
    cr_assert_eq(a->spoken, 0u, "%llu", (unsigned long long)a->spoken);
    fake_body(TEXT(DELTA("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"}}]}")));
    fixture_settle(&f);
    cr_assert_eq(a->spoken, 2u, "%llu", (unsigned long long)a->spoken);
    fake_body(TEXT(FINISH));
    fake_done(TRANSFER_OK);
    fixture_settle(&f);
    over(&f, req);
}

/* Half of a character waits for the frame that brings the other half, in short frames as in long ones. */
Test(emit, joins_a_character_that_two_short_frames_share)
{
    struct fixture f;
    struct request *req = begin(&f);
    fake_answer(200, EVENTS, TEXT(SHORT("\\ud83d") SHORT("\\ude00") FINISH), 10000);
    fixture_settle(&f);
    cr_assert(f.ended);
    cr_assert_eq(count(&f, "\xf0\x9f\x98\x80"), 1u, "%.*s", TEXT_ARG(buf_view(&f.body)));
    cr_assert_eq(count(&f, "event: error"), 0u);
    over(&f, req);
}

/* A server that repeats the request says the secret in the reason why it ended, too. */
Test(emit, says_no_secret_in_a_reason)
{
    static const char *const steps[] = { "text:hi", "finish:no " SECRET, "end", NULL };
    struct fixture f;
    fixture_open(&f, (const char *const *const[]){ steps }, 1);
    struct request *req = fixture_begin(&f, STREAM);
    req->attempt->ask.secret = (gw_str){ SECRET, sizeof SECRET - 1 };
    while (!f.ended && !f.timed_out)
        fixture_run(&f);
    cr_assert_eq(count(&f, "\"no ***\""), 1u, "%.*s", TEXT_ARG(buf_view(&f.body)));
    cr_assert_eq(count(&f, SECRET), 0u);
    over(&f, req);
}

/* What answers by itself waits for the client, too. */
Test(emit, waits_for_a_client_that_is_behind)
{
    static const char *const steps[] = { "text:one", "text:two", "text:three", "finish", "usage", "end", NULL };
    struct fixture f;
    fixture_open(&f, (const char *const *const[]){ steps }, 1);
    f.waiting = 64 << 20;
    struct request *req = fixture_begin(&f, STREAM);
    for (int i = 0; i < 20; i++)
        fixture_settle(&f);
    cr_assert_eq(count(&f, "one"), 1u);
    cr_assert_not(attempt_is_over(req->attempt), "it is not asked for more");
    cr_assert_eq(req->pending.len, 0u);
    cr_assert_not(f.ended);
    f.waiting = 0;
    request_drained(req);
    while (!f.ended && !f.timed_out)
        fixture_run(&f);
    cr_assert_eq(count(&f, "three"), 1u);
    cr_assert_eq(count(&f, "[DONE]"), 1u);
    over(&f, req);
}

/* Before its answer has begun it is an error of its own; behind that the client learns that the stream is not complete. */
Test(emit, says_of_an_event_that_is_too_large_what_it_broke)
{
    static char sent[70 << 10];
    for (int late = 0; late < 2; late++) {
        struct fixture f;
        fixture_open_upstream(&f, openai, 1);
        f.config->limits.event_bytes = 64 << 10;
        struct request *req = fixture_begin(&f, STREAM);
        int n = snprintf(sent, sizeof sent, DELTA("{\"content\":\"%066000d\"}"), 0);
        fake_head(200, EVENTS);
        if (late)
            fake_body(TEXT(DELTA("{\"content\":\"hi\"}")));
        fake_body((struct text){ sent, (size_t)n });
        fixture_settle(&f);
        cr_assert(late ? f.ended : f.answered);
        cr_assert_eq(count(&f, "stream_interrupted"), late ? 1u : 0u, "%.*s", TEXT_ARG(buf_view(&f.body)));
        over(&f, req);
    }
}

/* Something that is no answer is none, although its status is 200. */
Test(emit, passes_no_answer_that_cannot_be_read)
{
    struct fixture f;
    fixture_open_upstream(&f, openai, 1);
    struct request *req = fixture_begin(&f, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}");
    fake_answer(200, "application/json", TEXT("{\"choices\":[{\"index\":0,"), 10000);
    fixture_settle(&f);
    cr_assert_eq(f.status, 502);
    cr_assert_eq(count(&f, "\"choices\""), 0u);
    over(&f, req);
}

/* What comes while a client is behind is kept for it, an event of the largest size too. */
Test(emit, keeps_a_large_event_for_a_client_that_is_behind)
{
    static char sent[200 << 10];
    struct fixture f;
    fixture_open_upstream(&f, openai, 1);
    f.config->limits.answer_bytes = 64 << 10;
    f.waiting = 64 << 20;
    struct request *req = fixture_begin(&f, STREAM);
    int n = snprintf(sent, sizeof sent, DELTA("{\"content\":\"%0190000d\"}"), 0);
    fake_head(200, EVENTS);
    fake_body(TEXT(DELTA("{\"content\":\"hi\"}")));
    fake_body((struct text){ sent, (size_t)n });
    fake_body(TEXT(FINISH));
    fake_done(TRANSFER_OK);
    fixture_settle(&f);
    cr_assert_not(f.ended);
    f.waiting = 0;
    request_drained(req);
    fixture_settle(&f);
    cr_assert(f.ended);
    cr_assert_eq(count(&f, "[DONE]"), 1u);
    cr_assert_gt(f.body.len, 190000u);
    over(&f, req);
}
