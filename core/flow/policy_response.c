/* policy_response.c - the row in which policies see an answer: all of it is there, in the client's own API, and nothing of it has
 * reached the client. A stream was held back for that. */
#include "base/clock.h"
#include "flow/attempt.h"
#include "flow/metrics.h"
#include "flow/policy.h"
#include "flow/policy_inside.h"
#include "flow/retry.h"

static const char *finish_of(const struct attempt *a, const struct said *said)
{
    static const char *const names[] = { "stop", "length", "tool_calls", "content_filter", "refusal", NULL };
    bool refused = text_is(text_of(said->finish), "refusal");
    for (size_t i = 0; !refused && names[i] != NULL;
         i++) /* the end of a stream is not written yet: its provider reported this */
        if (text_is(a->finish, names[i]))
            return names[i];
    return said->finish;
}

/* The client gets a policy's text in the place of the answer, none of which it has. What the upstream has used is counted first: an
 * estimate looks at the answer that goes. */
static enum next answer_instead(struct request *req)
{
    struct attempt *a = req->attempt;
    if (a->outcome == OUTCOME_NONE)
        a->outcome = OUTCOME_OK; /* what broke off has failed before, in "attempt.judge" */
    metrics_count_attempt(req->worker->gateway->metrics, req->worker->index, a->target->provider->name,
                          attempt_outcome_name(a));
    usage_end(a);
    buf_free(&a->out);
    buf_free(&req->tail_bytes);
    buf_free(&req->body_out);
    req->answer.state = NULL;
    req->answer.unshown = NULL;
    return policy_answer(req, a->streams);
}

/* An answer that cannot be asked for again is shown to the policies that have not seen it. */
static enum next decided(struct request *req, enum script_verdict verdict)
{
    while (verdict == SCRIPT_RETRY) {
        enum next next = retry_begin(req);
        if (next != DONE)
            return next;
        verdict = script_on_response(req->scripts, req->policy, req->shown);
    }
    if (verdict == SCRIPT_ANSWER)
        return answer_instead(req);
    return verdict == SCRIPT_WAIT ? policy_wait_more(req) : policy_take(req, verdict);
}

static enum next show_answer(struct request *req)
{
    struct attempt *a = req->attempt;
    struct said *said = arena_new(&req->arena, struct said);
    struct text bytes = buf_view(a->streams ? &a->out : &req->body_out);
    if (!said_read(&req->arena, bytes, a->streams, said)) {
        error_set(&req->fail, E_UPSTREAM, "the provider \"%.*s\" answered with what no policy can read",
                  TEXT_ARG(a->target->provider->name));
        return FAIL;
    }
    req->shown = arena_new(&req->arena, struct script_response); /* a hook may wait */
    *req->shown = (struct script_response){
        .said = said,
        .finish = finish_of(a, said),
        .target = text_of(
            arena_printf(&req->arena, "%.*s/%.*s", TEXT_ARG(a->target->provider->name), TEXT_ARG(a->target->model))),
        .usage = &req->usage,
        .first_token_ms = req->first_token_ns >= 0 ? req->first_token_ns / CLOCK_MS : -1,
        .total_ms = (clock_ns() - req->started_ns) / CLOCK_MS,
    };
    req->policy->attempt = req->attempts_made;
    return decided(req, script_on_response(req->scripts, req->policy, req->shown));
}

/* Row "policy.response". Comes again while a hook waits. */
enum next policy_response(struct request *req)
{
    const struct attempt *a = req->attempt;
    if (req->policy != NULL && req->policy->waits)
        return decided(req, script_resume(req->scripts, req->policy));
    if (retry_is_back(req))
        return decided(req, script_on_response(req->scripts, req->policy, req->shown));
    if (!a->streams && job_result(req) == FAIL)
        return FAIL;
    return policy_holds(req) ? show_answer(req) : NEXT;
}
