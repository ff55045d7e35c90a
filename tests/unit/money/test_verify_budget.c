/* test_verify_budget.c - the rules of budgets: forged journals, each with one thing wrong, and what the checker reports. */
#include "forge.h"
#include "money/verify.h"

enum { HOUR = 3600, DAY = 24 * HOUR };

static char said[4096];

static void note(void *owner, const char *what)
{
    (void)owner;
    size_t len = strlen(said);
    snprintf(said + len, sizeof said - len, "%s%s", len > 0 ? "\n" : "", what);
}

/* What is wrong with these records, a line each. */
static const char *complaints(const struct record *all, size_t count)
{
    struct verify_report report;
    struct folder f;
    struct fail fail;
    folder_make(&f);
    forge(&f, all, count, -1);
    said[0] = '\0';
    cr_assert_eq(verify_ledger(f.path, note, NULL, &report, &fail), 0, "%s", fail.text);
    folder_remove(&f);
    return said;
}

#define TEAM(id_, number_, limit_, ceiling_, ...)                                                                      \
    .accounts = LIST(record_account, { .kind = TEXT("team"),                                                           \
                                       .id = TEXT(id_),                                                                \
                                       .per = TEXT("total"),                                                           \
                                       .number = (number_),                                                            \
                                       .limit = (limit_),                                                              \
                                       .ceiling = (ceiling_),                                                          \
                                       __VA_ARGS__ })

struct forged {
    struct record all[8];
    const char *complaints;
};

static void check(const struct forged *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_assert_str_eq(complaints(all[i].all, 8), all[i].complaints, "journal %zu: %s", i, said);
}

