/* chat_write.c - the chunks of a streamed chat completion, from events. Whole answers are chat_whole.c. */
#include "canon/fold.h"
#include "canon/view.h"
#include "face/chat/chat.h"

/* A tool call. It is opened when its arguments begin: they show whether it is a function's or a custom one. */
struct chat_call {
    struct chat_call *next;
    struct numbered number;
    struct text id, name;
    struct text extra;         /* members beside its own */
    bool opened, custom, said; /* written: there were arguments */
};

/* What a stream remembers of one choice. */
struct chat_choice {
    struct chat_choice *next;
    uint32_t index;
    struct numbered number; /* its key: the choice alone */
    bool opened;            /* the role was written */
    bool finished;
    uint32_t annotations; /* how many were written */
    struct chat_call *calls, *last_call;
    struct chat_call *unopened; /* the first: they are opened in order */
};

struct chat_state {
    struct chat_choice *choices, *last; /* in the order in which they came */
    struct map choices_by, calls_by;
    struct chat_origin origin;
    struct text id; /* of the answer: the same in every chunk */
};

static const gw_str none = { NULL, 0 };

static struct chat_state *state_of(struct face_answer *answer)
{
    if (answer->state == NULL) {
        struct chat_state *s = arena_new(answer->arena, struct chat_state);
        s->id = chat_id(answer);
        numbered_init(&s->choices_by, answer->arena);
        numbered_init(&s->calls_by, answer->arena);
        answer->state = s;
    }
    return answer->state;
}

static struct chat_choice *choice_of(struct face_answer *answer, uint32_t index)
{
    struct chat_state *s = state_of(answer);
    struct chat_choice *c = numbered_get(&s->choices_by, index, 0);
    if (c != NULL)
        return c;
    c = arena_new(answer->arena, struct chat_choice);
    c->index = index;
    c->number = (struct numbered){ index, 0 };
    *(s->last != NULL ? &s->last->next : &s->choices) = c;
    s->last = c;
    numbered_put(&s->choices_by, &c->number, c);
    return c;
}

/* Opens a chunk up to the inside of its delta. */
static void chunk_begin(struct face_answer *answer, uint32_t index, struct json_writer *w, struct buf *out)
{
    buf_str(out, "data: ");
    json_writer_init(w, out);
    chat_write_head(answer, state_of(answer)->id, TEXT("chat.completion.chunk"), w);
    json_name(w, "choices");
    json_array(w);
    json_object(w);
    json_name(w, "index");
    json_put_int(w, index);
    json_name(w, "delta");
    json_object(w);
}

/* `native`: the upstream's own reason, where it explains more (as OpenRouter has it). */
static void chunk_end(const struct face_answer *answer, gw_str finish, gw_str native, struct text logprobs,
                      struct json_writer *w, struct buf *out)
{
    json_close(w); /* delta */
    json_name(w, "logprobs");
    if (logprobs.len > 0) {
        json_object(w);
        json_name(w, "content");
        json_put_trusted(w, logprobs);
        json_close(w);
    } else {
        json_put_null(w);
    }
    json_name(w, "finish_reason");
    if (finish.len > 0)
        json_put_str(w, view_text(finish));
    else
        json_put_null(w);
    if (native.len > 0) {
        json_name(w, "native_finish_reason");
        json_put_str(w, view_text(native));
    }
    json_close(w);
    json_close(w);
    if (answer->ask->wants_usage) {
        json_name(w, "usage");
        json_put_null(w);
    }
    json_close(w);
    out->failed = json_end(w) < 0 || out->failed;
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
    chunk_end(answer, none, none, TEXT_NONE, &w, out);
}

