/* deadline.h - how long a connection may be in one state: MHD's time-out is one of inactivity only. */
#ifndef HTTP_DEADLINE_H
#define HTTP_DEADLINE_H

#include "http/inside.h"

/* Sets up the front's lanes with the spans of its limits. */
void deadline_start(struct front *f);
void deadline_stop(struct front *f);

/* From now on the deadline of `x` is that of `name`; the one before no longer counts. */
void deadline_set(struct client *c, enum lane_name name);
void deadline_clear(struct client *c);

/* A request is over: the empty lines that came with it, and the bytes of its answer, are counted to it. */
void deadline_take_counts(struct client *c);

/* Has MHD closed this connection in the midst of a head without an answer, to a client that is still there? Not known
 * over TLS. */
bool deadline_is_unanswered(const struct client *c);

/* Has MHD read more of the head that is awaited than a head may have, and left the rest unread? Not known over TLS and after
 * a chunked body. */
bool deadline_is_long(const struct client *c);

/* Has a byte of the head that is awaited come? Asks the kernel where no event has reported. */
bool deadline_head_begun(const struct client *c);

#endif
