/* health.c - the small answers. They are not in the access log: probes come every few seconds. */
#include "http/health.h"

#include <stdlib.h>

#include "flow/access.h"
#include "flow/metrics.h"
#include "http/reply.h"
#include "http/routes.h"

#define PLAIN "text/plain; charset=utf-8"

enum { METRICS_MOST = 64 << 20 };

static void say(struct watch *x, int status, const char *type, struct text body)
{
    reply_own(x, status, type, NULL, body, NULL, NULL);
}

void health_hello(struct watch *x) { say(x, 200, PLAIN, TEXT("llm-gateway\n")); }

void health_live(struct watch *x) { say(x, 200, PLAIN, TEXT("ok\n")); }

void health_ready(struct watch *x)
{
    if (atomic_load(&x->front->worker->gateway->draining))
        say(x, 503, PLAIN, TEXT("draining\n"));
    else
        say(x, 200, PLAIN, TEXT("ok\n"));
}

void health_metrics(struct watch *x)
{
    struct gateway *g = x->front->worker->gateway;
    struct buf out;
    struct text body;
    char *text;

    if (!x->loopback) {
        say(x, 404, PLAIN, TEXT("not found\n"));
        return;
    }
    buf_init(&out, METRICS_MOST);
    metrics_write(g->metrics,
                  &(struct metrics_gauges){
                      .in_flight = atomic_load(&g->in_flight),
                      .connections = atomic_load(&g->connections),
                      .log_dropped = access_dropped(g->access),
                      .started_unix_ms = g->started_unix_ms,
                      .version = GW_VERSION,
                  },
                  &out);
    text = buf_take(&out, &body.len);
    body.ptr = text;
    reply_own(x, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, body, free, text);
}

void health_options(struct watch *x) { reply_own(x, 204, NULL, x->route->allow, TEXT_NONE, NULL, NULL); }
