/* degraded.c - is a target far slower than it was? */
#include "health/degraded.h"

#include <stdlib.h>
#include <string.h>

void degraded_init(struct degraded *d)
{
    *d = (struct degraded){ .count = 0 };
    pthread_mutex_init(&d->lock, NULL);
}

void degraded_fini(struct degraded *d)
{
    pthread_mutex_destroy(&d->lock);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const struct degraded *d)
{
    double sorted[DEGRADED_RECENT];
    memcpy(sorted, d->recent, sizeof sorted);
    qsort(sorted, DEGRADED_RECENT, sizeof *sorted, ascending);
    return (sorted[DEGRADED_RECENT / 2 - 1] + sorted[DEGRADED_RECENT / 2]) / 2;
}

/* A sample counts as at most so many times the mean: what is about to be found must not raise its own measure. */
static void learn(struct degraded *d, double sample)
{
    double most = DEGRADED_TIMES * d->mean;
    if (d->count > DEGRADED_RECENT && sample > most)
        sample = most;
    d->mean += (sample - d->mean) / (double)(d->count < DEGRADED_MEAN ? d->count : DEGRADED_MEAN);
}

/* Under the lock. */
static void forget(struct degraded *d, int64_t now_ns)
{
    d->degraded = d->degraded && now_ns - d->heard_ns < DEGRADED_FORGET_NS;
}

bool degraded_add(struct degraded *d, int64_t waited_ns, double scale, int64_t now_ns)
{
    double sample = (double)waited_ns / 1e9 / scale;
    pthread_mutex_lock(&d->lock);
    forget(d, now_ns);
    bool was = d->degraded;
    d->heard_ns = now_ns;
    d->recent[d->count++ % DEGRADED_RECENT] = sample;
    if (!was)
        learn(d, sample);
    if (was)
        d->degraded = median(d) >= DEGRADED_ENDS * d->mean;
    else if (d->count > DEGRADED_LEAST) {
        double now = median(d);
        d->degraded = now > DEGRADED_TIMES * d->mean && now > DEGRADED_FLOOR_S;
    }
    bool begins = d->degraded && !was;
    if (begins)
        d->let_ns = now_ns;
    pthread_mutex_unlock(&d->lock);
    return begins;
}

bool degraded_is(struct degraded *d, int64_t now_ns)
{
    pthread_mutex_lock(&d->lock);
    forget(d, now_ns);
    bool is = d->degraded;
    pthread_mutex_unlock(&d->lock);
    return is;
}

bool degraded_avoids(struct degraded *d, int64_t now_ns, double random)
{
    pthread_mutex_lock(&d->lock);
    forget(d, now_ns);
    bool avoids = d->degraded && random >= DEGRADED_SHARE && now_ns - d->let_ns < DEGRADED_EACH_NS;
    if (d->degraded && !avoids)
        d->let_ns = now_ns;
    pthread_mutex_unlock(&d->lock);
    return avoids;
}
