/* keys.c - a stack of names, and how equal ones are found: few by comparing each with each, many by hash. */
#include "base/keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/map.h"
#include "base/unescape.h"

enum { FEW = 12, SLOTS_LEAST = 64 /* a power of two */, UNESCAPED_MOST = 256 << 20 };

void keys_begin(struct keys *keys)
{
    keys->all = keys->first;
    keys->count = 0;
    keys->cap = KEYS_FIRST;
    keys->slots = NULL;
    keys->slot_count = 0;
    keys->depth = 0;
    keys->full = false;
    arena_init(&keys->unescaped, NULL, 0, UNESCAPED_MOST);
}

void keys_end(struct keys *keys)
{
    if (keys->all != keys->first)
        free(keys->all);
    free(keys->slots);
    arena_fini(&keys->unescaped);
}

void keys_open(struct keys *keys)
{
    BUG_IF(keys->depth == sizeof keys->opened / sizeof *keys->opened);
    keys->opened[keys->depth++] = keys->count;
}

static bool grow(struct keys *keys)
{
    struct keys_one *larger = realloc(keys->all == keys->first ? NULL : keys->all, 2 * keys->cap * sizeof *larger);

    if (larger == NULL)
        return false;
    if (keys->all == keys->first)
        memcpy(larger, keys->first, sizeof keys->first);
    keys->all = larger;
    keys->cap *= 2;
    return true;
}

static uint64_t mark_of(struct text name)
{
    uint64_t mark = 0;

    memcpy(&mark, name.ptr, name.len < 7 ? name.len : 7);
    return mark << 8 | (uint8_t)name.len;
}

bool keys_add(struct keys *keys, struct text key, bool escaped)
{
    struct text name = key;

    if (keys->count == keys->cap && !grow(keys))
        return false;
    if (escaped) {
        name = unescape_text(&keys->unescaped, key);
        if (name.ptr == NULL || keys->unescaped.full)
            return false;
    }
    keys->all[keys->count++] = (struct keys_one){ name, key.ptr, mark_of(name) };
    return true;
}

static bool is_same(const struct keys_one *a, const struct keys_one *b)
{
    return a->mark == b->mark && text_eq(a->name, b->name);
}

static const char *find_among_few(const struct keys_one *all, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (is_same(&all[i], &all[j]))
                return all[i].at;
    return NULL;
}

/* A power of two, at least twice `count`: so that its last bits choose any slot, and one is always free. */
static size_t slots_for(size_t count)
{
    size_t slots = SLOTS_LEAST;

    while (slots < 2 * count)
        slots *= 2;
    BUG_IF((slots & (slots - 1)) != 0);
    return slots;
}

/* Memory for that many, all free. */
static bool make_slots(struct keys *keys, size_t count)
{
    size_t slots = slots_for(count);

    if (slots > keys->slot_count) {
        free(keys->slots);
        keys->slots = malloc(slots * sizeof *keys->slots);
        keys->slot_count = slots;
    }
    if (keys->slots == NULL) {
        keys->slot_count = 0;
        keys->full = true;
        return false;
    }
    memset(keys->slots, 0, slots * sizeof *keys->slots);
    return true;
}

static const char *find_among_many(struct keys *keys, const struct keys_one *all, size_t count)
{
    size_t mask = slots_for(count) - 1;

    if (count > UINT32_MAX / 4 || !make_slots(keys, count)) {
        keys->full = true;
        return NULL;
    }
    for (size_t n = 0; n < count; n++) {
        size_t i = map_hash(all[n].name.ptr, all[n].name.len) & mask;
        for (; keys->slots[i] != 0; i = (i + 1) & mask)
            if (is_same(&all[keys->slots[i] - 1], &all[n]))
                return all[n].at;
        keys->slots[i] = (uint32_t)(n + 1);
    }
    return NULL;
}

const char *keys_close(struct keys *keys)
{
    BUG_IF(keys->depth == 0);
    size_t from = keys->opened[--keys->depth], count = keys->count - from;
    const struct keys_one *all = keys->all + from;

    keys->count = from;
    if (count < 2)
        return NULL;
    return count <= FEW ? find_among_few(all, count) : find_among_many(keys, all, count);
}
