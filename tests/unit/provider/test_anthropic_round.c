/* test_anthropic_round.c - an answer of Anthropic's goes to a chat client as events, comes back in its next request,
 * and must be what it was: thinking and signatures to the byte, calls, text. And what build() remembers for read(). */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "anthropic_answer.h"
#include "anthropic_case.h"
#include "check.h"

static struct replay r;
static struct built built;

/* The assistant message of a chat, as it grows from events. */
static struct message {
    struct buf text, tools, details, origin;
    struct buf thought[16], signature[16];
    bool redacted[16];
    unsigned thoughts, calls;
    struct buf args[REPLAY_TOOLS];
    struct text id[REPLAY_TOOLS], name[REPLAY_TOOLS];
} m;

static void for_each(void (*fn)(struct buf *buf))
{
    struct buf *all[] = { &m.text, &m.tools, &m.details, &m.origin };
    for (size_t i = 0; i < 4; i++)
        fn(all[i]);
    for (size_t i = 0; i < 16; i++) {
        fn(&m.thought[i]);
        fn(&m.signature[i]);
        fn(&m.args[i]);
    }
}

static void begin_buf(struct buf *buf)
{
    buf_init(buf, 64 << 20);
}

static void on_event(gw_call *call, const gw_event *e)
{
    if (e->type == GW_EVENT_TEXT)
        buf_text(&m.text, call_text(e->text));
    if (e->type == GW_EVENT_REASONING || e->type == GW_EVENT_SIGNATURE) {
        cr_assert_lt(e->item, 16u);
        cr_assert(text_starts(call_text(e->id), TEXT("anthropic-claude-v1")));
        m.redacted[e->item] = text_ends(call_text(e->id), TEXT(":redacted"));
        m.thoughts = e->item + 1;
        buf_text(e->type == GW_EVENT_REASONING ? &m.thought[e->item] : &m.signature[e->item], call_text(e->text));
    }
    if (e->type == GW_EVENT_TOOL_CALL) {
        m.id[e->item] = arena_text(call->keep, call_text(e->id));
        m.name[e->item] = arena_text(call->keep, call_text(e->text));
        m.calls = e->item + 1;
    }
    if (e->type == GW_EVENT_TOOL_ARGS)
        buf_text(&m.args[e->item], call_text(e->text));
    if (e->type == GW_EVENT_ORIGIN)
        buf_str(&m.origin, "x");
}

static void read_one(struct text data, bool whole)
{
    gw_frame frame = { .size = sizeof frame,
                       .status = 200,
                       .end = whole,
                       .framing = whole ? GW_FRAMING_WHOLE : GW_FRAMING_SSE,
                       .data = call_str(data) };
    bool last = !whole && text_find(data, TEXT("\"message_stop\"")) >= 0;
    cr_assert_eq(r.ops->read(r.instance, &r.call, &frame, on_event), last ? GW_MISS : GW_OK);
    call_step_end(&r.call);
}

static void read_body(struct text body)
{
    bool is_stream = answer_is_stream(body);
    if (!is_stream)
        read_one(body, true);
    while (is_stream && body.ptr != NULL) {
        struct text line = text_cut(&body, '\n');
        if (text_starts(line, TEXT("data:")))
            read_one((struct text){ line.ptr + 5, line.len - 5 }, false);
    }
}

static void write_details(struct json_writer *w)
{
    json_name(w, "reasoning_details");
    json_array(w);
    for (unsigned i = 0; i < m.thoughts; i++) {
        json_object(w);
        json_name(w, "type");
        json_put_str(w, m.redacted[i] ? TEXT("reasoning.encrypted") : TEXT("reasoning.text"));
        if (!m.redacted[i]) {
            json_name(w, "text");
            json_put_str(w, buf_view(&m.thought[i]));
        }
        json_key(w, m.redacted[i] ? TEXT("data") : TEXT("signature"));
        json_put_str(w, buf_view(&m.signature[i]));
        json_name(w, "format");
        json_put_str(w, TEXT("anthropic-claude-v1"));
        json_name(w, "index");
        json_put_int(w, i);
        json_close(w);
    }
    json_close(w);
}

static void write_calls(struct json_writer *w)
{
    json_name(w, "tool_calls");
    json_array(w);
    for (unsigned i = 0; i < m.calls; i++) {
        json_object(w);
        json_name(w, "id");
        json_put_str(w, m.id[i]);
        json_name(w, "type");
        json_put_str(w, TEXT("function"));
        json_name(w, "function");
        json_object(w);
        json_name(w, "name");
        json_put_str(w, m.name[i]);
        json_name(w, "arguments");
        json_put_str(w, buf_view(&m.args[i]));
        json_close(w);
        json_close(w);
    }
    json_close(w);
}

