/* run.c - one hook of one request: a coroutine that waits, goes on and ends, and what it decides. */
#include "script/run.h"

#include <lauxlib.h>
#include <string.h>

#include "base/clock.h"
#include "script/api.h"

enum { TURN_MOST_S = 30 }; /* how long a hook waits for its turn */

/* Over its limit the answer goes out, and the policies after this one see it. */
static void take_retry(struct script_run *run, const struct decision *d, const struct config_policy *p)
{
    struct script_request *req = run->req;
    unsigned had = req->retried != NULL ? req->retried[p - req->config->policies] : 0;
    if (had >= p->retries) {
        run->trace->why = text_of(arena_printf(req->arena, "retries = %u of this policy", p->retries));
    } else if (req->retries >= SCRIPT_RETRIES_MOST) {
        run->trace->why = text_of(arena_printf(req->arena, "%u times for a request at most", SCRIPT_RETRIES_MOST));
    } else {
        req->retry = *d->retry;
        req->retry.policy = p;
        req->retry.trace = run->trace;
        req->retry.from = run->index + 1;
        run->verdict = SCRIPT_RETRY;
    }
}

static void take_decision(struct script_run *run, const struct decision *d, const struct config_policy *p)
{
    struct script_request *req = run->req;
    struct script_trace *t = run->trace;
    t->decision = d->kind;
    t->reason = d->reason;
    t->at = d->at;
    t->model = d->model;
    t->code = d->refusal.code;
    t->observed = p->observe;
    if (p->observe)
        return;
    if (d->retry != NULL) {
        take_retry(run, d, p);
    } else if (d->refusal.status != 0) {
        req->refusal = d->refusal;
        run->verdict = SCRIPT_DENY;
    } else if (d->answer.text.ptr != NULL) {
        req->answer = d->answer;
        run->verdict = SCRIPT_ANSWER;
    } else if (req->routed_by != NULL) {
        t->decision = "overruled";
    } else {
        req->routed_by = p->name;
        req->model = d->model;
    }
}

/* The stack of a hook's coroutine: struct script_run, the request, so that it is not collected before its end; of on_route also the targets, as they were and as the hook sees them. */
enum { AT_HOOK = 1, AT_REQUEST, AT_BEFORE, AT_TARGETS };

/* NULL, or what is wrong, static. The list at `index` is what the hook wants. */
static const char *take_targets(lua_State *co, int index, struct script_run *run, const struct config_policy *p)
{
    struct script_targets *targets = run->targets, before = *targets;
    struct script_target *kept = arena_array(run->req->arena, struct script_target, before.count);
    memcpy(kept, before.items, before.count * sizeof *kept);
    const char *wrong = target_read_list(co, AT_BEFORE, index, targets);
    if (wrong != NULL)
        return wrong;
    bool changed = before.count != targets->count || memcmp(kept, before.items, before.count * sizeof *kept) != 0;
    run->trace->decision = changed ? "order" : NULL;
    run->trace->observed = changed && p->observe;
    if (changed)
        run->trace->at = text_of(arena_printf(run->req->arena, "%s:%d", p->file, state_of(co)->return_line));
    if (p->observe) {
        memcpy(before.items, kept, before.count * sizeof *kept);
        *targets = before;
    }
    return NULL;
}

/* The results of the hook stand from `first` on. */
static const char *take_results(lua_State *co, int first, struct script_run *run, const struct config_policy *p)
{
    int type = first > lua_gettop(co) ? LUA_TNIL : lua_type(co, first);
    const struct decision *d = type == LUA_TUSERDATA ? decide_at(co, first) : NULL;
    if (d != NULL)
        take_decision(run, d, p);
    else if (run->hook == SCRIPT_ON_ROUTE && (type == LUA_TTABLE || type == LUA_TNIL))
        return take_targets(co, type == LUA_TTABLE ? first : AT_TARGETS, run, p);
    else if (type != LUA_TNIL)
        return "it returns something that is no decision: return gw.deny(...), gw.answer(...), gw.route(...), gw.retry{...}, or nothing";
    return NULL;
}

static int after_hook(lua_State *co, int status, lua_KContext first)
{
    struct script_run *run = lua_touserdata(co, AT_HOOK);
    (void)status;
    run->wrong = take_results(co, (int)first, run, state_of(co)->policy);
    *run->at = NULL;
    run->at = NULL;
    return 0;
}

