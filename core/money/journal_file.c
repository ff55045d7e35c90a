/* journal_file.c - the file that the journal writes now: its frames, its beginning, the change to another. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "money/disk.h"
#include "money/journal_inside.h"
#include "money/segment.h"

enum { RESERVE_STEP = 1 << 20 };

int journal_write_error(struct journal *j, const char *what, int error, struct fail *fail)
{
    j->state.failures++;
    return fail_set(fail, FAIL_OPERATOR, "the ledger cannot be %s in %s: %s. Make room or repair the disk", what,
                    j->folder, strerror(error));
}

int journal_write_all(struct journal *j, struct text bytes, struct fail *fail)
{
    size_t done = 0;
    int error = 0;
    while (done < bytes.len && error == 0) {
        ssize_t n = disk_write(j->fd, bytes.ptr + done, bytes.len - done, j->at + (off_t)done);
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
    journal_write_error(j, "written", error, fail);
    if (done > 0 && disk_cut(j->fd, j->at) < 0) { /* never append behind a torn record */
        close(j->fd);
        j->fd = -1; /* the next record begins another file */
    }
    return -1;
}

int journal_reserve(struct journal *j, size_t bytes, struct fail *fail)
{
    if (j->at + (off_t)bytes <= j->reserved)
        return 0;
    off_t to = j->at + (off_t)bytes + RESERVE_STEP;
    if (disk_reserve(j->fd, j->at, to - j->at) < 0 && errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR)
        return journal_write_error(j, "written", errno, fail);
    j->reserved = to;
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
    open.as_of = j->next - j->appending != first ? j->next - j->appending : 0;
    open.again = j->next != first ? j->next : 0;
    open.boot = text_of(j->boot);
    open.program = TEXT(GW_VERSION);
    open.book = text_of(j->book[0] != '\0' ? j->book : NULL);
    if (j->settings.carry != NULL)
        j->settings.carry(j->settings.owner, &open, &arena);
    int result = 0;
    if (arena.full || record_write(&open, &record) < 0 || buf_text(&bytes, head) < 0 ||
        segment_frame(buf_view(&record), &bytes) < 0)
        result = journal_write_error(j, "written", ENOMEM, fail);
    if (result == 0)
        result = journal_write_all(j, buf_view(&bytes), fail);
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
    if (disk_cut(p->fd, p->at) < 0) /* gives back what was reserved */
        log_line(LOG_WARN, "ledger: room that was reserved in %s is not given back: %s", j->folder, strerror(errno));
    close(p->fd);
}

static struct place place_of(const struct journal *j)
{
    return (struct place){ j->fd, j->segment, j->at, j->reserved };
}

void journal_leave_segment(struct journal *j)
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
    j->segment = disk_remove(j->folder_fd, name) == 0 ? before->segment : segment;
}

bool journal_is_gone(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_nlink == 0;
}

/* What is in it is gone with it, and cannot be had again: the new one begins with all that is open and with the balances. */
static int mend_folder(struct journal *j, struct fail *fail)
{
    if (j->folder_fd >= 0 && !journal_is_gone(j->folder_fd))
        return 0;
    if (journal_take_folder(j, fail) < 0)
        return -1;
    log_line(
        LOG_ERROR,
        "the ledger's folder %s was removed while this gateway kept it: it is made anew, and what was in it is gone",
        j->folder);
    return 0;
}

static int fill_segment(struct journal *j, struct fail *fail)
{
    if (disk_sync_names(j->folder_fd) < 0)
        return journal_write_error(j, "synced", errno, fail);
    if (put_open(j, j->unsynced, fail) < 0)
        return -1;
    j->marked = j->unsynced; /* the OPEN shows it */
    return j->frames.len > 0 ? journal_write_all(j, buf_view(&j->frames), fail) : 0;
}

int journal_begin_segment(struct journal *j, struct fail *fail)
{
    char memory[128];
    struct arena arena;
    struct place before = place_of(j);
    if (mend_folder(j, fail) < 0)
        return -1;
    arena_init(&arena, memory, sizeof memory, 4096);
    const char *name = segment_name(&arena, j->segment + 1, j->boot);
    int fd = disk_make(j->folder_fd, name);
    int result = fd < 0 ? journal_write_error(j, "written", errno, fail) : 0;
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
