/* wait.h - what a request waits for: one thing at a time.
 *
 * A step that cannot go on begins a wait, starts what it waits for, and returns WAIT; the way then stands at the next row. Who
 * started it keeps the identity of the wait and ends it with that. An identity is used once, so an end that comes late or
 * twice, or for a wait that was called off, does nothing. This is the only way in which a request goes on.
 *
 * All functions belong to the worker's thread. Only flow/ includes this. */
#ifndef FLOW_WAIT_H
#define FLOW_WAIT_H

#include <stdbool.h>
#include <stdint.h>

struct request;

/* What a step returns: go on with the next row; wait (goes on at the next row); the rest of the way up to "settle" is not
 * needed; failed (req->fail is the reason; goes on at "settle" too). */
enum next { NEXT, WAIT, DONE, FAIL };

/* Static. */
struct wait_kind {
    const char *name; /* for the debug log: "body", "answer" ... */
    bool is_ours;     /* its time counts as the gateway's own */
    /* The client has left: calls off what is waited for. True: nothing of it comes any more. False: it cannot be called off,
     * its end will come, and until then the request stays as it is. NULL: nothing runs, as true. */
    bool (*cancel)(struct request *req);
};

/* Of one request; zeroed at its begin. */
struct wait {
    const struct wait_kind *kind; /* NULL: it waits for nothing */
    uint32_t id;                  /* of this wait, or of the last one; 0: there was none */
    int64_t from_ns;
};

/* From here on `req` waits. Called by a step that then returns WAIT, before it starts what it waits for: the end may come
 * while the step is still running, and counts then too. Returns the identity, which is never 0. */
uint32_t wait_begin(struct request *req, const struct wait_kind *kind);
/* What was waited for is there: the way goes on, inside this call where no step of this request is running. Ignored when `id`
 * is not the wait that is open. */
void wait_end(struct request *req, uint32_t id);
/* The client has left (req->gone): calls off whatever is waited for, and goes on at "settle"; at once, or when the end of what
 * cannot be called off comes. Nothing when a step is running: the way looks at req->gone after it. */
void wait_cancel(struct request *req);

/* way.c: after a step that returned WAIT. Is there still something to wait for? */
bool wait_holds(struct request *req);

#endif
