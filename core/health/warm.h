/* warm.h - which conversations have been at which places in the last five minutes: their prompts are in a cache there.
 *
 * 65,536 pairs at most, the oldest of four neighbours makes place. One mutex, held for a few instructions; any thread. */
#ifndef HEALTH_WARM_H
#define HEALTH_WARM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define WARM_NS INT64_C(300000000000)
#define WARM_PAIRS 65536u

struct warm {
    pthread_mutex_t lock;
    struct warm_pair {
        uint64_t key; /* 0: free */
        int64_t at_ns;
    } * pairs; /* NULL: there was no memory, and nothing is warm */
};

void warm_init(struct warm *w);
void warm_fini(struct warm *w);
/* `key` is a hash of conversation and place. */
void warm_note(struct warm *w, uint64_t key, int64_t now_ns);
bool warm_is(struct warm *w, uint64_t key, int64_t now_ns);

#endif
