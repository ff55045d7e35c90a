/* store.h - a store: keeps the rows of the ledger so that they can be asked for. It may block.
 *
 * The ledger's journal is the truth; a store is a copy of it that answers quickly. The core follows the journal and gives the store
 * batches of rows, each with the place in the journal that it reaches. Whatever happens between, a row counts once: rows, rollups and
 * the cursor are written in one transaction.
 *
 * [job] functions run on a thread that may wait, never on an event loop. A session is used by one thread at a time and needs no
 * lock; several sessions may be open at once: one that writes, and any number that read, also from other processes. Money is in
 * nano-dollars, time in unix milliseconds. Texts that are absent and texts that are empty mean the same here.
 */
#ifndef GATEWAY_STORE_H
#define GATEWAY_STORE_H

#include "host.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the store stands in the journal. */
typedef struct gw_store_cursor {
    uint32_t size;
    uint32_t reserved0;
    uint64_t
        generation; /* rises when the operator accepts that the journal lost records and gives their numbers again */
    uint64_t next;  /* the number of the first record that is not in the store; 0: nothing was ever put */
    uint64_t segment, offset, from; /* where the core reads on: kept as they are */
    int64_t
        rows_since_ms; /* rows admitted earlier were removed by prune(); INT64_MIN: none. The store's own; ignored in put() */
} gw_store_cursor;

/* One priced quantity of a row. */
typedef struct gw_store_line {
    uint32_t size;
    uint32_t reserved0;
    gw_str unit, priced_as, model, tier;
    int64_t quantity, price, cost; /* price: for the unit's own count, as a million tokens */
} gw_store_line;

/* What one row adds, or many rows together. Tokens are in disjoint buckets. */
typedef struct gw_store_sums {
    uint32_t size;
    uint32_t reserved0;
    int64_t requests; /* that were over with it */
    int64_t input, output, cache_read, cache_write, reasoning;
    int64_t cost, doubt; /* spent; what the upstream may charge beside it */
    int64_t unpriced;    /* whose price is not known */
    int64_t estimated;   /* whose usage the upstream did not report */
} gw_store_sums;

#define GW_STORE_END 1u  /* an attempt that was sent is over */
#define GW_STORE_ROW 2u  /* a request that asked no upstream */
#define GW_STORE_LATE 3u /* a correction of one of these */

/* One record of the ledger. It never changes: what corrects it is a row of its own. */
typedef struct gw_store_row {
    uint32_t size;
    uint32_t type;     /* GW_STORE_END, _ROW, _LATE */
    uint64_t number;   /* of the record: with the generation the row's identity */
    uint64_t corrects; /* LATE: the number of the row that it corrects; END: of its HOLD */
    int64_t written_ms;
    int64_t admitted_ms; /* of the request: the time that all sums go by */
    int64_t duration_ms;
    uint64_t attempt;                  /* of the request, from 1; 0: none was sent */
    gw_str request;                    /* its id */
    gw_str team, key, model, provider; /* model: as it was asked for. These four are the dimensions of the rollups */
    gw_str project, tags, user, session, client, face, upstream_model;
    gw_str ending, source, outcome, price;
    const gw_store_sums *sums;
    const gw_store_line *const *lines;
    size_t line_count;
    /* What was decided before it was sent, and how it was read: for explanations, not for sums. */
    int64_t hard, soft;    /* what it could cost at most, and was expected to */
    uint64_t output_limit; /* tokens; 0: none was sent */
    gw_str accounts;       /* JSON: the budgets that it was charged to */
    gw_str raw;            /* the usage as the upstream wrote it */
    gw_str who, why;       /* LATE */
    gw_str policies;       /* JSON: what policies decided on the request; in its last row */
} gw_store_row;

