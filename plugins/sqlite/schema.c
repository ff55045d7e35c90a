/* schema.c - the tables, by version. A version's script is never changed: what a later one needs is a script of its own. */
#include <stdio.h>
#include <string.h>

#include "sqlite.h"

#define APPLICATION 0x67777374 /* "gwst" */
#define SUM_TYPES                                                                                                         \
    "requests INTEGER NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL, cache_read INTEGER NOT NULL, "           \
    "cache_write INTEGER NOT NULL, reasoning INTEGER NOT NULL, cost_nano INTEGER NOT NULL, doubt_nano INTEGER NOT NULL, " \
    "unpriced INTEGER NOT NULL, estimated INTEGER NOT NULL"
#define ROLLUP(name)                                                                                                   \
    "CREATE TABLE " name "(bucket INTEGER NOT NULL, dims INTEGER NOT NULL, " SUM_TYPES                                 \
    ", PRIMARY KEY(bucket, dims)) STRICT, WITHOUT ROWID;"

/* bucket: unix seconds at which the minute, hour or day begins. STRICT: a sum that leaves 64 bits is an error, not a float. */
static const char version_1[] =
    "CREATE TABLE meta(one INTEGER PRIMARY KEY CHECK(one = 1), generation INTEGER NOT NULL, next INTEGER NOT NULL, "
    "segment INTEGER NOT NULL, \"offset\" INTEGER NOT NULL, \"from\" INTEGER NOT NULL, rows_since_ms INTEGER NOT NULL) STRICT;"
    "INSERT INTO meta VALUES(1, 1, 0, 0, 0, 0, -9223372036854775808);"
    "CREATE TABLE dims(id INTEGER PRIMARY KEY, team TEXT NOT NULL, key TEXT NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL, "
    "UNIQUE(team, key, model, provider)) STRICT;"
    "CREATE TABLE usage(generation INTEGER NOT NULL, number INTEGER NOT NULL, type INTEGER NOT NULL, corrects INTEGER NOT NULL, "
    "written_ms INTEGER NOT NULL, admitted_ms INTEGER NOT NULL, duration_ms INTEGER NOT NULL, dims INTEGER NOT NULL, "
    "request TEXT NOT NULL, attempt INTEGER NOT NULL, project TEXT NOT NULL, tags TEXT NOT NULL, user TEXT NOT NULL, "
    "session TEXT NOT NULL, client TEXT NOT NULL, face TEXT NOT NULL, upstream_model TEXT NOT NULL, ending TEXT NOT NULL, "
    "source TEXT NOT NULL, outcome TEXT NOT NULL, price TEXT NOT NULL, " SUM_TYPES
    ", PRIMARY KEY(generation, number)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX usage_request ON usage(request);"
    "CREATE INDEX usage_admitted ON usage(admitted_ms);"
    "CREATE TABLE decisions(generation INTEGER NOT NULL, number INTEGER NOT NULL, hard_nano INTEGER NOT NULL, soft_nano INTEGER NOT NULL, "
    "output_limit INTEGER NOT NULL, accounts TEXT NOT NULL, raw TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, "
    "PRIMARY KEY(generation, number)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE lines(generation INTEGER NOT NULL, number INTEGER NOT NULL, place INTEGER NOT NULL, unit TEXT NOT NULL, "
    "priced_as TEXT NOT NULL, model TEXT NOT NULL, tier TEXT NOT NULL, quantity INTEGER NOT NULL, price_nano INTEGER NOT NULL, "
    "cost_nano INTEGER NOT NULL, PRIMARY KEY(generation, number, place)) STRICT, WITHOUT ROWID;" ROLLUP("minute")
        ROLLUP("hour") ROLLUP("day");

static const char version_2[] = "ALTER TABLE decisions ADD COLUMN policies TEXT NOT NULL DEFAULT '';";

static const char *const versions[] = { version_1, version_2 };
#define KNOWN ((int)(sizeof versions / sizeof versions[0]))

/* A number that a pragma or a fixed question answers. */
static gw_status ask(struct session *s, gw_call *call, const char *sql, int *answer)
{
    sqlite3_stmt *st = NULL;
    int code = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(st);
    *answer = code == SQLITE_ROW ? sqlite3_column_int(st, 0) : 0;
    gw_status status = code == SQLITE_ROW || code == SQLITE_DONE ? GW_OK : statement_failed(s, call, code);
    sqlite3_finalize(st);
    return status;
}

static gw_status look(struct session *s, gw_call *call, int *version)
{
    int application = 0, tables = 0;
    gw_status status = ask(s, call, "PRAGMA user_version", version);
    if (status == GW_OK)
        status = ask(s, call, "PRAGMA application_id", &application);
    if (status == GW_OK)
        status = ask(s, call, "SELECT count(*) FROM sqlite_schema", &tables);
    if (status != GW_OK)
        return status;
    if (tables > 0 && application != APPLICATION) {
        explain(s, call, "%s is an SQLite file of another program: give the store a path of its own", s->of->path);
        return GW_E_CONFIG;
    }
    if (*version > KNOWN) {
        explain(
            s, call,
            "the store %s has schema %d, and this program knows %d: use a version of llm-gateway that is at least as new as the one that made it",
            s->of->path, *version, KNOWN);
        return GW_E_CONFIG;
    }
    return GW_OK;
}

static gw_status run_script(struct session *s, gw_call *call, const char *sql)
{
    int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? GW_OK : statement_failed(s, call, code);
}

/* In one transaction: looked at again under the lock, as another process may have migrated it meanwhile. */
static gw_status migrate(struct session *s, gw_call *call)
{
    char mark[96];
    int version;
    gw_status status = statement_simple(s, call, BEGIN_WRITE);
    if (status != GW_OK)
        return status;
    status = look(s, call, &version);
    for (; status == GW_OK && version < KNOWN; version++)
        status = run_script(s, call, versions[version]);
    snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION, KNOWN);
    if (status == GW_OK)
        status = run_script(s, call, mark);
    if (status == GW_OK)
        status = statement_simple(s, call, COMMIT);
    if (status != GW_OK)
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

gw_status schema_prepare(struct session *s, gw_call *call, bool write)
{
    int version;
    gw_status status = look(s, call, &version);
    if (status != GW_OK || version == KNOWN)
        return status;
    if (!write) /* an empty file, or an older schema, which the next start of the gateway migrates */
        return GW_MISS;
    return migrate(s, call);
}
