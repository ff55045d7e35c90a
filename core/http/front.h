/* front.h - the front door of one worker: it listens, and hands requests to flow/request.h.
 *
 * One front per worker, all of it on the worker's thread unless noted otherwise. The listening
 * sockets of all workers share one port (SO_REUSEPORT); the kernel spreads the connections. */
#ifndef HTTP_FRONT_H
#define HTTP_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "base/text.h"
#include "flow/worker.h"

struct front;

/* A listening socket on `address` ("127.0.0.1", "::1", "0.0.0.0", "::") and `port` (0: any free one; *bound_port
 * gets it), given: close it or hand it to front_new(). Call it once for each worker, the later ones with the
 * port of the first. -1: FAIL_OPERATOR with what to do, also when another process listens there. Boot thread. */
int front_listen(struct text address, uint16_t port, uint16_t *bound_port, struct fail *fail);
/* Watches `listen_fd` (taken, also on failure) in w->loop and sets w->front, which is given: front_free(). Limits
 * and certificate are those of w->config now, see front_reload(). NULL: FAIL_OPERATOR, e.g. a certificate that cannot be used.
 * Before the loop runs, or on its thread. */
struct front *front_new(struct worker *w, int listen_fd, struct fail *fail);
/* Its listening socket, lent, for a process that listens there too; -1: it listens no more. Any thread, while no drain begins. */
int front_listener(const struct front *f);
/* Does the socket listen at that address? *bound_port: at which port; that of `port` unless that is 0. */
bool front_listens_at(int fd, struct text address, uint16_t port, uint16_t *bound_port);
/* Takes those limits of w->config over that may change while it runs: of bodies, events and connections. */
void front_reload(struct front *f);
/* Accepts what waits, then no more; closes idle connections; answers carry "Connection: close" from now on. */
void front_drain(struct front *f);
/* Ends what is left: request_client_gone() for every live request, and its connection is closed within the
 * next rounds of the loop. */
void front_cut(struct front *f);
/* No connection is left. */
bool front_idle(const struct front *f);
/* After the loop has stopped. Requests that are still alive are informed that the client is gone. */
void front_free(struct front *f);

#endif
