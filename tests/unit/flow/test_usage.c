/* test_usage.c - what an attempt used, by where that is known from: each source, whole, streamed and cut, relayed and
 * translated; and whether the upstream may charge for it. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "fake_transfer.h"
#include "fixture.h"
#include "flow/way.h"

#define CHAT "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]%s}"
#define STREAM ",\"stream\":true"
#define EVENTS "text/event-stream"
#define JSON "application/json"
#define ROLE "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"
#define WORD(word) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" word "\"},\"finish_reason\":null}]}\n\n"
#define THINK(word)                                                                                                    \
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"" word "\"},\"finish_reason\":null}]}\n\n"
#define ARGS(word)                                                                                                                                                   \
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"t\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"" word \
    "\"}}]}}]}\n\n"
#define STOP "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define TOLD(in, out) "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":" #in ",\"completion_tokens\":" #out "}}\n\n"
#define SO_FAR(word, in, out)                                                                                          \
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" word "\"}}],\"usage\":{\"prompt_tokens\":" #in        \
    ",\"completion_tokens\":" #out "}}\n\n"
#define MARK "data: [DONE]\n\n"
#define A_START(usage)                                                                                                                                                   \
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"x\",\"content\":[]" usage \
    "}}\n\n"
#define A_USED ",\"usage\":{\"input_tokens\":7,\"output_tokens\":1}"
#define A_OPEN                                                                                                         \
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
#define A_WORD(word)                                                                                                                      \
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" word \
    "\"}}\n\n"
#define A_END(usage)                                                                                                   \
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"                               \
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}" usage "}\n\n"   \
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
#define TEN "0123456789"
#define THIRTY TEN TEN TEN

static const char *const openai[] = { "openai", "openai" };
static const char *const anthropic[] = { "anthropic" };

enum end { WHOLE, CUT, LEFT }; /* the upstream ends, breaks off, the client leaves */
enum { SENT = -1, ANY = -2 };

struct row {
    const char *what;
    bool of_anthropic, as_messages, streamed;
    int status; /* 0: no head */
    const char *type, *body;
    enum end end;
    enum usage_source source;
    int64_t input, output;
    enum attempt_ending ending;
};

