/* invariant.c - what is true of a request whenever a row of its way begins; looked at in builds for tests. */
#include "flow/way.h"

#ifdef GW_TEST_BUILD

static void check_attempt(const struct attempt *a)
{
    BUG_IF(a->done && a->transfer != NULL);             /* nothing more comes, so nothing runs */
    BUG_IF(a->unread && (!a->done || a->streamed));     /* only a whole answer, and all of it, is read late */
    BUG_IF(a->has_error && a->outcome == NULL);         /* who fails has a name for it in log and metrics */
    BUG_IF(a->framing_open && !a->streamed);
    BUG_IF(a->call.magic == CALL_MAGIC && a->call.scratch != &a->req->worker->scratch); /* no job thread's is left in it */
}

/* One that has failed holds nothing but words. */
static void check_previous(const struct attempt *a)
{
    BUG_IF(!a->done || a->transfer != NULL || a->http_open || a->framing_open || a->timer.slot != 0);
    BUG_IF(!a->counted || a->outcome == NULL);
    BUG_IF(a->whole.ptr != NULL || a->out.ptr != NULL);
}

void way_check(const struct request *req)
{
    BUG_IF(!req->running || req->finished || req->wait.kind != NULL || job_is_out(req));
    BUG_IF(req->gone && (!req->failed || req->client != NULL));
    BUG_IF(req->failed && req->failed_row == NULL);
    BUG_IF(req->relaying && (!req->begun || !req->ask.stream));
    BUG_IF((req->paused || req->pending.len > 0) && !req->begun);
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
