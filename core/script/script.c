/* script.c - the policies of a worker: which of them a request has, in which order their hooks run, and what they decide together. */
#include "script/script.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "script/api.h"

struct script_worker {
    unsigned refs;
    const struct config *config;
    struct script_shared *shared;
    struct script_state **states; /* by the policy's index; NULL: it could not be made again */
};

static const struct {
    uint32_t operation;
    const char *name;
} kinds[] = {
    { GW_OP_CHAT, "chat" },
    { GW_OP_COMPLETIONS, "completion" },
    { GW_OP_EMBEDDINGS, "embedding" },
    { GW_OP_IMAGES, "image" },
    { GW_OP_AUDIO, "audio" },
    { GW_OP_RERANK, "rerank" },
    { GW_OP_MODERATIONS, "moderation" },
};
enum { KINDS = sizeof kinds / sizeof *kinds };
const char *const script_kinds[] = {
    "chat", "completion", "embedding", "image", "audio", "rerank", "moderation", NULL
};

const char *script_kind_name(uint32_t operation)
{
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].operation == operation)
            return kinds[i].name;
    return "other";
}

uint32_t script_kind_of(struct text name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (text_is(name, kinds[i].name))
            return kinds[i].operation;
    return 0;
}

void script_check(struct config *config, void (*wrong)(void *arg, const struct config_policy *policy, const char *text),
                  void *arg)
{
    struct script_shared *shared = script_shared_new();
    for (size_t i = 0; i < config->policy_count; i++) {
        struct fail fail;
        struct script_state *s = state_new(config, &config->policies[i], shared, &fail);
        if (s == NULL)
            wrong(arg, &config->policies[i], fail.text);
        else
            state_free(s);
    }
    script_shared_free(shared);
}

struct script_worker *script_open(const struct config *config, struct script_shared *shared, struct fail *fail)
{
    if (config->policy_count == 0)
        return NULL;
    struct script_worker *w = calloc(1, sizeof *w);
    BUG_IF(w == NULL);
    w->refs = 1;
    w->config = config;
    w->shared = shared;
    w->states = calloc(config->policy_count, sizeof(struct script_state *));
    BUG_IF(w->states == NULL);
    for (size_t i = 0; i < config->policy_count; i++) {
        w->states[i] = state_new(config, &config->policies[i], shared, fail);
        if (w->states[i] == NULL) {
            script_unref(w);
            return NULL;
        }
    }
    return w;
}

struct script_worker *script_ref(struct script_worker *w)
{
    if (w != NULL)
        w->refs++;
    return w;
}

void script_unref(struct script_worker *w)
{
    if (w == NULL || --w->refs > 0)
        return;
    for (size_t i = 0; i < w->config->policy_count; i++)
        if (w->states[i] != NULL)
            state_free(w->states[i]);
    free((void *)w->states);
    free(w);
}

static bool is_in(const struct text *patterns, size_t count, struct text name)
{
    for (size_t i = 0; i < count; i++)
        if (text_matches(name, patterns[i]))
            return true;
    return count == 0;
}

static bool applies(const struct config_policy *p, const struct script_request *req, enum script_hook hook)
{
    return (p->hooks & hook) != 0 && (p->team == NULL || text_eq(p->team->name, req->team)) &&
           (p->kinds == 0 || (p->kinds & req->operation) != 0) && is_in(p->models, p->model_count, req->asked_model) &&
           is_in(p->teams, p->team_count, req->team);
}

/* The state of policy `i`; a broken one is made anew once nothing of it is kept. NULL with `fail`. */
static struct script_state *state_for(struct script_worker *w, size_t i, struct fail *fail)
{
    struct script_state *s = w->states[i];
    if (s != NULL && s->broken && s->kept == 0) {
        state_free(s);
        s = NULL;
    }
    if (s == NULL)
        s = w->states[i] = state_new(w->config, &w->config->policies[i], w->shared, fail);
    if (s != NULL && s->broken) {
        fail_set(fail, FAIL_OPERATOR, "%s: it had no memory left, and requests that it has seen are not over",
                 s->policy->file);
        return NULL;
    }
    return s;
}

static struct script_trace *begin_trace(struct script_request *req, const struct config_policy *p,
                                        enum script_hook hook)
{
    struct script_trace *t = arena_new(req->arena, struct script_trace);
    t->policy = p;
    t->hook = hook;
    t->attempt = req->attempt;
    t->last_note = &t->notes;
    if (req->last_trace == NULL)
        req->last_trace = &req->traces;
    *req->last_trace = t;
    req->last_trace = &t->next;
    return t;
}