/* Spent, in doubt and held are summed: a HOLD of one nano-dollar more than is left breaks the rule, and none less. */
Test(verify_budget, limits_and_ceilings)
{
#define T .team = TEXT("a")
#define BEGIN OPEN(1), HOLD(1, 1, 10, T, .soft = 4, TEAM("a", 1, 100, 100))
    const struct forged all[] = {
        /* Held: 10 at most, 4 expected. */
        { { BEGIN, HOLD(2, 1, 90, T, TEAM("a", 2, 100, 100)) }, "" },
        { { BEGIN, HOLD(2, 1, 91, T, TEAM("a", 2, 100, 100)) },
          "record 2 (hold): with it team \"a\" can pass its ceiling by 1 nano-dollars" },
        { { BEGIN, HOLD(2, 1, 20, T, .soft = 20, TEAM("a", 2, 24, 100)) }, "" },
        { { BEGIN, HOLD(2, 1, 21, T, .soft = 21, TEAM("a", 2, 24, 100)) },
          "record 2 (hold): with it team \"a\" is expected to pass its limit by 1 nano-dollars" },
        { { BEGIN, HOLD(2, 1, 95, T, .soft = 95, TEAM("a", 2, 90, 100)) },
          "record 2 (hold): with it team \"a\" can pass its ceiling by 5 nano-dollars\n"
          "record 2 (hold): with it team \"a\" is expected to pass its limit by 9 nano-dollars" },
        /* A budget that only reports refuses nothing; it is numbered all the same. */
        { { BEGIN, HOLD(2, 1, 95, T, .soft = 95, TEAM("a", 2, 90, 100, .only_report = 1)) }, "" },
        { { BEGIN, HOLD(2, 1, 95, T, TEAM("a", 3, 90, 100, .only_report = 1)) },
          "record 2 (hold): it is hold 3 of team \"a\" and the one before was 1" },
        /* Over: spent 3, in doubt 7, of which 2 are expected. */
        { { BEGIN, END(2, 1, DOUBT, COSTS(3), .doubt = 7, .soft_doubt = 2), HOLD(3, 1, 90, T, TEAM("a", 2, 100, 100)) },
          "" },
        { { BEGIN, END(2, 1, DOUBT, COSTS(3), .doubt = 7, .soft_doubt = 2), HOLD(3, 1, 91, T, TEAM("a", 2, 100, 100)) },
          "record 3 (hold): with it team \"a\" can pass its ceiling by 1 nano-dollars" },
        /* With nothing in flight and money left the ceiling alone counts; with something in flight the limit does. */
        { { BEGIN, END(2, 1, DOUBT, COSTS(3), .doubt = 7, .soft_doubt = 2),
            HOLD(3, 1, 9, T, .soft = 9, TEAM("a", 2, 6, 100)) },
          "" },
        { { BEGIN, END(2, 1, DOUBT, COSTS(3), .doubt = 7, .soft_doubt = 2),
            HOLD(3, 1, 9, T, .soft = 9, TEAM("a", 2, 5, 100)) },
          "record 3 (hold): with it team \"a\" is expected to pass its limit by 9 nano-dollars" },
        { { BEGIN, END(2, 1, DOUBT, COSTS(3), .doubt = 7, .soft_doubt = 2), HOLD(3, 1, 0, T, TEAM("a", 2, 5, 100)),
            HOLD(4, 1, 1, T, .soft = 1, TEAM("a", 3, 5, 100)) },
          "record 4 (hold): with it team \"a\" is expected to pass its limit by 1 nano-dollars" },
        /* What a LATE takes out of doubt is free again; a ROW spends and holds nothing. */
        { { BEGIN, END(2, 1, DOUBT, COSTS(3), .doubt = 7, .soft_doubt = 2),
            LATE(3, 1, .cost = 1, .doubt = -7, .soft_doubt = -2, T, .admitted_ms = 1),
            HOLD(4, 1, 96, T, TEAM("a", 2, 5, 100)) },
          "" },
        { { BEGIN, END(2, 1, DOUBT, COSTS(3), .doubt = 7, .soft_doubt = 2),
            LATE(3, 1, .cost = 1, .doubt = -7, .soft_doubt = -2, T, .admitted_ms = 1),
            HOLD(4, 1, 97, T, TEAM("a", 2, 5, 100)) },
          "record 4 (hold): with it team \"a\" can pass its ceiling by 1 nano-dollars" },
        { { BEGIN, END(2, 1, VOID), ROW(3, 1, COSTS(8), T), HOLD(4, 1, 92, T, .soft = 92, TEAM("a", 2, 9, 100)) }, "" },
        { { BEGIN, END(2, 1, VOID), ROW(3, 1, COSTS(8), T), HOLD(4, 1, 93, T, .soft = 93, TEAM("a", 2, 8, 100)) },
          "record 4 (hold): with it team \"a\" can pass its ceiling by 1 nano-dollars\n"
          "record 4 (hold): with it team \"a\" is expected to pass its limit by 93 nano-dollars" },
        /* Another's requests are not charged to it. */
        { { BEGIN, HOLD(2, 1, 100, .team = TEXT("b"), TEAM("b", 1, 100, 100)),
            HOLD(3, 1, 90, T, TEAM("a", 2, 100, 100)) },
          "" },
        { { BEGIN, ROW(2, 1, COSTS(50), .team = TEXT("ab")), ROW(3, 1, COSTS(50)),
            HOLD(4, 1, 90, T, TEAM("a", 2, 100, 100)) },
          "" },
        /* Numbers have no gap. */
        { { OPEN(1), HOLD(1, 1, 10, T, TEAM("a", 2, 100, 100)) },
          "record 1 (hold): it is hold 2 of team \"a\" and the one before was 0" },
        { { BEGIN, HOLD(2, 1, 10, T, TEAM("a", 1, 100, 100)) },
          "record 2 (hold): it is hold 1 of team \"a\" and the one before was 1" },
        { { BEGIN, ROW(2, 1, COSTS(INT64_MAX), T) }, "" },
        { { BEGIN, END(2, 1, SETTLED, COSTS(1)), ROW(3, 1, COSTS(INT64_MAX), T) },
          "record 3 (row): a sum is over 9.2 billion dollars\nrecord 3 (row): a sum is over 9.2 billion dollars" },
    };
    check(all, sizeof all / sizeof all[0]);
}

