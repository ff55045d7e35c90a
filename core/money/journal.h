/* journal.h - what the ledger writes: one file at a time, appended to under one mutex, synced by a thread.
 *
 * After journal_append() a record survives the end of the process; after the next sync it survives a loss of power. */
#ifndef MONEY_JOURNAL_H
#define MONEY_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "money/record.h"

struct journal;

struct journal_settings {
    const char *folder;   /* made if it is not there; lent */
    int64_t sync_ns;      /* a record is on the disk after this time; 0: before journal_append() returns */
    const char *book;     /* digest of the price book, for OPEN; NULL: none. Lent */
    size_t segment_bytes; /* a new file is begun beyond this; 0: 64 MB */
    /* Adds to an OPEN what is carried over: `carried`, `balances` and what belongs to them, as all records stand that
     * journal_append() has returned from. Called with the mutex held, also from within journal_append(). May be NULL. */
    void (*carry)(void *owner, struct record *open, struct arena *arena);
    void *owner;
    int lock_fd; /* the folder's lock, which another process gives away: taken, also on failure. 0: none does */
};

/* Takes the folder for this process alone and finds the number of the last segment. Nothing is written yet. NULL with
 * `fail` (FAIL_OPERATOR): another process has it, no right to write there. Given: journal_close(). */
struct journal *journal_open(const struct journal_settings *settings, struct fail *fail);
/* Begins the first segment; the next record has the number `next`. 0, or -1 with `fail`. */
int journal_start(struct journal *journal, uint64_t next, struct fail *fail);
/* Syncs, ends the thread and gives the folder back. */
void journal_close(struct journal *journal);

void journal_lock(struct journal *journal);
void journal_unlock(struct journal *journal);
/* For another process that goes on with it. All with the mutex held. Begins a segment, which carries over all, syncs it, and writes no more.
 * -1 with `fail`: it goes on here. */
int journal_hand_over(struct journal *journal, struct fail *fail);
/* The other process did not take it, and has ended: the next record begins another segment. */
void journal_take_back(struct journal *journal);
/* The other process has it, and the folder's lock. */
void journal_give_lock(struct journal *journal);
/* The folder's lock: lent. */
int journal_lock_fd(const struct journal *journal);
/* Gives the record its number and time and writes it. With the mutex held. `reserve`: bytes for the ENDs of open holds for
 * which room must be left on the disk. 0; -1 with `fail`: the record is not written, and what was written before is whole;
 * JOURNAL_NOT_SYNCED with `fail`: it is written and counts, but a loss of power may take it. */
#define JOURNAL_NOT_SYNCED 1
int journal_append(struct journal *journal, struct record *record, size_t reserve, struct fail *fail);
/* The number of the next record. With the mutex held. */
uint64_t journal_next(const struct journal *journal);
/* The record that was written last, lent until the next one. With the mutex held. */
struct text journal_last(const struct journal *journal);
/* Another digest of the price book (journal_settings.book), for the OPENs to come. With the mutex held. */
void journal_set_book(struct journal *journal, const char *book);
/* Syncs now, from the calling thread. With the mutex held. */
int journal_sync(struct journal *journal, struct fail *fail);

struct journal_state {
    uint64_t records;  /* written by this process */
    uint64_t segment;  /* its number */
    uint64_t next;     /* the number of the next record */
    uint64_t failures; /* of writes and syncs */
};
/* Any thread; takes the mutex. */
void journal_read_state(struct journal *journal, struct journal_state *state);

#endif
