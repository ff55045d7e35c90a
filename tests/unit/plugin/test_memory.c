/* test_memory.c - the values of plugins/memory: how much they take, and which one goes first. What holds for every cache the kit of
 * sdk/conformance asks. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "plugin/call.h"

#include "../../../plugins/memory/values.c"

enum { HOUR = 3600 * 1000 };
static struct gw_buf got;

static gw_str name(int i)
{
    static char text[32];
    return (gw_str){ text, (size_t)snprintf(text, sizeof text, "key%d", i) };
}

static gw_status put_one(struct table *t, int i, size_t len, int64_t now, int64_t ends)
{
    static char bytes[5 << 20];
    return table_set(t, name(i), (gw_str){ bytes, len }, now, ends, GW_SET_ALWAYS);
}

static bool has(struct table *t, int i, int64_t now)
{
    buf_init(&got.bytes, 8 << 20);
    got.failed = false;
    gw_status status = table_get(t, name(i), now, call_host(), &got);
    buf_free(&got.bytes);
    return status == GW_OK;
}

Test(memory, values_take_no_more_than_they_may)
{
    struct table *t = table_new(1 << 20);
    cr_assert_eq(t->part_count, 1u);
    for (int i = 0; i < 5000; i++) {
        cr_assert_eq(put_one(t, i, (size_t)(i % 40) * 100, 0, HOUR), GW_OK);
        cr_assert(t->parts[0].bytes <= (size_t)1 << 20);
    }
    cr_assert(has(t, 4999, 0));
    cr_assert(!has(t, 0, 0));
    size_t bytes = 0, count = 0;
    for (const struct entry *e = t->parts[0].oldest; e != NULL; e = e->newer, count++)
        bytes += size_of(e);
    cr_assert_eq(bytes, t->parts[0].bytes);
    cr_assert_eq(count, t->parts[0].count);
    cr_assert_eq(put_one(t, 1, 1 << 20, 0, HOUR), GW_E_REJECT, "larger than all there is");
    table_free(t);
}

Test(memory, what_is_over_goes_first_then_the_large_ones_that_nobody_uses)
{
    struct table *t = table_new(1 << 20);
    put_one(t, 0, 100000, 0, HOUR);
    put_one(t, 1, 300000, 0, HOUR);
    put_one(t, 2, 200000, 0, HOUR);
    put_one(t, 3, 100000, 0, 1000);
    put_one(t, 4, 300000, 2000, HOUR);
    cr_assert(has(t, 1, 2000), "there was room");
    put_one(t, 5, 100000, 2000, HOUR);
    cr_assert(!has(t, 3, 500), "it was over");
    cr_assert(has(t, 0, 2000) && has(t, 2, 2000) && has(t, 4, 2000) && has(t, 1, 2000));
    for (int i = 10; i < 20; i++)
        put_one(t, i, 10, 2000, HOUR); /* used after the large ones */
    put_one(t, 6, 200000, 2000, HOUR);
    cr_assert(has(t, 0, 2000) && has(t, 5, 2000), "small ones stay");
    cr_assert(!has(t, 4, 2000) || !has(t, 1, 2000), "a large one has gone");
    table_free(t);
}

Test(memory, values_end_and_are_taken_away)
{
    struct table *t = table_new(64 << 20);
    cr_assert_eq(t->part_count, 16u);
    put_one(t, 1, 10, 0, 2000);
    cr_assert(has(t, 1, 1999));
    cr_assert(!has(t, 1, 2000));
    put_one(t, 2, 10, 0, 2000);
    cr_assert_eq(table_del(t, name(2)), GW_OK);
    cr_assert_eq(table_del(t, name(2)), GW_MISS);
    size_t count = 0;
    for (size_t i = 0; i < t->part_count; i++)
        count += t->parts[i].count;
    cr_assert_eq(count, 0u);
    for (int i = 0; i < 20000; i++)
        put_one(t, i, 10, 0, HOUR);
    for (int i = 0; i < 20000; i++)
        cr_assert(has(t, i, 0), "%d", i);
    table_free(t);
}