/* An admission is in the period that it is charged to: from its first second to before its last. */
Test(verify_budget, periods)
{
    static const struct {
        const char *per;
        int64_t begins_s, ends_s, admitted_ms;
        bool before, after;
    } cases[] = {
        { "total", 0, 0, 1, false, false },
        { "total", 0, 0, INT64_C(1) << 60, false, false },
        { "day", 1000, 0, 999999, true, false },
        { "day", 1000, 0, 1000000, false, false },
        { "day", 1000, 2000, 1999999, false, false },
        { "day", 1000, 2000, 2000000, false, true },
        { "day", 1000, 0, (1000 + 25 * HOUR) * 1000LL - 1, false, false },
        { "day", 1000, 0, (1000 + 25 * HOUR) * 1000LL, false, true },
        { "week", 1000, 0, (1000 + 7 * DAY + HOUR) * 1000LL - 1, false, false },
        { "week", 1000, 0, (1000 + 7 * DAY + HOUR) * 1000LL, false, true },
        { "month", 1000, 0, (1000 + 31 * DAY + HOUR) * 1000LL - 1, false, false },
        { "month", 1000, 0, (1000 + 31 * DAY + HOUR) * 1000LL, false, true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct record all[] = {
            OPEN(1),
            HOLD(1, cases[i].admitted_ms, 10,
                 .accounts = LIST(record_account, { .kind = TEXT("all"),
                                                    .id = TEXT("all"),
                                                    .per = text_of(cases[i].per),
                                                    .number = 1,
                                                    .limit = 10,
                                                    .ceiling = 10,
                                                    .begins_s = cases[i].begins_s,
                                                    .ends_s = cases[i].ends_s })),
        };
        const char *wanted =
            cases[i].before  ? "record 1 (hold): it was admitted before the period that it is charged to"
            : cases[i].after ? "record 1 (hold): it was admitted after the period that it is charged to"
                             : "";
        cr_assert_str_eq(complaints(all, 2), wanted, "case %zu: %s", i, said);
    }
}

/* What a request spends is found again in the period of its admission, of each budget that names it. */
Test(verify_budget, whose_budget)
{
    static const struct {
        const char *kind, *id;
        bool is_charged;
    } cases[] = {
        { "all", "all", true },          { "all", "none", false },    { "team", "t", true },
        { "team", "tt", false },         { "key", "k", true },        { "key", "t", false },
        { "project", "x", true },        { "project", "y", false },   { "provider", "p", true },
        { "provider", "t", false },      { "user", "t/u", true },     { "user", "k/u", false },
        { "session", "t/s", true },      { "session", "k/s", false }, { "key_session", "k/s", true },
        { "key_session", "t/s", false }, { "tag", "a=b", true },      { "tag", "c=d", true },
        { "tag", "a", false },           { "model", "gpt-9", true },  { "model", "gpt-*", true },
        { "model", "gpt", false },       { "team", "other", false },
    };
#define WHOSE                                                                                                          \
    .team = TEXT("t"), .key = TEXT("k"), .project = TEXT("x"), .user = TEXT("u"), .session = TEXT("s"),                \
    .tags = TEXT("c=d, a=b"), .model = TEXT("gpt-9")
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int64_t day = 0; day < 4; day += 3) {
            struct record_account a[2];
            for (unsigned n = 0; n < 2; n++)
                a[n] = (struct record_account){ .kind = text_of(cases[i].kind),
                                                .id = text_of(cases[i].id),
                                                .per = TEXT("day"),
                                                .begins_s = day * DAY,
                                                .number = n + 1,
                                                .limit = 10000,
                                                .ceiling = 100 };
            const struct record all[] = {
                OPEN(1),
                HOLD(1, day * DAY * 1000 + 1, 1, WHOSE, .accounts = { &a[0], 1 }),
                ROW(2, (3 - day) * DAY * 1000 + 1, COSTS(1000), WHOSE, .provider = TEXT("p")), /* another day's */
                ROW(3, day * DAY * 1000 + 1, COSTS(99), WHOSE, .provider = TEXT("p")),
                HOLD(4, day * DAY * 1000 + 1, 1, .accounts = { &a[1], 1 }),
            };
            char wanted[256] = "";
            if (cases[i].is_charged)
                snprintf(wanted, sizeof wanted,
                         "record 4 (hold): with it %s \"%s\" can pass its ceiling by 1 nano-dollars", cases[i].kind,
                         cases[i].id);
            cr_assert_str_eq(complaints(all, 5), wanted, "%s %s: %s", cases[i].kind, cases[i].id, said);
        }
}

