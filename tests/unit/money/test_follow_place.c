/* test_follow_place.c - forged journals that are followed: which records come, where the reader then is, and in which words it
 * reports what it cannot pass. */
#include <fcntl.h>

#include "forge.h"
#include "money/follow.h"

#define SEGMENT(number_) "0000000" #number_ "-00000000-0000-0000-0000-000000000000.journal"

/* "1 2 3 -> 4": the records that come, and the number that comes next. */
static const char *numbers(struct follow *f, enum follow_next wanted, struct fail *fail)
{
    static char text[512];
    struct follow_item item;
    enum follow_next next;
    size_t len = 0;
    text[0] = '\0';
    fail->text[0] = '\0';
    while ((next = follow_next(f, &item, fail)) == FOLLOW_RECORD)
        len += (size_t)snprintf(text + len, sizeof text - len, "%llu%s ", (unsigned long long)item.record.number,
                                item.has_hold ? "h" : "");
    cr_assert_eq(next, wanted, "%s%d: %s", text, (int)next, fail->text);
    snprintf(text + len, sizeof text - len, "-> %llu", (unsigned long long)follow_number(f));
    return text;
}

static struct follow *begin(const struct folder *f, uint64_t next, bool accept_gap, uint64_t judged)
{
    struct follow_settings settings = { .folder = f->path, .next = next, .accept_gap = accept_gap, .judged = judged };
    return follow_new(&settings);
}

/* A head has 22 bytes, an OPEN 8 + 13, a ROW 8 + 11. */
struct forged {
    struct record all[8];
    int damaged;
    uint64_t next, judged;
    bool accept_gap;
    enum follow_next end;
    const char *numbers;
    uint64_t damages;
    const char *words; /* %s: the folder */
};

#define DAMAGE "`llm-gateway ledger verify` shows all damage; `serve --accept-gap` goes on without what is lost"

