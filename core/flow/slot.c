/* slot.c - a slot of a target that has a limit: taken, waited for, given back. */
#include "flow/slot.h"

#include "base/clock.h"
#include "flow/deadline.h"
#include "flow/metrics.h"
#include "flow/way.h"
#include "health/latency.h"
#include "health/queue.h"

enum { RETRY_LEAST_MS = 500, RETRY_MORE_MS = 1000 };

/* A wait. Arena. */
struct slot_turn {
    struct queue_wait queue;
    struct loop_message message; /* it is over */
    struct loop_timer timer;     /* it takes too long */
    struct request *req;
    uint32_t wait;
    int64_t from_ns;
    bool taken; /* its end was looked at */
    bool late;
};

static struct slots *slots_of(const struct route_target *t)
{
    return t->max_in_flight > 0 && t->health != NULL ? &t->health->slots : NULL;
}

static enum slots_class class_of(const struct request *req)
{
    static const enum slots_class classes[PRIORITIES] = {
        [PRIORITY_CRITICAL] = SLOTS_CRITICAL, [PRIORITY_NORMAL] = SLOTS_NORMAL, [PRIORITY_LOW] = SLOTS_LOW
    };
    return classes[config_priority_of(req->team, req->key)];
}

bool slot_is_of(const struct request *req, const struct route_target *t)
{
    return req->slot.of != NULL && req->slot.of == slots_of(t);
}

bool slot_is_free(struct request *req, const struct route_target *t, int64_t now_ns)
{
    struct slots *s = slots_of(t);
    return s == NULL || req->slot.of == s || slots_has_room(s, t->max_in_flight, class_of(req), now_ns);
}

bool slot_take(struct request *req, const struct route_target *t, int64_t now_ns)
{
    struct slots *s = slots_of(t);
    if (s != NULL && req->slot.of == s)
        return true;
    slot_give(req);
    if (s == NULL)
        return true;
    enum slots_class as = class_of(req);
    if (!slots_take(s, t->max_in_flight, as, now_ns))
        return false;
    req->slot = (struct slot){ .of = s, .as = as, .granted = true };
    return true;
}

void slot_give(struct request *req)
{
    struct slot slot = req->slot;
    req->slot = (struct slot){ .of = NULL };
    if (slot.of != NULL)
        slots_give(slot.of, slot.as, clock_ns());
}

void slot_answered(const struct attempt *a)
{
    _Static_assert(CONFIG_ADAPTIVE == SLOTS_ADAPTIVE, "one word in two rooms");
    struct slots *s = slots_of(a->target);
    if (s != NULL && a->target->max_in_flight == CONFIG_ADAPTIVE && a->streams && attempt_has_spoken(a))
        slots_answered(s, (double)(a->spoke_ns - a->started_ns) / 1e9 / latency_ref(a->input_guess), a->spoke_ns);
}

static bool call_off(struct request *req)
{
    loop_timer_clear(&req->worker->loop, &req->turn->timer);
    return queue_leave(&req->turn->queue);
}

static const struct wait_kind for_slot = { .name = "slot", .cancel = call_off };

/* Any thread, under the lock of all queues. */
static void on_over(struct queue_wait *queue)
{
    struct slot_turn *turn = (struct slot_turn *)(void *)((char *)queue - offsetof(struct slot_turn, queue));
    loop_post(&turn->req->worker->loop, &turn->message);
}

static void has_slot(struct request *req, struct slot_turn *turn)
{
    if (turn->queue.granted != NULL)
        req->slot = (struct slot){ .of = turn->queue.granted, .as = turn->queue.of, .granted = true };
}

static void on_message(struct loop_message *message)
{
    struct slot_turn *turn = (struct slot_turn *)(void *)((char *)message - offsetof(struct slot_turn, message));
    struct request *req = turn->req;
    CHECK(req, REQUEST);
    loop_timer_clear(&req->worker->loop, &turn->timer);
    has_slot(req, turn);
    wait_end(req, turn->wait);
}

static void on_time(struct loop_timer *timer)
{
    struct slot_turn *turn = (struct slot_turn *)(void *)((char *)timer - offsetof(struct slot_turn, timer));
    if (!queue_leave(&turn->queue))
        return; /* the message is on its way */
    turn->late = true;
    wait_end(turn->req, turn->wait);
}

/* How long it may still wait. */
static int64_t left_ns(const struct request *req)
{
    int64_t quarter = deadline_left_ns(req, req->begun_ns) / 4;
    return (quarter < SLOT_WAIT_NS ? quarter : SLOT_WAIT_NS) - req->queued_ns;
}

