/* test_journal_disk.c - what the writer asks of the disk, call by call, also where the disk fails; what its thread does beside it. */
#include <sys/stat.h>

#include "base/clock.h"
#include "folder.h"
#include "logged.h"
#include "money/history.h"
#include "money/journal.h"
#include "tape.h"

static struct journal *opened(const struct folder *f, int64_t sync_ns, size_t segment_bytes)
{
    struct fail fail;
    struct journal_settings settings = { .folder = f->path, .sync_ns = sync_ns, .segment_bytes = segment_bytes };
    disk = tape_disk;
    struct journal *j = journal_open(&settings, &fail);
    cr_assert_not_null(j, "%s", fail.text);
    return j;
}

static struct journal *begun(const struct folder *f, int64_t sync_ns, size_t segment_bytes, uint64_t next)
{
    struct fail fail;
    tape_begin(NULL, 0, 0);
    struct journal *j = opened(f, sync_ns, segment_bytes);
    cr_assert_eq(journal_start(j, next, &fail), 0, "%s", fail.text);
    return j;
}

static int append(struct journal *j, size_t room, struct fail *fail)
{
    struct record row = { .type = RECORD_ROW, .request = TEXT("r"), .admitted_ms = 1 };
    fail->text[0] = '\0';
    journal_lock(j);
    int result = journal_append(j, &row, room, fail);
    journal_unlock(j);
    return result;
}

static void end(struct journal *j)
{
    journal_close(j);
    disk = disk_of_system;
}

/* "1 0 0, 2 3 3": of each OPEN the number, as_of, again. */
static char opens[256];

static bool pass(void *owner, const struct record *record, struct text bytes)
{
    size_t len = strlen(opens);
    (void)owner, (void)bytes;
    if (record->type == RECORD_OPEN)
        snprintf(opens + len, sizeof opens - len, "%s%llu %llu %llu", len > 0 ? ", " : "",
                 (unsigned long long)record->number, (unsigned long long)record->as_of,
                 (unsigned long long)record->again);
    return true;
}

/* What a reader finds. */
static struct history_report found(const struct folder *f)
{
    struct history_visitor visitor = { pass, NULL, NULL };
    struct history_report report;
    struct fail fail;
    opens[0] = '\0';
    cr_assert_eq(history_read(f->path, &visitor, &report, &fail), 0, "%s", fail.text);
    cr_assert_eq(report.problems, 0);
    return report;
}

static unsigned descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

Test(journal_disk, what_each_step_asks)
{
    struct folder f;
    struct fail fail;
    folder_make(&f);
    unsigned before = descriptors();
    struct journal *j = begun(&f, 0, 0, 1);
    cr_assert_str_eq(tape_calls(), "make1 names write");
    tape_begin(NULL, 0, 0);
    cr_assert_eq(append(j, 0, &fail), 0);
    cr_assert_str_eq(tape_calls(), "write sync");
    tape_begin(NULL, 0, 0);
    cr_assert_eq(append(j, 5000, &fail), 0);
    cr_assert_eq(append(j, 4000, &fail), 0); /* there is room for it */
    cr_assert_str_eq(tape_calls(), "reserve5000 write sync write sync");
    tape_begin(NULL, 0, 0);
    cr_assert_eq(append(j, 3 << 20, &fail), 0);
    cr_assert_str_eq(tape_calls(), "reserve3145728 write sync");
    tape_begin(NULL, 0, 0);
    journal_lock(j);
    cr_assert_eq(journal_sync(j, &fail), 0); /* all is on the disk */
    journal_unlock(j);
    cr_assert_str_eq(tape_calls(), "");
    end(j);
    cr_assert_str_eq(tape_calls(), "write sync cut"); /* the last MARK; room is given back */
    cr_assert(found(&f).records == 4 && found(&f).next == 5);
    j = begun(&f, 60 * CLOCK_S, 0, 5);
    cr_assert_str_eq(tape_calls(), "sync make2 names write"); /* the last one's file first */
    tape_begin(NULL, 0, 0);
    cr_assert_eq(append(j, 0, &fail), 0);
    cr_assert_eq(append(j, 0, &fail), 0);
    usleep(20000);
    cr_assert_str_eq(tape_calls(), "write write"); /* it is not time yet */
    end(j);
    cr_assert_str_eq(tape_calls(), "write write sync write sync cut");
    cr_assert_eq(found(&f).records, 6);
    cr_assert_eq(descriptors(), before);
    folder_remove(&f);
}

