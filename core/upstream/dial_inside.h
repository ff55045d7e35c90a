/* dial_inside.h - one dialling, step by step: dial.c does it with libcurl, dialer.c decides when. */
#ifndef UPSTREAM_DIAL_INSIDE_H
#define UPSTREAM_DIAL_INSIDE_H

#include "upstream/dial.h"

/* Makes ready to dial until `due_ns`; `sockets` is open. False: failed, `why` is set. */
bool dial_begin(struct dial *d);
/* Goes on: call at once, whenever `sockets` becomes readable, and after *wait_ns (-1: no need). Never blocks.
 * True when it is over: there is a wire, or `why` is set. */
bool dial_step(struct dial *d, int64_t *wait_ns);
/* Ends a dialling that has no wire: gives back what libcurl holds. */
void dial_give_up(struct dial *d, const char *why);

#endif
