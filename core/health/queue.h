/* queue.h - who waits for a slot of one of a model's targets, because all of those that are usable have as many requests as they may.
 *
 * Critical requests are served first, then normal ones, then those of low priority. In each class the oldest comes first while at most a
 * quarter of the queue is full, above that the newest: who waits for long gives up soon, so an answer to the newest is worth more. Where the queue
 * is full the oldest goes: one of low priority first. Critical requests have a queue of the same length for themselves.
 *
 * Any thread, under the lock of slots.h. */
#ifndef HEALTH_QUEUE_H
#define HEALTH_QUEUE_H

#include <stddef.h>

#include "health/slots.h"

#define QUEUE_LEAST 16u            /* the shortest one */
#define QUEUE_HOPELESS_REFUSALS 4u /* a second is hopeless in which so many are refused for one that gets its slot */

/* A target that would do. */
struct queue_place {
    struct slots *slots;
    unsigned most; /* its limit */
};

/* Who waits; the owner's, where it is until it is over. */
struct queue_wait {
    const struct queue_place *places; /* kept */
    size_t count;
    enum slots_class of;
    void (*on_over)(
        struct queue_wait *wait); /* it is over. Any thread, under the lock: it posts a message and no more */
    struct slots *granted;        /* then: where it has a slot; NULL: it had to go */
    /* The queue's. */
    struct queue *queue; /* NULL: it does not wait */
    struct queue_wait *older, *newer;
    int64_t from_ns;
};

/* Of one model. */
struct queue {
    struct gate *gate;
    struct queue *next; /* of those in which somebody waits */
    unsigned length;
    struct queue_line {
        struct queue_wait *oldest, *newest;
        unsigned count;
    } lines[SLOTS_CLASSES];
};

enum queue_answer {
    QUEUE_GRANTED, /* a slot was free: `granted` */
    QUEUE_WAITS,   /* on_over() comes, unless it leaves before */
    QUEUE_FULL,    /* of those that come before it */
};

void queue_init(struct queue *q, struct gate *gate);
/* `length`: how many may wait. */
enum queue_answer queue_enter(struct queue *q, struct queue_wait *wait, unsigned length, int64_t now_ns);
/* It waits no more. False: it is over, and on_over() was called. */
bool queue_leave(struct queue_wait *wait);
/* How many wait, of all classes; -1: nobody ever has. */
int queue_waiting(struct queue *q);
/* Are so many refused at the moment that one more is in vain, most likely? Only where all there is has a limit. */
bool queue_is_hopeless(struct gate *gate, int64_t now_ns);

#endif
