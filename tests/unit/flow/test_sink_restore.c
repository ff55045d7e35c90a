/* test_sink_restore.c - texts that come back in an answer: what the client gets, wherever the upstream's bytes and the model's words are cut. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "face/restore.h"
#include "face/said.h"
#include "fake_transfer.h"
#include "fixture.h"
#include "flow/way.h"

#define EVENTS "text/event-stream"
#define CHAT(more) "{\"model\":\"m\",\"max_tokens\":99,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]" more "}"

static const char *const openai[] = { "openai" };
static const char *const anthropic[] = { "anthropic" };

static const struct restore_text texts[] = {
    { TEXT("[EMAIL_1]"), TEXT("a@b.de"), true },
    { TEXT("[EMAIL_10]"), TEXT("\"J\" \xc3\xbc"), true },
    { TEXT("[X]"), TEXT("x"), false },
};

static void open_gateway(struct fixture *f, const struct face *face, const char *const *plugins)
{
    fixture_open_upstream(f, plugins, 1);
    f->face = face;
    f->is_quick = true;
}

/* Its log is read by nobody: a new one before its pipe is full. */
static void open_again(struct fixture *f, const struct face *face, const char *const *plugins, size_t count)
{
    if (count % 40 != 0)
        return;
    if (count > 0)
        fixture_close(f);
    open_gateway(f, face, plugins);
}

static struct request *begin(struct fixture *f, const char *body)
{
    buf_free(&f->body);
    f->begun = f->ended = f->answered = false;
    struct request *req = fixture_begin(f, body);
    sink_restore_begin(req, texts, 3);
    cr_assert_not_null(req->restoring);
    return req;
}

static void over(struct fixture *f, struct request *req)
{
    request_end(req);
    fixture_close(f);
}

/* The upstream's bytes cut at `at`, and the rest in one piece. */
static void answer(struct text body, size_t at)
{
    fake_head(200, EVENTS);
    if (at > 0)
        fake_body((struct text){ body.ptr, at });
    fake_body((struct text){ body.ptr + at, body.len - at });
    fake_done(TRANSFER_OK);
}

/* For each cut `want` are the client's bytes. */
static void gives(const struct face *face, const char *const *plugins, const char *sent, const char *want)
{
    struct fixture f;
    for (size_t at = 0; at < strlen(sent); at++) {
        open_again(&f, face, plugins, at);
        struct request *req = begin(&f, CHAT(",\"stream\":true"));
        answer(text_of(sent), at);
        cr_assert(f.ended);
        cr_assert(text_eq(buf_view(&f.body), text_of(want)), "cut at %zu: %.*s", at, TEXT_ARG(buf_view(&f.body)));
        request_end(req);
    }
    fixture_close(&f);
}

#define CHUNK(choices)                                                                                                 \
    "data: {\"id\":\"c1\",\"odd\":[{\"content\":\"[X]\"}], \"model\":\"r\",\"usage\":null,\"choices\":[" choices       \
    "]}\n\n"
#define OURS(choices) "data: {\"id\":\"c1\",\"model\":\"r\",\"usage\":null,\"choices\":[" choices "]}\n\n"
#define CHOICE(n, delta) "{\"index\":" n ",\"delta\":{" delta "},\"finish_reason\":null}"
#define END(n, delta) "{\"index\":" n ",\"delta\":{" delta "},\"finish_reason\":\"stop\"}"
#define SAYS(n, text) CHUNK(CHOICE(n, "\"content\":\"" text "\""))
#define USES(n, text) CHUNK(CHOICE("0", "\"tool_calls\":[{\"index\":" n ",\"function\":{\"arguments\":\"" text "\"}}]"))
#define USAGE                                                                                                          \
    "data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":9,\"total_tokens\":16}}\n\n"
#define DONE_MARK "data: [DONE]\n\n"

Test(sink_restore, relays_chat_wherever_it_is_cut)
{
    gives(&face_chat, openai,
          ": hi\n\n" SAYS("0", "to [EM") SAYS("1", "<[X]>[EMAIL") ": still\n\n" SAYS("0", "AIL_1")
              CHUNK(CHOICE("0", "\"reasoning_content\":\"[X]\"")) SAYS("0", "] [EMAIL_1")
                  SAYS("0", "0]\\n\\u0041 [EMAI") SAYS("1", "_2]") CHUNK(END("1", "")) CHUNK(END("0", "")) DONE_MARK,
          ": hi\n\n" SAYS("0", "to ") SAYS("1", "<x>") ": still\n\n" SAYS("0", "")
              CHUNK(CHOICE("0", "\"reasoning_content\":\"[X]\"")) SAYS("0", "a@b.de ")
                  SAYS("0", "\\\"J\\\" \xc3\xbc\\n\\u0041 ") SAYS("1", "[EMAIL_2]") CHUNK(END("1", ""))
                      OURS(CHOICE("0", "\"content\":\"[EMAI\"")) CHUNK(END("0", "")) DONE_MARK);
}

