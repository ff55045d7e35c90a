/* histogram.h - how long things took: buckets of at most 1.6 % width from 1 ns to half an hour. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

enum { HISTOGRAM_STEPS = 64, HISTOGRAM_BUCKETS = HISTOGRAM_STEPS * 36 };

struct histogram {
    uint64_t count, max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Negative values count as 0, what is too long for the last bucket goes there. */
void histogram_add(struct histogram *h, int64_t ns);

/* The upper edge of the bucket in which the `share` (0..1) of all values ends, in ns; 0 when empty. */
uint64_t histogram_at(const struct histogram *h, double share);

/* As a JSON object in microseconds: count, p50, p90, p99, p99.9, max. */
void histogram_print(const struct histogram *h, FILE *to);

#endif
