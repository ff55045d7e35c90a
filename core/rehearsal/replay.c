/* replay.c - each request of the ledger is shown to the policy as it was admitted; on_finish sees how it ended. What was not written down cannot
 * be judged: texts where the request was not captured, answers of models and places. */
#include "rehearsal/replay.h"

#include <errno.h>
#include <string.h>

#include "flow/policy.h"
#include "rehearsal/rehearsal.h"
#include "rehearsal/replay_play.h"

enum { REQUEST_MOST = 16 << 20, ALL_MOST = 256 << 20 };

static void start(void *owner, struct script_ask *ask)
{
    replay_lack(owner, ask->kind == SCRIPT_ASK_LLM ? "gw.llm" : "gw.http");
}

static void wake(void *owner)
{
    (void)owner;
}

static bool spend(void *owner, enum script_whose whose, struct text name, enum config_period per,
                  struct script_spend *out)
{
    struct playing *p = owner;
    return replay_spend_get(&p->spend, p->past, whose, name, per, out);
}

static bool east(void *owner, struct text zone, int64_t unix_s, int64_t *out)
{
    return policy_host.east(owner, zone, unix_s, out);
}

static void count(void *owner, const char *policy, struct text event)
{
    (void)owner;
    (void)policy;
    (void)event;
}

static const char *tag(void *owner, struct text name, struct text value)
{
    (void)owner;
    (void)name;
    (void)value;
    return NULL;
}

static const struct script_host host = {
    .start = start, .wake = wake, .spend = spend, .east = east, .count = count, .tag = tag
};

static struct text as_model(struct arena *arena, struct text name, struct text edits)
{
    return text_of(
        arena_printf(arena, "model %.*s%s%.*s", TEXT_ARG(name), edits.len > 0 ? ", edited by " : "", TEXT_ARG(edits)));
}

/* A decision of on_request that was done, of this policy or of another one. */
static void read_one(struct playing *p, const struct json *entry, bool own, struct text *own_model)
{
    struct text decision = json_str(json_member(entry, "decision")), model = json_str(json_member(entry, "model")),
                asked = json_str(json_member(entry, "asked_model"));
    if (asked.len > 0)
        p->asked = asked;
    if (json_member(entry, "observed") != NULL)
        return;
    struct text edits = json_str(json_member(entry, "edits"));
    p->edited = p->edited || (!own && edits.len > 0);
    if (own && edits.len > 0 && text_is(json_str(json_member(entry, "hook")), "on_request"))
        p->edits = edits;
    if (text_is(decision, "overruled"))
        return;
    bool denied = text_is(decision, "deny"), answered = text_is(decision, "answer");
    p->ordered = p->ordered || (own && text_is(decision, "order"));
    p->order_elsewhere = p->order_elsewhere || (!own && text_is(decision, "order"));
    if (!own) {
        p->elsewhere = p->elsewhere || denied || answered;
        if (text_is(decision, "route"))
            p->other_model = model;
    } else if (denied) {
        p->before = text_of(arena_printf(&p->arena, "deny %.*s", TEXT_ARG(json_str(json_member(entry, "code")))));
    } else if (answered || text_is(decision, "error")) {
        p->before = decision;
    } else if (text_is(decision, "route")) {
        *own_model = model;
    }
}

/* A decision of on_response. */
static void read_answered(struct playing *p, const struct json *entry, bool own)
{
    struct text decision = json_str(json_member(entry, "decision")), edits = json_str(json_member(entry, "edits"));
    bool done = json_member(entry, "observed") == NULL && json_member(entry, "why") == NULL;
    if (own && p->answer_before.ptr == NULL)
        p->answer_before = replay_answer_text(&p->arena, done ? decision : TEXT_NONE,
                                              json_str(json_member(entry, "code")), done ? edits : TEXT_NONE);
    else if (!own && p->answer_before.ptr == NULL && done && (decision.len > 0 || edits.len > 0))
        p->answer_elsewhere = true;
}

