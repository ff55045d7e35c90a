/* test_history.c - a whole journal, read over its files: which records come, what is wrong with it, where a start may begin. */
#include <inttypes.h>

#include "forge.h"
#include "money/history.h"
#include "written.h"

#pragma GCC diagnostic ignored "-Woverride-init" /* what write_journal.h gives a record may be another thing here */

#define MARK(number_)                                                                                                  \
    {                                                                                                                  \
        .type = RECORD_MARK, .number = (number_), .unix_ms = 1                                                         \
    }
enum { MOST = 10 };
static const char uuid[] = "00000000-0000-0000-0000-000000000000";

/* What is read, a word for each record and a line for each problem: "open 1, row 1\n00000001 what is wrong\n". */
struct seen {
    struct buf out;
    uint64_t last; /* the record at which the reader stops; 0: none */
};

static bool take(void *owner, const struct record *record, struct text bytes)
{
    struct seen *s = owner;
    struct record again;
    struct arena arena;
    const char *why;
    buf_printf(&s->out, "%s%s %" PRIu64, s->out.len > 0 ? ", " : "", record_type_name(record->type), record->number);
    arena_init(&arena, NULL, 0, 1 << 20);
    cr_assert_eq(record_read(bytes, &arena, &again, &why), 0);
    cr_assert(again.number == record->number && again.type == record->type);
    arena_fini(&arena);
    return record->number != s->last;
}

/* "SEGMENT-BOOT.journal, byte N: what" without the boot and the byte. */
static void complain(void *owner, const char *what)
{
    struct seen *s = owner;
    const char *text = strstr(what, ": ");
    cr_assert(text != NULL && strstr(what, ".journal, byte ") == what + 8 + 1 + sizeof uuid - 1, "%s", what);
    buf_printf(&s->out, "\n%.8s%s", what, text);
}

struct sums {
    uint64_t segments, records, repeated, torn, problems, accepted, next;
};

/* Of all files. */
static uint64_t size_of(const struct folder *f)
{
    char path[512];
    uint64_t size = 0;
    struct stat st;
    for (unsigned i = 0; folder_file(f, i, path, sizeof path), path[0] != '\0'; i++) {
        cr_assert_eq(stat(path, &st), 0);
        size += (uint64_t)st.st_size;
    }
    return size;
}

static void reads(const struct record *all, int damaged, uint64_t from, uint64_t last, const char *expected,
                  struct sums sums)
{
    struct folder f;
    struct fail fail;
    struct history_report report;
    struct seen seen = { .last = last };
    struct history_visitor visitor = { take, complain, &seen };
    folder_make(&f);
    forge(&f, all, MOST, damaged);
    buf_init(&seen.out, 1 << 16);
    cr_assert_eq(history_read_from(f.path, from, &visitor, &report, &fail), 0, "%s", fail.text);
    written(&seen.out, expected);
    cr_assert(report.segments == sums.segments && report.records == sums.records && report.next == sums.next,
              "%" PRIu64 " %" PRIu64 " %" PRIu64, report.segments, report.records, report.next);
    cr_assert(report.repeated == sums.repeated && report.torn == sums.torn, "%" PRIu64 " %" PRIu64, report.repeated,
              report.torn);
    cr_assert(report.problems == sums.problems && report.accepted == sums.accepted, "%" PRIu64 " %" PRIu64,
              report.problems, report.accepted);
    if (from == 0 && last == 0 && damaged < 0)
        cr_assert_eq(report.bytes, size_of(&f), "%" PRIu64, report.bytes);
    buf_free(&seen.out);
    folder_remove(&f);
}

Test(history, each_record_comes_once)
{
    static const struct record all[MOST] = {
        OPEN(1, .gap = 0),          ROW(1, 1), MARK(2), HOLD(2, 1, 5), OPEN(2, .segment = 2, .again = 3), HOLD(2, 1, 5),
        END(3, 2, VOID, .final = 1)
    };
    reads(all, -1, 0, 0, "open 1, row 1, mark 2, hold 2, open 2, end 3",
          (struct sums){ .segments = 2, .records = 3, .repeated = 1, .next = 4 });
    reads(all, -1, 1, 0, "open 1, row 1, mark 2, hold 2, open 2, end 3",
          (struct sums){ .segments = 2, .records = 3, .repeated = 1, .next = 4 });
    reads(all, -1, 2, 0, "open 2, hold 2, end 3", (struct sums){ .segments = 1, .records = 2, .next = 4 });
    reads(all, -1, 3, 0, "", (struct sums){ .next = 1 });
    reads(all, -1, 0, 1, "open 1", (struct sums){ .segments = 1, .next = 1 }); /* the visitor stops */
    reads(all, -1, 0, 2, "open 1, row 1, mark 2", (struct sums){ .segments = 1, .records = 1, .next = 2 });
}

