/* usage_inside.h - the rows of a report, for usage_report.c and usage_write.c alone. */
#ifndef MONEY_USAGE_INSIDE_H
#define MONEY_USAGE_INSIDE_H

#include "base/arena.h"
#include "base/map.h"
#include "money/holds.h"
#include "money/usage_report.h"
#include "money/usage_sums.h"

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
