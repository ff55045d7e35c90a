/* breaker.c - a server that does not answer is left alone for a while: each try would cost its whole time. */
#include "memcached.h"

enum { FAILURES_MOST = 3, PAUSE_FIRST_MS = 250, PAUSE_MOST_MS = 2000 };

bool breaker_begin(struct server *server, int64_t now_ms)
{
    pthread_mutex_lock(&server->mutex);
    bool open = server->pause_ms == 0;
    bool probe = !open && !server->probes && now_ms >= server->until_ms;
    if (probe)
        server->probes = true;
    pthread_mutex_unlock(&server->mutex);
    return open || probe;
}

bool breaker_end(struct server *server, int64_t now_ms, bool good)
{
    bool shuts = false;
    pthread_mutex_lock(&server->mutex);
    if (good) {
        server->failures = 0;
        server->pause_ms = 0;
        server->probes = false;
    } else if (server->pause_ms > 0) {
        if (server->probes) /* others were asked before it was shut */
            server->pause_ms = server->pause_ms * 2 < PAUSE_MOST_MS ? server->pause_ms * 2 : PAUSE_MOST_MS;
        server->until_ms = now_ms + server->pause_ms;
        server->probes = false;
    } else if (++server->failures >= FAILURES_MOST) {
        server->pause_ms = PAUSE_FIRST_MS;
        server->until_ms = now_ms + server->pause_ms;
        shuts = true;
    }
    pthread_mutex_unlock(&server->mutex);
    return shuts;
}
