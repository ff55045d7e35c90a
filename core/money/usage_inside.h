/* usage_inside.h - the rows of a report, for usage_report.c and usage_write.c alone. */
#ifndef MONEY_USAGE_INSIDE_H
#define MONEY_USAGE_INSIDE_H

#include "base/arena.h"
#include "base/map.h"
#include "money/holds.h"
#include "money/usage_report.h"

struct usage_sums {
    int64_t requests, input, output, cache_read, cache_write, reasoning;
    int64_t cost, held, doubt;
    int64_t unpriced;  /* attempts whose price is not known */
    int64_t estimated; /* attempts whose usage the upstream did not report */
};

struct usage_row {
    struct text values[USAGE_BY_MOST]; /* "" where the request had none */
    struct usage_sums sums;
};

struct usage_report {
    struct usage_query query;
    struct arena arena;
    struct map groups;       /* the values, joined -> struct usage_row */
    struct usage_row **rows; /* sorted */
    size_t row_count;
    struct usage_sums total;
    struct holds open; /* while it is read */
    struct history_report history;
};

extern const char *const usage_by_names[];

#endif
