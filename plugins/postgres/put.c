/* put.c - a batch: rows, rollups and the cursor in one transaction. Removes old rows. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

#define DIGEST(table) "md5(" table ".team) || md5(" table ".key) || md5(" table ".model) || md5(" table ".provider)"
#define INPUT(json) "json_to_recordset(" json "::json) AS i(" BATCH_COLUMNS ")"
/* Seconds at which the minute, hour or day of a row begins, also before 1970. */
#define BUCKET(ms) "(n.admitted_ms - ((n.admitted_ms % " ms ") + " ms ") % " ms ") / 1000"
#define SUM(column) "llm_gateway.bounded(sum(n." column "))"
#define MORE(column) column " = llm_gateway.bounded(t." column "::numeric + excluded." column ")"
#define ADD(name, table, ms)                                                                                                                                                                                                                                                                                                                                                                                         \
    name                                                                                                                                                                                                                                                                                                                                                                                                             \
        " AS (INSERT INTO llm_gateway." table                                                                                                                                                                                                                                                                                                                                                                        \
        " AS t(bucket, dims, " SUM_COLUMNS ") SELECT " BUCKET(ms) ", n.dims, " SUM("requests") ", " SUM("input") ", " SUM("output") ", " SUM("cache_read") ", " SUM("cache_write") ", " SUM("reasoning") ", " SUM("cost_nano") ", " SUM("doubt_nano") ", " SUM("unpriced") ", " SUM("estimated") " FROM new n GROUP BY 1, 2 ON CONFLICT(bucket, dims) DO UPDATE SET " MORE("requests") ", " MORE("input") ", " MORE( \
            "output") ", " MORE("cache_read") ", " MORE("cache_write") ", " MORE("reasoning") ", " MORE("cost_nano") ", " MORE("doubt_nano") ", " MORE("unpriced") ", " MORE("estimated") ")"

/* $1: the gateway. One gateway after the other: two would wait for rows of the rollups in different orders. */
static const char begin[] = "BEGIN; SELECT pg_advisory_xact_lock(1735685493)";
static const char place[] = "SELECT generation, next FROM llm_gateway.gateways WHERE id = $1 FOR UPDATE";
static const char new_dims[] =
    "INSERT INTO llm_gateway.dims(team, key, model, provider) SELECT DISTINCT i.team, i.key, i.model, i.provider FROM " INPUT(
        "$1") " WHERE NOT EXISTS (SELECT FROM llm_gateway.dims d WHERE " DIGEST("d") " = " DIGEST("i") ") "
                                                                                                       "ON CONFLICT DO NOTHING";

/* $1: the gateway, $2: the generation, $3: the rows. What is there already adds nothing to the rollups. */
static const char put_rows[] =
    "WITH new AS (INSERT INTO llm_gateway.usage(gateway, generation, number, type, corrects, written_ms, admitted_ms, "
    "duration_ms, attempt, dims, request, project, tags, \"user\", session, client, face, upstream_model, ending, source, "
    "outcome, price, " SUM_COLUMNS ", hard_nano, soft_nano, output_limit, accounts, raw, who, why, policies, lines) "
    "SELECT $1::integer, $2::bigint, i.number, i.type, i.corrects, i.written_ms, i.admitted_ms, i.duration_ms, i.attempt, d.id, "
    "i.request, i.project, i.tags, i.\"user\", i.session, i.client, i.face, i.upstream_model, i.ending, i.source, i.outcome, "
    "i.price, i.requests, i.input, i.output, i.cache_read, i.cache_write, i.reasoning, i.cost_nano, i.doubt_nano, "
    "i.unpriced, i.estimated, i.hard_nano, i.soft_nano, i.output_limit, i.accounts, i.raw, i.who, i.why, i.policies, i.lines "
    "FROM " INPUT("$3") " JOIN llm_gateway.dims d ON " DIGEST("d") " = " DIGEST(
        "i") " ON CONFLICT DO NOTHING "
             "RETURNING admitted_ms, dims, " SUM_COLUMNS "), " ADD("minutes", "minute", "60000") ", " ADD(
                 "hours", "hour", "3600000") ", " ADD("days", "day", "86400000") " SELECT count(*) FROM new";

