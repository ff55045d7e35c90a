/* ids.c - ids of tool calls. Anthropic takes ^[a-zA-Z0-9_-]+$; other services give ids like
 * "functions.get_weather:0". Such an id is written so that it can be read back: a prefix, then every byte that is
 * neither letter nor digit as _xx. A legal id that happens to begin with the prefix is written that way too. */
#include <stdint.h>

#include "anthropic.h"

#define PREFIX "gwid-"

struct id_slot {
    gw_str key; /* ptr NULL: free */
    size_t value;
};

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

gw_str anthropic_wire_id(const gw_host *h, gw_call *call, gw_str id)
{
    static const char digits[] = "0123456789abcdef";

    if (!anthropic_starts(id, PREFIX) && anthropic_rule_fits(RULE_CALL_ID, id))
        return id;
    char *out = h->alloc(call, sizeof PREFIX + id.len * 3, 1);
    if (out == NULL)
        return GW_LIT("");
    size_t len = sizeof PREFIX - 1;
    memcpy(out, PREFIX, len);
    for (size_t i = 0; i < id.len; i++) {
        unsigned char c = (unsigned char)id.ptr[i];
        if (is_alnum((char)c)) {
            out[len++] = (char)c;
        } else {
            out[len++] = '_';
            out[len++] = digits[c >> 4];
            out[len++] = digits[c & 15];
        }
    }
    return (gw_str){ out, len };
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

gw_str anthropic_client_id(const gw_host *h, gw_call *call, gw_str wire)
{
    if (!anthropic_starts(wire, PREFIX))
        return wire;
    char *out = h->alloc(call, wire.len, 1);
    size_t len = 0;
    if (out == NULL)
        return wire;
    for (size_t i = sizeof PREFIX - 1; i < wire.len; i++) {
        if (wire.ptr[i] != '_') {
            out[len++] = wire.ptr[i];
            continue;
        }
        int high = i + 2 < wire.len ? hex(wire.ptr[i + 1]) : -1, low = high >= 0 ? hex(wire.ptr[i + 2]) : -1;
        if (low < 0)
            return wire; /* not ours */
        out[len++] = (char)(unsigned char)(high * 16 + low);
        i += 2;
    }
    return (gw_str){ out, len };
}

/* Keyed by where the table lies: a client cannot choose ids that meet in one place. */
static size_t place(const struct ids *ids, gw_str key)
{
    uint64_t hash = 0xcbf29ce484222325u ^ (uint64_t)(uintptr_t)ids->slots;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.ptr[i]) * 0x100000001b3u;
    hash ^= hash >> 29;
    return (size_t)(hash & (ids->cap - 1));
}

static struct id_slot *slot_of(const struct ids *ids, gw_str key)
{
    size_t at = place(ids, key);
    while (ids->slots[at].key.ptr != NULL &&
           (ids->slots[at].key.len != key.len || memcmp(ids->slots[at].key.ptr, key.ptr, key.len) != 0))
        at = (at + 1) & (ids->cap - 1);
    return &ids->slots[at];
}

bool ids_find(const struct ids *ids, gw_str key, size_t *value)
{
    if (ids->count == 0 || key.ptr == NULL)
        return false;
    const struct id_slot *slot = slot_of(ids, key);
    if (slot->key.ptr == NULL)
        return false;
    if (value != NULL)
        *value = slot->value;
    return true;
}

static bool enlarge(const gw_host *h, gw_call *call, struct ids *ids)
{
    struct ids more = { .cap = ids->cap == 0 ? 16 : ids->cap * 2, .count = ids->count };

    more.slots = h->alloc(call, more.cap * sizeof *more.slots, _Alignof(struct id_slot));
    if (more.slots == NULL)
        return false;
    for (size_t i = 0; i < ids->cap; i++)
        if (ids->slots[i].key.ptr != NULL)
            *slot_of(&more, ids->slots[i].key) = ids->slots[i];
    *ids = more;
    return true;
}

/* A small table is used again, so that a long conversation does not take one for each of its turns. */
void ids_clear(struct ids *ids)
{
    if (ids->cap > 64)
        *ids = (struct ids){ .count = 0 };
    else if (ids->count > 0)
        memset(ids->slots, 0, ids->cap * sizeof *ids->slots);
    ids->count = 0;
}

bool ids_add(const gw_host *h, gw_call *call, struct ids *ids, gw_str key, size_t value)
{
    if (ids->count * 2 >= ids->cap && !enlarge(h, call, ids))
        return false;
    *slot_of(ids, key) = (struct id_slot){ key, value };
    ids->count++;
    return true;
}
