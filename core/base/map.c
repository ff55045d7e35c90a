/* map.c - open addressing over a dense array of entries. The hash is seeded, because keys may come from
 * clients; it is wyhash's mixing (Wang Yi, public domain), not a cryptographic one. */
#include "base/map.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/fail.h"

enum { ENTRIES_FIRST = 8 };

static uint64_t seed[2]; /* both factors of each product: else a chosen key could make it 0 */

static void grow(struct map *m);

__attribute__((constructor)) static void seed_hash(void)
{
    crypto_random(seed, sizeof seed);
}

void map_init(struct map *m)
{
    *m = (struct map){ 0 };
}

void map_fini(struct map *m)
{
    free(m->entries);
    free(m->slots);
    map_init(m);
}

/* The slot that holds `key`, or the free one where it belongs. */
static uint32_t *find(const struct map *m, struct text key, uint64_t hash)
{
    size_t mask = m->slot_count - 1;

    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        uint32_t slot = m->slots[i];
        if (slot == 0)
            return &m->slots[i];
        const struct map_entry *entry = &m->entries[slot - 1];
        if (entry->hash == hash && text_eq(entry->key, key))
            return &m->slots[i];
    }
}

void *map_get(const struct map *m, struct text key)
{
    if (m->count == 0)
        return NULL;
    uint32_t slot = *find(m, key, map_hash(key.ptr, key.len));
    return slot == 0 ? NULL : m->entries[slot - 1].value;
}

void *map_put(struct map *m, struct text key, void *value)
{
    uint64_t hash = map_hash(key.ptr, key.len);

    if (m->count == m->cap)
        grow(m);
    uint32_t *slot = find(m, key, hash);
    if (*slot != 0) {
        void *old = m->entries[*slot - 1].value;
        m->entries[*slot - 1].value = value;
        return old;
    }
    m->entries[m->count++] = (struct map_entry){ .key = key, .value = value, .hash = hash };
    *slot = (uint32_t)m->count;
    return NULL;
}

/* Twice the entries, and twice as many slots as entries. */
static void grow(struct map *m)
{
    size_t cap = m->cap == 0 ? ENTRIES_FIRST : m->cap * 2;

    BUG_IF(cap > UINT32_MAX / 2);
    struct map_entry *entries = realloc(m->entries, cap * sizeof *entries);
    uint32_t *slots = calloc(cap * 2, sizeof *slots);
    if (entries == NULL || slots == NULL) {
        perror("llm-gateway: map");
        abort();
    }
    free(m->slots);
    m->entries = entries;
    m->slots = slots;
    m->cap = cap;
    m->slot_count = cap * 2;
    for (size_t i = 0; i < m->count; i++)
        *find(m, entries[i].key, entries[i].hash) = (uint32_t)(i + 1);
}

static inline uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t read_up_to_8(const char *p, size_t len)
{
    uint32_t low, high;

    if (len >= 4) {
        memcpy(&low, p, 4);
        memcpy(&high, p + len - 4, 4);
        return (uint64_t)high << 32 | low;
    }
    if (len == 0)
        return 0;
    return (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[len / 2] << 8 | (unsigned char)p[len - 1];
}

uint64_t map_hash(const void *bytes, size_t len)
{
    const uint64_t k0 = UINT64_C(0xa0761d6478bd642f), k1 = UINT64_C(0xe7037ed1a0b428db);
    const char *p = bytes;
    uint64_t state = seed[0] ^ k0;
    size_t left = len;

    for (; left > 16; p += 16, left -= 16) {
        uint64_t a, b;
        memcpy(&a, p, 8);
        memcpy(&b, p + 8, 8);
        state = mix(a ^ seed[1], b ^ state);
    }
    uint64_t a = read_up_to_8(p, left < 8 ? left : 8);
    uint64_t b = left > 8 ? read_up_to_8(p + 8, left - 8) : 0;
    return mix(k1 ^ len, mix(a ^ seed[1], b ^ state));
}
