/* door.h - how the way of a request speaks to the client's side. http/reply.c implements it;
 * a test implements it without a socket. All functions run on the worker's thread. */
#ifndef FLOW_DOOR_H
#define FLOW_DOOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

struct door_header {
    const char *name; /* kept until the call returns */
    const char *value;
};

struct door {
    /* A whole answer. `body` is given with its free function (`free_body(free_arg)`; NULL: static). Once. */
    void (*answer)(void *client, int status, const struct door_header *headers, size_t count, struct text body,
                   void (*free_body)(void *free_arg), void *free_arg, bool close);
    /* The head of a streamed answer; then write() any number of times, then end() or abort(). */
    void (*begin)(void *client, int status, const struct door_header *headers, size_t count);
    /* Queues bytes (copied). Returns how many bytes now wait for the client; past the high mark the
     * caller pauses its source until request_drained() is called. */
    size_t (*write)(void *client, struct text bytes);
    void (*end)(void *client);   /* the clean end of the body */
    void (*abort)(void *client); /* cut the connection: the client sees a broken body */
};

#define DOOR_HIGH_MARK (64u * 1024u)

#endif
