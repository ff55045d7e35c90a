/* way.c - the way of a request: the one table that says what happens in which order. */
#include "flow/way.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"

/* A step returns NEXT, WAIT (resume at the following row), DONE, or FAIL with req->fail filled in. A thing that
 * waits is two rows, so where a request is = which row it is at. */
static const struct step way[] = {
    { "admit", admit_run },           /* shed before anything is parsed */
    { "auth", auth_run },             /* whose request is it */
    { "body", decode_wait_body },     /* waits until it is complete */
    { "decode", decode_run },         /* face: the client's dialect -> canonical view */
    { "route", route_run },           /* the eligible targets, in order */
    { "attempt.choose", attempt_choose }, /* the next target */
    { "attempt.send", attempt_send },     /* waits for the first event or the whole answer */
    { "attempt.judge", attempt_judge },   /* may go back to "attempt.choose": the only arrow back */
    { "answer.relay", answer_relay },     /* waits for the end of a stream */
    { "settle", settle_run },         /* counters and log: before the client sees the end */
    { "finish", answer_finish },      /* the last byte */
};

#define ROWS (sizeof way / sizeof *way)

static unsigned row_of(enum next (*run)(struct request *req))
{
    for (unsigned i = 0; i < ROWS; i++)
        if (way[i].run == run)
            return i;
    BUG_IF(true);
    return 0;
}

const char *way_row_name(const struct request *req)
{
    return req->row < ROWS ? way[req->row].name : "ended";
}

enum next way_choose_again(struct request *req)
{
    req->row = row_of(attempt_choose) - 1; /* NEXT adds one */
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

static void run_rows(struct request *req)
{
    unsigned settle = row_of(settle_run);
    while (req->row < ROWS) {
        if (req->gone && req->row < settle) /* nobody to answer: only the books are left */
            req->row = settle;
        way_debug(req, "%s", way[req->row].name);
        enum next next = way[req->row].run(req);
        if (req->arena.full && next != FAIL && req->row < settle) {
            error_set(&req->fail, E_OVERLOAD, "the request needs more memory than limits.memory_mb allows");
            next = FAIL;
        }
        switch (next) {
        case NEXT:
            req->row++;
            break;
        case WAIT:
            req->row++;
            req->waiting = true;
            req->wait_from_ns = clock_ns();
            return;
        case FAIL:
            req->failed = true;
            req->failed_row = way[req->row].name;
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
    BUG_IF(req->running);
    req->running = true;
    run_rows(req);
    while (req->again && req->waiting) { /* what it waits for came while the step was still running */
        req->again = false;
        req->waiting = false;
        run_rows(req);
    }
    req->again = false;
    req->running = false;
}

void way_resume(struct request *req)
{
    CHECK(req, REQUEST);
    if (req->running) {
        req->again = true;
        return;
    }
    if (!req->waiting)
        return;
    req->waiting = false;
    req->waited_ns += clock_ns() - req->wait_from_ns;
    way_run(req);
}
