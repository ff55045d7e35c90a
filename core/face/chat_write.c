/* chat_write.c - chat completions from events: chunks of a stream, or one whole answer. */
#include "face/chat.h"

#include "canon/fold.h"

#define CHAT_MAX_TEXT (64u << 20) /* of one folded text */

/* A call whose arguments have not begun. */
struct chat_call {
    struct chat_call *next;
    uint32_t item;
};

/* What a stream remembers of one choice. */
struct chat_choice {
    struct chat_choice *next;
    uint32_t index;
    bool opened; /* the role was said */
    uint32_t annotations; /* how many were said */
    struct chat_call *bare;
};

struct chat_state {
    struct chat_choice *choices;
    struct fold fold;
};

static struct text view(gw_str s)
{
    return (struct text){ s.ptr, s.len };
}

static struct chat_state *state_of(struct face_answer *answer)
{
    if (answer->state == NULL) {
        struct chat_state *s = arena_new(answer->arena, struct chat_state);
        fold_init(&s->fold, answer->arena, CHAT_MAX_TEXT);
        answer->state = s;
    }
    return answer->state;
}

static struct chat_choice *choice_of(struct face_answer *answer, uint32_t index)
{
    struct chat_choice **at = &state_of(answer)->choices;
    while (*at != NULL && (*at)->index != index)
        at = &(*at)->next;
    if (*at == NULL) {
        *at = arena_new(answer->arena, struct chat_choice);
        (*at)->index = index;
    }
    return *at;
}

static void write_head(const struct face_answer *answer, struct text object, struct json_writer *w)
{
    json_object(w);
    json_name(w, "id");
    json_put_str(w, text_of(arena_printf(answer->arena, "chatcmpl-%.*s", TEXT_ARG(answer->request_id))));
    json_name(w, "object");
    json_put_str(w, object);
    json_name(w, "created");
    json_put_int(w, answer->created);
    json_name(w, "model");
    json_put_str(w, answer->model);
}

/* Opens a chunk up to the inside of its delta. */
static void chunk_begin(const struct face_answer *answer, uint32_t index, struct json_writer *w, struct buf *out)
{
    buf_str(out, "data: ");
    json_writer_init(w, out);
    write_head(answer, TEXT("chat.completion.chunk"), w);
    json_name(w, "choices");
    json_array(w);
    json_object(w);
    json_name(w, "index");
    json_put_int(w, index);
    json_name(w, "delta");
    json_object(w);
}

static void chunk_end(const struct face_answer *answer, gw_str finish, gw_str logprobs, struct json_writer *w,
                      struct buf *out)
{
    json_close(w); /* delta */
    json_name(w, "logprobs");
    if (logprobs.len > 0) {
        json_object(w);
        json_name(w, "content");
        json_put_raw(w, view(logprobs));
        json_close(w);
    } else {
        json_put_null(w);
    }
    json_name(w, "finish_reason");
    if (finish.len > 0)
        json_put_str(w, view(finish));
    else
        json_put_null(w);
    json_close(w);
    json_close(w);
    if (answer->ask->wants_usage) {
        json_name(w, "usage");
        json_put_null(w);
    }
    json_close(w);
    json_end(w);
    buf_str(out, "\n\n");
}

static void open_choice(struct face_answer *answer, uint32_t index, struct buf *out)
{
    struct chat_choice *choice = choice_of(answer, index);
    if (choice->opened)
        return;
    choice->opened = true;
    struct json_writer w;
    chunk_begin(answer, index, &w, out);
    json_name(&w, "role");
    json_put_str(&w, TEXT("assistant"));
    json_name(&w, "content");
    json_put_str(&w, TEXT(""));
    chunk_end(answer, (gw_str){ NULL, 0 }, (gw_str){ NULL, 0 }, &w, out);
}

static void write_call(const gw_event *event, struct json_writer *w)
{
    json_name(w, "tool_calls");
    json_array(w);
    json_object(w);
    json_name(w, "index");
    json_put_int(w, event->item);
    if (event->type == GW_EVENT_TOOL_CALL) {
        json_name(w, "id");
        json_put_str(w, view(event->id));
        json_name(w, "type");
        json_put_str(w, TEXT("function"));
    }
    json_name(w, "function");
    json_object(w);
    if (event->type == GW_EVENT_TOOL_CALL) {
        json_name(w, "name");
        json_put_str(w, view(event->text));
    }
    json_name(w, "arguments");
    json_put_str(w, event->type == GW_EVENT_TOOL_CALL ? TEXT("") : view(event->text));
    json_close(w);
    json_close(w);
    json_close(w);
}

