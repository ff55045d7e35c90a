/* messages_whole.c - a whole Anthropic answer from events. */
#include "canon/view.h"
#include "face/messages/messages_inside.h"

void messages_fold_event(struct face_answer *answer, const gw_event *event)
{
    if (event->type == GW_EVENT_START && event->text.len > 0)
        answer->model = arena_text(answer->arena, view_text(event->text));
    messages_name_unshown(answer, event);
    messages_take(messages_answer_of(answer), event);
}

static void write_block(const struct face_answer *answer, struct messages_answer *s, const struct messages_block *b,
                        struct json_writer *w)
{
    json_object(w);
    json_name(w, "type");
    if (b->kind == BLOCK_TEXT) {
        json_put_str(w, TEXT("text"));
        json_name(w, "text");
        json_put_str(w, buf_view(&b->held));
        if (b->extra.len > 0) {
            json_name(w, "citations");
            json_array(w);
            json_put_trusted(w, buf_view(&b->extra));
            json_close(w);
        }
    } else if (b->kind == BLOCK_THINKING) {
        json_put_str(w, TEXT("thinking"));
        json_name(w, "thinking");
        json_put_str(w, buf_view(&b->held));
        json_name(w, "signature");
        json_put_str(w, messages_signature(s, b));
    } else {
        json_put_str(w, TEXT("tool_use"));
        json_name(w, "id");
        json_put_str(w, messages_call_id(answer, b));
        json_name(w, "name");
        json_put_str(w, b->name);
        json_name(w, "input");
        json_put_trusted(w, messages_input(s, b));
    }
    json_close(w);
}

void messages_write_blocks(const struct face_answer *answer, struct messages_answer *s, bool all, struct json_writer *w)
{
    for (const struct messages_block *b = s->first; b != NULL; b = b->next) {
        if (b->kind == BLOCK_RAW)
            json_put_trusted(w, b->raw);
        else if (all || !messages_is_blank(b))
            write_block(answer, s, b, w);
    }
}

bool messages_fold_end(struct face_answer *answer, struct buf *out)
{
    struct messages_answer *s = messages_answer_of(answer);
    struct json_writer w;
    json_writer_init(&w, out);
    messages_write_head(answer, &w);
    json_name(&w, "content");
    json_array(&w);
    messages_write_blocks(answer, s, false, &w);
    json_close(&w);
    messages_write_stop(s, &w);
    json_name(&w, "usage");
    messages_write_usage(answer, s, &w);
    json_close(&w);
    return json_end(&w) == 0 && !s->arena->full;
}
