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

/* What a face needs to know to write an answer from events. What a face cannot keep or write, for want of memory, makes
 * `arena` full or `out` failed: then the answer is not complete, and the caller must end it with an error. */
struct face_answer {
    struct arena *arena;
    const struct ask *ask;
    struct text request_id; /* becomes the id of the answer */
    struct text model;      /* the upstream's name once it is told, else the one asked for */
    int64_t created;        /* unix seconds */
    const struct usage *usage;
    uint32_t dialects;      /* GW_DIALECT_* that the upstream speaks: what an ORIGIN may be in */
    struct ask_dropped *unshown; /* what of the answer this API cannot show; face_unshown() */
    void *state;            /* the face's own, arena */
};

/* What the scan found in one relayed frame. */
#define FACE_TAP_USAGE (1u << 0)      /* a usage object that is not null */
#define FACE_TAP_FINISH (1u << 1)     /* a finish reason */
#define FACE_TAP_ERROR (1u << 2)      /* an error object */
#define FACE_TAP_DONE (1u << 3)       /* the end mark of the dialect */
#define FACE_TAP_USAGE_ONLY (1u << 4) /* the extra usage chunk: nothing else in it */
#define FACE_TAP_BAD (1u << 5)        /* a whole body that is no JSON object */
#define FACE_TAP_READ (FACE_TAP_USAGE | FACE_TAP_FINISH | FACE_TAP_ERROR) /* the provider's read() is asked */

struct face {
    const char *name;   /* metric label and log: "chat" */
    uint32_t operation; /* GW_OP_* */
    uint32_t dialect;   /* GW_DIALECT_* of its bodies */
    enum error_shape errors;
    struct text ping;   /* what keeps a silent stream alive: ": keep-alive\n\n" */
    struct text end;    /* the event without which a stream is not complete for its clients, for upstreams that leave it out;
                         * absent: its clients take the end of the body for it (OpenAI's: several services send no [DONE]) */

    /* Reads the body (lent to the end of the request). 0, or -1 with `fail`. */
    int (*decode)(struct arena *arena, struct text body, struct ask *ask, struct fail *fail);
    /* The body in the canonical (chat) shape, for upstreams that do not speak this dialect; arena. NULL with `fail`.
     * No such function: this face is only relayed. */
    const struct json *(*canonical)(struct arena *arena, struct ask *ask, struct fail *fail);
    /* The body for a native upstream, in pieces that are lent from ask->body or arena: the model's name and
     * what the gateway must change spliced in (a stream is always asked for its usage). */
    void (*splice)(struct arena *arena, const struct ask *ask, struct text model, struct text **pieces, size_t *count);
    /* FACE_TAP_* of one relayed SSE frame. */
    unsigned (*tap)(struct arena *arena, struct text name, struct text data);
    /* How many bytes of text, reasoning and call arguments, decoded, the model says in a relayed SSE frame: what is counted
     * where nobody reports the output. NULL: its streams have none. */
    size_t (*spoken)(struct text name, struct text data);
    /* Does an event before all others only open the answer: is nothing of what the model says in it, nor an error? Such
     * are held back until one that says something. NULL: none does. */
    bool (*opens)(struct text name, const struct json *event);
    /* FACE_TAP_* of a whole relayed body, and in *digest (arena) the little of it that the provider's read() needs:
     * usage, finish reasons, errors. A body of 100 KB is then not parsed for the sake of 200 bytes. */
    unsigned (*digest)(struct arena *arena, struct text body, struct text *digest);

    /* After a whole native answer: what the client asked for but the upstream did not do (embeddings in base64). False
     * when the body stays as it is; may be NULL. */
    bool (*convert)(struct arena *arena, const struct ask *ask, struct text body, struct buf *out);

    /* A streamed answer from events: appends to `out` what the client shall see. */
    void (*stream_event)(struct face_answer *answer, const gw_event *event, struct buf *out);
    /* Its end: usage chunk if asked for, end mark. */
    void (*stream_end)(struct face_answer *answer, struct buf *out);
    /* A whole answer: remember the event; write the body at the end. */
    void (*fold_event)(struct face_answer *answer, const gw_event *event);
    /* False: `out` has no room for it. */
    bool (*fold_end)(struct face_answer *answer, struct buf *out);
};

/* Names a part of the answer that this API cannot show, once: "answer.media"; `why` is static. For the log, and for the
 * header where it was not sent. */
void face_unshown(struct face_answer *answer, struct text part, const char *why);

extern const struct face face_chat;
extern const struct face face_messages;
extern const struct face face_count_tokens;
extern const struct face face_completions; /* OpenAI's older text completions */
extern const struct face face_embeddings;
extern const struct face face_responses; /* relay only */
/* Relayed as they are: moderations, rerank, images, audio. */
extern const struct face face_moderations, face_rerank, face_images, face_audio;

#endif
