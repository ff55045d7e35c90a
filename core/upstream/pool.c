/* pool.c - idle connections are a stack per origin (the warmest first) and a queue over all (the oldest
 * ends first). They are watched: one that the other end closes, or that says something unasked, goes at once. */
#include "upstream/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/map.h"
#include "upstream/head.h"

#define POOL_IDLE_PER_ORIGIN 256
#define POOL_IDLE_NS (60 * CLOCK_S)
#define POOL_DIALS 64    /* at once, per origin: a thread each */
#define POOL_ORIGINS 256 /* above that, origins without a connection are forgotten */

/* scheme://host:port, as written in URLs. */
struct origin {
    struct pool *pool;
    struct origin *chain; /* same slot of the table */
    uint64_t hash;
    struct pool_conn *top;               /* idle */
    struct pool_want *first, *last;      /* who waits, in order */
    struct pool_dial *oldest, *newest;   /* dialling now: first the spare ones, then the awaited ones */
    struct pool_dial *awaited;           /* the first of those */
    unsigned idle, busy, waiting, dials, spares;
    struct text name;
    char bytes[];
};

/* One dialling. Awaited while somebody waits for it: its failure is that one's. When who waited left, or was
 * served by another connection, it is spare: what it brings is welcome, and nobody hears of its failure. */
struct pool_dial {
    struct dial *dial;
    struct origin *origin; /* NULL when the pool is gone */
    struct pool_dial *prev, *next;
    int64_t connect_ns;
    bool spare;
};

static void on_ready(struct loop_watch *watch, uint32_t events);
static void on_idle_time(struct loop_timer *timer);
static void dial_more(struct origin *o, int64_t connect_ns);
static void dialled(struct dial *dial);
static void discard(struct pool_conn *conn);

struct pool *pool_new(struct loop *loop, struct jobs *dialers, const struct pool_settings *settings)
{
    struct pool *p = calloc(1, sizeof *p);

    BUG_IF(p == NULL);
    dial_start();
    p->loop = loop;
    p->dialers = dialers;
    if (settings != NULL)
        p->settings = *settings;
    if (p->settings.idle_per_origin == 0)
        p->settings.idle_per_origin = POOL_IDLE_PER_ORIGIN;
    if (p->settings.idle_ns == 0)
        p->settings.idle_ns = POOL_IDLE_NS;
    p->timer.on_time = on_idle_time;
    p->slot_count = 64;
    p->origins = calloc(p->slot_count, sizeof *p->origins);
    p->read = malloc(POOL_READ);
    p->head = malloc(HEAD_MAX);
    p->scratch = malloc(WIRE_SCRATCH);
    p->headers = calloc(HTTP1_MAX_HEADERS, sizeof *p->headers);
    BUG_IF(p->origins == NULL || p->read == NULL || p->head == NULL || p->scratch == NULL || p->headers == NULL);
    return p;
}

void pool_free(struct pool *p)
{
    BUG_IF(p->busy > 0);
    while (p->oldest != NULL)
        discard(p->oldest);
    loop_timer_clear(p->loop, &p->timer);
    for (size_t i = 0; i < p->slot_count; i++) {
        while (p->origins[i] != NULL) {
            struct origin *o = p->origins[i];

            BUG_IF(o->first != NULL);
            for (struct pool_dial *d = o->oldest; d != NULL; d = d->next)
                d->origin = NULL; /* its connection is closed when it comes */
            p->origins[i] = o->chain;
            free(o);
        }
    }
    free(p->origins);
    free(p->read);
    free(p->head);
    free(p->scratch);
    free(p->headers);
    free(p);
}

size_t pool_idle(const struct pool *p) { return p->idle; }

static struct origin *find_origin(struct pool *p, struct text name, uint64_t hash)
{
    struct origin *o = p->origins[hash & (p->slot_count - 1)];

    while (o != NULL && (o->hash != hash || !text_eq(o->name, name)))
        o = o->chain;
    return o;
}

/* Those that nobody uses: their number is bounded by what is configured, unless scripts make up URLs. */
static void forget_origins(struct pool *p)
{
    for (size_t i = 0; i < p->slot_count; i++) {
        struct origin **at = &p->origins[i], *o;

        while ((o = *at) != NULL) {
            if (o->idle + o->busy + o->waiting + o->dials + o->spares > 0) {
                at = &o->chain;
                continue;
            }
            *at = o->chain;
            free(o);
            p->origin_count--;
        }
    }
}

