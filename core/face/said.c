/* said.c - reads an answer: a body, or the events of a stream, by what stands in them. */
#include "face/said.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"

enum { CHOICES_MOST = 16, CALLS_MOST = 256 };

struct call {
    int64_t key; /* choice and index of a stream's pieces */
    struct text id, name;
    struct buf arguments;
};

struct reading {
    struct arena *arena;
    struct buf texts[CHOICES_MOST];
    struct call *calls;
    size_t count;
    struct text finish;
    bool refused, seen;
};

static void add_text(struct reading *r, int64_t choice, const struct json *text)
{
    struct text t = json_str(text);
    r->texts[choice >= 0 && choice < CHOICES_MOST ? choice : CHOICES_MOST - 1].failed |=
        buf_text(&r->texts[choice >= 0 && choice < CHOICES_MOST ? choice : CHOICES_MOST - 1], t) < 0;
}

static struct call *call_of(struct reading *r, int64_t key)
{
    for (size_t i = 0; key >= 0 && i < r->count; i++)
        if (r->calls[i].key == key)
            return &r->calls[i];
    if (r->count == CALLS_MOST)
        return &r->calls[CALLS_MOST - 1];
    struct call *c = &r->calls[r->count++];
    c->key = key;
    buf_init(&c->arguments, 64u << 20);
    return c;
}

/* A call, or a piece of one. Arguments are a string, or a value. */
static void add_call(struct reading *r, int64_t key, const struct json *id, const struct json *name,
                     const struct json *arguments)
{
    struct call *c = call_of(r, key);
    if (json_str(id).len > 0)
        c->id = arena_text(r->arena, json_str(id));
    if (json_str(name).len > 0)
        c->name = arena_text(r->arena, json_str(name));
    buf_text(&c->arguments, json_type(arguments) == JSON_T_STR ? json_str(arguments) : json_text(arguments));
}

static void set_finish(struct reading *r, const struct json *finish)
{
    if (json_str(finish).len > 0)
        r->finish = arena_text(r->arena, json_str(finish));
}

/* OpenAI's: a choice of a body or of a chunk. */
static void read_choice(struct reading *r, const struct json *choice)
{
    int64_t index = json_int(json_member(choice, "index"), 0);
    const struct json *message = json_member(choice, "message");
    if (message == NULL)
        message = json_member(choice, "delta");
    add_text(r, index, json_member(choice, "text")); /* the older completions */
    add_text(r, index, json_member(message, "content"));
    add_text(r, index, json_member(message, "refusal"));
    r->refused = r->refused || json_str(json_member(message, "refusal")).len > 0;
    const struct json *calls = json_member(message, "tool_calls");
    for (size_t i = 0; i < json_count(calls); i++) {
        const struct json *call = json_at(calls, i), *function = json_member(call, "function");
        if (function == NULL)
            function = json_member(call, "custom");
        const struct json *arguments = json_member(function, "arguments");
        add_call(r, index * 100000 + json_int(json_member(call, "index"), (int64_t)i), json_member(call, "id"),
                 json_member(function, "name"), arguments != NULL ? arguments : json_member(function, "input"));
    }
    set_finish(r, json_member(choice, "finish_reason"));
}

/* Anthropic's: a block of a body, or the begin of one in a stream. */
static void read_block(struct reading *r, const struct json *block, int64_t key, bool begins)
{
    struct text type = json_str(json_member(block, "type"));
    if (text_is(type, "text"))
        add_text(r, 0, json_member(block, "text"));
    else if (text_ends(type, TEXT("tool_use")))
        add_call(r, key, json_member(block, "id"), json_member(block, "name"),
                 begins ? NULL : json_member(block, "input"));
}

/* Of responses: an item of the output. `texts`: its text was not read in pieces. */
static void read_item(struct reading *r, const struct json *item, bool texts)
{
    const struct json *content = json_member(item, "content"), *arguments = json_member(item, "arguments");
    if (text_ends(json_str(json_member(item, "type")), TEXT("_call")) && json_member(item, "name") != NULL)
        add_call(r, -1, json_member(item, "call_id"), json_member(item, "name"),
                 arguments != NULL ? arguments : json_member(item, "input"));
    for (size_t i = 0; texts && text_is(json_str(json_member(item, "type")), "message") && i < json_count(content);
         i++) {
        add_text(r, 0, json_member(json_at(content, i), "text"));
        add_text(r, 0, json_member(json_at(content, i), "refusal"));
        r->refused = r->refused || json_member(json_at(content, i), "refusal") != NULL;
    }
}

static void read_response_end(struct reading *r, const struct json *response)
{
    const struct json *why = json_member(json_member(response, "incomplete_details"), "reason");
    set_finish(r, why != NULL ? why : json_member(response, "status"));
}

