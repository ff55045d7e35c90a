/* way.c - the way of a request: the one table that names what happens in which order. */
#include "flow/way.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "flow/retry.h"
#include "flow/throttle.h"

/* A step returns NEXT, WAIT (goes on at the following row), DONE, or FAIL with req->fail filled in. A thing that
 * waits is two rows, so where a request is = which row it is at. */
static const struct step rows[] = {
    { "admit", admit_run },         /* what the front refused, and more requests in flight than may be */
    { "auth", auth_run },           /* whose request is it */
    { "shed", shed_run },           /* is there anything left for it? Before its body is read */
    { "body", decode_wait_body },   /* waits until it is complete */
    { "parse", decode_parse },      /* face: the client's dialect -> canonical view; a job where it is large */
    { "decode", decode_run },       /* what came of that, or why it is refused */
    { "limits.ask", throttle_ask }, /* where limits are counted on a server: its share of them. Waits for that */
    { "limits", throttle_run },     /* requests and tokens per minute, requests in flight */
    { "policy.request",
      policy_request },                 /* what the operator's rules make of it: another model, an answer, a refusal */
    { "route", route_run },             /* the eligible targets, in order */
    { "fit.count", fit_count },         /* how long is the prompt at least? A job where it is large */
    { "fit", fit_run },                 /* without those whose context is too small for it */
    { "policy.route", policy_route },   /* and of the targets that are left */
    { "attempt.pause", attempt_pause }, /* before the same target is tried once more */
    { "attempt.choose", attempt_choose }, /* the next target; waits in the model's queue where all are full */
    { "attempt.begin", attempt_begin },   /* with a slot of it, where it has a limit */
    { "cache.ask", cached_ask },          /* what does a cache have that answers later? Waits for that */
    { "cache.find", cached_find },        /* has it answered this before? */
    { "cache.join", join_result },        /* an equal request that is in flight: what came of waiting for it */
    { "attempt.build", attempt_build },   /* the request to it; a job where it is large and translated */
    { "attempt.hold", attempt_hold },     /* its budgets have room for it; waits for others in flight */
    { "attempt.slot", attempt_slot },     /* its slot again, where it waited for its budgets without one */
    { "attempt.send", attempt_send },     /* waits for the first event or the whole answer */
    { "attempt.read", attempt_read },     /* a whole answer; a job where it is large */
    { "attempt.judge", attempt_judge },   /* may go back to "policy.route" */
    { "answer.fold", answer_fold },       /* makes a whole answer ready; a job where it is large */
    { "policy.response",
      policy_response }, /* what they make of it, before the client has any; may go back to "route" */
    { "answer.restore", sink_restore_whole }, /* masked texts come back in a whole answer; a job where it is large */
    { "answer.relay", answer_relay },         /* begins the answer; waits for the end of a stream */
    { "settle", settle_run },                 /* counters and log: before the client sees the end */
    { "finish", answer_finish },              /* the last byte */
};

const struct way way_main = { rows, sizeof rows / sizeof *rows };

static unsigned row_of(const struct way *way, enum next (*run)(struct request *req))
{
    for (unsigned i = 0; i < way->count; i++)
        if (way->rows[i].run == run)
            return i;
    BUG_IF(true);
    return 0;
}

const char *way_row_name(const struct request *req)
{
    return req->row < req->way->count ? req->way->rows[req->row].name : "ended";
}

enum next way_choose_again(struct request *req)
{
    req->row = row_of(req->way, policy_route) - 1; /* NEXT adds one */
    return NEXT;
}

void way_debug_line(const struct request *req, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_line(LOG_DEBUG, "request %s: %s", req->id, text);
}

enum next way_ask_again(struct request *req)
{
    req->row = row_of(req->way, route_run) - 1;
    return NEXT;
}

/* What comes after a row that returned `next`. A request whose arena is full goes no further; while it waits nobody looks: the
 * arena may be a job's. */
static enum next judge(struct request *req, enum next next, unsigned settle)
{
    BUG_IF(next != WAIT && req->wait.kind != NULL);
    if (next == WAIT || next == FAIL || !req->arena.full || req->row >= settle)
        return next;
    error_set(&req->fail, E_OVERLOAD, "the request needs more memory than limits.memory_mb allows");
    return FAIL;
}

/* Until the way waits or ends. */
static void run_rows(struct request *req)
{
    const struct way *way = req->way;
    unsigned settle = row_of(way, settle_run);
    while (req->row < way->count) {
        if (req->gone && req->row < settle) /* nobody to answer: only the books are left */
            req->row = settle;
        uint32_t wait = req->wait.id;
        invariant_check(req);
        way_debug(req, "%s", way->rows[req->row].name);
        enum next next = way->rows[req->row].run(req);
        BUG_IF(next == WAIT && req->wait.id == wait);
        switch (judge(req, next, settle)) {
        case NEXT:
            req->row++;
            break;
        case WAIT:
            req->row++;
            if (wait_holds(req)) /* else it came while the step was still running */
                return;
            break;
        case FAIL:
            if (retry_undo(req)) {
                req->row = row_of(way, policy_response);
                break;
            }
            req->failed_row = way->rows[req->row].name;
            way_debug(req, "%s failed: %s", req->failed_row, req->fail.text);
            req->row = settle;
            break;
        case DONE:
            req->row = settle;
            break;
        }
    }
}

void way_run(struct request *req)
{
    CHECK(req, REQUEST);
    BUG_IF(req->running || req->wait.kind != NULL);
    req->running = true;
    run_rows(req);
    req->running = false;
}
