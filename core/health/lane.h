/* lane.h - is a secret at its provider's limit? After a 429 it cools, for as long as the provider asks for, then one request tries it.
 *
 * With a Retry-After: 1 to 60 s as asked, and up to a tenth more; each further 429 of a lane that has not answered well meanwhile
 * doubles that, up to 600 s. Without one: 1, 2, 4 ... 30 s, +-25 %. A 429 says nothing of the target's health. Any thread. */
#ifndef HEALTH_LANE_H
#define HEALTH_LANE_H

#include <pthread.h>
#include <stdint.h>

#define LANE_ASKED_LEAST_NS INT64_C(1000000000)
#define LANE_ASKED_MOST_NS INT64_C(60000000000)
#define LANE_MOST_NS INT64_C(600000000000)
#define LANE_UNASKED_MOST_NS INT64_C(30000000000)
#define LANE_PROBE_NS INT64_C(10000000000) /* how long others wait for the one that tries it */

struct lane {
    pthread_mutex_t lock;
    uint64_t random;
    int64_t until_ns; /* it cools */
    unsigned strikes; /* 429s since it last answered well */
    int64_t begun_ns; /* the limit was met, or the one that tries it began: what began before says nothing new */
};

void lane_init(struct lane *lane, uint64_t seed);
void lane_fini(struct lane *lane);
/* Nanoseconds until it may be used; 0: now. */
int64_t lane_left_ns(struct lane *lane, int64_t now_ns);
/* A request goes out on it. After a cooling the first one tries it, and the others wait for what comes of that, up to LANE_PROBE_NS. */
void lane_begin(struct lane *lane, int64_t now_ns);
/* It answered 429. `retry_after_ns` as the provider asks; -1: it does not. `begun_ns` of the attempt: those that were on the way when
 * another one met the limit change nothing. */
void lane_cool(struct lane *lane, int64_t retry_after_ns, int64_t begun_ns, int64_t now_ns);
/* It answered well. */
void lane_good(struct lane *lane, int64_t begun_ns);
/* What came was neither: where it was the one that tries, the next one tries. */
void lane_neither(struct lane *lane, int64_t begun_ns, int64_t now_ns);

#endif
