/* cached.h - the cache of answers: what a client asks of it, and what it does for an attempt. */
#ifndef FLOW_CACHED_H
#define FLOW_CACHED_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/entry.h"

struct answer_head;
struct attempt;
struct cached_ask;
struct join;
struct request;

/* What the client asks for with Cache-Control and x-gw-cache. */
struct cached_wish {
    bool no_read;       /* no-cache, refresh: a new answer, which may be kept */
    bool no_store;      /* neither read nor kept */
    bool only;          /* only-if-cached, only: no upstream is asked */
    bool is_aged;       /* max-age was sent: */
    int64_t max_age_ms; /* no older answer is wanted */
};

enum cached_state {
    CACHED_BARRED, /* nothing is looked for, nor kept */
    CACHED_MISS,   /* what its upstream answers may be kept, unless `bars` */
    CACHED_STORED, /* and was */
    CACHED_HIT,    /* it is answered from the cache */
    CACHED_JOINED, /* by the upstream, which an equal request has asked */
};

/* One attempt. Arena. */
struct cached {
    enum cached_state state;
    const char *bars; /* the reason why the answer is not kept, in one word; static. NULL: it may be kept */
    char key[CACHE_KEY_LEN + 1];
    struct join *join;        /* CACHED_JOINED; arena */
    struct cached_ask *ask;   /* a cache that answers later was asked; arena. NULL: none was */
    uint64_t from;            /* flights_turn() of then */
    unsigned turns;           /* how often it was looked for before */
    struct buf kept;          /* the upstream's bytes so far */
    struct buf value;         /* the memory that `entry` points into */
    struct cache_entry entry; /* of a hit */
    struct buf again;         /* its bytes with a new id and time; empty: entry.bytes are sent unchanged */
    int64_t age_ms, left_ms;  /* of a hit */
    int64_t saved;            /* nano-dollars of today that a hit did not cost; once it is priced */
    bool saved_known;
};

/* Reads Cache-Control or x-gw-cache of the client. False: it is another header. */
bool cached_header(struct request *req, struct text name, struct text value);
/* A piece of the body of a good answer: copied, where it may be kept. */
void cached_keep(struct attempt *a, struct text bytes);
/* The attempt is over, and its outcome is known: keeps its answer where that may be. Row "settle". */
void cached_store(struct attempt *a);
/* Counts what the cache did. Row "settle", when the attempt is priced. */
void cached_count(struct attempt *a);
/* Feeds the entry to the attempt, as if its upstream had sent it. The attempt is over then. */
void cached_replay(struct attempt *a);
/* Cache-Status, age and what a hit saved, where there is a cache. */
void cached_head(struct request *req, struct answer_head *h);
/* "hit", "miss", "stored", "bypass"; NULL: there is no cache. Static. */
const char *cached_word(const struct attempt *a);

#endif
