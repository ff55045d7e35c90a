/* slots.h - how many requests a target gets at a time, where it has a limit: its slots, in the whole process.
 *
 * A request has a slot from slots_take(), or from a queue (queue.h), to slots_give(). A slot that is given back goes to who waits for it,
 * before anybody else can take it. Some slots are kept for critical requests where there were any in the last minute: a tenth of the limit at
 * most, one and a half times as many as critical requests had at a time, at least one. Targets without a limit have none of this.
 *
 * A limit may also be found by itself: it grows while all slots are used and the first event of a stream comes about as fast as it ever did, and
 * shrinks when that takes long. For servers that queue what they cannot do at once; who limits by a rate needs none.
 *
 * Any thread; one lock for all slots and queues, held for a few instructions. Times are monotonic nanoseconds, given by the caller. */
#ifndef HEALTH_SLOTS_H
#define HEALTH_SLOTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* In the order in which they are served. */
enum slots_class { SLOTS_CRITICAL, SLOTS_NORMAL, SLOTS_LOW, SLOTS_CLASSES };

#define SLOTS_ADAPTIVE UINT32_MAX /* in the place of a limit */
#define SLOTS_UNLIMITED (UINT32_MAX - 1)
#define SLOTS_START 32.0
#define SLOTS_LIMIT_LEAST 4.0
#define SLOTS_LIMIT_MOST 1000.0
#define SLOTS_KEPT_MOST 10u /* one of so many is kept at most */
#define SLOTS_WINDOW_NS INT64_C(30000000000)

struct queue;

/* All slots and queues of a process. */
struct gate {
    pthread_mutex_t lock;
    struct queue *queues; /* in which somebody waits */
    int64_t second;       /* of the next two */
    unsigned granted, refused;
    unsigned rows, full; /* targets; those of them that are full */
};

/* Of one target. */
struct slots {
    struct gate *gate;
    unsigned in_flight, critical; /* the second are some of the first */
    unsigned most;                /* the limit in the latest question; 0: nobody has asked */
    unsigned ruled;               /* slots_rule() */
    bool full;
    struct slots_window { /* the most critical ones at a time */
        int64_t slot;
        unsigned most;
    } windows[2];
    double limit, mean,
        least; /* where it is adaptive; seconds to the first event: of late, and at best. 0: nothing is known */
};

void gate_init(struct gate *gate);
void gate_fini(struct gate *gate);
void slots_init(struct slots *s, struct gate *gate);
/* Is one free for a request of this class, of `most` in all? */
bool slots_has_room(struct slots *s, unsigned most, enum slots_class of, int64_t now_ns);
/* Takes one. False: none is free. */
bool slots_take(struct slots *s, unsigned most, enum slots_class of, int64_t now_ns);
/* A new configuration has this limit: it counts from now on for all, whatever they ask with, and who waits and has room now is served. */
void slots_rule(struct slots *s, unsigned most, int64_t now_ns);
/* Gives it back: the next one that waits for it has it at once. */
void slots_give(struct slots *s, enum slots_class of, int64_t now_ns);
unsigned slots_in_flight(struct slots *s);
/* `most`, or the limit that was found. */
unsigned slots_limit(struct slots *s, unsigned most);
/* An adaptive target began to answer a stream so many seconds after it was asked. */
void slots_answered(struct slots *s, double seconds, int64_t now_ns);

/* For queue.c, with the lock held. */
bool slots_is_free(struct slots *s, unsigned most, enum slots_class of, int64_t now_ns);
void slots_add(struct slots *s, enum slots_class of, int64_t now_ns);
/* queue.c: hands slots on that are free. */
void queue_serve(struct gate *gate, struct slots *s, int64_t now_ns);

#endif
