/* drain.c - the client has left, and the rest of the answer is read: because others listen to it (join.h), or because a strict budget
 * wants to know what the upstream charges. Then it is thrown away, for a minute at most, of some requests at a time. */
#include "flow/drain.h"

#include "base/clock.h"
#include "flow/way.h"

enum { DRAINS_MOST = 64, LOOK_MS = 250 };
#define DRAIN_NS (60 * CLOCK_S)

/* Of one request; arena. */
struct drain {
    struct loop_timer timer;
    struct attempt *attempt;
    struct fail fail; /* that the client has left */
    int64_t until_ns;
};

static struct gateway *gateway_of(const struct attempt *a)
{
    return a->req->worker->gateway;
}

/* Is the rest of its answer for others? */
static bool is_heard(const struct attempt *a)
{
    return a->req->gone && a->transfer != NULL && !attempt_has_failed(a) && join_is_heard(a->req);
}

/* Does a strict budget want to know what it costs? */
static bool is_counted(const struct attempt *a)
{
    const struct gateway *gateway = gateway_of(a);
    const struct usage *usage = &a->req->usage;
    return a->req->gone && a->worst != NULL && a->worst->strict && a->transfer != NULL &&
           transfer_was_sent(a->transfer) && !attempt_has_failed(a) &&
           (usage->source != USAGE_REPORTED || usage->partial) && !atomic_load(&gateway->draining) &&
           (a->drains != NULL || atomic_load(&gateway->drains) < DRAINS_MOST);
}

bool drain_wants(const struct attempt *a)
{
    return is_heard(a) || is_counted(a);
}

/* It takes too long, or the gateway is to end. */
static void on_time(struct loop_timer *timer)
{
    struct drain *d = (struct drain *)(void *)((char *)timer - offsetof(struct drain, timer));
    struct attempt *a = d->attempt;
    bool goes_on = is_counted(a) && clock_ns() < d->until_ns && !atomic_load(&gateway_of(a)->draining);
    if (goes_on || is_heard(a)) {
        loop_timer_set(&a->req->worker->loop, timer, clock_ns() + LOOK_MS * CLOCK_MS);
        return;
    }
    attempt_cancel(a);
    wait_end(a->req, a->wait);
}

static bool cannot(struct request *req)
{
    (void)req;
    return false; /* its end comes */
}

static const struct wait_kind for_rest = { .name = "rest", .cancel = cannot };

static void end(struct attempt *a)
{
    if (a->drains == NULL)
        return;
    loop_timer_clear(&a->req->worker->loop, &a->drains->timer);
    a->req->fail = a->drains->fail;
    a->drains = NULL;
    atomic_fetch_sub(&gateway_of(a)->drains, 1);
}

enum next drain_run(struct request *req)
{
    struct attempt *a = req->attempt;
    if (a == NULL || !req->gone)
        return NEXT;
    if (a->drains == NULL && drain_wants(a)) {
        struct drain *d = arena_new(&req->arena, struct drain);
        if (req->arena.full)
            return NEXT;
        *d = (struct drain){
            .timer.on_time = on_time, .attempt = a, .fail = req->fail, .until_ns = clock_ns() + DRAIN_NS
        };
        a->drains = d;
        atomic_fetch_add(&gateway_of(a)->drains, 1);
        if (a->streams)
            req->reply = REPLY_RELAYING; /* to nobody */
        a->wait = wait_begin(req, &for_rest);
        loop_timer_set(&req->worker->loop, &d->timer, clock_ns() + LOOK_MS * CLOCK_MS);
        req->paused = false;
        attempt_resume(a);
        return WAIT;
    }
    end(a);
    return attempt_is_over(a) && attempt_is_unread(a) ? attempt_read(req) : NEXT;
}
