/* responses_write.c - an answer of OpenAI responses from events: of one text, which is what the gateway answers by itself. What an upstream
 * answers is relayed. */
#include "face/responses.h"

#include "canon/view.h"

enum { TEXT_MOST = 1 << 20 };

struct responses_answer {
    struct buf text;
    struct text finish;
    bool refusal, begun;
    int64_t number; /* of the next event */
};

static struct responses_answer *state_of(struct face_answer *answer)
{
    if (answer->state == NULL) {
        struct responses_answer *s = arena_new(answer->arena, struct responses_answer);
        buf_init(&s->text, TEXT_MOST);
        arena_defer(answer->arena, buf_free_any, &s->text);
        answer->state = s;
    }
    return answer->state;
}

static void put(struct json_writer *w, struct text name, struct text value)
{
    json_key_plain(w, name);
    json_put_str(w, value);
}

static void put_int(struct json_writer *w, struct text name, int64_t value)
{
    json_key_plain(w, name);
    json_put_int(w, value);
}

static void put_id(const struct face_answer *answer, const char *prefix, struct text name, struct json_writer *w)
{
    put(w, name, text_of(arena_printf(answer->arena, "%s_%.*s", prefix, TEXT_ARG(answer->request_id))));
}

static void put_part(const struct responses_answer *s, struct text text, struct json_writer *w)
{
    json_object(w);
    put(w, TEXT("type"), s->refusal ? TEXT("refusal") : TEXT("output_text"));
    put(w, s->refusal ? TEXT("refusal") : TEXT("text"), text);
    if (!s->refusal) {
        json_name(w, "annotations");
        json_array(w);
        json_close(w);
    }
    json_close(w);
}

static void put_item(const struct face_answer *answer, const struct responses_answer *s, bool done,
                     struct json_writer *w)
{
    json_object(w);
    put_id(answer, "msg", TEXT("id"), w);
    put(w, TEXT("type"), TEXT("message"));
    put(w, TEXT("role"), TEXT("assistant"));
    put(w, TEXT("status"), done ? TEXT("completed") : TEXT("in_progress"));
    json_name(w, "content");
    json_array(w);
    if (done)
        put_part(s, buf_view(&s->text), w);
    json_close(w);
    json_close(w);
}

static bool is_complete(const struct responses_answer *s)
{
    return !text_is(s->finish, "length") && !text_is(s->finish, "content_filter");
}

static void put_response(const struct face_answer *answer, const struct responses_answer *s, bool done,
                         struct json_writer *w)
{
    bool complete = is_complete(s);
    json_object(w);
    put_id(answer, "resp", TEXT("id"), w);
    put(w, TEXT("object"), TEXT("response"));
    put_int(w, TEXT("created_at"), answer->created);
    put(w, TEXT("model"), answer->model);
    put(w, TEXT("status"), !done ? TEXT("in_progress") : complete ? TEXT("completed") : TEXT("incomplete"));
    json_name(w, "error");
    json_put_null(w);
    json_name(w, "incomplete_details");
    if (done && !complete) {
        json_object(w);
        put(w, TEXT("reason"), text_is(s->finish, "length") ? TEXT("max_output_tokens") : TEXT("content_filter"));
        json_close(w);
    } else {
        json_put_null(w);
    }
    json_name(w, "output");
    json_array(w);
    if (done)
        put_item(answer, s, true, w);
    json_close(w);
    json_name(w, "usage");
    if (done) {
        json_object(w);
        put_int(w, TEXT("input_tokens"), 0);
        put_int(w, TEXT("output_tokens"), 0);
        put_int(w, TEXT("total_tokens"), 0);
        json_close(w);
    } else {
        json_put_null(w);
    }
    json_close(w);
}

/* `event: TYPE` and the object with its number, which stays open. */
static void begin_event(struct responses_answer *s, const char *type, struct json_writer *w, struct buf *out)
{
    buf_printf(out, "event: %s\ndata: ", type);
    json_writer_init(w, out);
    json_object(w);
    put(w, TEXT("type"), text_of(type));
    put_int(w, TEXT("sequence_number"), s->number++);
}

static void end_event(struct json_writer *w, struct buf *out)
{
    json_close(w);
    json_end(w);
    buf_str(out, "\n\n");
}

static void response_event(struct face_answer *answer, const char *type, bool done, struct buf *out)
{
    struct responses_answer *s = state_of(answer);
    struct json_writer w;
    begin_event(s, type, &w, out);
    json_name(&w, "response");
    put_response(answer, s, done, &w);
    end_event(&w, out);
}

static void item_event(struct face_answer *answer, const char *type, bool done, struct buf *out)
{
    struct responses_answer *s = state_of(answer);
    struct json_writer w;
    begin_event(s, type, &w, out);
    put_int(&w, TEXT("output_index"), 0);
    json_name(&w, "item");
    put_item(answer, s, done, &w);
    end_event(&w, out);
}

/* `what`: the member that has the text; NULL: the part itself. */
static void part_event(struct face_answer *answer, const char *type, const char *what, struct text text,
                       struct buf *out)
{
    struct responses_answer *s = state_of(answer);
    struct json_writer w;
    begin_event(s, type, &w, out);
    put_id(answer, "msg", TEXT("item_id"), &w);
    put_int(&w, TEXT("output_index"), 0);
    put_int(&w, TEXT("content_index"), 0);
    if (what != NULL) {
        put(&w, text_of(what), text);
    } else {
        json_name(&w, "part");
        put_part(s, text, &w);
    }
    end_event(&w, out);
}

void responses_fold_event(struct face_answer *answer, const gw_event *event)
{
    struct responses_answer *s = state_of(answer);
    if (event->type == GW_EVENT_TEXT || event->type == GW_EVENT_REFUSAL) {
        s->refusal = event->type == GW_EVENT_REFUSAL;
        buf_text(&s->text, view_text(event->text));
    } else if (event->type == GW_EVENT_FINISH) {
        s->finish = arena_text(answer->arena, view_text(event->text));
    }
}

void responses_stream_event(struct face_answer *answer, const gw_event *event, struct buf *out)
{
    struct responses_answer *s = state_of(answer);
    responses_fold_event(answer, event);
    if (event->type != GW_EVENT_TEXT && event->type != GW_EVENT_REFUSAL)
        return;
    if (!s->begun) {
        response_event(answer, "response.created", false, out);
        item_event(answer, "response.output_item.added", false, out);
        part_event(answer, "response.content_part.added", NULL, TEXT(""), out);
        s->begun = true;
    }
    part_event(answer, s->refusal ? "response.refusal.delta" : "response.output_text.delta", "delta",
               view_text(event->text), out);
}

void responses_stream_end(struct face_answer *answer, struct buf *out)
{
    struct responses_answer *s = state_of(answer);
    struct text text = buf_view(&s->text);
    if (!s->begun)
        return;
    part_event(answer, s->refusal ? "response.refusal.done" : "response.output_text.done",
               s->refusal ? "refusal" : "text", text, out);
    part_event(answer, "response.content_part.done", NULL, text, out);
    item_event(answer, "response.output_item.done", true, out);
    response_event(answer, is_complete(s) ? "response.completed" : "response.incomplete", true, out);
}

bool responses_fold_end(struct face_answer *answer, struct buf *out)
{
    struct responses_answer *s = state_of(answer);
    struct json_writer w;
    if (s->text.failed)
        return false;
    json_writer_init(&w, out);
    put_response(answer, s, true, &w);
    return json_end(&w) == 0;
}
