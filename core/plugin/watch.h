/* watch.h - notices a plugin that does not return.
 *
 * A thread that calls a plugin notes that around the call; a thread of its own looks from time to time who is still where
 * it was. It cannot end the plugin: it names it. */
#ifndef PLUGIN_WATCH_H
#define PLUGIN_WATCH_H

#include <stdatomic.h>
#include <stdint.h>

struct watch_seat {
    _Atomic(const char *) plugin, function; /* of the call that runs */
    atomic_uint turn;                       /* odd while a call runs; rises at each begin and end */
    /* of the thread that looks */
    unsigned seen;
    int64_t seen_ns; /* 0: not reported */
    int looks;
    struct watch_seat *next;
};

/* Starts to look. A call that has not returned for `limit_ms` to twice that is reported on stderr, and once more when it has
 * returned. 0, or -1 with errno. Boot thread. */
int watch_start(int limit_ms);
/* Boot thread; a plugin may still run. */
void watch_stop(void);

/* The seat of this thread, made when it is first asked for and kept. Any thread. */
struct watch_seat *watch_seat(void);

/* Around each call into a plugin. The names are kept. Calls are not nested. */
static inline struct watch_seat *watch_begin(const char *plugin, const char *function)
{
    struct watch_seat *seat = watch_seat();
    atomic_store_explicit(&seat->plugin, plugin, memory_order_relaxed);
    atomic_store_explicit(&seat->function, function, memory_order_relaxed);
    atomic_fetch_add_explicit(&seat->turn, 1, memory_order_release);
    return seat;
}

static inline void watch_end(struct watch_seat *seat)
{
    atomic_fetch_add_explicit(&seat->turn, 1, memory_order_release);
}

#endif
