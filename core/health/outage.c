/* outage.c - the share of the requests that is sent while nothing of a model is usable. */
#include "health/outage.h"

#include <math.h>

#include "health/chance.h"

void outage_init(struct outage *o, uint64_t seed)
{
    *o = (struct outage){ .random = seed | 1 };
    pthread_mutex_init(&o->lock, NULL);
}

void outage_fini(struct outage *o)
{
    pthread_mutex_destroy(&o->lock);
}

/* Brings the counts to now. After 10 s without a request another outage begins. */
static void decay(struct outage *o, int64_t now_ns)
{
    int64_t passed = now_ns - o->at_ns;
    double keep = o->at_ns == 0 || passed > OUTAGE_DECAY_NS ? 0 : exp(-(double)passed / (double)OUTAGE_DECAY_NS);
    o->requests *= keep;
    o->good *= keep;
    o->at_ns = now_ns;
}

bool outage_sends(struct outage *o, int64_t now_ns)
{
    pthread_mutex_lock(&o->lock);
    decay(o, now_ns);
    double withheld = (o->requests - 2 * o->good) / (o->requests + 1);
    bool sends = chance_next(&o->random) >= withheld || now_ns - o->sent_ns >= OUTAGE_LEAST_NS;
    if (sends)
        o->sent_ns = now_ns;
    o->requests += 1;
    pthread_mutex_unlock(&o->lock);
    return sends;
}

void outage_good(struct outage *o, int64_t now_ns)
{
    pthread_mutex_lock(&o->lock);
    if (o->at_ns != 0) {
        decay(o, now_ns);
        o->good += 1;
    }
    pthread_mutex_unlock(&o->lock);
}

int outage_retry_ms(struct outage *o)
{
    pthread_mutex_lock(&o->lock);
    int ms = 2500 + (int)(5000 * chance_next(&o->random));
    pthread_mutex_unlock(&o->lock);
    return ms;
}
