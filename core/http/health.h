/* health.h - what the front answers itself: is it alive, is it ready, how is it doing. */
#ifndef HTTP_HEALTH_H
#define HTTP_HEALTH_H

struct watch;

/* "/": a word of greeting. */
void health_hello(struct watch *x);
/* Alive: this thread answers. */
void health_live(struct watch *x);
/* Ready for new requests: 503 while draining. */
void health_ready(struct watch *x);
/* Counters in Prometheus' text format; for clients on this machine only. */
void health_metrics(struct watch *x);
/* OPTIONS: what the path allows. */
void health_options(struct watch *x);

#endif
