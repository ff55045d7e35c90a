/* sums.c - sums by dimensions: from rollups where these have them, else from rows. Of all gateways that share the database. The SQL is
 * put together from fixed parts and numbers. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

enum { BY_MOST = 10 };

#define SUMMED(column) "llm_gateway.bounded(sum(r." column "))"
#define ALL_SUMMED                                                                                                     \
    SUMMED("requests")                                                                                                 \
    ", " SUMMED("input") ", " SUMMED("output") ", " SUMMED("cache_read") ", " SUMMED("cache_write") ", " SUMMED(       \
        "reasoning") ", " SUMMED("cost_nano") ", " SUMMED("doubt_nano") ", " SUMMED("unpriced") ", " SUMMED("estimated")

/* Where a word's value stands. `rolled`: the rollups have it. */
static const struct {
    const char *column;
    bool rolled;
} words[] = {
    [GW_STORE_BY_TEAM] = { "d.team", true },
    [GW_STORE_BY_KEY] = { "d.key", true },
    [GW_STORE_BY_MODEL] = { "d.model", true },
    [GW_STORE_BY_PROVIDER] = { "d.provider", true },
    [GW_STORE_BY_PROJECT] = { "r.project", false },
    [GW_STORE_BY_TAG] = { "r.tags", false },
    [GW_STORE_BY_USER] = { "r.\"user\"", false },
    [GW_STORE_BY_SESSION] = { "r.session", false },
    [GW_STORE_BY_CLIENT] = { "r.client", false },
    [GW_STORE_BY_DAY] = { "to_char(date '1970-01-01' + r.day::integer, 'YYYY-MM-DD')", true },
};
enum { WORDS = sizeof words / sizeof words[0] };

static int64_t floor_to(int64_t value, int64_t unit)
{
    int64_t rest = value % unit;
    return value - (rest < 0 ? rest + unit : rest);
}

static int64_t ceil_to(int64_t value, int64_t unit)
{
    return floor_to(value + unit - 1, unit);
}

static void add_range(struct builder *b, const char *table, int64_t since_s, int64_t until_s)
{
    if (since_s >= until_s)
        return;
    builder_add(b, " UNION ALL SELECT bucket, dims, " SUM_COLUMNS " FROM llm_gateway.");
    builder_add(b, table);
    builder_add(b, " WHERE bucket >= ");
    builder_number(b, since_s);
    builder_add(b, " AND bucket < ");
    builder_number(b, until_s);
}

/* Minutes up to the next hour, hours up to the next day, days, and the same backwards. */
static void add_ranges(struct builder *b, const gw_store_query *q)
{
    int64_t least = -(INT64_C(1) << 53), most = INT64_C(1) << 53;
    int64_t since = q->since_ms == INT64_MIN ? least / 86400 * 86400 : floor_to(q->since_ms, 60000) / 1000;
    int64_t until = q->until_ms == INT64_MAX ? most / 86400 * 86400 : floor_to(q->until_ms, 60000) / 1000;
    int64_t hour_1 = ceil_to(since, 3600), hour_2 = floor_to(until, 3600);
    if (hour_1 >= hour_2) { /* within two hours */
        add_range(b, "minute", since, until);
        return;
    }
    int64_t day_1 = ceil_to(hour_1, 86400), day_2 = floor_to(hour_2, 86400);
    add_range(b, "minute", since, hour_1);
    if (day_1 >= day_2) {
        add_range(b, "hour", hour_1, hour_2);
    } else {
        add_range(b, "hour", hour_1, day_1);
        add_range(b, "day", day_1, day_2);
        add_range(b, "hour", day_2, hour_2);
    }
    add_range(b, "minute", hour_2, until);
}

static bool by(const gw_store_query *q, uint32_t word)
{
    for (uint32_t i = 0; i < q->by_count; i++)
        if (q->by[i] == word)
            return true;
    return false;
}

