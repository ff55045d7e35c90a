/* daemon.h - many small MHD daemons, and the queue of those that have something to do. */
#ifndef HTTP_DAEMON_H
#define HTTP_DAEMON_H

#include "http/inside.h"

/* Prepares the queue, and starts a first daemon to see that the certificate is good. 0, or -1 with `fail`. */
int daemon_start(struct front *f, struct fail *fail);
/* Stops all of them, which closes what is open. */
void daemon_stop(struct front *f);
/* One with room for another connection, started when there is none; the least loaded one when no more can be
 * started; NULL when there is none at all. */
struct daemon *daemon_with_room(struct front *f);
/* It runs at the end of this round of the loop. */
void daemon_wake(struct daemon *d);
/* A connection of it has begun, or ended. */
void daemon_add(struct daemon *d, struct client *c);
void daemon_remove(struct daemon *d, struct client *c);

#endif
