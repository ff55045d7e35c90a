/* fake_flow.h - stands in for flow/request.h: each request does what its header "x-fake" asks for, and what
 * happened to it is counted. */
#ifndef FAKE_FLOW_H
#define FAKE_FLOW_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Words of x-fake:
 *   (none), now      answers 200 with a body of 1,024 "x" when the body is complete
 *   later:MS         the same after so many milliseconds
 *   big:BYTES        200 with that much
 *   never            does not answer
 *   early            401 at once, before the body; early-close: and the connection ends
 *   stream:N:MS:SIZE N writes of SIZE bytes, one each MS milliseconds, then the end
 *   burst:N:SIZE     the same, all in one go
 *   flood:N:SIZE     the same, as fast as the door takes them: stops at DOOR_HIGH_MARK until drained
 *   abort            begins a stream, writes, and cuts it
 *   close            200 at the end of the body, and the connection ends
 *   echo             200 with the body */
struct fake_seen {
    atomic_uint begun, ended, gone, stuck, late, drained, refused, body_status, body_refusals;
    atomic_uint undelivered; /* got the report that the client left, behind their whole answer */
    atomic_uint idle_drains; /* were called to go on though nobody made them wait */
    atomic_size_t waiting;   /* most bytes that ever waited at the door */
    atomic_size_t body;      /* bytes of all bodies */
    _Atomic(int64_t) gone_ns;
    _Atomic(int64_t) started_ns; /* of the last request, by its head */
    char told[512];              /* "PATH QUERY DEPLOYMENT PEER" of the last request */
    const void *face;
    unsigned operation;
    char head[512]; /* "METHOD TARGET TAIL ALLOW LENGTH" of the last request */
};
extern struct fake_seen fake_seen;

#endif
