/* delivery_batch.h - records of the journal as rows of a store. One thread. */
#ifndef MONEY_DELIVERY_BATCH_H
#define MONEY_DELIVERY_BATCH_H

#include <gateway/store.h>

#include "base/arena.h"
#include "money/follow.h"

#define BATCH_ROWS_MOST 2000u

struct batch {
    struct arena arena; /* of all rows */
    const gw_store_row *rows[BATCH_ROWS_MOST];
    size_t row_count;
    size_t records; /* also those that make no row */
};

void batch_init(struct batch *batch);
void batch_fini(struct batch *batch);
void batch_clear(struct batch *batch);
/* Copies what the record makes. */
void batch_add(struct batch *batch, const struct follow_item *item);
/* The HOLD of an attempt in flight, as a row of type 0 that has cost nothing yet. */
void batch_add_open(struct batch *batch, const struct follow_item *item);
bool batch_is_full(const struct batch *batch);

#endif
