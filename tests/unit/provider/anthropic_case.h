/* anthropic_case.h - what the tests of the anthropic provider share: a request built and looked at, JSON compared
 * by what it means. */
#ifndef ANTHROPIC_CASE_H
#define ANTHROPIC_CASE_H

#include "replay.h"

const gw_plugin *gw_plugin_entry_anthropic(void);

struct built {
    struct gw_http http;
    gw_status status;
    const struct json *body; /* NULL when nothing was built */
};

/* Builds a chat (NULL: relayed) for `model` in a call of `r`, which is open. built_end() afterwards. */
void built_begin(struct built *built, struct replay *r, uint32_t operation, const char *model, const struct json *chat,
                 bool stream);
void built_end(struct built *built);
/* A header of the request; absent when there is none. */
struct text built_header(const struct built *built, const char *name);
/* The names of what was dropped, in order, comma-separated; in the arena of the call. */
struct text built_dropped(const struct replay *r);

/* A JSON value in one line, with sorted members: equal texts mean the same. Arena. */
struct text case_canonical(struct arena *arena, const struct json *value);
/* Parses, or ends the test. */
const struct json *case_parse(struct arena *arena, struct text json);

#endif
