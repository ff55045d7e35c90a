/* places.h - where in the journal the HOLDs stand that have no END yet, oldest first. One thread. */
#ifndef MONEY_PLACES_H
#define MONEY_PLACES_H

#include "money/follow.h"

struct places_entry {
    uint64_t number;
    struct follow_place place;
};

/* Zeroed memory is an empty list. */
struct places {
    struct places_entry *items; /* a ring */
    size_t cap, first, count;
};

void places_fini(struct places *places);
/* Behind all others. */
void places_put(struct places *places, uint64_t number, struct follow_place place);
/* The first one whose HOLD is still in `open`; those before it are forgotten. False: there is none. */
bool places_first(struct places *places, const struct holds *open, struct follow_place *place);

#endif
