/* attempt_judge.c - what came of an attempt: an answer, another attempt with the next secret or target, or a failure. */
#include "flow/attempt.h"
#include "flow/metrics.h"
#include "flow/spend.h"
#include "flow/way.h"

static bool is_about_secret(const struct attempt *a)
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
    GIVE_UP,
};

static enum verdict judge(struct attempt *a, bool elsewhere)
{
    const struct request *req = a->req;
    if (is_about_secret(a) && req->secret_tries + 1 < a->target->provider->secret_count)
        return NEXT_SECRET;
    if (elsewhere && req->target_next < req->target_count && req->attempts_made < req->attempts_max)
        return NEXT_TARGET;
    return GIVE_UP;
}

static enum next give_up(struct attempt *a)
{
    struct request *req = a->req;
    req->fail = a->error;
    if (req->fail.status == 502 && req->attempts_made > 1)
        req->fail.should_retry = 0; /* several were tried: the client's own retry would only repeat it */
    join_limits(req);
    return FAIL;
}

/* It is over, and another one follows: what it used is its own. */
static void end_attempt(struct attempt *a)
{
    price_attempt(a);
    spend_end(a, false);
}

/* Row "attempt.judge". */
enum next attempt_judge(struct request *req)
{
    struct attempt *a = req->attempt;
    struct metrics *metrics = req->worker->gateway->metrics;
    unsigned index = req->worker->index;
    bool failed = attempt_has_failed(a) || (attempt_is_over(a) && a->failure != TRANSFER_OK) || !attempt_has_spoken(a);
    if (!failed)
        return NEXT; /* outcome is counted when the answer is complete */

    bool elsewhere = failure_judge(a);
    const char *outcome = attempt_outcome_name(a);
    way_debug(req, "the provider \"%s\" failed (%s): %s", a->target->provider->name.ptr, outcome, a->error.text);
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
    if (verdict == GIVE_UP)
        return give_up(a);
    metrics_count_fallback(metrics, index, a->target->provider->name, req->targets[req->target_next].provider->name,
                           outcome);
    return way_choose_again(req);
}