#define IN EVENTS
static const struct row rows[] = {
    { "whole, reported", 0, 0, 0, 200, JSON,
      "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4}}",
      WHOLE, USAGE_REPORTED, 9, 4, ATTEMPT_SETTLED },
    { "whole, not reported", 0, 0, 0, 200, JSON,
      "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a\"},\"finish_reason\":\"stop\"}]}",
      WHOLE, USAGE_ESTIMATED, SENT, ANY, ATTEMPT_SETTLED },
    { "whole, cut", 0, 0, 0, 200, JSON, "{\"choices\":[{\"index\":0,\"mess", CUT, USAGE_ESTIMATED, SENT, 7,
      ATTEMPT_DOUBT },
    { "whole, the client left", 0, 0, 0, 200, JSON, "{\"choices\":[{\"index\":0,\"mess", LEFT, USAGE_ESTIMATED, SENT, 7,
      ATTEMPT_DOUBT },
    { "whole, the client left before the head", 0, 0, 0, 0, NULL, "", LEFT, USAGE_ESTIMATED, SENT, 0, ATTEMPT_DOUBT },
    { "refused", 0, 0, 0, 400, JSON, "{\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\"}}", WHOLE,
      USAGE_NONE, 0, 0, ATTEMPT_FREE },
    { "relayed, reported", 0, 0, 1, 200, IN, ROLE WORD("a") STOP TOLD(9, 4) MARK, WHOLE, USAGE_REPORTED, 9, 4,
      ATTEMPT_SETTLED },
    { "relayed, not reported", 0, 0, 1, 200, IN, ROLE WORD(THIRTY) STOP MARK, WHOLE, USAGE_COUNTED, SENT, 10,
      ATTEMPT_SETTLED },
    { "relayed, cut, many small events", 0, 0, 1, 200, IN, ROLE WORD("a") WORD("b") WORD("c"), CUT, USAGE_COUNTED, SENT,
      3, ATTEMPT_DOUBT },
    { "relayed, cut, large events", 0, 0, 1, 200, IN, ROLE WORD(THIRTY) WORD("a"), CUT, USAGE_COUNTED, SENT, 11,
      ATTEMPT_DOUBT },
    { "relayed, cut in reasoning", 0, 0, 1, 200, IN, ROLE THINK(THIRTY), CUT, USAGE_COUNTED, SENT, 10, ATTEMPT_DOUBT },
    { "relayed, cut in arguments", 0, 0, 1, 200, IN, ROLE ARGS(THIRTY), CUT, USAGE_COUNTED, SENT, 10, ATTEMPT_DOUBT },
    { "relayed, the client left", 0, 0, 1, 200, IN, ROLE WORD(THIRTY), LEFT, USAGE_COUNTED, SENT, 10, ATTEMPT_DOUBT },
    { "relayed, the client left before the first word", 0, 0, 1, 200, IN, ROLE, LEFT, USAGE_ESTIMATED, SENT, 0,
      ATTEMPT_DOUBT },
    { "relayed, the client left before the head", 0, 0, 1, 0, NULL, "", LEFT, USAGE_ESTIMATED, SENT, 0, ATTEMPT_DOUBT },
    { "relayed, reported, then cut", 0, 0, 1, 200, IN, ROLE WORD(THIRTY) STOP TOLD(9, 4), CUT, USAGE_REPORTED, 9, 4,
      ATTEMPT_SETTLED },
    { "relayed, reported so far, then cut", 0, 0, 1, 200, IN, SO_FAR("a", 9, 1) WORD(THIRTY), CUT, USAGE_COUNTED, 9, 11,
      ATTEMPT_DOUBT },
    { "relayed, reported so far is more", 0, 0, 1, 200, IN, SO_FAR("a", 9, 50) WORD(THIRTY), CUT, USAGE_REPORTED, 9, 50,
      ATTEMPT_DOUBT },
    { "relayed messages, reported", 1, 1, 1, 200, IN,
      A_START(A_USED) A_OPEN A_WORD("a") A_END(",\"usage\":{\"output_tokens\":4}"), WHOLE, USAGE_REPORTED, 7, 4,
      ATTEMPT_SETTLED },
    { "relayed messages, cut", 1, 1, 1, 200, IN, A_START(A_USED) A_OPEN A_WORD(THIRTY), CUT, USAGE_COUNTED, 7, 10,
      ATTEMPT_DOUBT },
    { "relayed messages, left", 1, 1, 1, 200, IN, A_START(A_USED) A_OPEN A_WORD(THIRTY), LEFT, USAGE_COUNTED, 7, 10,
      ATTEMPT_DOUBT },
    { "relayed messages, left before the first word", 1, 1, 1, 200, IN, A_START(A_USED), LEFT, USAGE_COUNTED, 7, 0,
      ATTEMPT_DOUBT },
    { "relayed messages, cut before the first word", 1, 1, 1, 200, IN, A_START(A_USED), CUT, USAGE_COUNTED, 7, 0,
      ATTEMPT_DOUBT },
    { "translated to chat, reported", 1, 0, 1, 200, IN,
      A_START(A_USED) A_OPEN A_WORD("a") A_END(",\"usage\":{\"output_tokens\":4}"), WHOLE, USAGE_REPORTED, 7, 4,
      ATTEMPT_SETTLED },
    { "translated to chat, the end not reported", 1, 0, 1, 200, IN, A_START(A_USED) A_OPEN A_WORD(THIRTY) A_END(""),
      WHOLE, USAGE_COUNTED, 7, 10, ATTEMPT_SETTLED },
    { "translated to chat, cut", 1, 0, 1, 200, IN, A_START(A_USED) A_OPEN A_WORD(THIRTY), CUT, USAGE_COUNTED, 7, 10,
      ATTEMPT_DOUBT },
    { "translated to chat, left", 1, 0, 1, 200, IN, A_START(A_USED) A_OPEN A_WORD(THIRTY), LEFT, USAGE_COUNTED, 7, 10,
      ATTEMPT_DOUBT },
    { "translated to chat, left before the first word", 1, 0, 1, 200, IN, A_START(A_USED), LEFT, USAGE_COUNTED, 7, 0,
      ATTEMPT_DOUBT },
    { "translated to chat, whole, reported", 1, 0, 0, 200, JSON,
      "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"x\",\"stop_reason\":\"end_turn\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}],\"usage\":{\"input_tokens\":7,\"output_tokens\":4}}",
      WHOLE, USAGE_REPORTED, 7, 4, ATTEMPT_SETTLED },
    { "translated to messages, reported", 0, 1, 1, 200, IN, ROLE WORD("a") STOP TOLD(9, 4) MARK, WHOLE, USAGE_REPORTED,
      9, 4, ATTEMPT_SETTLED },
    { "translated to messages, not reported", 0, 1, 1, 200, IN, ROLE WORD(THIRTY) STOP MARK, WHOLE, USAGE_COUNTED, SENT,
      10, ATTEMPT_SETTLED },
    { "translated to messages, cut", 0, 1, 1, 200, IN, ROLE WORD(THIRTY) WORD("a"), CUT, USAGE_COUNTED, SENT, 11,
      ATTEMPT_DOUBT },
    { "translated to messages, left", 0, 1, 1, 200, IN, ROLE WORD(THIRTY), LEFT, USAGE_COUNTED, SENT, 10,
      ATTEMPT_DOUBT },
    { "an error before all else", 0, 0, 1, 200, IN,
      "data: {\"error\":{\"message\":\"no\",\"type\":\"server_error\",\"code\":500}}\n\n", WHOLE, USAGE_NONE, 0, 0,
      ATTEMPT_FREE },
}; /* the numbers of a row are written out: who changes how usage is counted changes them here */

