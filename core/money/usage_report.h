/* usage_report.h - what was used and spent, summed by team, key, model, day and so on, from a ledger's store and
 * journal. One thread. */
#ifndef MONEY_USAGE_REPORT_H
#define MONEY_USAGE_REPORT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/fail.h"
#include "money/history.h"
#include "money/zone.h"
#include "plugin/plugin.h"

/* What a report can be grouped by. */
enum usage_by {
    BY_TEAM,
    BY_KEY,
    BY_MODEL,
    BY_PROVIDER,
    BY_PROJECT,
    BY_TAG,
    BY_USER,
    BY_SESSION,
    BY_CLIENT,
    BY_DAY,
    BY_WORDS
};

#define USAGE_BY_MOST 6
#define USAGE_BY_WORDS "team key model provider project tag user session client day"

enum usage_format { USAGE_TABLE, USAGE_JSON, USAGE_CSV, USAGE_FOCUS };

struct usage_query {
    enum usage_by by[USAGE_BY_MOST];
    unsigned by_count;
    const struct zone *zone;    /* whose days; NULL: UTC's. Kept by the report */
    int64_t since_ms, until_ms; /* of the admission; until is not part of it. INT64_MIN and INT64_MAX: no bound */
};

struct usage_report;

/* "team,model". 0, or -1 with *bad: the word that is none (or one too many). */
int usage_parse_by(struct text words, struct usage_query *query, struct text *bad);
/* usage_focus.c: the words that a report for USAGE_FOCUS is by; its days are UTC's. */
void usage_focus_query(struct usage_query *query);
/* A store of the ledger. */
struct usage_store {
    const struct plugin *plugin;
    void *instance;
};

/* What a reader must know beside the sums. */
struct usage_notes {
    uint64_t problems;      /* places at which the journal is damaged: what stood there is not in the sums */
    uint64_t first_record;  /* of the journal, where the sums come from it alone */
    int64_t rows_since_ms;  /* INT64_MIN; else the sums come from rows, and older ones were removed from the store */
    char store_failed[512]; /* why the store was not used: "" where it was, or where there is none yet */
};

/* Sums up to now: of the store, and of what the journal has beyond it; of the journal alone where `store` is NULL, or has nothing yet, or is
 * away. From rollups, times are whole minutes. NULL with `fail`. Given: usage_report_free(). */
struct usage_report *usage_report_read(const char *folder, const struct usage_store *store,
                                       const struct usage_query *query, struct fail *fail);
void usage_report_free(struct usage_report *report);
/* Rows with most spent first, or by day. A table ends with the sum. 0, or -1 where `out` has no room. */
int usage_report_write(const struct usage_report *report, enum usage_format format, struct buf *out);
const struct usage_notes *usage_report_notes(const struct usage_report *report);

#endif
