/* strategy.h - which of several usable targets gets a request. Only flow/ includes this. The worker's thread. */
#ifndef FLOW_STRATEGY_H
#define FLOW_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request;

/* One of req->targets[usable[0 .. count - 1]], as the model's strategy has it; its index there. `count` is not 0. Where there is one
 * alone nothing is computed. Sets the target's `chosen`. */
size_t strategy_pick(struct request *req, const size_t *usable, size_t count, int64_t now_ns);
/* Do the targets behind the first usable one matter? */
bool strategy_needs_all(const struct request *req);

#endif
