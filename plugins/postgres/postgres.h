/* postgres.h - a store on a PostgreSQL server, between its files.
 *
 *   postgres.c  the plugin: settings, sessions          identity.c  which ledger the rows are of
 *   query.c     connection, statements, errors          schema.c    tables, migrations
 *   batch.c     rows as one JSON text                   put.c       a batch in one transaction; removes old rows
 *   sums.c      sums by dimensions                      rows.c      single rows */
#ifndef POSTGRES_STORE_H
#define POSTGRES_STORE_H

#include <gateway/store.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

struct instance {
    const gw_host *host;
    char *url, *password, *ledger; /* password: NULL where libpq finds it itself; ledger: the folder */
};

#define IDENTITY_TEXT 37 /* a UUID and NUL */
#define NUMBER_TEXT 24   /* a 64-bit number and NUL */

struct session {
    struct instance *of;
    PGconn *db;
    bool is_writer;
    int wait_ms;               /* the longest time that one statement may take */
    char gateway[NUMBER_TEXT]; /* the row of this ledger in the table gateways */
};

/* The counted columns of usage and of the rollups, in the order of their members in gw_store_sums. */
#define SUMS 10
#define SUM_COLUMNS                                                                                                    \
    "requests, input, output, cache_read, cache_write, reasoning, cost_nano, doubt_nano, unpriced, estimated"

/* A text that grows, NUL-terminated, on the heap. `full`: there was no memory, and a part is missing. */
struct builder {
    char *text;
    size_t len, cap;
    bool full;
};

/* identity.c: the name of this ledger in the database: a UUID that stands in a file of the ledger's folder. It is made where
 * `make` is true and it is not there; else GW_MISS. */
gw_status identity_read(const struct instance *of, gw_call *call, bool make, char out[IDENTITY_TEXT]);

/* query.c */
gw_status query_connect(struct session *s, gw_call *call);
/* One statement with `count` texts for $1 and on. *out: its rows, for PQclear(); NULL may be given, and is left on an error. */
gw_status query(struct session *s, gw_call *call, const char *sql, int count, const char *const *values,
                PGresult **out);
/* Without values, and may be several statements. */
gw_status query_plain(struct session *s, gw_call *call, const char *sql);
/* Ends the transaction after an error. The first error's explanation stays. */
void query_undo(struct session *s, gw_call *call);
gw_str query_text(const PGresult *rows, int row, int column); /* lent until PQclear(); never absent */
int64_t query_number(const PGresult *rows, int row, int column);
void query_explain(const struct instance *of, gw_call *call, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* schema.c: makes and migrates the tables (write), or looks whether they can be read: GW_MISS where there are none yet. */
gw_status schema_prepare(struct session *s, gw_call *call, bool write);

/* batch.c */
void builder_add(struct builder *b, const char *text);
void builder_number(struct builder *b, int64_t number);
/* The rows as a JSON list, for json_to_recordset(BATCH_COLUMNS). What is not UTF-8, and NUL, becomes U+FFFD: PostgreSQL takes
 * neither. */
void batch_write(struct builder *b, const gw_store_batch *batch);
#define BATCH_COLUMNS                                                                                                  \
    "number bigint, type integer, corrects bigint, written_ms bigint, admitted_ms bigint, duration_ms bigint, "        \
    "attempt bigint, requests bigint, input bigint, output bigint, cache_read bigint, cache_write bigint, "            \
    "reasoning bigint, cost_nano bigint, doubt_nano bigint, unpriced bigint, estimated bigint, hard_nano bigint, "     \
    "soft_nano bigint, output_limit bigint, request text, team text, key text, model text, provider text, "            \
    "project text, tags text, \"user\" text, session text, client text, face text, upstream_model text, "              \
    "ending text, source text, outcome text, price text, accounts text, raw text, who text, why text, "                \
    "policies text, lines jsonb"

gw_status postgres_cursor(void *session, gw_call *call, gw_store_cursor *cursor);
gw_status postgres_put(void *session, gw_call *call, const gw_store_batch *batch);
gw_status postgres_prune(void *session, gw_call *call, int64_t before_ms, uint32_t most, uint32_t *removed);
gw_status postgres_sums(void *session, gw_call *call, const gw_store_query *query, gw_store_cursor *cursor, void *owner,
                        void (*each)(void *owner, const gw_store_group *group));
gw_status postgres_rows(void *session, gw_call *call, const gw_store_find *find, void *owner,
                        void (*each)(void *owner, const gw_store_row *row));

#endif