static void read_event(struct reading *r, const struct json *v)
{
    struct text type = json_str(json_member(v, "type"));
    const struct json *delta = json_member(v, "delta"), *choices = json_member(v, "choices");
    int64_t index = json_int(json_member(v, "index"), 0);
    for (size_t i = 0; i < json_count(choices); i++)
        read_choice(r, json_at(choices, i));
    if (text_is(type, "content_block_start")) {
        read_block(r, json_member(v, "content_block"), index, true);
    } else if (text_is(type, "content_block_delta")) {
        add_text(r, 0, json_member(delta, "text"));
        if (json_member(delta, "partial_json") != NULL)
            add_call(r, index, NULL, NULL, json_member(delta, "partial_json"));
    } else if (text_is(type, "message_delta")) {
        set_finish(r, json_member(delta, "stop_reason"));
    } else if (text_is(type, "response.output_text.delta") || text_is(type, "response.refusal.delta")) {
        add_text(r, 0, delta);
        r->refused = r->refused || text_is(type, "response.refusal.delta");
    } else if (text_is(type, "response.output_item.done")) {
        read_item(r, json_member(v, "item"), false);
    } else if (text_is(type, "response.completed") || text_is(type, "response.incomplete")) {
        read_response_end(r, json_member(v, "response"));
    }
    r->seen = r->seen || choices != NULL || type.len > 0;
}

static void read_whole(struct reading *r, const struct json *v)
{
    const struct json *choices = json_member(v, "choices"), *content = json_member(v, "content"),
                      *output = json_member(v, "output");
    for (size_t i = 0; i < json_count(choices); i++)
        read_choice(r, json_at(choices, i));
    for (size_t i = 0; i < json_count(content); i++)
        read_block(r, json_at(content, i), -1, false);
    for (size_t i = 0; i < json_count(output); i++)
        read_item(r, json_at(output, i), true);
    if (content != NULL)
        set_finish(r, json_member(v, "stop_reason"));
    if (output != NULL)
        read_response_end(r, v);
    r->seen = choices != NULL || content != NULL || output != NULL;
}

/* Each line of data, which our faces and all services write as one. */
static void read_stream(struct reading *r, struct text rest)
{
    while (rest.len > 0) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        struct text line = { rest.ptr, end != NULL ? (size_t)(end - rest.ptr) : rest.len };
        rest = end != NULL ? (struct text){ end + 1, rest.len - line.len - 1 } : TEXT("");
        if (text_starts(line, TEXT("data:")))
            line = text_trim((struct text){ line.ptr + 5, line.len - 5 });
        else
            continue;
        if (text_starts(line, TEXT("{")))
            read_event(r, json_parse_quick(r->arena, line));
    }
}

static const char *finish_of(const struct reading *r)
{
    static const struct {
        const char *name, *finish;
    } names[] = {
        { "stop", "stop" },
        { "end_turn", "stop" },
        { "stop_sequence", "stop" },
        { "completed", "stop" },
        { "length", "length" },
        { "max_tokens", "length" },
        { "max_output_tokens", "length" },
        { "model_context_window_exceeded", "length" },
        { "tool_calls", "tool_calls" },
        { "tool_use", "tool_calls" },
        { "function_call", "tool_calls" },
        { "content_filter", "content_filter" },
        { "refusal", "refusal" },
    };
    if (r->refused)
        return "refusal";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (text_is(r->finish, names[i].name))
            return text_is(r->finish, "completed") && r->count > 0 ? "tool_calls" : names[i].finish;
    return "";
}

bool said_read(struct arena *arena, struct text bytes, bool streamed, struct said *out)
{
    struct reading r = { .arena = arena, .calls = arena_array(arena, struct call, CALLS_MOST) };
    struct buf all;
    bool failed = false;
    buf_init(&all, 64u << 20);
    for (size_t i = 0; i < CHOICES_MOST; i++)
        buf_init(&r.texts[i], 64u << 20);
    if (streamed)
        read_stream(&r, bytes);
    else
        read_whole(&r, json_parse_quick(arena, bytes));
    for (size_t i = 0; i < CHOICES_MOST; i++) {
        failed = failed || r.texts[i].failed || buf_text(&all, buf_view(&r.texts[i])) < 0;
        buf_free(&r.texts[i]);
    }
    *out = (struct said){ .text = all.len > 0 ? arena_text(arena, buf_view(&all)) : TEXT(""),
                          .calls = arena_array(arena, struct talk_call, r.count + 1),
                          .call_count = r.count,
                          .finish = finish_of(&r) };
    for (size_t i = 0; i < r.count; i++) {
        failed = failed || r.calls[i].arguments.failed;
        out->calls[i] = (struct talk_call){ .id = r.calls[i].id,
                                            .name = r.calls[i].name,
                                            .arguments = arena_text(arena, buf_view(&r.calls[i].arguments)) };
        buf_free(&r.calls[i].arguments);
    }
    buf_free(&all);
    if (failed)
        arena->full = true;
    return r.seen && !arena->full;
}
