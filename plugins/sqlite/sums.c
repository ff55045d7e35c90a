/* sums.c - sums by dimensions: from rollups where these have them, else from rows. The SQL is put together from fixed parts; values
 * are bound. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sqlite.h"

enum { SQL_MOST = 4096, BY_MOST = 10 };

/* sum() of SQLite is an error where it leaves 64 bits: money() is not. */
#define SUMMED                                                                                                         \
    "sum(r.requests), sum(r.input), sum(r.output), sum(r.cache_read), sum(r.cache_write), sum(r.reasoning), "          \
    "money(r.cost_nano), money(r.doubt_nano), sum(r.unpriced), sum(r.estimated)"

/* Where a word's value stands; the day's number is made a text at the end. `rolled`: the rollups have it. */
static const struct {
    const char *column;
    bool rolled;
} words[] = {
    [GW_STORE_BY_TEAM] = { "d.team", true },        [GW_STORE_BY_KEY] = { "d.key", true },
    [GW_STORE_BY_MODEL] = { "d.model", true },      [GW_STORE_BY_PROVIDER] = { "d.provider", true },
    [GW_STORE_BY_PROJECT] = { "r.project", false }, [GW_STORE_BY_TAG] = { "r.tags", false },
    [GW_STORE_BY_USER] = { "r.user", false },       [GW_STORE_BY_SESSION] = { "r.session", false },
    [GW_STORE_BY_CLIENT] = { "r.client", false },   [GW_STORE_BY_DAY] = { "r.admitted_ms / 86400000", true },
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

static size_t add_range(struct range *out, size_t n, enum statement table, int64_t since_s, int64_t until_s)
{
    if (since_s < until_s)
        out[n++] = (struct range){ table, since_s, until_s };
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
        size_t n = add_range(out, 0, MINUTE_GET, since, middle);
        return add_range(out, n, MINUTE_GET, middle > since ? middle : since, until);
    }
    int64_t day_1 = ceil_to(hour_1, 86400), day_2 = floor_to(hour_2, 86400);
    size_t n = add_range(out, 0, MINUTE_GET, since, hour_1);
    if (day_1 >= day_2) {
        n = add_range(out, n, HOUR_GET, hour_1, hour_2);
    } else {
        n = add_range(out, n, HOUR_GET, hour_1, day_1);
        n = add_range(out, n, DAY_GET, day_1, day_2);
        n = add_range(out, n, HOUR_GET, day_2, hour_2);
    }
    return add_range(out, n, MINUTE_GET, hour_2, until);
}

gw_str sums_day(int64_t day, char out[DAY_TEXT])
{
    time_t at = (time_t)(day * 86400);
    struct tm utc;
    gmtime_r(&at, &utc);
    return (gw_str){ out, strftime(out, DAY_TEXT, "%Y-%m-%d", &utc) };
}

void sums_give(const gw_store_query *q, const gw_str *values, const int64_t in[SUMS], void *owner,
               void (*each)(void *owner, const gw_store_group *group))
{
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

static void append(char sql[SQL_MOST], const char *text)
{
    size_t used = strlen(sql);
    snprintf(sql + used, SQL_MOST - used, "%s", text);
}

static void money_step(sqlite3_context *context, int count, sqlite3_value **values)
{
    int64_t *sum = sqlite3_aggregate_context(context, sizeof *sum);
    (void)count;
    if (sum == NULL)
        sqlite3_result_error_nomem(context);
    else
        *sum = rollup_sum(*sum, sqlite3_value_int64(values[0]));
}

static void money_end(sqlite3_context *context)
{
    const int64_t *sum = sqlite3_aggregate_context(context, 0);
    sqlite3_result_int64(context, sum != NULL ? *sum : 0);
}

int sums_prepare(sqlite3 *db)
{
    return sqlite3_create_function_v2(db, "money", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
                                      NULL, money_step, money_end, NULL);
}

static void write_sql(char sql[SQL_MOST], const gw_store_query *q)
{
    char group[64] = "";
    append(sql, "SELECT ");
    for (uint32_t i = 0; i < q->by_count; i++) {
        size_t used = strlen(group);
        snprintf(group + used, sizeof group - used, "%s%u", i > 0 ? "," : " GROUP BY ", i + 1);
        append(sql, words[q->by[i]].column);
        append(sql, ", ");
    }
    append(sql, SUMMED " FROM usage r JOIN dims d ON d.id = r.dims WHERE r.admitted_ms >= ?1 AND r.admitted_ms < ?2");
    append(sql, group);
}

static void give_row(sqlite3_stmt *st, const gw_store_query *q, void *owner,
                     void (*each)(void *owner, const gw_store_group *group))
{
    char days[DAY_TEXT];
    gw_str values[BY_MOST];
    int64_t sums[SUMS];
    for (uint32_t i = 0; i < q->by_count; i++)
        values[i] =
            q->by[i] == GW_STORE_BY_DAY ? sums_day(sqlite3_column_int64(st, (int)i), days) : statement_text(st, (int)i);
    for (int i = 0; i < SUMS; i++)
        sums[i] = sqlite3_column_int64(st, (int)q->by_count + i);
    sums_give(q, values, sums, owner, each);
}

static gw_status sum_rows(struct session *s, gw_call *call, const gw_store_query *q, void *owner,
                          void (*each)(void *owner, const gw_store_group *group))
{
    char sql[SQL_MOST] = "";
    sqlite3_stmt *st = NULL;
    write_sql(sql, q);
    int code = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_int64(st, 1, q->since_ms);
        sqlite3_bind_int64(st, 2, q->until_ms);
    }
    while (code == SQLITE_OK && (code = sqlite3_step(st)) == SQLITE_ROW) {
        give_row(st, q, owner, each);
        code = SQLITE_OK;
    }
    gw_status status = code == SQLITE_DONE ? GW_OK : statement_failed(s, call, code);
    sqlite3_finalize(st);
    return status;
}

static gw_status ask(struct session *s, gw_call *call, const gw_store_query *q, void *owner,
                     void (*each)(void *owner, const gw_store_group *group))
{
    struct range ranges[5];
    for (uint32_t i = 0; i < q->by_count; i++)
        if (!words[q->by[i]].rolled)
            return sum_rows(s, call, q, owner, each);
    return rolled_sums(s, call, q, ranges, ranges_of(q, ranges), owner, each);
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