/* Budgets are told apart by kind, id, period and zone, also where their names are long; periods may come in any order. */
Test(verify_budget, each_is_one_of_its_own)
{
    char a[601], b[601];
    memset(a, 'a', 600);
    memset(b, 'a', 600);
    a[600] = b[600] = '\0';
    a[511] = 'x'; /* the last byte that a record keeps */
    b[511] = 'y';
    const struct record_account whose[] = {
        { .kind = TEXT("team"), .id = TEXT("a"), .per = TEXT("day"), .begins_s = 5 * DAY },
        { .kind = TEXT("team"), .id = TEXT("b"), .per = TEXT("day"), .begins_s = 5 * DAY },
        { .kind = TEXT("team"), .id = TEXT("a"), .per = TEXT("month"), .begins_s = 5 * DAY },
        { .kind = TEXT("team"), .id = TEXT("a"), .per = TEXT("day"), .begins_s = 5 * DAY, .zone = TEXT("Asia/Tokyo") },
        { .kind = TEXT("team"), .id = TEXT("a"), .per = TEXT("day"), .begins_s = 5 * DAY, .zone = TEXT("Asia/Seoul") },
        { .kind = TEXT("user"), .id = TEXT("a"), .per = TEXT("day"), .begins_s = 5 * DAY },
        { .kind = TEXT("team"), .id = TEXT("a"), .per = TEXT("day"), .begins_s = 3 * DAY },
        { .kind = TEXT("team"), .id = TEXT("a"), .per = TEXT("day"), .begins_s = 7 * DAY },
        { .kind = TEXT("team"), .id = TEXT("a"), .per = TEXT("day"), .begins_s = 4 * DAY },
        { .kind = TEXT("team"), .id = TEXT("a"), .per = TEXT("day"), .begins_s = 6 * DAY },
        { .kind = TEXT("team"), .id = TEXT("a"), .per = TEXT("day"), .begins_s = 2 * DAY },
        { .kind = TEXT("team"), .id = text_of(a), .per = TEXT("day"), .begins_s = 5 * DAY },
        { .kind = TEXT("team"), .id = text_of(b), .per = TEXT("day"), .begins_s = 5 * DAY },
    };
    enum { COUNT = sizeof whose / sizeof whose[0] };
    struct record_account accounts[2 * COUNT];
    struct record all[1 + 2 * COUNT] = { OPEN(1) };
    for (unsigned i = 0; i < 2 * COUNT; i++) { /* each budget's first hold, then each one's second */
        accounts[i] = whose[i % COUNT];
        accounts[i].number = i / COUNT + 1;
        accounts[i].limit = accounts[i].ceiling = 2;
        all[1 + i] = (struct record)HOLD(1 + i, (whose[i % COUNT].begins_s + 5) * 1000, 1, .soft = 1,
                                         .accounts = { &accounts[i], 1 });
    }
    cr_assert_str_eq(complaints(all, 1 + 2 * COUNT), "");
    /* A budget's balance is its own too. */
    struct record_balance one = { .kind = TEXT("team"), .id = TEXT("a"), .per = TEXT("day"), .begins_s = 3 * DAY };
    one.number = 2;
    struct record more[2 + 2 * COUNT];
    memcpy(more, all, sizeof all);
    struct text carried[2 * COUNT];
    static char rooms[2 * COUNT][2048];
    for (unsigned i = 0; i < 2 * COUNT; i++)
        carried[i] = forge_carried(&all[1 + i], rooms[i]);
    more[1 + 2 * COUNT] =
        (struct record)OPEN(1 + 2 * COUNT, .whole = 1, .balances = { &one, 1 }, .carried = { carried, 2 * COUNT });
    cr_assert_str_eq(complaints(more, 2 + 2 * COUNT), "");
    one.number = 1;
    cr_assert_str_eq(
        complaints(more, 2 + 2 * COUNT),
        "record 27 (open): it carries over team \"a\" as 0/0/0/1 (nano-dollars spent, in doubt, expected of "
        "that, holds), and the records make it 0/0/0/2");
}

