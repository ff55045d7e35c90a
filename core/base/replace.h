/* replace.h - literal texts are replaced in strings that come in pieces: one pass, by an automaton, whatever their number. What may become one
 * of them is held back, never more than the longest has but one byte.
 *
 * Where several fit, the first in the text counts, and of those that begin at one place the longest. What is not replaced keeps its bytes,
 * escapes too. Pure; a run belongs to one thread. */
#ifndef BASE_REPLACE_H
#define BASE_REPLACE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"

#define REPLACE_KEY_MOST 256u /* bytes of a key */

struct replace_pair {
    struct text key, with; /* UTF-8 */
};

struct replace; /* immutable; arena */

/* Keys have 1 to REPLACE_KEY_MOST bytes; of equal ones the last counts. `with` is kept. NULL where there is none, or the arena is full. */
struct replace *replace_new(struct arena *arena, const struct replace_pair *pairs, size_t count);
/* The same for strings that hold JSON themselves: keys and texts as they stand in a string of it. A key whose escaped form is too long is left out. */
struct replace *replace_new_escaped(struct arena *arena, const struct replace_pair *pairs, size_t count);

/* One string that comes in pieces. */
struct replace_run {
    const struct replace *of;
    uint32_t node;
    size_t held;                /* bytes of the string that wait */
    size_t best_at, best_len;   /* of those: a key that fits, unless a longer one does; best_len 0: none */
    uint32_t best;              /* its node */
    struct replace_held *slots; /* arena */
};

void replace_begin(struct replace_run *run, const struct replace *of, struct arena *arena);
/* A piece: what stands between the quotes of a JSON string. Appends what may go out, as the inside of one. */
void replace_feed(struct replace_run *run, struct text inside, struct buf *out);
/* No more comes: the rest is appended, and the run begins anew. */
void replace_end(struct replace_run *run, struct buf *out);

#endif
