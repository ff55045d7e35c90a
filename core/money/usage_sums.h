/* usage_sums.h - what records add up to. Any thread. */
#ifndef MONEY_USAGE_SUMS_H
#define MONEY_USAGE_SUMS_H

#include "money/record.h"

/* Tokens are in disjoint buckets, money in nano-dollars. A sum does not wrap: it stays at the most. */
struct usage_sums {
    int64_t requests, input, output, cache_read, cache_write, reasoning;
    int64_t cost, held, doubt;
    int64_t unpriced;  /* attempts whose price is not known */
    int64_t estimated; /* attempts whose usage the upstream did not report */
};

void usage_sums_add_record(struct usage_sums *sums, const struct record *record);
void usage_sums_add(struct usage_sums *sums, const struct usage_sums *more);
void usage_sums_add_held(struct usage_sums *sums, int64_t hard);

#endif
