/* restore.h - texts that a rule has masked in a request come back in the answer, as the client gets it, whichever API that is: whole or as
 * events. All that is not replaced keeps its bytes. Reasoning is never touched: it may be signed. One thread at a time. */
#ifndef FACE_RESTORE_H
#define FACE_RESTORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/replace.h"
#include "base/text.h"

struct restore_text {
    struct text key, with; /* UTF-8; a key has 1 to REPLACE_KEY_MOST bytes */
    bool in_arguments;     /* also in the arguments of tools */
};

struct restore; /* of one answer; arena */

/* Of equal keys the last counts. `texts` is kept. NULL where there is none, or the arena is full. */
struct restore *restore_new(struct arena *arena, const struct restore_text *texts, size_t count);

/* One event of a stream in the client's API. What is returned takes the place of `data`: `scratch`, or `data` itself where nothing of it
 * changes. What must reach the client before it is appended to `before`: whole SSE events with text that was held back. */
struct text restore_event(struct restore *r, struct arena *scratch, struct text data, struct buf *before);
/* The stream ends: what is held back is appended as events. */
void restore_end(struct restore *r, struct buf *out);
/* A whole answer: `scratch`, or `body` itself where nothing of it changes. */
struct text restore_whole(struct restore *r, struct arena *scratch, struct text body);
/* Was there too little memory? Then the answer is not complete. */
bool restore_has_failed(const struct restore *r);

#endif
