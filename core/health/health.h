/* health.h - what this process has seen of its upstreams: which targets fail, which secrets are at their limit.
 *
 * A target is a provider, its base URL and an upstream model; a lane is a provider, its base URL, a secret, and one upstream
 * model or all of them. What is known
 * belongs to the process, not to a worker nor to a snapshot: each worker learns from the others, and a configuration that is loaded anew
 * finds it again under the same words. Nothing of it is shared between gateways. Rules and numbers: simulated, README.md.
 *
 * Any thread; each row has a lock of its own, held for a few instructions. Times are monotonic nanoseconds, given by the caller. */
#ifndef HEALTH_HEALTH_H
#define HEALTH_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct health;
struct ejection; /* of a target: ejection.h */
struct warm;     /* of conversations: warm.h */
struct lane;     /* of a secret: lane.h */
struct outage;   /* of a model: outage.h */
struct queue;    /* of a model: queue.h */
struct gate;     /* of all slots and queues: slots.h */

#define HEALTH_ROWS_MOST 4096u /* of each kind; what comes beyond has no health and is always usable */

/* Knows nothing. `seed` is for the small random parts of times, so that gateways do not come back all at once. */
struct health *health_new(uint64_t seed);
void health_free(struct health *health);

/* The row of a target; the same pointer until health_free(). `make`: it is made where it is missing, else NULL: names that a client made up
 * leave nothing here. NULL too where there are too many. The texts are copied. */
struct ejection *health_target(struct health *health, struct text provider, struct text base_url, struct text model,
                               bool make);
/* Which conversations were where. NULL: `health` is. */
struct warm *health_warm(struct health *health);
/* The row of a secret, of which a keyed hash is kept; an absent secret is a lane too. `model`: for that model alone, whose limit it may have
 * met; absent: for all of them. `make` as above: a lane that never met a limit has no row. */
struct lane *health_lane(struct health *health, struct text provider, struct text base_url, struct text model,
                         struct text secret, bool make);
/* The row of a model as it is asked for. */
struct outage *health_model(struct health *health, struct text model);
/* Who waits for a slot of its targets. */
struct queue *health_queue(struct health *health, struct text model);
/* NULL: `health` is. */
struct gate *health_gate(struct health *health);
/* Calls `each` for every target, in the order in which they were first seen: for metrics. */
void health_each(struct health *health,
                 void (*each)(void *owner, struct text provider, struct text model, struct ejection *row), void *owner);
/* The same for the queue of every model that was asked for while something was full or out. */
void health_each_queue(struct health *health, void (*each)(void *owner, struct text model, struct queue *queue),
                       void *owner);

#endif
