/* store.c - what holds for every store: a row counts once, in rows and rollups alike, or not at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit.h"
#include "store_case.h"

enum { ROWS = 600 };

static bool is_empty_first(struct store_case *c)
{
    return store_check_next(c, 0) && store_check_sums(c, 0, 0, INT64_MIN, INT64_MAX);
}

static bool puts_rows(struct store_case *c)
{
    if (store_put_rows(c, 1, 250, 0, 251) != GW_OK || store_put_rows(c, 251, ROWS, 251, ROWS + 1) != GW_OK)
        return store_fail(c, "put() answers miss");
    return store_check_next(c, ROWS + 1) && store_check_sums(c, ROWS, 0, INT64_MIN, INT64_MAX);
}

static bool refuses_another_place(struct store_case *c)
{
    if (store_put_rows(c, 251, ROWS + 50, 251, ROWS + 51) != GW_MISS ||
        store_put_rows(c, ROWS + 1, ROWS + 50, ROWS + 2, ROWS + 51) != GW_MISS)
        return store_fail(c, "put() takes a batch that begins where the store does not stand");
    return store_check_next(c, ROWS + 1) && store_check_sums(c, ROWS, 0, INT64_MIN, INT64_MAX);
}

static bool counts_a_row_once(struct store_case *c)
{
    if (store_put_rows(c, 100, ROWS, ROWS + 1, ROWS + 1) != GW_OK)
        return store_fail(c, "put() refuses rows that are there: they are to be left as they are");
    return store_check_sums(c, ROWS, 0, INT64_MIN, INT64_MAX) &&
           store_check_sums(c, ROWS, GW_STORE_BY_USER, INT64_MIN, INT64_MAX);
}

static bool moves_without_rows(struct store_case *c)
{
    return store_put_rows(c, 1, 0, ROWS + 1, ROWS + 9) == GW_OK
               ? store_check_next(c, ROWS + 9) && store_put_rows(c, 1, 0, ROWS + 9, ROWS + 1) == GW_OK
               : store_fail(c, "put() refuses a batch without rows");
}

/* From rollups and from rows; ends at minutes, hours and days. */
static bool sums_a_time(struct store_case *c)
{
    uint64_t seed = 7;
    for (int i = 0; i < 60; i++) {
        static const int64_t units[] = { 60000, 3600000, STORE_DAY_MS };
        int64_t unit = units[i % 3], since = STORE_BEGIN_MS + kit_random(&seed) % (4 * STORE_DAY_MS) / 60000 * 60000,
                until = since + unit * (1 + kit_random(&seed) % 9);
        if (i % 2 == 0)
            since = since / unit * unit;
        if (!store_check_sums(c, ROWS, 0, since, until) ||
            !store_check_sums(c, ROWS, GW_STORE_BY_SESSION, since, until) ||
            !store_check_sums(c, ROWS, GW_STORE_BY_DAY, since, until))
            return false;
    }
    return true;
}

struct found {
    struct store_case *c;
    uint64_t numbers[8];
    size_t count;
};

static void find_row(void *owner, const gw_store_row *row)
{
    struct found *f = owner;
    if (f->count < 8)
        f->numbers[f->count] = row->number;
    f->count++;
    if (row->line_count != 2 || row->lines[1]->quantity != (int64_t)row->number ||
        row->sums->output != (int64_t)row->number || row->hard != 9 || !text_is(call_text(row->model), "m\"; --") ||
        !text_is(call_text(row->accounts), "[]"))
        store_fail(f->c, "rows() gives row %llu otherwise than it was put", (unsigned long long)row->number);
}

static bool finds_rows(struct store_case *c)
{
    struct found request = { .c = c }, number = { .c = c }, after = { .c = c };
    struct fail fail;
    gw_store_find by_request = { .size = sizeof by_request, .request = GW_LIT("request-77") };
    gw_store_find by_number = { .size = sizeof by_number, .number = 42 };
    gw_store_find from = { .size = sizeof from, .after = 590, .most = 4 };
    if (store_rows(c->writer, &by_request, find_row, &request, &fail) != GW_OK ||
        store_rows(c->writer, &by_number, find_row, &number, &fail) != GW_OK ||
        store_rows(c->writer, &from, find_row, &after, &fail) != GW_OK)
        return store_fail(c, "rows() fails: %s", fail.text);
    if (request.count != 2 || request.numbers[0] != 154 || request.numbers[1] != 155)
        return store_fail(c, "rows() of one request gives %zu rows, and there are two", request.count);
    if (number.count != 1 || number.numbers[0] != 42)
        return store_fail(c, "rows() of a number gives another row");
    return (after.count == 4 && after.numbers[0] == 591 && after.numbers[3] == 594) ||
           store_fail(c, "rows() after a number gives others");
}

