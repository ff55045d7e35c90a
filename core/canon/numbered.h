/* numbered.h - finds the parts of an answer by their numbers, however many there are: choices, and calls of a choice. */
#ifndef CANON_NUMBERED_H
#define CANON_NUMBERED_H

#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"

/* What stands in the part itself, as its key. */
struct numbered {
    uint32_t choice, item;
};

static inline void numbered_free(void *parts)
{
    map_fini(parts);
}

/* `parts` is freed with `arena`. */
static inline void numbered_init(struct map *parts, struct arena *arena)
{
    map_init(parts);
    arena_defer(arena, numbered_free, parts);
}

static inline struct text numbered_key(const struct numbered *number)
{
    return (struct text){ (const char *)number, sizeof *number };
}

/* The part of that number; NULL when there is none. */
static inline void *numbered_get(const struct map *parts, uint32_t choice, uint32_t item)
{
    struct numbered number = { choice, item };
    return map_get(parts, numbered_key(&number));
}

/* `number` is in `part`, which is kept. */
static inline void numbered_put(struct map *parts, const struct numbered *number, void *part)
{
    map_put(parts, numbered_key(number), part);
}

#endif
