/* sqlite.h - a store in one SQLite file, between its files.
 *
 *   sqlite.c     the plugin: settings, sessions        schema.c  tables, migrations
 *   statement.c  prepared statements, errors           dims.c    team, key, model, provider as one number
 *   put.c        a batch in one transaction            rollup.c  what a batch adds to the rollups
 *   sums.c       sums by dimensions, of rows           rolled.c  the same of rollups
 *   rows.c       single rows; removes old ones */
#ifndef SQLITE_STORE_H
#define SQLITE_STORE_H

#include <gateway/store.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct instance {
    const gw_host *host;
    char *path;
};

/* The statements of every session; the SQL is in statement.c. */
enum statement {
    BEGIN,
    BEGIN_WRITE,
    COMMIT,
    ROLLBACK,
    CURSOR_GET,
    CURSOR_SET,
    DIMS_GET,
    DIMS_NEW,
    USAGE_NEW,
    DECISION_NEW,
    LINE_NEW,
    DIMS_ALL,
    MINUTE_GET,
    HOUR_GET,
    DAY_GET,
    MINUTE_ADD,
    HOUR_ADD,
    DAY_ADD,
    OLD_GET,
    USAGE_DROP,
    DECISION_DROP,
    LINES_DROP,
    SINCE_SET,
    ROWS_GET,
    LINES_GET,
    STATEMENTS
};

/* The counted columns of usage and of the rollups, in the order of their members in gw_store_sums. */
#define SUMS 10
#define SUM_COLUMNS                                                                                                    \
    "requests, input, output, cache_read, cache_write, reasoning, cost_nano, doubt_nano, unpriced, estimated"

struct dims_entry {
    uint64_t hash; /* 0: free */
    int64_t id;
    gw_str text; /* the four values, joined; on the heap */
};

struct dims {
    struct dims_entry *slots; /* a power of two of them; NULL: none yet */
    size_t slot_count, count;
};

/* What a batch adds to one row of a rollup. */
struct rollup_entry {
    uint32_t level; /* 0 free; 1 minute, 2 hour, 3 day */
    int64_t bucket, dims;
    int64_t sums[SUMS];
};

struct rollup {
    struct rollup_entry *slots;
    size_t slot_count, count;
};

struct session {
    struct instance *of;
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    dev_t device; /* of the file, to see when another stands in its place */
    ino_t inode;
    struct dims dims;
    struct rollup rollup;
};

/* statement.c */
/* The statement, reset and without values; NULL where it cannot be prepared. */
sqlite3_stmt *statement(struct session *s, enum statement which);
/* Runs one that gives no rows. GW_OK, or the status after an explanation. */
gw_status statement_run(struct session *s, gw_call *call, sqlite3_stmt *statement);
gw_status statement_simple(struct session *s, gw_call *call, enum statement which);
void statement_bind(sqlite3_stmt *statement, int place, gw_str text);
/* The text of a column, lent until the next step; never absent. */
gw_str statement_text(sqlite3_stmt *statement, int column);
/* What an error of SQLite means for the core, explained. `code`: of the call that failed. */
gw_status statement_failed(struct session *s, gw_call *call, int code);
void explain(const struct session *s, gw_call *call, const char *format, ...) __attribute__((format(printf, 3, 4)));
void statement_end_all(struct session *s);

/* schema.c: makes and migrates the tables (write), or looks whether they can be read. */
gw_status schema_prepare(struct session *s, gw_call *call, bool write);

/* dims.c: the number of a row's team, key, model and provider; made where it is new. */
gw_status dims_of(struct session *s, gw_call *call, const gw_store_row *row, int64_t *id);
/* Forgets them: a transaction that made some was undone. */
void dims_forget(struct dims *dims);

/* rollup.c */
void rollup_values(const gw_store_sums *sums, int64_t out[SUMS]);
/* a + b, or the largest or least number where that leaves 64 bits: a wrong price must not stop what others spend. */
int64_t rollup_sum(int64_t a, int64_t b);
bool rollup_add(struct rollup *rollup, int64_t admitted_ms, int64_t dims, const int64_t sums[SUMS]);
gw_status rollup_write(struct session *s, gw_call *call);
void rollup_forget(struct rollup *rollup);

/* Part of a time, and the rollup that answers for it. */
struct range {
    enum statement statement;
    int64_t since_s, until_s;
};
#define DAY_TEXT 16
/* sums.c: the functions of its SQL. What SQLite returns. */
int sums_prepare(sqlite3 *db);
/* A day's number as "2026-12-31"; one group to the core. */
gw_str sums_day(int64_t day, char out[DAY_TEXT]);
void sums_give(const gw_store_query *query, const gw_str *values, const int64_t sums[SUMS], void *owner,
               void (*each)(void *owner, const gw_store_group *group));
/* rolled.c: all words of the query are in the rollups. */
gw_status rolled_sums(struct session *s, gw_call *call, const gw_store_query *query, const struct range *ranges,
                      size_t count, void *owner, void (*each)(void *owner, const gw_store_group *group));

gw_status cursor_get(struct session *s, gw_call *call, gw_store_cursor *cursor);
gw_status sqlite_put(void *session, gw_call *call, const gw_store_batch *batch);
gw_status sqlite_prune(void *session, gw_call *call, int64_t before_ms, uint32_t most, uint32_t *removed);
gw_status sqlite_sums(void *session, gw_call *call, const gw_store_query *query, gw_store_cursor *cursor, void *owner,
                      void (*each)(void *owner, const gw_store_group *group));
gw_status sqlite_rows(void *session, gw_call *call, const gw_store_find *find, void *owner,
                      void (*each)(void *owner, const gw_store_row *row));

#endif
