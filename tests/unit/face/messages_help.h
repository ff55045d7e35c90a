/* messages_help.h - for the tests of the messages face: running it, reading files, comparing JSON, and a checker of
 * Anthropic streams that knows nothing of how they are written. */
#ifndef MESSAGES_HELP_H
#define MESSAGES_HELP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "face/messages/messages.h"

/* One at a time; help_begin() .. help_end(). */
struct help {
    struct arena arena;
    struct ask ask;
    struct fail fail;
    struct usage usage;
    struct face_answer answer;
};
extern struct help help;

void help_begin(void);
void help_end(void);
/* Decodes (with either face) and translates: the canonical request, or NULL with help.fail. */
const struct json *help_canonical(const struct face *face, struct text body);
/* The same of a text that must be good; ends the test otherwise. */
const struct json *help_translate(const char *body);
/* JSON of our own; ends the test when it is none. */
const struct json *help_json(struct text text);
/* The member at a path: "messages.0.content"; NULL when there is none. */
const struct json *help_at(const struct json *v, const char *path);
/* The string there; "" when there is none. */
const char *help_str(const struct json *v, const char *path);
/* Was the member reported as dropped? */
bool help_dropped(const char *member);
/* Two JSON values that mean the same: the order of members and spellings apart. */
bool help_equal(const struct json *a, const struct json *b);

/* Files of a folder below the shared ones, in the order of their names. Returns how many. */
size_t help_each(const char *folder, void (*fn)(const char *name, const struct json *file));

/* Begins an answer to that request: help.answer. */
#define HELP_REQUEST                                                                                                   \
    "{\"model\":\"asked-for\",\"max_tokens\":9,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
void help_answer(const char *request_body);
gw_event help_event(uint32_t type, uint32_t item, const char *id, const char *text, const char *data);

/* The content of a stream or of a whole answer. */
enum { HELP_BLOCKS = 256 };
struct help_block {
    char type[40];
    struct text text;      /* text, thinking, or the JSON of arguments */
    struct text signature; /* thinking */
    struct text id, name;  /* tool_use */
    struct text raw;       /* other blocks, as they are */
    unsigned citations;
};
struct help_message {
    struct help_block blocks[HELP_BLOCKS];
    size_t count;
    struct text id, model, stop_reason;
    const struct json *usage; /* of the end */
    int64_t input_at_start;
    bool complete; /* message_stop came */
};
/* Checks every rule of the grammar; ends the test with `what` in its message when one is broken. `json`: arguments must
 * be JSON objects. */
void help_read_stream(struct text sse, const char *what, bool json, struct help_message *out);
void help_read_whole(struct text body, const char *what, struct help_message *out);
/* Block by block the same; a stream may lack citations that came when their text was ended. */
void help_same(const struct help_message *stream, const struct help_message *whole, const char *what);

/* Streams the events and folds them; reads both, and compares them when `json`. */
void help_run(const gw_event *events, size_t count, const char *what, bool json, struct help_message *out);

uint64_t help_random(uint64_t *state);

#endif