/* On the coroutine: the function of the hook and its arguments. */
static int call_hook(lua_State *co)
{
    struct script_run *run = lua_touserdata(co, AT_HOOK);
    bool routes = run->hook == SCRIPT_ON_ROUTE;
    run->at = request_push(co, run->req);
    if (routes) {
        target_push_list(co, run->targets);
        lua_createtable(co, (int)run->targets->count, 0);
        for (lua_Integer i = 1; i <= (lua_Integer)run->targets->count; i++) {
            lua_rawgeti(co, AT_BEFORE, i);
            lua_rawseti(co, AT_TARGETS, i);
        }
    }
    int first = lua_gettop(co) + 1;
    lua_rawgeti(co, LUA_REGISTRYINDEX, state_of(co)->hooks[__builtin_ctz(run->hook)]);
    lua_pushvalue(co, AT_REQUEST);
    if (routes)
        lua_pushvalue(co, AT_TARGETS);
    else if (run->hook == SCRIPT_ON_FINISH)
        finish_push(co, run->done);
    else if (run->hook == SCRIPT_ON_RESPONSE)
        response_push(co, run->response);
    lua_callk(co, lua_gettop(co) - first, LUA_MULTRET, first, after_hook);
    return after_hook(co, LUA_OK, first);
}

/* The first hook in the state's queue may begin: as soon as the memory has room, one after the other. */
static void wake_next(struct script_state *s)
{
    struct script_run *run = s->first;
    if (run == NULL || s->woken || state_is_full(s))
        return;
    s->woken = true;
    run->req->host->wake(run->req->owner);
}

static void enqueue(struct script_state *s, struct script_run *run)
{
    run->next = NULL;
    run->queued = true;
    if (s->first == NULL)
        s->first = run;
    else
        s->last->next = run;
    s->last = run;
}

static void dequeue(struct script_state *s, struct script_run *run)
{
    struct script_run **at = &s->first, *before = NULL;
    while (*at != run) {
        before = *at;
        at = &before->next;
    }
    if (before == NULL)
        s->woken = false; /* the first one is whom a wake was for */
    *at = run->next;
    if (s->last == run)
        s->last = before;
    run->queued = false;
}

/* What the hook may still wait for such a thing. */
static int64_t *allowance(struct script_run *run)
{
    return run->ask->kind == SCRIPT_ASK_LLM ? &run->llm_left_ns : &run->wait_left_ns;
}

static void start(struct script_run *run, struct script_ask *ask)
{
    run->ask = ask;
    run->wait_from_ns = clock_ns();
    run->req->waits = true;
    run->state->kept++;
    run->req->host->start(run->req->owner, ask);
}

static void stop(struct script_run *run)
{
    int64_t took = clock_ns() - run->wait_from_ns;
    run->req->waits = false;
    run->state->kept--;
    run->trace->wait_ns += took;
    if (run->ask->kind != SCRIPT_ASK_TURN)
        *allowance(run) -= took;
}

/* The hook is over: its coroutine is free. */
static void finish(struct script_run *run, bool usable)
{
    if (run->at != NULL) /* it failed or was called off: its stack is as it was */
        *run->at = NULL;
    run->at = NULL;
    state_release(run->state, run->co, run->ref, usable);
}

/* Runs the coroutine until it waits or ends. */
static enum run_end resume(struct script_run *run, int arguments, struct fail *fail)
{
    struct script_state *s = run->state;
    int results;
    int64_t from = clock_ns();
    s->run = run;
    int status = lua_resume(run->co, s->L, arguments, &results);
    s->run = NULL;
    run->trace->cpu_ns += clock_ns() - from;
    if (status == LUA_YIELD) {
        state_pause(s, &run->bounds);
        s->suspended++;
        start(run, run->ask);
        wake_next(s);
        return RUN_WAITS;
    }
    if (status != LUA_OK)
        state_explain(run->co, status, fail);
    else if (run->wrong != NULL)
        fail_set(fail, FAIL_OPERATOR, "%s:%d: %s", s->policy->file, s->return_line, run->wrong);
    finish(run, status == LUA_OK);
    wake_next(s);
    return status == LUA_OK && run->wrong == NULL ? RUN_GOOD : RUN_FAILED;
}

