/* messages_stream.c - an Anthropic stream from events. Blocks are written one after another, each with its start, deltas
 * and stop: Anthropic's never interleave. What belongs to a later block is held until its turn comes. */
#include "canon/view.h"
#include "face/messages/messages_inside.h"

/* Opens an event; its JSON is written next. */
static void begin(struct buf *out, const char *name, struct json_writer *w)
{
    buf_str(out, "event: ");
    buf_str(out, name);
    buf_str(out, "\ndata: ");
    json_writer_init(w, out);
    json_object(w);
    json_name(w, "type");
    json_put_str(w, text_of(name));
}

static void end(struct buf *out, struct json_writer *w)
{
    json_close(w);
    out->failed = json_end(w) < 0 || out->failed;
    buf_str(out, "\n\n");
}

/* Everything before the first block. The real input count comes at the end; clients read one here. */
static void start(struct face_answer *answer, struct messages_answer *s, struct buf *out)
{
    struct json_writer w;
    if (s->started)
        return;
    s->started = true;
    begin(out, "message_start", &w);
    json_name(&w, "message");
    messages_write_head(answer, &w);
    json_name(&w, "content");
    json_array(&w);
    json_close(&w);
    json_name(&w, "stop_reason");
    json_put_null(&w);
    json_name(&w, "stop_sequence");
    json_put_null(&w);
    json_name(&w, "usage");
    messages_write_usage(answer, s, &w);
    json_close(&w);
    end(out, &w);
    buf_text(out, dialect_messages.ping);
}

static void begin_block_event(const struct messages_answer *s, const char *name, struct buf *out, struct json_writer *w)
{
    begin(out, name, w);
    json_name(w, "index");
    json_put_int(w, s->index);
}

/* One delta with one string; the path of each token. */
static void say_delta(const struct messages_answer *s, const char *type, const char *member, struct text value,
                      struct buf *out)
{
    struct json_writer w;
    begin_block_event(s, "content_block_delta", out, &w);
    json_name(&w, "delta");
    json_object(&w);
    json_name(&w, "type");
    json_put_str(&w, text_of(type));
    json_key(&w, text_of(member));
    json_put_str(&w, value);
    json_close(&w);
    end(out, &w);
}

static void say_open(const struct face_answer *answer, struct messages_block *b, struct buf *out)
{
    struct json_writer w;
    b->open = true;
    begin_block_event(answer->state, "content_block_start", out, &w);
    json_name(&w, "content_block");
    if (b->kind == BLOCK_RAW) {
        json_put_trusted(&w, b->raw);
        end(out, &w);
        return;
    }
    json_object(&w);
    json_name(&w, "type");
    if (b->kind == BLOCK_TEXT) {
        json_put_str(&w, TEXT("text"));
        json_name(&w, "text");
        json_put_str(&w, TEXT(""));
    } else if (b->kind == BLOCK_THINKING) {
        json_put_str(&w, TEXT("thinking"));
        json_name(&w, "thinking");
        json_put_str(&w, TEXT(""));
        json_name(&w, "signature");
        json_put_str(&w, TEXT(""));
    } else {
        json_put_str(&w, TEXT("tool_use"));
        json_name(&w, "id");
        json_put_str(&w, messages_call_id(answer, b));
        json_name(&w, "name");
        json_put_str(&w, b->name);
        json_name(&w, "input");
        json_object(&w);
        json_close(&w);
    }
    json_close(&w);
    end(out, &w);
}

static void say_citations(struct messages_answer *s, struct messages_block *b, struct buf *out)
{
    struct text all = text_of(arena_printf(s->arena, "[%.*s]", TEXT_ARG(buf_view(&b->extra))));
    const struct json *list = json_parse_quick(s->arena, all);
    for (size_t i = 0; i < json_count(list); i++) {
        struct json_writer w;
        begin_block_event(s, "content_block_delta", out, &w);
        json_name(&w, "delta");
        json_object(&w);
        json_name(&w, "type");
        json_put_str(&w, TEXT("citations_delta"));
        json_name(&w, "citation");
        json_put_json(&w, json_at(list, i));
        json_close(&w);
        end(out, &w);
    }
    buf_truncate(&b->extra, 0);
}

