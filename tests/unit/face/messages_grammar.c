/* messages_grammar.c - reads an Anthropic stream as a strict client would, by the vendor's documentation of
 * it: message_start first; blocks started, filled and stopped one after another, numbered from 0; one message_delta
 * with a stop reason; message_stop last. Written without looking at how the face writes it. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "messages_help.h"

struct reader {
    const char *what;
    bool json;
    struct help_message *out;
    struct buf text;              /* of the open block */
    struct help_block *open;      /* NULL: none is */
    bool started, stopped, delta; /* message_start, message_stop, message_delta seen */
    bool signed_;                 /* the open block's signature came: nothing may follow */
    unsigned pings, events;
};

static struct text member(const struct json *v, const char *name)
{
    return json_str(json_get(v, text_of(name)));
}

static bool is_legal_id(struct text id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    return id.len > 0;
}

static void check_usage(const struct reader *r, const struct json *usage)
{
    static const char *const counts[] = { "input_tokens", "output_tokens", "cache_read_input_tokens",
                                          "cache_creation_input_tokens" };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        cr_assert_geq(json_int(json_get(usage, text_of(counts[i])), -1), 0, "%s: %s", r->what, counts[i]);
    const struct json *creation = json_member(usage, "cache_creation");
    cr_assert_eq(json_int(json_member(creation, "ephemeral_5m_input_tokens"), -1) +
                     json_int(json_member(creation, "ephemeral_1h_input_tokens"), -1),
                 json_int(json_member(usage, "cache_creation_input_tokens"), -1), "%s", r->what);
}

static void on_message_start(struct reader *r, const struct json *v)
{
    const struct json *m = json_member(v, "message");
    cr_assert(!r->started, "%s: a second message_start", r->what);
    r->started = true;
    cr_assert(text_starts(member(m, "id"), TEXT("msg_")), "%s", r->what);
    cr_assert(text_is(member(m, "type"), "message"), "%s", r->what);
    cr_assert(text_is(member(m, "role"), "assistant"), "%s", r->what);
    cr_assert(json_type(json_member(m, "content")) == JSON_T_ARRAY && json_count(json_member(m, "content")) == 0, "%s",
              r->what);
    cr_assert_eq(json_type(json_member(m, "stop_reason")), JSON_T_NULL, "%s", r->what);
    check_usage(r, json_member(m, "usage"));
    r->out->id = member(m, "id");
    r->out->model = member(m, "model");
    r->out->input_at_start = json_int(help_at(m, "usage.input_tokens"), 0);
    cr_assert_gt(r->out->input_at_start, 0, "%s: no input tokens at the start", r->what);
}

static void on_block_start(struct reader *r, const struct json *v)
{
    const struct json *block = json_member(v, "content_block");
    struct text type = member(block, "type");
    cr_assert(r->open == NULL, "%s: a block begins inside of another", r->what);
    cr_assert(!r->delta, "%s: a block after message_delta", r->what);
    cr_assert_eq(json_int(json_member(v, "index"), -1), (int64_t)r->out->count, "%s: indexes are not consecutive",
                 r->what);
    cr_assert_lt(r->out->count, (size_t)HELP_BLOCKS, "%s", r->what);
    r->open = &r->out->blocks[r->out->count++];
    *r->open = (struct help_block){ .raw = json_text(block) };
    snprintf(r->open->type, sizeof r->open->type, "%.*s", TEXT_ARG(type));
    r->signed_ = false;
    if (text_is(type, "text")) {
        cr_assert_eq(member(block, "text").len, 0u, "%s", r->what);
    } else if (text_is(type, "thinking")) {
        cr_assert_eq(member(block, "thinking").len, 0u, "%s", r->what);
    } else if (text_is(type, "tool_use")) {
        r->open->id = member(block, "id");
        r->open->name = member(block, "name");
        cr_assert(is_legal_id(r->open->id), "%s: id %.*s", r->what, TEXT_ARG(r->open->id));
        cr_assert(json_type(json_member(block, "input")) == JSON_T_OBJECT, "%s", r->what);
        cr_assert_eq(json_count(json_member(block, "input")), 0u, "%s", r->what);
    } else {
        cr_assert(type.len > 0, "%s", r->what);
    }
}

