/* prefixes.h - requests that begin alike: a conversation that goes on has used, up to the last turn, what was reported then. */
#ifndef MONEY_PREFIX_H
#define MONEY_PREFIX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

/* How many turns back an earlier request may have ended. */
#define PREFIX_TURNS 32

/* A request, cut behind each of its last messages. A hash is 0 where there is no such cut. */
struct prefix {
    uint64_t whole; /* of all of it; 0: it is no conversation */
    struct prefix_cut {
        uint64_t hash;
        int64_t rest;     /* the most tokens that what follows makes, by its bytes */
    } cuts[PREFIX_TURNS]; /* the latest first */
    size_t count;
};

/* `whose`: model and provider. What a request has beside its messages counts too, but for what changes no token of the input.
 * `by_bytes`: its tokenizer reads bytes, so that no text grows under a normal form. */
void prefix_read(const struct json *body, struct text seller, struct text model, bool by_bytes, struct prefix *out);

/* What was reported, by hash: the latest 8,192 or so. One writer at a time. */
struct prefixes {
    struct prefix_entry {
        uint64_t hash;
        int64_t tokens;
    } entries[8192];
};
void prefixes_put(struct prefixes *prefixes, uint64_t hash, int64_t tokens);
/* The most tokens of a request by the nearest earlier one; INT64_MAX: none is known. */
int64_t prefixes_bound(const struct prefixes *prefixes, const struct prefix *prefix);

#endif
