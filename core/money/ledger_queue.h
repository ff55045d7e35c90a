/* ledger_queue.h - attempts that fit only when others in flight are over. They wait in the order in which they came: of those that are
 * charged to the same account none is let in before one that came earlier. Each END looks at all of them. */
#ifndef MONEY_QUEUE_H
#define MONEY_QUEUE_H

#include <stdbool.h>

#include "money/ledger.h"

/* One that waits. Embedded in its owner, zeroed; kept until `on_over` was called, or ledger_call_off() has returned true. */
struct ledger_wait {
    /* It waits no longer. Any thread, with the ledger's mutex held: it may only post. */
    void (*on_over)(struct ledger_wait *wait);
    /* Then: the hold, as ledger_hold() returns it; or NULL and why there is none. */
    struct ledger_hold *hold;
    struct ledger_refusal refusal;
    struct fail why;

    /* of ledger_queue.c */
    struct ledger_wait *next;
    struct record *record;
    uint64_t id; /* in the process that keeps the ledger now */
    bool queued;
};

/* Puts an attempt that ledger_hold() refused with ACCOUNT_WAIT behind those that wait already; `record` is kept until it is
 * over. That may be at once. Any thread. */
void ledger_wait(struct ledger *ledger, struct ledger_wait *wait, struct record *record);
/* True: it waits no longer, and is the caller's again. False: on_over() has been called, or is being called. Any thread. */
bool ledger_call_off(struct ledger *ledger, struct ledger_wait *wait);

#endif
