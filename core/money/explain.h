/* explain.h - all that the ledger knows of one request: each attempt, what was held for it, how it ended. One thread. */
#ifndef MONEY_EXPLAIN_H
#define MONEY_EXPLAIN_H

#include "base/buf.h"
#include "base/fail.h"
#include "money/usage_report.h"

struct explain;

/* Looks in the store and in what the journal has beyond it; without a store, or where it is away, in the whole journal. NULL with `fail`.
 * Given: explain_free(). */
struct explain *explain_read(const char *folder, const struct usage_store *store, struct text request,
                             struct fail *fail);
void explain_free(struct explain *explain);
/* How many records there are of it; 0: none. */
size_t explain_count(const struct explain *explain);
/* `captured`: what was kept of what it said, "request" and "answer", NULL-terminated. 0, or -1 where `out` has no room. */
int explain_write(const struct explain *explain, bool as_json, const char *const *captured, struct buf *out);

#endif
