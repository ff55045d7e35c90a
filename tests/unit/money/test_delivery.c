/* test_delivery.c - the ledger's records reach a store once each, whatever the store does meanwhile. */
#include <inttypes.h>

#include "base/clock.h"
#include "fake_store.h"
#include "folder.h"
#include "money/delivery.h"
#include "money/ledger.h"

enum { SOON_MS = 20000 };

static struct ledger *open_at(const struct folder *f, size_t segment_bytes)
{
    struct fail fail;
    struct ledger_start start;
    struct ledger_settings settings = { .folder = f->path, .sync_ns = 1000000, .segment_bytes = segment_bytes };
    struct ledger *l = ledger_open(&settings, &start, &fail);
    cr_assert_not_null(l, "%s", fail.text);
    return l;
}

static void spend(struct ledger *l, unsigned from, unsigned count)
{
    for (unsigned i = from; i < from + count; i++) {
        struct fail fail;
        char request[32];
        struct ledger_refusal refusal;
        snprintf(request, sizeof request, "r%u", i);
        struct record hold = { .request = text_of(request),
                               .attempt = 1,
                               .team = TEXT("blue"),
                               .model = TEXT("m"),
                               .provider = TEXT("p"),
                               .hard = 100,
                               .soft = 50,
                               .admitted_ms = 1 };
        struct ledger_hold *handle = ledger_hold(l, &hold, false, &refusal, &fail);
        cr_assert_not_null(handle, "%s", fail.text);
        struct record_line line = { .unit = TEXT("input"), .quantity = 1, .price = i, .cost = i };
        struct record end = { .ending = ENDING_SETTLED,
                              .final = 1,
                              .source = SOURCE_REPORTED,
                              .lines = { &line, 1 },
                              .cost = i,
                              .outcome = TEXT("ok") };
        ledger_end(l, handle, &end);
    }
}

static struct delivery *begin(const struct folder *f, struct ledger *l, bool accept_gap, struct fail *fail)
{
    static const struct plugin *plugin;
    struct ledger_sums sums;
    ledger_read_sums(l, &sums);
    if (plugin == NULL)
        plugin = plugin_adopt(&fake_store_plugin, "(linked in)", fail);
    cr_assert_not_null(plugin, "%s", fail->text);
    struct delivery_settings settings = { .folder = f->path,
                                          .plugin = plugin,
                                          .instance = &fake_store,
                                          .next = sums.next,
                                          .accept_gap = accept_gap,
                                          .keep_ms = 7 * INT64_C(86400000) };
    return delivery_start(&settings, fail);
}

static bool reaches(size_t rows)
{
    for (int i = 0; i < SOON_MS / 10 && fake_store_rows() < rows; i++)
        usleep(10000);
    return fake_store_rows() == rows;
}

/* Rows 1 to `count` cost what they should, each once. */
static void check(unsigned from, unsigned count, size_t place)
{
    cr_assert_eq(fake_store.doubles, 0);
    cr_assert_eq(fake_store.row_count, place + count);
    for (unsigned i = 0; i < count; i++) {
        const struct fake_row *row = &fake_store.rows[place + i];
        char request[32];
        snprintf(request, sizeof request, "r%u", from + i);
        cr_assert_str_eq(row->request, request);
        cr_assert_str_eq(row->team, "blue");
        cr_assert_str_eq(row->outcome, "ok");
        cr_assert_eq(row->cost, (int64_t)(from + i));
    }
}

Test(delivery, brings_each_record_once)
{
    struct folder f;
    struct fail fail;
    struct delivery_state state;
    folder_make(&f);
    fake_store_clear();
    struct ledger *l = open_at(&f, 3000);
    spend(l, 1, 50);
    struct delivery *d = begin(&f, l, false, &fail);
    cr_assert_not_null(d, "%s", fail.text);
    cr_assert(reaches(50));
    spend(l, 51, 50);
    cr_assert(reaches(100));
    delivery_read_state(d, &state);
    cr_assert(state.works && state.failures == 0 && state.rows == 100 && state.next == 201);
    cr_assert_str_eq(state.store, "fake");
    spend(l, 101, 500);
    ledger_close(l);
    delivery_stop(d, 10 * CLOCK_S); /* what was left is delivered first */
    check(1, 600, 0);
    cr_assert_eq(fake_store.cursor.next, 1201);
    l = open_at(&f, 3000);
    d = begin(&f, l, false, &fail);
    spend(l, 601, 7);
    ledger_close(l);
    delivery_stop(d, 10 * CLOCK_S);
    check(1, 607, 0);
    cr_assert_eq(fake_store.attaches, 2);
    folder_remove(&f);
}

