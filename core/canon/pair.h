/* pair.h - a character that is escaped as a surrogate pair and split over two events of a stream: "\ud83d" ends a string of
 * one, "\ude00" begins the same string of a later one. JSON parsers read each half as U+FFFD, so they are joined before. */
#ifndef CANON_PAIR_H
#define CANON_PAIR_H

#include <stddef.h>

#include "base/buf.h"
#include "base/text.h"

enum { PAIR_HELD = 8, PAIR_ESCAPE = 6 };

/* The first halves that wait, by the place of their string: the member's name, and the numbers named "index" before it. */
struct pair {
    size_t count;
    struct {
        size_t place;
        char half[PAIR_ESCAPE];
    } held[PAIR_HELD];
};

/* The JSON of the next event, in which a first half at the end of a string is taken away, and stands before the second half at
 * the beginning of the same string of a later event. Where something else comes there, it stands as \ufffd; where nothing comes
 * any more, it is left out. `json` itself where nothing changes; else a view of `out`, which the caller has initialised and frees.
 * When `out` has failed the view is not all of it. What is no JSON stays as it is, mostly. */
struct text pair_join(struct pair *pair, struct text json, struct buf *out);

#endif
