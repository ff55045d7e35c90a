/* journal_sync.c - what is written comes to the disk, or into another file. */
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "money/disk.h"
#include "money/journal_inside.h"

static void is_synced(struct journal *j)
{
    buf_truncate(&j->frames, 0);
    j->unsynced = j->next;
    j->dirty = false;
}

/* What the kernel could not write it may have forgotten, and it reports that once: a file whose sync failed is never
 * trusted again. All frames since the last good sync go to a new file; their numbers show a reader what it has seen. */
static int renew(struct journal *j, struct fail *fail)
{
    if (journal_begin_segment(j, fail) < 0) {
        journal_leave_segment(j);
        return -1;
    }
    if (disk_sync(j->fd) < 0) {
        journal_write_error(j, "synced", errno, fail);
        journal_leave_segment(j);
        return -1;
    }
    is_synced(j);
    return 0;
}

int journal_sync_file(struct journal *j, struct fail *fail)
{
    if (j->fd < 0)
        return renew(j, fail);
    if (!j->dirty)
        return 0;
    int error = disk_sync(j->fd) < 0 ? errno : journal_is_gone(j->fd) ? ENOENT : 0;
    if (error == 0) {
        is_synced(j);
        return 0;
    }
    journal_write_error(j, "synced", error, fail);
    return renew(j, fail);
}

/* Another file for what may not be on the disk; reported once, until it succeeds. */
static void try_again(struct journal *j)
{
    struct fail fail;
    bool good = renew(j, &fail) == 0;
    if (!good && !j->complained)
        log_line(LOG_ERROR, "%s", fail.text);
    j->complained = !good;
}

/* Syncs what is written so far; the mutex is not held while the disk works. */
static void sync_beside(struct journal *j)
{
    int fd = dup(j->fd);
    size_t covered = j->frames.len;
    uint64_t next = j->next, segment = j->segment;

    pthread_mutex_unlock(&j->mutex);
    bool good = fd >= 0 && disk_sync(fd) == 0 && !journal_is_gone(fd);
    if (fd >= 0)
        close(fd);
    pthread_mutex_lock(&j->mutex);
    if (segment != j->segment || next <= j->unsynced) /* another file was begun meanwhile, or another sync came first */
        return;
    if (good) {
        buf_consume(&j->frames, covered);
        j->unsynced = next;
        j->dirty = j->frames.len > 0;
    } else {
        try_again(j);
    }
}

void *journal_sync_often(void *arg)
{
    struct journal *j = arg;
    pthread_mutex_lock(&j->mutex);
    while (!j->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        int64_t ns = until.tv_nsec + j->settings.sync_ns;
        until.tv_sec += ns / CLOCK_S;
        until.tv_nsec = ns % CLOCK_S;
        pthread_cond_timedwait(&j->wake, &j->mutex, &until);
        if (j->dirty && j->fd >= 0)
            sync_beside(j);
        else if (j->fd < 0 && j->frames.len > 0)
            try_again(j);
    }
    pthread_mutex_unlock(&j->mutex);
    return NULL;
}
