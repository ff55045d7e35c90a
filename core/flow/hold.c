/* hold.c - what must be true before an attempt is sent: its budgets have room for the most that it can cost, and the ledger knows it.
 * Where only others in flight keep it from fitting it waits for them, in order. */
#include "base/clock.h"
#include "flow/spend.h"
#include "flow/way.h"
#include "money/queue.h"

/* An attempt that waits. Arena. */
struct hold_wait {
    struct spend_hold hold;
    struct ledger_wait queue;
    struct loop_message message; /* it is over */
    struct loop_timer timer;     /* it takes too long */
    struct attempt *attempt;
    uint32_t wait;
    bool late;
};

/* The client has left, or it takes too long. */
static bool leave(struct hold_wait *w)
{
    loop_timer_clear(&w->attempt->req->worker->loop, &w->timer);
    return ledger_call_off(w->attempt->req->worker->gateway->ledger, &w->queue);
}

static bool call_off(struct request *req)
{
    return leave(req->attempt->waits);
}

static const struct wait_kind for_room = { .name = "budget", .cancel = call_off };

/* Any thread. */
static void on_over(struct ledger_wait *queue)
{
    struct hold_wait *w = (struct hold_wait *)(void *)((char *)queue - offsetof(struct hold_wait, queue));
    loop_post(&w->attempt->req->worker->loop, &w->message);
}

static void on_message(struct loop_message *message)
{
    struct hold_wait *w = (struct hold_wait *)(void *)((char *)message - offsetof(struct hold_wait, message));
    struct attempt *a = w->attempt;
    CHECK(a->req, REQUEST);
    loop_timer_clear(&a->req->worker->loop, &w->timer);
    a->hold = w->queue.hold;
    a->held = a->hold != NULL;
    wait_end(a->req, w->wait);
}

static void on_time(struct loop_timer *timer)
{
    struct hold_wait *w = (struct hold_wait *)(void *)((char *)timer - offsetof(struct hold_wait, timer));
    if (!leave(w))
        return; /* the message is on its way */
    w->late = true;
    wait_end(w->attempt->req, w->wait);
}

static int64_t longest(const struct request *req)
{
    const struct config_ledger *ledger = &req->config->ledger;
    return req->wants_stream ? ledger->wait_stream_ns : ledger->wait_ns;
}

static enum next wait_for_room(struct attempt *a, const struct spend_hold *hold)
{
    struct request *req = a->req;
    struct hold_wait *w = arena_new(&req->arena, struct hold_wait);
    if (req->arena.full)
        return NEXT;
    *w = (struct hold_wait){ .hold = *hold, .attempt = a, .queue.on_over = on_over, .message.on_message = on_message, .timer.on_time = on_time };
    a->waits = w;
    w->wait = wait_begin(req, &for_room);
    loop_timer_set(&req->worker->loop, &w->timer, clock_ns() + longest(req));
    ledger_wait(req->worker->gateway->ledger, &w->queue, &w->hold.record);
    return WAIT;
}

/* Row "attempt.hold". Waits for room. */
enum next attempt_hold(struct request *req)
{
    struct attempt *a = req->attempt;
    struct spend_hold hold;
    struct ledger_refusal refusal;

    if (job_result(req) == FAIL)
        return FAIL;
    if (attempt_has_failed(a) || req->arena.full)
        return NEXT;
    int prepared = spend_prepare(a, &hold);
    if (prepared <= 0)
        return prepared < 0 ? FAIL : NEXT;
    if (spend_hold(a, &hold, false, &refusal))
        return NEXT;
    if (refusal.answer == ACCOUNT_WAIT && longest(req) > 0)
        return wait_for_room(a, &hold);
    return refusal.answer == ACCOUNT_FITS ? FAIL : spend_refuse(req, &refusal);
}

enum next hold_result(struct request *req)
{
    struct attempt *a = req->attempt;
    struct hold_wait *w = a->waits;
    if (w == NULL || a->held)
        return NEXT;
    a->waits = NULL;
    if (!w->late && w->queue.refusal.answer == ACCOUNT_FITS)
        return spend_cannot(req, w->queue.why.text);
    struct ledger_refusal refusal = w->queue.refusal;
    if (w->late && spend_hold(a, &w->hold, false, &refusal))
        return NEXT;
    return refusal.answer == ACCOUNT_FITS ? FAIL : spend_refuse(req, &refusal);
}
