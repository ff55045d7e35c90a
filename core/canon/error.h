/* error.h - the table of everything a client can be told went wrong, and its three shapes.
 *
 * One table for every path (reliability): status, type, code, x-should-retry, Retry-After. The shape
 * follows the endpoint the client called, never the upstream. */
#ifndef CANON_ERROR_H
#define CANON_ERROR_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/text.h"

enum error_case {
    E_NONE = 0,
    E_KEY,              /* E1 no, unknown, disabled or expired key */
    E_MODEL,            /* E2 unknown or not allowed */
    E_JSON,             /* E3 not valid JSON */
    E_PARAMETER,        /* E3 a member of the wrong type or value; param is set */
    E_BODY_TOO_LARGE,   /* E4 413 */
    E_HEAD_TOO_LARGE,   /* E4 431 */
    E_FRAMING,          /* E5 */
    E_TOO_SLOW,         /* E6 */
    E_OVERLOAD,         /* E12 */
    E_UPSTREAM,         /* E13 */
    E_SHUTTING_DOWN,    /* E13 for what a drain cuts */
    E_UPSTREAM_TIMEOUT, /* E14 */
    E_UPSTREAM_AUTH,    /* E15 */
    E_UPSTREAM_RATE,    /* E16 */
    E_UPSTREAM_QUOTA,   /* the gateway's account there is empty: in the words at which every client stops (surface, §3) */
    E_UPSTREAM_REFUSED, /* E17 the caller's own fault; status and code are the upstream's */
    E_UPSTREAM_BUSY,    /* an upstream's own 503 or 529 keeps its class */
    E_INTERNAL,         /* E20 */
    E_PATH,             /* E21 404 */
    E_METHOD,           /* E21 405 */
    E_FORBIDDEN,        /* a web page of another site, a foreign Host: 403 */
    E_MEDIA_TYPE,       /* 415 */
    E_UPGRADE,          /* a WebSocket was asked for: 426, so that the client falls back to HTTP at once */
    E_LOSSY,            /* E22 */
    E_BUDGET,           /* E10 a budget is spent */
    E_BUDGET_REQUEST,   /* E10 money is left, but not for this request */
    E_BUDGET_IN_FLIGHT, /* E11 it fits when others are over */
    E_NOT_PRICED,       /* E23 a budget, and a model without a price */
    E_LEDGER,           /* E18 what is spent cannot be written down */
    E_LOOP,             /* the request has been here before: 508, a provider's base_url leads back */
    E_STREAM,           /* after the first byte: stream_interrupted */
    E_STREAM_INCOMPLETE, /* ended without its end mark */
    E_CASES
};

/* The most bytes of an upstream's words that a client is sent. */
#define ERROR_TEXT_MOST 2000

/* The code of a prompt that is too long for the model: clients shorten it and come again. */
#define ERROR_CODE_CONTEXT "context_length_exceeded"

enum error_shape { ERROR_OPENAI, ERROR_ANTHROPIC, ERROR_GEMINI, ERROR_RESPONSES /* differs in streams only */ };

/* Fills `fail` from the table's row and the text. Always -1. Any thread. */
int error_set(struct fail *fail, enum error_case which, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same with the member that is complained of. */
int error_param(struct fail *fail, enum error_case which, struct text param, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The upstream's words, of which the first ERROR_TEXT_MOST bytes are kept: cut between characters, and then marked. Also
 * in the arena, where they have no room in `fail` itself. */
void error_words(struct fail *fail, struct arena *arena, struct text words);
/* The HTTP status in that shape (529 for an overload on the Anthropic face). */
int error_status(const struct fail *fail, enum error_shape shape);
/* The body, appended. */
void error_write(const struct fail *fail, enum error_shape shape, struct text request_id, struct buf *out);
/* The event that ends a stream after its first byte, appended: a whole SSE event. */
void error_write_event(const struct fail *fail, enum error_shape shape, struct text request_id, struct buf *out);

#endif