static void read_decisions(struct playing *p, const char *policy)
{
    const struct past_request *past = p->past;
    struct text own_model = TEXT_NONE;
    const struct json *all = past->policies.len > 0 ? json_parse(&p->arena, past->policies, NULL) : NULL;
    p->asked = replay_captured_model(p->find, past->id, &p->arena);
    if (p->asked.ptr == NULL)
        p->asked = past->model;
    for (size_t i = 0; i < json_count(all); i++) {
        const struct json *entry = json_at(all, i);
        struct text hook = json_str(json_member(entry, "hook"));
        bool own = text_is(json_str(json_member(entry, "policy")), policy);
        if (text_is(hook, "on_request") || text_is(hook, "on_route"))
            read_one(p, entry, own, &own_model);
        else if (text_is(hook, "on_response"))
            read_answered(p, entry, own);
    }
    struct text model = own_model.len > 0 ? own_model : p->other_model.len > 0 ? p->other_model : p->asked;
    if (p->before.ptr == NULL)
        p->before = as_model(&p->arena, model, p->edits);
}

static bool is_inner(struct text tags) /* gw.llm: no on_request is for it */
{
    while (tags.len > 0)
        if (text_starts(text_cut(&tags, ','), TEXT("policy=")))
            return true;
    return false;
}

static void show(struct playing *p, const struct config *config, const struct face *face)
{
    const struct past_request *past = p->past;
    struct text model = p->other_model.len > 0 ? p->other_model : p->asked;
    p->ask = (struct ask){ .model = p->asked };
    p->req = (struct script_request){ .arena = &p->arena,
                                      .config = config,
                                      .face = face,
                                      .ask = &p->ask,
                                      .host = &host,
                                      .owner = p,
                                      .operation = face->operation,
                                      .id = past->id,
                                      .team = past->team,
                                      .key = past->key,
                                      .model = model,
                                      .asked_model = p->asked,
                                      .routed_by = p->other_model.len > 0 ? "another policy" : NULL,
                                      .user = past->user,
                                      .project = past->project,
                                      .session = past->session,
                                      .tags = past->tags,
                                      .client = past->client.len > 0 ? arena_str(&p->arena, past->client) : "other",
                                      .admitted_ms = past->admitted_ms,
                                      .attempt = 1,
                                      .recorded = true,
                                      .recorded_tokens = past->asked_input };
    if (!p->edited)
        replay_captured_fill(p->find, &p->req);
}

/* What the policy makes of it. */
static struct text decide(struct playing *p, struct script_worker *worker)
{
    enum script_verdict verdict = script_on_request(worker, &p->req);
    if (verdict == SCRIPT_WAIT)
        script_cancel(worker, &p->req);
    if (verdict == SCRIPT_DENY)
        return text_of(arena_printf(&p->arena, "deny %.*s", TEXT_ARG(p->req.refusal.code)));
    const struct script_trace *t = p->req.traces;
    struct text edits = t != NULL && !t->observed ? text_of(t->edits) : TEXT_NONE;
    return verdict == SCRIPT_ANSWER ? TEXT("answer")
           : verdict == SCRIPT_PASS ? as_model(&p->arena, p->req.model, edits)
                                    : TEXT("error");
}

/* Counters go on: as it ended, or as the policy would have ended it. */
static void finish(struct playing *p, struct script_worker *worker, bool passed)
{
    const struct past_request *past = p->past;
    bool good = text_is(past->outcome, "ok"), refused = p->req.refusal.status != 0;
    struct usage used = { 0 };
    if (passed)
        used = (struct usage){ .source = past->attempts > 0 ? USAGE_REPORTED : USAGE_NONE,
                               .input = past->input,
                               .output = past->output - past->reasoning,
                               .reasoning = past->reasoning };
    struct script_done done = { .status = refused           ? p->req.refusal.status
                                          : good || !passed ? 200
                                                            : 502,
                                .outcome = refused           ? "denied"
                                           : good || !passed ? "ok"
                                                             : "failed",
                                .refused = refused,
                                .target = passed ? past->last : TEXT_NONE,
                                .attempts = passed ? past->attempts : 0,
                                .usage = &used,
                                .priced = past->priced,
                                .cost_nano = passed ? past->cost : 0,
                                .first_token_ms = -1,
                                .total_ms = past->duration_ms };
    script_on_finish(worker, &p->req, &done);
}

static void add(struct replay *r, struct map *map, struct text from, struct text to, struct text reason, struct text id)
{
    char key[1024];
    int len = snprintf(key, sizeof key, "%.*s\n%.*s", TEXT_ARG(from), TEXT_ARG(to));
    struct text at = { key, (size_t)len < sizeof key ? (size_t)len : sizeof key - 1 };
    struct replay_change *c = map_get(map, at);
    if (c == NULL) {
        c = arena_new(&r->arena, struct replay_change);
        c->from = arena_text(&r->arena, from);
        c->to = arena_text(&r->arena, to);
        c->reason = arena_text(&r->arena, reason);
        map_put(map, arena_text(&r->arena, at), c);
    }
    if (c->count < REPLAY_EXAMPLES)
        c->examples[c->count] = arena_text(&r->arena, id);
    c->count++;
}

