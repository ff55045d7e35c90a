/* holds.h - the HOLDs that have no END yet, by their number. One thread, or a mutex around it. */
#ifndef MONEY_HOLDS_H
#define MONEY_HOLDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct holds_entry {
    uint64_t number;    /* 0: free */
    struct text record; /* as it was written; on the heap */
};

struct holds {
    struct holds_entry *slots;
    size_t slot_count; /* a power of two */
    size_t count;
};

/* Zeroed memory is an empty table. */
void holds_fini(struct holds *holds);
/* Keeps a copy of the record. False: there is one of that number. */
bool holds_put(struct holds *holds, uint64_t number, struct text record);
/* Lent until the table changes; absent where there is none. */
struct text holds_get(const struct holds *holds, uint64_t number);
/* False: there was none. */
bool holds_remove(struct holds *holds, uint64_t number);
/* Calls `visit` for each, in the order of their numbers. It may remove the one that it is called for. */
void holds_each(const struct holds *holds, void (*visit)(void *owner, uint64_t number, struct text record),
                void *owner);

#endif
