/* test_store.c - calls into a store: what it answers, what it hands in, and what is reported of one that does wrong. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "plugin/store.h"

/* What the store does next. */
static struct {
    gw_status status;
    const char *why;
    bool misuses, starves;
    const gw_store_group *group;
    const gw_store_row *row;
    uint32_t mode;
    int detached, closed;
    void *instance;
} next;
static const gw_host *host;
static const gw_store_batch *got_batch;
static int session, instance;

static gw_status answer(gw_call *call)
{
    cr_assert_not_null(host->alloc(call, 4096, 8), "each call has its memory");
    if (next.misuses)
        host->alloc(NULL, 1, 1);
    if (next.starves)
        arena_alloc(call->scratch, call->scratch->max + 1);
    if (next.why != NULL)
        host->explain(call, call_str(text_of(next.why)));
    return next.status;
}

static gw_status fake_open(const gw_host *h, gw_call *call, const gw_json *config, void **out)
{
    (void)config;
    host = h;
    cr_assert_not_null(h->alloc(call, 4096, 8), "a call has memory");
    cr_assert_not_null(h->writer(call));
    *out = &instance;
    return answer(call);
}
static void fake_close(void *i)
{
    next.closed++;
    next.instance = i;
}
static gw_status fake_attach(void *i, gw_call *call, uint32_t mode, void **out)
{
    next.instance = i;
    next.mode = mode;
    *out = &session;
    return answer(call);
}
static void fake_detach(void *s)
{
    cr_assert_eq(s, &session);
    next.detached++;
}
static gw_status fake_cursor(void *s, gw_call *call, gw_store_cursor *cursor)
{
    (void)s;
    cr_assert_eq(cursor->size, sizeof *cursor);
    cr_assert_eq(cursor->next, 0u);
    cursor->next = 7;
    return answer(call);
}
static gw_status fake_put(void *s, gw_call *call, const gw_store_batch *batch)
{
    (void)s;
    got_batch = batch;
    return answer(call);
}
static gw_status fake_prune(void *s, gw_call *call, int64_t before_ms, uint32_t most, uint32_t *removed)
{
    (void)s;
    cr_assert_eq(*removed, 0u);
    *removed = (uint32_t)before_ms + most;
    return answer(call);
}
static gw_status fake_sums(void *s, gw_call *call, const gw_store_query *query, gw_store_cursor *cursor, void *owner,
                           void (*each)(void *, const gw_store_group *))
{
    (void)s, (void)query;
    cr_assert_eq(cursor->size, sizeof *cursor);
    each(owner, next.group);
    return answer(call);
}
static gw_status fake_rows(void *s, gw_call *call, const gw_store_find *find, void *owner,
                           void (*each)(void *, const gw_store_row *))
{
    (void)s, (void)find;
    each(owner, next.row);
    return answer(call);
}

static const gw_store_ops ops = { .size = sizeof ops,
                                  .open = fake_open,
                                  .close = fake_close,
                                  .attach = fake_attach,
                                  .detach = fake_detach,
                                  .cursor = fake_cursor,
                                  .put = fake_put,
                                  .prune = fake_prune,
                                  .sums = fake_sums,
                                  .rows = fake_rows };
static const gw_plugin descriptor = { .abi_major = GW_ABI_MAJOR,
                                      .needs_minor = GW_ABI_MINOR,
                                      .size = sizeof descriptor,
                                      .kind = GW_KIND_STORE,
                                      .name = "shelf",
                                      .version = "1",
                                      .ops = &ops };
static const struct plugin *plugin;
static struct fail fail;

/* A session with the store, whose next() is empty then. */
static struct store_session *attached(void)
{
    void *opened;
    gw_status status;

    memset(&next, 0, sizeof next);
    memset(&fail, 0, sizeof fail);
    plugin = plugin_adopt(&descriptor, "(built in)", &fail);
    cr_assert_not_null(plugin, "%s", fail.text);
    cr_assert_eq(plugin_open_store(plugin, NULL, &opened, &fail), 0);
    cr_assert_eq(opened, &instance);
    struct store_session *s = store_attach(plugin, opened, GW_STORE_WRITE, &status, &fail);
    cr_assert_not_null(s);
    cr_assert_eq(status, GW_OK);
    cr_assert_eq(next.mode, GW_STORE_WRITE);
    cr_assert_eq(next.instance, &instance);
    cr_assert_str_eq(fail.text, "");
    return s;
}

Test(store, is_opened_and_closed_once)
{
    store_detach(attached());
    cr_assert_eq(next.detached, 1);
    next.instance = NULL;
    plugin_close_store(plugin, &instance);
    cr_assert_eq(next.closed, 1);
    cr_assert_eq(next.instance, &instance);
}

