/* access.c - collects lines per worker and writes them from a thread of its own. */
#include "flow/access.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fail.h"

#define SHARD_MAX (8u << 20) /* bytes that may wait */
#define PERIOD_MS 50

struct shard {
    pthread_mutex_t lock; /* contended only when the writer takes the lines */
    struct buf lines;
    char pad[64];
};

struct access_log {
    int fd;
    unsigned workers;
    pthread_t writer;
    atomic_bool stop;
    atomic_uint_fast64_t dropped;
    struct shard shards[];
};

/* Writes all of it; gives up on errors, and after 5 s of a blocked pipe once the end has come. */
static void write_out(struct access_log *log, struct text bytes)
{
    int64_t give_up = 0;
    while (bytes.len > 0) {
        ssize_t n = write(log->fd, bytes.ptr, bytes.len);
        if (n > 0) {
            bytes.ptr += n;
            bytes.len -= (size_t)n;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            break;
        struct pollfd p = { .fd = log->fd, .events = POLLOUT };
        poll(&p, 1, 100);
        if (atomic_load(&log->stop)) {
            if (give_up == 0)
                give_up = clock_ns() + 5 * CLOCK_S;
            if (clock_ns() > give_up)
                break;
        }
    }
    for (size_t i = 0; i < bytes.len; i++)
        if (bytes.ptr[i] == '\n')
            atomic_fetch_add(&log->dropped, 1);
}

static void *writer_main(void *arg)
{
    struct access_log *log = arg;
    const struct timespec period = { 0, PERIOD_MS * 1000000L };
    for (bool last = false; !last;) {
        last = atomic_load(&log->stop);
        for (unsigned i = 0; i < log->workers; i++) {
            struct shard *s = &log->shards[i];
            pthread_mutex_lock(&s->lock);
            struct buf lines = s->lines;
            buf_init(&s->lines, SHARD_MAX);
            pthread_mutex_unlock(&s->lock);
            write_out(log, buf_view(&lines));
            buf_free(&lines);
        }
        if (!last)
            nanosleep(&period, NULL);
    }
    return NULL;
}

struct access_log *access_new(int fd, unsigned workers)
{
    struct access_log *log = calloc(1, sizeof *log + workers * sizeof *log->shards);
    if (log == NULL)
        return NULL;
    log->fd = fd;
    log->workers = workers;
    for (unsigned i = 0; i < workers; i++) {
        pthread_mutex_init(&log->shards[i].lock, NULL);
        buf_init(&log->shards[i].lines, SHARD_MAX);
    }
    if (fd >= 0 && (errno = pthread_create(&log->writer, NULL, writer_main, log)) != 0) {
        free(log);
        return NULL;
    }
    return log;
}

void access_free(struct access_log *log)
{
    if (log->fd >= 0) {
        atomic_store(&log->stop, true);
        pthread_join(log->writer, NULL);
    }
    for (unsigned i = 0; i < log->workers; i++) {
        buf_free(&log->shards[i].lines);
        pthread_mutex_destroy(&log->shards[i].lock);
    }
    free(log);
}

void access_line(struct access_log *log, unsigned worker, struct text line)
{
    BUG_IF(worker >= log->workers);
    struct shard *s = &log->shards[worker];
    if (log->fd < 0)
        return;
    pthread_mutex_lock(&s->lock);
    bool fits = s->lines.len + line.len + 1 <= SHARD_MAX;
    if (fits) {
        buf_text(&s->lines, line);
        buf_str(&s->lines, "\n");
    }
    pthread_mutex_unlock(&s->lock);
    if (!fits)
        atomic_fetch_add(&log->dropped, 1);
}

uint64_t access_dropped(const struct access_log *log)
{
    return atomic_load(&((struct access_log *)(uintptr_t)log)->dropped);
}
