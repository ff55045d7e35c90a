/* history.h - reads a ledger's journal from its beginning: each record once, in order. Works beside a gateway that writes it. */
#ifndef MONEY_HISTORY_H
#define MONEY_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "money/record.h"

struct history_visitor {
    /* A record, lent for the call; `bytes` as it was written. False ends the reading. OPENs come too. */
    bool (*record)(void *owner, const struct record *record, struct text bytes);
    /* Something is wrong with the journal: "SEGMENT, byte N: ...". May be NULL. */
    void (*problem)(void *owner, const char *what);
    void *owner;
};

struct history_report {
    uint64_t segments, records, bytes;
    uint64_t repeated; /* records that stood in two files, after a sync that failed: visited once */
    uint64_t torn;     /* segments whose last frame is not complete: nobody was promised it */
    uint64_t problems;
    uint64_t next; /* the number of the next record; 1 in an empty ledger */
};

/* 0, also with problems; -1 with `fail`: the folder or a file cannot be read, or a newer program wrote it. */
int history_read(const char *folder, const struct history_visitor *visitor, struct history_report *report, struct fail *fail);

#endif
