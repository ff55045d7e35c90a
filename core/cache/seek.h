/* seek.h - the members of a JSON text at any depth, in one pass that makes no tree. Pure functions, any thread. */
#ifndef CACHE_SEEK_H
#define CACHE_SEEK_H

#include <stdbool.h>

#include "base/text.h"

/* One member. Lent from the text. */
struct seek_member {
    struct text name;  /* between the quotes, as written */
    struct text value; /* of a string: between the quotes; else what follows the colon, to the end of the text */
    bool is_string;
};

/* Calls `each` for each member, in order, until it returns something else than NULL, and returns that; NULL at the end. *odd: a member's
 * name or a string is written so that it may be read in several ways (half a surrogate pair, an escape in a name). Strings are passed over
 * as strings. The text may have other lines between JSON, as the events of a stream have. */
const char *seek_each(struct text json, const char *(*each)(void *owner, const struct seek_member *member), void *owner,
                      bool *odd);

#endif