static void on_delta(struct reader *r, const struct json *v)
{
    const struct json *delta = json_member(v, "delta");
    struct text type = member(delta, "type");
    cr_assert(r->open != NULL, "%s: a delta outside of blocks", r->what);
    cr_assert_eq(json_int(json_member(v, "index"), -1), (int64_t)r->out->count - 1, "%s: a delta of another block",
                 r->what);
    cr_assert(!r->signed_, "%s: something after the signature", r->what);
    if (text_is(type, "text_delta") && strcmp(r->open->type, "text") == 0) {
        buf_text(&r->text, member(delta, "text"));
    } else if (text_is(type, "citations_delta") && strcmp(r->open->type, "text") == 0) {
        cr_assert(json_type(json_member(delta, "citation")) == JSON_T_OBJECT, "%s", r->what);
        r->open->citations++;
    } else if (text_is(type, "thinking_delta") && strcmp(r->open->type, "thinking") == 0) {
        buf_text(&r->text, member(delta, "thinking"));
    } else if (text_is(type, "signature_delta") && strcmp(r->open->type, "thinking") == 0) {
        r->open->signature = member(delta, "signature");
        cr_assert_gt(r->open->signature.len, 0u, "%s", r->what);
        r->signed_ = true;
    } else if (text_is(type, "input_json_delta") && strcmp(r->open->type, "tool_use") == 0) {
        buf_text(&r->text, member(delta, "partial_json"));
    } else {
        cr_assert(false, "%s: a %.*s in a %s block", r->what, TEXT_ARG(type), r->open->type);
    }
}

static void on_block_stop(struct reader *r, const struct json *v)
{
    cr_assert(r->open != NULL, "%s: a stop without a start", r->what);
    cr_assert_eq(json_int(json_member(v, "index"), -1), (int64_t)r->out->count - 1, "%s", r->what);
    r->open->text = arena_text(&help.arena, buf_view(&r->text));
    if (strcmp(r->open->type, "thinking") == 0)
        cr_assert(r->signed_, "%s: thinking without a signature", r->what);
    if (strcmp(r->open->type, "tool_use") == 0 && r->json) {
        if (r->open->text.len == 0)
            r->open->text = TEXT("{}");
        cr_assert(json_type(help_json(r->open->text)) == JSON_T_OBJECT, "%s", r->what);
    }
    buf_free(&r->text);
    r->open = NULL;
}

static void on_message_delta(struct reader *r, const struct json *v)
{
    static const char *const reasons[] = {
        "end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal", "pause_turn", "model_context_window_exceeded"
    };
    bool known = false;
    cr_assert(r->open == NULL, "%s: message_delta inside of a block", r->what);
    cr_assert(!r->delta, "%s: a second message_delta", r->what);
    r->delta = true;
    r->out->stop_reason = json_str(help_at(v, "delta.stop_reason"));
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        known = known || text_is(r->out->stop_reason, reasons[i]);
    cr_assert(known, "%s: stop reason %.*s", r->what, TEXT_ARG(r->out->stop_reason));
    cr_assert(help_at(v, "delta.stop_sequence") != NULL, "%s", r->what);
    r->out->usage = json_member(v, "usage");
    check_usage(r, r->out->usage);
}

static const struct {
    const char *name;
    void (*read)(struct reader *r, const struct json *v);
} events[] = {
    { "message_start", on_message_start }, { "content_block_start", on_block_start },
    { "content_block_delta", on_delta },   { "content_block_stop", on_block_stop },
    { "message_delta", on_message_delta },
};

static void on_event(struct reader *r, struct text name, struct text data)
{
    const struct json *v = help_json(data);
    cr_assert(!r->stopped, "%s: something after message_stop", r->what);
    cr_assert(text_eq(member(v, "type"), name), "%s: event and type differ", r->what);
    r->events++;
    if (text_is(name, "ping")) {
        r->pings++;
        return;
    }
    cr_assert(r->started || text_is(name, "message_start"), "%s: %.*s comes first", r->what, TEXT_ARG(name));
    if (text_is(name, "message_stop")) {
        cr_assert(r->delta, "%s: no message_delta", r->what);
        r->stopped = true;
        return;
    }
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        if (text_is(name, events[i].name)) {
            events[i].read(r, v);
            return;
        }
    }
    cr_assert(false, "%s: unknown event %.*s", r->what, TEXT_ARG(name));
}

