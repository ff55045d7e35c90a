/* origin.h - one upstream server of a pool: its idle connections, who waits for one, what is being dialled. */
#ifndef UPSTREAM_ORIGIN_H
#define UPSTREAM_ORIGIN_H

#include "upstream/dial.h"
#include "upstream/pool.h"

/* scheme://host:port, as written in URLs. */
struct origin {
    struct pool *pool;
    struct origin *chain; /* same slot of the table */
    uint64_t hash;
    struct pool_conn *top;               /* idle */
    struct pool_want *first, *last;      /* who waits, in order */
    struct origin_dial *oldest, *newest; /* dialling now: first the spare ones, then the awaited ones */
    struct origin_dial *awaited;         /* the first of those */
    unsigned idle, busy, waiting, dials, spares;
    bool is_address; /* it has no name that could move */
    bool in_doubt;   /* the last dialling failed: its name may have moved */
    struct text name;
    char bytes[];
};

/* One dialling. Awaited while somebody waits for it: its failure is that one's. When who waited left, or was
 * served by another connection, it is spare: what it brings is welcome, and nobody hears of its failure. */
struct origin_dial {
    struct dial *dial;
    struct origin *origin; /* NULL when the pool is gone */
    struct origin_dial *prev, *next;
    int64_t connect_ns;
    bool spare;
};

/* The origin of that name, made when there is none; lent until the pool forgets it. */
struct origin *origin_get(struct pool *p, struct text name);
/* All of them; nobody may wait. Diallings go on, and what they bring is closed. */
void origin_free_all(struct pool *p);
/* One dialling for each who waits, as far as the limit allows; pool_dialled() is called for each. */
void origin_dial(struct origin *o, int64_t connect_ns);
/* One more dialling that nobody waits for: what it brings takes the place of a connection that is old. */
void origin_replace(struct origin *o, int64_t connect_ns);
/* Fewer wait than before: diallings that nobody awaits any more become spare. */
void origin_spare(struct origin *o);

#endif
