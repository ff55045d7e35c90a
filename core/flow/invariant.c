/* invariant.c - what is true of a request whenever a row of its way begins; looked at in builds for tests. */
#include "flow/way.h"

#ifdef GW_TEST_BUILD

static void check_attempt(const struct attempt *a)
{
    BUG_IF(attempt_is_over(a) && a->transfer != NULL); /* nothing more comes, so nothing runs */
    BUG_IF(a->state == ATTEMPT_ENDED && !attempt_is_over(a));
    BUG_IF((a->state == ATTEMPT_SPEAKING) && !attempt_has_spoken(a));
    BUG_IF(attempt_has_failed(a) && a->outcome == OUTCOME_NONE); /* who fails has a name for it in log and metrics */
    BUG_IF(a->framing.held.ptr != NULL && a->form != FORM_FRAMES);
    BUG_IF(a->call.magic == CALL_MAGIC &&
           a->call.scratch != &a->req->worker->scratch); /* no job thread's is left in it */
}

/* One that has failed, or whose answer was dropped, holds nothing but words. */
static void check_previous(const struct attempt *a)
{
    BUG_IF(!attempt_is_over(a) || a->transfer != NULL || a->http.call != NULL || a->framing.held.ptr != NULL ||
           a->timer.slot != 0);
    BUG_IF(!attempt_has_failed(a) && a->outcome != OUTCOME_DROPPED);
    BUG_IF(a->ending == ATTEMPT_OPEN || a->outcome == OUTCOME_NONE);
    BUG_IF(a->whole.ptr != NULL || a->out.ptr != NULL);
}

void invariant_check(const struct request *req)
{
    BUG_IF(!req->running || req->finished || req->wait.kind != NULL);
    BUG_IF(req->gone && (req->failed_row == NULL || req->client != NULL));
    BUG_IF(req->attempt != NULL && req->reply >= REPLY_RELAYING && !req->attempt->streams);
    BUG_IF(req->attempt == NULL && req->reply >= REPLY_RELAYING &&
           !req->ask.stream); /* an answer of the gateway's own */
    BUG_IF(req->kept != NULL && req->reply >= REPLY_RELAYING);
    BUG_IF((req->paused || req->pending.len > 0) && req->reply < REPLY_BEGUN);
    BUG_IF(req->slot.of != NULL && req->in_flight == 0); /* a slot is given back before the request is settled */
    BUG_IF(req->slot.of != NULL && !req->slot.granted && (req->attempt == NULL || attempt_is_over(req->attempt)));
    BUG_IF(req->target_next > req->target_count || (req->attempts_made > 0) != (req->attempt != NULL));
    if (req->attempt == NULL)
        return;
    check_attempt(req->attempt);
    for (const struct attempt *a = req->attempt->previous; a != NULL; a = a->previous)
        check_previous(a);
}

#else
typedef int invariants_are_for_builds_for_tests;
#endif