/* The next request of a client that keeps what it received. */
static const struct json *next_chat(void)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, 64 << 20);
    json_writer_init(&w, &out);
    json_object(&w);
    json_name(&w, "messages");
    json_array(&w);
    json_put_raw(&w, TEXT("{\"role\":\"user\",\"content\":\"Go on.\"}"));
    json_object(&w);
    json_name(&w, "role");
    json_put_str(&w, TEXT("assistant"));
    json_name(&w, "content");
    json_put_str(&w, buf_view(&m.text));
    write_details(&w);
    if (m.calls > 0)
        write_calls(&w);
    json_close(&w);
    for (unsigned i = 0; i < m.calls; i++) {
        json_object(&w);
        json_name(&w, "role");
        json_put_str(&w, TEXT("tool"));
        json_name(&w, "tool_call_id");
        json_put_str(&w, m.id[i]);
        json_name(&w, "content");
        json_put_str(&w, TEXT("done"));
        json_close(&w);
    }
    if (m.calls == 0)
        json_put_raw(&w, TEXT("{\"role\":\"user\",\"content\":\"And?\"}"));
    json_close(&w);
    json_close(&w);
    cr_assert_eq(json_end(&w), 0);
    const struct json *chat = case_parse(&r.keep, arena_text(&r.keep, buf_view(&out)));
    buf_free(&out);
    return chat;
}

static struct answer answer;

static bool is_block(const struct json *v, const char *type)
{
    return text_is(json_str(json_member(v, "type")), type);
}

static bool same(const struct json *value, const struct buf *wanted)
{
    return text_eq(json_str(value), buf_view(wanted));
}

/* The assistant's turn of the built request against the answer: thinking first, each as it was. */
static void check_turn(const char *path, struct arena *arena)
{
    bool has_text = text_trim(buf_view(&m.text)).len > 0; /* Anthropic has sent a blank, and takes none */
    const struct json *content = json_member(json_at(json_member(built.body, "messages"), 1), "content");
    size_t at = 0;

    for (size_t i = 0; i < answer.count && (has_text || m.calls > 0); i++) {
        const struct json *got = json_at(content, at);
        if (answer_is(&answer.blocks[i], "thinking")) {
            cr_assert(is_block(got, "thinking") && same(json_member(got, "thinking"), &answer.blocks[i].thinking) &&
                          same(json_member(got, "signature"), &answer.blocks[i].signature) && json_count(got) == 3,
                      "%s: thinking %zu is %.*s", path, i, TEXT_ARG(json_text(got)));
        } else if (answer_is(&answer.blocks[i], "redacted_thinking")) {
            cr_assert(text_eq(case_canonical(arena, got), case_canonical(arena, answer.blocks[i].start)),
                      "%s: block %zu", path, i);
        } else {
            continue;
        }
        at++;
    }
    if (has_text) {
        cr_assert(same(json_member(json_at(content, at), "text"), &m.text), "%s", path);
        at++;
    }
    for (size_t i = 0; i < answer.count; i++) {
        if (!answer_is(&answer.blocks[i], "tool_use"))
            continue;
        const struct json *got = json_at(content, at++);
        const struct json *input = answer.blocks[i].input.len > 0 ? case_parse(arena, buf_view(&answer.blocks[i].input))
                                                                  : json_member(answer.blocks[i].start, "input");
        cr_assert(text_eq(json_str(json_member(got, "id")), json_str(json_member(answer.blocks[i].start, "id"))), "%s",
                  path);
        cr_assert(text_eq(case_canonical(arena, json_member(got, "input")), case_canonical(arena, input)), "%s", path);
    }
    cr_assert_eq(at, json_count(content), "%s", path);
}

/* 1 when there was thinking to be carried. */
static unsigned check_round(const char *path, struct text body, const char *model)
{
    struct arena arena;

    arena_init(&arena, NULL, 0, 256 << 20);
    memset(&m, 0, sizeof m);
    for_each(begin_buf);
    replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
    read_body(body);
    answer_read(&answer, body);
    replay_again(&r);
    memset(m.id, 0, sizeof m.id); /* they lay in the call that is over */
    unsigned calls = 0;
    for (size_t i = 0; i < answer.count; i++) {
        if (!answer_is(&answer.blocks[i], "tool_use"))
            continue;
        m.id[calls] = json_str(json_member(answer.blocks[i].start, "id"));
        m.name[calls++] = json_str(json_member(answer.blocks[i].start, "name"));
    }
    cr_assert_eq(calls, m.calls, "%s", path);
    built_begin(&built, &r, GW_OP_CHAT, model, next_chat(), false);
    cr_assert_eq(built.status, GW_OK, "%s: %.*s", path, TEXT_ARG(r.call.explain));
    check_turn(path, &arena);
    built_end(&built);
    replay_end(&r);
    unsigned thoughts = m.thoughts;
    for_each(buf_free);
    answer_forget(&answer);
    arena_fini(&arena);
    return thoughts > 0;
}

