/* test_verify.c - the rules of records: forged journals, each with one thing wrong, and what the checker reports of it. */
#include "forge.h"
#include "money/verify.h"

static char said[4096];

static void note(void *owner, const char *what)
{
    cr_assert_eq(owner, &said);
    size_t len = strlen(said);
    snprintf(said + len, sizeof said - len, "%s%s", len > 0 ? "\n" : "", what);
}

static struct verify_report verified(const struct folder *f)
{
    struct verify_report report;
    struct fail fail;
    said[0] = '\0';
    cr_assert_eq(verify_ledger(f->path, note, &said, &report, &fail), 0, "%s", fail.text);
    return report;
}

struct forged {
    struct record all[7];
    const char *complaints; /* a line each */
};

#define MOST INT64_MAX

Test(verify, the_rules_of_records)
{
    const struct forged records[] = {
        /* Nothing is wrong. */
        { { OPEN(1), HOLD(1, 1, 10), END(2, 1, SETTLED, COSTS(3)), ROW(3, 1, COSTS(4)) }, "" },
        { { OPEN(1), HOLD(1, 1, 10, .soft = 10), END(2, 1, DOUBT, COSTS(3), .doubt = 7, .soft_doubt = 2) }, "" },
        { { OPEN(1), HOLD(1, 1, 10), END(2, 1, SETTLED, COSTS(13)) }, "" },
        { { OPEN(1), HOLD(1, 1, 10), END(2, 1, SETTLED, .unpriced = 1) }, "" },
        { { OPEN(1), HOLD(1, 1, 0), END(2, 1, VOID) }, "" },
        /* Lines. */
        { { OPEN(1), ROW(1, 1, .lines = LIST(record_line, { .unit = TEXT("input"), .quantity = -1 })) },
          "record 1 (row): a line has less than nothing" },
        { { OPEN(1), ROW(1, 1, COSTS(-1)) }, "record 1 (row): a line has less than nothing" },
        { { OPEN(1), HOLD(1, 1, 10),
            END(2, 1, SETTLED, .cost = 5,
                .lines =
                    LIST(record_line, { .unit = TEXT("input"), .cost = 4 }, { .unit = TEXT("output"), .cost = 2 })) },
          "record 2 (end): its lines sum to 6 nano-dollars and it cost 5" },
        { { OPEN(1), ROW(1, 1, COSTS(5), .unpriced = 1) },
          "record 1 (row): its price is not known and it cost something" },
        { { OPEN(1), ROW(1, 1, COSTS(MOST)), ROW(2, 1, COSTS(1)) },
          "record 2 (row): a sum is over 9.2 billion dollars" },
        { { OPEN(1), ROW(1, 1, COSTS(-1), .unpriced = 1) },
          "record 1 (row): a line has less than nothing\nrecord 1 (row): its price is not known and it cost something" },
        /* Answers of the cache. */
        { { OPEN(1),
            ROW(1, 1, .lines = LIST(record_line, { .unit = TEXT("input"), .cost = 4 }), .saved = 4, .cached = 1) },
          "" },
        { { OPEN(1),
            ROW(1, 1, .lines = LIST(record_line, { .unit = TEXT("input"), .cost = 4 }), .saved = 5, .cached = 1) },
          "record 1 (row): it was answered from the cache, cost 0 nano-dollars and saved 5, and its lines sum to 4" },
        { { OPEN(1), ROW(1, 1, COSTS(4), .saved = 4, .cached = 1) },
          "record 1 (row): it was answered from the cache, cost 4 nano-dollars and saved 4, and its lines sum to 4" },
        { { OPEN(1), ROW(1, 1, .saved = 4) },
          "record 1 (row): it saved something and was not answered from the cache" },
        /* ENDs. */
        { { OPEN(1), HOLD(1, 1, 10), END(2, 1, SETTLED, COSTS(-1)) },
          "record 2 (end): a line has less than nothing\nrecord 2 (end): it cost less than nothing" },
        { { OPEN(1), HOLD(1, 1, 10), END(2, 1, DOUBT, .doubt = -1) }, "record 2 (end): it cost less than nothing" },
        { { OPEN(1), HOLD(1, 1, 10), END(2, 1, VOID, COSTS(1)) }, "record 2 (end): it is void and cost something" },
        { { OPEN(1), HOLD(1, 1, 10), END(2, 1, VOID, .doubt = 1) }, "record 2 (end): it is void and cost something" },
        { { OPEN(1), HOLD(1, 1, 10), END(2, 1, SETTLED, .doubt = 1) }, "record 2 (end): it is settled and in doubt" },
        { { OPEN(1), HOLD(1, 1, 10), END(2, 7, VOID) },
          "record 2 (end): it ends the hold 7, which is not open: it ended before, or there is none" },
        { { OPEN(1), HOLD(1, 1, 10), END(2, 1, VOID), END(3, 1, VOID) },
          "record 3 (end): it ends the hold 1, which is not open: it ended before, or there is none" },
        { { OPEN(1), HOLD(1, 1, 10), END(2, 1, DOUBT, COSTS(3), .doubt = 8) },
          "record 2 (end): what it cost and what is in doubt are over what was held" },
        { { OPEN(1), HOLD(1, 1, 10), END(2, 1, DOUBT, COSTS(13), .doubt = 1) },
          "record 2 (end): what it cost and what is in doubt are over what was held" },
        /* HOLDs. */
        { { OPEN(1), HOLD(1, 1, -1, .soft = -1) },
          "record 1 (hold): it holds less than nothing, or expects more than the most" },
        { { OPEN(1), HOLD(1, 1, 1, .soft = -1) },
          "record 1 (hold): it holds less than nothing, or expects more than the most" },
        { { OPEN(1), HOLD(1, 1, 1, .soft = 2) },
          "record 1 (hold): it holds less than nothing, or expects more than the most" },
        /* LATEs. */
        { { OPEN(1), HOLD(1, 1, 10), END(2, 1, DOUBT, .doubt = 9), LATE(3, 1, .cost = 4, .doubt = -5),
            LATE(4, 1, .doubt = -4) },
          "" },
        { { OPEN(1), HOLD(1, 1, 10), END(2, 1, DOUBT, .doubt = 9), LATE(3, 1, .doubt = -5), LATE(4, 1, .doubt = -6) },
          "record 4 (late): it takes 2 nano-dollars more out of doubt than hold 1 has in doubt" },
        { { OPEN(1), ROW(1, 1), HOLD(2, 1, 10), END(3, 2, SETTLED, COSTS(2)), LATE(4, 2, .doubt = -1) },
          "record 4 (late): it takes 1 nano-dollars more out of doubt than hold 2 has in doubt" },
        { { OPEN(1), HOLD(1, 1, 10), LATE(2, 1) }, "record 2 (late): it corrects the hold 1, which is not over" },
        { { OPEN(1), LATE(1, 1) }, "record 1 (late): it corrects the hold 1, which is not over" },
        { { OPEN(1), LATE(1, 5) }, "record 1 (late): it corrects the hold 5, which is not over" },
        { { OPEN(1), HOLD(1, 1, 10), END(2, 1, DOUBT, .doubt = 1), LATE(3, 1, .cost = MOST), ROW(4, 1, COSTS(1)) },
          "record 4 (row): a sum is over 9.2 billion dollars" },
        { { OPEN(9), LATE(9, 8, .doubt = -1) }, "" }, /* what it corrects is in a segment that is gone */
    };
    struct folder f;
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        folder_make(&f);
        forge(&f, records[i].all, 7, -1);
        struct verify_report r = verified(&f);
        cr_assert_str_eq(said, records[i].complaints, "journal %zu: %s", i, said);
        unsigned lines = said[0] != '\0';
        for (const char *at = said; *at != '\0'; at++)
            lines += *at == '\n';
        cr_assert_eq(r.broken, lines);
        cr_assert(r.accepted == 0 && r.history.problems == 0);
        folder_remove(&f);
    }
}

