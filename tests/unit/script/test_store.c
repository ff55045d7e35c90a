/* Values that the policies of all workers share: they end, and what was used least goes first. */
#include <stdio.h>

#include "check.h"
#include "script/store.h"

Test(store, numbers_end_and_stay_within_their_limit)
{
    struct store *s = store_new(1 << 20);
    bool took;
    cr_assert_eq(store_add(s, TEXT("a"), 2, 3, 1000, 500, &took), 2);
    cr_assert(took);
    cr_assert_eq(store_add(s, TEXT("a"), 2, 3, 1000, 500, &took), 2);
    cr_assert_not(took);
    cr_assert_eq(store_add(s, TEXT("a"), 1, 3, 1499, 500, &took), 3);
    cr_assert_eq(store_add(s, TEXT("a"), 0, 3, 1500, 500, &took), 0, "it has ended");
    store_give_back(s, TEXT("a"), 1, 1600); /* of a window that is over: nothing is made */
    cr_assert_eq(store_add(s, TEXT("a"), 5, 9, 1600, 500, &took), 5);
    store_give_back(s, TEXT("a"), 2, 1600);
    cr_assert_eq(store_add(s, TEXT("a"), 0, 9, 1600, 500, &took), 3);
    store_give_back(s, TEXT("a"), 9, 1600);
    cr_assert_eq(store_add(s, TEXT("a"), 0, 9, 1600, 500, &took), 0);
    cr_assert_eq(store_add(s, TEXT("b"), INT64_MAX, INT64_MAX, 0, 500, &took), INT64_MAX);
    cr_assert_eq(store_add(s, TEXT("b"), 1, INT64_MAX, 0, 500, &took), INT64_MAX);
    cr_assert_not(took);
    store_free(s);
}

Test(store, what_was_used_least_goes_first)
{
    enum { COUNT = 100 };
    struct store *s = store_new(20 << 10);
    char value[1000] = { 0 }, name[16];
    struct buf out;
    buf_init(&out, 1 << 20);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "k%d", i);
        store_set(s, text_of(name), (struct text){ value, sizeof value }, 0, 1000);
        cr_assert(store_get(s, TEXT("k0"), 0, &out), "it is used each time");
    }
    cr_assert_not(store_get(s, TEXT("k1"), 0, &out));
    cr_assert(store_get(s, TEXT("k99"), 0, &out));
    store_del(s, TEXT("k99"));
    cr_assert_not(store_get(s, TEXT("k99"), 0, &out));
    cr_assert_not(store_get(s, TEXT("k0"), 1000, &out), "it has ended");
    buf_free(&out);
    store_free(s);
}
