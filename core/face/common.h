/* common.h - what the faces share: reading the head of a body, splicing the model's name, finding members in what passes. */
#ifndef FACE_COMMON_H
#define FACE_COMMON_H

#include "face/face.h"

/* Scans the body and reads what every face needs: an object, nothing that would choose where our credentials go, a
 * model, `stream`. 0, or -1 with `fail`. */
int common_decode(struct arena *arena, struct text body, struct ask *ask, struct fail *fail);

/* One place of the body that is replaced. */
struct common_edit {
    size_t start, end; /* offsets in the body; equal: an insertion */
    struct text with;
};
/* The edit that puts in the model's name; false when it is the same. */
bool common_model_edit(struct arena *arena, const struct ask *ask, struct text model, struct common_edit *edit);
/* The body with `n` edits, by rising offset, as pieces (arena). */
void common_pieces(struct arena *arena, const struct ask *ask, const struct common_edit *edits, size_t n, struct text **pieces,
                   size_t *count);
/* splice() of faces that change nothing but the model's name. */
void common_splice(struct arena *arena, const struct ask *ask, struct text model, struct text **pieces, size_t *count);

/* What chat and text completions change: the model's name, and a stream is asked for its usage. At most 2, in order. */
size_t common_asking_edits(struct arena *arena, const struct ask *ask, struct text model, struct common_edit edits[2]);
/* splice() that changes just that. */
void common_splice_asking(struct arena *arena, const struct ask *ask, struct text model, struct text **pieces, size_t *count);
/* tap() and digest() of chat and text completions. */
unsigned common_tap(struct arena *arena, struct text name, struct text data);
unsigned common_digest(struct arena *arena, struct text body, struct text *digest);
/* spoken() of chat and of text completions. */
size_t common_spoken_chat(struct text name, struct text data);
size_t common_spoken_text(struct text name, struct text data);

/* stream_options.include_usage into ask->wants_usage. 0, or -1 with `fail`. */
int common_decode_options(struct arena *arena, struct ask *ask, struct fail *fail);

/* Notes a member that does not arrive, once; `why` is static. The name is shown in a header and the log: of what a
 * client wrote, only letters, digits and a few signs are kept. Past COMMON_DROPPED_MAX names the rest are "others". */
void common_drop(struct arena *arena, struct ask *ask, struct text member, const char *why);
#define COMMON_DROPPED_MAX 64

/* The first byte of the value of a member called `quoted` ("\"usage\"", with its quotes) at some depth; 0 when there is
 * none or it is null. */
char common_value_of(struct text data, struct text quoted);
/* ,"name":VALUE appended when the member is there. */
void common_keep(const struct scan *scan, const char *name, struct buf *out);
/* The JSON text of a finished buf in the arena; the buf is freed. Where an append to it failed, the arena is full: the
 * request must fail. */
struct text common_take(struct arena *arena, struct buf *out);

/* The writers of faces that only pass on. A BODY event is the whole answer. */
void common_no_stream_event(struct face_answer *answer, const gw_event *event, struct buf *out);
void common_no_stream_end(struct face_answer *answer, struct buf *out);
void common_body_event(struct face_answer *answer, const gw_event *event);
bool common_body_end(struct face_answer *answer, struct buf *out);

#endif
