/* silent.h - an attempt that waits in vain at a target that answers nobody goes elsewhere. Only flow/ includes this. The worker's thread. */
#ifndef FLOW_SILENT_H
#define FLOW_SILENT_H

#include <stdbool.h>
#include <stdint.h>

struct attempt;

/* The attempt was sent: from here on it counts among those that wait at its target. Where it waits for longer than usual, the target is
 * suspect, ejected or on trial, and another one is usable, attempt_leave() is called. Ended by attempt_turn() to ATTEMPT_SPEAKING,
 * choose_report() or choose_end(). */
void silent_watch(struct attempt *a);
/* It speaks, at a->spoke_ns: that is how long it waited. The loop, or the job that has the request. */
void silent_heard(struct attempt *a);
/* It failed: answered by an error, or in vain. */
void silent_failed(struct attempt *a, bool answered, int64_t now_ns);

#endif
