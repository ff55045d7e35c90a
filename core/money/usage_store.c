/* usage_store.c - sums of the store, and of the records that the journal has beyond it. */
#include <gateway/store.h>
#include <stdio.h>
#include <time.h>

#include "money/follow.h"
#include "money/usage_inside.h"
#include "plugin/store.h"

enum { MINUTE_MS = 60000, DAY_MS = 86400000, TURNS_MOST = 20 };

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

/* Groups of one day of a zone: the store knows days of UTC. */
struct taking {
    struct usage_report *report;
    struct text day; /* absent: the groups have theirs */
    int64_t first_ms, last_ms;
};

static void take_group(void *owner, const gw_store_group *group)
{
    const struct taking *t = owner;
    struct usage_report *r = t->report;
    struct text values[USAGE_BY_MOST];
    unsigned n = 0;
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
    if (group->value_count + (t->day.ptr != NULL) != r->query.by_count)
        return;
    for (unsigned i = 0; i < r->query.by_count; i++)
        values[i] = t->day.ptr != NULL && r->query.by[i] == BY_DAY ? t->day : call_text(group->values[n++]);
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

static gw_status take_all(struct usage_report *r, struct store_session *session, gw_store_cursor *cursor,
                          struct fail *fail)
{
    struct taking taking = { .report = r };
    uint32_t by[USAGE_BY_MOST];
    gw_store_query query = { .size = sizeof query,
                             .by_count = r->query.by_count,
                             .by = by,
                             .since_ms = r->query.since_ms,
                             .until_ms = r->query.until_ms };
    for (unsigned i = 0; i < r->query.by_count; i++)
        by[i] = words[r->query.by[i]];
    return store_sums(session, &query, cursor, take_group, &taking, fail);
}

static bool is_by_day(const struct usage_query *query)
{
    for (unsigned i = 0; i < query->by_count; i++)
        if (query->by[i] == BY_DAY)
            return true;
    return false;
}

/* "2026-12-31" */
static void note_day(void *owner, const gw_store_group *group)
{
    struct taking *t = owner;
    int year, month, day;
    if (group->value_count != 1 || sscanf(group->values[0].ptr, "%d-%2d-%2d", &year, &month, &day) != 3)
        return;
    struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day };
    int64_t ms = (int64_t)timegm(&tm) * 1000;
    t->first_ms = ms < t->first_ms ? ms : t->first_ms;
    t->last_ms = ms + DAY_MS - 1 > t->last_ms ? ms + DAY_MS - 1 : t->last_ms;
}

static gw_status take_day(struct usage_report *r, int64_t day, struct store_session *session, gw_store_cursor *cursor,
                          struct fail *fail)
{
    struct taking taking = { .report = r, .day = usage_day_text(&r->arena, day) };
    const struct usage_query *q = &r->query;
    int64_t since = zone_day_begins(q->zone, day) * 1000, until = zone_day_begins(q->zone, day + 1) * 1000;
    uint32_t by[USAGE_BY_MOST];
    gw_store_query query = { .size = sizeof query,
                             .by = by,
                             .since_ms = since > q->since_ms ? since : q->since_ms,
                             .until_ms = until < q->until_ms ? until : q->until_ms };
    for (unsigned i = 0; i < q->by_count; i++)
        if (q->by[i] != BY_DAY)
            by[query.by_count++] = words[q->by[i]];
    return query.since_ms >= query.until_ms ? GW_OK : store_sums(session, &query, cursor, take_group, &taking, fail);
}

/* One question for each day of the zone. *moved: the store took records between them, and the sums are of no one moment. */
static gw_status take_days(struct usage_report *r, struct store_session *session, gw_store_cursor *cursor, bool *moved,
                           struct fail *fail)
{
    struct taking days = { .report = r, .first_ms = INT64_MAX, .last_ms = INT64_MIN };
    uint32_t by_day = GW_STORE_BY_DAY;
    gw_store_query query = {
        .size = sizeof query, .by_count = 1, .by = &by_day, .since_ms = r->query.since_ms, .until_ms = r->query.until_ms
    };
    gw_status status = store_sums(session, &query, cursor, note_day, &days, fail);
    gw_store_cursor then = *cursor;
    *moved = false;
    if (status != GW_OK || days.first_ms > days.last_ms)
        return status;
    int64_t day = usage_day_of(r->query.zone, days.first_ms), last = usage_day_of(r->query.zone, days.last_ms);
    for (; status == GW_OK && !*moved && day <= last; day++) {
        status = take_day(r, day, session, &then, fail);
        *moved = status == GW_OK && (then.next != cursor->next || then.generation != cursor->generation);
    }
    return status;
}

static gw_status take_zone(struct usage_report *r, struct store_session *session, gw_store_cursor *cursor,
                           struct fail *fail)
{
    bool moved = true;
    gw_status status = GW_OK;
    for (int turn = 0; turn < TURNS_MOST && moved && status == GW_OK; turn++) {
        map_fini(&r->groups);
        map_init(&r->groups);
        r->total = (struct usage_sums){ .cost = 0 };
        status = take_days(r, session, cursor, &moved, fail);
    }
    if (status != GW_OK || !moved)
        return status;
    fail_set(fail, FAIL_OPERATOR,
             "the store changes faster than its days are read: ask for a shorter time, or for --zone UTC");
    return GW_E_RETRY;
}

static gw_status read_sums(struct usage_report *r, struct store_session *session, gw_store_cursor *cursor,
                           struct fail *fail)
{
    if (is_rolled(&r->query)) {
        r->query.since_ms = floor_minute(r->query.since_ms);
        r->query.until_ms = floor_minute(r->query.until_ms);
    }
    gw_status status = r->query.zone != NULL && is_by_day(&r->query) ? take_zone(r, session, cursor, fail)
                                                                     : take_all(r, session, cursor, fail);
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
