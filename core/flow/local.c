/* local.c - providers that answer by themselves: asked for the next part of the answer until it is complete. */
#include "base/clock.h"
#include "flow/stream.h"
#include "flow/way.h"
#include "plugin/watch.h"

static void on_produce(struct loop_timer *timer)
{
    struct attempt *a = (struct attempt *)(void *)((char *)timer - offsetof(struct attempt, timer));
    struct request *req = a->req;
    const struct config_provider *p = a->target->provider;
    int64_t from = clock_ns();
    bool relaying = req->reply >= REPLY_RELAYING;
    for (unsigned i = 0; i < 64 && !attempt_is_over(a) && !req->paused; i++) {
        uint32_t wait_ms = 0;
        struct watch_seat *seat = watch_begin(p->plugin->name, "produce()");
        call_step_begin(&a->call);
        gw_status status =
            call_status(&a->call, p->plugin->provider.produce(p->instance, &a->call, &a->ask, provider_emit, &wait_ms));
        watch_end(seat);
        if (call_is_full(&a->call))
            status = GW_E_NOMEM;
        call_step_end(&a->call);
        if (status < 0 && !attempt_has_failed(a))
            defect_status(a, "produce()", status);
        bool more = stream_after_step(a);
        if (attempt_is_over(a))
            break; /* the answer could not begin: all of it is over */
        if (!more || status == GW_MISS || status < 0) {
            attempt_complete(a);
            break;
        }
        if (wait_ms > 0) {
            loop_timer_set(&req->worker->loop, timer, clock_ns() + wait_ms * CLOCK_MS);
            break;
        }
        if (i == 63)
            loop_timer_set(&req->worker->loop, timer, clock_ns());
    }
    if (relaying && req->reply >= REPLY_RELAYING)
        req->relay_ns += clock_ns() - from;
}

void local_start(struct attempt *a)
{
    a->timer.on_time = on_produce;
    a->status = 200;
    loop_timer_set(&a->req->worker->loop, &a->timer, clock_ns());
}