/* The member of the delta that carries a piece of text; NULL for other events. */
static const char *delta_member(uint32_t type)
{
    switch (type) {
    case GW_EVENT_TEXT:
        return "content";
    case GW_EVENT_REFUSAL:
        return "refusal";
    case GW_EVENT_REASONING:
        return "reasoning_content";
    default:
        return NULL;
    }
}

/* Which calls have no arguments yet. */
static void note_call(struct face_answer *answer, const gw_event *event)
{
    struct chat_choice *choice = choice_of(answer, event->index);
    struct chat_call **at = &choice->bare;
    while (*at != NULL && (*at)->item != event->item)
        at = &(*at)->next;
    if (event->type == GW_EVENT_TOOL_CALL && *at == NULL) {
        *at = arena_new(answer->arena, struct chat_call);
        (*at)->item = event->item;
    } else if (event->type == GW_EVENT_TOOL_ARGS && event->text.len > 0 && *at != NULL) {
        *at = (*at)->next;
    }
}

/* A call without arguments has empty ones: nothing at all is no JSON, and would be refused when it comes back. */
static void end_calls(struct face_answer *answer, struct chat_choice *choice, struct buf *out)
{
    const gw_str none = { NULL, 0 };
    for (const struct chat_call *call = choice->bare; call != NULL; call = call->next) {
        struct json_writer w;
        gw_event args = { .size = sizeof args, .type = GW_EVENT_TOOL_ARGS, .item = call->item, .text = { "{}", 2 } };
        chunk_begin(answer, choice->index, &w, out);
        write_call(&args, &w);
        chunk_end(answer, none, none, &w, out);
    }
    choice->bare = NULL;
}

/* The object with its place in the list as "index": clients that gather lists of a stream go by it. */
static struct text numbered(const struct face_answer *answer, uint32_t index, struct text object)
{
    object = text_trim(object);
    if (object.len < 3 || object.ptr[0] != '{' || scan_peek(object, "index").len > 0)
        return object;
    return text_of(arena_printf(answer->arena, "{\"index\":%u,%.*s", index, (int)object.len - 1, object.ptr + 1));
}

void chat_stream_event(struct face_answer *answer, const gw_event *event, struct buf *out)
{
    const gw_str none = { NULL, 0 };
    struct json_writer w;
    const char *member = delta_member(event->type);
    if (event->type == GW_EVENT_START) {
        if (event->text.len > 0)
            answer->model = arena_text(answer->arena, view(event->text));
        return;
    }
    if (member != NULL) {
        open_choice(answer, event->index, out);
        chunk_begin(answer, event->index, &w, out);
        json_key(&w, text_of(member));
        json_put_str(&w, view(event->text));
        if (event->type == GW_EVENT_REASONING && event->id.len > 0)
            chat_write_details(event, &w);
        chunk_end(answer, none, none, &w, out);
    } else if (event->type == GW_EVENT_SIGNATURE && event->id.len > 0) {
        open_choice(answer, event->index, out);
        chunk_begin(answer, event->index, &w, out);
        chat_write_details(event, &w);
        chunk_end(answer, none, none, &w, out);
    } else if (event->type == GW_EVENT_TOOL_CALL || event->type == GW_EVENT_TOOL_ARGS) {
        open_choice(answer, event->index, out);
        note_call(answer, event);
        chunk_begin(answer, event->index, &w, out);
        write_call(event, &w);
        chunk_end(answer, none, none, &w, out);
    } else if (event->type == GW_EVENT_CITATION && event->data.len > 0) {
        open_choice(answer, event->index, out);
        chunk_begin(answer, event->index, &w, out);
        json_name(&w, "annotations");
        json_array(&w);
        json_put_raw(&w, numbered(answer, choice_of(answer, event->index)->annotations++, view(event->data)));
        json_close(&w);
        chunk_end(answer, none, none, &w, out);
    } else if (event->type == GW_EVENT_LOGPROBS) {
        chunk_begin(answer, event->index, &w, out);
        chunk_end(answer, none, event->data, &w, out);
    } else if (event->type == GW_EVENT_FINISH) {
        open_choice(answer, event->index, out);
        end_calls(answer, choice_of(answer, event->index), out);
        chunk_begin(answer, event->index, &w, out);
        chunk_end(answer, event->text, none, &w, out);
    }
}

