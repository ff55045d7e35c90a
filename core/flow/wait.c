/* wait.c - one pending thing for each request, known by its identity. */
#include "flow/wait.h"

#include "base/clock.h"
#include "flow/way.h"

uint32_t wait_begin(struct request *req, const struct wait_kind *kind)
{
    CHECK(req, REQUEST);
    BUG_IF(req->wait.kind != NULL || req->finished);
    req->wait.kind = kind;
    req->wait.from_ns = clock_ns();
    if (++req->wait.id == 0)
        req->wait.id = 1;
    return req->wait.id;
}

/* It is over: the way goes on, unless it has not yet stopped. */
static void go_on(struct request *req)
{
    if (!req->running && !req->wait.kind->is_ours)
        req->waited_ns += clock_ns() - req->wait.from_ns;
    req->wait.kind = NULL;
    if (!req->running)
        way_run(req);
}

void wait_end(struct request *req, uint32_t id)
{
    CHECK(req, REQUEST);
    if (req->wait.kind != NULL && req->wait.id == id)
        go_on(req);
}

static bool call_off(struct request *req)
{
    bool (*cancel)(struct request *) = req->wait.kind->cancel;
    return cancel == NULL || cancel(req);
}

void wait_cancel(struct request *req)
{
    CHECK(req, REQUEST);
    BUG_IF(!req->gone);
    if (!req->running && req->wait.kind != NULL && call_off(req))
        go_on(req);
}

bool wait_holds(struct request *req)
{
    if (req->wait.kind != NULL && req->gone && call_off(req))
        req->wait.kind = NULL;
    return req->wait.kind != NULL;
}
