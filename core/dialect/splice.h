/* splice.h - a body that is relayed with few changes: as pieces of what came and of what is put in. Any thread. */
#ifndef DIALECT_SPLICE_H
#define DIALECT_SPLICE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "canon/ask.h"

/* One place of the body that is replaced. */
struct splice_edit {
    size_t start, end; /* offsets in the body; equal: an insertion */
    struct text with;
};
/* The edit that puts in the model's name; false when it is the same. */
bool splice_model(struct arena *arena, const struct ask *ask, struct text model, struct splice_edit *edit);
/* The body with `n` edits, by rising offset, as pieces (arena). */
void splice_pieces(struct arena *arena, const struct ask *ask, const struct splice_edit *edits, size_t n,
                   struct text **pieces, size_t *count);
/* Both, each by rising offset, as one list (arena) of count_a + count_b. */
struct splice_edit *splice_merge(struct arena *arena, const struct splice_edit *a, size_t count_a,
                                 const struct splice_edit *b, size_t count_b);
/* splice() of dialects in which nothing changes but the model's name. */
void splice_rename(struct arena *arena, const struct ask *ask, struct text model, struct text **pieces, size_t *count);

#endif
