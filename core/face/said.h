/* said.h - what a model has answered, as the client gets it, whichever API that is. For rules that look at answers and know no wire
 * format. Any thread. */
#ifndef FACE_SAID_H
#define FACE_SAID_H

#include <stddef.h>

#include "base/arena.h"
#include "base/text.h"
#include "face/talk.h"

struct said {
    struct text text;        /* of all choices, one after the other; "" where there is none */
    struct talk_call *calls; /* `place` is NULL */
    size_t call_count;
    const char
        *finish; /* "stop", "length", "tool_calls", "content_filter", "refusal"; "" where none was reported. Static */
};

/* A whole body, or with `streamed` all bytes of a stream of events. Arena. False: it holds nothing that is an answer. */
bool said_read(struct arena *arena, struct text bytes, bool streamed, struct said *out);

#endif