/* A file that is long: the next one begins, and the last one is left as it is. */
Test(journal_disk, another_file)
{
    struct folder f;
    struct fail fail;
    struct logged logged;
    char log[1024];
    struct journal_state state;
    folder_make(&f);
    struct journal *j = begun(&f, 0, 10, 1);
    tape_begin(NULL, 0, 0);
    logged_begin(&logged);
    cr_assert_eq(append(j, 0, &fail), 0);
    logged_end(&logged, log, sizeof log);
    cr_assert_str_eq(tape_calls(), "sync make2 names write cut write sync");
    cr_assert_str_eq(log, "");
    journal_read_state(j, &state);
    cr_assert(state.segment == 2 && state.next == 2 && state.records == 1 && state.failures == 0);
    /* Where none can be begun, this one goes on. */
    static const struct {
        const char *bad, *calls, *text;
        int error;
    } cases[] = {
        { "make", "make3! write sync", "written", EMFILE },
        { "names", "make3 names! remove3 write sync", "synced", EIO },
        { "write", "make3 names write! remove3 write sync", "written", ENOSPC },
    };
    unsigned before = descriptors();
    for (size_t i = 0; i < 3; i++) {
        tape_begin(cases[i].bad, 1, cases[i].error);
        cr_assert_eq(append(j, 0, &fail), 0);
        cr_assert_str_eq(tape_calls(), cases[i].calls);
        char words[256];
        snprintf(words, sizeof words, "the ledger cannot be %s in %s: %s. Make room or repair the disk", cases[i].text,
                 f.path, strerror(cases[i].error));
        cr_assert_str_eq(fail.text, words);
        journal_read_state(j, &state);
        cr_assert(state.segment == 2 && state.failures == i + 1);
        cr_assert_eq(descriptors(), before);
    }
    end(j);
    cr_assert(found(&f).records == 4 && found(&f).segments == 2);
    folder_remove(&f);
}

/* A write that fails leaves nothing behind; where that cannot be had, another file begins. */
Test(journal_disk, a_write_that_fails)
{
    struct folder f;
    struct fail fail;
    char words[256];
    struct journal_state state;
    folder_make(&f);
    struct journal *j = begun(&f, 0, 0, 1);
    snprintf(words, sizeof words, "the ledger cannot be written in %s: %s. Make room or repair the disk", f.path,
             strerror(ENOSPC));
    tape_begin("write", 1, ENOSPC);
    cr_assert_eq(append(j, 0, &fail), -1);
    cr_assert_str_eq(fail.text, words);
    cr_assert_str_eq(tape_calls(), "write!");
    tape_begin("reserve", 1, ENOSPC);
    cr_assert_eq(append(j, 10, &fail), -1);
    cr_assert_str_eq(fail.text, words);
    cr_assert_str_eq(tape_calls(), "reserve10!");
    journal_read_state(j, &state);
    cr_assert(state.failures == 2 && state.records == 0 && state.next == 1);
    static const int without[] = { EOPNOTSUPP, ENOSYS, EINTR }; /* file systems that promise nothing do without */
    for (size_t i = 0; i < 3; i++) {
        tape_begin("reserve", 1, without[i]);
        cr_assert_eq(append(j, (i + 2) << 20, &fail), 0);
        cr_assert_not_null(strstr(tape_calls(), "! write sync"), "%s", tape_calls());
    }
    tape_begin("write", 1, EINTR);
    cr_assert_eq(append(j, 0, &fail), 0);
    cr_assert_str_eq(tape_calls(), "write! write sync");
    tape_begin("write", 1, 0);
    cr_assert_eq(append(j, 0, &fail), -1); /* it takes nothing: it is full */
    cr_assert_str_eq(fail.text, words);
    tape_begin("write", 1, ENODATA);
    cr_assert_eq(append(j, 0, &fail), -1);
    cr_assert_str_eq(tape_calls(), "write! write?! cut");
    cr_assert_eq(append(j, 0, &fail), 0);
    end(j);
    cr_assert(found(&f).records == 5 && found(&f).next == 6 && found(&f).torn == 0);
    folder_remove(&f);
}

