/* capture.c - the thread that seals and writes what the workers hand over. */
#include "capture/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "capture/folder.h"

enum { LOOK_S = 5, END_S = 5 };

struct item {
    struct item *next;
    enum sealed_kind kind;
    char id[SEALED_ID];
    struct buf open;
    unsigned days, mb;
};

struct capture {
    char ledger[FOLDER_PATH], folder[FOLDER_PATH];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct item *first, **last; /* under lock */
    size_t waiting;             /* bytes; under lock */
    bool stop;                  /* under lock */
    atomic_uint_fast64_t written, lost[CAPTURE_LOSSES];
    /* of the thread */
    bool has_key, there; /* the folder is */
    uint8_t key[CRYPTO_KEY_LEN];
    struct sealed file;
    int fd; /* -1: none is open */
    int64_t hour;
    unsigned days;
    int64_t bytes; /* of all files */
    int64_t next_sweep_ns;
    bool failing; /* reported, and not yet over */
};

const char *capture_loss_name(enum capture_loss why)
{
    static const char *const names[] = { "large", "busy", "full", "disk" };
    return names[why];
}

void capture_lost(struct capture *c, enum capture_loss why)
{
    atomic_fetch_add_explicit(&c->lost[why], 1, memory_order_relaxed);
}

static uint64_t all_lost(const struct capture *c)
{
    uint64_t all = 0;
    for (int i = 0; i < CAPTURE_LOSSES; i++)
        all += atomic_load(&c->lost[i]);
    return all;
}

/* Once, until it works again. */
static void lose(struct capture *c, enum capture_loss why, const char *text)
{
    capture_lost(c, why);
    if (c->failing)
        return;
    c->failing = true;
    log_line(LOG_ERROR, "requests are not captured: %s; they are served all the same", text);
}

static void close_file(struct capture *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

static void sweep(struct capture *c)
{
    int64_t bytes = folder_sweep(c->folder, clock_unix_ms());
    c->there = bytes >= 0;
    c->bytes = bytes >= 0 ? bytes : 0;
    c->next_sweep_ns = clock_ns() + LOOK_S * CLOCK_S;
}

/* The thread has the lock. */
static void sweep_unlocked(struct capture *c)
{
    pthread_mutex_unlock(&c->lock);
    sweep(c);
    pthread_mutex_lock(&c->lock);
}

static bool write_all(int fd, struct text bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes.ptr += n;
        bytes.len -= (size_t)n;
    }
    return true;
}

static int open_file(struct capture *c, int64_t hour, unsigned days, struct fail *fail)
{
    char path[FOLDER_PATH + NAME_MAX + 2], name[NAME_MAX], head[SEALED_HEAD];
    close_file(c);
    if (mkdir(c->folder, 0700) < 0 && errno != EEXIST)
        return fail_set(fail, FAIL_OPERATOR, "%s cannot be made: %s", c->folder, strerror(errno));
    if (!c->has_key && sealed_key(c->ledger, true, c->key, fail) < 0)
        return -1;
    c->has_key = true;
    sweep(c);
    folder_make_name(hour, days, name, sizeof name);
    snprintf(path, sizeof path, "%s/%s", c->folder, name);
    c->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    sealed_begin(&c->file, c->key, head);
    if (c->fd < 0 || !write_all(c->fd, (struct text){ head, sizeof head })) {
        fail_set(fail, FAIL_OPERATOR, "%s cannot be written: %s", path, strerror(errno));
        if (c->fd >= 0)
            unlink(path);
        close_file(c);
        return -1;
    }
    c->hour = hour;
    c->days = days;
    c->bytes += SEALED_HEAD;
    return 0;
}

/* The ledger has the same disk, and serves nothing without it. */
static bool has_room(const struct capture *c)
{
    struct statvfs fs;
    return statvfs(c->ledger, &fs) < 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= CAPTURE_SPARE;
}

/* After a write that failed comes another file: the number of its record was used. */
static void write_sealed(struct capture *c, struct text bytes)
{
    off_t end = lseek(c->fd, 0, SEEK_END);
    if (!write_all(c->fd, bytes)) {
        lose(c, CAPTURE_DISK, strerror(errno));
        if (ftruncate(c->fd, end) < 0)
            log_line(LOG_WARN, "the end of a file in %s is not whole; it is passed over", c->folder);
        close_file(c);
        return;
    }
    c->bytes += (int64_t)bytes.len;
    atomic_fetch_add_explicit(&c->written, 1, memory_order_relaxed);
    if (c->failing)
        log_line(LOG_WARN, "requests are captured again; %llu were not until now", (unsigned long long)all_lost(c));
    c->failing = false;
}

