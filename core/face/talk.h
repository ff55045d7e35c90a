/* talk.h - what is said in a request, whichever API it came by: who speaks, the texts, images, tools and their calls. For rules that
 * look at requests and know no wire format. Any thread. */
#ifndef FACE_TALK_H
#define FACE_TALK_H

#include <stddef.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/fail.h"
#include "base/text.h"
#include "canon/ask.h"

/* A call of a tool in the history. */
struct talk_call {
    struct text id, name, arguments; /* arguments: JSON text */
    const struct json *place;        /* the arguments in the body: a value, or a string that holds one */
};

/* One message, or one item that counts as such. */
struct talk_turn {
    const char *role; /* "system", "user", "assistant", "tool": static */
    struct text *texts;
    const struct json **places; /* of the texts, in the body */
    size_t text_count;
    unsigned images, files;
    struct talk_call *calls;
    size_t call_count;
};

struct talk {
    struct talk_turn *turns;
    size_t count;
    struct text *tools; /* names that are offered */
    size_t tool_count;
    size_t text_bytes; /* of all texts, arguments and what describes the tools */
    unsigned images, files;
    bool wants_json;
};

/* Reads the body of `ask`; all of it is in the arena or lent from the body. NULL with `fail`: it is no JSON. The shape is that of
 * struct face's `talk`, one of: */
typedef const struct talk *talk_reader(struct arena *arena, struct ask *ask, struct fail *fail);
talk_reader talk_chat;      /* messages, or input as talk_responses() has it */
talk_reader talk_messages;  /* system, messages of blocks */
talk_reader talk_responses; /* instructions, input */
talk_reader talk_prompt;    /* one text or a list of them: prompt, input, query and documents */

/* The digest of what stays the same from turn to turn of a conversation: who asks (`key`, may be absent), the system texts, the first
 * other turn. Of each text count its length and its first `most` bytes. False where nobody but the system speaks. */
bool talk_opening(const struct talk *talk, struct text key, size_t most, uint8_t digest[CRYPTO_SHA256_LEN]);

#endif
