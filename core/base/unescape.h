/* unescape.h - what a JSON string contains. Only for scan.c and the json files. */
#ifndef BASE_UNESCAPE_H
#define BASE_UNESCAPE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/text.h"

/* The characters of a string whose bytes between the quotes, already checked to be a JSON string's, are
 * `inside`: lent when there is no escape, else arena. \u0000 and half a surrogate pair become U+FFFD. Absent,
 * with a->full set, when the arena has no room. */
struct text unescape_text(struct arena *a, struct text inside);

/* What is wrong with the escape at `escape`, a "\\uXXXX" of which `left` bytes are left in its string: it is NUL, or half
 * of a surrogate pair. NULL when nothing is. Static. */
const char *unescape_problem(const char *escape, size_t left);
/* Is it the first half of a surrogate pair? */
bool unescape_is_high(const char *escape);

#endif
