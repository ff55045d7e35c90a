/* chat_origin.c - blocks that a chat has no word for (a search of the upstream's own, code that it ran), for clients of chat
 * completions: the message carries all of its blocks in the member x_origin, as face/messages.h describes it. Who sends the
 * message back brings them along, and the provider has the turn as it was, in its order. */
#include "face/chat/chat.h"
#include "face/messages/messages_inside.h"

static void take_member(struct face_answer *answer, struct chat_origin *origin, const gw_event *event)
{
    struct text data = { event->data.ptr, event->data.len };
    if (!text_is((struct text){ event->code.ptr, event->code.len }, "container") || json_check_quick(data) < 0) {
        face_unshown(answer, TEXT("answer.origin"), "a member that only Anthropic's API has");
        return;
    }
    origin->container = arena_text(answer->arena, data);
    origin->needed = true;
}

void chat_origin_take(struct face_answer *answer, struct chat_origin *origin, const gw_event *event)
{
    struct text dialect = { event->id.ptr, event->id.len };
    if ((answer->dialects & GW_DIALECT_MESSAGES) == 0 || event->index != 0)
        return;
    if (origin->blocks == NULL)
        origin->blocks = messages_answer_new(answer->arena);
    bool is_ours = event->type == GW_EVENT_ORIGIN && text_is(dialect, "messages");
    if (is_ours && event->code.len > 0) {
        take_member(answer, origin, event);
        return;
    }
    messages_take(origin->blocks, event);
    origin->needed = origin->needed || is_ours;
}

void chat_write_origin(const struct face_answer *answer, const struct chat_origin *origin, struct json_writer *w)
{
    if (!origin->needed)
        return;
    json_name(w, "x_origin");
    json_object(w);
    json_name(w, "dialect");
    json_put_str(w, TEXT("messages"));
    json_name(w, "content");
    json_array(w);
    messages_write_blocks(answer, origin->blocks, true, w);
    json_close(w);
    if (origin->container.ptr != NULL) {
        json_name(w, "container");
        json_put_trusted(w, origin->container);
    }
    json_close(w);
}
