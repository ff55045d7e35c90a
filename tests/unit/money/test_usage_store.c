/* test_usage_store.c - sums of a store, with what the journal has beyond it: what is asked, what is added, what a store that is away
 * does to a report. */
#include "forge.h"
#include "money/usage_inside.h"
#include "read_store.h"
#include "written.h"

#pragma GCC diagnostic ignored "-Woverride-init" /* what write_journal.h gives a record may be another thing here */

static const gw_store_sums first_sums = { .size = sizeof first_sums,
                                          .requests = 1,
                                          .input = 2,
                                          .output = 3,
                                          .cache_read = 4,
                                          .cache_write = 5,
                                          .reasoning = 6,
                                          .cost = 700,
                                          .doubt = 8,
                                          .unpriced = 9,
                                          .estimated = 10 };
static const gw_store_sums second_sums = { .size = sizeof second_sums, .requests = 10, .cost = 50 };
static const gw_str blue[] = { GW_LIT("blue"), GW_LIT("m1") }, red[] = { GW_LIT("red"), GW_LIT("m2") };
static const gw_store_group groups[] = {
    { .size = sizeof groups[0], .value_count = 2, .values = blue, .sums = &first_sums },
    { .size = sizeof groups[0], .value_count = 2, .values = red, .sums = &second_sums },
    { .size = sizeof groups[0], .value_count = 1, .values = red, .sums = &second_sums }, /* not what was asked for */
};

/* The store stands at record 3. Behind it: an END of an earlier HOLD, a HOLD that is open, a ROW and a LATE. */
static const struct record journal[] = {
    OPEN(1, .gap = 0),
    HOLD(1, 70000, 1000, .team = TEXT("blue"), .model = TEXT("m1")),
    ROW(2, 70000, .team = TEXT("blue"), .model = TEXT("m1"), .final = 1, .cost = 1), /* in the store */
    END(3, 1, SETTLED, .final = 1, .cost = 20),
    HOLD(4, 70000, 3000, .team = TEXT("red"), .model = TEXT("m2")),
    ROW(5, 70000, .team = TEXT("new"), .model = TEXT("m3"), .final = 1, .cost = 300),
    LATE(6, 2, .request = TEXT("r"), .admitted_ms = 70000, .team = TEXT("blue"), .model = TEXT("m1"),
         .ending = ENDING_SETTLED, .cost = 4000),
    OPEN(7, .segment = 2),
    HOLD(7, 50000, 60000, .team = TEXT("red"), .model = TEXT("m2")), /* of the minute before */
};
enum { RECORDS = sizeof journal / sizeof journal[0] };

static struct usage_query asked(const char *words)
{
    struct usage_query query = { .since_ms = INT64_MIN, .until_ms = INT64_MAX };
    struct text bad;
    cr_assert_eq(usage_parse_by(text_of(words), &query, &bad), 0);
    return query;
}

static struct usage_report *report(const struct usage_query *query, int damaged, struct fail *fail)
{
    struct folder f;
    struct usage_store store = read_store_get();
    folder_make(&f);
    forge(&f, journal, RECORDS, damaged);
    struct usage_report *r = usage_report_read(f.path, &store, query, fail);
    folder_remove(&f);
    return r;
}

static void csv_is(const struct usage_report *r, const char *expected)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    cr_assert_eq(usage_report_write(r, USAGE_CSV, &out), 0);
    written(&out, expected);
    buf_free(&out);
}

#define COLUMNS "requests,input,output,cache_read,cache_write,reasoning,cost_usd,held_usd,doubt_usd\n"

Test(usage_store, sums_go_on_where_the_store_stands)
{
    struct fail fail;
    struct usage_query query = asked("team,model");
    read_store_clear();
    read_store.groups = groups;
    read_store.group_count = 3;
    read_store.at.next = 3;
    struct usage_report *r = report(&query, -1, &fail);
    cr_assert_not_null(r, "%s", fail.text);
    csv_is(r, "team,model," COLUMNS "\"blue\",\"m1\",2,2,3,4,5,6,0.00000472,0.00,0.000000008\n"
              "\"new\",\"m3\",1,0,0,0,0,0,0.0000003,0.00,0.00\n"
              "\"red\",\"m2\",10,0,0,0,0,0,0.00000005,0.000063,0.00\n");
    cr_assert(r->total.requests == 13 && r->total.cost == 5070 && r->total.held == 63000 && r->total.doubt == 8);
    cr_assert(r->total.unpriced == 9 && r->total.estimated == 10 && r->total.reasoning == 6);
    const struct usage_notes *notes = usage_report_notes(r);
    cr_assert(notes->problems == 0 && notes->first_record == 0 && notes->rows_since_ms == INT64_MIN);
    cr_assert_str_eq(notes->store_failed, "");
    usage_report_free(r);
    cr_assert(read_store.mode == GW_STORE_READ && read_store.attached == 1 && read_store.detached == 1);
}

