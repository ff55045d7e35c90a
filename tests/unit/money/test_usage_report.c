/* test_usage_report.c - sums of a journal, and of a store with what the journal has beyond it; the words of a report. */
#include "forge.h"
#include "money/usage_inside.h"
#include "read_store.h"
#include "written.h"

#pragma GCC diagnostic ignored "-Woverride-init" /* what write_journal.h gives a record may be another thing here */

#define DAY_MS INT64_C(86400000)

static struct record_line lines[] = { { .unit = { "output", 6 }, .quantity = 4, .cost = 900 } };
/* Two days of 1970: one attempt in flight, a row without an upstream, a correction that names no provider. */
static const struct record journal[] = {
    OPEN(1, .gap = 0),
    HOLD(1, 5, 1000, .team = TEXT("blue"), .key = TEXT("k1"), .model = TEXT("m1"), .project = TEXT("p1"),
         .tags = TEXT("t1"), .user = TEXT("u1"), .session = TEXT("s1"), .client = TEXT("c1")),
    END(2, 1, SETTLED, .final = 1, .source = SOURCE_REPORTED, .cost = 700),
    HOLD(3, DAY_MS, 2000, .team = TEXT("red"), .key = TEXT("k2"), .model = TEXT("m1")),
    END(4, 3, DOUBT, .final = 1, .doubt = 2000, .source = SOURCE_ESTIMATED),
    HOLD(5, DAY_MS + 59999, 3000, .team = TEXT("blue"), .key = TEXT("k2"), .model = TEXT("m2")),
    ROW(6, 2 * DAY_MS - 1, .team = TEXT("green"), .model = TEXT("m2"), .final = 1, .unpriced = 1,
        .ending = ENDING_SETTLED),
    LATE(7, 3, .request = TEXT("r"), .admitted_ms = DAY_MS, .team = TEXT("red"), .key = TEXT("k2"), .model = TEXT("m1"),
         .ending = ENDING_SETTLED, .cost = 900, .doubt = -2000, .lines = { lines, 1 }),
};
enum { RECORDS = sizeof journal / sizeof journal[0] };

static struct usage_query asked(const char *words)
{
    struct usage_query query = { .since_ms = INT64_MIN, .until_ms = INT64_MAX };
    struct text bad;
    cr_assert_eq(usage_parse_by(text_of(words), &query, &bad), 0, "%.*s", TEXT_ARG(bad));
    return query;
}

/* "blue m1: 1 700 0 0, ...": requests, spent, held, doubt. */
static void rows_are(const struct usage_report *r, const char *expected)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    for (size_t i = 0; i < r->row_count; i++) {
        for (unsigned k = 0; k < r->query.by_count; k++)
            buf_printf(&out, "%.*s ", TEXT_ARG(r->rows[i]->values[k]));
        const struct usage_sums *s = &r->rows[i]->sums;
        buf_printf(&out, "%lld %lld %lld %lld\n", (long long)s->requests, (long long)s->cost, (long long)s->held,
                   (long long)s->doubt);
    }
    const struct usage_sums *s = &r->total;
    buf_printf(&out, "= %lld %lld %lld %lld", (long long)s->requests, (long long)s->cost, (long long)s->held,
               (long long)s->doubt);
    written(&out, expected);
    buf_free(&out);
}

static void reads(const struct usage_query *query, const char *expected)
{
    struct folder f;
    struct fail fail;
    folder_make(&f);
    forge(&f, journal, RECORDS, -1);
    struct usage_report *r = usage_report_read(f.path, NULL, query, &fail);
    cr_assert_not_null(r, "%s", fail.text);
    rows_are(r, expected);
    const struct usage_notes *notes = usage_report_notes(r);
    cr_assert(notes->problems == 0 && notes->first_record == 1 && notes->rows_since_ms == INT64_MIN);
    cr_assert_str_eq(notes->store_failed, "");
    usage_report_free(r);
    folder_remove(&f);
}