/* One hook, as a coroutine: the function and its arguments. */
struct hook {
    struct script_run run;
    struct script_request **at; /* of the userdata */
    enum script_verdict verdict;
    const char *wrong;
};

static void take_decision(struct hook *h, const struct decision *d, const struct config_policy *p)
{
    struct script_request *req = h->run.req;
    struct script_trace *t = h->run.trace;
    t->decision = d->kind;
    t->reason = d->reason;
    t->model = d->model;
    t->code = d->refusal.code;
    t->observed = p->observe;
    if (p->observe)
        return;
    if (d->refusal.status != 0) {
        req->refusal = d->refusal;
        h->verdict = SCRIPT_DENY;
    } else if (d->answer.text.ptr != NULL) {
        req->answer = d->answer;
        h->verdict = SCRIPT_ANSWER;
    } else if (req->routed_by != NULL) {
        t->decision = "overruled";
    } else {
        req->routed_by = p->name;
        req->model = d->model;
    }
}

/* The stack of a hook's coroutine: struct hook, the request, so that it is not collected before its end; of on_route also the targets, as they were and as the hook sees them. */
enum { AT_HOOK = 1, AT_REQUEST, AT_BEFORE, AT_TARGETS };

/* NULL, or what is wrong, static. The list at `index` is what the hook wants. */
static const char *take_targets(lua_State *co, int index, struct hook *h, const struct config_policy *p)
{
    struct script_targets *targets = h->run.targets, before = *targets;
    struct script_target *kept = arena_array(h->run.req->arena, struct script_target, before.count);
    memcpy(kept, before.items, before.count * sizeof *kept);
    const char *wrong = target_read_list(co, AT_BEFORE, index, targets);
    if (wrong != NULL)
        return wrong;
    bool changed = before.count != targets->count || memcmp(kept, before.items, before.count * sizeof *kept) != 0;
    h->run.trace->decision = changed ? "order" : NULL;
    h->run.trace->observed = changed && p->observe;
    if (p->observe) {
        memcpy(before.items, kept, before.count * sizeof *kept);
        *targets = before;
    }
    return NULL;
}

/* The results of the hook stand from `first` on. */
static const char *take_results(lua_State *co, int first, struct hook *h, const struct config_policy *p)
{
    int type = first > lua_gettop(co) ? LUA_TNIL : lua_type(co, first);
    const struct decision *d = type == LUA_TUSERDATA ? decide_at(co, first) : NULL;
    if (d != NULL)
        take_decision(h, d, p);
    else if (h->run.hook == SCRIPT_ON_ROUTE && (type == LUA_TTABLE || type == LUA_TNIL))
        return take_targets(co, type == LUA_TTABLE ? first : AT_TARGETS, h, p);
    else if (type != LUA_TNIL)
        return "it returns something that is no decision: return gw.deny(...), gw.answer(...), gw.route(...), or nothing";
    return NULL;
}

static int after_hook(lua_State *co, int status, lua_KContext first)
{
    struct hook *h = lua_touserdata(co, AT_HOOK);
    (void)status;
    h->wrong = take_results(co, (int)first, h, state_of(co)->policy);
    *h->at = NULL;
    h->at = NULL;
    return 0;
}

/* On the coroutine: the function of the hook and its arguments. */
static int call_hook(lua_State *co)
{
    struct hook *h = lua_touserdata(co, AT_HOOK);
    bool routes = h->run.hook == SCRIPT_ON_ROUTE;
    h->at = request_push(co, h->run.req);
    if (routes) {
        target_push_list(co, h->run.targets);
        lua_createtable(co, (int)h->run.targets->count, 0);
        for (lua_Integer i = 1; i <= (lua_Integer)h->run.targets->count; i++) {
            lua_rawgeti(co, AT_BEFORE, i);
            lua_rawseti(co, AT_TARGETS, i);
        }
    }
    int first = lua_gettop(co) + 1;
    lua_rawgeti(co, LUA_REGISTRYINDEX, state_of(co)->hooks[__builtin_ctz(h->run.hook)]);
    lua_pushvalue(co, AT_REQUEST);
    if (routes)
        lua_pushvalue(co, AT_TARGETS);
    else if (h->run.hook == SCRIPT_ON_FINISH)
        finish_push(co, h->run.done);
    lua_callk(co, lua_gettop(co) - first, LUA_MULTRET, first, after_hook);
    return after_hook(co, LUA_OK, first);
}

