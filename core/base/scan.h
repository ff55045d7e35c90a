/* scan.h - finds the top-level members of a JSON object without building a tree.
 *
 * One pass that also checks the structure: strings closed and without control bytes,
 * brackets matched and at most `max_depth` deep, top-level members once, nothing after
 * the end, no NUL, all of it UTF-8. What is inside nested values is not checked further
 * (a wrong literal deep inside is the upstream's to refuse); top-level scalars are. With
 * AVX2 where the machine has it. */
#ifndef BASE_SCAN_H
#define BASE_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/text.h"

struct scan_member {
    struct text key;   /* between the quotes, lent from the input; arena, with escapes resolved, when it had any */
    struct text value; /* the raw JSON text of the value, lent from the input */
    size_t start;      /* offset of the opening quote of the key in the input */
    size_t end;        /* offset after the value */
    char type;         /* '{' '[' '"' 't' 'f' 'n' or '0' for a number */
};

struct scan {
    struct text text;            /* the input, lent */
    struct scan_member *members; /* arena */
    size_t count;
    const char *problem; /* why scan_object() failed, arena: plain words and a byte offset, nothing of the content */
    const char *code;    /* "invalid_json" when it failed */
    struct text at;      /* the member complained of, absent when none: what the client sent */
};

#define SCAN_MAX_DEPTH 64
#define SCAN_MAX_MEMBERS 256

/* 0, or -1 with out->problem. `json` is lent for the life of *out; memory from `arena`, on its thread.
 * `max_depth` counts the object itself; SCAN_MAX_DEPTH is the most. */
int scan_object(struct arena *arena, struct text json, unsigned max_depth, struct scan *out);
/* The member called `key`, NULL when absent. */
const struct scan_member *scan_get(const struct scan *s, const char *key);

/* Values: each returns false when the member is NULL or of another type. A string is lent, or arena when it had
 * escapes; \u0000 and half a surrogate pair become U+FFFD, so no NUL is in it; false too when the arena is full. */
bool scan_string(struct arena *arena, const struct scan_member *m, struct text *out);
bool scan_int(const struct scan_member *m, int64_t *out); /* whole numbers only */
bool scan_bool(const struct scan_member *m, bool *out);
bool scan_is_null(const struct scan_member *m);

/* Without checking anything: the raw value of the first member `"key":` at any depth of a
 * small JSON text (a stream chunk), lent; absent when there is none. Strings are skipped as strings. `key` has at
 * most 62 bytes and none that JSON escapes. */
struct text scan_peek(struct text json, const char *key);

/* For tests: take the plain paths even where the machine has AVX2 (all of base/, all threads). */
void scan_force_plain(bool plain);

#endif
