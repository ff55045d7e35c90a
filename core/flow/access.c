/* access.c - collects lines per worker and writes them from a thread of its own, which sleeps while there are none. */
#include "flow/access.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"

#define SHARD_MAX (8u << 20) /* bytes that may wait */

enum {
    TOGETHER_MS = 20,  /* lines that come within this time are written together */
    PIECE_MOST = 4096, /* a pipe that poll() calls writable takes as much without blocking (PIPE_BUF) */
    STEP_MS = 100,
    END_S = 3, /* so long a blocked reader is waited for at the end */
};

struct shard {
    pthread_mutex_t lock; /* contended only when the writer takes the lines */
    struct buf lines;
    char pad[64];
};

struct access_log {
    int fd;
    bool own; /* fd was opened here */
    bool is_socket;
    bool may_block; /* fd may block in write() */
    unsigned workers;
    pthread_t writer;
    sem_t wake;
    atomic_bool awake; /* wake was posted and not yet seen */
    atomic_bool stop;
    atomic_uint_fast64_t dropped;
    /* of the writer */
    bool open_line;     /* the last byte written was not a line's end */
    bool failing;       /* reported, and not yet over */
    uint64_t lost_from; /* `dropped` when that began */
    int64_t end_ns;     /* when the end is not waited for any longer */
    struct shard shards[];
};

/* A pipe is opened once more, because O_NONBLOCK belongs to what is open: others who hold the same pipe are not concerned. */
static void open_fd(struct access_log *log, int fd)
{
    struct stat st;
    char path[40];

    log->fd = fd;
    if (fd < 0 || fstat(fd, &st) < 0)
        return;
    log->is_socket = S_ISSOCK(st.st_mode);
    log->may_block = S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode);
    if (!log->may_block)
        return;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (again < 0)
        return;
    log->fd = again;
    log->own = true;
    log->may_block = false;
}

/* Once, until it works again. */
static void report_failing(struct access_log *log, const char *why)
{
    if (log->failing)
        return;
    log->failing = true;
    log_line(LOG_ERROR, "the access log cannot be written: %s; its lines are lost until it can be", why);
}

static void report_working(struct access_log *log)
{
    uint64_t lost = atomic_load(&log->dropped) - log->lost_from;
    if (log->failing)
        log_line(LOG_WARN, "the access log is written again; %llu lines were lost", (unsigned long long)lost);
    log->failing = false;
    log->lost_from += lost;
}

static ssize_t write_some(struct access_log *log, struct text bytes)
{
    struct pollfd p = { .fd = log->fd, .events = POLLOUT };

    if (log->is_socket)
        return send(log->fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (!log->may_block)
        return write(log->fd, bytes.ptr, bytes.len);
    if (poll(&p, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(log->fd, bytes.ptr, bytes.len < PIECE_MOST ? bytes.len : PIECE_MOST);
}

/* The reader is behind. False: it is not waited for any longer. */
static bool wait_for_reader(struct access_log *log)
{
    struct pollfd p = { .fd = log->fd, .events = POLLOUT };

    poll(&p, 1, STEP_MS);
    if (atomic_load(&log->dropped) > log->lost_from)
        report_failing(log, "its reader does not read");
    if (!atomic_load(&log->stop))
        return true;
    if (log->end_ns == 0)
        log->end_ns = clock_ns() + END_S * CLOCK_S;
    return clock_ns() < log->end_ns;
}

/* Two processes have one output while one of them takes the other's place, and a pipe mixes what is longer than a page: only one of them
 * writes at a time. The system unlocks for a process that ends. */
static void lock_output(const struct access_log *log, short how)
{
    struct flock lock = { .l_type = how, .l_whence = SEEK_SET };
    while (fcntl(log->fd, F_SETLKW, &lock) < 0 && errno == EINTR)
        continue; /* what cannot be locked is written all the same */
}

/* Writes all of it; what cannot be written is lost, counted and reported. */
static void write_out(struct access_log *log, struct text bytes)
{
    const char *why = "its reader does not read";
    size_t wrote = 0;

    while (bytes.len > 0) {
        ssize_t n = write_some(log, log->open_line && wrote == 0 ? TEXT("\n") : bytes);
        if (n > 0 && log->open_line && wrote == 0) {
            log->open_line = false; /* what was cut is a line of its own */
            continue;
        }
        if (n > 0) {
            bytes.ptr += n;
            bytes.len -= (size_t)n;
            wrote += (size_t)n;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN) {
            why = strerror(errno);
            break;
        }
        if (!wait_for_reader(log))
            break;
    }
    if (wrote > 0)
        log->open_line = bytes.ptr[-1] != '\n';
    if (bytes.len == 0) {
        if (wrote > 0)
            report_working(log);
        return;
    }
    for (size_t i = 0; i < bytes.len; i++)
        if (bytes.ptr[i] == '\n')
            atomic_fetch_add(&log->dropped, 1);
    report_failing(log, why);
}

static void *writer_main(void *arg)
{
    struct access_log *log = arg;
    const struct timespec together = { 0, TOGETHER_MS * 1000000L };
    for (bool last = false; !last;) {
        while (sem_wait(&log->wake) < 0 && errno == EINTR)
            continue;
        if (!atomic_load(&log->stop))
            nanosleep(&together, NULL);
        atomic_store(&log->awake, false);
        last = atomic_load(&log->stop);
        for (unsigned i = 0; i < log->workers; i++) {
            struct shard *s = &log->shards[i];
            pthread_mutex_lock(&s->lock);
            struct buf lines = s->lines;
            buf_init(&s->lines, SHARD_MAX);
            pthread_mutex_unlock(&s->lock);
            if (lines.len > 0) {
                lock_output(log, F_WRLCK);
                write_out(log, buf_view(&lines));
                lock_output(log, F_UNLCK);
            }
            buf_free(&lines);
        }
    }
    return NULL;
}

static void wake_writer(struct access_log *log)
{
    if (!atomic_load(&log->awake) && !atomic_exchange(&log->awake, true))
        sem_post(&log->wake);
}

struct access_log *access_new(int fd, unsigned workers)
{
    struct access_log *log = calloc(1, sizeof *log + workers * sizeof *log->shards);
    if (log == NULL)
        return NULL;
    open_fd(log, fd);
    log->workers = workers;
    sem_init(&log->wake, 0, 0);
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

/* False: the writer is stuck in the system, as on a dead file server. */
static bool join(struct access_log *log)
{
    struct timespec until;
    atomic_store(&log->stop, true);
    sem_post(&log->wake);
    clock_gettime(CLOCK_REALTIME, &until); /* the thread sanitizer does not know pthread_clockjoin_np() */
    until.tv_sec += END_S + 2;
    return pthread_timedjoin_np(log->writer, NULL, &until) == 0;
}

void access_free(struct access_log *log)
{
    if (log->fd >= 0 && !join(log)) {
        log_line(LOG_ERROR, "the access log cannot be written to its end: its file does not answer");
        return; /* its writer still has it */
    }
    if (log->failing)
        log_line(LOG_ERROR, "%llu lines of the access log were lost",
                 (unsigned long long)(atomic_load(&log->dropped) - log->lost_from));
    for (unsigned i = 0; i < log->workers; i++) {
        buf_free(&log->shards[i].lines);
        pthread_mutex_destroy(&log->shards[i].lock);
    }
    sem_destroy(&log->wake);
    if (log->own)
        close(log->fd);
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
    wake_writer(log);
}

uint64_t access_dropped(const struct access_log *log)
{
    return atomic_load(&((struct access_log *)(uintptr_t)log)->dropped);
}
