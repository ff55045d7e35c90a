/* settle.c - the end of a request in the books: usage, counters, the line of the access log (line.c). It runs before the
 * client sees the end, so that who reads the log after an answer finds the request there. */
#include "base/clock.h"
#include "flow/drain.h"
#include "flow/join.h"
#include "flow/metrics.h"
#include "flow/policy.h"
#include "flow/retry.h"
#include "flow/spend.h"
#include "flow/way.h"

/* How it ended, for the metrics: a stream that broke off had the status 200. */
static enum outcome outcome_of(const struct request *req, int status)
{
    if (req->gone)
        return OUTCOME_CANCELLED;
    if (req->reply == REPLY_BROKEN || (req->failed_row != NULL && req->reply >= REPLY_BEGUN))
        return OUTCOME_BROKEN;
    return req->failed_row == NULL ? OUTCOME_OK : status < 500 ? OUTCOME_REFUSED : OUTCOME_FAILED;
}

/* Row "settle". */
enum next settle_run(struct request *req)
{
    struct gateway *gateway = req->worker->gateway;
    struct attempt *a = req->attempt;
    int64_t now = clock_ns();
    int status = req->gone                   ? req->fail.status
                 : req->failed_row == NULL   ? req->status
                 : req->reply >= REPLY_BEGUN ? 200
                                             : req->face->dialect->error_status(&req->fail);

    answer_ping_stop(req);
    retry_end(req);
    if (drain_run(req) == WAIT) {
        req->row--; /* this row comes again when it is over */
        return WAIT;
    }
    if (a != NULL) {
        if (a->ended_ns == 0)
            a->ended_ns = now;
        if (a->outcome == OUTCOME_NONE)
            a->outcome = req->failed_row == NULL ? OUTCOME_OK : req->gone ? OUTCOME_CANCELLED : OUTCOME_FAILED;
        if (a->ending == ATTEMPT_OPEN && !attempt_is_hit(a)) /* a judged failure was counted when it was judged */
            metrics_count_attempt(gateway->metrics, req->worker->index, a->target->provider->name,
                                  attempt_outcome_name(a));
        attempt_cancel(a);
        usage_end(a);
        attempt_close(a);
        cached_store(a);
        join_settle(req);
    }
    slot_give(req);
    price_request(req);
    if (a != NULL)
        cached_count(a);
    if (a != NULL)
        spend_end(a, true);
    spend_policies(req);
    throttle_end(req);
    struct usage used = usage_of_all(req);
    int64_t overhead = now - req->begun_ns - req->waited_ns + req->relay_ns;
    metrics_count_request(gateway->metrics, req->worker->index,
                          &(struct metrics_request){
                              .face = req->face->name,
                              .provider = a != NULL ? a->target->provider->name : TEXT(""),
                              .model = a != NULL ? a->target->model : TEXT(""),
                              .configured = a != NULL && a->target->configured,
                              .team = req->team->name,
                              .status = status,
                              .outcome = outcome_of(req, status),
                              .duration_ns = now - req->started_ns,
                              .overhead_ns = overhead,
                              .first_token_ns = req->first_token_ns,
                              .usage = &used,
                              .cost_nano = req->cost.nano,
                              .priced = req->cost.known,
                          });
    if (req->policy != NULL)
        policy_finish(req, status, now);
    line_write(req, &(struct line_sums){ .status = status,
                                         .duration_ns = now - req->started_ns,
                                         .overhead_ns = overhead,
                                         .fallback = req->target_next > 1 || (a != NULL && a->target->fallback) });
    atomic_fetch_sub_explicit(&gateway->in_flight, req->in_flight, memory_order_relaxed);
    req->in_flight = 0;
    return NEXT;
}
