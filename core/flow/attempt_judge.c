/* attempt_judge.c - what came of an attempt: an answer, another attempt with the next secret or target, or a failure. */
#include "base/clock.h"
#include "flow/attempt.h"
#include "flow/deadline.h"
#include "flow/join.h"
#include "flow/metrics.h"
#include "flow/spend.h"
#include "flow/way.h"

/* What may be asked twice of the same upstream though it may have done it the first time: what it makes is not kept there. */
#define REPLAYED (GW_OP_CHAT | GW_OP_COMPLETIONS | GW_OP_EMBEDDINGS | GW_OP_MODERATIONS | GW_OP_RERANK)
enum { SECRETS_MORE = 2 }; /* other secrets that a request tries after the first */

bool attempt_is_about_secret(const struct attempt *a)
{
    return a->error_fault == GW_FAULT_AUTH || a->error_fault == GW_FAULT_RATE_LIMIT ||
           a->error_fault == GW_FAULT_QUOTA ||
           (a->error_fault == GW_FAULT_REQUEST && a->error_status == 403); /* another account may use the model */
}

/* Token counts are asked for on every turn: a server without that path is no error. */
static bool has_no_counter(const struct attempt *a)
{
    return a->req->operation == GW_OP_COUNT_TOKENS && (a->status == 404 || a->status == 405 || a->status == 501);
}

/* Several targets or secrets are at their limit: the client is informed of the one that lets it come again first. */
static void join_limits(struct request *req)
{
    struct fail *fail = &req->fail;
    for (const struct attempt *p = req->attempt->previous; p != NULL && fail->status == 429; p = p->previous) {
        const struct fail *other = &p->error;
        if (other->status != 429 || other->should_retry < fail->should_retry)
            continue;
        if (other->should_retry > fail->should_retry)
            *fail = *other;
        else if (other->retry_after_s > 0 && (fail->retry_after_s == 0 || other->retry_after_s < fail->retry_after_s))
            fail->retry_after_s = other->retry_after_s;
    }
}

/* What a failed attempt leads to. */
enum verdict {
    NEXT_SECRET, /* the same target with its next secret */
    NEXT_TARGET,
    ONCE_MORE, /* the same target and secret, after a short pause */
    GIVE_UP,
};

/* A failure that may be over in a moment: no limit, nothing that took long, nothing that the upstream asks not to repeat. */
static bool may_help(const struct attempt *a)
{
    const struct request *req = a->req;
    bool broke = a->outcome == OUTCOME_TRANSFER && (a->failure == TRANSFER_CONNECT || a->failure == TRANSFER_SEND ||
                                                    a->failure == TRANSFER_RESET || a->failure == TRANSFER_CUT);
    bool replays = a->wire == WIRE_UNSENT || (req->operation & REPLAYED) != 0;
    bool status = (a->outcome == OUTCOME_STATUS || a->outcome == OUTCOME_ERROR) && a->error_status >= 500 &&
                  a->error_status != 501 && a->error_status != 504 && a->error_status != 508;
    return (broke || status) && replays && a->should_retry != 0 && req->again == AGAIN_NOT &&
           a->target->health != NULL && ejection_asks(a->target->health, clock_ns()) != EJECTION_NO &&
           ejection_affords(a->target->health);
}

/* What is the request's own fault is so everywhere but where the operator has a list for it. */
static bool turns(const struct attempt *a)
{
    return a->error.kind != FAIL_US && a->error_from != ERROR_FROM_US &&
           ((a->error_fault == GW_FAULT_CONTEXT && route_turn(a->req, LIST_OVERFLOW)) ||
            (a->error_fault == GW_FAULT_FILTER && route_turn(a->req, LIST_FILTER)));
}

/* It is over, and another one follows: what it used is its own. */
static void end_attempt(struct attempt *a)
{
    price_attempt(a);
    spend_end(a, false);
}

/* Did the provider's content filter end an answer of which the client has nothing yet, and may a target of the list for that answer instead?
 * Where none may the answer goes out as it is. */
static bool is_filtered(const struct attempt *a)
{
    struct request *req = a->req;
    return a->finishes > 0 && text_is(a->finish, "content_filter") && !attempt_is_hit(a) && !attempt_is_joined(a) &&
           req->shadow.len == 0 && req->kept == NULL && way_has_attempts(req) &&
           deadline_allows_another(req, clock_ns()) && route_turn(req, LIST_FILTER) && choose_has_another(req, true);
}

