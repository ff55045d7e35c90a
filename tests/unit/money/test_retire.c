/* test_retire.c - which segments go: what a later one carries over, what the store has, and what is old. */
#include <sys/stat.h>

#include "base/clock.h"
#include "forge.h"
#include "logged.h"
#include "money/ledger.h"
#include "money/retire.h"

/* "2345": the numbers of the segments that are there. */
static const char *left(const struct folder *f)
{
    static char text[16];
    char path[512];
    size_t n = 0;
    for (folder_file(f, 0, path, sizeof path); path[0] != '\0'; folder_file(f, (unsigned)n, path, sizeof path))
        text[n++] = path[strlen(f->path) + 8];
    text[n] = '\0';
    return text;
}

/* Five segments, of which some carry all that a start needs. */
Test(retire, what_a_later_one_carries)
{
    static const struct {
        uint32_t whole[5];
        int64_t doubt[5];
        uint64_t doubts[5]; /* the oldest segment with something in doubt */
        uint64_t before;
        const char *left;
    } cases[] = {
        { { 1, 1, 1, 1, 1 }, { 0 }, { 0 }, 5, "5" },
        { { 1, 1, 1, 1, 1 }, { 0 }, { 0 }, 9, "5" },
        { { 1, 1, 1, 1, 1 }, { 0 }, { 0 }, 3, "345" }, /* the store reads the third */
        { { 1, 1, 1, 1, 1 }, { 0 }, { 0 }, 1, "12345" },
        { { 1, 1, 1, 1, 1 }, { 0 }, { 0 }, 0, "12345" },
        { { 1, 1, 1, 0, 0 }, { 0 }, { 0 }, 5, "345" }, /* a start reads from the third on */
        { { 0, 0, 0, 0, 0 }, { 0 }, { 0 }, 5, "12345" },
        { { 1, 1, 1, 1, 1 }, { 7, 7, 7, 7, 7 }, { 1, 2, 2, 2, 2 }, 5, "2345" },
        { { 1, 1, 1, 1, 1 }, { 7, 7, 7, 7, 7 }, { 1, 2, 2, 2, 5 }, 5, "5" },
        { { 1, 1, 1, 1, 1 }, { 7, 7, 7, 7, 7 }, { 0 }, 5, "12345" },         /* it is not known */
        { { 1, 1, 1, 1, 1 }, { 7, 7, 7, 7, 0 }, { 1, 1, 1, 1, 1 }, 5, "5" }, /* nothing is, any more */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct folder f;
        struct record all[10];
        for (uint64_t n = 0; n < 5; n++) {
            all[2 * n] = (struct record)OPEN(n + 1, .whole = cases[i].whole[n], .doubt = cases[i].doubt[n],
                                             .doubts = cases[i].doubts[n]);
            all[2 * n + 1] = (struct record)ROW(n + 1, 1);
        }
        folder_make(&f);
        forge(&f, all, 10, -1);
        unsigned removed = retire_segments(f.path, cases[i].before, 0);
        cr_assert_str_eq(left(&f), cases[i].left, "case %zu: %s", i, left(&f));
        cr_assert_eq(removed, 5 - strlen(cases[i].left));
        cr_assert_eq(retire_segments(f.path, cases[i].before, 0), 0);
        folder_remove(&f);
    }
    cr_assert_eq(retire_segments("/nowhere/at/all", 5, 0), 0);
}

/* A segment whose beginning cannot be read carries nothing: an earlier one does. */
Test(retire, what_cannot_be_read_carries_nothing)
{
    struct folder f;
    const struct record all[] = { OPEN(1, .whole = 1), ROW(1, 1),           OPEN(2, .whole = 1),
                                  ROW(2, 1),           OPEN(3, .whole = 1), ROW(3, 1) };
    char path[512];
    folder_make(&f);
    forge(&f, all, 6, 4); /* the third OPEN */
    cr_assert_eq(retire_segments(f.path, 3, 0), 1);
    cr_assert_str_eq(left(&f), "23");
    folder_file(&f, 1, path, sizeof path);
    folder_write(path, "another file", 12);
    cr_assert_eq(retire_segments(f.path, 3, 0), 0);
    cr_assert_str_eq(left(&f), "23");
    folder_write(path, SEGMENT_HEAD, strlen(SEGMENT_HEAD)); /* it has just been begun */
    cr_assert_eq(retire_segments(f.path, 3, 0), 0);
    cr_assert_str_eq(left(&f), "23");
    folder_remove(&f);
}

