/* hold.c - what must be true before an attempt is sent: its budgets have room for the most that it can cost, and the ledger knows it.
 * Where only others in flight keep it from fitting it waits for them, in order. */
#include "flow/hold.h"
#include "base/clock.h"
#include "flow/spend.h"
#include "flow/way.h"
#include "money/ledger_queue.h"

/* An attempt that waits. Arena. */
struct hold_wait {
    struct spend_hold hold;
    struct ledger_wait queue;
    struct loop_message message; /* it is over */
    struct loop_timer timer;     /* it takes too long */
    struct attempt *attempt;
    int64_t until_ns; /* of all waits of this attempt */
    int64_t limit;    /* of output tokens, with which it is held; 0: as it came */
    uint32_t wait;
    bool late, over;
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
    a->booked = a->hold != NULL ? BOOKED_HOLD : BOOKED_NONE;
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
    return req->ask.stream ? ledger->wait_stream_ns : ledger->wait_ns;
}

/* Waits with the hold as it is; `limit`: the limit of output tokens that it is for, 0: as the client sent it. */
static enum next wait_for_room(struct attempt *a, const struct spend_hold *hold, int64_t limit)
{
    struct request *req = a->req;
    int64_t until = a->waits != NULL ? a->waits->until_ns : clock_ns() + longest(req);
    struct hold_wait *w = arena_new(&req->arena, struct hold_wait);
    if (req->arena.full)
        return NEXT;
    *w = (struct hold_wait){ .hold = *hold,
                             .attempt = a,
                             .queue.on_over = on_over,
                             .message.on_message = on_message,
                             .timer.on_time = on_time };
    slot_give(req); /* others can use it meanwhile */
    w->until_ns = until;
    w->limit = limit;
    a->waits = w;
    w->wait = wait_begin(req, &for_room);
    loop_timer_set(&req->worker->loop, &w->timer, until);
    ledger_wait(req->worker->gateway->ledger, &w->queue, &w->hold.record);
    return WAIT;
}

/* Sets what the attempt costs at most with this limit. */
static void with_limit(struct attempt *a, struct spend_hold *hold, int64_t limit)
{
    hold->record.hard = worst_with(a->worst, limit);
    hold->record.soft = a->soft < hold->record.hard ? a->soft : hold->record.hard;
    hold->record.output_limit = (uint64_t)limit;
}

/* It is held with a lower limit: what is sent gets it too. */
static enum next send_clamped(struct attempt *a, const struct spend_hold *hold, int64_t limit)
{
    a->hard = hold->record.hard;
    a->soft = hold->record.soft;
    if (clamp_to(a, limit))
        return NEXT;
    error_set(&a->req->fail, E_INTERNAL,
              "The limit of output tokens of this request cannot be lowered to what its budget has left");
    return FAIL;
}

/* A part of what there is: others that wait get theirs. */
static int64_t share(int64_t room, unsigned waiting)
{
    return room / (1 + (int64_t)waiting);
}

/* The most output tokens of one answer, as it came. */
static int64_t most_of(const struct worst *worst)
{
    const struct bound *b = &worst->bound;
    return b->limit > 0 ? b->limit : b->output / b->choices; /* a prediction comes beside the limit */
}

/* Does the budget that is short want a shorter answer rather than none? */
static bool may_clamp(const struct attempt *a, const struct ledger_refusal *refusal)
{
    const struct worst *worst = a->worst;
    return refusal->clamps && worst != NULL && worst->no_most == NULL && !worst->fixed_output &&
           worst->output_price > 0 && worst->min_output < most_of(worst);
}

/* The budgets do not let a fallback be tried: what the target before it answered is what the client gets, if no other one may be. */
static enum next pass_over(struct attempt *a)
{
    struct request *req = a->req;
    if (a->previous == NULL || req->kept != NULL) /* an answer that is there goes out */
        return FAIL;
    a->failure_text = arena_str(&req->arena, text_of(req->fail.text));
    a->error = a->previous->error;
    a->outcome = OUTCOME_REFUSED;
    attempt_turn(a, ATTEMPT_FAILED);
    req->attempts_made--;
    req->fail = (struct fail){ .kind = FAIL_NONE };
    req->refusal = (struct request_refusal){ .of = NULL };
    req->spent = (struct budget_spent){ .is = false };
    return NEXT;
}

static enum next refuse(struct attempt *a, const struct ledger_refusal *refusal)
{
    spend_refuse(a->req, refusal);
    return pass_over(a);
}

static enum next fall_short(struct attempt *a, struct spend_hold *hold, struct ledger_refusal *refusal, bool may_wait)
{
    if (refusal->answer == ACCOUNT_FITS)
        return FAIL; /* the journal cannot be written */
    if (!may_clamp(a, refusal)) {
        return refusal->answer == ACCOUNT_WAIT && may_wait ? wait_for_room(a, hold, 0) : refuse(a, refusal);
    }
    const struct worst *worst = a->worst;
    int64_t least = worst->min_output, limit;
    if (refusal->answer == ACCOUNT_WAIT && may_wait)
        return wait_for_room(a, hold, 0);
    for (int turn = 0; turn < 2; turn++) {
        limit = worst_limit(worst, share(refusal->room, refusal->waiting));
        if (limit < least || limit >= most_of(worst))
            break;
        with_limit(a, hold, limit);
        if (spend_hold(a, hold, true, refusal))
            return send_clamped(a, hold, limit);
        if (refusal->answer == ACCOUNT_FITS)
            return FAIL;
    }
    if (may_wait) { /* for a part of what will be there when the others are over */
        limit = worst_limit(worst, share(refusal->left, refusal->waiting));
        limit = limit < least ? least : limit;
        if (limit < most_of(worst) && worst_with(worst, limit) <= refusal->left) {
            with_limit(a, hold, limit);
            return wait_for_room(a, hold, limit);
        }
    }
    with_limit(a, hold, least);
    if (spend_hold(a, hold, refusal->waiting == 0, refusal))
        return send_clamped(a, hold, least);
    return refusal->answer == ACCOUNT_FITS ? FAIL : refuse(a, refusal);
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
        return prepared < 0 ? pass_over(a) : NEXT;
    if (spend_hold(a, &hold, false, &refusal))
        return NEXT;
    return fall_short(a, &hold, &refusal, longest(req) > 0);
}

/* It waits again: row "attempt.slot" comes again after it. */
static enum next once_more(struct request *req, enum next next)
{
    if (next == WAIT)
        req->row--;
    return next;
}

enum next hold_result(struct request *req)
{
    struct attempt *a = req->attempt;
    struct hold_wait *w = a->waits;
    if (w == NULL || w->over)
        return NEXT;
    w->over = true;
    if (a->booked == BOOKED_HOLD)
        return w->limit > 0 ? send_clamped(a, &w->hold, w->limit) : NEXT;
    if (!w->late && w->queue.refusal.answer == ACCOUNT_FITS)
        return spend_cannot(req, w->queue.why.text);
    struct ledger_refusal refusal = w->queue.refusal;
    struct spend_hold hold = w->hold;
    hold.record.hard = a->hard;
    hold.record.soft = a->soft;
    hold.record.output_limit = 0;
    bool may_wait = !w->late && clock_ns() < w->until_ns;
    if (spend_hold(a, &hold, false, &refusal))
        return NEXT;
    return once_more(req, fall_short(a, &hold, &refusal, may_wait));
}