Test(follow_place, what_comes_and_what_is_reported)
{
    struct text none[] = { TEXT("no record") };
    const struct forged all[] = {
        { { OPEN(1) }, -1, 0, 0, false, FOLLOW_WAIT, "-> 1", 0, "" },
        { { OPEN(1), HOLD(1, 1, 5), END(2, 1, VOID), ROW(3, 1), LATE(4, 1) },
          -1,
          0,
          0,
          false,
          FOLLOW_WAIT,
          "1 2h 3 4 -> 5",
          0,
          "" },
        { { OPEN(1), HOLD(1, 1, 5), END(2, 1, VOID), ROW(3, 1), LATE(4, 1) },
          -1,
          3,
          0,
          false,
          FOLLOW_WAIT,
          "3 4 -> 5",
          0,
          "" },
        { { OPEN(1), HOLD(1, 1, 5), END(2, 1, VOID), END(3, 1, VOID), END(4, 9, VOID) },
          -1,
          0,
          0,
          false,
          FOLLOW_WAIT,
          "1 2h 3 4 -> 5",
          0,
          "" },
        { { OPEN(1), HOLD(1, 1, 5), LATE(2, 1), END(3, 1, VOID) },
          -1,
          0,
          0,
          false,
          FOLLOW_WAIT,
          "1 2 3h -> 4",
          0,
          "" }, /* a LATE ends no hold */
        { { OPEN(1), ROW(1, 1), { .type = RECORD_MARK, .number = 2, .unix_ms = 1 }, ROW(2, 1) },
          -1,
          0,
          0,
          false,
          FOLLOW_WAIT,
          "1 2 -> 3",
          0,
          "" },
        /* Written again behind an OPEN. */
        { { OPEN(1), ROW(1, 1), ROW(2, 1), OPEN(2), ROW(2, 1), ROW(3, 1) },
          -1,
          0,
          0,
          false,
          FOLLOW_WAIT,
          "1 2 3 -> 4",
          0,
          "" },
        /* The journal ends too early. */
        { { OPEN(1), ROW(1, 1) }, -1, 2, 0, false, FOLLOW_WAIT, "-> 2", 0, "" },
        { { OPEN(1), ROW(1, 1) },
          -1,
          3,
          0,
          false,
          FOLLOW_BEYOND,
          "-> 2",
          0,
          "the ledger's journal in %s ends before record 2, which was there when it was read last" },
        /* Its beginning is gone. */
        { { OPEN(5) }, -1, 5, 0, false, FOLLOW_WAIT, "-> 5", 0, "" },
        { { OPEN(5), ROW(5, 1) }, -1, 5, 0, false, FOLLOW_WAIT, "5 -> 6", 0, "" },
        { { OPEN(5), ROW(5, 1) },
          -1,
          4,
          0,
          false,
          FOLLOW_GAP,
          "-> 1",
          1,
          "the records 4 to 4 are gone from the ledger's journal in %s, which begins with " SEGMENT(1) },
        { { OPEN(5), ROW(5, 1) },
          -1,
          0,
          9,
          false,
          FOLLOW_GAP,
          "-> 1",
          1,
          "the records 1 to 4 are gone from the ledger's journal in %s, which begins with " SEGMENT(1) },
        { { OPEN(5), ROW(5, 1) }, -1, 4, 0, true, FOLLOW_WAIT, "5 -> 6", 1, "" },
        { { OPEN(5, .carried = { none, 1 }), ROW(5, 1), END(6, 3, VOID) },
          -1,
          5,
          0,
          false,
          FOLLOW_WAIT,
          "5 6 -> 7",
          0,
          "" },
        /* Records are missing between two files. */
        { { OPEN(1), ROW(1, 1), OPEN(4), ROW(4, 1) },
          -1,
          0,
          0,
          false,
          FOLLOW_DAMAGED,
          "1 -> 2",
          0,
          SEGMENT(2) ", byte 22: records are missing before it (records 2 to 3). " DAMAGE },
        { { OPEN(1), ROW(1, 1), OPEN(4), ROW(4, 1) },
          -1,
          0,
          2,
          false,
          FOLLOW_DAMAGED,
          "1 -> 2",
          0,
          SEGMENT(2) ", byte 22: records are missing before it (records 2 to 3). " DAMAGE },
        { { OPEN(1), ROW(1, 1), OPEN(4), ROW(4, 1) }, -1, 0, 3, false, FOLLOW_WAIT, "1 4 -> 5", 0, "" },
        { { OPEN(1), ROW(1, 1), OPEN(4), ROW(4, 1) }, -1, 0, 0, true, FOLLOW_WAIT, "1 4 -> 5", 1, "" },
        { { OPEN(1), ROW(1, 1), OPEN(4, .gap = 1), ROW(4, 1) }, -1, 0, 0, false, FOLLOW_WAIT, "1 4 -> 5", 0, "" },
        /* A record stands where another should. */
        { { OPEN(1), ROW(1, 1), ROW(3, 1) },
          -1,
          0,
          0,
          false,
          FOLLOW_DAMAGED,
          "1 -> 2",
          0,
          SEGMENT(1) ", byte 62: a record is not the one that should stand here (records 2 to 3). " DAMAGE },
        { { OPEN(1), ROW(1, 1), ROW(3, 1) }, -1, 0, 9, false, FOLLOW_WAIT, "1 3 -> 4", 0, "" },
        { { OPEN(1), ROW(1, 1), ROW(3, 1) }, -1, 0, 0, true, FOLLOW_WAIT, "1 3 -> 4", 1, "" },
        /* Bytes are not those that were written; without whole frames behind them they may still be on their way. */
        { { OPEN(1), ROW(1, 1), ROW(2, 1), ROW(3, 1) },
          2,
          0,
          0,
          false,
          FOLLOW_DAMAGED,
          "1 -> 2",
          0,
          SEGMENT(1) ", byte 62: what stands here is not what was written (records 2 to 2). " DAMAGE },
        { { OPEN(1), ROW(1, 1), ROW(2, 1), ROW(3, 1) }, 3, 0, 0, false, FOLLOW_WAIT, "1 2 -> 3", 0, "" },
        { { OPEN(1), ROW(1, 1), ROW(2, 1), ROW(3, 1), OPEN(3), ROW(3, 1) },
          2,
          0,
          3,
          false,
          FOLLOW_WAIT,
          "1 3 -> 4",
          0,
          "" },
        { { OPEN(1), ROW(1, 1), ROW(2, 1), ROW(3, 1), OPEN(4), ROW(4, 1) },
          2,
          0,
          0,
          true,
          FOLLOW_WAIT,
          "1 4 -> 5",
          2,
          "" },
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct folder f;
        struct fail fail;
        char words[512];
        folder_make(&f);
        forge(&f, all[i].all, 8, all[i].damaged);
        struct follow *follow = begin(&f, all[i].next, all[i].accept_gap, all[i].judged);
        cr_assert_str_eq(numbers(follow, all[i].end, &fail), all[i].numbers, "journal %zu", i);
        snprintf(words, sizeof words, all[i].words, f.path);
        cr_assert_str_eq(fail.text, words, "journal %zu: %s", i, fail.text);
        cr_assert_eq(follow_damages(follow), all[i].damages, "journal %zu", i);
        follow_free(follow);
        folder_remove(&f);
    }
}

