/* reword.h - the texts of an answer, as the client gets it, may be others: whichever API it is, whole or as a stream of events. All else
 * stays as it is. Any thread. */
#ifndef FACE_REWORD_H
#define FACE_REWORD_H

#include <stddef.h>

#include "base/arena.h"
#include "base/text.h"

#define REWORD_PARTS 2u /* the bytes of a stream, and its end, which is held apart */

/* One text: of a choice, a block or an item. Refusals are texts, too; what was thought and calls of tools are none. */
struct reword_text {
    struct text text;
    struct text with; /* what stands in its place; absent: it stays. The caller's */
};

struct reword {
    struct reword_text *texts;
    size_t count;
    struct reword_place *places;
    size_t place_count;
    struct arena *arena;
    struct text parts[REWORD_PARTS];
};

/* Reads `parts`, which are kept: a body, or with `streamed` the bytes of a stream. Arena. */
void reword_read(struct arena *arena, const struct text parts[REWORD_PARTS], bool streamed, struct reword *out);
/* The part with the other texts: in a stream the first event of a text has all of it, and the others are empty. What reports the
 * probabilities of tokens goes with the text that it is about. Arena, or the part itself. */
struct text reword_write(const struct reword *r, size_t part);

#endif
