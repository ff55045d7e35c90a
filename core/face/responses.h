/* responses.h - the responses face, between its files. */
#ifndef FACE_RESPONSES_H
#define FACE_RESPONSES_H

#include "face/face.h"

/* responses_write.c: an answer of one text, from events. */
void responses_stream_event(struct face_answer *answer, const gw_event *event, struct buf *out);
void responses_stream_end(struct face_answer *answer, struct buf *out);
void responses_fold_event(struct face_answer *answer, const gw_event *event);
bool responses_fold_end(struct face_answer *answer, struct buf *out);

#endif