/* What is held of the block that is open. */
static void say_held(struct messages_answer *s, struct messages_block *b, struct buf *out)
{
    if (b->kind == BLOCK_TEXT && b->extra.len > 0)
        say_citations(s, b, out);
    if (b->held.len == 0 || b->custom || (b->kind == BLOCK_CALL && !b->said_args && !messages_is_object(b)))
        return;
    if (b->kind == BLOCK_TEXT) {
        say_delta(s, "text_delta", "text", buf_view(&b->held), out);
    } else if (b->kind == BLOCK_THINKING) {
        say_delta(s, "thinking_delta", "thinking", buf_view(&b->held), out);
    } else {
        say_delta(s, "input_json_delta", "partial_json", buf_view(&b->held), out);
        b->said_args = true;
    }
    buf_truncate(&b->held, 0);
}

static void say_close(struct messages_answer *s, struct messages_block *b, struct buf *out)
{
    struct json_writer w;
    if (b->kind == BLOCK_CALL && !b->said_args) /* none, or such as are written as a whole */
        say_delta(s, "input_json_delta", "partial_json", messages_input(s, b), out);
    if (b->kind == BLOCK_THINKING)
        say_delta(s, "signature_delta", "signature", messages_signature(s, b), out);
    begin_block_event(s, "content_block_stop", out, &w);
    end(out, &w);
    b->closed = true;
    buf_free(&b->held);
    buf_free(&b->extra);
    s->index++;
}

/* A call opens when its name is known; at the latest at the end. */
static bool may_open(const struct messages_answer *s, const struct messages_block *b)
{
    return !messages_is_blank(b) && (b->kind != BLOCK_CALL || b->name.len > 0 || s->finished);
}

/* White space behind which something else has begun. */
static bool may_skip(const struct messages_answer *s, const struct messages_block *b, bool ending)
{
    return messages_is_blank(b) && (b->next != NULL || s->finished || ending);
}

static void skip(struct messages_answer *s, struct messages_block *b)
{
    b->closed = true;
    buf_free(&b->held);
    s->at = b->next;
}

/* Nothing more belongs to it: another block has begun, and for calls the arguments are complete. */
static bool may_close(const struct messages_answer *s, const struct messages_block *b)
{
    if (b->kind == BLOCK_RAW)
        return true;
    return b->next != NULL && (b->kind != BLOCK_CALL || b->args.done || s->finished);
}

static void go_on(const struct face_answer *answer, bool ending, struct buf *out)
{
    struct messages_answer *s = answer->state;
    for (struct messages_block *b = s->at; b != NULL; b = s->at) {
        if (may_skip(s, b, ending)) {
            skip(s, b);
            continue;
        }
        if (!b->open && !may_open(s, b))
            return;
        if (!b->open)
            say_open(answer, b, out);
        say_held(s, b, out);
        if (!ending && !may_close(s, b))
            return;
        say_close(s, b, out);
        s->at = b->next;
    }
}

void messages_stream_event(struct face_answer *answer, const gw_event *event, struct buf *out)
{
    /* An attempt that has sent no more than this may be given up for another. */
    if (event->type == GW_EVENT_START || event->type == GW_EVENT_USAGE) {
        if (event->type == GW_EVENT_START && event->text.len > 0)
            answer->model = arena_text(answer->arena, view_text(event->text));
        return;
    }
    struct messages_answer *s = messages_answer_of(answer);
    start(answer, s, out);
    messages_name_unshown(answer, event);
    messages_take(s, event);
    go_on(answer, false, out);
}

void messages_stream_end(struct face_answer *answer, struct buf *out)
{
    struct messages_answer *s = messages_answer_of(answer);
    struct json_writer w;
    start(answer, s, out);
    s->finished = true;
    go_on(answer, true, out);
    begin(out, "message_delta", &w);
    json_name(&w, "delta");
    json_object(&w);
    messages_write_stop(s, &w);
    json_close(&w);
    json_name(&w, "usage");
    messages_write_usage(answer, s, &w);
    end(out, &w);
    begin(out, "message_stop", &w);
    end(out, &w);
}
