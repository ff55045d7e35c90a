/* chat_whole.c - a whole chat completion from events, and what it shares with a streamed one. */
#include "canon/fold.h"
#include "face/chat/chat.h"

struct text chat_id(const struct face_answer *answer)
{
    return text_of(arena_printf(answer->arena, "chatcmpl-%.*s", TEXT_ARG(answer->request_id)));
}

void chat_write_head(const struct face_answer *answer, struct text id, struct text object, struct json_writer *w)
{
    json_object(w);
    json_name(w, "id");
    json_put_str(w, id);
    json_name(w, "object");
    json_put_str(w, object);
    json_name(w, "created");
    json_put_int(w, answer->created);
    json_name(w, "model");
    json_put_str(w, answer->model);
}

bool chat_is_sound(const gw_event *event)
{
    struct text data = { event->data.ptr, event->data.len };
    if (event->type == GW_EVENT_LOGPROBS && !text_starts(text_trim(data), TEXT("[")))
        return false;
    return (event->type != GW_EVENT_CITATION && event->type != GW_EVENT_LOGPROBS && event->type != GW_EVENT_MEDIA) ||
           json_check_quick(data) == 0;
}

void chat_name_unshown(struct face_answer *answer, const gw_event *event)
{
    struct text id = { event->id.ptr, event->id.len };
    bool own = (answer->dialects & GW_DIALECT_MESSAGES) != 0 && event->index == 0 && text_is(id, "messages");
    if (!chat_is_sound(event))
        face_unshown(answer,
                     event->type == GW_EVENT_CITATION   ? TEXT("answer.annotations")
                     : event->type == GW_EVENT_LOGPROBS ? TEXT("answer.logprobs")
                                                        : TEXT("answer.media"),
                     "the provider did not say it in JSON");
    else if (event->type == GW_EVENT_ORIGIN && !own)
        face_unshown(answer, TEXT("answer.origin"), "a block of another API");
    else if (event->type == GW_EVENT_SIGNATURE && event->id.len == 0)
        face_unshown(answer, TEXT("answer.signature"), "a signature of no known format");
}

struct text chat_finish(struct text told, bool has_calls)
{
    return told.len > 0 ? told : has_calls ? TEXT("tool_calls") : TEXT("stop");
}

void chat_write_media(struct arena *arena, struct text media, struct json_writer *w)
{
    struct buf list;
    const struct json *audio = NULL;
    size_t images = 0;
    buf_init(&list, media.len + 2);
    buf_str(&list, "[");
    buf_text(&list, media);
    buf_str(&list, "]");
    arena->full = arena->full || list.failed;
    const struct json *parts = json_parse_quick(arena, buf_view(&list));
    for (size_t i = 0; i < json_count(parts); i++) {
        const struct json *part = json_at(parts, i);
        bool speech = json_type(json_member(part, "audio")) == JSON_T_OBJECT;
        audio = speech ? json_member(part, "audio") : audio;
        if (speech)
            continue;
        if (images++ == 0) {
            json_name(w, "images");
            json_array(w);
        }
        json_put_json(w, part);
    }
    if (images > 0)
        json_close(w);
    if (audio != NULL) {
        json_name(w, "audio");
        json_put_json(w, audio);
    }
    buf_free(&list);
}

void chat_write_extra(struct arena *arena, struct text extra, struct json_writer *w)
{
    static const char *const own[] = { "index", "id", "type", "function", "custom" };
    const struct json *object = extra.len > 0 ? json_parse_quick(arena, extra) : NULL;
    if (json_type(object) != JSON_T_OBJECT)
        return;
    for (size_t i = 0; i < json_count(object); i++) {
        bool is_own = false;
        for (size_t k = 0; k < sizeof own / sizeof *own; k++)
            is_own = is_own || text_is(json_key_at(object, i), own[k]);
        if (is_own)
            continue;
        json_key(w, json_key_at(object, i));
        json_put_json(w, json_at(object, i));
    }
}

struct chat_whole {
    struct fold fold;
    struct chat_origin origin;
};

static struct chat_whole *whole_of(struct face_answer *answer)
{
    if (answer->state == NULL) {
        struct chat_whole *whole = arena_new(answer->arena, struct chat_whole);
        fold_init(&whole->fold, answer->arena);
        answer->state = whole;
    }
    return answer->state;
}

void chat_fold_event(struct face_answer *answer, const gw_event *event)
{
    struct chat_whole *whole = whole_of(answer);
    chat_name_unshown(answer, event);
    if (!chat_is_sound(event))
        return;
    chat_origin_take(answer, &whole->origin, event);
    fold_event(&whole->fold, event);
}

static void put_array(struct json_writer *w, const char *name, const struct buf *items)
{
    if (items->len == 0)
        return;
    json_key(w, text_of(name));
    json_array(w);
    json_put_trusted(w, buf_view(items)); /* chat_is_sound() has looked at each */
    json_close(w);
}

static void write_message(struct face_answer *answer, const struct fold_choice *c, struct json_writer *w)
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
    chat_write_thoughts(answer->arena, c->thoughts, w);
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
            chat_write_extra(answer->arena, call->extra, w);
            json_close(w);
        }
        json_close(w);
    }
    put_array(w, "annotations", &c->annotations);
    if (c->media.len > 0)
        chat_write_media(answer->arena, buf_view(&c->media), w);
    if (c->index == 0)
        chat_write_origin(answer, &whole_of(answer)->origin, w);
    json_close(w);
}

bool chat_fold_end(struct face_answer *answer, struct buf *out)
{
    const struct fold *fold = &whole_of(answer)->fold;
    struct json_writer w;
    if (fold->model.len > 0)
        answer->model = fold->model;
    json_writer_init(&w, out);
    chat_write_head(answer, chat_id(answer), TEXT("chat.completion"), &w);
    json_name(&w, "choices");
    json_array(&w);
    for (const struct fold_choice *c = fold->choices; c != NULL; c = c->next) {
        json_object(&w);
        json_name(&w, "index");
        json_put_int(&w, c->index);
        write_message(answer, c, &w);
        json_name(&w, "logprobs");
        if (c->logprobs.len > 0) {
            json_object(&w);
            put_array(&w, "content", &c->logprobs);
            json_close(&w);
        } else {
            json_put_null(&w);
        }
        json_name(&w, "finish_reason");
        json_put_str(&w, chat_finish(c->finish, c->calls != NULL));
        if (c->native.len > 0) {
            json_name(&w, "native_finish_reason");
            json_put_str(&w, c->native);
        }
        json_close(&w);
    }
    json_close(&w);
    if (answer->usage->source != USAGE_NONE) {
        json_name(&w, "usage");
        usage_write_chat(answer->usage, &w);
    }
    json_close(&w);
    return json_end(&w) == 0 && !fold->incomplete;
}