Test(anthropic_round, thinking_comes_back_as_it_was)
{
    char folder[512], path[1200], model[100];
    unsigned count = 0, thoughtful = 0;

    snprintf(folder, sizeof folder, "%s", check_shared("recordings/anthropic"));
    DIR *dir = opendir(folder);
    cr_assert_not_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct arena arena;
        struct text name = text_of(entry->d_name);
        if (!text_starts(name, TEXT("messages-")) || text_starts(name, TEXT("messages-error")))
            continue;
        arena_init(&arena, NULL, 0, 256 << 20);
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        const struct json *root = case_parse(&arena, replay_file(&arena, path));
        struct text asked = json_str(json_member(root, "model"));
        snprintf(model, sizeof model, "%.*s", TEXT_ARG(asked));
        thoughtful += check_round(entry->d_name, json_str(json_member(json_member(root, "response"), "body")), model);
        arena_fini(&arena);
        count++;
    }
    closedir(dir);
    cr_assert_geq(count, check_least(64), "%u answers", count);
    cr_assert_geq(thoughtful, check_least(8), "%u of them with thinking", thoughtful);
}

static void build(const char *model, const char *chat)
{
    built_begin(&built, &r, GW_OP_CHAT, model, case_parse(&r.keep, text_of(chat)), true);
    cr_assert_eq(built.status, GW_OK, "%.*s", TEXT_ARG(r.call.explain));
    built_end(&built);
}

static void check_lines(const char *stream, const char *lines)
{
    replay_body(&r, 200, GW_FRAMING_SSE, text_of(stream), 0);
    cr_assert(text_is(buf_view(&r.lines), lines), "%.*s", TEXT_ARG(buf_view(&r.lines)));
}

Test(anthropic_round, the_input_of_a_custom_tool_is_text_again)
{
    replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
    build("claude-haiku-4-5",
          "{\"messages\":[{\"role\":\"user\",\"content\":\"1\"}],\"tools\":[{\"type\":\"custom\",\"custom\":{"
          "\"name\":\"sql\"}},{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}");
    check_lines(
        "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t1\","
        "\"name\":\"sql\",\"input\":{}}}\n\n"
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\","
        "\"partial_json\":\"{\\\"input\\\": \\\"SELECT\"}}\n\n"
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\","
        "\"partial_json\":\" \\\\u00e9\\\"}\"}}\n\n"
        "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
        "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t2\","
        "\"name\":\"f\",\"input\":{\"a\":1}}}\n\n"
        "data: {\"type\":\"content_block_stop\",\"index\":1}\n\n"
        "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"}}\n\n",
        "start\n"
        "tool_call 0.0 id=\"t1\" text=\"sql\"\n"
        "custom_args 0.0 text=\"SELECT é\"\n"
        "tool_call 0.1 id=\"t2\" text=\"f\"\n"
        "tool_args 0.1 text=\"{\\\"a\\\":1}\"\n"
        "finish 0 text=\"tool_calls\"\n");
    replay_end(&r);
}

Test(anthropic_round, the_tool_that_stands_for_a_schema_is_the_answer)
{
    replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
    build("claude-sonnet-4-0", "{\"messages\":[{\"role\":\"user\",\"content\":\"1\"}],\"response_format\":{\"type\":"
                               "\"json_schema\",\"json_schema\":{"
                               "\"name\":\"person\",\"schema\":{\"type\":\"object\"}}}}");
    check_lines(
        "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t1\","
        "\"name\":\"person\",\"input\":{}}}\n\n"
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\","
        "\"partial_json\":\"{\\\"n\\\":\"}}\n\n"
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\","
        "\"partial_json\":\"1}\"}}\n\n"
        "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
        "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"}}\n\n",
        "start\n"
        "text 0 text=\"{\\\"n\\\":\"\n"
        "text 0 text=\"1}\"\n"
        "finish 0 text=\"stop\"\n");
    replay_end(&r);
}

Test(anthropic_round, blocks_come_back_byte_for_byte)
{
    static const char blocks_text[] =
        "[{\"type\":\"text\", \"text\":\"A\\u00e9\" },{\"type\":\"x\",\"n\":1.50,\"k\":[ ]}]";
    char chat[1024], wanted[512];

    snprintf(chat, sizeof chat,
             "{\"messages\":[{\"role\":\"user\",\"content\":\"1\"},"
             "{\"role\":\"assistant\",\"content\":\"Aé\",\"x_origin\":{"
             "\"dialect\":\"messages\",\"content\":%s}},{\"role\":\"user\",\"content\":\"2\"}]}",
             blocks_text);
    snprintf(wanted, sizeof wanted, "{\"role\":\"assistant\",\"content\":%s}", blocks_text);
    replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
    built_begin(&built, &r, GW_OP_CHAT, "claude-haiku-4-5", case_parse(&r.keep, text_of(chat)), false);
    cr_assert_eq(built.status, GW_OK);
    cr_assert(memmem(built.http.body.ptr, built.http.body.len, wanted, strlen(wanted)) != NULL, "%.*s",
              TEXT_ARG(buf_view(&built.http.body)));
    built_end(&built);
    replay_end(&r);
}
