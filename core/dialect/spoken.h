/* spoken.h - how much a model speaks in one event of a relayed stream. Pure, any thread. */
#ifndef DIALECT_SPOKEN_H
#define DIALECT_SPOKEN_H

#include <stddef.h>

#include "base/text.h"

/* One name of a list. */
#define SPOKEN(literal)                                                                                                \
    {                                                                                                                  \
        (literal), sizeof(literal) - 1                                                                                 \
    }

/* The decoded bytes of all strings that are members called one of `names`, within the objects and arrays that are members called
 * `from` ("\"delta\""), or that are that member; 0 where it has no such. Members of `passed` are no part of it, whatever is in them. Both lists end with an
 * absent text. */
size_t spoken_in(struct text data, struct text from, const struct text *names, const struct text *passed);

#endif
