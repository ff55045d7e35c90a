/* share.h - what one gateway may still use of a limit per minute that several gateways count together.
 *
 * The total stands on a server. A gateway takes batches of it: it adds some units there, and what of them lies under the limit is its own, to be
 * used without asking again. So what is admitted is never more than the limit, however many gateways take at once. Where the server is away the
 * gateway goes on with what it knows. Arithmetic alone: who asks the server is flow/throttle_shared.c. */
#ifndef FLOW_SHARE_H
#define FLOW_SHARE_H

#include <stdint.h>

#define SHARE_MINUTE 60

/* One limit. Zeroed at first. */
struct share {
    int64_t minute; /* that it is about, since 1970 */
    int64_t left;   /* taken and not used; below 0: used and not taken */
    int64_t seen;   /* the server's total of this minute, as far as it is known here */
    int64_t owed;   /* of that: what was used while the server was away, and is added there later */
    int64_t before; /* the total of the minute before; -1: the server was not asked */
    int64_t own;    /* that total as far as it was known here */
};

enum share_state {
    SHARE_HAS,   /* there is room, here */
    SHARE_FULL,  /* there is none */
    SHARE_LACKS, /* the server must be asked */
};

/* What of the limit is asked for. */
struct share_ask {
    int64_t limit, more; /* more: units that are needed now, at most the limit */
    int64_t second;      /* of this minute */
    unsigned gateways;   /* about how many share it */
};

/* How asking ended. */
enum share_end {
    SHARE_ADDED,   /* `total` is the server's */
    SHARE_UNKNOWN, /* it may have been added: counts as taken */
    SHARE_AWAY,    /* it was not added */
};

/* Before anything else: a new minute begins where it is one; a clock that is set back by less than a minute changes nothing. What was taken of
 * the minute before and not used is returned: it is to be given back there. */
int64_t share_turn(struct share *s, int64_t minute);
/* The units of this minute that the limit allows at `second`: those of the minute before count by the part of them that lies within 60 s. */
int64_t share_room(const struct share *s, int64_t limit, int64_t second);
enum share_state share_look(const struct share *s, const struct share_ask *ask);
/* How many units to add on the server: as many as are needed, and more where much is left. What is owed comes on top. */
int64_t share_batch(const struct share *s, const struct share_ask *ask);
/* `batch` units, and `owed` of what is owed, were asked for. Returns what of them is above the limit, to be taken back on the server. */
int64_t share_add(struct share *s, const struct share_ask *ask, int64_t batch, int64_t owed, enum share_end end,
                  int64_t total);

#endif