static void judge(struct replay *r, struct playing *p, struct text now)
{
    const struct script_trace *t = p->req.traces;
    while (t != NULL && t->next != NULL) /* the hook that ran last is the one that decided */
        t = t->next;
    if (p->req.missing != NULL) {
        const char *why = p->edited ? ", which another policy had changed," : "";
        r->unjudged++;
        add(r, &r->lacks, TEXT_NONE, text_of(arena_printf(&p->arena, "%s%s", p->req.missing, why)), TEXT_NONE,
            p->past->id);
        return;
    }
    if (text_is(now, "error")) {
        r->failed++;
        if (r->error.ptr == NULL && t != NULL)
            r->error = arena_text(&r->arena, t->reason);
    }
    if (text_eq(now, p->before))
        r->same++;
    else
        add(r, &r->changes, p->before, now, t != NULL ? t->reason : TEXT_NONE, p->past->id);
}

static void play_one(struct replay *r, struct playing *p, const struct config *config, struct script_worker *worker,
                     const struct face *face)
{
    p->asked = p->other_model = p->before = p->edits = p->answer_before = TEXT_NONE;
    p->elsewhere = p->ordered = p->order_elsewhere = p->edited = p->answer_elsewhere = false;
    read_decisions(p, r->policy);
    show(p, config, face);
    r->requests++;
    r->captured += p->req.captured;
    if (p->elsewhere) {
        r->elsewhere++;
        return;
    }
    struct text now = decide(p, worker);
    bool asks = text_starts(now, TEXT("model "));
    if (asks && text_eq(now, p->before) && p->req.missing == NULL)
        now = replay_later(p, worker, config->policies->hooks, now);
    judge(r, p, now);
    finish(p, worker, asks && p->req.refusal.status == 0 && !text_is(now, "error"));
}

static void play_all(struct replay *r, const struct config *config, struct script_worker *worker,
                     const struct replay_of *of)
{
    const struct past *past = of->past;
    struct playing p = { .find = of->find };
    arena_init(&p.arena, NULL, 0, REQUEST_MOST);
    replay_spend_init(&p.spend, config, &r->arena);
    for (size_t i = 0; i < past->count; i++) {
        p.past = past->items[i];
        const struct face *face = rehearsal_face(p.past->face);
        if (face != NULL && !is_inner(p.past->tags) && p.past->over && p.past->admitted_ms >= of->since_ms)
            play_one(r, &p, config, worker, face);
        replay_spend_add(&p.spend, p.past);
        arena_reset(&p.arena);
    }
    replay_spend_fini(&p.spend);
    arena_fini(&p.arena);
}

static const struct config_policy *named(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->policy_count; i++)
        if (strcmp(config->policies[i].name, name) == 0)
            return &config->policies[i];
    return NULL;
}

int replay_run(struct replay *r, const struct config *config, const char *file, const char *as,
               const struct replay_of *of, struct fail *fail)
{
    struct config own = *config;
    struct config_policy policy;
    *r = (struct replay){ 0 };
    arena_init(&r->arena, NULL, 0, ALL_MOST);
    map_init(&r->changes);
    map_init(&r->lacks);
    const struct config_policy *block = as != NULL ? named(config, as) : rehearsal_known(&r->arena, config, file);
    if (as != NULL && block == NULL)
        return fail_set(fail, FAIL_OPERATOR, "the configuration has no policy \"%s\"", as);
    if (rehearsal_policy(&r->arena, block, file, &policy) < 0)
        return fail_set(fail, FAIL_OPERATOR, "%s cannot be read: %s", file, strerror(errno));
    own.policies = &policy;
    own.policy_count = 1;
    r->policy = policy.name;
    struct script_shared *shared = script_shared_new();
    struct script_worker *worker = script_open(&own, shared, fail);
    if (worker != NULL) {
        play_all(r, &own, worker, of);
        script_unref(worker);
    }
    script_shared_free(shared);
    if (worker != NULL && r->arena.full)
        return fail_set(fail, FAIL_OPERATOR, "there are more kinds of changes than fit into memory");
    return worker != NULL ? 0 : -1;
}

void replay_fini(struct replay *r)
{
    map_fini(&r->changes);
    map_fini(&r->lacks);
    arena_fini(&r->arena);
}