static const char set_place[] =
    "UPDATE llm_gateway.gateways SET generation = $2, next = $3, segment = $4, \"offset\" = $5, \"from\" = $6 WHERE id = $1";

/* GW_MISS: the store stands elsewhere. */
static gw_status check_place(struct session *s, gw_call *call, const gw_store_cursor *after)
{
    const char *const values[] = { s->gateway };
    PGresult *rows;
    gw_status status = query(s, call, place, 1, values, &rows);
    if (status != GW_OK)
        return status;
    bool same = PQntuples(rows) == 1 && (uint64_t)query_number(rows, 0, 0) == after->generation &&
                (uint64_t)query_number(rows, 0, 1) == after->next;
    PQclear(rows);
    return same ? GW_OK : GW_MISS;
}

static gw_status put_all(struct session *s, gw_call *call, const gw_store_batch *batch, const char *rows)
{
    const gw_store_cursor *to = batch->until;
    const uint64_t numbers[] = { to->generation, to->next, to->segment, to->offset, to->from };
    char texts[5][NUMBER_TEXT];
    for (size_t i = 0; i < 5; i++)
        snprintf(texts[i], sizeof texts[i], "%" PRId64, (int64_t)numbers[i]);
    const char *const row_values[] = { s->gateway, texts[0], rows };
    const char *const place_values[] = { s->gateway, texts[0], texts[1], texts[2], texts[3], texts[4] };
    gw_status status = check_place(s, call, batch->after);
    if (status == GW_OK && batch->row_count > 0)
        status = query(s, call, new_dims, 1, &rows, NULL);
    if (status == GW_OK && batch->row_count > 0)
        status = query(s, call, put_rows, 3, row_values, NULL);
    if (status == GW_OK)
        status = query(s, call, set_place, 6, place_values, NULL);
    return status == GW_OK ? query_plain(s, call, "COMMIT") : status;
}

/* Where the answer to COMMIT is lost, the core asks the next session for the cursor, which tells whether it took place. */
gw_status postgres_put(void *session, gw_call *call, const gw_store_batch *batch)
{
    struct session *s = session;
    struct builder rows = { .len = 0 };
    batch_write(&rows, batch);
    gw_status status = rows.full ? GW_E_NOMEM : query_plain(s, call, begin);
    if (status == GW_OK) {
        status = put_all(s, call, batch, rows.text);
        if (status != GW_OK)
            query_undo(s, call);
    }
    free(rows.text);
    return status;
}

/* Its own: each gateway has a setting of its own for how long they stay. */
gw_status postgres_prune(void *session, gw_call *call, int64_t before_ms, uint32_t most, uint32_t *removed)
{
    struct session *s = session;
    char before[NUMBER_TEXT], count[NUMBER_TEXT];
    const char *const values[] = { before, count, s->gateway };
    PGresult *rows;
    snprintf(before, sizeof before, "%" PRId64, before_ms);
    snprintf(count, sizeof count, "%" PRIu32, most);
    *removed = 0;
    gw_status status = query(
        s, call,
        "WITH old AS (SELECT gateway, generation, number FROM llm_gateway.usage WHERE gateway = $3 AND admitted_ms < $1 "
        "ORDER BY admitted_ms LIMIT $2), gone AS (DELETE FROM llm_gateway.usage u USING old o WHERE "
        "u.gateway = o.gateway AND u.generation = o.generation AND u.number = o.number RETURNING 1), "
        "since AS (UPDATE llm_gateway.gateways SET rows_since_ms = greatest(rows_since_ms, $1) "
        "WHERE id = $3 AND EXISTS (SELECT FROM old)) SELECT count(*) FROM gone",
        3, values, &rows);
    if (status != GW_OK)
        return status;
    *removed = (uint32_t)query_number(rows, 0, 0);
    PQclear(rows);
    return GW_OK;
}
