/* policy_response.c - the row in which policies see an answer: all of it is there, in the client's own API, and nothing of it has
 * reached the client. A stream was held back for that. */
#include "base/clock.h"
#include "flow/attempt.h"
#include "flow/captured.h"
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

/* Before its bytes are others: an estimate looks at what the model has answered. */
static void count_answer(struct attempt *a)
{
    struct request *req = a->req;
    if (a->ending != ATTEMPT_OPEN)
        return;
    if (a->outcome == OUTCOME_NONE)
        a->outcome = OUTCOME_OK; /* what broke off has failed before, in "attempt.judge" */
    metrics_count_attempt(req->worker->gateway->metrics, req->worker->index, a->target->provider->name,
                          attempt_outcome_name(a));
    usage_end(a);
}

/* A stream that is translated: what its face still keeps is shown, too. */
static void write_end(struct attempt *a)
{
    struct request *req = a->req;
    bool is_whole = a->saw_end_mark || a->finishes > 0 || !req->face->dialect->marks_end;
    if (a->streams && a->mode != MODE_RELAY && is_whole && !attempt_has_failed(a) && a->failure == TRANSFER_OK)
        req->face->stream_end(&req->answer, &req->tail_bytes);
}

static bool put(struct buf *b, struct text with)
{
    size_t max = b->max;
    if (with.len == b->len && with.ptr == buf_view(b).ptr) /* as it was */
        return !b->failed;
    buf_free(b);
    buf_init(b, max);
    return buf_text(b, with) == 0;
}

/* What policies have made of it. */
static enum next take_reworded(struct request *req)
{
    struct attempt *a = req->attempt;
    const struct script_response *shown = req->shown;
    if (!a->streams)
        count_answer(a); /* of a stream pieces were counted as they came */
    bool good = put(a->streams ? &a->out : &req->body_out, shown->parts[0]) &&
                (!a->streams || put(&req->tail_bytes, shown->parts[1]));
    if (good)
        return NEXT;
    error_set(&req->fail, E_OVERLOAD, "the answer needs more memory than limits.answer_mb allows");
    return FAIL;
}

/* The client gets a policy's text instead of the answer. The usage is counted before, because an estimate needs the upstream's text. */
static enum next answer_instead(struct request *req)
{
    struct attempt *a = req->attempt;
    count_answer(a);
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
    if (verdict == SCRIPT_PASS && req->shown->edited && take_reworded(req) == FAIL)
        return FAIL;
    return verdict == SCRIPT_WAIT ? policy_wait_more(req) : policy_take(req, verdict);
}

static enum next show_answer(struct request *req)
{
    struct attempt *a = req->attempt;
    write_end(a);
    req->shown = arena_new(&req->arena, struct script_response); /* a hook may wait */
    struct text bytes = buf_view(a->streams ? &a->out : &req->body_out);
    *req->shown = (struct script_response){ .parts = { bytes, buf_view(&req->tail_bytes) }, .streams = a->streams };
    if (!script_answer(&req->arena, req->shown)) {
        error_set(&req->fail, E_UPSTREAM, "the provider \"%.*s\" answered with what no policy can read",
                  TEXT_ARG(a->target->provider->name));
        return FAIL;
    }
    struct script_response *shown = req->shown;
    shown->finish = finish_of(a, shown->said);
    shown->target = text_of(
        arena_printf(&req->arena, "%.*s/%.*s", TEXT_ARG(a->target->provider->name), TEXT_ARG(a->target->model)));
    shown->usage = &req->usage;
    shown->first_token_ms = req->first_token_ns >= 0 ? req->first_token_ns / CLOCK_MS : -1;
    shown->total_ms = (clock_ns() - req->started_ns) / CLOCK_MS;
    req->policy->attempt = req->attempts_made;
    captured_answer(req, shown);
    return decided(req, script_on_response(req->scripts, req->policy, req->shown));
}

/* Row "policy.response". Comes again while a hook waits. */
enum next policy_response(struct request *req)
{
    const struct attempt *a = req->attempt;
    if (req->policy != NULL)
        req->policy->head_sent = req->reply != REPLY_NONE;
    if (req->policy != NULL && req->policy->waits)
        return decided(req, script_resume(req->scripts, req->policy));
    if (retry_is_back(req))
        return decided(req, script_on_response(req->scripts, req->policy, req->shown));
    if (!a->streams && job_result(req) == FAIL)
        return FAIL;
    return policy_holds(req) ? show_answer(req) : NEXT;
}
