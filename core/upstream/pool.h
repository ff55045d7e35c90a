/* pool.h - the connections of one worker: idle ones by origin, and who waits for one.
 *
 * Everything is O(1). Only transfer.c talks to this; others see pool_new() and friends in transfer.h. */
#ifndef UPSTREAM_POOL_H
#define UPSTREAM_POOL_H

#include "upstream/address.h"
#include "upstream/dial.h"
#include "upstream/http1.h"
#include "upstream/transfer.h"

#ifdef GW_TINY
#define POOL_READ ((size_t)7)
#else
#define POOL_READ ((size_t)64 << 10) /* one read; also how far a paused transfer may overshoot */
#endif

struct origin;

/* One connection. In use by one transfer (`user`), or idle. */
struct pool_conn {
    struct loop_watch watch;
    struct wire wire;
    struct pool *pool;
    struct origin *origin;
    struct pool_conn *older, *newer;                           /* idle ones of all origins, by when they became idle */
    struct pool_conn *below, *above;                           /* idle ones of this origin: a stack */
    void (*on_event)(struct pool_conn *conn, uint32_t events); /* while in use */
    void *user;
    int64_t idle_since_ns;
    int64_t dialled_ns; /* when its dialling began, and took an address that was DIAL_NAME_NS old at most */
    int64_t connect_ns; /* how long that might have taken */
    uint32_t exchanges; /* completed ones */
    bool replaced;      /* another one is dialled, for this one is nearly too old */
    bool hung_up;       /* the other end reported that it will send no more */
    bool readable;      /* an edge was seen and not read up to EAGAIN yet */
};

/* Somebody who waits for a connection. Embedded in its owner; kept until on_conn or pool_forget(). */
struct pool_want {
    /* One of both: a connection (taken), or why there is none (lent; `timed_out` when it took too long). Not
     * called from inside pool_want(). Another transfer may be on the stack: only note it, and go on later. */
    void (*on_conn)(struct pool_want *want, struct pool_conn *conn, const char *why, bool timed_out);
    struct pool_want *prev, *next;
    struct origin *origin; /* NULL when not waiting */
    bool fresh;            /* only a new connection will do */
};

struct pool {
    struct loop *loop;
    struct dialer *dialer;
    struct pool_settings settings;
    struct origin **origins; /* hash table, chained */
    size_t origin_count, slot_count;
    struct pool_conn *oldest, *newest; /* idle */
    size_t idle, busy;
    struct loop_timer timer;         /* of the oldest idle connection */
    char *read;                      /* POOL_READ bytes, for one read */
    char *head;                      /* HEAD_MAX bytes, for one request's head */
    const void *head_of;             /* whose it is */
    char *scratch;                   /* WIRE_SCRATCH bytes; never moves */
    struct transfer_header *headers; /* HTTP1_MAX_HEADERS, for one answer's head */
};

/* An idle connection to that origin, taken, or NULL. */
struct pool_conn *pool_get(struct pool *p, const struct address *address);
/* Waits for one: whichever comes first of a dialling and a connection that is given back. */
void pool_want(struct pool *p, struct pool_want *want, const struct address *address, bool fresh, int64_t connect_ns);
/* Not waiting any more. What is being dialled for it goes to others. */
void pool_forget(struct pool *p, struct pool_want *want);
/* Taken back after a complete exchange: to who waits, or idle. */
void pool_put(struct pool_conn *conn);
/* Taken, and closed. */
void pool_close(struct pool_conn *conn);
/* origin.c reports how a dialling went; the wire is taken. `awaited`: somebody hears of a failure. */
void pool_dialled(struct origin *o, struct dial *dial, bool awaited);

#endif
