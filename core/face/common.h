/* common.h - what the faces share: reading the head of a body, and answers that are only passed on. */
#ifndef FACE_COMMON_H
#define FACE_COMMON_H

#include "face/face.h"

/* Scans the body and reads what every face needs: an object, nothing that would choose where our credentials go, a
 * model, `stream`. 0, or -1 with `fail`. */
int common_decode(struct arena *arena, struct text body, struct ask *ask, struct fail *fail);

/* stream_options.include_usage into ask->wants_usage. 0, or -1 with `fail`. */
int common_decode_options(struct arena *arena, struct ask *ask, struct fail *fail);

/* Notes a member that does not arrive, once; `why` is static. The name is shown in a header and the log: of what a
 * client wrote, only letters, digits and a few signs are kept. Past COMMON_DROPPED_MAX names the rest are "others". */
void common_drop(struct arena *arena, struct ask *ask, struct text member, const char *why);
#define COMMON_DROPPED_MAX 64

/* The writers of faces that only pass on. A BODY event is the whole answer. */
void common_no_stream_event(struct face_answer *answer, const gw_event *event, struct buf *out);
void common_no_stream_end(struct face_answer *answer, struct buf *out);
void common_body_event(struct face_answer *answer, const gw_event *event);
bool common_body_end(struct face_answer *answer, struct buf *out);

#endif