/* A file whose sync failed is not written to again: all since the last good sync goes to another one. */
Test(journal_disk, a_sync_that_fails)
{
    struct folder f;
    struct fail fail;
    char words[256];
    folder_make(&f);
    struct journal *j = begun(&f, 0, 0, 1);
    snprintf(words, sizeof words, "the ledger cannot be synced in %s: %s. Make room or repair the disk", f.path,
             strerror(EIO));
    cr_assert_eq(append(j, 0, &fail), 0);
    tape_begin("sync", 1, EIO);
    cr_assert_eq(append(j, 0, &fail), 0);
    cr_assert_str_eq(tape_calls(), "write sync! make2 names write write cut sync");
    tape_begin("sync", 2, EIO);
    cr_assert_eq(append(j, 0, &fail), JOURNAL_NOT_SYNCED); /* the other's too */
    cr_assert_str_eq(fail.text, words);
    cr_assert_str_eq(tape_calls(), "write sync! make3 names write write cut sync! cut");
    tape_begin("make", 1, EMFILE);
    cr_assert_eq(append(j, 0, &fail), -1); /* there is no file now */
    cr_assert_str_eq(tape_calls(), "make4!");
    tape_begin(NULL, 0, 0);
    cr_assert_eq(append(j, 0, &fail), 0);
    cr_assert_str_eq(tape_calls(), "make4 names write write sync write sync");
    struct journal_state state;
    journal_read_state(j, &state);
    cr_assert(state.failures == 4 && state.records == 4 && state.next == 5 && state.segment == 4);
    end(j);
    cr_assert(found(&f).records == 4 && found(&f).repeated == 3);
    /* In each the record that was being written, which its caller did not know of yet; in the last one it did. */
    cr_assert_str_eq(opens, "1 0 0, 2 0 3, 3 0 4, 3 4 4");
    folder_remove(&f);
}

