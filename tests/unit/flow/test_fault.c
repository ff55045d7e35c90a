/* test_fault.c - on the way of an answer every append and every allocation fails once, in turn: each time the client gets
 * all of the answer or an error, never less that passes for all. */
#include <ctype.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fault.h"
#include "check.h"
#include "fake_transfer.h"
#include "fixture.h"

#ifdef GW_TEST_BUILD

#define EVENTS "text/event-stream"
#define JSON "application/json"

#define CHAT_WHOLE                                                                                                                   \
    "{\"id\":\"c1\",\"model\":\"up\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hi \\u00e9\","      \
    "\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"Hm\",\"signature\":\"xyz\",\"index\":0,\"format\":\"own-v1\"}]," \
    "\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"http://x.test\",\"title\":\"T\"}}],"                    \
    "\"images\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA\"}}],"                                    \
    "\"tool_calls\":[{\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"put\",\"arguments\":\"{\\\"k\\\":1}\"}},"         \
    "{\"id\":\"t2\",\"type\":\"function\",\"function\":{\"name\":\"put\",\"arguments\":\"\"}}]},"                                    \
    "\"logprobs\":{\"content\":[{\"token\":\"Hi\",\"logprob\":-1}]},\"finish_reason\":\"tool_calls\"}],"                             \
    "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}"

#define CHAT_CHUNK(delta, finish)                                                                                      \
    "data: {\"id\":\"c1\",\"model\":\"up\",\"choices\":[{\"index\":0,\"delta\":{" delta "},\"finish_reason\":" finish  \
    "}]}\n\n"
#define CHAT_STREAM                                                                                                                      \
    ": hello\n\n" CHAT_CHUNK("\"role\":\"assistant\",\"content\":\"\"", "null") CHAT_CHUNK(                                              \
        "\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"Hm\",\"signature\":\"xyz\",\"index\":0,\"format\":\"own-v1\"}]", \
        "null") CHAT_CHUNK("\"content\":\"Hi \\u00e9\"", "null")                                                                         \
        CHAT_CHUNK(                                                                                                                      \
            "\"tool_calls\":[{\"index\":0,\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"put\",\"arguments\":\"\"}}]",     \
            "null") CHAT_CHUNK("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"k\\\":1}\"}}]",                          \
                               "null")                                                                                                   \
            CHAT_CHUNK(                                                                                                                  \
                "\"tool_calls\":[{\"index\":1,\"id\":\"t2\",\"type\":\"function\",\"function\":{\"name\":\"put\"}}]",                    \
                "null")                                                                                                                  \
                CHAT_CHUNK(                                                                                                              \
                    "",                                                                                                                  \
                    "\"tool_calls\"") "data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\ndata: [DONE]\n\n"

#define MESSAGES_WHOLE                                                                                                              \
    "{\"id\":\"m1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"up\",\"content\":["                                     \
    "{\"type\":\"thinking\",\"thinking\":\"Hm\",\"signature\":\"xyz\"},{\"type\":\"redacted_thinking\",\"data\":\"zzz\"},"          \
    "{\"type\":\"server_tool_use\",\"id\":\"s1\",\"name\":\"web_search\",\"input\":{\"query\":\"q\"}},"                             \
    "{\"type\":\"text\",\"text\":\"Hi \\u00e9\",\"citations\":[{\"type\":\"web_search_result_location\",\"url\":\"http://x.test\"," \
    "\"title\":\"T\",\"cited_text\":\"t\",\"encrypted_index\":\"i\"}]},"                                                            \
    "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"put\",\"input\":{\"k\":1}},"                                                   \
    "{\"type\":\"tool_use\",\"id\":\"t2\",\"name\":\"put\",\"input\":{}}],"                                                         \
    "\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":2}}"

#define NAMED(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define BLOCK(index, block, delta)                                                                                     \
    NAMED("content_block_start", ",\"index\":" index ",\"content_block\":" block)                                      \
    NAMED("content_block_delta", ",\"index\":" index ",\"delta\":" delta)                                              \
    NAMED("content_block_stop", ",\"index\":" index)
#define MESSAGES_STREAM                                                                                                                                                \
    NAMED(                                                                                                                                                             \
        "message_start",                                                                                                                                               \
        ",\"message\":{\"id\":\"m1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"up\",\"content\":[],\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}") \
    BLOCK("0", "{\"type\":\"thinking\",\"thinking\":\"Hm\",\"signature\":\"\"}",                                                                                       \
          "{\"type\":\"signature_delta\",\"signature\":\"xyz\"}")                                                                                                      \
    BLOCK("1", "{\"type\":\"server_tool_use\",\"id\":\"s1\",\"name\":\"web_search\",\"input\":{}}",                                                                    \
          "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"query\\\":1}\"}")                                                                                    \
    BLOCK("2", "{\"type\":\"text\",\"text\":\"\"}", "{\"type\":\"text_delta\",\"text\":\"Hi \\u00e9\"}")                                                               \
    BLOCK("3", "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"put\",\"input\":{}}",                                                                                  \
          "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"k\\\":1}\"}")                                                                                        \
    NAMED("message_delta",                                                                                                                                             \
          ",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":2}")                                                          \
    NAMED("message_stop", "")