static struct origin *get_origin(struct pool *p, struct text name)
{
    uint64_t hash = map_hash(name.ptr, name.len);
    struct origin *o = find_origin(p, name, hash);

    if (o != NULL)
        return o;
    if (p->origin_count >= POOL_ORIGINS)
        forget_origins(p);
    o = calloc(1, sizeof *o + name.len);
    BUG_IF(o == NULL);
    o->pool = p;
    o->hash = hash;
    memcpy(o->bytes, name.ptr, name.len);
    o->name = (struct text){o->bytes, name.len};
    o->chain = p->origins[hash & (p->slot_count - 1)];
    p->origins[hash & (p->slot_count - 1)] = o;
    p->origin_count++;
    return o;
}

/* Idle -> out of both lists. */
static void unlink_idle(struct pool_conn *c)
{
    struct pool *p = c->pool;

    *(c->older != NULL ? &c->older->newer : &p->oldest) = c->newer;
    *(c->newer != NULL ? &c->newer->older : &p->newest) = c->older;
    *(c->above != NULL ? &c->above->below : &c->origin->top) = c->below;
    if (c->below != NULL)
        c->below->above = c->above;
    c->older = c->newer = c->above = c->below = NULL;
    c->origin->idle--;
    p->idle--;
}

static void link_idle(struct pool_conn *c)
{
    struct pool *p = c->pool;

    c->older = p->newest;
    *(c->older != NULL ? &c->older->newer : &p->oldest) = c;
    p->newest = c;
    c->below = c->origin->top;
    if (c->below != NULL)
        c->below->above = c;
    c->origin->top = c;
    c->origin->idle++;
    p->idle++;
    c->idle_since_ns = p->loop->now_ns;
    if (p->timer.slot == 0)
        loop_timer_set(p->loop, &p->timer, c->idle_since_ns + p->settings.idle_ns);
}

static void on_idle_time(struct loop_timer *timer)
{
    struct pool *p = (struct pool *)((char *)timer - offsetof(struct pool, timer));

    while (p->oldest != NULL && p->oldest->idle_since_ns + p->settings.idle_ns <= p->loop->now_ns)
        discard(p->oldest);
    if (p->oldest != NULL)
        loop_timer_set(p->loop, timer, p->oldest->idle_since_ns + p->settings.idle_ns);
}

static void free_conn(struct pool_conn *c)
{
    loop_unwatch(c->pool->loop, &c->watch);
    wire_close(&c->wire);
    free(c);
}

static void discard(struct pool_conn *c)
{
    unlink_idle(c);
    free_conn(c);
}

static void set_busy(struct pool_conn *c, bool busy)
{
    c->origin->busy += busy ? 1 : -1u;
    c->pool->busy += busy ? 1 : (size_t)-1;
}

struct pool_conn *pool_get(struct pool *p, const struct address *address)
{
    struct origin *o = get_origin(p, address->origin);
    struct pool_conn *c = o->top;

    if (c == NULL)
        return NULL;
    unlink_idle(c);
    set_busy(c, true);
    return c;
}

void pool_close(struct pool_conn *c)
{
    set_busy(c, false);
    free_conn(c);
}

/* The first who waits and would take it; NULL when nobody does. Not waiting any more. */
static struct pool_want *next_want(struct origin *o, bool is_fresh)
{
    struct pool_want *want = o->first;

    while (want != NULL && want->fresh && !is_fresh)
        want = want->next;
    if (want != NULL)
        pool_forget(o->pool, want);
    return want;
}

/* To who waits, or idle. The connection is not busy yet. */
static void offer(struct pool_conn *c)
{
    struct origin *o = c->origin;
    struct pool_want *want = next_want(o, c->exchanges == 0);

    if (want != NULL) {
        set_busy(c, true);
        want->on_conn(want, c, NULL, false);
    } else if (o->idle >= o->pool->settings.idle_per_origin) {
        free_conn(c);
    } else {
        link_idle(c);
    }
}

void pool_put(struct pool_conn *c)
{
    set_busy(c, false);
    c->on_event = NULL;
    c->user = NULL;
    c->exchanges++;
    offer(c);
}

