/* test_map.c - a hash map from text to a pointer. */
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "check.h"

Test(map, is_empty_at_first)
{
    struct map m;

    map_init(&m);
    cr_assert_null(map_get(&m, TEXT("a")));
    cr_assert_null(m.entries);
    map_fini(&m);
}

Test(map, finds_what_was_put)
{
    struct map m;
    int one, two;

    map_init(&m);
    cr_assert_null(map_put(&m, TEXT("one"), &one));
    cr_assert_null(map_put(&m, TEXT(""), &two));
    cr_assert_eq(map_get(&m, TEXT("one")), &one);
    cr_assert_eq(map_get(&m, TEXT_NONE), &two);
    cr_assert_null(map_get(&m, TEXT("on")));
    cr_assert_eq(map_put(&m, TEXT("one"), &two), &one);
    cr_assert_eq(map_get(&m, TEXT("one")), &two);
    cr_assert_eq(m.count, 2);
    map_fini(&m);
    cr_assert_eq(m.count, 0);
}

Test(map, keeps_thousands_in_the_order_of_insertion)
{
    enum { COUNT = 5000 };
    static char keys[COUNT][12];
    struct map m;

    map_init(&m);
    for (int i = 0; i < COUNT; i++) {
        snprintf(keys[i], sizeof keys[i], "key-%d", i * 7919 % COUNT);
        cr_assert_null(map_put(&m, text_of(keys[i]), keys[i]));
    }
    cr_assert_eq(m.count, COUNT);
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq(map_get(&m, text_of(keys[i])), keys[i]);
        cr_assert_eq(m.entries[i].value, keys[i]);
    }
    cr_assert_null(map_get(&m, TEXT("key-5000")));
    map_fini(&m);
}

Test(map, hashes_each_length_and_each_byte)
{
    char bytes[80];
    uint64_t seen[80];

    memset(bytes, 0, sizeof bytes);
    for (size_t len = 0; len < sizeof bytes; len++) {
        seen[len] = map_hash(bytes, len);
        cr_assert_eq(map_hash(bytes, len), seen[len]);
        for (size_t other = 0; other < len; other++)
            cr_assert_neq(seen[other], seen[len], "lengths %zu and %zu", other, len);
        for (size_t i = 0; i < len; i++) {
            bytes[i] = 1;
            cr_assert_neq(map_hash(bytes, len), seen[len], "byte %zu of %zu does not count", i, len);
            bytes[i] = 0;
        }
    }
}

Test(map, spreads_similar_keys)
{
    enum { BUCKETS = 64, KEYS = 6400 };
    int load[BUCKETS] = { 0 };

    for (int i = 0; i < KEYS; i++) {
        char key[16];
        int len = snprintf(key, sizeof key, "user-%06d", i);
        load[map_hash(key, (size_t)len) % BUCKETS]++;
    }
    for (int i = 0; i < BUCKETS; i++) {
        cr_assert_gt(load[i], 40);
        cr_assert_lt(load[i], 180);
    }
}
