/* drain.h - reads the rest of an answer whose client has left, for its usage. Worker's thread. Only flow/ includes this. */
#ifndef FLOW_DRAIN_H
#define FLOW_DRAIN_H

#include <stdbool.h>

#include "flow/wait.h"

struct attempt;
struct request;

/* Is the rest to be read? Then whoever waits for it does not call the upstream off when the client leaves. */
bool drain_wants(const struct attempt *a);
/* The client has left: WAIT until the rest is there, and asked again then; NEXT when there is nothing to wait for. */
enum next drain_run(struct request *req);

#endif
