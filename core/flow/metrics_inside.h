/* metrics_inside.h - between metrics.c, which counts, and metrics_write.c, which writes. */
#ifndef FLOW_METRICS_INSIDE_H
#define FLOW_METRICS_INSIDE_H

#include <pthread.h>
#include <stdint.h>

#include "base/map.h"
#include "flow/metrics.h"

#define METRICS_LABELS_MAX 8  /* with the kind of the row */
#define METRICS_LABEL_MAX 200 /* bytes; a longer one is cut, so names that begin alike may share a row */
#define METRICS_KEY_MAX (METRICS_LABELS_MAX * (METRICS_LABEL_MAX + 1))
#define METRICS_ROWS_MAX 8192  /* label sets per worker: labels come from the configuration, so this is far away */
#define METRICS_TIMED_MAX 2048 /* providers and models with times of their own, per worker */
#define METRICS_SEPARATOR '\x1f'
#define METRICS_TOKEN_TYPES 10

/* Seconds. The first ones are for the gateway's own overhead, the last ones for long answers. */
#define METRICS_BOUND_VALUES                                                                                           \
    {                                                                                                                  \
        0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,  \
            1, 2.5, 5, 10, 30, 60, 120, 300, 600                                                                       \
    }
#define METRICS_BOUNDS 24
extern const double metrics_bounds[METRICS_BOUNDS];

struct metrics_histogram {
    uint64_t counts[METRICS_BOUNDS + 1]; /* the last one: above all bounds */
    int64_t sum_ns;
};

struct metrics_row {
    uint64_t count;
    uint64_t unpriced; /* requests of which some cost is not known */
    int64_t cost_nano;
    int64_t tokens[METRICS_TOKEN_TYPES];
    char key[]; /* behind all else */
};

/* The times of one model of one provider. */
struct metrics_timed {
    struct metrics_histogram duration, first_token;
    char key[]; /* behind all else */
};

struct metrics_shard {
    pthread_mutex_t lock;
    struct map rows;   /* key -> struct metrics_row */
    struct map timed;  /* key -> struct metrics_timed */
    struct map models; /* names that clients gave -> the same text */
    struct metrics_histogram overhead, queue;
    struct metrics_cache cache;
};

struct metrics {
    unsigned workers;
    struct metrics_shard shards[];
};

/* metrics_cache.c */
void metrics_add_cache(struct metrics_cache *sum, const struct metrics_cache *more);
void metrics_write_helper(const struct aside_figures *n, struct buf *out);
void metrics_write_cache(const struct metrics_cache *n, struct buf *out);
/* metrics_capture.c */
void metrics_write_captures(const struct capture_sums *sums, struct buf *out);

#endif