Test(history, what_is_wrong_is_named_with_its_place)
{
    static const struct record missing[MOST] = { OPEN(1, .gap = 0), ROW(1, 1), ROW(3, 1), OPEN(7, .segment = 2),
                                                 ROW(7, 1) };
    reads(missing, -1, 0, 0,
          "open 1, row 1, row 3, open 7, row 7"
          "\n00000001: record 3 stands where 2 should"
          "\n00000002: the records 4 to 6 are missing before it",
          (struct sums){ .segments = 2, .records = 3, .problems = 2, .next = 8 });
    static const struct record known[MOST] = {
        OPEN(1, .gap = 0), ROW(2, 1), OPEN(5, .segment = 2, .gap = 1), ROW(5, 1), OPEN(9, .segment = 3), ROW(9, 1)
    };
    reads(known, -1, 0, 0,
          "open 1, row 2, open 5, row 5, open 9, row 9\n00000003: the records 6 to 8 are missing before it",
          (struct sums){ .segments = 3, .records = 3, .problems = 1, .accepted = 2, .next = 10 });
}

/* Without a MARK behind it what cannot be read had been promised to nobody. */
Test(history, damage_counts_where_the_records_had_been_on_the_disk)
{
    static const char why[] = ": what stands here is not what was written: the rest of this file cannot be read";
    static const struct {
        struct record all[MOST];
        int damaged;
        bool promised;
        const char *seen;
        uint64_t records, next;
    } cases[] = {
        { { OPEN(1, .gap = 0), ROW(1, 1), ROW(2, 1), ROW(3, 1) }, 2, false, "open 1, row 1", 1, 2 },
        { { OPEN(1, .gap = 0), ROW(1, 1), ROW(2, 1), ROW(3, 1) }, 3, false, "open 1, row 1, row 2", 2, 3 },
        { { OPEN(1, .gap = 0), ROW(1, 1), ROW(2, 1), MARK(3) }, 2, true, "open 1, row 1", 1, 2 },
        { { OPEN(1, .gap = 0), ROW(1, 1), ROW(2, 1), MARK(2) }, 2, false, "open 1, row 1", 1, 2 },
        { { OPEN(1, .gap = 0), ROW(1, 1), MARK(2), ROW(2, 1) }, 2, false, "open 1, row 1", 1, 2 },
        { { OPEN(1, .gap = 0), ROW(1, 1), ROW(2, 1), MARK(2), ROW(3, 1), MARK(4) }, 2, true, "open 1, row 1", 1, 2 },
        { { OPEN(5, .gap = 0), ROW(5, 1), MARK(6) }, 0, true, "", 0, 1 }, /* the first that can be read has a number */
        { { OPEN(5, .gap = 0), ROW(5, 1), MARK(5) }, 0, false, "", 0, 1 },
        { { OPEN(5, .gap = 0), MARK(5) }, 0, false, "", 0, 1 },
        { { OPEN(5, .gap = 0), MARK(9), ROW(5, 1), ROW(6, 1) }, 0, false, "", 0, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[256];
        snprintf(expected, sizeof expected, "%s%s%s", cases[i].seen, cases[i].promised ? "\n00000001" : "",
                 cases[i].promised ? why : "");
        reads(cases[i].all, cases[i].damaged, 0, 0, expected,
              (struct sums){ .segments = 1,
                             .records = cases[i].records,
                             .problems = cases[i].promised,
                             .torn = !cases[i].promised,
                             .next = cases[i].next });
    }
}

Test(history, the_first_file_brings_the_holds_of_older_ones)
{
    static const struct record hold = HOLD(3, 1, 5), row = ROW(4, 1);
    char rooms[2][2048];
    struct text carried[] = { forge_carried(&hold, rooms[0]), forge_carried(&row, rooms[1]), TEXT("x") };
    struct record all[MOST] = { OPEN(7, .carried = { carried, 1 }), ROW(7, 1),
                                OPEN(8, .segment = 2, .carried = { carried, 1 }), ROW(8, 1) };
    reads(all, -1, 0, 0, "open 7, hold 3, row 7, open 8, row 8",
          (struct sums){ .segments = 2, .records = 2, .next = 9 });
    reads(all, -1, 0, 3, "open 7, hold 3", (struct sums){ .segments = 1, .next = 7 });
    all[0].carried.count = 3;
    reads(all, -1, 0, 0,
          "open 7, hold 3, row 7, open 8, row 8"
          "\n00000001: a hold that was carried over cannot be read"
          "\n00000001: a hold that was carried over cannot be read",
          (struct sums){ .segments = 2, .records = 2, .problems = 2, .next = 9 });
}

static uint64_t whole_of(const struct record *all, int damaged)
{
    struct folder f;
    struct fail fail;
    uint64_t segment = 99;
    folder_make(&f);
    forge(&f, all, MOST, damaged);
    cr_assert_eq(history_find_whole(f.path, &segment, &fail), 0, "%s", fail.text);
    folder_remove(&f);
    return segment;
}

Test(history, a_start_begins_at_the_last_file_that_has_all)
{
    static const struct {
        struct record all[MOST];
        int damaged;
        uint64_t segment;
    } cases[] = {
        { { { 0 } }, -1, 0 },
        { { OPEN(1, .gap = 0), ROW(1, 1) }, -1, 0 },
        { { OPEN(1, .whole = 1), ROW(1, 1) }, -1, 1 },
        { { OPEN(1, .whole = 1), ROW(1, 1), OPEN(2, .segment = 2) }, -1, 1 },
        { { OPEN(1, .gap = 0), ROW(1, 1), OPEN(2, .whole = 1) }, -1, 2 },
        { { OPEN(1, .whole = 1), OPEN(1, .whole = 1), OPEN(1, .whole = 1) }, -1, 3 },
        { { OPEN(1, .whole = 1), OPEN(1, .whole = 1) }, 1, 1 },
        /* the records that come again must be there; a MARK is none of them */
        { { OPEN(1, .whole = 1), OPEN(1, .whole = 1, .again = 3), ROW(1, 1), ROW(2, 1) }, -1, 2 },
        { { OPEN(1, .whole = 1), OPEN(1, .whole = 1, .again = 3), ROW(1, 1) }, -1, 1 },
        { { OPEN(1, .whole = 1), OPEN(1, .whole = 1, .again = 3), ROW(1, 1), MARK(2) }, -1, 1 },
        { { OPEN(1, .whole = 1), OPEN(1, .whole = 1, .again = 3), ROW(1, 1), MARK(2), ROW(2, 1) }, -1, 2 },
        { { OPEN(1, .whole = 1), OPEN(1, .whole = 1, .again = 3), ROW(1, 1), ROW(2, 1) }, 3, 1 },
        { { OPEN(1, .whole = 1), OPEN(1, .whole = 1, .again = 1) }, -1, 2 },
        { { OPEN(1, .whole = 1), OPEN(1, .whole = 1, .again = 2) }, -1, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(whole_of(cases[i].all, cases[i].damaged), cases[i].segment, "%zu: %" PRIu64, i,
                     whole_of(cases[i].all, cases[i].damaged));
}

/* A file whose first record has the mark of a whole OPEN and is none. */
Test(history, what_begins_with_another_record_is_no_beginning)
{
    static const struct record row[MOST] = { ROW(1, 1, .whole = 1) };
    struct folder f;
    struct fail fail;
    struct seen seen = { .last = 0 };
    struct history_visitor visitor = { take, complain, &seen };
    struct history_report report;
    uint64_t segment = 99;
    char from[200], to[200];
    folder_make(&f);
    forge(&f, row, 1, -1); /* no OPEN: it calls the file 0, and it has no head */
    snprintf(from, sizeof from, "%s/00000000-%s.journal", f.path, uuid);
    snprintf(to, sizeof to, "%s/00000005-%s.journal", f.path, uuid);
    size_t len;
    char *frame = folder_read(from, &len), bytes[1000];
    size_t all = (size_t)snprintf(bytes, sizeof bytes, "%s", SEGMENT_HEAD);
    cr_assert_lt(all + len, sizeof bytes);
    memcpy(bytes + all, frame, len);
    folder_write(to, bytes, all + len);
    unlink(from);
    free(frame);
    cr_assert_eq(history_find_whole(f.path, &segment, &fail), 0);
    cr_assert_eq(segment, 0);
    buf_init(&seen.out, 1 << 16);
    cr_assert_eq(history_read(f.path, &visitor, &report, &fail), 0);
    written(&seen.out, "row 1\n00000005: the segment does not begin with an OPEN");
    buf_free(&seen.out);
    folder_remove(&f);
    cr_assert_eq(history_find_whole(f.path, &segment, &fail), -1);
    cr_assert_eq(history_read(f.path, &visitor, &report, &fail), -1);
    cr_assert(strstr(fail.text, f.path) != NULL, "%s", fail.text);
}

Test(history, a_file_of_another_program_is_refused)
{
    static const struct record newer[MOST] = { OPEN(1, .format = 2) };
    struct folder f;
    struct fail fail;
    struct seen seen = { .last = 0 };
    struct history_visitor visitor = { take, NULL, &seen };
    struct history_report report;
    folder_make(&f);
    forge(&f, newer, 1, -1);
    buf_init(&seen.out, 1 << 16);
    cr_assert_eq(history_read(f.path, &visitor, &report, &fail), -1);
    cr_assert_eq(fail.kind, FAIL_OPERATOR);
    cr_assert_str_eq(fail.text,
                     "00000001-00000000-0000-0000-0000-000000000000.journal, byte 22: its format is newer than "
                     "this program's. Use a version of llm-gateway that is at least as new as the one that wrote it",
                     "%s", fail.text);
    buf_free(&seen.out);
    folder_remove(&f);
}
