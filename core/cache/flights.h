/* flights.h - equal requests that are in flight share one answer: the first one asks the upstream and writes what comes into its flight,
 * the others listen to it, on any worker.
 *
 * A flight has one owner, its leader, which must end it with flights_end(). What was written is kept until the slowest listener has
 * taken it; up to FLIGHTS_LEN_MOST bytes of it are kept for those that come later. Each listener has its worker's loop call it, and
 * one wake per worker is on its way at most. */
#ifndef CACHE_FLIGHTS_H
#define CACHE_FLIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "base/text.h"
#include "cache/key.h"
#include "loop/loop.h"

#define FLIGHTS_LEN_MOST ((size_t)1 << 20)  /* bytes of a flight that others may still join */
#define FLIGHTS_ALL_MOST ((size_t)64 << 20) /* bytes of all flights: nobody joins while they have more */
#define FLIGHTS_FAILED_MS 1000              /* a shared failure is given for that long to who comes later */

struct flights;      /* of a process */
struct flight;       /* one call of an upstream */
struct flights_part; /* some of its bytes */

/* Who enters. */
struct flights_who {
    const char *key; /* CACHE_KEY_LEN digits */
    unsigned form;   /* answers of different forms are not shared */
    unsigned worker;
    uint64_t turn; /* flights_turn() before it looked into the cache */
};

/* How a flight ended. */
enum flights_end {
    FLIGHTS_COMPLETE,  /* all was written, whatever it is */
    FLIGHTS_FAILED,    /* before it was open: each listener has the same failure, and nobody asks again for a second */
    FLIGHTS_ABANDONED, /* before it was open, for a reason that is the leader's own: one of the listeners is to lead */
};

/* What its listeners know of a flight. */
enum flights_state {
    FLIGHTS_COMES, /* there is no answer yet */
    FLIGHTS_OPEN,  /* an answer has begun */
    FLIGHTS_FAIL,  /* flights_why() */
    FLIGHTS_LEFT,  /* abandoned: look again */
};

/* Who answers, and in which form: of an open flight. Lent for as long as the listener sits. */
struct flights_head {
    struct text provider, model, content_type;
};

/* A listener. In its owner, zeroed; used on the thread of `loop` alone. */
struct flights_seat {
    struct loop *loop;
    void (*on_news)(struct flights_seat *seat); /* something has changed since the last call */
    /* of flights.c */
    struct flight *flight; /* NULL: it does not sit */
    unsigned worker;
    struct flights_part *at; /* the part that was taken last */
    struct flights_seat *next, **back;
};

/* The leader, for as long as its flight has not ended. In its owner. */
struct flights_leader {
    struct loop *loop;
    void (*on_heard)(struct flights_leader *leader); /* somebody began to listen. On the thread of `loop` */
    struct flight *flight;                           /* NULL: it leads none */
};

enum flights_place {
    FLIGHTS_LEADS,   /* leader->flight is set */
    FLIGHTS_LISTENS, /* seat->flight is set */
    FLIGHTS_AGAIN,   /* a flight has ended since `turn`: its answer may be in the cache */
    FLIGHTS_ALONE,   /* it has nothing to do with flights */
};

/* For `workers` workers. Given: flights_free(), when no request is alive. */
struct flights *flights_new(unsigned workers);
void flights_free(struct flights *flights);
/* Requests that listen now. Any thread. */
unsigned flights_listeners(const struct flights *flights);
/* Changes whenever a flight ends. Any thread. */
uint64_t flights_turn(const struct flights *flights);
/* A request that the cache has no answer for. `seat`: NULL where it may not listen; `leader`: NULL where it may not lead. The worker's
 * thread. */
enum flights_place flights_enter(struct flights *flights, const struct flights_who *who, struct flights_seat *seat,
                                 struct flights_leader *leader);

/* The leader's functions: its thread, or a job's that has its request. */
void flights_write(struct flight *flight, struct text bytes);
/* What was written is no part of the answer: another attempt follows. Not of one that is open. */
void flights_restart(struct flight *flight);
/* The answer has begun: listeners get what was written. The texts are copied. */
void flights_open(struct flight *flight, const struct flights_head *head);
bool flights_is_open(const struct flight *flight);
/* As it was entered with. */
unsigned flights_form(const struct flight *flight);
/* Nothing more is written; `good`: the upstream ended it well. The first one counts. */
void flights_done(struct flight *flight, bool good);
bool flights_is_good(const struct flight *flight);
/* Does anybody listen? Any thread. */
bool flights_is_heard(const struct flight *flight);
/* leader->flight is over, and NULL then. `fail` (FLIGHTS_FAILED) is copied. The leader's own thread. */
void flights_end(struct flights_leader *leader, enum flights_end how, const struct fail *fail);

/* A listener's functions. */
enum flights_state flights_state(const struct flights_seat *seat, struct flights_head *head);
/* The next bytes, lent until the next call for this seat. False: there are none now; *over: none will come, *good: and that is all of
 * the answer. */
bool flights_take(struct flights_seat *seat, struct text *bytes, bool *over, bool *good);
/* Fills `fail`; its texts are lent for as long as it sits. *more: the JSON that an upstream's error has beside its text; absent: none. */
void flights_why(const struct flights_seat *seat, struct fail *fail, struct text *more);
/* It listens no more; on_news is not called after. Twice is once. */
void flights_leave(struct flights_seat *seat);

#endif
