/* join_lead.c - who leads a flight: what others get of its attempts. */
#include "flow/join.h"
#include "flow/way.h"

static struct flight *flight_of(const struct request *req)
{
    return req->flight.flight;
}

static void end(struct request *req, enum flights_end how)
{
    if (flight_of(req) != NULL)
        flights_end(&req->flight, how, &req->fail);
}

void join_again(struct request *req)
{
    if (flight_of(req) == NULL)
        return;
    if (flights_is_open(flight_of(req))) /* a policy drops the answer; the others have it */
        end(req, FLIGHTS_COMPLETE);
    else
        flights_restart(flight_of(req));
}

void join_abandon(struct request *req)
{
    end(req, FLIGHTS_ABANDONED);
}

void join_write(struct attempt *a, struct text bytes)
{
    if (flight_of(a->req) != NULL && a->status == 200)
        flights_write(flight_of(a->req), bytes);
}

void join_done(struct attempt *a, bool good)
{
    if (flight_of(a->req) != NULL)
        flights_done(flight_of(a->req), good);
}

void join_open(struct attempt *a)
{
    struct request *req = a->req;
    if (flight_of(req) == NULL)
        return;
    if (a->status != 200 || a->mode == MODE_LOCAL ||
        join_form(a) != flights_form(flight_of(req))) { /* another target's: not what was promised */
        join_abandon(req);
        return;
    }
    const struct flights_head head = { a->target->provider->name, a->target->model, a->content_type };
    flights_open(flight_of(req), &head);
}

/* Is the failure one that each of the others would have got? */
static bool is_shared(const struct attempt *a)
{
    switch (a->outcome) {
    case OUTCOME_STATUS:
    case OUTCOME_ERROR:
    case OUTCOME_TRANSFER:
    case OUTCOME_JUNK:
    case OUTCOME_PROTOCOL:
    case OUTCOME_ENCODED:
    case OUTCOME_INCOMPLETE:
    case OUTCOME_LOSSY:
        return true;
    default:
        return false;
    }
}

void join_fail(struct attempt *a)
{
    end(a->req, is_shared(a) ? FLIGHTS_FAILED : FLIGHTS_ABANDONED);
}

void join_settle(struct request *req)
{
    const struct attempt *a = req->attempt;
    if (flight_of(req) == NULL)
        return;
    if (req->gone && join_is_whole(req) && attempt_has_spoken(a) && !attempt_has_failed(a))
        join_open(req->attempt);
    end(req, FLIGHTS_COMPLETE);
}

bool join_is_heard(const struct request *req)
{
    return flight_of(req) != NULL && flights_is_heard(flight_of(req));
}

bool join_is_whole(const struct request *req)
{
    return flight_of(req) != NULL && flights_is_good(flight_of(req));
}
