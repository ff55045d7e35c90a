/* test_delivery_store.c - what the thread that delivers asks of the store, and in which words it reports what stops it. */
#include "base/clock.h"
#include "fake_store.h"
#include "forge.h"
#include "logged.h"
#include "money/delivery.h"

static struct delivery *begin(const char *folder, uint64_t next, bool accept_gap, int64_t rows_ms, struct fail *fail)
{
    static const struct plugin *plugin;
    if (plugin == NULL)
        plugin = plugin_adopt(&fake_store_plugin, "(linked in)", fail);
    cr_assert_not_null(plugin, "%s", fail->text);
    struct delivery_settings settings = { .folder = folder,
                                          .plugin = plugin,
                                          .instance = &fake_store,
                                          .next = next,
                                          .accept_gap = accept_gap,
                                          .rows_ms = rows_ms,
                                          .keep_ms = 7 * INT64_C(86400000) };
    return delivery_start(&settings, fail);
}

static struct delivery_state state_of(struct delivery *d)
{
    struct delivery_state state;
    delivery_read_state(d, &state);
    return state;
}

static unsigned count_of(const char *text, const char *word)
{
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
        count++;
    return count;
}

/* What makes a start impossible, word by word. */
Test(delivery_store, what_stops_the_start)
{
    struct folder f;
    struct fail fail;
    char words[512];
    const struct record all[] = { OPEN(5), ROW(5, 1) };
    folder_make(&f);
    forge(&f, all, 2, -1);
    fake_store_clear();
    fake_store.cursor.next = 3;
    cr_assert_null(begin(f.path, 6, false, 0, &fail));
    snprintf(words, sizeof words,
             "the store \"fake\" lacks the records 3 to 4, and the ledger's journal in %s does not have them any more. "
             "`serve --accept-gap` goes on without them",
             f.path);
    cr_assert_str_eq(fail.text, words);
    fake_store.cursor.next = 8;
    cr_assert_null(begin(f.path, 6, false, 0, &fail));
    snprintf(
        words, sizeof words,
        "the store \"fake\" has the records up to 7, and the ledger's journal in %s ends with 5: one of them is of "
        "another ledger, or older. `serve --accept-gap` keeps the rows and goes on with what comes",
        f.path);
    cr_assert_str_eq(fail.text, words);
    for (uint64_t next = 5; next <= 6; next++) { /* neither of both */
        fake_store.cursor.next = next;
        struct delivery *d = begin(f.path, 6, false, 0, &fail);
        cr_assert_not_null(d, "%s", fail.text);
        delivery_stop(d, CLOCK_S);
        cr_assert_eq(fake_store.cursor.next, 6);
    }
    folder_remove(&f);
    cr_assert_null(begin(f.path, 6, false, 0, &fail)); /* there is no journal to be read */
    snprintf(words, sizeof words, "the ledger's folder %s cannot be read: No such file or directory", f.path);
    cr_assert_str_eq(fail.text, words);
    cr_assert_null(begin(f.path, 6, true, 0, &fail));
    cr_assert_str_eq(fail.text, words);
    fake_store.fail_attaches = -1;
    cr_assert_null(begin(f.path, 6, false, 0, &fail));
    cr_assert_null(strstr(fail.text, "defect"), "%s", fail.text);
}

/* A store that is away is reported once, and once more when it is back. */
Test(delivery_store, is_reported_once_for_each_change)
{
    struct folder f;
    struct fail fail;
    char log[4096];
    struct logged logged;
    const struct record all[] = { OPEN(1), ROW(1, 1) };
    folder_make(&f);
    forge(&f, all, 2, -1);
    for (int misses = 0; misses < 2; misses++) {
        fake_store_clear();
        fake_store.fail_attaches = misses != 0 ? 0 : 3;
        fake_store.misses = misses != 0;
        logged_begin(&logged);
        struct delivery *d = begin(f.path, 2, false, 0, &fail);
        for (int i = 0; i < 1000 && fake_store_rows() == 0; i++) {
            usleep(10000);
            if (d != NULL && state_of(d).failures >= 3) { /* then it is mended */
                pthread_mutex_lock(&fake_store.mutex);
                fake_store.misses = false;
                pthread_mutex_unlock(&fake_store.mutex);
            }
        }
        struct delivery_state state = d != NULL ? state_of(d) : (struct delivery_state){ 0 };
        if (d != NULL)
            delivery_stop(d, CLOCK_S);
        logged_end(&logged, log, sizeof log);
        cr_assert_not_null(d, "%s", fail.text);
        cr_assert(state.rows == 1 && state.failures >= 3, "%s", log);
        cr_assert_eq(count_of(log, ". Records stay in the ledger's journal and are delivered to the store \"fake\" "
                                   "when it takes them\n"),
                     1, "%s", log);
        cr_assert_eq(count_of(log, "the store \"fake\" takes records again\n"), 1, "%s", log);
        cr_assert_eq(count_of(log, "\n"), 2, "%s", log);
        cr_assert_eq(count_of(log, "the store \"fake\" has a defect: attach() answers miss to a writer. Records stay"),
                     misses != 0, "%s", log);
    }
    folder_remove(&f);
}

