/* usage_inside.h - the rows of a report, for the files of usage alone. */
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
    struct usage_notes notes;
};

extern const char *const usage_by_names[];

/* The row of these values, which are copied where it is new. */
struct usage_row *usage_row_of(struct usage_report *report, const struct text values[USAGE_BY_MOST]);
/* The number of the zone's day at that moment, and how it is written. */
int64_t usage_day_of(const struct zone *zone, int64_t unix_ms);
struct text usage_day_text(struct arena *arena, int64_t day);
/* Adds a record (NULL: none) and what is held to the row of `whose`, where it was asked for. */
void usage_add_record(struct usage_report *report, const struct record *whose, const struct record *record,
                      int64_t held);
/* usage_write.c: a value of a CSV in quotes (RFC 4180); what a spreadsheet would run as a formula is text to it. */
void usage_write_csv(struct text value, struct buf *out);
/* usage_focus.c */
void usage_focus_write(const struct usage_report *report, struct buf *out);
/* usage_store.c: 1; 0: the store has nothing, or is away; -1 with `fail`. */
int usage_read_store(struct usage_report *report, const char *folder, const struct usage_store *store,
                     struct fail *fail);

#endif
