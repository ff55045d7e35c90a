/* verify.h - checks a ledger's journal against its own rules, without the program that wrote it. Any thread. */
#ifndef MONEY_VERIFY_H
#define MONEY_VERIFY_H

#include <stdint.h>

#include "base/fail.h"
#include "money/history.h"

/* What was counted; `problem` is called for each rule that is broken, with the record's number in the text. */
struct verify_report {
    struct history_report history;
    uint64_t holds, ends, rows, lates;
    uint64_t settled, free_of_cost, doubtful;
    uint64_t open; /* HOLDs without an END: in flight, or of a process that crashed and was not started again */
    uint64_t unpriced;
    int64_t spent, held, doubt; /* nano-dollars */
    uint64_t broken;            /* rules broken, and damage of the files */
    uint64_t accepted;          /* of these, before a gap that the operator accepted; they are not in `broken` */
};

/* The rules: each END has a HOLD, which may be one that is carried over, and each HOLD at most one END; neither the limit nor the
 * ceiling of an account is passed by a HOLD, in the order of the journal; what an attempt cost and what is in doubt are not over what
 * was held, unless it cost more, and a LATE takes no more out of doubt than is in it; what an OPEN carries over - balances, sums, open
 * holds - is what the records before it make; the lines of a cost sum to it; records are numbered without a gap, and so are the holds
 * of an account; a HOLD is admitted in the period that it is charged to. Whether each request that a client was answered has an END,
 * and whether rows and rollups of a store are those of the journal, is not in the journal: tests/e2e holds that.
 * 0; -1 with `fail`: it cannot be read. */
int verify_ledger(const char *folder, void (*problem)(void *owner, const char *what), void *owner,
                  struct verify_report *report, struct fail *fail);

#endif
