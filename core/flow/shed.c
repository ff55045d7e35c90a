/* shed.c - refuses a request before its body is read, where nothing would be left for it. What is known by then: whose it is, how much memory
 * the bodies of the others hold, and what becomes of those that wait for a target. */
#include "base/clock.h"
#include "flow/metrics.h"
#include "flow/way.h"
#include "health/queue.h"

static enum next refuse(struct request *req, const char *reason, const char *what)
{
    metrics_count_shed(req->worker->gateway->metrics, req->worker->index, reason);
    error_set(&req->fail, E_OVERLOAD, "%s: come again in a moment; if this lasts, the gateway's operator must act",
              what);
    req->fail.retry_after_s = 1 + (chance_next(&req->worker->chance) < .5);
    return FAIL;
}

/* Half of the memory for bodies is there for low priority; body.c looks at all of it. */
static bool is_short_of_memory(const struct request *req)
{
    size_t most = body_most(req);
    return most > 0 && atomic_load_explicit(&req->worker->gateway->bodies_held, memory_order_relaxed) >= most / 2;
}

/* Row "shed". A list has no body, and the request of a policy belongs to one that was let in. */
enum next shed_run(struct request *req)
{
    if (req->body_state == BODY_NONE || req->parent_id[0] != '\0')
        return NEXT;
    enum config_priority priority = config_priority_of(req->team, req->key);
    struct gate *gate = req->config->limits_all_targets ? health_gate(req->worker->gateway->health) : NULL;
    if (priority == PRIORITY_CRITICAL)
        return NEXT;
    if (priority == PRIORITY_LOW && is_short_of_memory(req))
        return refuse(
            req, "memory",
            "the requests under way hold half of the memory that they may (limits.bodies_mb), and this key has low priority");
    if (gate != NULL && queue_is_hopeless(gate, clock_ns()))
        return refuse(
            req, "hopeless",
            "all upstreams have as many requests as they may (max_in_flight), and of those that wait nearly all are refused");
    return NEXT;
}
