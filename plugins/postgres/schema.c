/* schema.c - the tables, by version. A version's script is never changed: what a later one needs is a script of its own. */
#include <stdio.h>
#include <string.h>

#include "postgres.h"

#define SUM_TYPES                                                                                                      \
    "requests bigint NOT NULL, input bigint NOT NULL, output bigint NOT NULL, cache_read bigint NOT NULL, "            \
    "cache_write bigint NOT NULL, reasoning bigint NOT NULL, cost_nano bigint NOT NULL, doubt_nano bigint NOT NULL, "  \
    "unpriced bigint NOT NULL, estimated bigint NOT NULL"
#define ROLLUP(name)                                                                                                   \
    "CREATE TABLE llm_gateway." name "(bucket bigint NOT NULL, dims integer NOT NULL, " SUM_TYPES                      \
    ", PRIMARY KEY(bucket, dims));"

/* bucket: unix seconds at which the minute, hour or day begins. The dimensions are found by digests: an index takes no long texts. */
static const char version_1[] =
    "CREATE TABLE llm_gateway.gateways(id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ledger text NOT NULL UNIQUE, "
    "generation bigint NOT NULL DEFAULT 1, next bigint NOT NULL DEFAULT 0, segment bigint NOT NULL DEFAULT 0, "
    "\"offset\" bigint NOT NULL DEFAULT 0, \"from\" bigint NOT NULL DEFAULT 0, "
    "rows_since_ms bigint NOT NULL DEFAULT -9223372036854775808);"
    "CREATE TABLE llm_gateway.dims(id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, team text NOT NULL, key text NOT NULL, "
    "model text NOT NULL, provider text NOT NULL);"
    "CREATE UNIQUE INDEX dims_texts ON llm_gateway.dims((md5(team) || md5(key) || md5(model) || md5(provider)));"
    "CREATE TABLE llm_gateway.usage(gateway integer NOT NULL, generation bigint NOT NULL, number bigint NOT NULL, "
    "type integer NOT NULL, corrects bigint NOT NULL, written_ms bigint NOT NULL, admitted_ms bigint NOT NULL, "
    "duration_ms bigint NOT NULL, attempt bigint NOT NULL, dims integer NOT NULL, request text NOT NULL, project text NOT NULL, "
    "tags text NOT NULL, \"user\" text NOT NULL, session text NOT NULL, client text NOT NULL, face text NOT NULL, "
    "upstream_model text NOT NULL, ending text NOT NULL, source text NOT NULL, outcome text NOT NULL, price text NOT NULL, " SUM_TYPES
    ", hard_nano bigint NOT NULL, soft_nano bigint NOT NULL, output_limit bigint NOT NULL, accounts text NOT NULL, "
    "raw text NOT NULL, who text NOT NULL, why text NOT NULL, policies text NOT NULL, lines jsonb NOT NULL, "
    "PRIMARY KEY(gateway, generation, number));"
    "CREATE INDEX usage_request ON llm_gateway.usage(request);"
    "CREATE INDEX usage_admitted ON llm_gateway.usage(admitted_ms);"
    "CREATE INDEX usage_own ON llm_gateway.usage(gateway, admitted_ms);" ROLLUP("minute") ROLLUP("hour") ROLLUP("day")
    /* A sum that leaves 64 bits becomes the largest or the least number: a wrong price must not stop what others spend. */
    "CREATE FUNCTION llm_gateway.bounded(numeric) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS "
    "'SELECT greatest(least($1, 9223372036854775807), -9223372036854775808)::bigint';";

static const char *const versions[] = { version_1 };
#define KNOWN ((int)(sizeof versions / sizeof versions[0]))

/* The version of the tables; 0: there are none. */
static gw_status look(struct session *s, gw_call *call, int *version)
{
    PGresult *rows;
    gw_status status =
        query(s, call, "SELECT current_setting('server_encoding'), to_regclass('llm_gateway.meta') IS NOT NULL", 0,
              NULL, &rows);
    *version = 0;
    if (status != GW_OK)
        return status;
    bool utf8 = strcmp(PQgetvalue(rows, 0, 0), "UTF8") == 0, made = strcmp(PQgetvalue(rows, 0, 1), "t") == 0;
    if (!utf8) {
        query_explain(s->of, call, "the database has the encoding %s: create one with ENCODING 'UTF8'",
                      PQgetvalue(rows, 0, 0));
        status = GW_E_CONFIG;
    }
    PQclear(rows);
    if (status == GW_OK && made) {
        status = query(s, call, "SELECT version FROM llm_gateway.meta", 0, NULL, &rows);
        if (status != GW_OK)
            return status;
        *version = PQntuples(rows) == 1 ? (int)query_number(rows, 0, 0) : 0;
        PQclear(rows);
    }
    if (*version > KNOWN) {
        query_explain(
            s->of, call,
            "the PostgreSQL store has schema %d, and this program knows %d: use a version of llm-gateway that is at "
            "least as new as the one that made it",
            *version, KNOWN);
        status = GW_E_CONFIG;
    }
    return status;
}

/* In one transaction: looked at again under the lock, as another gateway may have migrated it meanwhile. */
static gw_status migrate(struct session *s, gw_call *call)
{
    char mark[128];
    int version;
    gw_status status = query_plain(s, call, "BEGIN; SELECT pg_advisory_xact_lock(1735685492)");
    if (status == GW_OK)
        status = look(s, call, &version);
    if (status == GW_OK && version == 0)
        status = query_plain(
            s, call,
            "CREATE SCHEMA IF NOT EXISTS llm_gateway; "
            "CREATE TABLE llm_gateway.meta(one integer PRIMARY KEY CHECK(one = 1), version integer NOT NULL); "
            "INSERT INTO llm_gateway.meta VALUES(1, 0)");
    for (; status == GW_OK && version < KNOWN; version++)
        status = query_plain(s, call, versions[version]);
    snprintf(mark, sizeof mark, "UPDATE llm_gateway.meta SET version = %d; COMMIT", KNOWN);
    return status == GW_OK ? query_plain(s, call, mark) : status;
}

gw_status schema_prepare(struct session *s, gw_call *call, bool write)
{
    int version;
    gw_status status = look(s, call, &version);
    if (status != GW_OK || version == KNOWN)
        return status;
    return write ? migrate(s, call) : GW_MISS; /* the next start of a gateway makes or migrates it */
}
