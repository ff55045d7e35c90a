/* health.h - what the front answers itself: is it alive, is it ready, how is it doing. */
#ifndef HTTP_HEALTH_H
#define HTTP_HEALTH_H

struct client;

/* "/": a word of greeting. */
void health_hello(struct client *c);
/* Alive: this thread answers. */
void health_live(struct client *c);
/* Ready for new requests: 503 while draining. */
void health_ready(struct client *c);
/* Counters in Prometheus' text format; for clients on this machine only. */
void health_metrics(struct client *c);
/* OPTIONS: what the path allows. */
void health_options(struct client *c);

#endif
