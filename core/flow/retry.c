/* retry.c - drops an answer and asks again. The answer is kept until the next attempt is sent, and goes out if none can be sent. */
#include "flow/retry.h"

#include "base/clock.h"
#include "flow/deadline.h"
#include "flow/metrics.h"
#include "flow/policy_inside.h"
#include "flow/slot.h"
#include "flow/spend.h"

/* The answer, and the request as it was with it. Arena. */
struct retry_kept {
    struct attempt *attempt;
    struct buf out, whole, tail; /* of a->out, req->body_out, req->tail_bytes */
    struct buf body;             /* the client's, where gw.retry made another one */
    bool has_body;
    struct ask ask;
    struct text model;
    const char *routed_by;
    struct face_answer answer;
    struct usage usage;
    struct route_target *targets;
    size_t target_count, target_next;
    const struct config_model *target_model;
    enum config_list list;
    struct config_timeouts timeouts;
    int64_t first_token_ns;
    unsigned made, most, earlier;
    bool back; /* it goes out after all */
};

static struct buf take(struct buf *b)
{
    struct buf taken = *b;
    buf_init(b, b->max);
    return taken;
}

static void count(struct attempt *a)
{
    struct request *req = a->req;
    metrics_count_attempt(req->worker->gateway->metrics, req->worker->index, a->target->provider->name,
                          attempt_outcome_name(a));
}

/* Settles the answered attempt: its usage is counted before its bytes are freed. */
static void settle_answer(struct attempt *a)
{
    a->outcome = OUTCOME_OK;
    usage_end(a);
    a->outcome = OUTCOME_DROPPED;
    price_attempt(a);
    spend_end(a, false);
}

static void keep(struct request *req)
{
    struct retry_kept *k = req->kept;
    struct attempt *a = req->attempt;
    *k = (struct retry_kept){ .attempt = a,
                              .out = take(&a->out),
                              .whole = take(&req->body_out),
                              .tail = take(&req->tail_bytes),
                              .ask = req->ask,
                              .model = req->policy->model,
                              .routed_by = req->policy->routed_by,
                              .answer = req->answer,
                              .usage = req->usage,
                              .targets = req->targets,
                              .target_count = req->target_count,
                              .target_next = req->target_next,
                              .target_model = req->model,
                              .list = req->list,
                              .timeouts = req->timeouts,
                              .first_token_ns = req->first_token_ns,
                              .made = req->attempts_made,
                              .most = req->attempts_max,
                              .earlier = req->attempts_earlier };
    attempt_close(a);
}

/* Whatever depends on the body or the model is read anew. */
static void look_again(struct request *req)
{
    struct script_request *p = req->policy;
    p->ask = &req->ask;
    p->talk = NULL;
    p->units = NULL;
    req->ask.model = p->model;
    req->answer.model = p->model;
}

/* The conversation with the answer takes the place of the body. */
static enum next put_body(struct request *req)
{
    struct retry_kept *k = req->kept;
    struct ask *ask = req->policy->retry.ask;
    if (ask == NULL)
        return NEXT;
    k->body = req->body;
    buf_init(&req->body, 0);
    req->policy->ask = ask;
    if (policy_put_body(req) == NEXT) {
        k->has_body = true;
        return NEXT;
    }
    req->body = k->body;
    return FAIL;
}

/* As before "route". */
static void forget_targets(struct request *req)
{
    req->targets = NULL;
    req->target_count = req->target_next = 0;
    req->off_targets = req->unsupported_targets = req->barred_targets = 0;
    req->secret_tries = 0;
    req->again = AGAIN_NOT;
    req->attempts_earlier = req->attempts_made;
    req->first_token_ns = -1;
    req->answer.state = NULL;
    req->answer.unshown = NULL;
}

enum next retry_begin(struct request *req)
{
    struct script_request *p = req->policy;
    if (!deadline_allows_another(req, clock_ns())) {
        p->retry.trace->why = TEXT("the deadline leaves no time for it");
        req->shown->from = p->retry.from;
        return DONE;
    }
    req->kept = arena_new(&req->arena, struct retry_kept);
    settle_answer(req->attempt);
    keep(req);
    if (put_body(req) == FAIL)
        return FAIL; /* retry_undo() */
    if (p->retry.model.ptr != NULL) {
        p->model = p->retry.model;
        p->routed_by = p->retry.policy->name;
    }
    look_again(req);
    forget_targets(req);
    return way_ask_again(req);
}

static void free_kept(struct retry_kept *k)
{
    buf_free(&k->out);
    buf_free(&k->whole);
    buf_free(&k->tail);
    if (k->has_body)
        buf_free(&k->body);
}

void retry_end(struct request *req)
{
    struct retry_kept *k = req->kept;
    if (k == NULL || k->back)
        return;
    count(k->attempt);
    free_kept(k);
    req->kept = NULL;
}

void retry_sent(struct request *req)
{
    if (req->kept == NULL)
        return;
    retry_end(req);
    script_retried(req->policy);
}

/* Those that were chosen for it, and not sent. */
static void end_unsent(struct attempt *a)
{
    attempt_cancel(a);
    if (a->outcome == OUTCOME_NONE)
        a->outcome = OUTCOME_REFUSED;
    usage_end(a);
    if (a->hold != NULL) {
        price_attempt(a);
        spend_end(a, false);
    }
    attempt_close(a);
}

static void bring_back(struct request *req)
{
    struct retry_kept *k = req->kept;
    struct script_request *p = req->policy;
    if (k->has_body) {
        buf_free(&req->body);
        req->body = k->body;
        pin_read(req);
    }
    buf_free(&req->tail_bytes);
    buf_free(&req->body_out);
    k->attempt->out = k->out;
    req->body_out = k->whole;
    req->tail_bytes = k->tail;
    req->attempt = k->attempt;
    req->attempts_made = k->made;
    req->attempts_earlier = k->earlier;
    req->ask = k->ask;
    req->answer = k->answer;
    req->usage = k->usage;
    req->targets = k->targets;
    req->target_count = k->target_count;
    req->target_next = k->target_next;
    req->model = k->target_model;
    req->list = k->list;
    req->timeouts = k->timeouts;
    req->attempts_max = k->most;
    req->first_token_ns = k->first_token_ns;
    p->model = k->model;
    p->routed_by = k->routed_by;
    p->refusal = (struct script_refusal){ 0 };
    look_again(req);
    req->answer.model = k->answer.model;
}

bool retry_undo(struct request *req)
{
    struct retry_kept *k = req->kept;
    struct script_request *p = req->policy;
    if (k == NULL || k->back || req->gone || req->arena.full)
        return false;
    for (struct attempt *a = req->attempt; a != k->attempt; a = a->previous)
        end_unsent(a);
    slot_give(req);
    p->retry.trace->why = arena_text(&req->arena, text_of(req->fail.text));
    bring_back(req);
    req->fail = (struct fail){ .kind = FAIL_NONE };
    req->refusal = (struct request_refusal){ .of = NULL };
    req->spent = (struct budget_spent){ .is = false };
    k->attempt->outcome = OUTCOME_OK;
    count(k->attempt);
    req->shown->from = p->retry.from;
    k->back = true;
    return true;
}

bool retry_is_back(struct request *req)
{
    bool is = req->kept != NULL;
    req->kept = NULL;
    return is;
}
