/* journal.c - the writer: records in, one mutex, one folder. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "money/disk.h"
#include "money/journal_inside.h"
#include "money/segment.h"

enum { SEGMENT_DEFAULT = 64 << 20 };

void journal_lock(struct journal *journal)
{
    CHECK(journal, JOURNAL);
    pthread_mutex_lock(&journal->mutex);
}

void journal_unlock(struct journal *journal)
{
    pthread_mutex_unlock(&journal->mutex);
}

/* Its memory stays: the next record needs as much. */
static struct buf *empty_record(struct journal *j)
{
    j->record.start = j->record.len = 0;
    return &j->record;
}

/* Shows a reader what had been promised: what is damaged behind the last MARK was not. */
static int put_mark(struct journal *j)
{
    struct record mark = { .type = RECORD_MARK, .number = j->unsynced, .unix_ms = clock_unix_ms() };
    if (j->marked == j->unsynced)
        return 0;
    return record_write(&mark, empty_record(j)) < 0 ? -1 : segment_frame(buf_view(&j->record), &j->frames);
}

/* Writes the frames behind `before`, or forgets them. */
static int write_frames(struct journal *j, size_t before, struct fail *fail)
{
    struct text all = buf_view(&j->frames);
    uint64_t unsynced = j->unsynced;
    if (journal_write_all(j, (struct text){ all.ptr + before, all.len - before }, fail) < 0) {
        buf_truncate(&j->frames, before);
        return -1;
    }
    j->marked = unsynced;
    return 0;
}

static int put(struct journal *j, struct record *record, struct fail *fail)
{
    size_t before = j->frames.len;
    record->number = j->next;
    record->unix_ms = clock_unix_ms();
    int framed = put_mark(j);
    if (framed < 0 || record_write(record, empty_record(j)) < 0 ||
        segment_frame(buf_view(&j->record), &j->frames) < 0) {
        buf_truncate(&j->frames, before);
        return journal_write_error(j, "written", ENOMEM, fail);
    }
    if (write_frames(j, before, fail) < 0)
        return -1;
    j->next++;
    j->state.records++;
    return 0;
}

void journal_set_book(struct journal *j, const char *book)
{
    snprintf(j->book, sizeof j->book, "%s", book != NULL ? book : "");
}

uint64_t journal_next(const struct journal *j)
{
    return j->next;
}

struct text journal_last(const struct journal *journal)
{
    return buf_view(&journal->record);
}

int journal_sync(struct journal *journal, struct fail *fail)
{
    return journal_sync_file(journal, fail);
}

static bool is_long(const struct journal *j)
{
    return j->at > (off_t)(j->settings.segment_bytes != 0 ? j->settings.segment_bytes : SEGMENT_DEFAULT);
}

static int append(struct journal *j, struct record *record, size_t room, struct fail *fail)
{
    if ((j->fd < 0 || is_long(j)) && journal_sync_file(j, fail) < 0)
        return -1;
    if (is_long(j)) /* where no other file can be begun, this one goes on: room for what is open was reserved in it */
        journal_begin_segment(j, fail);
    if (room > 0 && journal_reserve(j, room, fail) < 0)
        return -1;
    if (put(j, record, fail) < 0)
        return -1;
    j->appending = true;
    if (j->settings.sync_ns == 0 || j->frames.len > JOURNAL_UNSYNCED_MOST / 2)
        return journal_sync_file(j, fail) < 0 ? JOURNAL_NOT_SYNCED : 0;
    return 0;
}

int journal_append(struct journal *j, struct record *record, size_t room, struct fail *fail)
{
    CHECK(j, JOURNAL);
    int result = append(j, record, room, fail);
    j->appending = false;
    return result;
}

static void leave_folder(struct journal *j)
{
    if (j->lock_fd >= 0)
        close(j->lock_fd);
    if (j->folder_fd >= 0)
        close(j->folder_fd);
    j->lock_fd = j->folder_fd = -1;
}

