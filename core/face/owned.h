/* owned.h - what in a request or an answer lives in one account of a provider, and means nothing to another: a stored response or
 * conversation, files, containers, caches of content, reasoning that is encrypted. Any thread. */
#ifndef FACE_OWNED_H
#define FACE_OWNED_H

#include "base/arena.h"
#include "base/text.h"

#define OWNED_MOST 16u

struct owned {
    const char *member; /* where the first one stands: "previous_response_id"; static */
    struct text ids[OWNED_MOST];
    unsigned count;
};

/* What the body of a request names. Of encrypted reasoning the last: it is the newest. Lent from the body. It is looked for in the bytes,
 * for a body may be large: what only looks so, as a tool's argument "file_id" with the id of a file, counts too. */
void owned_find(struct text body, struct owned *out);
/* What an upstream keeps of an answer, or of one event of it (`is_event`): the id of a response, containers, encrypted reasoning. Lent,
 * or arena. */
void owned_keep(struct arena *arena, bool is_event, struct text name, struct text data, struct owned *out);

#endif
