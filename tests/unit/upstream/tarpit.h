/* tarpit.h - a port where connecting takes for ever: the queue of the listener is full, and the kernel drops each SYN. */
#ifndef UNIT_UPSTREAM_TARPIT_H
#define UNIT_UPSTREAM_TARPIT_H

#include <stdbool.h>

struct tarpit {
    int fd, fill[8], port;
    char url[64];
};

/* Without `fill` the first connection gets through. */
void tarpit_open(struct tarpit *t, bool fill);
void tarpit_fill(struct tarpit *t);
void tarpit_close(struct tarpit *t);

#endif
