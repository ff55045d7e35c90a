/* watch.c - the thread that looks whether calls into plugins return. */
#include "plugin/watch.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"

static _Thread_local struct watch_seat *mine;
static _Atomic(struct watch_seat *) seats; /* one for each thread that ever called a plugin */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake;
static pthread_t thread;
static bool started, stopping;
static int64_t limit_ns;

struct watch_seat *watch_seat(void)
{
    if (mine != NULL)
        return mine;
    mine = calloc(1, sizeof *mine);
    BUG_IF(mine == NULL);
    mine->next = atomic_load(&seats);
    while (!atomic_compare_exchange_weak(&seats, &mine->next, mine))
        continue;
    return mine;
}

static void look_at(struct watch_seat *seat, int64_t now)
{
    unsigned turn = atomic_load_explicit(&seat->turn, memory_order_acquire);

    if (turn != seat->seen) {
        if (seat->looks > 1)
            log_line(LOG_WARN, "a call into a plugin that was reported has returned after %lld s at most",
                     (long long)((now - seat->seen_ns) / CLOCK_S + 1));
        seat->seen = turn;
        seat->seen_ns = now;
        seat->looks = 0;
        return;
    }
    if ((turn & 1) == 0 || seat->looks > 1 || now - seat->seen_ns < limit_ns)
        return;
    seat->looks = 2;
    log_line(
        LOG_ERROR,
        "the plugin \"%s\" has not returned from %s for %.1f s: its thread stands still, and every request on it; only a "
        "restart ends that, and whoever wrote the plugin must mend it",
        atomic_load(&seat->plugin), atomic_load(&seat->function), (double)(now - seat->seen_ns) / (double)CLOCK_S);
}

static void *look(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&lock);
    while (!stopping) {
        int64_t until = clock_ns() + limit_ns / 2;
        struct timespec at = { until / CLOCK_S, until % CLOCK_S };

        if (pthread_cond_timedwait(&wake, &lock, &at) != ETIMEDOUT)
            continue;
        for (struct watch_seat *seat = atomic_load(&seats); seat != NULL; seat = seat->next)
            look_at(seat, clock_ns());
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

int watch_start(int limit_ms)
{
    pthread_condattr_t monotonic;
    sigset_t all, before;

    limit_ns = limit_ms * CLOCK_MS;
    stopping = false;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    errno = pthread_create(&thread, NULL, look, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    started = errno == 0;
    return started ? 0 : -1;
}

void watch_stop(void)
{
    if (!started)
        return;
    pthread_mutex_lock(&lock);
    stopping = true;
    pthread_cond_signal(&wake);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
    pthread_cond_destroy(&wake);
    started = false;
}
