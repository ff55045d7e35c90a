/* test_places.c - where a reader of the journal begins again: at the first hold that is still open. */
#include "check.h"
#include "money/places.h"

Test(places, has_that_of_the_first_hold_that_is_open)
{
    enum { COUNT = 300 };
    struct places p = { 0 };
    struct holds open = { 0 };
    struct follow_place place;
    cr_assert_not(places_first(&p, &open, &place));
    for (uint64_t i = 1; i <= COUNT; i++) {
        places_put(&p, i, (struct follow_place){ .segment = 1, .offset = 10 * i, .number = i });
        if (i == 40 || i > 200) /* the others have ended */
            holds_put(&open, i, TEXT("x"));
        if (i == 100) {
            cr_assert(places_first(&p, &open, &place));
            cr_assert_eq(place.number, 40u);
        }
    }
    cr_assert(places_first(&p, &open, &place) && place.number == 40 && place.offset == 400);
    holds_remove(&open, 40);
    for (uint64_t i = 201; i <= COUNT; i++) {
        cr_assert(places_first(&p, &open, &place));
        cr_assert(place.number == i && place.offset == 10 * i, "%d", (int)i);
        holds_remove(&open, i);
    }
    cr_assert_not(places_first(&p, &open, &place));
    places_fini(&p);
    holds_fini(&open);
}
