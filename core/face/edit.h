/* edit.h - changes of a client's own body: bytes that nobody changes stay as they came. Any thread. */
#ifndef FACE_EDIT_H
#define FACE_EDIT_H

#include <stddef.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/text.h"

struct edit_change {
    struct text old, with; /* `old` lies in the body; empty: an insertion before that place */
};

/* Changes of one text. They may come in any order, and none overlaps another. */
struct edit {
    struct arena *arena;
    struct text body;
    struct edit_change *all; /* arena */
    size_t count, room;
};

/* `arena` and `body` are kept. */
void edit_begin(struct edit *e, struct arena *arena, struct text body);
/* `with` is kept. */
void edit_put(struct edit *e, struct text old, struct text with);
/* The text with the changes made: arena, or the body where there was none. */
struct text edit_end(struct edit *e);
/* Ends it and begins the next one with what came of it, which *json is then; NULL: it is no JSON, which would be a bug of ours. */
void edit_again(struct edit *e, const struct json **json);

/* The text as a JSON string; arena. */
struct text edit_string(struct arena *arena, struct text t);
/* `value` becomes the first member of the object. */
void edit_add_member(struct edit *e, const struct json *object, struct text name, struct text value);
/* The member goes, with its comma. Only one of an object in the same edit. */
void edit_remove_member(struct edit *e, const struct json *object, struct text name);
/* The key before a member's value, with its quotes. `body` is the text in which it lies. */
struct text edit_key_of(struct text body, const struct json *value);

#endif
