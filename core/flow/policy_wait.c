/* policy_wait.c - a hook of a policy waits: its request does, until what it waits for is there, it takes too long, or the client leaves. */
#include "base/clock.h"
#include "flow/policy.h"
#include "flow/policy_http.h"
#include "flow/policy_llm.h"

/* One thing that a hook waits for. Arena. */
struct policy_wait {
    struct request *req;
    struct script_ask *ask;
    struct loop_timer timer; /* ask->until_ns */
    struct loop_after after; /* its turn has come */
    struct policy_http *http;
    struct policy_llm *llms[SCRIPT_LLM_MOST];
    unsigned llm_count, llm_left; /* asked; not over */
    uint32_t wait;
};

static void stop(struct policy_wait *w)
{
    loop_timer_clear(&w->req->worker->loop, &w->timer);
    if (w->http != NULL)
        policy_http_cancel(w->http);
    for (unsigned i = 0; i < w->llm_count; i++)
        policy_llm_cancel(w->llms[i]); /* of one that is over: nothing */
}

/* Nothing of it comes any more. */
static bool call_off(struct request *req)
{
    stop(req->policy_waits);
    return true;
}

static const struct wait_kind for_policy = { .name = "policy", .cancel = call_off };

static void on_time(struct loop_timer *timer)
{
    struct policy_wait *w = (void *)((char *)timer - offsetof(struct policy_wait, timer));
    w->ask->late = true;
    stop(w);
    wait_end(w->req, w->wait);
}

static void on_over(void *arg)
{
    struct policy_wait *w = arg;
    loop_timer_clear(&w->req->worker->loop, &w->timer);
    wait_end(w->req, w->wait);
}

/* One of the models has answered, or will not. */
static void on_llm(void *arg)
{
    struct policy_wait *w = arg;
    unsigned came = 0;
    for (const struct script_llm *llm = w->ask->llm; llm != NULL; llm = llm->next)
        came += llm->came;
    if (--w->llm_left > 0 && (w->ask->want == 0 || came < w->ask->want))
        return;
    stop(w);
    wait_end(w->req, w->wait);
}

static void ask_models(struct policy_wait *w)
{
    for (struct script_llm *llm = w->ask->llm; llm != NULL; llm = llm->next)
        w->llm_left++;
    for (struct script_llm *llm = w->ask->llm; llm != NULL; llm = llm->next)
        w->llms[w->llm_count++] = policy_llm_start(w->req, llm, on_llm, w);
}

static void on_turn(struct loop_after *after)
{
    on_over((char *)after - offsetof(struct policy_wait, after));
}

void policy_start(void *owner, struct script_ask *ask)
{
    struct request *req = owner;
    struct policy_wait *w = arena_new(&req->arena, struct policy_wait);
    *w = (struct policy_wait){ .req = req, .ask = ask, .timer.on_time = on_time, .after.on_after = on_turn };
    req->policy_waits = w;
    w->wait = wait_begin(req, &for_policy);
    loop_timer_set(&req->worker->loop, &w->timer, ask->until_ns);
    if (ask->kind == SCRIPT_ASK_HTTP)
        w->http = policy_http_start(req, ask->http, ask->until_ns, on_over, w);
    else if (ask->kind == SCRIPT_ASK_LLM)
        ask_models(w);
}

void policy_wake(void *owner)
{
    struct request *req = owner;
    loop_after(&req->worker->loop, &req->policy_waits->after);
}