static struct chat_call *call_of(struct face_answer *answer, const gw_event *event)
{
    struct chat_state *s = state_of(answer);
    struct chat_call *call = numbered_get(&s->calls_by, event->index, event->item);
    if (call != NULL)
        return call;
    struct chat_choice *choice = choice_of(answer, event->index);
    call = arena_new(answer->arena, struct chat_call);
    call->number = (struct numbered){ event->index, event->item };
    *(choice->last_call != NULL ? &choice->last_call->next : &choice->calls) = call;
    choice->last_call = call;
    if (choice->unopened == NULL)
        choice->unopened = call;
    numbered_put(&s->calls_by, &call->number, call);
    return call;
}

/* A chunk about a call: its opening, or a piece of its arguments. */
static void write_call(struct face_answer *answer, uint32_t index, const struct chat_call *call, bool opening,
                       struct text piece, struct buf *out)
{
    struct text kind = call->custom ? TEXT("custom") : TEXT("function");
    struct json_writer w;
    chunk_begin(answer, index, &w, out);
    json_name(&w, "tool_calls");
    json_array(&w);
    json_object(&w);
    json_name(&w, "index");
    json_put_int(&w, call->number.item);
    if (opening) {
        json_name(&w, "id");
        json_put_str(&w, call->id);
        json_name(&w, "type");
        json_put_str(&w, kind);
    }
    json_key(&w, kind);
    json_object(&w);
    if (opening) {
        json_name(&w, "name");
        json_put_str(&w, call->name);
    }
    json_key(&w, call->custom ? TEXT("input") : TEXT("arguments"));
    json_put_str(&w, piece);
    json_close(&w);
    if (opening)
        chat_write_extra(answer->arena, call->extra, &w);
    json_close(&w);
    json_close(&w);
    chunk_end(answer, none, none, TEXT_NONE, &w, out);
}

/* Opens all calls up to `last` (NULL: all of them), in order: clients gather them by their index. */
static void open_calls(struct face_answer *answer, uint32_t index, const struct chat_call *last, struct buf *out)
{
    struct chat_choice *choice = choice_of(answer, index);
    while (choice->unopened != NULL && (last == NULL || !last->opened)) {
        struct chat_call *call = choice->unopened;
        write_call(answer, index, call, true, TEXT(""), out);
        call->opened = true;
        choice->unopened = call->next;
    }
}

static void take_call(struct face_answer *answer, const gw_event *event, struct buf *out)
{
    struct chat_call *call = call_of(answer, event);
    if (event->type == GW_EVENT_TOOL_CALL) {
        if (call->id.len == 0)
            call->id = arena_text(answer->arena, view_text(event->id));
        if (call->name.len == 0)
            call->name = arena_text(answer->arena, view_text(event->text));
        if (call->extra.len == 0)
            call->extra = arena_text(answer->arena, view_text(event->data));
        return;
    }
    call->custom = call->custom || (!call->opened && event->type == GW_EVENT_CUSTOM_ARGS);
    open_calls(answer, event->index, call, out);
    if (event->text.len == 0)
        return;
    call->said = true;
    write_call(answer, event->index, call, false, view_text(event->text), out);
}

/* A function's call without arguments has empty ones: nothing at all is no JSON, and would be refused when it comes
 * back. */