/* False with `fail`. */
static bool run_hook(struct script_state *s, struct hook *h, struct fail *fail)
{
    int ref, results;
    lua_State *co = state_coroutine(s, &ref);
    if (co == NULL) {
        s->broken = true;
        fail_set(fail, FAIL_OPERATOR, "%s: it needs more than memory_mb = %zu", s->policy->file,
                 s->policy->memory_bytes >> 20);
        return false;
    }
    state_budget(s, s->policy->cpu_ns);
    s->run = &h->run;
    lua_pushcfunction(co, call_hook);
    lua_pushlightuserdata(co, h);
    int status = lua_resume(co, s->L, 1, &results);
    if (h->at != NULL) /* it failed: the coroutine's stack is as it was */
        *h->at = NULL;
    if (status != LUA_OK)
        state_explain(co, status, fail);
    else if (h->wrong != NULL)
        fail_set(fail, FAIL_OPERATOR, "%s: %s", s->policy->file, h->wrong);
    s->run = NULL;
    state_release(s, co, ref, status == LUA_OK);
    return status == LUA_OK && h->wrong == NULL;
}

static const char *name_of(enum script_hook hook)
{
    static const char *const names[] = { "on_request", "on_route", "on_response", "on_finish" };
    return names[__builtin_ctz(hook)];
}

const char *script_hook_name(enum script_hook hook)
{
    return name_of(hook);
}

/* One hook of one policy. */
static enum script_verdict run_one(struct script_worker *w, size_t i, struct script_request *req, enum script_hook hook,
                                   struct script_targets *targets, const struct script_done *done)
{
    const struct config_policy *p = &w->config->policies[i];
    struct script_trace *trace = begin_trace(req, p, hook);
    struct hook h = { .run = { .req = req, .hook = hook, .trace = trace, .targets = targets, .done = done } };
    int64_t from = clock_ns();
    struct fail fail;
    struct script_state *s = state_for(w, i, &fail);
    bool good = s != NULL && run_hook(s, &h, &fail);
    trace->cpu_ns = clock_ns() - from;
    if (good)
        return h.verdict;
    trace->decision = "error";
    trace->reason = arena_text(req->arena, text_of(fail.text));
    log_line(p->skip ? LOG_WARN : LOG_ERROR, "policy \"%s\", %s of request %.*s: %s%s", p->name, name_of(hook),
             TEXT_ARG(req->id), fail.text, p->skip ? " (on_error = \"skip\")" : "");
    return p->skip || p->observe || hook == SCRIPT_ON_FINISH ? SCRIPT_PASS : SCRIPT_FAILED;
}

enum script_verdict script_on_request(struct script_worker *w, struct script_request *req)
{
    for (size_t i = 0; i < w->config->policy_count; i++) {
        if (!applies(&w->config->policies[i], req, SCRIPT_ON_REQUEST))
            continue;
        enum script_verdict verdict = run_one(w, i, req, SCRIPT_ON_REQUEST, NULL, NULL);
        if (verdict != SCRIPT_PASS)
            return verdict;
    }
    return SCRIPT_PASS;
}

enum script_verdict script_on_route(struct script_worker *w, struct script_request *req, struct script_targets *targets)
{
    for (size_t i = 0; i < w->config->policy_count; i++) {
        if (!applies(&w->config->policies[i], req, SCRIPT_ON_ROUTE))
            continue;
        enum script_verdict verdict = run_one(w, i, req, SCRIPT_ON_ROUTE, targets, NULL);
        if (verdict != SCRIPT_PASS)
            return verdict;
    }
    return SCRIPT_PASS;
}

void script_on_finish(struct script_worker *w, struct script_request *req, const struct script_done *done)
{
    for (size_t i = 0; i < w->config->policy_count; i++)
        if (applies(&w->config->policies[i], req, SCRIPT_ON_FINISH))
            run_one(w, i, req, SCRIPT_ON_FINISH, NULL, done);
    for (size_t i = 0; req->vars_of != NULL && i < w->config->policy_count; i++) {
        struct script_state *s = req->vars_of[i];
        if (s == NULL)
            continue;
        luaL_unref(s->L, LUA_REGISTRYINDEX, req->vars[i]);
        s->kept--;
    }
}
