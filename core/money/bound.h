/* bound.h - the most tokens that a request can use, from what is sent: no tokenizer makes more tokens of a text than it has bytes. What
 * has no such bound is named. README.md has the rules and the constants. Pure functions, any thread. */
#ifndef MONEY_BOUND_H
#define MONEY_BOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/text.h"

struct bound_ask {
    struct text seller, model; /* a plugin's or service's name; as the upstream names it */
    struct text counter; /* whose count of tokens an earlier request's was: the provider's name; absent: `seller` */
    struct text body;    /* JSON, as it is sent or, where nothing but names changes on the way, as it came */
    size_t bytes;        /* of what is sent; 0: of `body` */
    int64_t window, max_output; /* of the model; 0: not known */
    int64_t learned;            /* tokens more than the constants give, from requests that passed their bound */
    const char *const
        *limits; /* the members that limit the output, NULL-terminated; NULL: any name that an API has for it */
    struct prefix *prefix; /* filled where it may be used (money/prefixes.h); NULL: not wanted */
    bool interleaved;      /* thinks between calls: its limit of output is the window */
};

struct bound {
    int64_t input, output; /* tokens; of all answers together */
    int64_t searches;      /* calls of tools that the upstream runs and charges by the call */
    int64_t limit;         /* of output tokens for one answer, as sent; 0: none */
    int64_t prediction;    /* of the output, beside what the limit allows */
    int64_t choices;       /* answers that are asked for, at least 1 */
    bool images;           /* there are some in the body */
    bool hour;             /* asks for a cache that is kept for an hour */
    bool reasons;          /* asks for reasoning */
    bool any_tier;         /* names no service tier, or "auto": the upstream chooses */
    const char *unbounded; /* what in it has no bound: "audio", static; NULL: nothing */
    bool no_limit;         /* no limit of output is sent and the model's most is not known: `output` is a guess */
};

/* `arena` is for what is read of the body meanwhile. */
void bound_of(const struct bound_ask *ask, struct arena *arena, struct bound *bound);

/* Is the limit of a chat's output tokens called "max_completion_tokens" there, and "max_tokens" an older name of it? */
bool bound_knows_newer(struct text seller);

/* bound_body.c: what the body has beside text. */
struct bound_body {
    size_t base64;     /* bytes of images in it */
    int64_t images;    /* how many */
    int64_t documents; /* as text: their sentences are marked, so that they can be cited */
    size_t document_bytes;
    int64_t tools, builtin; /* tools of the client; those of them that the provider describes by itself */
    int64_t rounds;         /* that the upstream may run by itself, with the whole of the context each */
    int64_t searches;
    bool stored; /* part of the input is with the upstream: only the window bounds it */
    int64_t limit, choices, prediction;
    bool hour, reasons, any_tier;
    const char *unbounded;
    const struct json *json; /* as it was read; in the arena */
};
/* `limits` as in struct bound_ask. */
void bound_read_body(struct text body, const char *const *limits, struct arena *arena, struct bound_body *out);

/* nfkc.c: how many bytes longer the JSON text becomes where a tokenizer brings it to the form NFKC first; escapes count as what
 * they stand for. At least 0. */
int64_t nfkc_growth(struct text json);

#endif
