/* row_write.h - rows of the store, and records of the journal as such rows, for people and their tools. Any thread. */
#ifndef MONEY_ROW_WRITE_H
#define MONEY_ROW_WRITE_H

#include <gateway/store.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

/* A copy with all that it points to, in the arena. */
const gw_store_row *row_keep(struct arena *arena, const gw_store_row *row);
/* One line: when, whose, what, how it ended, tokens, money, time. */
void row_write_line(const gw_store_row *row, struct buf *out);
/* The members of one JSON object, money as decimal strings in USD; `whole`: with lines, raw usage, and what was held. */
void row_write_json(const gw_store_row *row, bool whole, struct json_writer *w);
/* Text of others on a terminal: what it would take for a command is shown as "?"; "-" for none. */
void row_write_clean(gw_str text, struct buf *out);
/* Dollars; "unknown" where the row has no price. */
void row_write_cost(const gw_store_row *row, struct buf *out);

#endif
