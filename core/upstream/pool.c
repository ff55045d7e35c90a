/* pool.c - idle connections are a stack per origin (the warmest first) and a queue over all (the oldest
 * ends first). They are watched: one that the other end closes, or that sends something unasked, goes at once. */
#include "upstream/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/fail.h"
#include "upstream/exchange_head.h"
#include "upstream/origin.h"

#define POOL_IDLE_PER_ORIGIN 256
#define POOL_IDLE_NS (60 * CLOCK_S)
#define REPLACE_AT .75 /* of its life a connection that is used is replaced, so that no request waits for that */

static void on_ready(struct loop_watch *watch, uint32_t events);
static void on_idle_time(struct loop_timer *timer);
static void discard(struct pool_conn *conn);

struct pool *pool_new(struct loop *loop, struct dialer *dialer, const struct pool_settings *settings)
{
    struct pool *p = calloc(1, sizeof *p);

    BUG_IF(p == NULL);
    p->loop = loop;
    p->dialer = dialer;
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
    origin_free_all(p);
    free(p->origins);
    free(p->read);
    free(p->head);
    free(p->scratch);
    free(p->headers);
    free(p);
}

size_t pool_idle(const struct pool *p)
{
    return p->idle;
}

void pool_set_age(struct pool *p, int64_t dns_max_age_ns)
{
    p->settings.dns_max_age_ns = dns_max_age_ns;
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
    dial_wire_close(&c->wire);
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

/* How much of its life is over: 1, or more, and its name may have moved. */
static double age_of(const struct pool_conn *c)
{
    int64_t most = c->pool->settings.dns_max_age_ns;

    if (most == 0 || c->origin->is_address)
        return 0;
    return (double)(c->pool->loop->now_ns - c->dialled_ns) / (double)(most - DIAL_NAME_NS);
}

struct pool_conn *pool_get(struct pool *p, const struct address *address)
{
    struct origin *o = origin_get(p, address->origin);
    struct pool_conn *c;

    while ((c = o->top) != NULL && age_of(c) >= 1)
        discard(c);
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
    if (age_of(c) >= 1) {
        free_conn(c);
        return;
    }
    if (age_of(c) >= REPLACE_AT && !c->replaced) {
        c->replaced = true;
        origin_replace(c->origin, c->connect_ns);
    }
    offer(c);
}

void pool_want(struct pool *p, struct pool_want *want, const struct address *address, bool fresh, int64_t connect_ns)
{
    struct origin *o = origin_get(p, address->origin);

    want->origin = o;
    want->fresh = fresh;
    want->next = NULL;
    want->prev = o->last;
    *(o->last != NULL ? &o->last->next : &o->first) = want;
    o->last = want;
    o->waiting++;
    origin_dial(o, connect_ns);
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
    origin_spare(o);
}

/* A connection of ours around the wire; NULL when it cannot be watched. The wire is taken then. */
static struct pool_conn *new_conn(struct origin *o, struct wire *wire)
{
    struct pool_conn *c = calloc(1, sizeof *c);

    BUG_IF(c == NULL);
    c->watch.on_ready = on_ready;
    c->pool = o->pool;
    c->origin = o;
    /* Once in its life: edges cost nothing while there is nothing to report, and between two exchanges the
     * registration need not change. */
    if (loop_watch(o->pool->loop, &c->watch, wire->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0) {
        free(c);
        return NULL;
    }
    c->wire = *wire;
    *wire = WIRE_CLOSED;
    return c;
}

void pool_dialled(struct origin *o, struct dial *dial, bool awaited)
{
    struct pool_conn *c = dial->wire.fd >= 0 ? new_conn(o, &dial->wire) : NULL;
    struct pool_want *want;

    if (c != NULL) {
        c->dialled_ns = dial->due_ns - dial->connect_ns;
        c->connect_ns = dial->connect_ns;
        offer(c);
    } else if (awaited && (want = next_want(o, true)) != NULL)
        want->on_conn(want, NULL, dial->why[0] != '\0' ? dial->why : strerror(errno), dial->timed_out);
}

/* Sent without being asked: TLS may have a message of its own, all else ends the connection. */
static void idle_event(struct pool_conn *c, uint32_t events)
{
    char byte;

    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0)
        return;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 || dial_wire_recv(&c->wire, &byte, 1) >= 0 ||
        errno != EAGAIN)
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