typedef struct gw_store_batch {
    uint32_t size;
    uint32_t reserved0;
    const gw_store_cursor *after; /* where the store must stand */
    const gw_store_cursor *until; /* where it stands with this batch */
    const gw_store_row *const *rows;
    size_t row_count; /* may be 0: records that make no row */
} gw_store_batch;

/* What sums are asked by. */
#define GW_STORE_BY_TEAM 1u
#define GW_STORE_BY_KEY 2u
#define GW_STORE_BY_MODEL 3u
#define GW_STORE_BY_PROVIDER 4u
#define GW_STORE_BY_PROJECT 5u
#define GW_STORE_BY_TAG 6u
#define GW_STORE_BY_USER 7u
#define GW_STORE_BY_SESSION 8u
#define GW_STORE_BY_CLIENT 9u
#define GW_STORE_BY_DAY 10u /* of UTC: "2026-12-31" */

typedef struct gw_store_query {
    uint32_t size;
    uint32_t by_count;          /* may be 0: one group of all */
    const uint32_t *by;         /* GW_STORE_BY_*, each once */
    int64_t since_ms, until_ms; /* admitted then or later, and earlier; whole minutes, or INT64_MIN and INT64_MAX */
} gw_store_query;

typedef struct gw_store_group {
    uint32_t size;
    uint32_t value_count;
    const gw_str *values; /* in the order of query->by; "" where there was none */
    const gw_store_sums *sums;
} gw_store_group;

/* Which rows; what is 0 or absent is not asked for. In the order of their numbers. */
typedef struct gw_store_find {
    uint32_t size;
    uint32_t most; /* how many; 0: all */
    gw_str request;
    uint64_t number; /* of the newest generation */
    uint64_t after;  /* numbers above this one, of the newest generation */
} gw_store_find;

#define GW_STORE_READ 0u
#define GW_STORE_WRITE 1u

/* Statuses: GW_E_RETRY it may work later (the server is away, the disk is full, another process has a lock); GW_E_CONFIG the operator
 * must act (a newer schema, a damaged file): explain() names what and how. After either of them the core calls detach(). */
typedef struct gw_store_ops {
    uint32_t size;
    uint32_t flags; /* none so far: 0 */

    /* Reads its settings. It does not connect: a store that is away does not stop a start. */
    gw_status (*open)(const gw_host *host, gw_call *call, const gw_json *config, void **instance); /* [boot] */
    void (*close)(void *instance);                                                                 /* [boot] */

    /* GW_STORE_WRITE makes what is missing and migrates what is older; there is one such session in a process. GW_STORE_READ changes
     * nothing: GW_MISS where there is no store yet. */
    gw_status (*attach)(void *instance, gw_call *call, uint32_t mode, void **session); /* [job] */
    void (*detach)(void *session);                                                     /* [job] */

    gw_status (*cursor)(void *session, gw_call *call, gw_store_cursor *cursor); /* [job] */
    /* All of it or nothing, on the disk or at the server when it returns GW_OK, in the sense that a later crash leaves either. GW_MISS:
     * the store does not stand at batch->after; nothing was written. A row whose identity is there already is left as it is and
     * adds nothing to the rollups. */
    gw_status (*put)(void *session, gw_call *call, const gw_store_batch *batch); /* [job] */
    /* Removes at most `most` of the rows admitted before; rollups stay. */
    gw_status (*prune)(void *session, gw_call *call, int64_t before_ms, uint32_t most, uint32_t *removed); /* [job] */

    /* Groups in any order, and the cursor at which these sums hold. From rollups where all words of `by` are in them. */
    gw_status (*sums)(void *session, gw_call *call, const gw_store_query *query, gw_store_cursor *cursor, void *owner,
                      void (*each)(void *owner, const gw_store_group *group)); /* [job] */
    gw_status (*rows)(void *session, gw_call *call, const gw_store_find *find, void *owner,
                      void (*each)(void *owner, const gw_store_row *row)); /* [job] */
} gw_store_ops;

#ifdef __cplusplus
}
#endif
#endif