static enum next refuse(struct request *req, const char *reason, const char *what)
{
    double more = chance_next(&req->worker->chance) * RETRY_MORE_MS;
    metrics_count_shed(req->worker->gateway->metrics, req->worker->index, reason);
    error_set(
        &req->fail, E_OVERLOAD,
        "the upstreams of the model \"%.*s\" have as many requests as the operator allows them (max_in_flight), and %s: come "
        "again in a moment; if this lasts, the operator must add a target or raise the limit",
        (int)(req->ask.model.len < 120 ? req->ask.model.len : 120), req->ask.model.ptr, what);
    req->fail.retry_after_s = (int)(RETRY_LEAST_MS + more + 999) / 1000;
    return FAIL;
}

static enum next refuse_full(struct request *req)
{
    return refuse(req, "queue_full", "its queue is full");
}

static struct queue *queue_of(struct request *req)
{
    return health_queue(req->worker->gateway->health, req->model != NULL ? req->model->name : req->ask.model);
}

enum next slot_wait(struct request *req, const size_t *which, size_t count, int64_t now_ns)
{
    int64_t left = left_ns(req);
    struct queue *queue = queue_of(req);
    if (left <= 0 || queue == NULL)
        return refuse(req, "queue_wait", "none became free in time");
    struct slot_turn *turn = arena_new(&req->arena, struct slot_turn);
    struct queue_place *places = arena_array(&req->arena, struct queue_place, count);
    if (req->arena.full)
        return NEXT;
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++) {
        const struct route_target *t = &req->targets[which[i]];
        places[i] = (struct queue_place){ slots_of(t), t->max_in_flight };
        all += slots_limit(places[i].slots, t->max_in_flight);
    }
    *turn =
        (struct slot_turn){ .req = req, .from_ns = now_ns, .message.on_message = on_message, .timer.on_time = on_time };
    turn->queue = (struct queue_wait){ .places = places, .count = count, .of = class_of(req), .on_over = on_over };
    req->turn = turn;
    turn->wait = wait_begin(req, &for_slot);
    loop_timer_set(&req->worker->loop, &turn->timer, now_ns + left);
    unsigned length = all / 2 > QUEUE_LEAST ? (unsigned)(all / 2) : QUEUE_LEAST;
    if (queue_enter(queue, &turn->queue, length, now_ns) != QUEUE_WAITS) { /* a slot was free, or there is no place */
        loop_timer_clear(&req->worker->loop, &turn->timer);
        has_slot(req, turn);
        wait_end(req, turn->wait);
    }
    return WAIT;
}

bool slot_waited(const struct request *req)
{
    return req->turn != NULL && !req->turn->taken;
}

enum next slot_result(struct request *req)
{
    struct slot_turn *turn = req->turn;
    int64_t waited = clock_ns() - turn->from_ns;
    turn->taken = true;
    req->queued_ns += waited;
    metrics_observe_queue(req->worker->gateway->metrics, req->worker->index, waited);
    if (turn->queue.granted != NULL || turn->late)
        return NEXT;
    return refuse_full(req);
}

/* While it waited for its budgets, another one has taken the slot here, and a target that is left has one: what is held for this one is given
 * back, and the next target is chosen. Nothing was sent. */
static enum next go_elsewhere(struct attempt *a)
{
    error_set(&a->error, E_OVERLOAD, "the provider \"%s\" has as many requests as the operator allows it",
              a->target->provider->name.ptr);
    a->outcome = OUTCOME_REFUSED;
    attempt_turn(a, ATTEMPT_FAILED);
    a->req->attempts_max++; /* it is not one of those that may be made */
    return NEXT;
}

/* Row "attempt.slot". */
enum next attempt_slot(struct request *req)
{
    struct attempt *a = req->attempt;
    if (attempt_is_hit(a)) { /* nothing is sent */
        slot_give(req);
        return NEXT;
    }
    enum next next = hold_result(req);
    if (next == NEXT && slot_waited(req))
        next = slot_result(req);
    if (next != NEXT || attempt_has_failed(a) || req->arena.full)
        return next;
    int64_t now = clock_ns();
    size_t at = (size_t)(a->target - req->targets);
    if (!slot_take(req, a->target, now)) {
        if (choose_has_another(req, false))
            return go_elsewhere(a);
        next = slot_wait(req, &at, 1, now);
        req->row -= next == WAIT; /* this row comes again */
        return next;
    }
    req->slot.granted = false;
    return NEXT;
}
