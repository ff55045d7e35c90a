/* usage_store.c - sums of the store, and of the records that the journal has beyond it. */
#include <gateway/store.h>
#include <stdio.h>

#include "money/follow.h"
#include "money/usage_inside.h"
#include "plugin/store.h"

#define MINUTE_MS 60000

static const uint32_t words[BY_WORDS] = { [BY_TEAM] = GW_STORE_BY_TEAM,       [BY_KEY] = GW_STORE_BY_KEY,
                                          [BY_MODEL] = GW_STORE_BY_MODEL,     [BY_PROVIDER] = GW_STORE_BY_PROVIDER,
                                          [BY_PROJECT] = GW_STORE_BY_PROJECT, [BY_TAG] = GW_STORE_BY_TAG,
                                          [BY_USER] = GW_STORE_BY_USER,       [BY_SESSION] = GW_STORE_BY_SESSION,
                                          [BY_CLIENT] = GW_STORE_BY_CLIENT,   [BY_DAY] = GW_STORE_BY_DAY };

/* Rollups have these; single rows, which may have been removed, the others. */
static bool is_rolled(const struct usage_query *query)
{
    for (unsigned i = 0; i < query->by_count; i++)
        switch (query->by[i]) {
        case BY_TEAM:
        case BY_KEY:
        case BY_MODEL:
        case BY_PROVIDER:
        case BY_DAY:
            break;
        default:
            return false;
        }
    return true;
}

static int64_t floor_minute(int64_t ms)
{
    return ms == INT64_MIN || ms == INT64_MAX ? ms : ms - ((ms % MINUTE_MS) + MINUTE_MS) % MINUTE_MS;
}

static void take_group(void *owner, const gw_store_group *group)
{
    struct usage_report *r = owner;
    struct text values[USAGE_BY_MOST];
    const gw_store_sums *s = group->sums;
    struct usage_sums sums = { .requests = s->requests,
                               .input = s->input,
                               .output = s->output,
                               .cache_read = s->cache_read,
                               .cache_write = s->cache_write,
                               .reasoning = s->reasoning,
                               .cost = s->cost,
                               .doubt = s->doubt,
                               .unpriced = s->unpriced,
                               .estimated = s->estimated };
    if (group->value_count != r->query.by_count)
        return;
    for (unsigned i = 0; i < r->query.by_count; i++)
        values[i] = call_text(group->values[i]);
    usage_sums_add(&usage_row_of(r, values)->sums, &sums);
    usage_sums_add(&r->total, &sums);
}

static void add_held(void *owner, uint64_t number, struct text bytes)
{
    struct usage_report *r = owner;
    struct record hold;
    struct arena arena;
    const char *why;
    (void)number;
    arena_init(&arena, NULL, 0, 1 << 20);
    if (record_read(bytes, &arena, &hold, &why) == 0)
        usage_add_record(r, &hold, NULL, hold.hard);
    arena_fini(&arena);
}

/* The journal from where the store stands. What is damaged in it is passed over and counted. */
static int read_rest(struct usage_report *r, const char *folder, const gw_store_cursor *cursor, struct fail *fail)
{
    struct follow_settings settings = { .folder = folder,
                                        .from = { cursor->segment, cursor->offset, cursor->from },
                                        .next = cursor->next,
                                        .accept_gap = true };
    struct follow *f = follow_new(&settings);
    struct follow_item item;
    enum follow_next next;
    while ((next = follow_next(f, &item, fail)) == FOLLOW_RECORD && !r->arena.full)
        if (item.record.type == RECORD_END && item.has_hold)
            usage_add_record(r, &item.hold, &item.record, 0);
        else if (item.record.type == RECORD_ROW || item.record.type == RECORD_LATE)
            usage_add_record(r, &item.record, &item.record, 0);
    holds_each(follow_holds(f), add_held, r);
    r->notes.problems = follow_damages(f) + (next == FOLLOW_BEYOND);
    follow_free(f);
    return next == FOLLOW_WAIT || next == FOLLOW_BEYOND || next == FOLLOW_RECORD ? 1 : -1;
}

static gw_status read_sums(struct usage_report *r, struct store_session *session, gw_store_cursor *cursor,
                           struct fail *fail)
{
    uint32_t by[USAGE_BY_MOST];
    gw_store_query query = { .size = sizeof query, .by_count = r->query.by_count, .by = by };
    if (is_rolled(&r->query)) {
        r->query.since_ms = floor_minute(r->query.since_ms);
        r->query.until_ms = floor_minute(r->query.until_ms);
    }
    query.since_ms = r->query.since_ms;
    query.until_ms = r->query.until_ms;
    for (unsigned i = 0; i < r->query.by_count; i++)
        by[i] = words[r->query.by[i]];
    gw_status status = store_sums(session, &query, cursor, take_group, r, fail);
    if (status == GW_OK && !is_rolled(&r->query) && cursor->rows_since_ms > r->query.since_ms)
        r->notes.rows_since_ms = cursor->rows_since_ms;
    return status;
}

int usage_read_store(struct usage_report *r, const char *folder, const struct usage_store *store, struct fail *fail)
{
    gw_store_cursor cursor;
    gw_status status;
    struct store_session *session = store_attach(store->plugin, store->instance, GW_STORE_READ, &status, fail);
    if (session != NULL) {
        status = read_sums(r, session, &cursor, fail);
        store_detach(session);
    }
    if (status == GW_OK)
        return read_rest(r, folder, &cursor, fail);
    if (status == GW_E_CONFIG || (status != GW_MISS && r->groups.count > 0)) /* half of the sums are none */
        return -1;
    if (status != GW_MISS)
        snprintf(r->notes.store_failed, sizeof r->notes.store_failed, "%s", fail->text);
    return 0;
}
