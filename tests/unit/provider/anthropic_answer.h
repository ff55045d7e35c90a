/* anthropic_answer.h - an answer of Anthropic's put together without the provider: from a recording, blocks first. */
#ifndef ANTHROPIC_ANSWER_H
#define ANTHROPIC_ANSWER_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

enum { ANSWER_BLOCKS = 64 };

/* A block put together from its start and the pieces of it. */
struct answer_block {
    const struct json *start;
    struct buf text, thinking, signature, input;
    unsigned pages; /* that it cites */
};

struct answer {
    struct arena arena;
    struct answer_block blocks[ANSWER_BLOCKS];
    size_t count;
    const struct json *first_usage, *last_usage; /* of a stream; the last one sent */
    struct text reason;
    bool error;
};

/* `body` is lent until answer_forget(). */
void answer_read(struct answer *answer, struct text body);
void answer_forget(struct answer *answer);
/* Is the block of that type? */
bool answer_is(const struct answer_block *block, const char *type);
/* Is it a body of events? */
bool answer_is_stream(struct text body);

#endif
