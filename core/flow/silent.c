/* silent.c - an attempt that waits in vain goes elsewhere. */
#include "flow/silent.h"

#include "base/clock.h"
#include "flow/deadline.h"
#include "flow/way.h"

enum { LOOK_MS = 500 };

/* A stream has waited for its first token until now. */
static void learn(struct attempt *a, int64_t now_ns)
{
    struct ejection *health = a->target->health;
    if (!a->streams || a->silence.row == NULL ||
        !degraded_add(&health->degraded, now_ns - a->silence.begun_ns, a->silence.scale, now_ns))
        return;
    log_line(
        LOG_WARN,
        "the target \"%.*s/%.*s\" is slow: its first tokens take more than four times as long as they did; it gets 2 of 100 requests while there are others",
        TEXT_ARG(a->target->provider->name), TEXT_ARG(a->target->model));
}

void silent_heard(struct attempt *a)
{
    learn(a, a->spoke_ns);
    silence_heard(&a->silence, true, a->spoke_ns);
}

void silent_failed(struct attempt *a, bool answered, int64_t now_ns)
{
    if (a->failure == TRANSFER_SILENT || (a->failure == TRANSFER_TIME_FIRST && !deadline_was_clients(a)))
        learn(a, now_ns); /* it would have taken longer */
    if (answered)
        silence_heard(&a->silence, false, now_ns);
    else
        silence_end(&a->silence);
}

static bool is_hopeless(struct attempt *a, int64_t now)
{
    struct ejection *health = a->target->health;
    if (!silence_is_late(&a->silence, now))
        return false;
    return a->ticket.probe || ejection_asks(health, now) == EJECTION_NO || silence_is_suspect(&health->silence, now);
}

static void on_time(struct loop_timer *timer)
{
    struct attempt *a = (struct attempt *)(void *)((char *)timer - offsetof(struct attempt, late));
    int64_t now = clock_ns();
    if (a->state != ATTEMPT_OPENING || a->transfer == NULL || a->req->gone) /* the rest is read for the books alone */
        return;
    if (way_has_attempts(a->req) && deadline_allows_another(a->req, now) && is_hopeless(a, now) &&
        choose_has_another(a->req, false)) {
        attempt_leave(a, TRANSFER_SILENT);
        return;
    }
    loop_timer_set(&a->req->worker->loop, timer, now + LOOK_MS * CLOCK_MS);
}

void silent_watch(struct attempt *a)
{
    struct request *req = a->req;
    if (a->target->health == NULL || a->mode == MODE_LOCAL)
        return;
    silence_begin(&a->target->health->silence, !a->streams, a->input_guess, clock_ns(), &a->silence);
    if (req->target_next >= req->target_count) /* nowhere to go */
        return;
    a->late.on_time = on_time;
    loop_timer_set(&req->worker->loop, &a->late, clock_ns() + SILENCE_LEAST_NS);
}
