/* follow.h - reads a ledger's journal from a place in it, and goes on as it grows: each record once, in order. One thread.
 *
 * It knows the HOLD of each END, wherever that stood: the place where reading goes on after a restart is that of the oldest HOLD which
 * is open, so only what may still be needed is read again. */
#ifndef MONEY_FOLLOW_H
#define MONEY_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "money/holds.h"
#include "money/record.h"

struct follow;

/* A frame of the journal. */
struct follow_place {
    uint64_t segment; /* 0: the beginning of what there is */
    uint64_t offset;  /* 0: its beginning, whatever its records' numbers are */
    uint64_t number;  /* of the record there; of an OPEN that of the one behind it */
};

struct follow_settings {
    const char *folder; /* kept */
    struct follow_place from;
    uint64_t next;   /* the first record that is wanted; what stands before it is read for its HOLDs alone; 0: all */
    bool accept_gap; /* go on behind records that are lost */
    uint64_t
        judged; /* damage before the record of this number is passed over: the ledger's start has judged it; 0: none is */
    bool sync; /* what was read of a segment is on the disk before the next one is begun */
};

enum follow_next {
    FOLLOW_RECORD,
    FOLLOW_WAIT,    /* the end for now */
    FOLLOW_GAP,     /* the segments that had the next record are gone */
    FOLLOW_DAMAGED, /* what follows cannot be read, or records are missing */
    FOLLOW_BEYOND,  /* the journal ends before the record that is wanted */
    FOLLOW_FAILED,  /* a file cannot be read now, or a newer program wrote it */
};

/* Lent until the next call. */
struct follow_item {
    struct record record; /* no OPEN */
    struct record hold;   /* of an END: what it ends */
    bool has_hold;
    struct text bytes; /* of the record, as it was written */
};

/* Given: follow_free(). */
struct follow *follow_new(const struct follow_settings *settings);
void follow_free(struct follow *f);
/* The next record. After FOLLOW_WAIT it may be called again at any time; after the others, which set `fail`, the follower is done. */
enum follow_next follow_next(struct follow *f, struct follow_item *item, struct fail *fail);
/* Places at which records are missing or cannot be read, which it passed over (accept_gap). */
uint64_t follow_damages(const struct follow *f);
/* Where another follower is to begin that shall know all that this one knows. */
struct follow_place follow_place(struct follow *f);
/* The number of the record that comes next; 1 where nothing was read. */
uint64_t follow_number(const struct follow *f);
/* The HOLDs that are open there. */
const struct holds *follow_holds(const struct follow *f);
/* What was read is on the disk afterwards. 0, or -1 with `fail`. */
int follow_sync(struct follow *f, struct fail *fail);

/* The number of the first record that the folder still has; 1 where it has none. 0 with `fail` where that cannot be read. */
uint64_t follow_oldest(const char *folder, struct fail *fail);

#endif
