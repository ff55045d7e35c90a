/* journal.c - the writer. */
#include "money/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "money/segment.h"

#define JOURNAL_MAGIC 0x6a726e6cu
enum { UNSYNCED_MOST = 256 << 20, SEGMENT_DEFAULT = 64 << 20, RESERVE_STEP = 1 << 20 };

struct journal {
    uint32_t magic;
    struct journal_settings settings;
    char *folder;
    char boot[UUID_TEXT_LEN + 1];
    int folder_fd, lock_fd;
    pthread_mutex_t mutex;
    pthread_cond_t wake; /* the thread that syncs */
    pthread_t thread;
    bool has_thread, stopping;

    int fd; /* -1: no segment could be begun */
    uint64_t segment, next; /* the file's number; the next record's */
    uint64_t unsynced;      /* the number of the first record in `frames` */
    off_t at, reserved;     /* where the next frame goes; bytes that the disk has promised */
    struct buf record, frames; /* being written; frames since the last sync, for another file where it fails */
    bool dirty, complained;
    struct journal_state state;
};

void journal_lock(struct journal *journal)
{
    CHECK(journal, JOURNAL);
    pthread_mutex_lock(&journal->mutex);
}

void journal_unlock(struct journal *journal)
{
    pthread_mutex_unlock(&journal->mutex);
}

static int write_error(struct journal *j, const char *what, int error, struct fail *fail)
{
    j->state.failures++;
    return fail_set(fail, FAIL_OPERATOR, "the ledger cannot be %s in %s: %s. Make room or repair the disk", what, j->folder,
                    strerror(error));
}

