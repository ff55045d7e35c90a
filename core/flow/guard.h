/* guard.h - ends a stream that passes its limit of output tokens by far. Worker's thread. Only flow/ includes this. */
#ifndef FLOW_GUARD_H
#define FLOW_GUARD_H

#include <stdbool.h>

#include "base/text.h"

struct attempt;

/* Has it spoken half as much again as it may, and more? Only where a budget has its bound. */
bool guard_is_over(const struct attempt *a);
/* Ends the answer as one that reached its limit; `last`: the data of the last event that was passed on. The caller stops the stream. */
void guard_end(struct attempt *a, struct text last);

#endif