/* What an OPEN carries over of a budget is held against the records before it: each of its numbers. */
Test(verify_budget, balances_that_are_wrong)
{
    for (int wrong = 0; wrong < 5; wrong++) {
        struct record_balance b = { .kind = TEXT("team"),
                                    .id = TEXT("a"),
                                    .per = TEXT("total"),
                                    .spent = 3 + (wrong == 1),
                                    .doubt = 4 + (wrong == 2),
                                    .soft_doubt = 2 + (wrong == 3),
                                    .number = 1 + (wrong == 4) };
        const struct record all[] = {
            OPEN(1, .whole = 1),
            HOLD(1, 1, 9, .team = TEXT("a"), TEAM("a", 1, 100, 100)),
            END(2, 1, DOUBT, COSTS(3), .doubt = 4, .soft_doubt = 2),
            OPEN(3, .whole = 1, .cost = 3, .doubt = 4, .balances = { &b, 1 }),
        };
        static const char *const numbers[] = { "", "4/4/2/1", "3/5/2/1", "3/4/3/1", "3/4/2/2" };
        char wanted[256] = "";
        if (wrong > 0)
            snprintf(
                wanted, sizeof wanted,
                "record 3 (open): it carries over team \"a\" as %s (nano-dollars spent, in doubt, expected of that, "
                "holds), and the records make it 3/4/2/1",
                numbers[wrong]);
        cr_assert_str_eq(complaints(all, 4), wanted, "%d: %s", wrong, said);
    }
}

/* The balances of the first OPEN count; those of one behind an accepted gap take the place of what was before. */
Test(verify_budget, balances_that_are_taken)
{
    for (int64_t wrong = 0; wrong < 2; wrong++) {
        struct record_balance b = { .kind = TEXT("team"),
                                    .id = TEXT("a"),
                                    .per = TEXT("total"),
                                    .spent = 40,
                                    .doubt = 30,
                                    .soft_doubt = 20,
                                    .number = 8 };
        struct record first = HOLD(7, 1, 5, .soft = 3, .team = TEXT("a"), TEAM("a", 8, 100, 100));
        char room[2048];
        struct text carried = forge_carried(&first, room);
        const struct record begun[] = {
            OPEN(9, .whole = 1, .balances = { &b, 1 }, .carried = { &carried, 1 }),
            HOLD(9, 1, 25 + wrong, .soft = 25, .team = TEXT("a"), TEAM("a", 9, 88 - wrong, 100)),
        };
        cr_assert_str_eq(complaints(begun, 2),
                         wrong == 0 ? ""
                                    : "record 9 (hold): with it team \"a\" can pass its ceiling by 1 nano-dollars\n"
                                      "record 9 (hold): with it team \"a\" is expected to pass its limit by 1 "
                                      "nano-dollars");
        const struct record gone[] = {
            OPEN(1),
            HOLD(1, 1, 50, .soft = 50, .team = TEXT("a"), TEAM("a", 1, 100, 100)),
            ROW(2, 1, COSTS(9), .team = TEXT("a")),
            OPEN(9, .whole = 1, .gap = 1, .balances = { &b, 1 }, .carried = { &carried, 1 }),
            HOLD(9, 1, 25 + wrong, .soft = 25, .team = TEXT("a"), TEAM("a", 9, 88, 100)),
        };
        cr_assert_str_eq(complaints(gone, 5),
                         wrong == 0 ? ""
                                    : "record 9 (hold): with it team \"a\" can pass its ceiling by 1 nano-dollars");
    }
}

/* Of each period of each budget, nothing is held behind a gap but what is carried over. */
Test(verify_budget, a_gap_forgets_what_was_held)
{
    enum { DAYS = 4, ALL = 2 * DAYS }; /* as many as a budget first has room for */
    struct record_account accounts[2 * ALL];
    struct record all[2 + 2 * ALL] = { OPEN(1) };
    for (unsigned i = 0; i < 2 * ALL; i++) { /* before the gap, and behind it once more */
        struct text team = i % 2 == 0 ? TEXT("a") : TEXT("b");
        int64_t begins_s = i / 2 % DAYS * DAY;
        accounts[i] = (struct record_account){ .kind = TEXT("team"),
                                               .id = team,
                                               .per = TEXT("day"),
                                               .begins_s = begins_s,
                                               .number = 1 + i / ALL,
                                               .limit = 10,
                                               .ceiling = 10 };
        all[1 + i + i / ALL] = (struct record)HOLD(1 + i, (begins_s + 1) * 1000, 10, .soft = 10, .team = team,
                                                   .accounts = { &accounts[i], 1 });
    }
    all[1 + ALL] = (struct record)OPEN(1 + ALL, .whole = 1, .gap = 1);
    cr_assert_str_eq(complaints(all, 2 + 2 * ALL), "");
}