/* The time of its last record is that of the file; none goes before an older one, and what does not go is reported. */
Test(retire, what_is_old)
{
    struct folder f;
    struct logged logged;
    char path[512], log[1024], wanted[1024];
    const struct record all[] = { OPEN(1), ROW(1, 1), OPEN(2), ROW(2, 1), OPEN(3), ROW(3, 1), OPEN(4, .whole = 1) };
    int64_t now_s = clock_unix_ms() / 1000;
    folder_make(&f);
    forge(&f, all, 7, -1);
    static const int ages_s[] = { 1000, 100, 1000 };
    for (unsigned i = 0; i < 3; i++) {
        folder_file(&f, i, path, sizeof path);
        struct timespec times[2] = { { now_s - ages_s[i], 0 }, { now_s - ages_s[i], 0 } };
        cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    }
    cr_assert_eq(retire_segments(f.path, 4, 1100 * 1000), 0);
    cr_assert_eq(retire_segments(f.path, 4, 500 * 1000), 1); /* the third is old, and stands behind one that is not */
    cr_assert_str_eq(left(&f), "234");
    cr_assert_eq(retire_segments(f.path, 4, 50 * 1000), 2);
    cr_assert_str_eq(left(&f), "4");
    folder_remove(&f);
    folder_make(&f);
    forge(&f, all, 7, -1);
    folder_file(&f, 0, path, sizeof path);
    unlink(path);
    cr_assert_eq(mkdir(path, 0700), 0); /* what is no file is not removed */
    logged_begin(&logged);
    unsigned removed = retire_segments(f.path, 4, 0);
    logged_end(&logged, log, sizeof log);
    rmdir(path);
    cr_assert_eq(removed, 0);
    cr_assert_str_eq(left(&f), "234");
    snprintf(wanted, sizeof wanted,
             "llm-gateway: warning: ledger: %s is not needed any more and cannot be removed: Is a directory\n", path);
    cr_assert_str_eq(log, wanted, "%s", log);
    folder_remove(&f);
}

static struct ledger *open_at(const struct folder *f)
{
    struct fail fail;
    struct ledger_start start;
    struct ledger_settings settings = { .folder = f->path, .sync_ns = 1000000, .segment_bytes = 3000 };
    struct ledger *l = ledger_open(&settings, &start, &fail);
    cr_assert_not_null(l, "%s", fail.text);
    return l;
}

static void spend(struct ledger *l, int64_t cost, int64_t doubt)
{
    struct fail fail;
    struct ledger_refusal refusal;
    struct record hold = { .request = TEXT("r"),
                           .attempt = 1,
                           .team = TEXT("blue"),
                           .provider = TEXT("p"),
                           .hard = 100,
                           .soft = 50,
                           .admitted_ms = 1 };
    struct ledger_hold *handle = ledger_hold(l, &hold, false, &refusal, &fail);
    cr_assert_not_null(handle, "%s", fail.text);
    ledger_end(l, handle,
               &(struct record){
                   .ending = doubt > 0 ? ENDING_DOUBT : ENDING_SETTLED, .final = 1, .cost = cost, .doubt = doubt });
}

/* What the ledger itself writes: what is left has all that was spent, and what is in doubt stays. */
Test(retire, keeps_what_a_start_needs)
{
    for (int doubt = 0; doubt < 2; doubt++) {
        struct folder f;
        struct ledger_sums sums;
        folder_make(&f);
        struct ledger *l = open_at(&f);
        if (doubt)
            spend(l, 0, 100);
        for (int i = 1; i <= 200; i++)
            spend(l, i, 0);
        ledger_close(l);
        cr_assert_eq(retire_segments(f.path, 3, INT64_C(3600000)), 0); /* not old */
        cr_assert_eq(retire_segments(f.path, 1, 0), 0);                /* a reader is still in the first */
        cr_assert_eq(retire_segments(f.path, 3, 0), doubt ? 0 : 2);
        l = open_at(&f);
        ledger_read_sums(l, &sums);
        cr_assert(sums.spent == 200 * 201 / 2 && sums.doubt == (doubt ? 100 : 0));
        ledger_close(l);
        folder_remove(&f);
    }
}