/* Where the reader stands is where another one may begin: behind the last record, or at the oldest HOLD that is open. */
Test(follow_place, where_another_begins)
{
    struct folder f;
    struct fail fail;
    const struct record all[] = { OPEN(1), ROW(1, 1), ROW(2, 1), OPEN(3), ROW(3, 1) };
    const struct record held[] = { OPEN(1), ROW(1, 1), HOLD(2, 1, 5), ROW(3, 1) };
    folder_make(&f);
    forge(&f, all, 3, -1);
    struct follow *follow = begin(&f, 0, false, 0);
    cr_assert_eq(follow_place(follow).segment, 0); /* nothing was read */
    struct follow *unread = follow_new(&(struct follow_settings){ .folder = f.path, .from = { 7, 8, 9 } });
    struct follow_place still = follow_place(unread); /* it is to be begun there still */
    cr_assert(still.segment == 7 && still.offset == 8 && still.number == 9);
    follow_free(unread);
    cr_assert_str_eq(numbers(follow, FOLLOW_WAIT, &fail), "1 2 -> 3");
    struct follow_place place = follow_place(follow);
    cr_assert(place.segment == 1 && place.offset == 22 + 21 + 19 + 19 && place.number == 3);
    /* The same from there, which is the end; and from a record before it. */
    for (unsigned i = 0; i < 3; i++) {
        struct follow_settings settings = {
            .folder = f.path, .from = { 1, 22 + 21 + 19 * i, i + 1 }, .next = i + 1, .sync = true
        };
        struct follow *other = follow_new(&settings);
        const char *wanted[] = { "1 2 -> 3", "2 -> 3", "-> 3" };
        cr_assert_str_eq(numbers(other, FOLLOW_WAIT, &fail), wanted[i]);
        place = follow_place(other);
        cr_assert(place.segment == 1 && place.offset == 81 && place.number == 3, "%u: %llu", i,
                  (unsigned long long)place.offset);
        follow_free(other);
    }
    forge(&f, all, 5, -1);
    cr_assert_str_eq(numbers(follow, FOLLOW_WAIT, &fail), "3 -> 4");
    place = follow_place(follow);
    cr_assert(place.segment == 2 && place.offset == 22 + 21 + 19 && place.number == 4);
    follow_free(follow);
    /* A place whose frame is torn, or that is none: all is read again, and what is known is not given again. */
    static const struct follow_place wrong[] = {
        { 1, 44, 2 }, { 1, 80, 2 }, { 1, 63, 2 }, { 9, 1000, 2 }, { 9, 81, 2 }
    };
    for (unsigned i = 0; i < 5; i++) {
        struct follow_settings settings = { .folder = f.path, .from = wrong[i], .next = 2 };
        follow = follow_new(&settings);
        cr_assert_str_eq(numbers(follow, FOLLOW_WAIT, &fail), "2 3 -> 4", "%u", i);
        follow_free(follow);
    }
    folder_remove(&f);
    folder_make(&f);
    forge(&f, held, 4, -1);
    follow = begin(&f, 0, false, 0);
    cr_assert_str_eq(numbers(follow, FOLLOW_WAIT, &fail), "1 2 3 -> 4");
    place = follow_place(follow);
    cr_assert(place.segment == 1 && place.offset == 62 && place.number == 2);
    follow_free(follow);
    folder_remove(&f);
}

/* What stands before the place is not read again, whatever became of it. */
Test(follow_place, nothing_before_it_is_read)
{
    struct folder f;
    struct fail fail;
    const struct record all[] = { OPEN(1), ROW(1, 1), ROW(2, 1), OPEN(3), ROW(3, 1), ROW(4, 1) };
    folder_make(&f);
    forge(&f, all, 6, 1);
    for (unsigned i = 0; i < 3; i++) {
        struct follow_settings settings = { .folder = f.path, .from = { 2, 43 + 19 * i, 3 + i }, .next = 3 + i };
        struct follow *follow = follow_new(&settings);
        const char *wanted[] = { "3 4 -> 5", "4 -> 5", "-> 5" };
        cr_assert_str_eq(numbers(follow, FOLLOW_WAIT, &fail), wanted[i]);
        follow_free(follow);
    }
    folder_remove(&f);
}

/* The descriptor of this process that leads to the file; -1: none. */
static int descriptor_of(const char *path)
{
    for (int fd = 3; fd < 256; fd++) {
        char link[64], to[512];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t len = readlink(link, to, sizeof to - 1);
        to[len > 0 ? len : 0] = '\0';
        if (strcmp(to, path) == 0)
            return fd;
    }
    return -1;
}