/* It was answered, and costs what an answer costs. */
static enum next leave_filtered(struct attempt *a)
{
    struct request *req = a->req;
    struct metrics *metrics = req->worker->gateway->metrics;
    unsigned index = req->worker->index;
    const char *name = a->target->provider->name.ptr;
    a->outcome = OUTCOME_OK;
    usage_end(a);
    attempt_turn(a, ATTEMPT_FAILED);
    error_set(&a->error, E_UPSTREAM_REFUSED, "the content filter of the provider \"%s\" ended the answer", name);
    a->error.code = "content_filter";
    a->error_status = a->error.status;
    a->error_fault = GW_FAULT_FILTER;
    a->outcome = OUTCOME_FILTERED;
    const char *outcome = attempt_outcome_name(a);
    way_debug(req, "%s", a->error.text);
    metrics_count_attempt(metrics, index, a->target->provider->name, outcome);
    metrics_count_fallback(metrics, index, a->target->provider->name, req->targets[req->target_next].provider->name,
                           outcome);
    attempt_close(a);
    end_attempt(a);
    req->secret_tries = 0;
    req->first_token_ns = -1; /* the client has seen none */
    return way_choose_again(req);
}

static enum verdict judge(struct attempt *a, bool elsewhere)
{
    struct request *req = a->req;
    if (req->shadow.len > 0 || attempt_is_joined(a) || !deadline_allows_another(req, clock_ns()))
        return GIVE_UP;
    if (attempt_is_about_secret(a) && req->secret_tries < SECRETS_MORE && choose_has_secret(a))
        return NEXT_SECRET;
    if (!way_has_attempts(req) || !(elsewhere || turns(a)))
        return GIVE_UP;
    if (choose_has_another(req, true))
        return NEXT_TARGET;
    return may_help(a) ? ONCE_MORE : GIVE_UP;
}

enum next attempt_give_up(struct attempt *a)
{
    struct request *req = a->req;
    req->fail = a->error;
    if (req->fail.status == 502 && req->attempts_made > 1)
        req->fail.should_retry = 0; /* several were tried: the client's own retry would only repeat it */
    join_limits(req);
    return FAIL;
}

/* Row "attempt.judge". */
enum next attempt_judge(struct request *req)
{
    struct attempt *a = req->attempt;
    struct metrics *metrics = req->worker->gateway->metrics;
    unsigned index = req->worker->index;
    bool failed = attempt_has_failed(a) || (attempt_is_over(a) && a->failure != TRANSFER_OK) || !attempt_has_spoken(a);
    if (!failed && !attempt_is_hit(a))
        choose_report(a, true);
    if (!failed && is_filtered(a))
        return leave_filtered(a);
    if (!failed)
        join_open(a);
    if (!failed)
        return NEXT; /* outcome is counted when the answer is complete */

    bool elsewhere = failure_judge(a);
    if (!attempt_is_hit(a))
        choose_report(a, false);
    const char *outcome = attempt_outcome_name(a);
    way_debug(req, "the provider \"%s\" failed (%s): %s", a->target->provider->name.ptr, outcome, a->error.text);
    if (!attempt_is_hit(a))
        metrics_count_attempt(metrics, index, a->target->provider->name, outcome);
    usage_end(a);
    attempt_close(a);
    if (has_no_counter(a))
        return route_estimate_tokens(req);
    enum verdict verdict = judge(a, elsewhere);
    if (verdict != GIVE_UP)
        end_attempt(a);
    if (verdict == NEXT_SECRET) {
        req->secret_tries++;
        req->target_next--;
        req->attempts_max++;
        return way_choose_again(req);
    }
    req->secret_tries = 0;
    if (verdict == GIVE_UP) {
        attempt_give_up(a);
        join_fail(a);
        return FAIL;
    }
    if (verdict == ONCE_MORE) {
        req->again = AGAIN_NEXT;
        req->target_next--;
        return way_choose_again(req);
    }
    metrics_count_fallback(metrics, index, a->target->provider->name, req->targets[req->target_next].provider->name,
                           outcome);
    return way_choose_again(req);
}
