/* dialect.h - a wire format, wherever it occurs: how a body is relayed, what is looked for in what passes, what keeps a silent
 * stream alive, what errors and lists look like. A face is a dialect and the translation to and from the canonical form.
 *
 * Dialects know nothing of requests, sockets or providers. Pure functions, any worker. */
#ifndef DIALECT_DIALECT_H
#define DIALECT_DIALECT_H

#include <gateway/provider.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/text.h"
#include "canon/ask.h"
#include "dialect/models.h"

struct json;

/* What was found in one relayed frame. */
#define DIALECT_TAP_USAGE (1u << 0)      /* a usage object that is not null */
#define DIALECT_TAP_FINISH (1u << 1)     /* a finish reason */
#define DIALECT_TAP_ERROR (1u << 2)      /* an error object */
#define DIALECT_TAP_DONE (1u << 3)       /* the end mark of the dialect */
#define DIALECT_TAP_USAGE_ONLY (1u << 4) /* the extra usage chunk: nothing else in it */
#define DIALECT_TAP_BAD (1u << 5)        /* a whole body that is no JSON object */
#define DIALECT_TAP_READ                                                                                               \
    (DIALECT_TAP_USAGE | DIALECT_TAP_FINISH | DIALECT_TAP_ERROR) /* the provider's read() is asked */

/* A stream that the gateway cuts. */
struct dialect_cut {
    struct text request_id, model;
    int64_t created;  /* unix seconds */
    struct text last; /* the data of the last event that passed */
};

struct dialect {
    const char *name;
    uint32_t bit;     /* GW_DIALECT_* */
    struct text ping; /* what keeps a silent stream alive: ": keep-alive\n\n"; absent: it has no streams */
    struct text
        end; /* the event without which a stream is not complete for its clients, for upstreams that leave it out;
                        * absent: its clients take the end of the body for it (OpenAI's: several services send no [DONE]) */
    bool marks_end;  /* a stream that has neither an end mark nor a finish reason broke off */
    bool waits_long; /* its clients come again when Retry-After has passed, however long it is */
    const char *
        quota; /* how the headers begin by which its clients learn that a budget is nearly or quite spent; NULL: they know none */
    const char *user_in; /* the member of a request whose "user_id" names the end user; NULL: its member "user" does */
    const char *const *
        limits; /* the members that hold a limit of output tokens, to a NULL; the first is put in where there is none. NULL: none does */
    const char *const
        *headers; /* request headers that its upstreams get, to a NULL; with * at its end: all that begin so */
    const char
        *marked_by; /* the header by which its clients are known where APIs share a path: lists of models. NULL: none */

    /* The body for a native upstream, in pieces that are lent from ask->body or arena: the model's name and
     * what the gateway must change spliced in (a stream is always asked for its usage). */
    void (*splice)(struct arena *arena, const struct ask *ask, struct text model, struct text **pieces, size_t *count);
    /* DIALECT_TAP_* of one relayed SSE frame. */
    unsigned (*tap)(struct arena *arena, struct text name, struct text data);
    /* How many bytes of text, reasoning and call arguments, decoded, are in a relayed SSE frame: what is counted where nobody
     * reports the output. NULL: its streams have none. */
    size_t (*spoken)(struct text name, struct text data);
    /* Does an event before all others only open the answer: is nothing of the model's answer in it, nor an error? Such
     * are held back until one that has something. NULL: none does. */
    bool (*is_opening)(struct text name, const struct json *event);
    /* DIALECT_TAP_* of a whole relayed body, and in *digest (arena) the little of it that the provider's read() needs:
     * usage, finish reasons, errors. A body of 100 KB is then not parsed for the sake of 200 bytes. */
    unsigned (*extract)(struct arena *arena, struct text body, struct text *digest);

    /* The HTTP status of an error for its clients. */
    int (*error_status)(const struct fail *fail);
    /* The body of an error, appended. */
    void (*write_error)(const struct fail *fail, struct text request_id, struct buf *out);
    /* The event that ends a stream after its first byte, appended: a whole SSE event. */
    void (*write_error_event)(const struct fail *fail, struct text request_id, struct buf *out);
    /* The end of a stream that is cut at its limit of output tokens, appended. NULL: its streams have none. */
    void (*write_cut)(const struct dialect_cut *cut, struct buf *out);
    /* The list of models, or the part of it that `page` asks for, appended. `created` in unix seconds: when the gateway started. */
    void (*write_models)(const struct models_row *rows, size_t count, struct models_page page, int64_t created,
                         struct buf *out);
    /* One model of it. */
    void (*write_model)(const struct models_row *row, int64_t created, struct buf *out);
};

extern const struct dialect dialect_chat;
extern const struct dialect dialect_completions; /* OpenAI's older text completions */
extern const struct dialect dialect_embeddings;
extern const struct dialect dialect_responses;
extern const struct dialect dialect_messages;
extern const struct dialect dialect_count_tokens; /* of messages: its answers differ */
extern const struct dialect dialect_other;        /* moderations, rerank, images, audio */

/* One more than those above; kept. Boot thread, before any request. At most 8. */
void dialect_add(const struct dialect *dialect);
/* Does a request header of this name go to upstreams of some dialect? Any case. */
bool dialect_has_header(struct text name);
/* spoken() of the first of these dialects (GW_DIALECT_*) that finds something in the frame; 0: none does. */
size_t dialect_spoken(uint32_t dialects, struct text name, struct text data);
/* The dialect whose clients send this header, as no other's do; NULL: it is no such header. */
const struct dialect *dialect_marked_by(struct text name);

#endif
