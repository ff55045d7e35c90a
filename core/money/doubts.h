/* doubts.h - the attempts whose cost is in doubt, from a ledger's journal. They are not kept in memory: who settles them reads
 * the journal, from the oldest segment on that has one. One thread. */
#ifndef MONEY_DOUBTS_H
#define MONEY_DOUBTS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/fail.h"
#include "money/holds.h"
#include "money/record.h"

struct doubt {
    uint64_t hold;             /* the number of its HOLD */
    uint64_t segment;          /* from which on its HOLD is found */
    int64_t doubt, soft_doubt; /* nano-dollars that are left */
    int64_t ended_ms;
};

struct doubts {
    struct holds open, ended; /* HOLDs without and with an END; a struct doubt stands before the record's bytes */
    uint64_t segment;         /* the last that was read */
};

/* Reads the journal from segment `from` on; it may be written meanwhile. 0; -1 with `fail`, also when *stop became true. Always
 * doubts_fini() after. */
int doubts_read(struct doubts *d, const char *folder, uint64_t from, const atomic_bool *stop, struct fail *fail);
void doubts_fini(struct doubts *d);
/* In the order of the HOLDs. */
void doubts_each(const struct doubts *d,
                 void (*visit)(void *owner, const struct doubt *doubt, const struct record *hold), void *owner);

#endif