Test(usage_store, is_asked_by_all_words)
{
    static const struct {
        const char *words;
        uint32_t by[USAGE_BY_MOST];
    } cases[] = {
        { "team,key,model,provider,day",
          { GW_STORE_BY_TEAM, GW_STORE_BY_KEY, GW_STORE_BY_MODEL, GW_STORE_BY_PROVIDER, GW_STORE_BY_DAY } },
        { "project,tag,user,session,client",
          { GW_STORE_BY_PROJECT, GW_STORE_BY_TAG, GW_STORE_BY_USER, GW_STORE_BY_SESSION, GW_STORE_BY_CLIENT } },
    };
    for (size_t i = 0; i < 2; i++) {
        struct fail fail;
        struct usage_query query = asked(cases[i].words);
        read_store_clear();
        struct usage_report *r = report(&query, -1, &fail);
        cr_assert_not_null(r, "%s", fail.text);
        cr_assert_eq(read_store.by_count, 5);
        cr_assert_eq(memcmp(read_store.by, cases[i].by, 5 * sizeof cases[i].by[0]), 0);
        cr_assert(read_store.since_ms == INT64_MIN && read_store.until_ms == INT64_MAX);
        usage_report_free(r);
    }
}

/* Rollups are of whole minutes; single rows have their own times. */
Test(usage_store, times_are_whole_minutes_where_sums_come_from_rollups)
{
    static const struct {
        const char *words;
        int64_t since_ms, until_ms, asked_since_ms, asked_until_ms;
        bool removed; /* rows since 60001 are there: who asks for older ones is informed */
    } cases[] = {
        { "team", 60000, 119999, 60000, 60000, false },
        { "key,day", 59999, 120001, 0, 120000, false },
        { "model", -1, 60001, -60000, 60000, false },
        { "provider", -60000, -59999, -60000, -60000, false },
        { "team,user", 60000, 119999, 60000, 119999, true },
        { "project", 60001, 119999, 60001, 119999, false },
        { "session", INT64_MIN, INT64_MAX, INT64_MIN, INT64_MAX, true },
        { "tag,team", 0, 1, 0, 1, true },
        { "team,client", 60002, 1, 60002, 1, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fail fail;
        struct usage_query query = asked(cases[i].words);
        query.since_ms = cases[i].since_ms;
        query.until_ms = cases[i].until_ms;
        read_store_clear();
        read_store.at.rows_since_ms = 60001;
        struct usage_report *r = report(&query, -1, &fail);
        cr_assert_not_null(r, "%s", fail.text);
        cr_assert(read_store.since_ms == cases[i].asked_since_ms && read_store.until_ms == cases[i].asked_until_ms,
                  "%zu", i);
        cr_assert_eq(usage_report_notes(r)->rows_since_ms, cases[i].removed ? 60001 : INT64_MIN, "%zu", i);
        usage_report_free(r);
    }
}

/* The rest of the journal is asked for the same minutes. */
Test(usage_store, the_rest_has_the_times_of_the_rollups)
{
    struct fail fail;
    struct usage_query query = asked("team");
    query.since_ms = 70001;
    read_store_clear();
    read_store.at.next = 3;
    struct usage_report *r = report(&query, -1, &fail);
    csv_is(r, "team," COLUMNS "\"blue\",1,0,0,0,0,0,0.00000402,0.00,0.00\n"
              "\"new\",1,0,0,0,0,0,0.0000003,0.00,0.00\n"
              "\"red\",0,0,0,0,0,0,0.00,0.000003,0.00\n");
    usage_report_free(r);
}

Test(usage_store, one_that_is_away_or_empty_leaves_it_to_the_journal)
{
    static const struct {
        gw_status attach, sums;
        size_t groups;
        const char *failed; /* NULL: no report */
    } cases[] = {
        { GW_MISS, GW_OK, 0, "" },       { GW_E_RETRY, GW_OK, 0, "the store \"reads\" answers attach() with " },
        { GW_E_CONFIG, GW_OK, 0, NULL }, { GW_OK, GW_E_RETRY, 0, "the store \"reads\" answers sums() with " },
        { GW_OK, GW_E_RETRY, 1, NULL }, /* half of the sums are none */
        { GW_OK, GW_E_CONFIG, 0, NULL }, { GW_OK, GW_MISS, 0, "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fail fail = { 0 };
        struct usage_query query = asked("team,model");
        read_store_clear();
        read_store.attach = cases[i].attach;
        read_store.sums = cases[i].sums;
        read_store.groups = groups;
        read_store.group_count = cases[i].groups;
        struct usage_report *r = report(&query, -1, &fail);
        cr_assert_eq(r == NULL, cases[i].failed == NULL, "%zu", i);
        cr_assert_eq(read_store.detached, cases[i].attach == GW_OK, "%zu", i);
        if (r == NULL)
            continue;
        const struct usage_notes *notes = usage_report_notes(r);
        cr_assert_eq(strncmp(notes->store_failed, cases[i].failed, strlen(cases[i].failed)), 0, "%zu: %s", i,
                     notes->store_failed);
        cr_assert_eq(notes->store_failed[0] != '\0', cases[i].failed[0] != '\0', "%zu", i);
        cr_assert(notes->first_record == 1 && r->total.cost == 4321 && r->total.held == 63000, "%zu", i);
        usage_report_free(r);
    }
}

Test(usage_store, damage_behind_it_is_counted)
{
    struct fail fail;
    struct usage_query query = asked("team");
    read_store_clear();
    read_store.at.next = 3;
    struct usage_report *r =
        report(&query, 3, &fail); /* from the END of the first hold on, the rest of this file is lost */
    cr_assert_not_null(r, "%s", fail.text);
    cr_assert_eq(usage_report_notes(r)->problems, 2); /* it, and the records that are missing before the next file */
    cr_assert(r->total.cost == 0 && r->total.requests == 0 && r->total.held == 61000);
    usage_report_free(r);
    read_store.at.next = 100; /* the journal has less than the store */
    r = report(&query, -1, &fail);
    cr_assert_not_null(r, "%s", fail.text);
    cr_assert_eq(usage_report_notes(r)->problems, 1);
    usage_report_free(r);
}

/* A store knows days of UTC: for those of a zone it is asked once for each, and the sums are of these alone. */
Test(usage_store, days_of_a_zone_are_asked_for_one_by_one)
{
    static const gw_str day[] = { GW_LIT("2026-12-31") };
    static const gw_store_group of_day = {
        .size = sizeof of_day, .value_count = 1, .values = day, .sums = &second_sums
    };
    static const struct zone zone = { .first = 3600 };
    struct usage_query query = asked("team,day");
    struct fail fail;
    query.zone = &zone;
    read_store_clear();
    read_store.groups = &of_day; /* to each question: the name of a team, too */
    read_store.group_count = 1;
    read_store.at.next = 8;
    struct usage_report *r = report(&query, -1, &fail);
    cr_assert_not_null(r, "%s", fail.text);
    csv_is(r, "team,day," COLUMNS "\"red\",\"1970-01-01\",0,0,0,0,0,0,0.00,0.000063,0.00\n" /* the journal's */
              "\"2026-12-31\",\"2026-12-31\",10,0,0,0,0,0,0.00000005,0.00,0.00\n"
              "\"2026-12-31\",\"2027-01-01\",10,0,0,0,0,0,0.00000005,0.00,0.00\n");
    cr_assert(r->total.requests == 20 && r->total.cost == 100, "%lld", (long long)r->total.cost);
    cr_assert_eq(read_store.since_ms, INT64_C(1798758000000)); /* 2026-12-31T23:00:00Z */
    cr_assert_eq(read_store.until_ms, INT64_C(1798758000000) + 86400000);
    usage_report_free(r);
}
