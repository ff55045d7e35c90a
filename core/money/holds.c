/* holds.c - open addressing; numbers are given in a row, so they are spread by a multiplication. */
#include "money/holds.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

static size_t place(const struct holds *h, uint64_t number)
{
    return (size_t)((number * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (h->slot_count - 1);
}

void holds_fini(struct holds *h)
{
    for (size_t i = 0; i < h->slot_count; i++)
        free((void *)(uintptr_t)h->slots[i].record.ptr);
    free(h->slots);
    *h = (struct holds){ 0 };
}

static size_t find(const struct holds *h, uint64_t number)
{
    size_t i = place(h, number);
    while (h->slots[i].number != 0 && h->slots[i].number != number)
        i = (i + 1) & (h->slot_count - 1);
    return i;
}

static void grow(struct holds *h)
{
    struct holds old = *h;
    h->slot_count = old.slot_count == 0 ? 64 : old.slot_count * 2;
    h->slots = calloc(h->slot_count, sizeof *h->slots);
    BUG_IF(h->slots == NULL);
    for (size_t i = 0; i < old.slot_count; i++)
        if (old.slots[i].number != 0)
            h->slots[find(h, old.slots[i].number)] = old.slots[i];
    free(old.slots);
}

bool holds_put(struct holds *h, uint64_t number, struct text record)
{
    BUG_IF(number == 0);
    if (h->count * 2 >= h->slot_count)
        grow(h);
    struct holds_entry *entry = &h->slots[find(h, number)];
    if (entry->number != 0)
        return false;
    char *copy = malloc(record.len + 1);
    BUG_IF(copy == NULL);
    memcpy(copy, record.ptr, record.len);
    *entry = (struct holds_entry){ number, { copy, record.len } };
    h->count++;
    return true;
}

struct text holds_get(const struct holds *h, uint64_t number)
{
    return h->slot_count == 0 ? TEXT_NONE : h->slots[find(h, number)].record;
}

bool holds_remove(struct holds *h, uint64_t number)
{
    size_t i = h->slot_count == 0 ? 0 : find(h, number);
    if (h->slot_count == 0 || h->slots[i].number == 0)
        return false;
    free((void *)(uintptr_t)h->slots[i].record.ptr);
    /* What stands behind it and would not be found across a gap moves up. */
    for (size_t next = (i + 1) & (h->slot_count - 1); h->slots[next].number != 0;
         next = (next + 1) & (h->slot_count - 1)) {
        size_t home = place(h, h->slots[next].number);
        if (((next - home) & (h->slot_count - 1)) >= ((next - i) & (h->slot_count - 1))) {
            h->slots[i] = h->slots[next];
            i = next;
        }
    }
    h->slots[i] = (struct holds_entry){ 0 };
    h->count--;
    return true;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = ((const struct holds_entry *)a)->number, y = ((const struct holds_entry *)b)->number;
    return x < y ? -1 : x > y;
}

void holds_each(const struct holds *h, void (*visit)(void *owner, uint64_t number, struct text record), void *owner)
{
    struct holds_entry *sorted = calloc(h->count + 1, sizeof *sorted);
    size_t n = 0;
    BUG_IF(sorted == NULL);
    for (size_t i = 0; i < h->slot_count; i++)
        if (h->slots[i].number != 0)
            sorted[n++] = h->slots[i];
    qsort(sorted, n, sizeof *sorted, by_number);
    for (size_t i = 0; i < n; i++)
        visit(owner, sorted[i].number, sorted[i].record);
    free(sorted);
}
