/* policy_wait.c - a hook of a policy waits: its request does, until what it waits for is there, it takes too long, or the client leaves. */
#include "base/clock.h"
#include "flow/policy.h"

/* One thing that a hook waits for. Arena. */
struct policy_wait {
    struct request *req;
    struct script_ask *ask;
    struct loop_timer timer; /* ask->until_ns */
    struct loop_after after; /* its turn has come */
    uint32_t wait;
};

/* Nothing of it comes any more. */
static bool call_off(struct request *req)
{
    loop_timer_clear(&req->worker->loop, &req->policy_waits->timer);
    return true;
}

static const struct wait_kind for_policy = { .name = "policy", .cancel = call_off };

static void on_time(struct loop_timer *timer)
{
    struct policy_wait *w = (void *)((char *)timer - offsetof(struct policy_wait, timer));
    w->ask->late = true;
    wait_end(w->req, w->wait);
}

static void on_turn(struct loop_after *after)
{
    struct policy_wait *w = (void *)((char *)after - offsetof(struct policy_wait, after));
    loop_timer_clear(&w->req->worker->loop, &w->timer);
    wait_end(w->req, w->wait);
}

void policy_start(void *owner, struct script_ask *ask)
{
    struct request *req = owner;
    struct policy_wait *w = arena_new(&req->arena, struct policy_wait);
    *w = (struct policy_wait){ .req = req, .ask = ask, .timer.on_time = on_time, .after.on_after = on_turn };
    req->policy_waits = w;
    w->wait = wait_begin(req, &for_policy);
    loop_timer_set(&req->worker->loop, &w->timer, ask->until_ns);
}

void policy_wake(void *owner)
{
    struct request *req = owner;
    loop_after(&req->worker->loop, &req->policy_waits->after);
}