/* What stops the start. */
Test(journal_disk, a_start_that_fails)
{
    struct folder f, inner;
    struct fail fail;
    struct stat st;
    char words[256];
    static const struct {
        const char *bad, *word;
    } cases[] = { { "make", "written" }, { "names", "synced" }, { "write", "written" } };
    folder_make(&f);
    for (size_t i = 0; i < 3; i++) {
        unsigned before = descriptors();
        struct journal *j = opened(&f, 0, 0);
        tape_begin(cases[i].bad, 1, EIO);
        cr_assert_eq(journal_start(j, 1, &fail), -1);
        snprintf(words, sizeof words, "the ledger cannot be %s in %s: %s. Make room or repair the disk", cases[i].word,
                 f.path, strerror(EIO));
        cr_assert_str_eq(fail.text, words);
        end(j);
        cr_assert_eq(descriptors(), before);
    }
    folder_remove(&f);
    folder_make(&f);
    snprintf(inner.path, sizeof inner.path, "%.50s/inner", f.path);
    mode_t mask = umask(0);
    unsigned before = descriptors();
    end(begun(&inner, 0, 0, 1));
    umask(mask);
    cr_assert_eq(descriptors(), before);
    cr_assert_eq(stat(inner.path, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0700); /* nobody else may read what was spent */
    snprintf(words, sizeof words, "%s/lock", inner.path);
    cr_assert_eq(stat(words, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0600);
    struct journal *j = opened(&inner, 0, 0);
    tape_begin("sync", 1, EIO); /* the last one's file */
    cr_assert_eq(journal_start(j, 1, &fail), -1);
    cr_assert_not_null(strstr(fail.text, "the ledger cannot be synced in "), "%s", fail.text);
    /* It is taken, until it is given back. */
    struct journal_settings settings = { .folder = inner.path };
    cr_assert_null(journal_open(&settings, &fail));
    snprintf(words, sizeof words,
             "another gateway keeps its ledger in %s. Give each gateway a folder of its own: ledger { path = ... }",
             inner.path);
    cr_assert_str_eq(fail.text, words);
    end(j);
    folder_remove(&inner);
    /* It cannot be written to. */
    snprintf(words, sizeof words, "%s/lock", f.path);
    cr_assert_eq(mkdir(words, 0700), 0);
    settings.folder = f.path;
    cr_assert_null(journal_open(&settings, &fail));
    rmdir(words);
    snprintf(words, sizeof words, "the ledger's folder %s cannot be written to: Is a directory", f.path);
    cr_assert_str_eq(fail.text, words);
    folder_remove(&f);
}

static bool becomes(const char *wanted)
{
    for (int i = 0; i < 1000 && strcmp(tape_calls(), wanted) != 0; i++)
        usleep(5000);
    return strcmp(tape_calls(), wanted) == 0;
}

/* The thread: each time that there is something to sync, and no more often; it mends what failed by itself. */
Test(journal_disk, the_thread_that_syncs)
{
    struct folder f;
    struct fail fail;
    struct logged logged;
    char log[2048], words[256];
    folder_make(&f);
    struct journal *j = begun(&f, 5 * CLOCK_MS, 0, 1);
    cr_assert(becomes("make1 names write sync"), "%s", tape_calls());
    for (int i = 0; i < 2; i++) {
        tape_begin(NULL, 0, 0);
        cr_assert_eq(append(j, 0, &fail), 0);
        cr_assert(becomes("write sync"), "%s", tape_calls());
        usleep(40000);
        cr_assert_str_eq(tape_calls(), "write sync"); /* nothing is new */
    }
    for (int i = 0; i < 2; i++) {
        static const char *const wanted[] = {
            "write sync! make2 names write write cut sync! cut make3 names write write sync! cut make4 names write write sync! "
            "cut make5 names write write sync",
            "write sync! make6 names write write cut sync! cut make7 names write write sync"
        };
        logged_begin(&logged);
        tape_begin("sync", i == 0 ? 4 : 2, EIO);
        int appended = append(j, 0, &fail);
        bool mended = becomes(wanted[i]);
        usleep(40000);
        logged_end(&logged, log, sizeof log);
        cr_assert(appended == 0 && mended, "%s", tape_calls());
        snprintf(words, sizeof words,
                 "llm-gateway: error: the ledger cannot be synced in %s: %s. Make room or repair the disk\n", f.path,
                 strerror(EIO));
        cr_assert_str_eq(log, words); /* reported once, each time */
    }
    tape_begin(NULL, 0, 0);
    cr_assert_eq(append(j, 0, &fail), 0);
    cr_assert(becomes("write sync"), "%s", tape_calls());
    end(j);
    cr_assert(found(&f).records == 5 && found(&f).repeated == 6);
    folder_remove(&f);
}

/* The folder goes while it is kept: it is made anew, where that can be. */
Test(journal_disk, a_folder_that_goes)
{
    struct folder f, inner;
    struct fail fail;
    struct logged logged;
    char log[1024], words[256];
    folder_make(&f);
    snprintf(inner.path, sizeof inner.path, "%.50s/inner", f.path);
    struct journal *j = begun(&inner, 0, 0, 1);
    cr_assert_eq(append(j, 0, &fail), 0);
    folder_remove(&inner);
    folder_write(inner.path, "a file", 6); /* something else stands there */
    cr_assert_eq(append(j, 0, &fail), JOURNAL_NOT_SYNCED);
    snprintf(words, sizeof words, "the ledger's folder %s cannot be opened: Not a directory", inner.path);
    cr_assert_str_eq(fail.text, words);
    unlink(inner.path);
    logged_begin(&logged);
    int appended = append(j, 0, &fail);
    logged_end(&logged, log, sizeof log);
    cr_assert_eq(appended, 0, "%s", fail.text);
    snprintf(
        words, sizeof words,
        "llm-gateway: error: the ledger's folder %s was removed while this gateway kept it: it is made anew, and what "
        "was in it is gone\n",
        inner.path);
    cr_assert_str_eq(log, words);
    end(j);
    struct history_report r = found(&inner);
    cr_assert(r.records == 2 && r.segments == 1 && r.next == 4);
    folder_remove(&inner);
    folder_remove(&f);
}
