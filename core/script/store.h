/* store.h - values by name that the policies of all workers share, on this gateway: numbers and texts that end at a time. Any thread; one
 * mutex. What is used least goes first when it is full. */
#ifndef SCRIPT_STORE_H
#define SCRIPT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"

struct store;
/* At most `bytes` of memory. Given. */
struct store *store_new(size_t bytes);
void store_free(struct store *store);
/* Nothing is kept any more. */
void store_clear(struct store *store);
/* Adds `delta` to a number where the sum is at most `most`; one that is not there, or is over, begins at 0 and ends `ttl_ms` later. The
 * number after it; *took is false where nothing was added. */
int64_t store_add(struct store *store, struct text key, int64_t delta, int64_t most, int64_t now_ms, int64_t ttl_ms,
                  bool *took);
/* Takes `n` off a number that is there, and not below 0: one that has ended, or begun anew, is left alone. */
void store_give_back(struct store *store, struct text key, int64_t n, int64_t now_ms);
/* The text under `key`, appended to `out`. False: there is none. */
bool store_get(struct store *store, struct text key, int64_t now_ms, struct buf *out);
void store_set(struct store *store, struct text key, struct text value, int64_t now_ms, int64_t ttl_ms);
void store_del(struct store *store, struct text key);

#endif