/* A folder that was made is on the disk when its parent is. */
static int sync_parent(const struct journal *j)
{
    int fd = openat(j->folder_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -1 : disk_sync_names(fd);
    if (fd >= 0)
        close(fd);
    return result;
}

int journal_take_folder(struct journal *j, struct fail *fail)
{
    int given = j->given_fd; /* with its lock */
    leave_folder(j);
    j->given_fd = -1;
    j->lock_fd = given;
    bool made = mkdir(j->folder, 0700) == 0;
    if (!made && errno != EEXIST)
        return fail_set(fail, FAIL_OPERATOR, "the ledger's folder %s cannot be made: %s", j->folder, strerror(errno));
    j->folder_fd = open(j->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (j->folder_fd < 0)
        return fail_set(fail, FAIL_OPERATOR, "the ledger's folder %s cannot be opened: %s", j->folder, strerror(errno));
    if (made && sync_parent(j) < 0)
        return journal_write_error(j, "synced", errno, fail);
    if (j->lock_fd < 0)
        j->lock_fd = openat(j->folder_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (j->lock_fd < 0)
        return fail_set(fail, FAIL_OPERATOR, "the ledger's folder %s cannot be written to: %s", j->folder,
                        strerror(errno));
    if (flock(j->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return fail_set(
            fail, FAIL_OPERATOR,
            "another gateway keeps its ledger in %s. Give each gateway a folder of its own: ledger { path = ... }",
            j->folder);
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
    journal_set_book(j, settings->book);
    j->folder_fd = j->lock_fd = j->fd = -1;
    j->given_fd = settings->lock_fd > 0 ? settings->lock_fd : -1;
    uuid_new(j->boot);
    pthread_mutex_init(&j->mutex, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&j->wake, &clock);
    pthread_condattr_destroy(&clock);
    buf_init(&j->record, SEGMENT_RECORD_MOST);
    buf_init(&j->frames, JOURNAL_UNSYNCED_MOST);
    arena_init(&arena, NULL, 0, 64 << 20);
    int result = journal_take_folder(j, fail);
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

int journal_hand_over(struct journal *j, struct fail *fail)
{
    CHECK(j, JOURNAL);
    if (journal_sync_file(j, fail) < 0 || journal_begin_segment(j, fail) < 0)
        return -1;
    if (disk_sync(j->fd) < 0)
        return journal_write_error(j, "synced", errno, fail);
    journal_leave_segment(j);
    j->dirty = false;
    return 0;
}

void journal_take_back(struct journal *j)
{
    struct segment_files files;
    struct arena arena;
    struct fail fail;
    arena_init(&arena, NULL, 0, 64 << 20);
    if (segment_list(j->folder, &arena, &files, &fail) < 0)
        log_line(LOG_ERROR, "%s", fail.text);
    else if (files.last > j->segment) /* the other process has begun some */
        j->segment = files.last;
    arena_fini(&arena);
}

void journal_give_lock(struct journal *j)
{
    leave_folder(j);
}

int journal_lock_fd(const struct journal *j)
{
    CHECK(j, JOURNAL);
    return j->lock_fd;
}

/* What an earlier process wrote and did not sync is still with the kernel alone: what is carried over rests on it. */
static int sync_last(const struct journal *j)
{
    struct segment_files files;
    struct arena arena;
    struct fail fail;
    int result = 0;

    arena_init(&arena, NULL, 0, 64 << 20);
    if (segment_list(j->folder, &arena, &files, &fail) == 0 && files.count > 0) {
        int fd = openat(j->folder_fd, files.names[files.count - 1], O_RDONLY | O_CLOEXEC);
        result = fd < 0 ? -1 : disk_sync(fd);
        if (fd >= 0)
            close(fd);
    }
    arena_fini(&arena);
    return result;
}

int journal_start(struct journal *j, uint64_t next, struct fail *fail)
{
    CHECK(j, JOURNAL);
    journal_lock(j);
    j->next = j->unsynced = j->marked = next;
    int result = sync_last(j) < 0 ? journal_write_error(j, "synced", errno, fail) : journal_begin_segment(j, fail);
    journal_unlock(j);
    if (result < 0)
        return -1;
    if (j->settings.sync_ns > 0)
        j->has_thread = pthread_create(&j->thread, NULL, journal_sync_often, j) == 0;
    if (j->settings.sync_ns > 0 && !j->has_thread)
        return fail_set(fail, FAIL_OPERATOR, "the thread that syncs the ledger cannot be started: %s", strerror(errno));
    return 0;
}

/* All that was written is on the disk now. */
static void put_last_mark(struct journal *j)
{
    struct fail fail;
    if (j->marked == j->unsynced)
        return;
    if (put_mark(j) < 0 || write_frames(j, 0, &fail) < 0 || disk_sync(j->fd) < 0)
        log_line(LOG_WARN, "ledger: the mark that ends %s is not written: %s", j->folder, strerror(errno));
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
    if ((j->fd >= 0 || j->frames.len > 0) && journal_sync_file(j, &fail) < 0)
        log_line(LOG_ERROR, "%s", fail.text);
    else if (j->fd >= 0)
        put_last_mark(j);
    journal_leave_segment(j);
    leave_folder(j);
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
    state->next = j->next;
    journal_unlock(j);
}
