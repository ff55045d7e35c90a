/* lane.c - a secret that met its provider's limit cools. */
#include "health/lane.h"

#include <stdbool.h>

#include "health/chance.h"

void lane_init(struct lane *lane, uint64_t seed)
{
    *lane = (struct lane){ .random = seed | 1 };
    pthread_mutex_init(&lane->lock, NULL);
}

void lane_fini(struct lane *lane)
{
    pthread_mutex_destroy(&lane->lock);
}

int64_t lane_left_ns(struct lane *lane, int64_t now_ns)
{
    pthread_mutex_lock(&lane->lock);
    int64_t left = lane->until_ns > now_ns ? lane->until_ns - now_ns : 0;
    pthread_mutex_unlock(&lane->lock);
    return left;
}

void lane_begin(struct lane *lane, int64_t now_ns)
{
    pthread_mutex_lock(&lane->lock);
    if (lane->strikes > 0 && lane->until_ns <= now_ns) {
        lane->begun_ns = now_ns;
        lane->until_ns = now_ns + LANE_PROBE_NS;
    }
    pthread_mutex_unlock(&lane->lock);
}

static int64_t clamped(int64_t ns, int64_t least, int64_t most)
{
    return ns < least ? least : ns > most ? most : ns;
}

/* `ns`, doubled for each strike after the first. */
static int64_t doubled(int64_t ns, unsigned strikes, int64_t most)
{
    for (unsigned i = 1; i < strikes && ns < most; i++)
        ns *= 2;
    return ns < most ? ns : most;
}

void lane_cool(struct lane *lane, int64_t retry_after_ns, int64_t begun_ns, int64_t now_ns)
{
    pthread_mutex_lock(&lane->lock);
    bool known = lane->strikes > 0 && begun_ns < lane->begun_ns; /* it began before the limit was met */
    if (!known) {
        lane->strikes++;
        lane->begun_ns = now_ns;
    }
    int64_t length;
    if (retry_after_ns >= 0) {
        length = doubled(clamped(retry_after_ns, LANE_ASKED_LEAST_NS, LANE_ASKED_MOST_NS), lane->strikes, LANE_MOST_NS);
        length += (int64_t)((double)length * .1 * chance_next(&lane->random));
    } else {
        length = chance_around(&lane->random, doubled(LANE_ASKED_LEAST_NS, lane->strikes, LANE_UNASKED_MOST_NS), .25);
    }
    if (!known || now_ns + length > lane->until_ns)
        lane->until_ns = now_ns + length;
    pthread_mutex_unlock(&lane->lock);
}

void lane_good(struct lane *lane, int64_t begun_ns)
{
    pthread_mutex_lock(&lane->lock);
    if (lane->strikes > 0 && begun_ns >= lane->begun_ns) {
        lane->strikes = 0;
        lane->until_ns = 0;
    }
    pthread_mutex_unlock(&lane->lock);
}

void lane_neither(struct lane *lane, int64_t begun_ns, int64_t now_ns)
{
    pthread_mutex_lock(&lane->lock);
    if (lane->strikes > 0 && begun_ns == lane->begun_ns)
        lane->until_ns = now_ns;
    pthread_mutex_unlock(&lane->lock);
}
