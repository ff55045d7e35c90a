/* read_store.h - a store that gives what a test put into it: groups, rows, a cursor, or a status that is none. */
#ifndef TEST_READ_STORE_H
#define TEST_READ_STORE_H

#include <gateway/plugin.h>
#include <gateway/store.h>

#include "check.h"
#include "money/usage_report.h"

static struct {
    gw_status attach, cursor, sums, rows;
    gw_store_cursor at;
    const gw_store_group *groups;
    size_t group_count;
    const gw_store_row *given;
    size_t given_count;
    unsigned attached, detached;
    /* What was asked for: */
    uint32_t mode, by[USAGE_BY_MOST], by_count;
    int64_t since_ms, until_ms;
    char request[64];
} read_store;

static inline void read_store_clear(void)
{
    memset(&read_store, 0, sizeof read_store);
    read_store.at = (gw_store_cursor){ .size = sizeof read_store.at, .next = 1, .rows_since_ms = INT64_MIN };
}

static gw_status read_open(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    (void)host, (void)call, (void)config;
    *instance = &read_store;
    return GW_OK;
}

static void read_detach(void *session)
{
    (void)session;
    read_store.detached++;
}

static void read_close(void *instance)
{
    (void)instance;
}

static gw_status read_attach(void *instance, gw_call *call, uint32_t mode, void **session)
{
    (void)instance, (void)call;
    read_store.attached++;
    read_store.mode = mode;
    *session = &read_store;
    return read_store.attach;
}

static gw_status read_cursor(void *session, gw_call *call, gw_store_cursor *out)
{
    (void)session, (void)call;
    *out = read_store.at;
    return read_store.cursor;
}

static gw_status read_put(void *session, gw_call *call, const gw_store_batch *batch)
{
    (void)session, (void)call, (void)batch;
    return GW_E_REJECT;
}

static gw_status read_prune(void *session, gw_call *call, int64_t before_ms, uint32_t most, uint32_t *removed)
{
    (void)session, (void)call, (void)before_ms, (void)most, (void)removed;
    return GW_E_REJECT;
}

static gw_status read_sums(void *session, gw_call *call, const gw_store_query *query, gw_store_cursor *out, void *owner,
                           void (*each)(void *owner, const gw_store_group *group))
{
    (void)session, (void)call;
    read_store.by_count = query->by_count;
    for (uint32_t i = 0; i < query->by_count; i++)
        read_store.by[i] = query->by[i];
    read_store.since_ms = query->since_ms;
    read_store.until_ms = query->until_ms;
    for (size_t i = 0; i < read_store.group_count; i++)
        each(owner, &read_store.groups[i]);
    *out = read_store.at;
    return read_store.sums;
}

static gw_status read_rows(void *session, gw_call *call, const gw_store_find *find, void *owner,
                           void (*each)(void *owner, const gw_store_row *row))
{
    (void)session, (void)call;
    snprintf(read_store.request, sizeof read_store.request, "%.*s", (int)find->request.len, find->request.ptr);
    for (size_t i = 0; i < read_store.given_count; i++)
        each(owner, &read_store.given[i]);
    return read_store.rows;
}

static inline struct usage_store read_store_get(void)
{
    static const gw_store_ops ops = { .size = sizeof ops,
                                      .open = read_open,
                                      .close = read_close,
                                      .attach = read_attach,
                                      .detach = read_detach,
                                      .cursor = read_cursor,
                                      .put = read_put,
                                      .prune = read_prune,
                                      .sums = read_sums,
                                      .rows = read_rows };
    static const gw_plugin descriptor = { .abi_major = GW_ABI_MAJOR,
                                          .needs_minor = GW_ABI_MINOR,
                                          .size = sizeof descriptor,
                                          .kind = GW_KIND_STORE,
                                          .name = "reads",
                                          .version = "1",
                                          .license = "MIT",
                                          .ops = &ops };
    static const struct plugin *plugin;
    struct fail fail;
    if (plugin == NULL)
        plugin = plugin_adopt(&descriptor, "(linked in)", &fail);
    cr_assert_not_null(plugin, "%s", fail.text);
    return (struct usage_store){ plugin, &read_store };
}

#endif