void pool_want(struct pool *p, struct pool_want *want, const struct address *address, bool fresh,
               int64_t connect_ns)
{
    struct origin *o = get_origin(p, address->origin);

    want->origin = o;
    want->fresh = fresh;
    want->next = NULL;
    want->prev = o->last;
    *(o->last != NULL ? &o->last->next : &o->first) = want;
    o->last = want;
    o->waiting++;
    dial_more(o, connect_ns);
}

void pool_forget(struct pool *p, struct pool_want *want)
{
    struct origin *o = want->origin;

    (void)p;
    if (o == NULL)
        return;
    *(want->prev != NULL ? &want->prev->next : &o->first) = want->next;
    *(want->next != NULL ? &want->next->prev : &o->last) = want->prev;
    want->origin = NULL;
    o->waiting--;
    while (o->dials > o->waiting) {
        o->awaited->spare = true;
        o->awaited = o->awaited->next;
        o->dials--;
        o->spares++;
    }
}

static void link_dial(struct pool_dial *d)
{
    struct origin *o = d->origin;

    d->prev = o->newest;
    *(d->prev != NULL ? &d->prev->next : &o->oldest) = d;
    o->newest = d;
    if (o->awaited == NULL)
        o->awaited = d;
    o->dials++;
}

static void unlink_dial(struct pool_dial *d)
{
    struct origin *o = d->origin;

    *(d->prev != NULL ? &d->prev->next : &o->oldest) = d->next;
    *(d->next != NULL ? &d->next->prev : &o->newest) = d->prev;
    if (o->awaited == d)
        o->awaited = d->next;
    if (d->spare)
        o->spares--;
    else
        o->dials--;
}

/* One dialling for each who waits, as far as the limit allows. */
static void dial_more(struct origin *o, int64_t connect_ns)
{
    while (o->dials + o->spares < POOL_DIALS && o->dials < o->waiting) {
        struct pool_dial *d = calloc(1, sizeof *d);

        BUG_IF(d == NULL);
        d->origin = o;
        d->connect_ns = connect_ns;
        link_dial(d);
        d->dial = dial_new(o->name, o->pool->settings.ca_file, connect_ns);
        d->dial->on_done = dialled;
        d->dial->owner = d;
        dial_submit(d->dial, o->pool->dialers, o->pool->loop);
    }
}

/* A connection of ours around the wire; NULL when it cannot be watched. The wire is taken then. */
static struct pool_conn *new_conn(struct origin *o, struct wire *wire)
{
    struct pool_conn *c = calloc(1, sizeof *c);

    BUG_IF(c == NULL);
    c->watch.on_ready = on_ready;
    c->pool = o->pool;
    c->origin = o;
    /* Once in its life: edges cost nothing while there is nothing to tell, and between two exchanges the
     * registration need not change. */
    if (loop_watch(o->pool->loop, &c->watch, wire->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0) {
        free(c);
        return NULL;
    }
    c->wire = *wire;
    *wire = WIRE_CLOSED;
    return c;
}

static void dialled(struct dial *dial)
{
    struct pool_dial *d = dial->owner;
    struct origin *o = d->origin;
    struct pool_conn *c = NULL;
    struct pool_want *want;

    if (o == NULL) { /* no pool any more */
        dial_free(dial);
        free(d);
        return;
    }
    unlink_dial(d);
    if (dial->wire.fd >= 0)
        c = new_conn(o, &dial->wire);
    if (c != NULL)
        offer(c);
    else if (!d->spare && (want = next_want(o, true)) != NULL)
        want->on_conn(want, NULL, dial->why[0] != '\0' ? dial->why : strerror(errno), dial->timed_out);
    dial_more(o, d->connect_ns);
    dial_free(dial);
    free(d);
}

/* Said without being asked: TLS may have something of its own to say, all else ends the connection. */
static void idle_event(struct pool_conn *c, uint32_t events)
{
    char byte;

    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0)
        return;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 || wire_recv(&c->wire, &byte, 1) >= 0 || errno != EAGAIN)
        discard(c);
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
    struct pool_conn *c = (struct pool_conn *)((char *)watch - offsetof(struct pool_conn, watch));

    if (c->on_event != NULL)
        c->on_event(c, events);
    else
        idle_event(c, events);
}
