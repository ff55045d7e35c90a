/* chat.h - the chat completions face, between its two files. */
#ifndef FACE_CHAT_H
#define FACE_CHAT_H

#include "face/face.h"

void chat_stream_event(struct face_answer *answer, const gw_event *event, struct buf *out);
void chat_stream_end(struct face_answer *answer, struct buf *out);
void chat_fold_event(struct face_answer *answer, const gw_event *event);
void chat_fold_end(struct face_answer *answer, struct buf *out);

#endif
