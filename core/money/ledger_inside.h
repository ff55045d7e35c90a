/* ledger_inside.h - the ledger's state, for ledger*.c alone. */
#ifndef MONEY_LEDGER_INSIDE_H
#define MONEY_LEDGER_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/clock.h"
#include "money/holds.h"
#include "money/journal.h"
#include "money/ledger.h"
#include "money/ledger_queue.h"

#define LEDGER_MAGIC 0x6c656467u
#define HOLD_MAGIC 0x686f6c64u

struct ledger_stake {
    struct account *account;
    struct account_period *period;
    bool tight; /* this one has no room for it, or others wait for it */
};

struct ledger_hold {
    uint32_t magic;
    struct ledger_hold *prev, *next; /* of those that are open */
    uint64_t number;
    int64_t hard, soft;
    size_t count;
    struct ledger_stake *stakes; /* where it is held */
};

/* A record that could not be written. */
struct late {
    struct late *next;
    struct buf bytes;
};

struct ledger_away;

struct ledger {
    uint32_t magic;
    struct journal *journal;
    struct holds open;           /* by number: an OPEN of a new segment carries them */
    struct ledger_hold *handles; /* of those that this process holds */
    struct ledger_sums sums;
    struct late *late, **last_late;
    struct accounts accounts;
    struct accounts *fresh;    /* budgets that are about to be added: they are charged too; NULL: none */
    atomic_bool charges;       /* there are accounts, or rules for some */
    bool gap;                  /* the OPEN that is written now comes after damage that the operator accepted */
    uint64_t doubts;           /* the oldest segment with a HOLD in doubt; 0: not known */
    struct ledger_wait *queue; /* in order */
    uint64_t queue_run;
    struct ledger_away *away; /* another process keeps the ledger; NULL: this one does */

    char *folder;
    int64_t doubt_ttl_ns;            /* 0: doubt does not end by itself */
    pthread_mutex_t resolving;       /* one at a time settles doubt; taken before the journal's */
    _Atomic int64_t oldest_doubt_ms; /* when the oldest doubt began, at the last look; INT64_MAX: there was none */
    int64_t looked_ms;
    atomic_bool ending;
    pthread_mutex_t look_mutex;
    pthread_cond_t look;
    pthread_t looker;
    bool looks;
};

/* A balance never wraps: what is beyond 9.2 billion dollars stays there. */
void ledger_add(int64_t *sum, int64_t more);
/* What is over is in the sums, and in the balances of the budgets that there are now, whatever budgets there were then. */
void ledger_book(struct ledger *l, const struct record *whose, const struct record *end);
/* Charges budgets that are about to be added with an END that this process writes. */
void ledger_book_fresh(struct ledger *l, const struct ledger_hold *handle, const struct record *end);
/* The same of the sums alone. */
void ledger_book_sums(struct ledger *l, const struct record *end);

/* Doubt that is too old ends: the first before anything else, the second when the ledger is open (false: no thread can be had), the
 * third before the journal is closed. */
void ledger_start_doubt(struct ledger *l);
bool ledger_watch_doubt(struct ledger *l);
void ledger_end_doubt(struct ledger *l);

/* For a segment's OPEN (journal_settings.carry). */
void ledger_carry(void *owner, struct record *open, struct arena *arena);
/* Are all accounts that there are now in it? */
bool ledger_is_carried(struct ledger *l, const struct record *open);
/* Balances and sums stand as it carries them. */
void ledger_take_carried(struct ledger *l, const struct record *open);

/* All below with the mutex held. Asks all budgets, and notes their periods in the handle. False with *refusal: the hardest answer of
 * them. */
bool ledger_fits(struct ledger *l, struct ledger_hold *handle, const struct record *hold,
                 struct ledger_refusal *refusal);
/* A handle with the accounts that the record is charged to. On the heap. */
struct ledger_hold *ledger_new_hold(struct ledger *l, const struct record *hold);
/* The accounts of a handle that has none. */
void ledger_set_stakes(struct ledger *l, struct ledger_hold *handle, const struct record *hold);
void ledger_free_stakes(struct ledger_hold *handle);
void ledger_free_hold(struct ledger_hold *handle);
/* Writes the HOLD of one that fits. -1 with `fail`: it must not be sent, and the handle is the caller's still. */
int ledger_take(struct ledger *l, struct ledger_hold *handle, struct record *hold, struct fail *fail);
/* The journal has its HOLD: it is in the sums and in its accounts, and open. */
void ledger_is_held(struct ledger *l, struct ledger_hold *handle, const struct record *hold);
/* ledger_reload.c: gives each handle the accounts that there are now. */
void ledger_join_accounts(struct ledger *l);
/* ledger_start.c: what the journal's records before the one numbered `before` make of the accounts of `l`, which has nothing else. Beside a
 * gateway that writes it, without a lock. */
int ledger_read_past(struct ledger *l, const char *folder, uint64_t before, struct fail *fail);
/* ledger_queue.c: those that wait have no accounts; they get those that there are now. */
void ledger_leave_queue(struct ledger *l);
void ledger_join_queue(struct ledger *l);
/* ledger_queue.c: lets in whom the accounts have room for now. After everything that makes room. */
void ledger_run_queue(struct ledger *l);
/* ledger_queue.c: takes one out of the queue that stands in it. */
void ledger_remove_wait(struct ledger *l, struct ledger_wait *wait);
/* ledger_queue.c: those that wait do so in the process that keeps the ledger now. */
void ledger_move_queue(struct ledger *l);

/* ledger_away.c, where l->away is set. True: it is held, and the handle is complete. False with *refusal, or `fail`. */
bool ledger_away_hold(struct ledger *l, struct ledger_hold *handle, struct record *hold, bool overtakes,
                      struct ledger_refusal *refusal, struct fail *fail);
void ledger_away_end(struct ledger *l, struct record *end);
void ledger_away_row(struct ledger *l, struct record *row);
/* Its record waits there. It is over at once where the other process has ended. */
void ledger_away_wait(struct ledger *l, struct ledger_wait *wait);
void ledger_away_leave(struct ledger *l, const struct ledger_wait *wait);
/* Without the mutex; nothing is open any more. */
void ledger_end_away(struct ledger *l);

/* Writes a record. A hold is open until its END is written: until then a new segment must
 * carry it. */
int ledger_write_one(struct ledger *l, struct record *record, struct fail *fail);
/* Writes what could not be written before. */
int ledger_write_late(struct ledger *l, struct fail *fail);
/* Writes it, or keeps it until it can be written. */
void ledger_write_or_keep(struct ledger *l, struct record *record);
/* What is kept is in the sums and balances, and not in the journal: takes it out of them (-1), or puts it back (1). */
void ledger_book_late(struct ledger *l, int sign);
void ledger_free_late(struct ledger *l);

#endif
