/* test_holds.c - the table of HOLDs: what is in it is found and given in order, whatever was removed between. */
#include <stdio.h>

#include "check.h"
#include "money/holds.h"

enum { NUMBERS = 600 };

static struct text text_for(uint64_t number, char room[32])
{
    return (struct text){ room, (size_t)snprintf(room, 32, "hold %llu", (unsigned long long)number) };
}

struct walk {
    uint64_t last;
    size_t count;
};

static void step(void *owner, uint64_t number, struct text record)
{
    struct walk *w = owner;
    char room[32];
    cr_assert_gt(number, w->last);
    cr_assert(text_eq(record, text_for(number, room)));
    w->last = number;
    w->count++;
}

/* Against a list of which are in it. */
static void check(const struct holds *h, const bool *in)
{
    struct walk w = { 0, 0 };
    size_t count = 0;
    for (uint64_t n = 1; n <= NUMBERS; n++) {
        char room[32];
        struct text found = holds_get(h, n);
        count += in[n];
        cr_assert_eq(found.ptr != NULL, in[n], "%llu", (unsigned long long)n);
        cr_assert(!in[n] || text_eq(found, text_for(n, room)), "%llu", (unsigned long long)n);
    }
    holds_each(h, step, &w);
    cr_assert(w.count == count && h->count == count);
}

Test(holds, are_found_whatever_was_removed)
{
    struct holds h = { 0 };
    bool in[NUMBERS + 1] = { false };
    uint64_t random = 1;
    cr_assert_not(holds_remove(&h, 1)); /* an empty table has no memory yet */
    check(&h, in);
    for (int round = 0; round < 4000; round++) {
        char room[32];
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint64_t n = (random >> 33) % (round < 1000 ? 30 : NUMBERS) + 1; /* first few, close together */
        if ((random >> 60) < 8)
            cr_assert_eq(holds_put(&h, n, text_for(n, room)), !in[n]);
        else
            cr_assert_eq(holds_remove(&h, n), in[n]);
        in[n] = (random >> 60) < 8;
        if (round % 100 == 0 || round < 50)
            check(&h, in);
    }
    for (uint64_t n = 1; n <= NUMBERS; n++) {
        cr_assert_eq(holds_remove(&h, n), in[n]);
        in[n] = false;
    }
    check(&h, in);
    holds_fini(&h);
    cr_assert(h.slots == NULL && h.slot_count == 0);
}

/* It grows before half of it is used: no search takes long. */
Test(holds, has_twice_the_room_that_it_needs)
{
    struct holds h = { 0 };
    for (uint64_t n = 1; n <= NUMBERS; n++) {
        char room[32];
        cr_assert(holds_put(&h, n, text_for(n, room)));
        cr_assert(h.slot_count >= 64 && h.count * 2 <= h.slot_count && (h.slot_count & (h.slot_count - 1)) == 0);
        cr_assert_leq(h.slot_count, h.count * 4 > 64 ? h.count * 4 : 64);
    }
    holds_fini(&h);
}