Test(sink_restore, lets_go_what_waits_before_each_end)
{
    gives(&face_chat, openai, SAYS("0", "[EM") CHUNK(END("0", "\"content\":\"A\"")) DONE_MARK,
          SAYS("0", "") CHUNK(END("0", "\"content\":\"[EMA\"")) DONE_MARK);
    gives(&face_chat, openai, SAYS("0", "[EMAIL_1") CHUNK(END("0", "\"content\":\"]\"")) DONE_MARK,
          SAYS("0", "") CHUNK(END("0", "\"content\":\"a@b.de\"")) DONE_MARK);
    gives(&face_chat, openai, SAYS("0", "a[") DONE_MARK,
          SAYS("0", "a") OURS("{\"index\":0,\"delta\":{\"content\":\"[\"},\"finish_reason\":null}") DONE_MARK);
}

/* Data in several lines becomes one where it changes; other ends of lines stay. */
Test(sink_restore, takes_events_in_any_shape)
{
    gives(&face_chat, openai,
          "id: 7\r\ndata:{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"[X][\"}}]}\r\n\r\n"
          "event: e\ndata: {\"choices\":\ndata: [{\"index\":0,\"delta\":{\"content\":\"X]\"}}]}\n\n"
          "data: {\"choices\":\ndata: [{\"index\":0,\"delta\":{\"content\":\"y\"}}]}\n\n" CHUNK(END("0", "")) DONE_MARK,
          "id: 7\r\ndata:{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\r\n\r\n"
          "event: e\ndata: {\"choices\": [{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n"
          "data: {\"choices\":\ndata: [{\"index\":0,\"delta\":{\"content\":\"y\"}}]}\n\n" CHUNK(END("0", ""))
              DONE_MARK);
}

Test(sink_restore, escapes_in_arguments_of_calls)
{
    gives(&face_chat, openai,
          USES("0", "{\\\"to\\\":\\\"[EMAIL") USES("1", "[X] \\\"[EMAIL_1]\\\"") USES("0", "_10]\\\",[E")
              CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}") DONE_MARK,
          USES("0", "{\\\"to\\\":\\\"") USES("1", "[X] \\\"a@b.de\\\"") USES("0", "\\\\\\\"J\\\\\\\" \xc3\xbc\\\",")
              OURS(CHOICE("0", "\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"[E\"}}]"))
                  CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}") DONE_MARK);
}

#define NAMED(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define BLOCK(n, more) NAMED("content_block_start", ",\"index\":" n ",\"content_block\":{" more "}")
#define PIECE(n, more) NAMED("content_block_delta", ",\"index\":" n ",\"delta\":{" more "}")
#define TEXT_PIECE(n, text) PIECE(n, "\"type\":\"text_delta\",\"text\":\"" text "\"")
#define JSON_PIECE(n, text) PIECE(n, "\"type\":\"input_json_delta\",\"partial_json\":\"" text "\"")
#define CLOSE(n) NAMED("content_block_stop", ",\"index\":" n "")
#define OPENS                                                                                                          \
    NAMED(                                                                                                             \
        "message_start",                                                                                               \
        ",\"message\":{\"id\":\"m1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"r\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}")
#define FINISH                                                                                                         \
    NAMED("message_delta",                                                                                             \
          ",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":9}")          \
    NAMED("message_stop", "")

Test(sink_restore, relays_messages_wherever_it_is_cut)
{
    gives(&face_messages, anthropic,
          OPENS BLOCK("0", "\"type\":\"thinking\",\"thinking\":\"\"")
              PIECE("0", "\"type\":\"thinking_delta\",\"thinking\":\"[X]\"")
                  PIECE("0", "\"type\":\"signature_delta\",\"signature\":\"[X]\"") CLOSE("0")
                      BLOCK("1", "\"type\":\"text\",\"text\":\"\"") TEXT_PIECE("1", "to [EMAIL_1") NAMED("ping", "")
                          TEXT_PIECE("1", "] [EMAIL_10") CLOSE("1")
                              BLOCK("2", "\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"mail\",\"input\":{}")
                                  JSON_PIECE("2", "{\\\"to\\\": \\\"[EMAI") JSON_PIECE("2", "L_10]\\\"} [X]") CLOSE("2")
                                      FINISH,
          OPENS BLOCK("0", "\"type\":\"thinking\",\"thinking\":\"\"")
              PIECE("0", "\"type\":\"thinking_delta\",\"thinking\":\"[X]\"")
                  PIECE("0", "\"type\":\"signature_delta\",\"signature\":\"[X]\"") CLOSE("0")
                      BLOCK("1", "\"type\":\"text\",\"text\":\"\"") TEXT_PIECE("1", "to ") NAMED("ping", "")
                          TEXT_PIECE("1", "a@b.de ") TEXT_PIECE("1", "[EMAIL_10") CLOSE("1")
                              BLOCK("2", "\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"mail\",\"input\":{}")
                                  JSON_PIECE("2", "{\\\"to\\\": \\\"")
                                      JSON_PIECE("2", "\\\\\\\"J\\\\\\\" \xc3\xbc\\\"} [X]") CLOSE("2") FINISH);
}

/* A stream that breaks off, or reports an error: what waits comes before the error. */
Test(sink_restore, lets_go_what_waits_before_an_error)
{
    struct fixture f;
    open_gateway(&f, &face_messages, anthropic);
    struct request *req = begin(&f, CHAT(",\"stream\":true"));
    fake_head(200, EVENTS);
    fake_body(TEXT(OPENS BLOCK("0", "\"type\":\"text\",\"text\":\"\"") TEXT_PIECE("0", "to [EMAIL_1")));
    cr_assert(text_find(buf_view(&f.body), TEXT("[EMAIL_1")) < 0);
    fake_done(TRANSFER_CUT);
    ptrdiff_t waits = text_find(buf_view(&f.body), TEXT(TEXT_PIECE("0", "[EMAIL_1"))),
              error = text_find(buf_view(&f.body), TEXT("event: error"));
    cr_assert(waits >= 0 && error > waits);
    over(&f, req);
}

/* What the client gets as texts, whatever the cut of the model's words. */
static void says(const struct face *face, const char *const *plugins, const char *first, const char *open,
                 const char *close, const char *last)
{
    static const char line[] = "to [EMAIL_1], [EMAIL_10] or [EMAIL_2] [EMAIL_";
    struct fixture f;
    size_t count = 0;
    for (size_t at = 0; at <= strlen(line); at++)
        for (size_t more = at; more <= strlen(line); more += 5) {
            struct buf body;
            struct arena arena;
            struct said said;
            buf_init(&body, 1 << 20);
            arena_init(&arena, NULL, 0, 1 << 24);
            buf_printf(&body, "%s%s%.*s%s%s%.*s%s%s%s%s%s", first, open, (int)at, line, close, open, (int)(more - at),
                       line + at, close, open, line + more, close, last);
            open_again(&f, face, plugins, count++);
            struct request *req = begin(&f, CHAT(",\"stream\":true"));
            answer(buf_view(&body), body.len / 2);
            cr_assert(f.ended);
            cr_assert(said_read(&arena, buf_view(&f.body), true, &said));
            cr_assert(text_is(said.text, "to a@b.de, \"J\" \xc3\xbc or [EMAIL_2] [EMAIL_"), "%.*s",
                      TEXT_ARG(said.text));
            cr_assert_eq(req->usage.input, 7);
            cr_assert_eq(req->usage.output, 9);
            request_end(req);
            arena_fini(&arena);
            buf_free(&body);
        }
    fixture_close(&f);
}

Test(sink_restore, each_way_gives_the_same_text)
{
    const char *chat_open = "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"",
               *chat_close = "\"},\"finish_reason\":null}]}\n\n", *chat_last = CHUNK(END("0", "")) USAGE DONE_MARK;
    const char *
        open =
           "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"",
       *close = "\"}}\n\n", *first = OPENS BLOCK("0", "\"type\":\"text\",\"text\":\"\""), *last = CLOSE("0") FINISH;
    says(&face_chat, openai, "", chat_open, chat_close, chat_last);
    says(&face_messages, openai, "", chat_open, chat_close, chat_last);
    says(&face_chat, anthropic, first, open, close, last);
    says(&face_messages, anthropic, first, open, close, last);
}

/* A whole answer. */
static void whole(const struct face *face, const char *const *plugins, const char *sent, const char *want)
{
    struct fixture f;
    open_gateway(&f, face, plugins);
    struct request *req = begin(&f, CHAT(""));
    fake_answer(200, "application/json", text_of(sent), 11);
    cr_assert(text_eq(buf_view(&f.body), text_of(want)), "%.*s", TEXT_ARG(buf_view(&f.body)));
    over(&f, req);
}

#define BODY(text, arguments)                                                                                                                 \
    "{\"id\":\"c1\", \"odd\":\"[X]\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"reasoning\":\"[X]\",\"content\":\"" text \
    "\",\"tool_calls\":[{\"id\":\"[X]\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"" arguments                        \
    "\"}}]},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":9}}"
#define MESSAGE(text, input)                                                                                                                                     \
    "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"r\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"[X]\",\"signature\":\"[X]\"}," \
    "{\"type\":\"text\",\"text\":\"" text "\"},{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":" input                                              \
    "}],\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":7,\"output_tokens\":9}}"

Test(sink_restore, restores_whole_answers)
{
    whole(&face_chat, openai, BODY("\\u005bX] \\/ [EMAIL_10]\\n", "{\\\"a\\\":\\\"[EMAIL_10] [X]\\\"}"),
          BODY("x \\/ \\\"J\\\" \xc3\xbc\\n", "{\\\"a\\\":\\\"\\\\\\\"J\\\\\\\" \xc3\xbc [X]\\\"}"));
    whole(&face_messages, anthropic, MESSAGE("[EMAIL_1]!", "{\"[EMAIL_1]\": [\"[X]\", {\"a\":\"[EMAIL_10]\"}, 1e2]}"),
          MESSAGE("a@b.de!", "{\"a@b.de\": [\"[X]\", {\"a\":\"\\\"J\\\" \xc3\xbc\"}, 1e2]}"));
    whole(&face_chat, openai, BODY("nothing", "{}"), BODY("nothing", "{}"));
}
