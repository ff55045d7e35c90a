/* statement.c - the prepared statements of a session, and what SQLite's errors mean. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sqlite.h"

/* A sum that leaves 64 bits becomes a float, and the float the largest or the least integer. */
#define MORE(column, value) column " = CAST(" column " + " value " AS INTEGER)"
#define ADD(table)                                                                                                     \
    "INSERT INTO " table "(bucket, dims, " SUM_COLUMNS ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12) "             \
    "ON CONFLICT(bucket, dims) DO UPDATE SET requests = requests + ?3, " MORE("input", "?4") ", " MORE(                \
        "output",                                                                                                      \
        "?5") ", " MORE("cache_read",                                                                                  \
                        "?6") ", " MORE("cache_write",                                                                 \
                                        "?7") ", " MORE("reasoning",                                                   \
                                                        "?8") ", " MORE("cost_nano",                                   \
                                                                        "?9") ", " MORE("doubt_nano",                  \
                                                                                        "?10") ", unpriced = unpriced + ?11, estimated = estimated + ?12"
#define GET(table) "SELECT bucket, dims, " SUM_COLUMNS " FROM " table " WHERE bucket >= ?1 AND bucket < ?2"

static const char *const sql[STATEMENTS] = {
    [BEGIN] = "BEGIN",
    [BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [CURSOR_GET] = "SELECT generation, next, segment, \"offset\", \"from\", rows_since_ms FROM meta",
    [CURSOR_SET] = "UPDATE meta SET generation = ?1, next = ?2, segment = ?3, \"offset\" = ?4, \"from\" = ?5",
    [DIMS_GET] = "SELECT id FROM dims WHERE team = ?1 AND key = ?2 AND model = ?3 AND provider = ?4",
    [DIMS_NEW] = "INSERT INTO dims(team, key, model, provider) VALUES(?1, ?2, ?3, ?4)",
    [USAGE_NEW] =
        "INSERT INTO usage(generation, number, type, corrects, written_ms, admitted_ms, duration_ms, dims, request, "
        "attempt, project, tags, user, session, client, face, upstream_model, ending, source, outcome, price, " SUM_COLUMNS
        ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,?24,?25,?26,?27,?28,"
        "?29,?30,?31) ON CONFLICT DO NOTHING",
    [DECISION_NEW] =
        "INSERT INTO decisions(generation, number, hard_nano, soft_nano, output_limit, accounts, raw, who, why, policies) "
        "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
    [LINE_NEW] =
        "INSERT INTO lines(generation, number, place, unit, priced_as, model, tier, quantity, price_nano, cost_nano) "
        "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
    [DIMS_ALL] = "SELECT id, team, key, model, provider FROM dims",
    [MINUTE_GET] = GET("minute"),
    [HOUR_GET] = GET("hour"),
    [DAY_GET] = GET("day"),
    [MINUTE_ADD] = ADD("minute"),
    [HOUR_ADD] = ADD("hour"),
    [DAY_ADD] = ADD("day"),
    [OLD_GET] = "SELECT generation, number FROM usage WHERE admitted_ms < ?1 ORDER BY admitted_ms LIMIT ?2",
    [USAGE_DROP] = "DELETE FROM usage WHERE generation = ?1 AND number = ?2",
    [DECISION_DROP] = "DELETE FROM decisions WHERE generation = ?1 AND number = ?2",
    [LINES_DROP] = "DELETE FROM lines WHERE generation = ?1 AND number = ?2",
    [SINCE_SET] = "UPDATE meta SET rows_since_ms = max(rows_since_ms, ?1)",
    [ROWS_GET] = NULL, /* rows.c and sums.c write theirs from fixed parts */
    [LINES_GET] = "SELECT unit, priced_as, model, tier, quantity, price_nano, cost_nano FROM lines "
                  "WHERE generation = ?1 AND number = ?2 ORDER BY place",
};

sqlite3_stmt *statement(struct session *s, enum statement which)
{
    sqlite3_stmt **at = &s->statements[which];
    if (*at == NULL && sqlite3_prepare_v3(s->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT, at, NULL) != SQLITE_OK)
        return NULL;
    sqlite3_reset(*at);
    sqlite3_clear_bindings(*at);
    return *at;
}

void statement_end_all(struct session *s)
{
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(s->statements[i]);
    memset(s->statements, 0, sizeof s->statements);
}

void explain(const struct session *s, gw_call *call, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t used = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    s->of->host->explain(call, (gw_str){ text, used });
}

gw_status statement_failed(struct session *s, gw_call *call, int code)
{
    const char *path = s->of->path, *why = s->db != NULL ? sqlite3_errmsg(s->db) : sqlite3_errstr(code);
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return GW_E_NOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
        explain(
            s, call,
            "the store %s is damaged, or no store: %s. Move it away: a new one is made from what the ledger's journal still has",
            path, why);
        return GW_E_CONFIG;
    case SQLITE_FULL:
        explain(s, call, "the store %s cannot be written: the disk is full", path);
        return GW_E_RETRY;
    default:
        explain(s, call, "the store %s cannot be used: %s", path, why);
        return GW_E_RETRY;
    }
}

gw_status statement_run(struct session *s, gw_call *call, sqlite3_stmt *st)
{
    int code = st != NULL ? sqlite3_step(st) : sqlite3_errcode(s->db);
    if (st != NULL)
        sqlite3_reset(st);
    return code == SQLITE_DONE || code == SQLITE_ROW ? GW_OK : statement_failed(s, call, code);
}

gw_status statement_simple(struct session *s, gw_call *call, enum statement which)
{
    return statement_run(s, call, statement(s, which));
}

void statement_bind(sqlite3_stmt *st, int place, gw_str text)
{
    sqlite3_bind_text64(st, place, text.ptr != NULL ? text.ptr : "", text.ptr != NULL ? text.len : 0, SQLITE_STATIC,
                        SQLITE_UTF8);
}

gw_str statement_text(sqlite3_stmt *st, int column)
{
    const unsigned char *text = sqlite3_column_text(st, column);
    return text != NULL ? (gw_str){ (const char *)text, (size_t)sqlite3_column_bytes(st, column) } : GW_LIT("");
}
