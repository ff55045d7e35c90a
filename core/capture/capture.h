/* capture.h - some requests and answers are kept, sealed, so that another policy can be tried on them: `capture` in gateway.lua. A thread seals
 * and writes; a worker only hands over. What cannot be kept is lost, counted, and reported once: no request waits for it or fails by it. */
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

#include "capture/sealed.h"

struct capture;

enum capture_loss {
    CAPTURE_LARGE, /* more than SEALED_MOST bytes */
    CAPTURE_BUSY,  /* more waits for the disk than CAPTURE_WAITS_MOST */
    CAPTURE_FULL,  /* capture.mb is used up */
    CAPTURE_DISK,  /* the disk, or the key beside the ledger */
    CAPTURE_LOSSES
};
#define CAPTURE_WAITS_MOST ((size_t)32 << 20) /* bytes */
#define CAPTURE_SPARE ((uint64_t)256 << 20)   /* bytes of the disk that are left to the ledger */

struct capture_sums {
    uint64_t written, lost[CAPTURE_LOSSES];
};

/* Starts the thread, which removes what is over its time, captures or not. `ledger`: its folder, copied. NULL with `fail`. Boot thread. Given. */
struct capture *capture_open(const char *ledger, struct fail *fail);
/* Writes what waits; a disk that does not answer is waited for 5 s at most. No worker is alive any more. */
void capture_close(struct capture *c);
/* A worker: `open` is taken, whatever becomes of it. `days`: how long it is kept; `mb`: of all files. `id` has SEALED_ID characters. */
void capture_put(struct capture *c, enum sealed_kind kind, struct text id, struct buf *open, unsigned days,
                 unsigned mb);
/* One that is too large was not even copied. */
void capture_lost(struct capture *c, enum capture_loss why);
/* Any thread. */
void capture_read_sums(const struct capture *c, struct capture_sums *sums);
/* "large" ... Static. */
const char *capture_loss_name(enum capture_loss why);

#endif