static const struct row {
    const char *name;
    const struct face *face;
    const char *plugin;
    bool stream;
    const char *type, *body;
} rows[] = {
    { "chat, whole, relayed", &face_chat, "openai", false, JSON, CHAT_WHOLE },
    { "chat, stream, relayed", &face_chat, "openai", true, EVENTS, CHAT_STREAM },
    { "chat, whole, translated", &face_chat, "anthropic", false, JSON, MESSAGES_WHOLE },
    { "chat, stream, translated", &face_chat, "anthropic", true, EVENTS, MESSAGES_STREAM },
    { "chat, stream of a whole answer", &face_chat, "anthropic", true, JSON, MESSAGES_WHOLE },
    { "chat, stream of its own whole answer", &face_chat, "openai", true, JSON, CHAT_WHOLE },
    { "chat, whole answer of a stream", &face_chat, "openai", false, EVENTS, CHAT_STREAM },
    { "messages, whole, relayed", &face_messages, "anthropic", false, JSON, MESSAGES_WHOLE },
    { "messages, stream, relayed", &face_messages, "anthropic", true, EVENTS, MESSAGES_STREAM },
    { "messages, whole, translated", &face_messages, "openai", false, JSON, CHAT_WHOLE },
    { "messages, stream, translated", &face_messages, "openai", true, EVENTS, CHAT_STREAM },
    { "messages, stream of a whole answer", &face_messages, "openai", true, JSON, CHAT_WHOLE },
    { "messages, whole answer of a stream", &face_messages, "anthropic", false, EVENTS, MESSAGES_STREAM },
};

static bool said(const struct fixture *f, const char *needle)
{
    return text_find(buf_view(&f->body), text_of(needle)) >= 0;
}

/* What differs between two requests is hexadecimal: ids, and the time. */
static void mask(struct buf *body)
{
    for (size_t i = 0; i < body->len; i++)
        if (isxdigit((unsigned char)body->ptr[body->start + i]))
            body->ptr[body->start + i] = '0';
}

/* Nobody reads the log of thousands of requests: a full pipe would stop its writer. */
static void drop_log(const struct fixture *f)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    cr_assert_geq(null, 0);
    cr_assert_geq(dup3(null, f->log_fds[1], O_CLOEXEC), 0);
    close(null);
}

/* One request whose n-th append or allocation after the head of the answer fails. False: there is no n-th. */
static bool run(struct fixture *f, const struct row *row, unsigned n)
{
    buf_free(&f->body);
    f->begun = f->ended = f->answered = f->aborted = f->timed_out = false;
    struct request *req = fixture_begin(
        f,
        row->stream
            ? "{\"model\":\"m\",\"max_tokens\":9,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
            : "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}");
    cr_assert(fake_runs());
    fault_arm(n);
    fake_answer(200, row->type, text_of(row->body), 100);
    bool fired = fault_fired();
    fault_arm(0);
    cr_assert(f->answered || f->ended || f->aborted, "%s: fault %u: it has no end", row->name, n);
    cr_assert_not(fake_runs());
    request_end(req);
    fixture_settle(f);
    mask(&f->body);
    return fired;
}

static bool is_error(const struct fixture *f, const struct row *row)
{
    if (f->aborted || (f->answered && f->status >= 400))
        return true;
    const char *mark = row->face == &face_chat ? "00t0: [DONE]" : "0v0nt: m0ss000_stop"; /* masked */
    const char *event = row->face == &face_chat ? "00t0: {\"0rror\":{" : "0v0nt: 0rror\n";
    return f->ended && said(f, event) && !said(f, mark);
}

Test(fault, ends_in_all_of_the_answer_or_an_error)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct fixture f;
        struct buf whole;
        unsigned n = 1, errors = 0;
        fixture_open_upstream(&f, &row->plugin, 1);
        f.face = row->face;
        f.is_quick = true;
        drop_log(&f);
        cr_assert_not(run(&f, row, 0));
        cr_assert_not(is_error(&f, row), "%s", row->name);
        buf_init(&whole, 1 << 20);
        buf_text(&whole, buf_view(&f.body));
        for (; run(&f, row, n); n++) {
            bool same = !f.aborted && text_eq(buf_view(&f.body), buf_view(&whole));
            bool error = is_error(&f, row);
            cr_assert(same || error, "%s: fault %u:\n%.*s\nis not\n%.*s", row->name, n, TEXT_ARG(buf_view(&f.body)),
                      TEXT_ARG(buf_view(&whole)));
            errors += error && !same;
        }
        cr_assert_gt(n, 10u, "%s", row->name);
        cr_assert_gt(errors, 0u, "%s", row->name);
        buf_free(&whole);
        fixture_close(&f);
    }
}

#else
typedef int fault_needs_a_build_for_tests;
#endif