Test(store, that_does_not_open_is_reported)
{
    static const struct {
        gw_status status;
        const char *why;
        bool misuses;
        const char *text;
    } rows[] = {
        { GW_E_CONFIG, "path is missing", false, "path is missing" },
        { GW_E_CONFIG, "x", false, "x" },
        { GW_E_RETRY, NULL, false, "the store \"shelf\" answers open() with retry and does not say why" },
        { GW_MISS, NULL, false, "the store \"shelf\" answers open() with miss" },
        { GW_OK, NULL, true, "shelf: it gives host->alloc() NULL where a handle must be" },
    };
    static const struct plugin other = { .name = "mine", .kind = GW_KIND_CACHE };
    void *opened = &session;

    store_detach(attached());
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memset(&fail, 0, sizeof fail);
        next.status = rows[i].status;
        next.why = rows[i].why;
        next.misuses = rows[i].misuses;
        cr_assert_eq(plugin_open_store(plugin, NULL, &opened, &fail), -1, "%zu", i);
        cr_assert_null(opened, "%zu", i);
        cr_assert_eq(fail.kind, FAIL_OPERATOR, "%zu", i);
        cr_assert_str_eq(fail.text, rows[i].text);
        cr_assert_eq(next.closed, rows[i].status == GW_OK, "what it opened");
    }
    cr_assert_eq(plugin_open_store(&other, NULL, &opened, &fail), -1);
    cr_assert_str_eq(fail.text, "the plugin mine is not a store");
}

Test(store, without_a_session_is_not_detached)
{
    gw_status status;

    store_detach(attached());
    next.detached = 0;
    next.status = GW_MISS;
    cr_assert_null(store_attach(plugin, &instance, GW_STORE_READ, &status, &fail));
    cr_assert_eq(status, GW_MISS);
    cr_assert_eq(next.mode, GW_STORE_READ);
    cr_assert_str_eq(fail.text, "", "there is nothing to read yet");
    next.status = GW_E_RETRY;
    next.why = "the server is away";
    cr_assert_null(store_attach(plugin, &instance, GW_STORE_READ, &status, &fail));
    cr_assert_eq(status, GW_E_RETRY);
    cr_assert_str_eq(fail.text, "the server is away");
    cr_assert_eq(next.detached, 0);
    next.status = GW_OK;
    next.misuses = true;
    cr_assert_null(store_attach(plugin, &instance, GW_STORE_READ, &status, &fail));
    cr_assert_eq(status, GW_E_REJECT);
    cr_assert_eq(next.detached, 1, "it has made one");
}

static int counted;
static gw_store_group got_group;
static gw_store_row got_row;
static gw_store_sums got_sums;

static void on_group(void *owner, const gw_store_group *group)
{
    (*(int *)owner)++;
    got_group = *group;
    got_sums = *group->sums;
}
static void on_row(void *owner, const gw_store_row *row)
{
    (*(int *)owner)++;
    got_row = *row;
    got_sums = *row->sums;
}

/* Calls function `i` of the store. False: there is none. */
static bool call_store(struct store_session *s, int i, gw_status *status)
{
    gw_store_cursor cursor = { .next = 99 };
    uint32_t removed = 99;

    switch (i) {
    case 0:
        *status = store_cursor(s, &cursor, &fail);
        cr_assert_eq(cursor.next, 7u);
        return true;
    case 1:
        *status = store_put(s, (const gw_store_batch *)(const void *)&session, &fail);
        cr_assert_eq((const void *)got_batch, (const void *)&session);
        return true;
    case 2:
        *status = store_prune(s, 1000, 50, &removed, &fail);
        cr_assert_eq(removed, 1050u);
        return true;
    case 3:
        *status = store_sums(s, NULL, &cursor, on_group, &counted, &fail);
        return true;
    case 4:
        *status = store_rows(s, NULL, on_row, &counted, &fail);
        return true;
    default:
        return false;
    }
}

static const gw_store_sums sums = { .size = sizeof sums, .requests = 3, .estimated = 2 };
static const gw_store_group group = { .size = sizeof group, .value_count = 1, .sums = &sums };
static const gw_store_row row = { .size = sizeof row, .number = 12, .why = GW_LIT("so"), .sums = &sums };

