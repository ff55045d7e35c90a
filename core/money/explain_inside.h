/* explain_inside.h - the rows of one request, for explain.c and explain_write.c alone. */
#ifndef MONEY_EXPLAIN_INSIDE_H
#define MONEY_EXPLAIN_INSIDE_H

#include "money/explain.h"
#include "money/row_write.h"

#define EXPLAIN_ROWS_MOST 256

struct explain {
    struct arena arena;
    struct text request;
    const gw_store_row *rows[EXPLAIN_ROWS_MOST]; /* in the order in which they ended; what is in flight last */
    size_t count;
};

/* explain_policy.c: what policies decided, a line for each hook, and how targets were chosen, a line for each that could be; nothing where
 * the row has none. */
void explain_write_policies(const gw_store_row *row, struct buf *out);

#endif
