/* face.h - a client API: what a client sent -> the canonical view, events -> what it expects.
 *
 * Faces know nothing of requests, sockets or providers' names. Pure functions, any worker. */
#ifndef FACE_FACE_H
#define FACE_FACE_H

#include <gateway/provider.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/text.h"
#include "canon/ask.h"
#include "canon/error.h"
#include "canon/usage.h"
#include "dialect/dialect.h"
#include "face/shape.h"
#include "face/talk.h"

/* What a face needs to know to write an answer from events. What a face cannot keep or write, for want of memory, makes
 * `arena` full or `out` failed: then the answer is not complete, and the caller must end it with an error. */
struct face_answer {
    struct arena *arena;
    const struct ask *ask;
    struct text request_id; /* becomes the id of the answer */
    struct text model;      /* the upstream's name once it is known, else the one asked for */
    int64_t created;        /* unix seconds */
    const struct usage *usage;
    uint32_t dialects;           /* GW_DIALECT_* that the upstream speaks: what an ORIGIN may be in */
    struct ask_dropped *unshown; /* what of the answer this API cannot show; face_unshown() */
    void *state;                 /* the face's own, arena */
};

struct face {
    const char *name;   /* metric label and log: "chat" */
    uint32_t operation; /* GW_OP_* */
    const struct dialect *dialect;
    uint32_t canonical_dialect; /* GW_DIALECT_* of the canonical form; 0: it has none */
    bool decode_drops;          /* decode() may leave out members, also of a body that is relayed */

    /* Reads the body (lent to the end of the request). 0, or -1 with `fail`. */
    int (*decode)(struct arena *arena, struct text body, struct ask *ask, struct fail *fail);
    /* The body in the canonical (chat) shape, for upstreams that do not speak this dialect; arena. NULL with `fail`.
     * No such function: this face is only relayed. */
    const struct json *(*canonical)(struct arena *arena, struct ask *ask, struct fail *fail);
    /* What is said in it, whatever the wire format. NULL: as talk_chat() reads the canonical form, or nothing. */
    talk_reader *talk;
    const struct shape *shape; /* where it has what rules may change; NULL: texts alone can be changed */
    /* After a whole native answer: what the client asked for but the upstream did not do (embeddings in base64). False
     * when the body stays as it is; may be NULL. */
    bool (*fix_encoding)(struct arena *arena, const struct ask *ask, struct text body, struct buf *out);

    /* A streamed answer from events: appends to `out` what the client shall see. */
    void (*stream_event)(struct face_answer *answer, const gw_event *event, struct buf *out);
    /* Its end: usage chunk if asked for, end mark. */
    void (*stream_end)(struct face_answer *answer, struct buf *out);
    /* A whole answer: remember the event; write the body at the end. */
    void (*fold_event)(struct face_answer *answer, const gw_event *event);
    /* Without any event it is what the gateway answers by itself, if there is such a thing. False: `out` has no room for it. */
    bool (*fold_end)(struct face_answer *answer, struct buf *out);
};

/* Names a part of the answer that this API cannot show, once: "answer.media"; `why` is static. For the log, and for the
 * header where it was not sent. */
void face_unshown(struct face_answer *answer, struct text part, const char *why);

/* The face of that dialect, the first of several: of its requests, and of what has no path of its own. Never NULL. */
const struct face *face_of(const struct dialect *dialect);
/* One more than those below, for face_of(); kept. Boot thread, before any request. At most 8. */
void face_add(const struct face *face);

extern const struct face face_chat;
extern const struct face face_messages;
extern const struct face face_count_tokens;
extern const struct face face_completions; /* OpenAI's older text completions */
extern const struct face face_embeddings;
extern const struct face face_responses; /* relay only */
/* Relayed as they are: moderations, rerank, images, audio. */
extern const struct face face_moderations, face_rerank, face_images, face_audio;

#endif