Test(store, answers_each_function_with_its_status)
{
    static const char *const names[] = { "cursor", "put", "prune", "sums", "rows" };
    struct store_session *s = attached();
    gw_status status;
    char text[160];

    for (int i = 0; call_store(s, i, &status); i++) {
        memset(&next, 0, sizeof next);
        memset(&fail, 0, sizeof fail);
        next.group = &group;
        next.row = &row;
        counted = 0;
        call_store(s, i, &status);
        cr_assert_eq(status, GW_OK, "%s: %s", names[i], fail.text);
        cr_assert_eq(counted, i >= 3);
        next.status = GW_MISS;
        call_store(s, i, &status);
        cr_assert_eq(status, GW_MISS, "%s", names[i]);
        cr_assert_str_eq(fail.text, "");

        next.status = GW_E_CONFIG;
        next.why = "the file is damaged";
        call_store(s, i, &status);
        cr_assert_eq(status, GW_E_CONFIG, "%s", names[i]);
        cr_assert_str_eq(fail.text, "the file is damaged");
        next.why = NULL;
        call_store(s, i, &status);
        snprintf(text, sizeof text, "the store \"shelf\" answers %s() with config and does not say why", names[i]);
        cr_assert_str_eq(fail.text, text, "nothing is left of the call before");

        next.status = GW_OK;
        next.misuses = true;
        call_store(s, i, &status);
        cr_assert_eq(status, GW_E_REJECT, "%s", names[i]);
        cr_assert_str_eq(fail.text, "shelf: it gives host->alloc() NULL where a handle must be");
        next.misuses = false;
        next.starves = true;
        call_store(s, i, &status);
        cr_assert_eq(status, GW_E_REJECT, "%s", names[i]);
        snprintf(text, sizeof text,
                 "the store \"shelf\" has a defect: what %s() gives is more than the memory of a call", names[i]);
        cr_assert_str_eq(fail.text, text);
        next.starves = false;
        call_store(s, i, &status);
        cr_assert_eq(status, GW_OK, "%s: the next call has its memory", names[i]);
    }
    store_detach(s);
}

/* A record of another version: longer, or as short as the first one, the sums too. */
Test(store, hands_in_records_of_other_versions)
{
    static const struct {
        gw_store_row row;
        uint64_t later;
    } longer = { .row = { .size = sizeof longer, .number = 5, .sums = &sums }, .later = UINT64_MAX };
    gw_store_sums short_sums = sums;
    gw_store_group short_group = group;
    gw_store_row short_row = row;
    struct store_session *s = attached();
    gw_status status;

    next.row = &longer.row;
    call_store(s, 4, &status);
    cr_assert_eq(status, GW_OK);
    cr_assert_eq(got_row.number, 5u);
    cr_assert_neq(got_row.sums, &sums, "a copy");

    short_sums.size = offsetof(gw_store_sums, estimated) + sizeof(int64_t);
    short_group.size = offsetof(gw_store_group, sums) + sizeof(void *);
    short_row.size = offsetof(gw_store_row, why) + sizeof(gw_str);
    short_group.sums = short_row.sums = &short_sums;
    next.group = &short_group;
    next.row = &short_row;
    for (int i = 3; i <= 4; i++) {
        memset(&got_sums, 0, sizeof got_sums);
        call_store(s, i, &status);
        cr_assert_eq(status, GW_OK, "%s", fail.text);
        cr_assert_eq(got_sums.requests, 3);
        cr_assert_eq(got_sums.estimated, 2);
    }
    cr_assert_eq(got_group.value_count, 1u);
    cr_assert_eq(got_row.number, 12u);
    cr_assert(text_is(call_text(got_row.why), "so"));
    store_detach(s);
}

Test(store, that_hands_in_no_record_has_a_defect)
{
    gw_store_sums less = sums;
    gw_store_group groups[4] = { group, group, group, { 0 } };
    gw_store_row rows[4] = { row, row, row, { 0 } };
    struct store_session *s = attached();
    gw_status status;
    char text[160];

    less.size = offsetof(gw_store_sums, estimated) + sizeof(int64_t) - 1;
    groups[0].size = offsetof(gw_store_group, sums) + sizeof(void *) - 1;
    rows[0].size = offsetof(gw_store_row, why) + sizeof(gw_str) - 1;
    groups[1].sums = rows[1].sums = NULL;
    groups[2].sums = rows[2].sums = &less;
    for (int i = 3; i <= 4; i++) {
        for (int n = 0; n < 5; n++) {
            memset(&fail, 0, sizeof fail);
            counted = 0;
            next.group = n < 4 ? &groups[n] : NULL;
            next.row = n < 4 ? &rows[n] : NULL;
            call_store(s, i, &status);
            cr_assert_eq(status, GW_E_REJECT, "%d %d", i, n);
            snprintf(text, sizeof text, "the store \"shelf\" has a defect: what %s() gives is no record",
                     i == 3 ? "sums" : "rows");
            cr_assert_str_eq(fail.text, text);
            cr_assert_eq(counted, 0);
            next.group = &group;
            next.row = &row;
            call_store(s, i, &status);
            cr_assert_eq(status, GW_OK, "the next call is one of its own");
        }
    }
    store_detach(s);
}
