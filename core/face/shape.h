/* shape.h - where a client API has what a rule may change: limits and settings, the system text, the tools. Each function makes another
 * body of a body and reports what this API cannot carry. Any thread. */
#ifndef FACE_SHAPE_H
#define FACE_SHAPE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/text.h"

struct said; /* face/said.h */

/* Canonical names, in the order of the alphabet; NULL-terminated. */
extern const char *const shape_names[];

struct shape_setting {
    const char *name;     /* canonical */
    const char *paths[3]; /* "reasoning.effort"; the first is written where there is none */
    bool only_there;      /* it is changed where it stands, and never put in */
};

struct shape {
    const char *api;                      /* "the messages API" */
    const struct shape_setting *settings; /* ends with a name of NULL */
    const char *system;      /* the member that holds the system text; NULL: it is a message, or there is none */
    bool system_parts;       /* that member may be a list of parts */
    bool system_messages;    /* system texts are messages, too */
    const char *turns;       /* the member that holds the messages; NULL: none */
    const char *auto_choice; /* tool_choice for "as the model likes", JSON; NULL: no tools */
};

extern const struct shape shape_chat, shape_messages, shape_responses, shape_completions;

/* One body on which these work. */
struct shape_body {
    struct arena *arena;
    const struct shape *shape;
    const struct json *json;
    struct text text; /* of `json`; and what came of the edit */
};

/* The value of a setting, NULL where there is none. */
const struct json *shape_get(const struct shape_body *b, struct text name);
/* These return NULL, or why it cannot be done (arena), and leave the new body in b->text. */
/* `value` is JSON; absent: the setting goes. */
const char *shape_set(struct shape_body *b, struct text name, struct text value);
const char *shape_add_system(struct shape_body *b, struct text text, bool at_start);
const char *shape_set_system(struct shape_body *b, struct text text);
/* Keeps the tools for which `keeps` is true, in the order of talk's `tools`. */
const char *shape_keep_tools(struct shape_body *b, const bool *keeps, size_t count);
/* The conversation goes on: the answer as a turn of the assistant, a result that no call was made for each of its calls, and a turn of
 * the user with the text `say`. */
const char *shape_say(struct shape_body *b, const struct said *said, struct text say);

#endif