Test(usage_report, words_are_each_known_and_once)
{
    static const struct {
        const char *words;
        int result;
        const char *bad;
        unsigned count;
    } cases[] = {
        { "team", 0, NULL, 1 },
        { "team,key,model,provider,project,tag", 0, NULL, 6 },
        { " user , session,client , day ", 0, NULL, 4 },
        { "team,key,model,provider,project,tag,user", -1, "user", 6 },
        { "team,team", -1, "team", 1 },
        { "teams", -1, "teams", 0 },
        { "day,,key", -1, "", 1 },
        { "", -1, "", 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct usage_query query = { .by_count = 3 };
        struct text bad = TEXT("?");
        cr_assert_eq(usage_parse_by(text_of(cases[i].words), &query, &bad), cases[i].result, "%zu", i);
        cr_assert(cases[i].bad == NULL || text_is(bad, cases[i].bad), "%zu", i);
        cr_assert_eq(query.by_count, cases[i].count, "%zu", i);
    }
    struct usage_query query = asked("day,client,session,user,tag,project");
    static const enum usage_by by[] = { BY_DAY, BY_CLIENT, BY_SESSION, BY_USER, BY_TAG, BY_PROJECT };
    cr_assert_eq(memcmp(query.by, by, sizeof by), 0);
    query = asked("provider,model,key,team");
    cr_assert(query.by[0] == BY_PROVIDER && query.by[1] == BY_MODEL && query.by[2] == BY_KEY && query.by[3] == BY_TEAM);
    cr_assert_eq(usage_parse_by(TEXT_NONE, &query, &(struct text){ 0 }), 0);
    cr_assert_eq(query.by_count, 0);
}

Test(usage_report, sums_are_grouped_by_each_word)
{
    static const struct {
        const char *words, *rows;
    } cases[] = {
        { "team", "red 1 900 0 0\nblue 1 700 3000 0\ngreen 1 0 0 0\n" },
        { "key", "k2 1 900 3000 0\nk1 1 700 0 0\n 1 0 0 0\n" },
        { "model", "m1 2 1600 0 0\nm2 1 0 3000 0\n" },
        { "provider", " 1 900 0 -2000\np 2 700 3000 2000\n" },
        { "project", " 2 900 3000 0\np1 1 700 0 0\n" },
        { "tag", " 2 900 3000 0\nt1 1 700 0 0\n" },
        { "user", " 2 900 3000 0\nu1 1 700 0 0\n" },
        { "session", " 2 900 3000 0\ns1 1 700 0 0\n" },
        { "client", " 2 900 3000 0\nc1 1 700 0 0\n" },
        { "day", "1970-01-01 1 700 0 0\n1970-01-02 2 900 3000 0\n" },
        { "team,day",
          "blue 1970-01-01 1 700 0 0\nred 1970-01-02 1 900 0 0\nblue 1970-01-02 0 0 3000 0\ngreen 1970-01-02 1 0 0 0\n" },
        { "model,key", "m1 k2 1 900 0 0\nm1 k1 1 700 0 0\nm2  1 0 0 0\nm2 k2 0 0 3000 0\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct usage_query query = asked(cases[i].words);
        char expected[512];
        snprintf(expected, sizeof expected, "%s= 3 1600 3000 0", cases[i].rows);
        reads(&query, expected);
    }
    struct usage_query all = { .since_ms = INT64_MIN, .until_ms = INT64_MAX };
    reads(&all, "3 1600 3000 0\n= 3 1600 3000 0");
}

Test(usage_report, a_time_begins_with_its_first_millisecond)
{
    struct usage_query query = asked("team");
    query.since_ms = 5;
    query.until_ms = DAY_MS;
    reads(&query, "blue 1 700 0 0\n= 1 700 0 0");
    query.since_ms = 6;
    query.until_ms = DAY_MS + 1;
    reads(&query, "red 1 900 0 0\n= 1 900 0 0");
    query.since_ms = DAY_MS;
    query.until_ms = 2 * DAY_MS - 1;
    reads(&query, "red 1 900 0 0\nblue 0 0 3000 0\n= 1 900 3000 0");
    query.since_ms = 2 * DAY_MS;
    query.until_ms = INT64_MAX;
    reads(&query, "= 0 0 0 0");
}

/* Of those that cost the same, the names count, and of names that begin alike the shorter one is first. */
Test(usage_report, rows_that_cost_the_same_are_in_the_order_of_their_names)
{
    static const struct record equal[] = {
        OPEN(1, .gap = 0),
        ROW(1, 1, .team = TEXT("b"), .key = TEXT("2"), .final = 1),
        ROW(2, 1, .team = TEXT("ab"), .key = TEXT("1"), .final = 1),
        ROW(3, 1, .team = TEXT("a"), .key = TEXT("3"), .final = 1),
        ROW(4, 1, .team = TEXT("b"), .key = TEXT("1"), .final = 1),
        ROW(5, 1, .team = TEXT("ac"), .final = 1),
        ROW(6, 1, .team = TEXT("aa"), .final = 1, .cost = -1),
        ROW(7, 1, .final = 1),
        ROW(8, 1, .team = TEXT("ac"), .final = 1, .cost = 5),
        ROW(9, 1, .team = TEXT("a"), .key = TEXT("10"), .final = 1),
    };
    struct folder f;
    struct fail fail;
    struct usage_query query = asked("team,key");
    folder_make(&f);
    forge(&f, equal, sizeof equal / sizeof *equal, -1);
    struct usage_report *r = usage_report_read(f.path, NULL, &query, &fail);
    cr_assert_not_null(r, "%s", fail.text);
    rows_are(r, "ac  2 5 0 0\n  1 0 0 0\na 10 1 0 0 0\na 3 1 0 0 0\nab 1 1 0 0 0\nb 1 1 0 0 0\nb 2 1 0 0 0\n"
                "aa  1 -1 0 0\n= 9 4 0 0");
    usage_report_free(r);
    folder_remove(&f);
}

Test(usage_report, damage_is_counted_and_a_folder_that_is_none_is_no_report)
{
    static const struct record damaged[] = {
        OPEN(1, .gap = 0),
        ROW(1, 1, .team = TEXT("a"), .final = 1, .cost = 1),
        ROW(2, 1, .team = TEXT("a"), .final = 1, .cost = 10),
        { .type = RECORD_MARK, .number = 3, .unix_ms = 1 },
        ROW(3, 1, .team = TEXT("a"), .final = 1, .cost = 100),
    };
    struct folder f;
    struct fail fail;
    struct usage_query query = asked("team");
    folder_make(&f);
    forge(&f, damaged, sizeof damaged / sizeof *damaged, 2);
    struct usage_report *r = usage_report_read(f.path, NULL, &query, &fail);
    cr_assert_not_null(r, "%s", fail.text);
    rows_are(r, "a 1 1 0 0\n= 1 1 0 0");
    cr_assert_eq(usage_report_notes(r)->problems, 1);
    usage_report_free(r);
    folder_remove(&f);
    cr_assert_null(usage_report_read(f.path, NULL, &query, &fail));
    cr_assert(strstr(fail.text, f.path) != NULL, "%s", fail.text);
}
