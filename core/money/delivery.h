/* delivery.h - brings the ledger's records into a store: a thread that follows the journal from where the store stands. It takes no
 * lock that a request takes, and nothing waits for it: a store that is away loses nothing and stops nothing. */
#ifndef MONEY_DELIVERY_H
#define MONEY_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "plugin/plugin.h"

struct delivery;

struct delivery_settings {
    const char *folder;          /* of the ledger; kept */
    const struct plugin *plugin; /* a store */
    void *instance;              /* of it; kept: it is closed after delivery_stop() */
    uint64_t next;               /* the number of the ledger's next record */
    bool accept_gap;             /* go on where records are lost */
    int64_t rows_ms;             /* rows are removed when they are older; 0: never */
    int64_t keep_ms;             /* segments of the journal are kept so long after their last record */
};

/* NULL with `fail` (FAIL_OPERATOR): the store has a newer schema, or the journal lost records that it lacks. A store that is away is
 * no reason: it is tried again. Given. */
struct delivery *delivery_start(const struct delivery_settings *settings, struct fail *fail);
/* After ledger_close(): delivers what is left, at most for so long, and ends the thread. */
void delivery_stop(struct delivery *delivery, int64_t wait_ns);

/* For another process that fills the store from here on: ends the thread once its batch is put. */
void delivery_pause(struct delivery *delivery);
/* No other process does: it goes on. */
void delivery_resume(struct delivery *delivery);

struct delivery_state {
    const char *store; /* the plugin's name */
    uint64_t next;     /* the first record that is not in the store; 0: not known yet */
    uint64_t failures; /* times that the store took nothing */
    uint64_t rows;     /* put by this process */
    int64_t cpu_ns;    /* of the thread */
    bool works;        /* the last try was good */
};
/* Any thread; never waits for the store. */
void delivery_read_state(struct delivery *delivery, struct delivery_state *state);

#endif
