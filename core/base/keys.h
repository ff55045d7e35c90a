/* keys.h - finds members that an object has twice, for all objects of a text that is read front to back. Any
 * thread. */
#ifndef BASE_KEYS_H
#define BASE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/text.h"

#define KEYS_FIRST 128

struct keys_one {
    struct text name; /* without escapes */
    const char *at;   /* where it stands in the text */
    uint64_t mark;    /* its length and first bytes: names with different marks are different */
};

struct keys {
    struct keys_one first[KEYS_FIRST];
    struct keys_one *all; /* of the objects that are open, the innermost last: `first`, or on the heap */
    size_t count, cap;
    uint32_t *slots; /* for large objects; kept between them */
    size_t slot_count;
    size_t opened[64]; /* where each open object's keys begin */
    unsigned depth;
    struct arena unescaped;
    bool full; /* memory ran out: what was asked since is not known */
};

/* Takes no memory before the keys are many. `keys` must not move until keys_end(). */
void keys_begin(struct keys *keys);
/* Frees what was taken. */
void keys_end(struct keys *keys);
/* An object begins. At most 64 are open. */
void keys_open(struct keys *keys);
/* Its next member: the bytes between the quotes, kept until the object closes. False: out of memory. */
bool keys_add(struct keys *keys, struct text key, bool escaped);
/* The object ends. Where the second of two equal names begins (in the text that was given), or NULL. Linear in the number
 * of members, whatever their names: the hash is seeded. */
const char *keys_close(struct keys *keys);

#endif
