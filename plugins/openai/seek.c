/* seek.c - finds a choice by its index, a tool call by its number and id, in one step: an answer may have a hundred
 * thousand of them. */
#include <string.h>

#include "openai.h"

enum { SLOTS_FIRST = 16 };

/* What stands in one slot. Without an id: any. */
struct seek_slot {
    void *found; /* NULL: the slot is free */
    uint32_t choice;
    int64_t key;
    gw_str id;
};

static size_t spot(const struct seek *seek, uint32_t choice, int64_t key, gw_str id)
{
    uint64_t h =
        UINT64_C(0xcbf29ce484222325) ^ (uint64_t)(uintptr_t)seek->slots; /* else an upstream could choose them */
    h = (h ^ choice) * UINT64_C(0x100000001b3);
    h = (h ^ (uint64_t)key) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < id.len; i++)
        h = (h ^ (unsigned char)id.ptr[i]) * UINT64_C(0x100000001b3);
    h ^= h >> 29;
    return (size_t)(h * UINT64_C(0xbf58476d1ce4e5b9) >> 32) & (seek->cap - 1);
}

/* The slot of that name, or the free one where it belongs. */
static struct seek_slot *slot_of(const struct seek *seek, uint32_t choice, int64_t key, gw_str id)
{
    for (size_t i = spot(seek, choice, key, id);; i = (i + 1) & (seek->cap - 1)) {
        struct seek_slot *slot = &seek->slots[i];
        if (slot->found == NULL || (slot->choice == choice && slot->key == key && openai_same(slot->id, id)))
            return slot;
    }
}

static bool grow(struct reader *r, struct seek *seek)
{
    struct seek old = *seek;
    size_t cap = old.cap > 0 ? old.cap * 2 : SLOTS_FIRST;
    struct seek_slot *slots = r->h->alloc(r->call, cap * sizeof *slots, _Alignof(struct seek_slot));
    if (slots == NULL)
        return false; /* the core ends the answer */
    *seek = (struct seek){ .slots = slots, .cap = cap, .count = old.count };
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].found != NULL)
            *slot_of(seek, old.slots[i].choice, old.slots[i].key, old.slots[i].id) = old.slots[i];
    return true;
}

void *openai_seek(const struct seek *seek, uint32_t choice, int64_t key, gw_str id)
{
    return seek->count > 0 ? slot_of(seek, choice, key, id)->found : NULL;
}

void openai_seek_put(struct reader *r, struct seek *seek, uint32_t choice, int64_t key, gw_str id, void *found)
{
    if (seek->count * 2 >= seek->cap && !grow(r, seek))
        return;
    struct seek_slot *slot = slot_of(seek, choice, key, id);
    seek->count += slot->found == NULL;
    *slot = (struct seek_slot){ .found = found, .choice = choice, .key = key, .id = id };
}
