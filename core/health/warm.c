/* warm.c - pairs of conversations and places, four to a set. */
#include "health/warm.h"

#include <stdlib.h>

enum { NEIGHBOURS = 4 };

void warm_init(struct warm *w)
{
    pthread_mutex_init(&w->lock, NULL);
    w->pairs = calloc(WARM_PAIRS, sizeof *w->pairs); /* pages come when they are used */
}

void warm_fini(struct warm *w)
{
    pthread_mutex_destroy(&w->lock);
    free(w->pairs);
}

static struct warm_pair *set_of(struct warm *w, uint64_t key)
{
    return &w->pairs[key % (WARM_PAIRS / NEIGHBOURS) * NEIGHBOURS];
}

void warm_note(struct warm *w, uint64_t key, int64_t now_ns)
{
    key += key == 0;
    if (w->pairs == NULL)
        return;
    pthread_mutex_lock(&w->lock);
    struct warm_pair *set = set_of(w, key), *place = set;
    for (unsigned i = 0; i < NEIGHBOURS && place->key != key; i++)
        if (set[i].key == key || set[i].at_ns < place->at_ns)
            place = &set[i];
    *place = (struct warm_pair){ key, now_ns };
    pthread_mutex_unlock(&w->lock);
}

bool warm_is(struct warm *w, uint64_t key, int64_t now_ns)
{
    bool is = false;
    key += key == 0;
    if (w->pairs == NULL)
        return false;
    pthread_mutex_lock(&w->lock);
    const struct warm_pair *set = set_of(w, key);
    for (unsigned i = 0; i < NEIGHBOURS; i++)
        is |= set[i].key == key && now_ns - set[i].at_ns < WARM_NS;
    pthread_mutex_unlock(&w->lock);
    return is;
}
