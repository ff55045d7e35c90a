/* chat.h - the chat completions face, between its files. */
#ifndef FACE_CHAT_H
#define FACE_CHAT_H

#include "face/common.h"

/* The body is a Responses-shaped one (`input` instead of `messages`): ask->body becomes the same as a chat body. 0, or
 * -1 with `fail`. */
int responses_request_to_chat(struct arena *arena, struct ask *ask, struct fail *fail);

struct fold_thought;
/* The member reasoning_details of a delta: a piece of reasoning whose event has an id, or what ends it. */
void chat_write_details(const gw_event *event, struct json_writer *w);
/* The same of a whole message; nothing when there are none. */
void chat_write_thoughts(struct arena *arena, const struct fold_thought *thoughts, struct json_writer *w);

/* chat_origin.c: what of an answer has no word in a chat. Begins as zeros; memory of the answer's arena. */
struct messages_answer;
struct chat_origin {
    struct messages_answer *blocks; /* all of the answer's, where the upstream may have such; else NULL */
    struct text container;          /* JSON that the upstream names beside them; absent */
    bool needed;                    /* there was such a one */
};
void chat_origin_take(struct face_answer *answer, struct chat_origin *origin, const gw_event *event);
/* The member x_origin of a message or delta; nothing when it is not needed. */
void chat_write_origin(const struct face_answer *answer, const struct chat_origin *origin, struct json_writer *w);

/* chat_whole.c: what streamed and whole answers share. */

struct text chat_id(const struct face_answer *answer); /* arena */
/* Opens the object and writes its members up to "model". */
void chat_write_head(const struct face_answer *answer, struct text id, struct text object, struct json_writer *w);
/* Is the event's data JSON, where there must be some? Else it is left out, so that it does not garble the rest. */
bool chat_is_sound(const gw_event *event);
/* Names what of an event a chat cannot show, in answer->unshown: nothing is lost in silence. */
void chat_name_unshown(struct face_answer *answer, const gw_event *event);
/* SDKs know no answer without a finish reason. */
struct text chat_finish(struct text told, bool has_calls);
/* The members of the object `extra` (JSON; absent: none) that stand beside those of a call. */
void chat_write_extra(struct arena *arena, struct text extra, struct json_writer *w);
/* The members for parts that a model drew or spoke: JSON values, comma-separated. */
void chat_write_media(struct arena *arena, struct text media, struct json_writer *w);

void chat_stream_event(struct face_answer *answer, const gw_event *event, struct buf *out);
void chat_stream_end(struct face_answer *answer, struct buf *out);
void chat_fold_event(struct face_answer *answer, const gw_event *event);
bool chat_fold_end(struct face_answer *answer, struct buf *out);

#endif
