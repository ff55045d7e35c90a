/* answer_ping.c - what keeps a stream alive while it is silent. */
#include "base/clock.h"
#include "flow/policy.h"
#include "flow/sink.h"
#include "flow/way.h"

#define AGAIN_NS (5 * CLOCK_MS)

static void on_ping(struct loop_timer *timer)
{
    struct request *req = (struct request *)(void *)((char *)timer - offsetof(struct request, ping));
    int64_t due = req->last_write_ns + req->config->limits.ping_ns;
    int64_t now = clock_ns();
    if (job_is_out(req)) { /* the answer is the job's: a moment later, then */
        due = now + AGAIN_NS;
    } else if (now >= due && !req->paused) {
        answer_begin_stream(req, !policy_holds(req));
        sink_keep_alive(req, req->face->dialect->ping);
        req->last_write_ns = now;
        due = now + req->config->limits.ping_ns;
    } else if (now >= due) {
        due = now + req->config->limits.ping_ns;
    }
    loop_timer_set(&req->worker->loop, timer, due);
}

void answer_ping_start(struct request *req)
{
    if (req->config->limits.ping_ns <= 0 || req->ping.slot != 0)
        return;
    req->ping.on_time = on_ping;
    req->last_write_ns = clock_ns();
    loop_timer_set(&req->worker->loop, &req->ping, req->last_write_ns + req->config->limits.ping_ns);
}

void answer_ping_stop(struct request *req)
{
    loop_timer_clear(&req->worker->loop, &req->ping);
}
