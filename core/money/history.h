/* history.h - reads a ledger's journal from its beginning: each record once, in order. Works beside a gateway that writes it. */
#ifndef MONEY_HISTORY_H
#define MONEY_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "money/record.h"

struct history_visitor {
    /* A record, lent for the call; `bytes` as it was written. False ends the reading. OPENs and MARKs come too. */
    bool (*record)(void *owner, const struct record *record, struct text bytes);
    /* Something is wrong with the journal: "SEGMENT, byte N: ...". Called when all is read, as the operator may have accepted it
     * meanwhile (an OPEN with `gap`). May be NULL. */
    void (*problem)(void *owner, const char *what);
    void *owner;
};

struct history_report {
    uint64_t segments, records, bytes;
    uint64_t repeated; /* records that stood in two files, after a sync that failed: visited once */
    uint64_t torn;     /* segments whose last frame is not complete: nobody was promised it */
    uint64_t problems;
    uint64_t accepted; /* problems that the operator knows of: `serve --accept-gap` wrote so behind them */
    uint64_t next;     /* the number of the next record; 1 in an empty ledger */
};

/* Reads all of it. 0, also with problems; -1 with `fail`: the folder or a file cannot be read, or a newer program wrote it. */
int history_read(const char *folder, const struct history_visitor *visitor, struct history_report *report,
                 struct fail *fail);
/* The same from the segment numbered `from` on. Behind the first OPEN that is read come the HOLDs that it carries over; who takes its
 * balances too passes over the records from `number` to before `as_of`, which are in them. */
int history_read_from(const char *folder, uint64_t from, const struct history_visitor *visitor,
                      struct history_report *report, struct fail *fail);
/* The number of the last segment whose OPEN carries over all that a start needs (`whole`), and can be relied on; 0: there is none.
 * -1 with `fail`, as above. */
int history_find_whole(const char *folder, uint64_t *segment, struct fail *fail);

#endif
