/* test_explain.c - the records of one request, from the journal, and from a store with what the journal has beyond it. */
#include "forge.h"
#include "money/explain_inside.h"
#include "read_store.h"
#include "written.h"

#pragma GCC diagnostic ignored "-Woverride-init" /* what write_journal.h gives a record may be another thing here */

/* Requests "r" (HOLD and others are of it, unless they name another) and "x". */
static const struct record journal[] = {
    OPEN(1, .gap = 0),
    HOLD(1, 5, 1000),
    HOLD(2, 5, 1000, .request = TEXT("x")),
    END(3, 1, SETTLED, .final = 1, .cost = 20),
    END(4, 2, SETTLED, .final = 1, .cost = 30),
    ROW(5, 5, .final = 1),
    ROW(6, 5, .request = TEXT("x"), .final = 1),
    LATE(7, 1, .request = TEXT("r"), .admitted_ms = 5, .ending = ENDING_SETTLED, .cost = -5),
    OPEN(8, .segment = 2),
    HOLD(8, 6, 700, .attempt = 2),
    HOLD(9, 6, 800, .request = TEXT("x")),
    ROW(10, 5, .final = 1),
};
enum { RECORDS = sizeof journal / sizeof journal[0] };
static const gw_store_sums sums = { .size = sizeof sums, .cost = 44 };
static const gw_store_row stored[] = {
    { .size = sizeof stored[0], .type = GW_STORE_END, .number = 3, .sums = &sums },
    { .size = sizeof stored[0], .type = GW_STORE_ROW, .number = 3, .sums = &sums }, /* another one */
};

static struct explain *explain(const struct record *all, size_t count, const struct usage_store *store, int damaged,
                               struct fail *fail)
{
    struct folder f;
    folder_make(&f);
    forge(&f, all, count, damaged);
    struct explain *e = explain_read(f.path, store, TEXT("r"), fail);
    folder_remove(&f);
    return e;
}

/* "end 3 20, open 8 0": type, number, cost. Frees it. */
static void rows_are(struct explain *e, const char *expected)
{
    static const char *const types[] = { "open", "end", "row", "late" };
    struct buf out;
    buf_init(&out, 1 << 16);
    for (size_t i = 0; i < e->count; i++)
        buf_printf(&out, "%s%s %llu %lld", i > 0 ? ", " : "", types[e->rows[i]->type],
                   (unsigned long long)e->rows[i]->number, (long long)e->rows[i]->sums->cost);
    written(&out, expected);
    cr_assert(text_is(e->request, "r"));
    buf_free(&out);
    explain_free(e);
}

Test(explain, has_the_records_of_its_request_alone)
{
    struct fail fail;
    struct explain *e = explain(journal, RECORDS, NULL, -1, &fail);
    cr_assert_not_null(e, "%s", fail.text);
    cr_assert_eq(explain_count(e), 5);
    cr_assert_eq(e->rows[4]->hard, 700); /* in flight: last */
    cr_assert_eq(e->rows[4]->attempt, 2);
    rows_are(e, "end 3 20, row 5 0, late 7 -5, row 10 0, open 8 0");
    e = explain(journal, 3, NULL, -1, &fail);
    rows_are(e, "open 1 0");
    e = explain(journal, 1, NULL, -1, &fail);
    cr_assert_not_null(e, "%s", fail.text);
    cr_assert_eq(explain_count(e), 0);
    explain_free(e);
}

Test(explain, goes_on_where_the_store_stands_and_has_each_record_once)
{
    struct fail fail;
    struct usage_store store = read_store_get();
    read_store_clear();
    read_store.given = stored;
    read_store.given_count = 2;
    read_store.at.next = 5;
    rows_are(explain(journal, RECORDS, &store, -1, &fail),
             "end 3 44, row 3 44, row 5 0, late 7 -5, row 10 0, open 8 0");
    cr_assert_str_eq(read_store.request, "r");
    cr_assert(read_store.mode == GW_STORE_READ && read_store.attached == 1 && read_store.detached == 1);
    read_store.at.next = 3; /* a record was delivered between the two readings */
    rows_are(explain(journal, RECORDS, &store, -1, &fail),
             "end 3 44, row 3 44, row 5 0, late 7 -5, row 10 0, open 8 0");
    read_store.at.next = 100; /* the journal was lost: what the store has is shown */
    read_store.given_count = 1;
    rows_are(explain(journal, RECORDS, &store, -1, &fail), "end 3 44, open 8 0");
}

Test(explain, a_store_that_is_away_leaves_it_to_the_journal)
{
    static const struct {
        gw_status attach, cursor, rows;
        bool reads;
    } cases[] = {
        { GW_MISS, GW_OK, GW_OK, true },     { GW_E_RETRY, GW_OK, GW_OK, true },  { GW_E_CONFIG, GW_OK, GW_OK, false },
        { GW_OK, GW_E_RETRY, GW_OK, false }, { GW_OK, GW_OK, GW_E_RETRY, false },
    };
    struct usage_store store = read_store_get();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fail fail = { 0 };
        read_store_clear();
        read_store.attach = cases[i].attach;
        read_store.cursor = cases[i].cursor;
        read_store.rows = cases[i].rows;
        struct explain *e = explain(journal, RECORDS, &store, -1, &fail);
        cr_assert_eq(e != NULL, cases[i].reads, "%zu: %s", i, fail.text);
        cr_assert_eq(read_store.detached, cases[i].attach == GW_OK, "%zu", i);
        if (e != NULL)
            rows_are(e, "end 3 20, row 5 0, late 7 -5, row 10 0, open 8 0");
        else
            cr_assert(strstr(fail.text, "the store \"reads\" answers ") != NULL, "%s", fail.text);
    }
}

/* What is damaged is passed over; a folder that cannot be read is no story. */
Test(explain, damage_does_not_hide_the_rest)
{
    struct fail fail;
    struct explain *e = explain(journal, RECORDS, NULL, 5, &fail);
    cr_assert_not_null(e, "%s", fail.text);
    rows_are(e, "end 3 20, row 10 0, open 8 0"); /* the rest of that file is lost */
    cr_assert_null(explain_read("/nowhere/at/all", NULL, TEXT("r"), &fail));
    cr_assert(strstr(fail.text, "/nowhere/at/all") != NULL, "%s", fail.text);
}

/* More records than a story has are left out. */
Test(explain, is_bounded)
{
    static struct record many[EXPLAIN_ROWS_MOST + 3];
    struct fail fail;
    many[0] = (struct record)OPEN(1, .gap = 0);
    for (size_t i = 1; i < EXPLAIN_ROWS_MOST + 3; i++)
        many[i] = (struct record)ROW(i, 1, .final = 1);
    struct explain *e = explain(many, EXPLAIN_ROWS_MOST + 1, NULL, -1, &fail);
    cr_assert_eq(explain_count(e), EXPLAIN_ROWS_MOST);
    explain_free(e);
    e = explain(many, EXPLAIN_ROWS_MOST + 3, NULL, -1, &fail);
    cr_assert_eq(explain_count(e), EXPLAIN_ROWS_MOST);
    cr_assert_eq(e->rows[EXPLAIN_ROWS_MOST - 1]->number, EXPLAIN_ROWS_MOST);
    explain_free(e);
}