/* Another session, as after a restart. */
static bool keeps_it(struct store_case *c)
{
    gw_status status;
    struct fail fail;
    store_detach(c->writer);
    c->writer = store_attach(c->plugin, c->instance, GW_STORE_WRITE, &status, &fail);
    if (c->writer == NULL)
        return store_fail(c, "attach() a second time answers %s", call_status_name(status));
    return store_check_next(c, ROWS + 1) && store_check_sums(c, ROWS, 0, INT64_MIN, INT64_MAX);
}

static bool removes_rows_and_keeps_sums(struct store_case *c)
{
    uint32_t removed = 0, all = 0;
    struct found number = { .c = c };
    struct fail fail;
    gw_store_cursor cursor;
    gw_store_find by_number = { .size = sizeof by_number, .number = 42 };
    int64_t before = STORE_BEGIN_MS + 100 * INT64_C(427000);
    do {
        if (store_prune(c->writer, before, 40, &removed, &fail) != GW_OK)
            return store_fail(c, "prune() fails: %s", fail.text);
        all += removed;
    } while (removed == 40);
    if (all != 99 || store_rows(c->writer, &by_number, find_row, &number, &fail) != GW_OK || number.count != 0)
        return store_fail(c, "prune() removes %u rows, and 99 are old", all);
    if (store_cursor(c->writer, &cursor, &fail) != GW_OK || cursor.rows_since_ms != before)
        return store_fail(c, "cursor() does not tell from when on there are rows");
    return store_check_sums(c, ROWS, 0, INT64_MIN, INT64_MAX);
}

static const struct {
    const char *name;
    bool (*check)(struct store_case *c);
} checks[] = {
    { "a new store stands at 0 and has no sums", is_empty_first },
    { "rows are put, and their sums are those of the rows", puts_rows },
    { "a batch for another place is not taken", refuses_another_place },
    { "a row that is put again counts once, in rows and rollups", counts_a_row_once },
    { "the cursor moves without rows", moves_without_rows },
    { "sums of any time are the same from rollups and from rows", sums_a_time },
    { "rows are found by request and by number, with lines and texts", finds_rows },
    { "another session finds all of it", keeps_it },
    { "old rows are removed in small batches, and sums stay", removes_rows_and_keeps_sums },
};

static int open_store(struct store_case *c, struct kit *kit, const char *folder, struct fail *fail)
{
    struct arena arena;
    gw_status status;
    arena_init(&arena, NULL, 0, 1 << 20);
    const char *usual = arena_printf(&arena, "{\"path\":\"%s/store\"}", folder);
    const struct json *settings = json_parse(&arena, text_of(kit->settings != NULL ? kit->settings : usual), NULL);
    int result = settings == NULL ? fail_set(fail, FAIL_OPERATOR, "the settings are no JSON")
                                  : plugin_check_settings(kit->plugin, settings, fail);
    if (result == 0)
        result = plugin_open_store(kit->plugin, settings, &c->instance, fail);
    arena_fini(&arena);
    if (result < 0)
        return -1;
    c->writer = store_attach(kit->plugin, c->instance, GW_STORE_WRITE, &status, fail);
    return c->writer != NULL ? 0 : -1;
}

static void report(struct kit *kit, const char *name, const char *problem)
{
    *(problem[0] != '\0' ? &kit->failed : &kit->passed) += 1;
    if (!kit->quiet || problem[0] != '\0')
        printf("%s %s\n%s%s%s", problem[0] != '\0' ? "FAILED " : "ok     ", name, problem[0] != '\0' ? "        " : "",
               problem, problem[0] != '\0' ? "\n" : "");
}

static void remove_folder(const char *folder)
{
    static const char *const names[] = { "store", "store-wal", "store-shm" };
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

int store_run(struct kit *kit)
{
    char folder[] = "/tmp/conformance-XXXXXX";
    struct store_case c = { .plugin = kit->plugin };
    struct fail fail;

    if (mkdtemp(folder) == NULL || open_store(&c, kit, folder, &fail) < 0) {
        report(kit, "the store is opened", fail.text);
    } else {
        for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
            c.problem[0] = '\0';
            if (c.writer != NULL && !checks[i].check(&c) && c.problem[0] == '\0')
                store_fail(&c, "it does not hold");
            report(kit, checks[i].name, c.problem);
        }
        if (c.writer != NULL)
            store_detach(c.writer);
    }
    if (c.instance != NULL)
        plugin_close_store(kit->plugin, c.instance);
    remove_folder(folder);
    printf("conformance: %u passed, %u failed, %u skipped\n", kit->passed, kit->failed, kit->skipped);
    return kit->failed > 0 ? 1 : 0;
}