void help_read_stream(struct text sse, const char *what, bool json, struct help_message *out)
{
    struct reader r = { .what = what, .json = json, .out = out };
    memset(out, 0, sizeof *out);
    buf_init(&r.text, 64 << 20);
    while (sse.len > 0) {
        ptrdiff_t end = text_find(sse, TEXT("\n\n"));
        cr_assert_geq(end, 0, "%s: the last event is not ended", what);
        struct text event = { sse.ptr, (size_t)end }, name = text_cut(&event, '\n'), data = event;
        sse = (struct text){ sse.ptr + end + 2, sse.len - (size_t)end - 2 };
        cr_assert(text_starts(name, TEXT("event: ")) && text_starts(data, TEXT("data: ")), "%s: %.*s", what,
                  TEXT_ARG(name));
        cr_assert_lt(text_find(data, TEXT("\n")), 0, "%s", what);
        on_event(&r, (struct text){ name.ptr + 7, name.len - 7 }, (struct text){ data.ptr + 6, data.len - 6 });
    }
    buf_free(&r.text);
    out->complete = r.stopped;
    cr_assert(r.stopped, "%s: no message_stop", what);
    cr_assert_eq(r.pings, 1u, "%s", what);
}

void help_read_whole(struct text body, const char *what, struct help_message *out)
{
    const struct json *v = help_json(body), *content = json_member(v, "content");
    struct reader r = { .what = what };
    memset(out, 0, sizeof *out);
    cr_assert(text_is(member(v, "type"), "message") && text_is(member(v, "role"), "assistant"), "%s", what);
    out->id = member(v, "id");
    out->model = member(v, "model");
    out->stop_reason = member(v, "stop_reason");
    out->usage = json_member(v, "usage");
    out->complete = true;
    check_usage(&r, out->usage);
    for (size_t i = 0; i < json_count(content); i++) {
        const struct json *block = json_at(content, i);
        struct help_block *b = &out->blocks[out->count++];
        cr_assert_lt(out->count, (size_t)HELP_BLOCKS, "%s", what);
        snprintf(b->type, sizeof b->type, "%.*s", TEXT_ARG(member(block, "type")));
        b->raw = json_text(block);
        b->id = member(block, "id");
        b->name = member(block, "name");
        b->signature = member(block, "signature");
        b->citations = (unsigned)json_count(json_member(block, "citations"));
        b->text = member(block, strcmp(b->type, "thinking") == 0 ? "thinking" : "text");
        if (strcmp(b->type, "tool_use") == 0)
            b->text = json_text(json_member(block, "input"));
    }
}

void help_same(const struct help_message *stream, const struct help_message *whole, const char *what)
{
    cr_assert_eq(stream->count, whole->count, "%s", what);
    cr_assert(text_eq(stream->stop_reason, whole->stop_reason), "%s: %.*s and %.*s", what,
              TEXT_ARG(stream->stop_reason), TEXT_ARG(whole->stop_reason));
    cr_assert(text_eq(stream->id, whole->id) && text_eq(stream->model, whole->model), "%s", what);
    for (size_t i = 0; i < stream->count; i++) {
        const struct help_block *x = &stream->blocks[i], *y = &whole->blocks[i];
        cr_assert_str_eq(x->type, y->type, "%s: block %zu", what, i);
        if (strcmp(x->type, "tool_use") == 0) {
            cr_assert(help_equal(help_json(x->text), help_json(y->text)), "%s: block %zu", what, i);
            cr_assert(text_eq(x->name, y->name) && text_eq(x->id, y->id), "%s: block %zu", what, i);
        } else if (strcmp(x->type, "text") == 0 || strcmp(x->type, "thinking") == 0) {
            cr_assert(text_eq(x->text, y->text) && text_eq(x->signature, y->signature), "%s: block %zu", what, i);
            cr_assert_leq(x->citations, y->citations, "%s: block %zu", what, i);
        } else {
            cr_assert(help_equal(help_json(x->raw), help_json(y->raw)), "%s: block %zu", what, i);
        }
    }
}
