/* map.h - a hash map from text to a pointer, filled once or seldom, read often.
 *
 * Keys are kept by pointer, not copied. Insertion order is kept for iteration. Not
 * thread-safe while it changes; read-only use from many threads is. Hashing is seeded. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct map_entry {
    struct text key; /* kept */
    void *value;     /* kept */
    uint64_t hash;
};

struct map {
    struct map_entry *entries; /* in the order of insertion */
    uint32_t *slots;           /* index + 1 into entries; 0 is free */
    size_t count, cap, slot_count;
};

/* Takes no memory until the first map_put(). */
void map_init(struct map *m);
/* Frees the map, not what it points to. */
void map_fini(struct map *m);
/* The value stored under `key`, lent; NULL when absent. */
void *map_get(const struct map *m, struct text key);
/* Stores `value` under `key`, both kept; the old value, or NULL. A failed malloc aborts. */
void *map_put(struct map *m, struct text key, void *value);
/* Seeded 64-bit hash, the same within one process. */
uint64_t map_hash(const void *bytes, size_t len);

#endif