void chat_stream_end(struct face_answer *answer, struct buf *out)
{
    for (struct chat_choice *c = state_of(answer)->choices; c != NULL; c = c->next)
        end_calls(answer, c, out);
    if (answer->ask->wants_usage && answer->usage->source != USAGE_NONE) {
        struct json_writer w;
        buf_str(out, "data: ");
        json_writer_init(&w, out);
        write_head(answer, TEXT("chat.completion.chunk"), &w);
        json_name(&w, "choices");
        json_array(&w);
        json_close(&w);
        json_name(&w, "usage");
        usage_write_chat(answer->usage, &w);
        json_close(&w);
        json_end(&w);
        buf_str(out, "\n\n");
    }
    buf_str(out, "data: [DONE]\n\n");
}

void chat_fold_event(struct face_answer *answer, const gw_event *event)
{
    fold_event(&state_of(answer)->fold, event);
}

static void put_array(struct json_writer *w, const char *name, const struct buf *items)
{
    struct buf joined;
    if (items->len == 0)
        return;
    buf_init(&joined, items->len + 2);
    buf_str(&joined, "[");
    buf_text(&joined, buf_view(items));
    buf_str(&joined, "]");
    json_key(w, text_of(name));
    json_put_raw(w, buf_view(&joined));
    buf_free(&joined);
}

static void write_message(const struct fold_choice *c, struct json_writer *w)
{
    json_name(w, "message");
    json_object(w);
    json_name(w, "role");
    json_put_str(w, TEXT("assistant"));
    json_name(w, "content");
    if (c->text.len > 0 || (c->calls == NULL && c->refusal.len == 0))
        json_put_str(w, c->text.len > 0 ? buf_view(&c->text) : TEXT(""));
    else
        json_put_null(w);
    json_name(w, "refusal");
    if (c->refusal.len > 0)
        json_put_str(w, buf_view(&c->refusal));
    else
        json_put_null(w);
    if (c->reasoning.len > 0) {
        json_name(w, "reasoning_content");
        json_put_str(w, buf_view(&c->reasoning));
    }
    chat_write_thoughts(c->thoughts, w);
    if (c->calls != NULL) {
        json_name(w, "tool_calls");
        json_array(w);
        for (const struct fold_call *call = c->calls; call != NULL; call = call->next) {
            json_object(w);
            json_name(w, "id");
            json_put_str(w, call->id);
            json_name(w, "type");
            json_put_str(w, call->custom ? TEXT("custom") : TEXT("function"));
            json_key(w, call->custom ? TEXT("custom") : TEXT("function"));
            json_object(w);
            json_name(w, "name");
            json_put_str(w, call->name);
            json_key(w, call->custom ? TEXT("input") : TEXT("arguments"));
            json_put_str(w, call->args.len > 0 ? buf_view(&call->args) : call->custom ? TEXT("") : TEXT("{}"));
            json_close(w);
            json_close(w);
        }
        json_close(w);
    }
    put_array(w, "annotations", &c->annotations);
    json_close(w);
}

void chat_fold_end(struct face_answer *answer, struct buf *out)
{
    const struct fold *fold = &state_of(answer)->fold;
    struct json_writer w;
    if (fold->model.len > 0)
        answer->model = fold->model;
    json_writer_init(&w, out);
    write_head(answer, TEXT("chat.completion"), &w);
    json_name(&w, "choices");
    json_array(&w);
    for (const struct fold_choice *c = fold->choices; c != NULL; c = c->next) {
        json_object(&w);
        json_name(&w, "index");
        json_put_int(&w, c->index);
        write_message(c, &w);
        json_name(&w, "logprobs");
        if (c->logprobs.len > 0) {
            json_object(&w);
            put_array(&w, "content", &c->logprobs);
            json_close(&w);
        } else {
            json_put_null(&w);
        }
        json_name(&w, "finish_reason");
        if (c->finish.len > 0)
            json_put_str(&w, c->finish);
        else
            json_put_null(&w);
        json_close(&w);
    }
    json_close(&w);
    if (answer->usage->source != USAGE_NONE) {
        json_name(&w, "usage");
        usage_write_chat(answer->usage, &w);
    }
    json_close(&w);
    json_end(&w);
}
