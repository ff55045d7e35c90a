/* error.h - the table of everything that can go wrong for a client.
 *
 * One table for every path (reliability): status, type, code, x-should-retry, Retry-After. The shape
 * follows the endpoint the client called, never the upstream: its dialect writes it. */
#ifndef CANON_ERROR_H
#define CANON_ERROR_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/text.h"

struct json_writer;

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
    E_UPSTREAM_TIMEOUT, /* E14 */
    E_UPSTREAM_AUTH,    /* E15 */
    E_UPSTREAM_RATE,    /* E16 */
    E_UPSTREAM_QUOTA, /* the gateway's account there is empty: in the words at which every client stops (surface, §3) */
    E_UPSTREAM_REFUSED,  /* E17 the caller's own fault; status and code are the upstream's */
    E_UPSTREAM_BUSY,     /* an upstream's own 503 or 529 keeps its class */
    E_INTERNAL,          /* E20 */
    E_PATH,              /* E21 404 */
    E_METHOD,            /* E21 405 */
    E_FORBIDDEN,         /* a web page of another site, a foreign Host: 403 */
    E_MEDIA_TYPE,        /* 415 */
    E_UPGRADE,           /* a WebSocket was asked for: 426, so that the client falls back to HTTP at once */
    E_LOSSY,             /* E22 */
    E_BUDGET,            /* E10 a budget is spent */
    E_BUDGET_REQUEST,    /* E10 money is left, but not for this request */
    E_BUDGET_IN_FLIGHT,  /* E11 it fits when others are over */
    E_UNBOUNDED,         /* a strict budget, and something without a most that it can cost */
    E_NOT_PRICED,        /* E23 a budget, and a model without a price */
    E_SWITCHED_OFF,      /* the operator has switched the key or the session off */
    E_RATE,              /* E8 requests or tokens per minute */
    E_SLOW_DOWN,         /* E9 too many in flight */
    E_LEDGER,            /* E18 what is spent cannot be written down */
    E_NOT_CACHED,        /* only the cache is asked, and it has no answer: 504 */
    E_LOOP,              /* the request has been here before: 508, a provider's base_url leads back */
    E_STREAM,            /* after the first byte: stream_interrupted */
    E_STREAM_INCOMPLETE, /* ended without its end mark */
    E_CASES
};

/* The most bytes of an upstream's words that a client is sent. */
#define ERROR_TEXT_MOST 2000

/* The code of a prompt that is too long for the model: clients shorten it and come again. */
#define ERROR_CODE_CONTEXT "context_length_exceeded"

/* Fills `fail` from the table's row and the text. Always -1. Any thread. */
int error_set(struct fail *fail, enum error_case which, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same with the member that is complained of. */
int error_param(struct fail *fail, enum error_case which, struct text param, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The upstream's words, of which the first ERROR_TEXT_MOST bytes are kept: cut between characters, and then marked. Also
 * in the arena, where they have no room in `fail` itself. */
void error_words(struct fail *fail, struct arena *arena, struct text words);
/* Is something overloaded, here or upstream? */
bool error_is_overload(const struct fail *fail);
/* Is a budget spent, or too small for this request? */
bool error_is_budget(const struct fail *fail);

/* For the dialects (dialect/dialect.h), which write errors. */
/* What is wrong, in the upstream's own words where there are such. Lent. */
struct text error_text(const struct fail *fail);
/* The code as a value: null where the upstream has none. */
void error_put_code(const struct fail *fail, struct json_writer *w);
/* The members of the upstream's error that have no other place. */
void error_put_more(const struct fail *fail, struct json_writer *w);

#endif
