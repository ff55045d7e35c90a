/* sums.c - sums by dimensions: from rollups where these have them, else from rows. The SQL is put together from fixed parts; values
 * are bound. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sqlite.h"

enum { SQL_MOST = 4096, BY_MOST = 10, DAY_TEXT = 16 };

#define SUMMED                                                                                                         \
    "sum(r.requests), sum(r.input), sum(r.output), sum(r.cache_read), sum(r.cache_write), sum(r.reasoning), "          \
    "sum(r.cost_nano), sum(r.doubt_nano), sum(r.unpriced), sum(r.estimated)"

/* Where a word's value stands; the day's number is made a text at the end. `rolled`: the rollups have it. */
static const struct {
    const char *column;
    bool rolled;
} words[] = {
    [GW_STORE_BY_TEAM] = {"d.team", true},         [GW_STORE_BY_KEY] = {"d.key", true},
    [GW_STORE_BY_MODEL] = {"d.model", true},       [GW_STORE_BY_PROVIDER] = {"d.provider", true},
    [GW_STORE_BY_PROJECT] = {"r.project", false},  [GW_STORE_BY_TAG] = {"r.tags", false},
    [GW_STORE_BY_USER] = {"r.user", false},        [GW_STORE_BY_SESSION] = {"r.session", false},
    [GW_STORE_BY_CLIENT] = {"r.client", false},    [GW_STORE_BY_DAY] = {"r.bucket / 86400", true},
};
enum { WORDS = sizeof words / sizeof words[0] };

/* Part of the time, and the rollup that answers for it. */
struct range {
    const char *table;
    int64_t since_s, until_s;
};

static int64_t floor_to(int64_t value, int64_t unit)
{
    int64_t rest = value % unit;
    return value - (rest < 0 ? rest + unit : rest);
}

static int64_t ceil_to(int64_t value, int64_t unit)
{
    return floor_to(value + unit - 1, unit);
}

static size_t add_range(struct range *out, size_t n, const char *table, int64_t since_s, int64_t until_s)
{
    if (since_s < until_s)
        out[n++] = (struct range){table, since_s, until_s};
    return n;
}

/* Minutes up to the next hour, hours up to the next day, days, and the same backwards. */
static size_t ranges_of(const gw_store_query *q, struct range out[5])
{
    int64_t least = -(INT64_C(1) << 53), most = INT64_C(1) << 53;
    int64_t since = q->since_ms == INT64_MIN ? least / 86400 * 86400 : floor_to(q->since_ms, 60000) / 1000;
    int64_t until = q->until_ms == INT64_MAX ? most / 86400 * 86400 : floor_to(q->until_ms, 60000) / 1000;
    int64_t hour_1 = ceil_to(since, 3600), hour_2 = floor_to(until, 3600);
    if (hour_1 >= hour_2) { /* within two hours */
        int64_t middle = hour_1 < until ? hour_1 : until;
        size_t n = add_range(out, 0, "minute", since, middle);
        return add_range(out, n, "minute", middle > since ? middle : since, until);
    }
    int64_t day_1 = ceil_to(hour_1, 86400), day_2 = floor_to(hour_2, 86400);
    size_t n = add_range(out, 0, "minute", since, hour_1);
    if (day_1 >= day_2) {
        n = add_range(out, n, "hour", hour_1, hour_2);
    } else {
        n = add_range(out, n, "hour", hour_1, day_1);
        n = add_range(out, n, "day", day_1, day_2);
        n = add_range(out, n, "hour", day_2, hour_2);
    }
    return add_range(out, n, "minute", hour_2, until);
}

static void append(char sql[SQL_MOST], const char *text)
{
    size_t used = strlen(sql);
    snprintf(sql + used, SQL_MOST - used, "%s", text);
}

static void write_rollups(char sql[SQL_MOST], const struct range *ranges, size_t count)
{
    append(sql, "(");
    for (size_t i = 0; i < count; i++) {
        append(sql, i > 0 ? " UNION ALL " : "");
        append(sql, "SELECT * FROM ");
        append(sql, ranges[i].table);
        append(sql, " WHERE bucket >= ? AND bucket < ?");
    }
    append(sql, ") r");
}