/* Where hooks of the request have failed after half of that time, its later ones get an eighth: all together hold up the worker little longer
 * than the first. */
static int64_t budget_of(const struct script_run *run)
{
    int64_t all = run->state->policy->cpu_ns, failed = 0;
    for (const struct script_trace *t = run->req->traces; t != NULL; t = t->next)
        if (t->decision != NULL && strcmp(t->decision, "error") == 0)
            failed += t->cpu_ns;
    int64_t share = all / 8 > CLOCK_MS ? all / 8 : CLOCK_MS;
    return failed < all / 2 || share > all ? all : share;
}

/* It has its turn. */
static enum run_end enter(struct script_run *run, struct fail *fail)
{
    struct script_state *s = run->state;
    run->co = state_coroutine(s, &run->ref);
    if (run->co == NULL) {
        s->broken = true;
        fail_set(fail, FAIL_OPERATOR, "%s: it needs more than memory_mb = %zu", s->policy->file,
                 s->policy->memory_bytes >> 20);
        wake_next(s);
        return RUN_FAILED;
    }
    run->wait_left_ns = s->policy->wait_ns;
    run->llm_left_ns = s->policy->llm_wait_ns;
    state_budget(s, budget_of(run));
    lua_pushcfunction(run->co, call_hook);
    lua_pushlightuserdata(run->co, run);
    return resume(run, 1, fail);
}

static enum run_end wait_for_turn(struct script_run *run)
{
    struct script_ask *ask = arena_new(run->req->arena, struct script_ask);
    *ask = (struct script_ask){ .kind = SCRIPT_ASK_TURN, .until_ns = clock_ns() + TURN_MOST_S * CLOCK_S };
    enqueue(run->state, run);
    start(run, ask);
    return RUN_WAITS;
}

enum run_end run_begin(struct script_state *s, struct script_run *run, struct fail *fail)
{
    run->state = s;
    run->verdict = SCRIPT_PASS;
    run->wrong = NULL;
    if (run->req->host != NULL && run->hook != SCRIPT_ON_FINISH && (s->first != NULL || state_is_full(s)))
        return wait_for_turn(run);
    return enter(run, fail);
}

static enum run_end take_turn(struct script_run *run, struct fail *fail)
{
    struct script_state *s = run->state;
    dequeue(s, run);
    if (s->broken) {
        wake_next(s);
        return RUN_ELSEWHERE;
    }
    if (!run->ask->late)
        return enter(run, fail);
    fail_set(fail, FAIL_OPERATOR, "%s: hooks that wait hold more than half of memory_mb = %zu for too long",
             s->policy->file, s->policy->memory_bytes >> 20);
    wake_next(s);
    return RUN_FAILED;
}

enum run_end run_go_on(struct script_run *run, struct fail *fail)
{
    stop(run);
    if (run->queued)
        return take_turn(run, fail);
    run->state->suspended--;
    state_go_on(run->state, &run->bounds);
    return resume(run, 0, fail);
}

void run_cancel(struct script_run *run)
{
    struct script_state *s = run->state;
    stop(run);
    if (run->queued) {
        dequeue(s, run);
    } else {
        s->suspended--;
        finish(run, false);
    }
    wake_next(s);
}

/* The function, written in C, inside which nothing can wait: "gsub". */
static const char *outer_name(lua_State *L)
{
    static _Thread_local lua_Debug ar;
    for (int level = 1; lua_getstack(L, level, &ar); level++)
        if (lua_getinfo(L, "Sn", &ar) && *ar.what == 'C' && ar.name != NULL)
            return ar.name;
    return "a metatable's function";
}

void run_may_wait(lua_State *L, const char *of, const char *name)
{
    if (!lua_isyieldable(L))
        luaL_error(L, "%s%s waits: it cannot be called inside the function given to %s", of, name, outer_name(L));
}

int run_wait(lua_State *L, struct script_ask *ask, lua_KFunction after)
{
    struct script_run *run = api_run(L);
    run->ask = ask;
    int64_t now = clock_ns(), last = now + *allowance(run);
    if (ask->until_ns == 0 || ask->until_ns > last)
        ask->until_ns = last;
    if (ask->until_ns <= now) {
        ask->late = true;
        return after(L, LUA_OK, 0);
    }
    return lua_yieldk(L, 0, 0, after);
}
