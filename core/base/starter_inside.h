/* starter_inside.h - what both sides of the starter's socket pair know. */
#ifndef BASE_STARTER_INSIDE_H
#define BASE_STARTER_INSIDE_H

#include <stdint.h>

#include "base/starter.h"

enum starter_kind { STARTER_RUN = 1, STARTER_KILL };

/* One message. The answer is one int32_t: the process id (run) or 0 (kill), or a reason of errno below 0. */
struct starter_order {
    uint32_t kind;      /* enum starter_kind */
    int32_t pid;        /* kill */
    uint32_t arguments; /* run: path, then so many arguments, then so many variables, each with its NUL */
    uint32_t variables;
    char text[STARTER_TEXT_MOST];
};

/* The starter itself: carries out the orders that come over `fd` until its other side is closed. */
void starter_serve(int fd);

#endif
