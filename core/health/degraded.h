/* degraded.h - does a target answer far more slowly than it did? Its first tokens are compared with what is usual there: the median of
 * the last 8 with a mean of about 100, each divided by what must be read for it (latency_ref()).
 *
 *   usual -> (more than 4 times the mean, and more than 1.5 s) -> degraded -> (less than twice the mean) -> usual
 *
 * While it is degraded the mean stays as it is, and 2 of 100 requests regard the target as usable, so that its return is seen; at least
 * one each minute. Ten minutes without a first token end it, for nothing is known then. Locks by itself; any thread. */
#ifndef HEALTH_DEGRADED_H
#define HEALTH_DEGRADED_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define DEGRADED_RECENT 8u
#define DEGRADED_MEAN 100u /* samples that the mean is about */
#define DEGRADED_LEAST 50u /* samples without which nothing is usual */
#define DEGRADED_TIMES 4.0 /* slower than the mean */
#define DEGRADED_FLOOR_S 1.5
#define DEGRADED_ENDS 2.0 /* times the mean */
#define DEGRADED_SHARE .02
#define DEGRADED_EACH_NS INT64_C(60000000000)
#define DEGRADED_FORGET_NS INT64_C(600000000000)

struct degraded {
    pthread_mutex_t lock;
    double recent[DEGRADED_RECENT]; /* seconds, normalised; the newest at (count - 1) % DEGRADED_RECENT */
    uint64_t count;                 /* of samples so far */
    double mean;
    bool degraded;
    int64_t heard_ns, let_ns; /* the last sample; the last request that was let through for the minute's sake */
};

void degraded_init(struct degraded *d);
void degraded_fini(struct degraded *d);
/* A stream had its first token after `waited_ns`, or was left after so long without one; `scale`: latency_ref() of its input. True: it is
 * degraded with this. */
bool degraded_add(struct degraded *d, int64_t waited_ns, double scale, int64_t now_ns);
bool degraded_is(struct degraded *d, int64_t now_ns);
/* Is a request to go elsewhere, where it can? `random`: 0 <= x < 1, of the request. */
bool degraded_avoids(struct degraded *d, int64_t now_ns, double random);

#endif
