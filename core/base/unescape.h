/* unescape.h - what a JSON string says. Only for scan.c and the json files. */
#ifndef BASE_UNESCAPE_H
#define BASE_UNESCAPE_H

#include "base/arena.h"
#include "base/text.h"

/* The characters of a string whose bytes between the quotes, already checked to be a JSON string's, are
 * `inside`: lent when there is no escape, else arena. \u0000 and half a surrogate pair become U+FFFD. Absent,
 * with a->full set, when the arena has no room. */
struct text unescape_text(struct arena *a, struct text inside);

#endif