Test(delivery, begins_again_where_the_store_stands)
{
    struct folder f;
    struct fail fail;
    struct delivery_state state;
    folder_make(&f);
    fake_store_clear();
    fake_store.fail_attaches = 2;
    struct ledger *l = open_at(&f, 3000);
    spend(l, 1, 20);
    struct delivery *d = begin(&f, l, false, &fail);
    cr_assert_not_null(d, "%s", fail.text);
    delivery_read_state(d, &state);
    cr_assert(!state.works && state.next == 0);
    cr_assert(reaches(20));
    pthread_mutex_lock(&fake_store.mutex);
    fake_store.fail_puts = 2;    /* not done */
    fake_store.lose_answers = 2; /* done, and nobody knows */
    pthread_mutex_unlock(&fake_store.mutex);
    spend(l, 21, 20);
    cr_assert(reaches(40));
    spend(l, 41, 20);
    cr_assert(reaches(60));
    ledger_close(l);
    delivery_read_state(d, &state);
    cr_assert_geq(state.failures, 5);
    delivery_stop(d, 10 * CLOCK_S);
    check(1, 60, 0);
    folder_remove(&f);
}

Test(delivery, ends_in_time_when_the_store_is_away)
{
    struct folder f;
    struct fail fail;
    folder_make(&f);
    fake_store_clear();
    fake_store.fail_attaches = 1000000;
    struct ledger *l = open_at(&f, 0);
    struct delivery *d = begin(&f, l, false, &fail);
    spend(l, 1, 5);
    ledger_close(l);
    int64_t begun = clock_ns();
    delivery_stop(d, 10 * CLOCK_S);
    cr_assert_lt(clock_ns() - begun, 5 * CLOCK_S);
    cr_assert_eq(fake_store_rows(), 0);
    fake_store.fail_attaches = 0;
    l = open_at(&f, 0);
    d = begin(&f, l, false, &fail);
    cr_assert(reaches(5));
    ledger_close(l);
    delivery_stop(d, 10 * CLOCK_S);
    check(1, 5, 0);
    folder_remove(&f);
}

Test(delivery, does_not_start_where_records_are_lost)
{
    struct folder f;
    struct fail fail;
    char first[512];
    folder_make(&f);
    fake_store_clear();
    struct ledger *l = open_at(&f, 3000);
    spend(l, 1, 200);
    ledger_close(l);
    folder_file(&f, 0, first, sizeof first);
    unlink(first);
    l = open_at(&f, 3000);
    cr_assert_null(begin(&f, l, false, &fail));
    cr_assert(strstr(fail.text, "lacks the records 1 to ") != NULL && strstr(fail.text, "--accept-gap") != NULL, "%s",
              fail.text);
    struct delivery *d = begin(&f, l, true, &fail);
    cr_assert_not_null(d, "%s", fail.text);
    ledger_close(l);
    delivery_stop(d, 10 * CLOCK_S);
    cr_assert(fake_store_rows() > 50 && fake_store_rows() < 200, "%zu", fake_store_rows());
    cr_assert_str_eq(fake_store.rows[fake_store_rows() - 1].request, "r200");
    cr_assert_eq(fake_store.doubles, 0);
    folder_remove(&f);
}

Test(delivery, numbers_that_are_given_again_are_of_another_generation)
{
    struct folder f;
    struct fail fail;
    folder_make(&f);
    fake_store_clear();
    fake_store.cursor.next = 31; /* of a journal that is not there any more */
    struct ledger *l = open_at(&f, 0);
    cr_assert_null(begin(&f, l, false, &fail));
    cr_assert(strstr(fail.text, "has the records up to 30") != NULL, "%s", fail.text);
    fake_store.fail_puts = 1; /* the second try must know it too */
    struct delivery *d = begin(&f, l, true, &fail);
    cr_assert_not_null(d, "%s", fail.text);
    spend(l, 1, 40);
    cr_assert(reaches(40));
    ledger_close(l);
    delivery_stop(d, 10 * CLOCK_S);
    check(1, 40, 0);
    for (size_t i = 0; i < 40; i++)
        cr_assert_eq(fake_store.rows[i].generation, 2);
    l = open_at(&f, 0);
    d = begin(&f, l, false, &fail);
    cr_assert_not_null(d, "%s", fail.text);
    spend(l, 41, 3);
    ledger_close(l);
    delivery_stop(d, 10 * CLOCK_S);
    check(1, 43, 0);
    cr_assert_eq(fake_store.rows[42].generation, 2);
    folder_remove(&f);
}

Test(delivery, a_store_that_the_operator_must_mend_stops_the_start)
{
    struct folder f;
    struct fail fail;
    folder_make(&f);
    fake_store_clear();
    fake_store.fail_attaches = -1;
    struct ledger *l = open_at(&f, 0);
    cr_assert_null(begin(&f, l, false, &fail));
    cr_assert(strstr(fail.text, "attach()") != NULL, "%s", fail.text);
    ledger_close(l);
    folder_remove(&f);
}