static void write_item(struct capture *c, const struct item *item)
{
    struct fail fail;
    struct buf bytes;
    int64_t hour = clock_unix_ms() / FOLDER_HOUR_MS;
    if (!has_room(c)) {
        lose(c, CAPTURE_DISK, "the disk of the ledger has less than 256 MB left");
        return;
    }
    if ((c->fd < 0 || hour != c->hour || item->days != c->days) && open_file(c, hour, item->days, &fail) < 0) {
        lose(c, CAPTURE_DISK, fail.text);
        return;
    }
    int64_t len = (int64_t)(item->open.len + SEALED_FRAME + CRYPTO_TAG_LEN);
    if (c->bytes + len > (int64_t)item->mb << 20) {
        lose(c, CAPTURE_FULL, "their files have capture.mb already, until the oldest go");
        return;
    }
    buf_init(&bytes, (size_t)len);
    if (sealed_put(&c->file, item->kind, (struct text){ item->id, SEALED_ID }, buf_view(&item->open), &bytes) < 0)
        lose(c, CAPTURE_DISK, "there is no memory to seal them");
    else
        write_sealed(c, buf_view(&bytes));
    buf_free(&bytes);
}

static void free_item(struct item *item)
{
    if (item->open.len > 0)
        crypto_wipe(item->open.ptr + item->open.start, item->open.len);
    buf_free(&item->open);
    free(item);
}

/* Waits for items; now and then it looks for what is over its time. NULL: the end. */
static struct item *take_all(struct capture *c)
{
    struct timespec until;
    pthread_mutex_lock(&c->lock);
    while (c->first == NULL && !c->stop) {
        if (!c->there) {
            pthread_cond_wait(&c->wake, &c->lock);
            continue;
        }
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += LOOK_S;
        if (pthread_cond_timedwait(&c->wake, &c->lock, &until) == ETIMEDOUT)
            sweep_unlocked(c);
    }
    if (c->there &&
        clock_ns() >= c->next_sweep_ns) /* also where records come all the time, and none of them can be written */
        sweep_unlocked(c);
    struct item *all = c->first;
    c->first = NULL;
    c->last = &c->first;
    pthread_mutex_unlock(&c->lock);
    return all;
}

static void *run(void *arg)
{
    struct capture *c = arg;
    struct item *item;
    sweep(c);
    while ((item = take_all(c)) != NULL) {
        while (item != NULL) {
            struct item *next = item->next;
            size_t len = item->open.len;
            write_item(c, item);
            free_item(item);
            pthread_mutex_lock(&c->lock);
            c->waiting -= len;
            pthread_mutex_unlock(&c->lock);
            item = next;
        }
    }
    close_file(c);
    return NULL;
}

struct capture *capture_open(const char *ledger, struct fail *fail)
{
    pthread_condattr_t monotonic;
    struct capture *c = calloc(1, sizeof *c);
    BUG_IF(c == NULL);
    c->fd = -1;
    c->last = &c->first;
    bool fits = snprintf(c->ledger, sizeof c->ledger, "%s", ledger) < (int)sizeof c->ledger;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&c->lock, NULL);
    if (fits && folder_path(ledger, c->folder) && pthread_create(&c->thread, NULL, run, c) == 0)
        return c;
    fail_set(fail, FAIL_OPERATOR, "the thread that captures requests cannot be started");
    free(c);
    return NULL;
}

void capture_close(struct capture *c)
{
    struct timespec until;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    clock_gettime(CLOCK_REALTIME, &until); /* the thread sanitizer does not know pthread_clockjoin_np() */
    until.tv_sec += END_S;
    if (pthread_timedjoin_np(c->thread, NULL, &until) != 0) {
        log_line(LOG_ERROR, "what was captured last cannot be written: the disk does not answer");
        return; /* its thread still has it */
    }
    crypto_wipe(c->key, sizeof c->key);
    crypto_wipe(&c->file, sizeof c->file);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void capture_put(struct capture *c, enum sealed_kind kind, struct text id, struct buf *open, unsigned days, unsigned mb)
{
    BUG_IF(id.len != SEALED_ID);
    bool large = open->len > SEALED_MOST || open->failed;
    struct item *item = large ? NULL : malloc(sizeof *item);
    size_t len = open->len;
    if (item == NULL) {
        capture_lost(c, large ? CAPTURE_LARGE : CAPTURE_BUSY);
        buf_free(open);
        return;
    }
    *item = (struct item){ .kind = kind, .open = *open, .days = days, .mb = mb };
    memcpy(item->id, id.ptr, SEALED_ID);
    buf_init(open, open->max);
    pthread_mutex_lock(&c->lock);
    bool fits = c->waiting + len <= CAPTURE_WAITS_MOST && !c->stop;
    if (fits) {
        *c->last = item;
        c->last = &item->next;
        c->waiting += len;
        pthread_cond_signal(&c->wake);
    }
    pthread_mutex_unlock(&c->lock);
    if (!fits) {
        capture_lost(c, CAPTURE_BUSY);
        free_item(item);
    }
}

void capture_read_sums(const struct capture *c, struct capture_sums *sums)
{
    struct capture *of = (struct capture *)(uintptr_t)c;
    sums->written = atomic_load(&of->written);
    for (int i = 0; i < CAPTURE_LOSSES; i++)
        sums->lost[i] = atomic_load(&of->lost[i]);
}
