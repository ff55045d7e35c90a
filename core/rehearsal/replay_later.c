/* replay_later.c - on_route for each attempt, and on_response for the first answer, as far as they were recorded. */
#include "rehearsal/replay_play.h"
#include "rehearsal/replay_route.h"

bool replay_lack(struct playing *p, const char *what)
{
    if (p->req.missing == NULL)
        p->req.missing = what;
    return false;
}

static const struct script_trace *last_trace(const struct playing *p)
{
    const struct script_trace *t = p->req.traces;
    while (t != NULL && t->next != NULL)
        t = t->next;
    return t;
}

/* Without an order of this policy's the one that was tried was the first: whatever chose it then would choose it again. */
static void put_first(struct playing *p, struct script_targets *targets, struct text tried)
{
    for (size_t i = 0; i < targets->count; i++)
        if (text_eq(replay_target_name(&p->arena, &targets->items[i]), tried)) {
            struct script_target first = targets->items[i];
            memmove(targets->items + 1, targets->items, i * sizeof first);
            targets->items[0] = first;
            return;
        }
}

/* What might be tried at that attempt; NULL: it is not judged (p->req.missing), or was no new choice. */
static struct script_targets *targets_of(struct playing *p, const struct past_attempt *a)
{
    struct script_targets *targets =
        replay_captured_route(p->find, p->past->id, a->number, &p->arena, &p->req.last_error);
    if (targets != NULL) {
        if (p->order_elsewhere || (p->ordered && a->number > 1)) {
            replay_lack(p, "the order of the targets before this policy");
            return NULL;
        }
        if (!p->ordered)
            put_first(p, targets, a->target);
        return targets;
    }
    p->req.last_error = NULL;
    if (a->number > 1) {
        if (!p->req.captured || a->number > SEALED_ROUTES)
            replay_lack(p, "what might be tried after the first attempt");
        return NULL;
    }
    targets = replay_targets(&p->arena, p->req.config, p->req.model, p->past);
    if (targets == NULL)
        replay_lack(p, "the target that answered, which is not the model's any more: its order");
    else if (p->ordered)
        replay_lack(p, "the order of the targets before this policy");
    return p->req.missing == NULL ? targets : NULL;
}

/* Of one attempt: `now`, or what is tried instead. */
static struct text try_route(struct playing *p, struct script_worker *worker, const struct past_attempt *a,
                             struct script_targets *targets, struct text now)
{
    const char *at = a->number > 1 ? arena_printf(&p->arena, "attempt %u: ", (unsigned)a->number) : "";
    p->req.attempt = (unsigned)a->number;
    enum script_verdict verdict = script_on_route(worker, &p->req, targets);
    if (verdict == SCRIPT_WAIT)
        script_cancel(worker, &p->req);
    if (verdict == SCRIPT_DENY)
        return text_of(arena_printf(&p->arena, "%sdeny %.*s", at, TEXT_ARG(p->req.refusal.code)));
    if (verdict != SCRIPT_PASS)
        return TEXT("error");
    struct text first = replay_target_name(&p->arena, &targets->items[0]);
    if (text_eq(first, a->target))
        return now;
    p->before = text_of(arena_printf(&p->arena, "%starget %.*s", at, TEXT_ARG(a->target)));
    return text_of(arena_printf(&p->arena, "%starget %.*s", at, TEXT_ARG(first)));
}

static struct text try_routes(struct playing *p, struct script_worker *worker, struct text now)
{
    struct text then = now;
    for (const struct past_attempt *a = p->past->tried; a != NULL && text_eq(then, now) && p->req.missing == NULL;
         a = a->next) {
        struct script_targets *targets = targets_of(p, a);
        if (targets != NULL)
            then = try_route(p, worker, a, targets, now);
    }
    return then;
}

struct text replay_answer_text(struct arena *arena, struct text decision, struct text code, struct text edits)
{
    if (text_is(decision, "deny"))
        return text_of(arena_printf(arena, "the answer is refused: %.*s", TEXT_ARG(code)));
    if (text_is(decision, "answer"))
        return TEXT("the answer is replaced");
    if (text_is(decision, "retry"))
        return TEXT("it is asked again");
    if (text_is(decision, "error"))
        return TEXT("error");
    return text_of(
        arena_printf(arena, "the answer passes%s%.*s", edits.len > 0 ? ", edited by " : "", TEXT_ARG(edits)));
}

static struct text try_response(struct playing *p, struct script_worker *worker, struct text now)
{
    struct script_response *r = replay_captured_answer(p->find, p->past->id, &p->arena);
    if (r == NULL && (p->past->attempts == 0 || !text_is(p->past->outcome, "ok")))
        return now; /* there was no answer */
    if (r == NULL || p->answer_elsewhere) {
        replay_lack(p, r == NULL ? "the answer" : "the answer, which another policy had changed or dropped,");
        return now;
    }
    p->req.attempt = p->past->attempts;
    enum script_verdict verdict = script_on_response(worker, &p->req, r);
    if (verdict == SCRIPT_WAIT)
        script_cancel(worker, &p->req);
    if (p->req.missing != NULL)
        return now;
    const struct script_trace *t = last_trace(p);
    bool done = t != NULL && !t->observed && t->why.ptr == NULL;
    struct text before = p->answer_before.ptr != NULL ? p->answer_before
                                                      : replay_answer_text(&p->arena, TEXT_NONE, TEXT_NONE, TEXT_NONE);
    struct text then = replay_answer_text(&p->arena, done ? text_of(t->decision) : TEXT_NONE,
                                          done ? t->code : TEXT_NONE, done ? text_of(t->edits) : TEXT_NONE);
    if (text_eq(before, then))
        return now;
    p->before = before;
    return then;
}

struct text replay_later(struct playing *p, struct script_worker *worker, unsigned hooks, struct text now)
{
    struct text then = now;
    if (p->past->tried != NULL && (hooks & SCRIPT_ON_ROUTE) != 0)
        then = try_routes(p, worker, now);
    if (text_eq(then, now) && p->req.missing == NULL && script_wants_response(worker, &p->req) &&
        (p->req.operation & (GW_OP_CHAT | GW_OP_COMPLETIONS)) != 0)
        then = try_response(p, worker, now);
    return then;
}
