/* script.c - the policies of a worker: which of them a request has, in which order their hooks run, and what they decide together. */
#include "script/script.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "script/api.h"
#include "script/recorded.h"
#include "script/run.h"

struct script_worker {
    unsigned refs;
    const struct config *config;
    struct script_shared *shared;
    struct script_state **states;  /* by the policy's index; NULL: it could not be made again */
    struct script_state *draining; /* that had no memory left: they take no new hooks */
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
        config->policies[i].reads = &config->arena;
        struct script_state *s = state_new(config, &config->policies[i], shared, &fail);
        config->policies[i].reads = NULL;
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

/* Frees the states of before whose last hook is over. */
static void sweep(struct script_worker *w)
{
    for (struct script_state **at = &w->draining; *at != NULL;) {
        struct script_state *s = *at;
        if (s->kept > 0) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        state_free(s);
    }
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
    sweep(w);
    BUG_IF(w->draining != NULL);
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
    const uint8_t *skips = req->skips;
    if (skips != NULL && (skips[p - req->config->policies] & hook) != 0)
        return false;
    return (p->hooks & hook) != 0 && (p->team == NULL || text_eq(p->team->name, req->team)) &&
           (p->kinds == 0 || (p->kinds & req->operation) != 0) && is_in(p->models, p->model_count, req->asked_model) &&
           is_in(p->teams, p->team_count, req->team);
}

/* The state of policy `i`. One without memory takes no new hooks: another one is made, and it is freed when its last hook is over.
 * NULL with `fail`. */
static struct script_state *state_for(struct script_worker *w, size_t i, const struct script_request *req,
                                      struct fail *fail)
{
    struct script_state *s = w->states[i], *had = req->vars_of != NULL ? req->vars_of[i] : NULL;
    if (s != NULL && s->broken) {
        s->next = w->draining;
        w->draining = s;
        s = w->states[i] = NULL;
    }
    if (s == NULL)
        s = w->states[i] = state_new(w->config, &w->config->policies[i], w->shared, fail);
    if (s == NULL || had == NULL || had == s)
        return s;
    fail_set(fail, FAIL_OPERATOR, "%s: it had no memory left, and req.vars of this request are gone with it",
             s->policy->file);
    return NULL;
}

static struct script_trace *begin_trace(struct script_request *req, const struct config_policy *p,
                                        enum script_hook hook)
{
    struct script_trace *t = arena_new(req->arena, struct script_trace);
    t->policy = p;
    t->hook = hook;
    t->attempt = req->attempt;
    t->last_note = &t->notes;
    t->last_call = &t->calls;
    if (req->last_trace == NULL)
        req->last_trace = &req->traces;
    *req->last_trace = t;
    req->last_trace = &t->next;
    return t;
}

const char *script_hook_name(enum script_hook hook)
{
    static const char *const names[] = { "on_request", "on_route", "on_response", "on_finish" };
    return names[__builtin_ctz(hook)];
}

/* A policy of on_request could not read the body: nothing more is asked. */
static bool is_unread(const struct script_run *run)
{
    return run->hook == SCRIPT_ON_REQUEST && run->req->unread != NULL;
}

/* How the run of a hook ended. */
static enum script_verdict end_one(struct script_run *run, enum run_end end, const struct fail *fail)
{
    const struct config_policy *p = run->trace->policy;
    if (end == RUN_WAITS)
        return SCRIPT_WAIT;
    edit_end_hook(run, end == RUN_GOOD && !p->observe);
    run->trace->observed = run->trace->observed || (p->observe && run->trace->edits != NULL);
    if (p->observe && run->req->unread != NULL) { /* it changes nothing: who enforces finds it again */
        run->req->unread = NULL;
        run->req->talk = NULL;
    }
    if (is_unread(run))
        return SCRIPT_PASS; /* the caller refuses it, whatever was decided on what could not be read */
    if (end == RUN_GOOD)
        return run->verdict;
    run->trace->decision = "error";
    run->trace->edits = NULL;
    run->trace->reason = arena_text(run->req->arena, text_of(fail->text));
    if (!run->req->recorded)
        log_line(p->skip ? LOG_WARN : LOG_ERROR, "policy \"%s\", %s of request %.*s: %s%s", p->name,
                 script_hook_name(run->hook), TEXT_ARG(run->req->id), fail->text,
                 p->skip ? " (on_error = \"skip\")" : "");
    return p->skip || p->observe || run->hook == SCRIPT_ON_FINISH ? SCRIPT_PASS : SCRIPT_FAILED;
}

/* The policy whose turn it is: answers are shown in the reverse order. */
static size_t at(const struct script_worker *w, const struct script_run *run)
{
    return run->hook == SCRIPT_ON_RESPONSE ? w->config->policy_count - 1 - run->index : run->index;
}

/* The hooks of all policies from run->index on, in order. */
static enum script_verdict run_from(struct script_worker *w, struct script_run *run)
{
    enum script_verdict verdict = SCRIPT_PASS;
    for (; run->index < w->config->policy_count && verdict == SCRIPT_PASS && !is_unread(run); run->index++) {
        const struct config_policy *p = &w->config->policies[at(w, run)];
        struct fail fail;
        if (!applies(p, run->req, run->hook))
            continue;
        run->trace = begin_trace(run->req, p, run->hook);
        struct script_state *s = state_for(w, at(w, run), run->req, &fail);
        edit_begin_hook(run);
        verdict = end_one(run, s != NULL ? run_begin(s, run, &fail) : RUN_FAILED, &fail);
        if (verdict == SCRIPT_WAIT)
            break;
    }
    if (w->draining != NULL)
        sweep(w);
    return verdict;
}

static struct script_run *new_run(struct script_request *req, enum script_hook hook)
{
    if (req->run == NULL)
        req->run = arena_new(req->arena, struct script_run);
    BUG_IF(req->waits);
    *req->run = (struct script_run){ .req = req, .hook = hook };
    return req->run;
}

enum script_verdict script_on_request(struct script_worker *w, struct script_request *req)
{
    return run_from(w, new_run(req, SCRIPT_ON_REQUEST));
}

enum script_verdict script_on_route(struct script_worker *w, struct script_request *req, struct script_targets *targets)
{
    struct script_run *run = new_run(req, SCRIPT_ON_ROUTE);
    run->targets = targets;
    return run_from(w, run);
}

enum script_verdict script_resume(struct script_worker *w, struct script_request *req)
{
    struct script_run *run = req->run;
    struct fail fail;
    BUG_IF(!req->waits);
    enum run_end end = run_go_on(run, &fail);
    if (end == RUN_ELSEWHERE) {
        struct script_state *s = state_for(w, at(w, run), req, &fail);
        edit_begin_hook(run);
        end = s != NULL ? run_begin(s, run, &fail) : RUN_FAILED;
    }
    enum script_verdict verdict = end_one(run, end, &fail);
    if (verdict == SCRIPT_PASS) {
        run->index++;
        return run_from(w, run);
    }
    if (w->draining != NULL)
        sweep(w);
    return verdict;
}

void script_cancel(struct script_worker *w, struct script_request *req)
{
    if (!req->waits)
        return;
    run_cancel(req->run);
    if (w->draining != NULL)
        sweep(w);
}

enum script_verdict script_on_response(struct script_worker *w, struct script_request *req,
                                       struct script_response *response)
{
    struct script_run *run = new_run(req, SCRIPT_ON_RESPONSE);
    run->response = response;
    run->index = response->from;
    return run_from(w, run);
}

void script_retried(struct script_request *req)
{
    if (req->retried == NULL)
        req->retried = arena_array(req->arena, uint8_t, req->config->policy_count);
    req->retried[req->retry.policy - req->config->policies]++;
    req->retries++;
}

bool script_wants_response(const struct script_worker *w, const struct script_request *req)
{
    for (size_t i = 0; w != NULL && i < w->config->policy_count; i++)
        if (applies(&w->config->policies[i], req, SCRIPT_ON_RESPONSE))
            return true;
    return false;
}

void script_on_finish(struct script_worker *w, struct script_request *req, const struct script_done *done)
{
    for (const struct script_taken *t = done->refused ? req->taken : NULL; t != NULL; t = t->next)
        store_give_back(w->shared->numbers, t->key, t->n, recorded_now_ms(req));
    struct script_run *run = new_run(req, SCRIPT_ON_FINISH);
    run->done = done;
    if (!req->inner)
        run_from(w, run);
    for (size_t i = 0; req->vars_of != NULL && i < w->config->policy_count; i++) {
        struct script_state *s = req->vars_of[i];
        if (s == NULL)
            continue;
        luaL_unref(s->L, LUA_REGISTRYINDEX, req->vars[i]);
        s->kept--;
    }
    if (w->draining != NULL)
        sweep(w);
}
