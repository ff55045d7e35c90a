/* places.c - a ring: HOLDs come in order, and what ended is forgotten when it comes to the front. */
#include "money/places.h"

#include <stdlib.h>

void places_fini(struct places *p)
{
    free(p->items);
    *p = (struct places){ 0 };
}

static void grow(struct places *p)
{
    size_t cap = p->cap == 0 ? 64 : p->cap * 2;
    struct places_entry *items = calloc(cap, sizeof *items);
    BUG_IF(items == NULL);
    for (size_t i = 0; i < p->count; i++)
        items[i] = p->items[(p->first + i) & (p->cap - 1)];
    free(p->items);
    *p = (struct places){ .items = items, .cap = cap, .count = p->count };
}

void places_put(struct places *p, uint64_t number, struct follow_place place)
{
    if (p->count == p->cap)
        grow(p);
    p->items[(p->first + p->count++) & (p->cap - 1)] = (struct places_entry){ number, place };
}

bool places_first(struct places *p, const struct holds *open, struct follow_place *place)
{
    while (p->count > 0 && holds_get(open, p->items[p->first].number).ptr == NULL) {
        p->first = (p->first + 1) & (p->cap - 1);
        p->count--;
    }
    if (p->count == 0)
        return false;
    *place = p->items[p->first].place;
    return true;
}