/* What cannot be synced is not taken for synced: the next file is not begun. */
Test(follow_place, a_file_that_cannot_be_synced)
{
    struct folder f;
    struct fail fail;
    char path[512], words[512];
    struct follow_item item;
    const struct record all[] = { OPEN(1), ROW(1, 1), ROW(2, 1), OPEN(3), ROW(3, 1) };
    for (int sync = 0; sync < 2; sync++) {
        folder_make(&f);
        forge(&f, all, 5, -1);
        folder_file(&f, 0, path, sizeof path);
        struct follow_settings settings = { .folder = f.path, .sync = sync != 0 };
        struct follow *follow = follow_new(&settings);
        cr_assert_eq(follow_sync(follow, &fail), 0); /* nothing was read */
        cr_assert_eq(follow_next(follow, &item, &fail), FOLLOW_RECORD);
        cr_assert_eq(follow_sync(follow, &fail), 0);
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC); /* it has an end, and cannot be synced */
        cr_assert_geq(dup2(null, descriptor_of(path)), 0);
        close(null);
        snprintf(words, sizeof words, "%s/" SEGMENT(1) " cannot be synced: Invalid argument", f.path);
        cr_assert_eq(follow_sync(follow, &fail), -1);
        cr_assert_str_eq(fail.text, words);
        cr_assert_str_eq(numbers(follow, sync ? FOLLOW_FAILED : FOLLOW_WAIT, &fail), sync ? "2 -> 3" : "2 3 -> 4");
        cr_assert_str_eq(fail.text, sync ? words : "");
        follow_free(follow);
        folder_remove(&f);
    }
}

/* What cannot be read, and whose fault it is. */
Test(follow_place, what_cannot_be_read)
{
    struct folder f;
    struct fail fail;
    char path[512], words[512];
    struct record newer[] = { OPEN(1), ROW(1, 1), OPEN(2, .whole = 1) };
    int input = fcntl(0, F_GETFD);
    folder_make(&f);
    struct follow *follow = begin(&f, 0, false, 0);
    cr_assert_str_eq(numbers(follow, FOLLOW_WAIT, &fail), "-> 1"); /* nothing is there yet */
    follow_free(follow);
    follow = begin(&f, 2, false, 0);
    cr_assert_str_eq(numbers(follow, FOLLOW_BEYOND, &fail), "-> 1");
    follow_free(follow);
    cr_assert_eq(fcntl(0, F_GETFD), input); /* a follower that read nothing closes nothing */
    cr_assert_eq(follow_oldest(f.path, &fail), 1);
    newer[2].format = 2;
    forge(&f, newer, 3, -1);
    cr_assert_eq(follow_oldest(f.path, &fail), 1);
    follow = begin(&f, 0, false, 0);
    cr_assert_str_eq(numbers(follow, FOLLOW_FAILED, &fail), "1 -> 2");
    cr_assert_str_eq(fail.text,
                     SEGMENT(2) ", byte 22: its format is newer than this program's. Use a version of llm-gateway "
                                "that is at least as new as the one that wrote it");
    follow_free(follow);
    /* A file is taken away while it is read. */
    folder_file(&f, 1, path, sizeof path);
    unlink(path);
    follow = begin(&f, 0, false, 0);
    cr_assert_str_eq(numbers(follow, FOLLOW_WAIT, &fail), "1 -> 2");
    folder_file(&f, 0, path, sizeof path);
    unlink(path);
    cr_assert_str_eq(numbers(follow, FOLLOW_FAILED, &fail), "-> 2");
    cr_assert_str_eq(fail.text, SEGMENT(1) " was removed while it was read");
    follow_free(follow);
    folder_remove(&f);
    /* The folder is not there. */
    snprintf(words, sizeof words, "the ledger's folder %s cannot be read: No such file or directory", f.path);
    follow = begin(&f, 0, false, 0);
    cr_assert_str_eq(numbers(follow, FOLLOW_FAILED, &fail), "-> 1");
    cr_assert_str_eq(fail.text, words);
    follow_free(follow);
    fail.text[0] = '\0';
    cr_assert_eq(follow_oldest(f.path, &fail), 0);
    cr_assert_str_eq(fail.text, words);
    folder_make(&f);
    const struct record later[] = { OPEN(77), ROW(77, 1) };
    forge(&f, later, 2, -1);
    cr_assert_eq(follow_oldest(f.path, &fail), 77);
    folder_remove(&f);
}