static void write_sql(char sql[SQL_MOST], const gw_store_query *q, bool rolled, const struct range *ranges, size_t count)
{
    char group[64] = "";
    append(sql, "SELECT ");
    for (uint32_t i = 0; i < q->by_count; i++) {
        size_t used = strlen(group);
        snprintf(group + used, sizeof group - used, "%s%u", i > 0 ? "," : " GROUP BY ", i + 1);
        append(sql, words[q->by[i]].column);
        append(sql, ", ");
    }
    append(sql, SUMMED " FROM ");
    if (rolled)
        write_rollups(sql, ranges, count);
    else
        append(sql, "(SELECT *, CAST(admitted_ms / 86400000 * 86400 AS INTEGER) AS bucket FROM usage WHERE admitted_ms >= ? AND admitted_ms < ?) r");
    append(sql, " JOIN dims d ON d.id = r.dims");
    append(sql, group);
}

static gw_str day_text(int64_t day, char out[DAY_TEXT])
{
    time_t at = (time_t)(day * 86400);
    struct tm utc;
    gmtime_r(&at, &utc);
    return (gw_str){out, strftime(out, DAY_TEXT, "%Y-%m-%d", &utc)};
}

static void give(sqlite3_stmt *st, const gw_store_query *q, void *owner, void (*each)(void *owner, const gw_store_group *group))
{
    char days[DAY_TEXT];
    gw_str values[BY_MOST];
    gw_store_sums sums = {.size = sizeof sums};
    gw_store_group group = {.size = sizeof group, .value_count = q->by_count, .values = values, .sums = &sums};
    int64_t *const members[SUMS] = {&sums.requests,  &sums.input, &sums.output, &sums.cache_read, &sums.cache_write,
                                    &sums.reasoning, &sums.cost,  &sums.doubt,  &sums.unpriced,   &sums.estimated};
    for (uint32_t i = 0; i < q->by_count; i++)
        values[i] = q->by[i] == GW_STORE_BY_DAY ? day_text(sqlite3_column_int64(st, (int)i), days) : statement_text(st, (int)i);
    for (int i = 0; i < SUMS; i++)
        *members[i] = sqlite3_column_int64(st, (int)q->by_count + i);
    if (sqlite3_column_type(st, (int)q->by_count) != SQLITE_NULL) /* no rows at all make one group of nothing */
        each(owner, &group);
}

static void bind_times(sqlite3_stmt *st, const gw_store_query *q, bool rolled, const struct range *ranges, size_t count)
{
    if (!rolled) {
        sqlite3_bind_int64(st, 1, q->since_ms);
        sqlite3_bind_int64(st, 2, q->until_ms);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        sqlite3_bind_int64(st, (int)(2 * i + 1), ranges[i].since_s);
        sqlite3_bind_int64(st, (int)(2 * i + 2), ranges[i].until_s);
    }
}

static gw_status ask(struct session *s, gw_call *call, const gw_store_query *q, void *owner,
                     void (*each)(void *owner, const gw_store_group *group))
{
    char sql[SQL_MOST] = "";
    struct range ranges[5];
    size_t count = ranges_of(q, ranges);
    bool rolled = true;
    sqlite3_stmt *st = NULL;

    for (uint32_t i = 0; i < q->by_count; i++)
        rolled = rolled && words[q->by[i]].rolled;
    if (count == 0)
        return GW_OK;
    write_sql(sql, q, rolled, ranges, count);
    int code = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (code == SQLITE_OK)
        bind_times(st, q, rolled, ranges, count);
    while (code == SQLITE_OK && (code = sqlite3_step(st)) == SQLITE_ROW) {
        give(st, q, owner, each);
        code = SQLITE_OK;
    }
    gw_status status = code == SQLITE_DONE ? GW_OK : statement_failed(s, call, code);
    sqlite3_finalize(st);
    return status;
}

gw_status sqlite_sums(void *session, gw_call *call, const gw_store_query *q, gw_store_cursor *cursor, void *owner,
                      void (*each)(void *owner, const gw_store_group *group))
{
    struct session *s = session;
    for (uint32_t i = 0; i < q->by_count; i++)
        if (i >= BY_MOST || q->by[i] == 0 || q->by[i] >= WORDS) {
            explain(s, call, "sums by %u are not known to this store", q->by[i]);
            return GW_E_REJECT;
        }
    gw_status status = statement_simple(s, call, BEGIN);
    if (status != GW_OK)
        return status;
    status = cursor_get(s, call, cursor);
    if (status == GW_OK)
        status = ask(s, call, q, owner, each);
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}
