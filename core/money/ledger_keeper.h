/* ledger_keeper.h - a ledger goes from one process to another while requests are in flight: an upgrade of the program.
 *
 * One process writes the journal at any moment. The old one writes all it has, stops, and waits (ledger_hand_over_begin); the new one
 * reads the last segment, with what is open, and begins its own (ledger_open with the lock). From then on the old one, which drains, asks
 * the new one for each hold and sends it each end, over a socket pair. Where the new one fails before that, the old one writes on. */
#ifndef MONEY_LEDGER_KEEPER_H
#define MONEY_LEDGER_KEEPER_H

#include "money/ledger.h"

struct ledger_keeper;

/* The old process. Nothing is written from here on, and whoever asks the ledger waits, until ledger_hand_over_end(), which the same thread
 * must call soon. -1 with `fail`: it cannot be given away, and goes on here. */
int ledger_hand_over_begin(struct ledger *ledger, struct fail *fail);
/* `fd` (taken): the socket to the process that has it now. -1: no process took it, and none that could is alive: it goes on here. */
void ledger_hand_over_end(struct ledger *ledger, int fd);
/* Does another process keep it now? This one drains then. Any thread. */
bool ledger_is_handed_over(struct ledger *ledger);
/* Has that process ended, while this one drains? Any thread. */
bool ledger_is_lost(struct ledger *ledger);
/* The lock of the ledger's folder, for the other process: lent. */
int ledger_lock_fd(const struct ledger *ledger);

/* The new process, after ledger_open() with lock_fd and before its own first hold: doubt ends by itself from now on, and a thread answers the old process at `fd`
 * (taken). Given. NULL with `fail`: no thread can be had; the old process finds its socket closed. */
struct ledger_keeper *ledger_keeper_start(struct ledger *ledger, int fd, struct fail *fail);
/* Has the old process ended? What it had left open is in doubt then. Any thread. */
bool ledger_keeper_is_over(const struct ledger_keeper *keeper);
/* Before ledger_close(). Holds of an old process that has not ended stay open, for the next start to put in doubt. */
void ledger_keeper_stop(struct ledger_keeper *keeper);

/* May a ledger come from a process that speaks this version? */
bool ledger_keeper_speaks(uint32_t version);
uint32_t ledger_keeper_version(void);

#endif