static void end_calls(struct face_answer *answer, const struct chat_choice *choice, struct buf *out)
{
    open_calls(answer, choice->index, NULL, out);
    for (const struct chat_call *call = choice->calls; call != NULL; call = call->next)
        if (!call->custom && !call->said)
            write_call(answer, choice->index, call, false, TEXT("{}"), out);
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

/* The object with its place in the list as "index": clients that gather lists of a stream go by it. */
static struct text numbered(const struct face_answer *answer, uint32_t index, struct text object)
{
    object = text_trim(object);
    if (object.len < 3 || object.ptr[0] != '{' || scan_peek(object, "index").len > 0)
        return object;
    return text_of(arena_printf(answer->arena, "{\"index\":%u,%.*s", index, (int)object.len - 1, object.ptr + 1));
}

/* One chunk with what the event states. */
static void write_delta(struct face_answer *answer, const gw_event *event, struct buf *out)
{
    const char *member = delta_member(event->type);
    struct text data = view_text(event->data);
    struct json_writer w;
    open_choice(answer, event->index, out);
    chunk_begin(answer, event->index, &w, out);
    if (member != NULL) {
        json_key(&w, text_of(member));
        json_put_str(&w, view_text(event->text));
    }
    if (event->id.len > 0 && (event->type == GW_EVENT_REASONING || event->type == GW_EVENT_SIGNATURE))
        chat_write_details(event, &w);
    if (event->type == GW_EVENT_CITATION) {
        json_name(&w, "annotations");
        json_array(&w);
        json_put_trusted(&w, numbered(answer, choice_of(answer, event->index)->annotations++, data));
        json_close(&w);
    }
    if (event->type == GW_EVENT_MEDIA)
        chat_write_media(answer->arena, data, &w);
    chunk_end(answer, none, none, event->type == GW_EVENT_LOGPROBS ? data : TEXT_NONE, &w, out);
}

static void finish(struct face_answer *answer, uint32_t index, gw_str word, gw_str native, struct buf *out)
{
    struct chat_choice *choice = choice_of(answer, index);
    struct json_writer w;
    open_choice(answer, index, out);
    end_calls(answer, choice, out);
    choice->finished = true;
    if (index == 0 && state_of(answer)->origin.needed) {
        chunk_begin(answer, index, &w, out);
        chat_write_origin(answer, &state_of(answer)->origin, &w);
        chunk_end(answer, none, none, TEXT_NONE, &w, out);
    }
    chunk_begin(answer, index, &w, out);
    chunk_end(answer, word, native, TEXT_NONE, &w, out);
}

void chat_stream_event(struct face_answer *answer, const gw_event *event, struct buf *out)
{
    chat_name_unshown(answer, event);
    if (!chat_is_sound(event))
        return;
    chat_origin_take(answer, &state_of(answer)->origin, event);
    switch (event->type) {
    case GW_EVENT_START:
        if (event->text.len > 0)
            answer->model = arena_text(answer->arena, view_text(event->text));
        break;
    case GW_EVENT_TOOL_CALL:
    case GW_EVENT_TOOL_ARGS:
    case GW_EVENT_CUSTOM_ARGS:
        open_choice(answer, event->index, out);
        take_call(answer, event, out);
        break;
    case GW_EVENT_TEXT:
    case GW_EVENT_REFUSAL:
    case GW_EVENT_REASONING:
    case GW_EVENT_CITATION:
    case GW_EVENT_LOGPROBS:
    case GW_EVENT_MEDIA:
        write_delta(answer, event, out);
        break;
    case GW_EVENT_SIGNATURE:
        if (event->id.len > 0)
            write_delta(answer, event, out);
        break;
    case GW_EVENT_FINISH:
        finish(answer, event->index, event->text, event->code, out);
        break;
    default:
        break;
    }
}

void chat_stream_end(struct face_answer *answer, struct buf *out)
{
    if (state_of(answer)->choices == NULL) /* nothing that a chat shows: it has an end all the same */
        choice_of(answer, 0);
    for (const struct chat_choice *c = state_of(answer)->choices; c != NULL; c = c->next) {
        struct text word = chat_finish(TEXT_NONE, c->calls != NULL);
        if (!c->finished)
            finish(answer, c->index, (gw_str){ word.ptr, word.len }, none, out);
    }
    if (answer->ask->wants_usage && answer->usage->source != USAGE_NONE) {
        struct json_writer w;
        buf_str(out, "data: ");
        json_writer_init(&w, out);
        chat_write_head(answer, state_of(answer)->id, TEXT("chat.completion.chunk"), &w);
        json_name(&w, "choices");
        json_array(&w);
        json_close(&w);
        json_name(&w, "usage");
        usage_write_chat(answer->usage, &w);
        json_close(&w);
        out->failed = json_end(&w) < 0 || out->failed;
        buf_str(out, "\n\n");
    }
    buf_str(out, "data: [DONE]\n\n");
}