Test(verify, what_it_counts)
{
    struct folder f;
    const struct record all[] = {
        OPEN(1),
        HOLD(1, 1, 100),
        HOLD(2, 1, 20),
        HOLD(3, 1, 7),
        HOLD(4, 1, 1000),
        HOLD(5, 1, 3),
        END(6, 1, SETTLED, COSTS(10)),
        END(7, 2, DOUBT, COSTS(4), .doubt = 9),
        END(8, 3, VOID),
        { .type = RECORD_MARK, .number = 3, .unix_ms = 1 },
        END(9, 5, SETTLED, .unpriced = 1),
        ROW(10, 1, COSTS(50), .team = TEXT("t")),
        ROW(11, 1, .unpriced = 1),
        LATE(12, 2, .cost = 6, .doubt = -8),
        LATE(13, 2, .doubt = -1),
    };
    folder_make(&f);
    forge(&f, all, sizeof all / sizeof all[0], -1);
    struct verify_report r = verified(&f);
    cr_assert_str_eq(said, "");
    cr_assert(r.holds == 5 && r.ends == 4 && r.rows == 2 && r.lates == 2);
    cr_assert(r.settled == 2 && r.free_of_cost == 1 && r.doubtful == 1);
    cr_assert(r.open == 1 && r.unpriced == 2);
    cr_assert(r.spent == 70 && r.held == 1000 && r.doubt == 0);
    cr_assert(r.broken == 0 && r.accepted == 0);
    cr_assert(r.history.records == 13 && r.history.next == 14 && r.history.segments == 1);
    /* Nobody asks for what is wrong. */
    struct fail fail;
    cr_assert_eq(verify_ledger(f.path, NULL, NULL, &r, &fail), 0);
    cr_assert_eq(r.broken, 0);
    folder_remove(&f);
    /* There is no such folder, or nothing in it. */
    cr_assert_eq(verify_ledger("/nowhere/at/all", note, &said, &r, &fail), -1);
    cr_assert_not_null(strstr(fail.text, "/nowhere/at/all"), "%s", fail.text);
    folder_make(&f);
    r = verified(&f);
    cr_assert(said[0] == '\0' && r.broken == 0 && r.history.next == 1 && r.holds == 0);
    folder_remove(&f);
}

