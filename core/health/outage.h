/* outage.h - every target of a model is ejected: how many requests are sent all the same?
 *
 * All would be a storm on who tries to stand up again; none would leave a model down for as long as its ejections last. R counts the
 * requests and A the good answers of the outage, both decayed with 10 s; a request is not sent with the probability
 * (R - 2A) / (R + 1), but at least one is sent each second. Any thread. */
#ifndef HEALTH_OUTAGE_H
#define HEALTH_OUTAGE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define OUTAGE_DECAY_NS INT64_C(10000000000)
#define OUTAGE_LEAST_NS INT64_C(1000000000) /* one is sent at least so often */

struct outage {
    pthread_mutex_t lock;
    uint64_t random;
    double requests, good;
    int64_t at_ns;   /* of the two counts; 0: there was none */
    int64_t sent_ns; /* the last one that was sent */
};

void outage_init(struct outage *o, uint64_t seed);
void outage_fini(struct outage *o);
/* A request comes while nothing of its model is usable. Is it sent? */
bool outage_sends(struct outage *o, int64_t now_ns);
/* One that was sent was answered well. */
void outage_good(struct outage *o, int64_t now_ns);
/* When a client whose request was not sent shall come again: 2.5 to 7.5 s, in milliseconds. */
int outage_retry_ms(struct outage *o);

#endif