/* Nothing is put where there is nothing; old rows go in small batches, until fewer than a batch went. */
Test(delivery_store, is_asked_for_no_more_than_is_needed)
{
    struct folder f;
    struct fail fail;
    const struct record all[] = { OPEN(1), ROW(1, 1) };
    folder_make(&f);
    forge(&f, all, 2, -1);
    fake_store_clear();
    struct delivery *d = begin(f.path, 2, false, 0, &fail);
    cr_assert_not_null(d, "%s", fail.text);
    delivery_stop(d, CLOCK_S);
    cr_assert(fake_store.puts == 1 && fake_store.row_count == 1 && fake_store.cursor.next == 2);
    cr_assert_eq(fake_store.prunes, 0); /* rows are kept for ever */
    fake_store.prunable = 1200;
    int64_t before_ms = clock_unix_ms();
    d = begin(f.path, 2, false, 1000000, &fail);
    cr_assert_not_null(d, "%s", fail.text);
    delivery_stop(d, CLOCK_S);
    cr_assert_eq(fake_store.puts, 1);
    cr_assert_eq(fake_store.prunes, 3); /* 500, 500, 200 */
    cr_assert_geq(fake_store.pruned_before_ms, before_ms - 1000000);
    cr_assert_leq(fake_store.pruned_before_ms, clock_unix_ms() - 1000000);
    folder_remove(&f);
}

/* More than a batch holds goes in several, one after the other. */
Test(delivery_store, takes_what_there_is_batch_by_batch)
{
    enum { ROWS = 4000 };
    static struct record all[1 + ROWS] = { OPEN(1) };
    struct folder f;
    struct fail fail;
    for (uint64_t i = 1; i <= ROWS; i++)
        all[i] = (struct record)ROW(i, 1);
    folder_make(&f);
    forge(&f, all, 1 + ROWS, -1);
    fake_store_clear();
    struct delivery *d = begin(f.path, ROWS + 1, false, 0, &fail);
    cr_assert_not_null(d, "%s", fail.text);
    for (int i = 0; i < 1000 && fake_store_rows() < ROWS; i++)
        usleep(10000);
    struct delivery_state state = state_of(d);
    delivery_stop(d, 10 * CLOCK_S);
    cr_assert(fake_store.row_count == ROWS && fake_store.doubles == 0 && fake_store.puts == 2);
    cr_assert(state.failures == 0 && fake_store.cursor.next == ROWS + 1);
    folder_remove(&f);
}

/* Damage that the start has not judged stops it, and is reported. */
Test(delivery_store, stops_at_damage)
{
    struct folder f;
    struct fail fail;
    char log[4096];
    struct logged logged;
    const struct record all[] = { OPEN(1), ROW(1, 1), ROW(2, 1), ROW(3, 1) };
    folder_make(&f);
    forge(&f, all, 4, 2);
    fake_store_clear();
    logged_begin(&logged);
    struct delivery *d = begin(f.path, 2, false, 0, &fail);
    for (int i = 0; d != NULL && i < 1000 && state_of(d).failures == 0; i++)
        usleep(10000);
    struct delivery_state state = d != NULL ? state_of(d) : (struct delivery_state){ 0 };
    if (d != NULL)
        delivery_stop(d, 0);
    logged_end(&logged, log, sizeof log);
    cr_assert(state.failures > 0 && !state.works);
    cr_assert_not_null(strstr(log, "byte 62: what stands here is not what was written (records 2 to 2)"), "%s", log);
    folder_remove(&f);
}

/* Who is stopped at once delivers all the same what there is, batch by batch, where there is time. */
Test(delivery_store, takes_all_that_there_is_before_it_stops)
{
    enum { ROWS = 9000 };
    static struct record all[1 + ROWS] = { OPEN(1) };
    struct folder f;
    struct fail fail;
    for (uint64_t i = 1; i <= ROWS; i++)
        all[i] = (struct record)ROW(i, 1);
    folder_make(&f);
    forge(&f, all, 1 + ROWS, -1);
    fake_store_clear();
    struct delivery *d = begin(f.path, ROWS + 1, false, 0, &fail);
    cr_assert_not_null(d, "%s", fail.text);
    delivery_stop(d, 30 * CLOCK_S);
    cr_assert(fake_store.row_count == ROWS && fake_store.cursor.next == ROWS + 1, "%zu", (size_t)fake_store.row_count);
    folder_remove(&f);
}