/* Two segments: what the second carries over is held against the first. Each of the five is changed once. */
Test(verify, what_a_segment_carries_over)
{
    static const struct {
        int64_t cost, doubt;
        unsigned carried, whole;
        uint64_t number, as_of;
        const char *complaints;
    } cases[] = {
        { 3, 5, 1, 1, 5, 0, "" },
        { 4, 5, 1, 1, 5, 0,
          "record 5 (open): it carries over 4 nano-dollars spent and 5 in doubt, and the records make it 3 and 5" },
        { 3, 6, 1, 1, 5, 0,
          "record 5 (open): it carries over 3 nano-dollars spent and 6 in doubt, and the records make it 3 and 5" },
        { 3, 5, 0, 1, 5, 0, "record 5 (open): it carries over 0 holds, and 1 are open" },
        { 3, 5, 2, 1, 5, 0, "record 5 (open): it carries over 2 holds, and 1 are open" },
        { 9, 9, 0, 0, 5, 0, "" }, /* it does not promise to carry all */
        { 9, 9, 0, 1, 4, 0, "" }, /* it stands before a record that is known */
        { 3, 5, 1, 1, 4, 5, "" }, /* and stood as of a later one */
        { 3, 0, 1, 1, 4, 5,
          "record 4 (open): it carries over 3 nano-dollars spent and 0 in doubt, and the records make it 3 and 5" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct folder f;
        char room[2048];
        const struct record open = HOLD(4, 1, 50);
        struct text carried[2] = { forge_carried(&open, room), forge_carried(&open, room) };
        struct record all[] = {
            OPEN(1, .whole = 1),
            HOLD(1, 1, 10),
            END(2, 1, DOUBT, COSTS(1), .doubt = 5),
            ROW(3, 1, COSTS(2)),
            HOLD(4, 1, 50),
            OPEN(cases[i].number, .cost = cases[i].cost, .doubt = cases[i].doubt, .whole = cases[i].whole,
                 .as_of = cases[i].as_of, .carried = { carried, cases[i].carried }),
        };
        folder_make(&f);
        forge(&f, all, 6, -1);
        verified(&f);
        cr_assert_str_eq(said, cases[i].complaints, "journal %zu: %s", i, said);
        folder_remove(&f);
    }
}

/* The first segment that is left: sums, holds and doubt begin with what it carries. */
Test(verify, a_journal_whose_beginning_is_gone)
{
    struct folder f;
    char room[2][2048];
    const struct record old[2] = { HOLD(3, 1, 50, .soft = 60),
                                   HOLD(5, 1, 20) }; /* the first would be wrong if it were new */
    struct text carried[2] = { forge_carried(&old[0], room[0]), forge_carried(&old[1], room[1]) };
    struct record all[] = {
        OPEN(9, .whole = 1, .cost = 100, .doubt = 7, .carried = { carried, 2 }),
        END(9, 3, SETTLED, COSTS(40)),
        LATE(10, 2, .cost = 1, .doubt = -7),
        ROW(11, 1, COSTS(2)),
        OPEN(12, .whole = 1, .cost = 143, .carried = { &carried[1], 1 }),
    };
    folder_make(&f);
    forge(&f, all, 5, -1);
    struct verify_report r = verified(&f);
    cr_assert_str_eq(said, "");
    cr_assert(r.spent == 143 && r.doubt == 0 && r.held == 20 && r.open == 1);
    cr_assert(r.holds == 2 && r.ends == 1 && r.settled == 1);
    /* Without `whole` nothing but the holds is taken from it. */
    all[0].whole = all[4].whole = 0;
    forge(&f, all, 5, -1);
    r = verified(&f);
    cr_assert_str_eq(said, "");
    cr_assert(r.spent == 43 && r.doubt == -7 && r.held == 20 && r.open == 1);
    /* A number that was carried over is given again. */
    const struct record twice[] = { OPEN(2, .carried = { &carried[0], 1 }), ROW(2, 1), HOLD(3, 1, 1) };
    folder_remove(&f);
    folder_make(&f);
    forge(&f, twice, 3, -1);
    r = verified(&f);
    cr_assert_str_eq(said, "record 3 (hold): its number was given before");
    folder_remove(&f);
}

/* Records that come again behind an OPEN are in what it carries, up to the record that it stood before. */
Test(verify, records_that_are_carried_and_come_again)
{
    struct folder f;
    struct record all[] = {
        OPEN(5, .whole = 1, .as_of = 7, .again = 7, .cost = 30),
        ROW(5, 1, COSTS(10)),
        ROW(6, 1, COSTS(20)),
        ROW(7, 1, COSTS(1)),
        OPEN(8, .whole = 1, .cost = 31),
    };
    folder_make(&f);
    forge(&f, all, 5, -1);
    struct verify_report r = verified(&f);
    cr_assert_str_eq(said, "");
    cr_assert(r.spent == 31 && r.rows == 1);
    all[4].cost = 61;
    forge(&f, all, 5, -1);
    verified(&f);
    cr_assert_str_eq(said,
                     "record 8 (open): it carries over 61 nano-dollars spent and 0 in doubt, and the records make "
                     "it 31 and 0");
    all[0].whole = 0; /* then they count as they come */
    all[4].whole = 0;
    forge(&f, all, 5, -1);
    r = verified(&f);
    cr_assert(r.spent == 31 && r.rows == 3 && said[0] == '\0');
    folder_remove(&f);
}

/* What is lost is known from the OPEN with `gap` on: it is accepted, and what follows is held against what that carries. */
Test(verify, behind_an_accepted_gap)
{
    struct folder f;
    char room[2][2048];
    const struct record left[] = { HOLD(2, 1, 30), HOLD(5, 1, 8) };
    struct text carried[] = { forge_carried(&left[0], room[0]), forge_carried(&left[1], room[1]), TEXT("no record") };
    struct record all[] = {
        OPEN(1),
        HOLD(1, 1, 10, .soft = 11),
        HOLD(2, 1, 30),
        ROW(3, 1, COSTS(100)),
        OPEN(9, .whole = 1, .gap = 1, .cost = 55, .doubt = 4, .carried = { carried, 2 }),
        END(9, 2, SETTLED, COSTS(5)),
        LATE(10, 4, .cost = 4, .doubt = -4), /* its END is lost */
        OPEN(11, .whole = 1, .cost = 64, .carried = { &carried[1], 1 }),
    };
    folder_make(&f);
    forge(&f, all, 8, -1);
    struct verify_report r = verified(&f);
    cr_assert_str_eq(said, "");
    cr_assert(r.broken == 0 && r.accepted == 2, "%d", (int)r.accepted); /* a HOLD, and the missing records */
    cr_assert(r.spent == 64 && r.doubt == 0 && r.held == 8 && r.open == 1);
    all[7].cost = 65;
    forge(&f, all, 8, -1);
    verified(&f);
    cr_assert_str_eq(said,
                     "record 11 (open): it carries over 65 nano-dollars spent and 0 in doubt, and the records make "
                     "it 64 and 0");
    all[4].carried.count = 3; /* what cannot be read in it is no hold */
    forge(&f, all, 8, -1);
    r = verified(&f);
    cr_assert_str_eq(said, "record 9 (open): it carries over 3 holds, and 2 are open");
    cr_assert(r.held == 8 && r.open == 1 && r.broken == 1);
    all[4].gap = 0;
    forge(&f, all, 8, -1);
    r = verified(&f);
    cr_assert_not_null(strstr(said, "the records 4 to 8 are missing before it"), "%s", said);
    cr_assert_not_null(strstr(said, "record 1 (hold): it holds less than nothing"), "%s", said);
    cr_assert(r.accepted == 0 && r.broken >= 2);
    folder_remove(&f);
}