static void play(const struct row *row)
{
    struct fixture f;
    char body[256];
    snprintf(body, sizeof body, CHAT, row->streamed ? STREAM : "");
    fixture_open_upstream(&f, row->of_anthropic ? anthropic : openai, 1);
    f.face = row->as_messages ? &face_messages : &face_chat;
    struct request *req = fixture_begin(&f, body);
    struct attempt *a = req->attempt;
    cr_assert_not_null(a, "%s", row->what);
    if (row->status != 0)
        fake_head(row->status, row->type);
    fake_body(text_of(row->body));
    if (row->end == LEFT)
        request_client_gone(req);
    else
        fake_done(row->end == CUT ? TRANSFER_CUT : TRANSFER_OK);
    int64_t input = row->input == SENT ? (int64_t)(strlen(body) + 3) / 4 : row->input;
    cr_assert_eq(a->usage.source, row->source, "%s: %s", row->what, usage_source_name(a->usage.source));
    cr_assert_eq(a->usage.input, input, "%s: input %lld", row->what, (long long)a->usage.input);
    if (row->output != ANY)
        cr_assert_eq(a->usage.output, row->output, "%s: output %lld", row->what, (long long)a->usage.output);
    cr_assert_eq(a->ending, row->ending, "%s: ending %d", row->what, (int)a->ending);
    request_end(req);
    fixture_close(&f);
}

Test(usage, of_each_source)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        play(&rows[i]);
}

Test(usage, of_an_attempt_that_found_no_connection_is_none)
{
    struct fixture f;
    fixture_open_upstream(&f, openai, 1);
    struct request *req = fixture_begin(&f, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}");
    struct attempt *a = req->attempt;
    fake_done(TRANSFER_CONNECT);
    cr_assert_eq(a->ending, ATTEMPT_FREE);
    cr_assert_eq(a->usage.source, USAGE_NONE);
    request_end(req);
    fixture_close(&f);
}

/* What one that failed has used is its own, and is no part of the next one's. */
Test(usage, of_a_failed_attempt_stays)
{
    static const struct {
        int status;
        const char *type, *body;
        enum usage_source source;
        int64_t input, output;
        enum attempt_ending ending;
    } firsts[] = {
        { 0, NULL, "", USAGE_ESTIMATED, SENT, 0, ATTEMPT_DOUBT },
        { 503, JSON, "{}", USAGE_NONE, 0, 0, ATTEMPT_FREE },
        { 200, EVENTS, ROLE, USAGE_ESTIMATED, SENT, 0, ATTEMPT_DOUBT },
        { 200, EVENTS, TOLD(77, 0) "data: {\"error\":{\"message\":\"no\",\"type\":\"server_error\"}}\n\n",
          USAGE_REPORTED, 77, 0, ATTEMPT_DOUBT },
    };
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        struct fixture f;
        char body[256];
        snprintf(body, sizeof body, CHAT, STREAM);
        fixture_open_upstream(&f, openai, 2);
        struct request *req = fixture_begin(&f, body);
        struct attempt *first = req->attempt;
        if (firsts[i].status != 0)
            fake_head(firsts[i].status, firsts[i].type);
        fake_body(text_of(firsts[i].body));
        if (req->attempt == first)
            fake_done(firsts[i].status == 0 ? TRANSFER_RESET : firsts[i].status == 200 ? TRANSFER_CUT : TRANSFER_OK);
        cr_assert_neq(req->attempt, first, "%zu", i);
        fake_answer(200, EVENTS, TEXT(WORD("good") STOP TOLD(5, 2) MARK), 1000);
        cr_assert_eq(first->usage.source, firsts[i].source, "%zu: %s", i, usage_source_name(first->usage.source));
        cr_assert_eq(first->usage.input, firsts[i].input == SENT ? (int64_t)(strlen(body) + 3) / 4 : firsts[i].input,
                     "%zu", i);
        cr_assert_eq(first->usage.output, firsts[i].output, "%zu", i);
        cr_assert_eq(first->ending, firsts[i].ending, "%zu: %d", i, (int)first->ending);
        cr_assert_eq(req->attempt->usage.source, USAGE_REPORTED);
        cr_assert_eq(req->usage.input, 5);
        cr_assert_eq(req->usage.output, 2);
        request_end(req);
        fixture_close(&f);
    }
}
