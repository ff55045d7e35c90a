/* slot.h - a request's slot at a target that has a limit of requests in flight, and its wait for one where all are taken.
 *
 * A slot belongs to the request, which has one at most, from the choice of a target to the end of the attempt there, however it ends. It is given
 * back while the attempt waits for its budgets; if it is gone afterwards, another target that has one is tried. Only flow/ includes this. The worker's thread. */
#ifndef FLOW_SLOT_H
#define FLOW_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/wait.h"
#include "health/slots.h"

struct attempt;
struct request;
struct route_target;
struct slot_turn; /* one wait */

/* Zeroed: none. */
struct slot {
    struct slots *of; /* NULL: it has none */
    enum slots_class as;
    bool granted; /* by a queue, and no attempt has it yet */
};

#define SLOT_WAIT_NS INT64_C(2000000000) /* of a request in all queues; a quarter of its deadline where that is less */

/* Has the target a free slot, no limit, or is its slot the request's? */
bool slot_is_free(struct request *req, const struct route_target *t, int64_t now_ns);
/* Is the request's slot one of this target? */
bool slot_is_of(const struct request *req, const struct route_target *t);
/* The request has a slot of `t` now, and no other; none where `t` has no limit. False: none is free, and it has none. */
bool slot_take(struct request *req, const struct route_target *t, int64_t now_ns);
/* Gives back the one that it has, if it has one. */
void slot_give(struct request *req);
/* The attempt's stream has begun to speak: a limit that is adaptive learns from that. */
void slot_answered(const struct attempt *a);
/* Waits in the model's queue for a slot of req->targets[which[0 .. count - 1]]. WAIT; FAIL: it may not wait, req->fail reports why. */
enum next slot_wait(struct request *req, const size_t *which, size_t count, int64_t now_ns);
/* True from slot_wait() until slot_result(). */
bool slot_waited(const struct request *req);
/* The result of the wait. NEXT: it has a slot, or its time is over and it has none; FAIL: the queue was full, req->fail is set. */
enum next slot_result(struct request *req);

#endif
