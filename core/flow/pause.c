/* pause.c - the same target is tried once more, after a moment. */
#include "base/clock.h"
#include "flow/way.h"

enum { PAUSE_LEAST_MS = 200, PAUSE_MOST_MS = 500 };

static void on_time(struct loop_timer *timer)
{
    struct request *req = (struct request *)(void *)((char *)timer - offsetof(struct request, pause));
    wait_end(req, req->pause_wait);
}

static bool call_off(struct request *req)
{
    loop_timer_clear(&req->worker->loop, &req->pause);
    return true;
}

static const struct wait_kind for_moment = { .name = "moment", .cancel = call_off };

/* Row "attempt.pause". */
enum next attempt_pause(struct request *req)
{
    if (req->again != AGAIN_NEXT)
        return NEXT;
    int64_t ms = PAUSE_LEAST_MS + (int64_t)(chance_next(&req->worker->chance) * (PAUSE_MOST_MS - PAUSE_LEAST_MS));
    req->pause_wait = wait_begin(req, &for_moment);
    req->pause.on_time = on_time;
    loop_timer_set(&req->worker->loop, &req->pause, clock_ns() + ms * CLOCK_MS);
    return WAIT;
}