/* All of it or nothing: what a short write left is cut off again. */
static int write_all(struct journal *j, struct text bytes, struct fail *fail)
{
    size_t done = 0;
    int error = 0;
    while (done < bytes.len && error == 0) {
        ssize_t n = pwrite(j->fd, bytes.ptr + done, bytes.len - done, j->at + (off_t)done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            error = n == 0 ? ENOSPC : errno;
    }
    if (error == 0) {
        j->at += (off_t)bytes.len;
        j->dirty = true;
        return 0;
    }
    write_error(j, "written", error, fail);
    if (done > 0 && ftruncate(j->fd, j->at) < 0) { /* never append behind a torn record */
        close(j->fd);
        j->fd = -1; /* the next record begins another file */
    }
    return -1;
}

/* Room on the disk for what may still come. File systems that cannot promise it do without. */
static int reserve(struct journal *j, size_t bytes, struct fail *fail)
{
    if (j->at + (off_t)bytes <= j->reserved)
        return 0;
    off_t to = j->at + (off_t)bytes + RESERVE_STEP;
    if (fallocate(j->fd, FALLOC_FL_KEEP_SIZE, j->at, to - j->at) < 0 && errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR)
        return write_error(j, "written", errno, fail);
    j->reserved = to;
    return 0;
}

static int put(struct journal *j, struct record *record, struct fail *fail)
{
    record->number = j->next;
    record->unix_ms = clock_unix_ms();
    buf_truncate(&j->record, 0);
    size_t before = j->frames.len;
    if (record_write(record, &j->record) < 0 || segment_frame(buf_view(&j->record), &j->frames) < 0)
        return write_error(j, "written", ENOMEM, fail);
    struct text all = buf_view(&j->frames);
    if (write_all(j, (struct text){ all.ptr + before, all.len - before }, fail) < 0) {
        buf_truncate(&j->frames, before);
        return -1;
    }
    j->next++;
    j->state.records++;
    return 0;
}

/* Its number is that of the record behind it: it has none of its own, so that the records of another file can come again. */
static int put_open(struct journal *j, uint64_t first, struct fail *fail)
{
    struct record open = { .type = RECORD_OPEN, .number = first, .unix_ms = clock_unix_ms(), .format = RECORD_FORMAT };
    struct text head = TEXT(SEGMENT_HEAD);
    struct arena arena;
    struct buf bytes, record; /* not j->record, which has the record that was written last */

    arena_init(&arena, NULL, 0, SEGMENT_RECORD_MOST);
    buf_init(&bytes, SEGMENT_RECORD_MOST);
    buf_init(&record, SEGMENT_RECORD_MOST);
    open.segment = j->segment;
    open.boot = text_of(j->boot);
    open.program = TEXT(GW_VERSION);
    open.book = text_of(j->settings.book);
    if (j->settings.carry != NULL)
        j->settings.carry(j->settings.owner, &open, &arena);
    int result = 0;
    if (arena.full || record_write(&open, &record) < 0 || buf_text(&bytes, head) < 0 || segment_frame(buf_view(&record), &bytes) < 0)
        result = write_error(j, "written", ENOMEM, fail);
    if (result == 0)
        result = write_all(j, buf_view(&bytes), fail);
    buf_free(&bytes);
    buf_free(&record);
    arena_fini(&arena);
    return result;
}

/* Where frames go. */
struct place {
    int fd;
    uint64_t segment;
    off_t at, reserved;
};

static void leave_file(const struct journal *j, const struct place *p)
{
    if (p->fd < 0)
        return;
    if (ftruncate(p->fd, p->at) < 0) /* gives back what was reserved */
        log_line(LOG_WARN, "ledger: room that was reserved in %s is not given back: %s", j->folder, strerror(errno));
    close(p->fd);
}

static struct place place_of(const struct journal *j)
{
    return (struct place){ j->fd, j->segment, j->at, j->reserved };
}

static void leave_segment(struct journal *j)
{
    struct place p = place_of(j);
    leave_file(j, &p);
    j->fd = -1;
}

/* A file that could not be begun is as if it had never been; a number whose file is still there is not given again. */
static void undo_segment(struct journal *j, const char *name, const struct place *before)
{
    uint64_t segment = j->segment;
    if (j->fd >= 0)
        close(j->fd);
    j->fd = before->fd;
    j->at = before->at;
    j->reserved = before->reserved;
    j->segment = unlinkat(j->folder_fd, name, 0) == 0 ? before->segment : segment;
}

static int fill_segment(struct journal *j, struct fail *fail)
{
    if (fsync(j->folder_fd) < 0)
        return write_error(j, "synced", errno, fail);
    if (put_open(j, j->unsynced, fail) < 0)
        return -1;
    return j->frames.len > 0 ? write_all(j, buf_view(&j->frames), fail) : 0;
}

/* Begins a file; first in it are the frames that may not be on the disk. The last file is not written to again; where no file can
 * be begun it stays as it was. */
static int begin_segment(struct journal *j, struct fail *fail)
{
    char memory[128];
    struct arena arena;
    struct place before = place_of(j);
    arena_init(&arena, memory, sizeof memory, 4096);
    const char *name = segment_name(&arena, j->segment + 1, j->boot);
    int fd = openat(j->folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int result = fd < 0 ? write_error(j, "written", errno, fail) : 0;
    if (result == 0) {
        j->fd = fd;
        j->segment++;
        j->at = j->reserved = 0;
        result = fill_segment(j, fail);
        if (result == 0)
            leave_file(j, &before);
        else
            undo_segment(j, name, &before);
    }
    arena_fini(&arena);
    return result;
}

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
    if (begin_segment(j, fail) < 0) {
        leave_segment(j);
        return -1;
    }
    if (fdatasync(j->fd) < 0) {
        write_error(j, "synced", errno, fail);
        leave_segment(j);
        return -1;
    }
    is_synced(j);
    return 0;
}

static int sync_file(struct journal *j, struct fail *fail)
{
    if (j->fd < 0)
        return renew(j, fail);
    if (!j->dirty)
        return 0;
    if (fdatasync(j->fd) == 0) {
        is_synced(j);
        return 0;
    }
    write_error(j, "synced", errno, fail);
    return renew(j, fail);
}

struct text journal_last(const struct journal *journal)
{
    return buf_view(&journal->record);
}

int journal_sync(struct journal *journal, struct fail *fail)
{
    return sync_file(journal, fail);
}

static bool is_long(const struct journal *j)
{
    return j->at > (off_t)(j->settings.segment_bytes != 0 ? j->settings.segment_bytes : SEGMENT_DEFAULT);
}

int journal_append(struct journal *j, struct record *record, size_t room, struct fail *fail)
{
    CHECK(j, JOURNAL);
    if ((j->fd < 0 || is_long(j)) && sync_file(j, fail) < 0)
        return -1;
    if (is_long(j)) /* where no other file can be begun, this one goes on: room for what is open was reserved in it */
        begin_segment(j, fail);
    if (room > 0 && reserve(j, room, fail) < 0)
        return -1;
    if (put(j, record, fail) < 0)
        return -1;
    if (j->settings.sync_ns == 0 || j->frames.len > UNSYNCED_MOST / 2)
        return sync_file(j, fail) < 0 ? JOURNAL_NOT_SYNCED : 0;
    return 0;
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
    bool good = fd >= 0 && fdatasync(fd) == 0;
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

/* The thread. */
static void *sync_often(void *arg)
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

static int take_folder(struct journal *j, struct fail *fail)
{
    if (mkdir(j->folder, 0700) < 0 && errno != EEXIST)
        return fail_set(fail, FAIL_OPERATOR, "the ledger's folder %s cannot be made: %s", j->folder, strerror(errno));
    j->folder_fd = open(j->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (j->folder_fd < 0)
        return fail_set(fail, FAIL_OPERATOR, "the ledger's folder %s cannot be opened: %s", j->folder, strerror(errno));
    j->lock_fd = openat(j->folder_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (j->lock_fd < 0)
        return fail_set(fail, FAIL_OPERATOR, "the ledger's folder %s cannot be written to: %s", j->folder, strerror(errno));
    if (flock(j->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return fail_set(fail, FAIL_OPERATOR,
                        "another gateway keeps its ledger in %s. Give each gateway a folder of its own: ledger { path = ... }", j->folder);
    return 0;
}

struct journal *journal_open(const struct journal_settings *settings, struct fail *fail)
{
    struct journal *j = calloc(1, sizeof *j);
    struct segment_files files;
    struct arena arena;
    pthread_condattr_t clock;

    BUG_IF(j == NULL);
    j->magic = JOURNAL_MAGIC;
    j->settings = *settings;
    j->folder = strdup(settings->folder);
    BUG_IF(j->folder == NULL);
    j->folder_fd = j->lock_fd = j->fd = -1;
    uuid_new(j->boot);
    pthread_mutex_init(&j->mutex, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&j->wake, &clock);
    pthread_condattr_destroy(&clock);
    buf_init(&j->record, SEGMENT_RECORD_MOST);
    buf_init(&j->frames, UNSYNCED_MOST);
    arena_init(&arena, NULL, 0, 64 << 20);
    int result = take_folder(j, fail);
    if (result == 0)
        result = segment_list(j->folder, &arena, &files, fail);
    if (result == 0)
        j->segment = files.last;
    arena_fini(&arena);
    if (result == 0)
        return j;
    journal_close(j);
    return NULL;
}

int journal_start(struct journal *j, uint64_t next, struct fail *fail)
{
    CHECK(j, JOURNAL);
    journal_lock(j);
    j->next = j->unsynced = next;
    int result = begin_segment(j, fail);
    journal_unlock(j);
    if (result < 0)
        return -1;
    if (j->settings.sync_ns > 0)
        j->has_thread = pthread_create(&j->thread, NULL, sync_often, j) == 0;
    if (j->settings.sync_ns > 0 && !j->has_thread)
        return fail_set(fail, FAIL_OPERATOR, "the thread that syncs the ledger cannot be started: %s", strerror(errno));
    return 0;
}

void journal_close(struct journal *j)
{
    struct fail fail;
    CHECK(j, JOURNAL);
    journal_lock(j);
    j->stopping = true;
    pthread_cond_signal(&j->wake);
    journal_unlock(j);
    if (j->has_thread)
        pthread_join(j->thread, NULL);
    if ((j->fd >= 0 || j->frames.len > 0) && sync_file(j, &fail) < 0)
        log_line(LOG_ERROR, "%s", fail.text);
    leave_segment(j);
    if (j->lock_fd >= 0)
        close(j->lock_fd);
    if (j->folder_fd >= 0)
        close(j->folder_fd);
    buf_free(&j->record);
    buf_free(&j->frames);
    pthread_cond_destroy(&j->wake);
    pthread_mutex_destroy(&j->mutex);
    free(j->folder);
    j->magic = 0;
    free(j);
}

void journal_read_state(struct journal *j, struct journal_state *state)
{
    journal_lock(j);
    *state = j->state;
    state->segment = j->segment;
    journal_unlock(j);
}