/* The rollups are summed by number first, and the few sums get their texts then. */
static void from_rollups(struct builder *b, const gw_store_query *q)
{
    builder_add(b, "(SELECT r.dims, ");
    builder_add(b, by(q, GW_STORE_BY_DAY) ? "floor(r.bucket / 86400.0)::bigint" : "0");
    builder_add(b, " AS day");
    static const char *const columns[] = { "requests",  "input",     "output",     "cache_read", "cache_write",
                                           "reasoning", "cost_nano", "doubt_nano", "unpriced",   "estimated" };
    for (size_t i = 0; i < SUMS; i++) {
        builder_add(b, ", sum(r.");
        builder_add(b, columns[i]);
        builder_add(b, ") AS ");
        builder_add(b, columns[i]);
    }
    builder_add(b, " FROM (SELECT bucket, dims, " SUM_COLUMNS " FROM llm_gateway.day WHERE false");
    add_ranges(b, q);
    builder_add(b, ") r GROUP BY 1, 2) r");
}

static void from_rows(struct builder *b, const gw_store_query *q)
{
    builder_add(
        b,
        "(SELECT u.*, floor(u.admitted_ms / 86400000.0)::bigint AS day FROM llm_gateway.usage u WHERE u.admitted_ms >= ");
    builder_number(b, q->since_ms == INT64_MIN ? INT64_MIN + 1 : q->since_ms);
    builder_add(b, " AND u.admitted_ms < ");
    builder_number(b, q->until_ms);
    builder_add(b, ") r");
}

static void write_sql(struct builder *b, const gw_store_query *q)
{
    bool rolled = true;
    builder_add(b, "SELECT ");
    for (uint32_t i = 0; i < q->by_count; i++) {
        builder_add(b, words[q->by[i]].column);
        builder_add(b, ", ");
        rolled = rolled && words[q->by[i]].rolled;
    }
    builder_add(b, ALL_SUMMED " FROM ");
    if (rolled)
        from_rollups(b, q);
    else
        from_rows(b, q);
    builder_add(b, " JOIN llm_gateway.dims d ON d.id = r.dims");
    for (uint32_t i = 0; i < q->by_count; i++) {
        builder_add(b, i > 0 ? ", " : " GROUP BY ");
        builder_number(b, i + 1);
    }
    builder_add(b, " HAVING count(*) > 0");
}

static void give(const PGresult *rows, int row, const gw_store_query *q, void *owner,
                 void (*each)(void *owner, const gw_store_group *group))
{
    gw_str values[BY_MOST];
    int64_t in[SUMS];
    for (uint32_t i = 0; i < q->by_count; i++)
        values[i] = query_text(rows, row, (int)i);
    for (int i = 0; i < SUMS; i++)
        in[i] = query_number(rows, row, (int)q->by_count + i);
    gw_store_sums sums = { .size = sizeof sums,
                           .requests = in[0],
                           .input = in[1],
                           .output = in[2],
                           .cache_read = in[3],
                           .cache_write = in[4],
                           .reasoning = in[5],
                           .cost = in[6],
                           .doubt = in[7],
                           .unpriced = in[8],
                           .estimated = in[9] };
    gw_store_group group = { .size = sizeof group, .value_count = q->by_count, .values = values, .sums = &sums };
    each(owner, &group);
}

gw_status postgres_sums(void *session, gw_call *call, const gw_store_query *q, gw_store_cursor *cursor, void *owner,
                        void (*each)(void *owner, const gw_store_group *group))
{
    struct session *s = session;
    struct builder sql = { .len = 0 };
    PGresult *rows = NULL;
    for (uint32_t i = 0; i < q->by_count; i++)
        if (i >= BY_MOST || q->by[i] == 0 || q->by[i] >= WORDS) {
            query_explain(s->of, call, "sums by %u are not known to this store", q->by[i]);
            return GW_E_REJECT;
        }
    write_sql(&sql, q);
    gw_status status =
        sql.full ? GW_E_NOMEM : query_plain(s, call, "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    if (status == GW_OK)
        status = postgres_cursor(s, call, cursor);
    if (status == GW_OK)
        status = query(s, call, sql.text, 0, NULL, &rows);
    free(sql.text);
    query_undo(s, call);
    for (int i = 0; status == GW_OK && i < PQntuples(rows); i++)
        give(rows, i, q, owner, each);
    PQclear(rows);
    return status;
}
