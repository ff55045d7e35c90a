/* test_policy_answer.c - what a policy sees of an answer, and that the attempt counts whatever the client gets instead. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "fake_transfer.h"
#include "fixture.h"
#include "flow/way.h"
#include "flow/worst.h"

#define BODY "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define STREAM "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define CLAUDE "{\"model\":\"m\",\"max_tokens\":9,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define DELTA(delta) "data: {\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":null}]}\n\n"
#define FINISH(reason)                                                                                                 \
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}]}\n\ndata: [DONE]\n\n"

static const char *const openai[] = { "openai" };

static bool said(const struct fixture *f, const char *needle)
{
    return text_find(buf_view(&f->body), text_of(needle)) >= 0;
}

static bool counted(struct fixture *f, const char *outcome)
{
    char line[100];
    struct buf text = fixture_metrics(f);
    snprintf(line, sizeof line, "gw_upstream_requests_total{provider=\"p0\",outcome=\"%s\"} 1\n", outcome);
    bool found = text_find(buf_view(&text), text_of(line)) >= 0;
    buf_free(&text);
    return found;
}

static void over(struct fixture *f, struct request *req)
{
    request_end(req);
    fixture_close(f);
}

/* The attempt has done its work, although the client sees nothing of it. */
Test(policy_answer, in_place_of_another_leaves_its_attempt_counted)
{
    for (int streams = 0; streams < 2; streams++) {
        struct fixture f;
        fixture_open_upstream(&f, openai, 1);
        fixture_policy(&f, "return { on_response = function(req, resp) return gw.answer('instead') end }", NULL, 0);
        struct request *req = fixture_begin(&f, streams ? STREAM : BODY);
        if (streams)
            fake_answer(200, "text/event-stream", TEXT(DELTA("{\"content\":\"hi\"}") FINISH("stop")), 1000);
        else
            fake_answer(200, "application/json",
                        TEXT("{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},"
                             "\"finish_reason\":\"stop\"}]}"),
                        1000);
        fixture_settle(&f);
        cr_assert(said(&f, "instead") && !said(&f, "hi"), "%.*s", TEXT_ARG(buf_view(&f.body)));
        cr_assert(counted(&f, "ok"), "%d", streams);
        over(&f, req);
    }
}

/* What was counted otherwise before stays so. */
Test(policy_answer, in_place_of_another_leaves_its_outcome)
{
    static struct worst worst = { .bound = { .choices = 1, .output = 1, .limit = 1 } };
    static char text[3000];
    struct fixture f;
    fixture_open_upstream(&f, openai, 1);
    fixture_policy(&f, "return { on_response = function(req, resp) return gw.answer('instead') end }", NULL, 0);
    struct request *req = fixture_begin(&f, STREAM);
    req->attempt->worst = &worst;
    int n = snprintf(
        text, sizeof text,
        DELTA("{\"content\":\"a\"}") "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%02000d\"}}]}\n\n", 1);
    fake_head(200, "text/event-stream");
    fake_body((struct text){ text, (size_t)n });
    fixture_settle(&f);
    cr_assert(said(&f, "instead"), "%.*s", TEXT_ARG(buf_view(&f.body)));
    cr_assert(counted(&f, "guarded"));
    over(&f, req);
}

Test(policy_answer, sees_when_the_first_token_came)
{
    struct fixture f;
    fixture_open_upstream(&f, openai, 1);
    fixture_policy(
        &f,
        "return { on_response = function(req, resp)\n"
        " if resp.first_token_ms < 0 or resp.first_token_ms > resp.total_ms then error(resp.first_token_ms) end\n"
        " return gw.answer('in time') end }",
        NULL, 0);
    struct request *req = fixture_begin(&f, STREAM);
    fake_answer(200, "text/event-stream", TEXT(DELTA("{\"content\":\"hi\"}") FINISH("stop")), 1000);
    fixture_settle(&f);
    cr_assert(said(&f, "in time"), "%.*s", TEXT_ARG(buf_view(&f.body)));
    over(&f, req);
}

/* Calls that come mixed are written one after another, the last of them with the end of the stream: a policy sees both. */
Test(policy_answer, sees_what_a_translated_stream_keeps_for_its_end)
{
#define CALL(index, rest) DELTA("{\"tool_calls\":[{\"index\":" index "," rest "}]}")
    static const char sent[] =
        CALL("0", "\"id\":\"c0\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}")
            CALL("1", "\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{\"}")
                CALL("0", "\"function\":{\"arguments\":\"{}\"}") CALL("1", "\"function\":{\"arguments\":\"}\"}")
                    FINISH("tool_calls");
    static const char *const policies[] = {
        "return { on_response = function(req, resp) return gw.answer('calls ' .. #resp.tool_calls) end }",
        "return { on_response = function(req, resp) end }",
    };
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        fixture_open_upstream(&f, openai, 1);
        f.face = &face_messages;
        fixture_policy(&f, policies[i], NULL, 0);
        struct request *req = fixture_begin(&f, CLAUDE);
        fake_answer(200, "text/event-stream", text_of(sent), 1000);
        fixture_settle(&f);
        cr_assert(said(&f, i == 0 ? "calls 2" : "\"c1\""), "%.*s", TEXT_ARG(buf_view(&f.body)));
        cr_assert(said(&f, "event: message_stop\n"), "it has its end: %.*s", TEXT_ARG(buf_view(&f.body)));
        over(&f, req);
    }
}
