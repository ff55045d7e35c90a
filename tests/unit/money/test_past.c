/* test_past.c - the requests of a ledger, one each: attempts, corrections and decisions put together, from the journal and from a store. */
#include "forge.h"
#include "money/past.h"
#include "read_store.h"

#pragma GCC diagnostic ignored "-Woverride-init" /* what forge.h gives a record may be another thing here */

/* "r" has two attempts and a correction, "x" was refused by a policy, "y" is in flight. */
static const struct record journal[] = {
    OPEN(1, .gap = 0),
    HOLD(1, 50, 1000, .provider = TEXT("up"), .upstream_model = TEXT("a"), .team = TEXT("red")),
    END(2, 1, SETTLED, .cost = 20),
    ROW(3, 40, .request = TEXT("x"), .policies = TEXT("[1]"), .outcome = TEXT("denied")),
    HOLD(4, 50, 1000, .attempt = 2, .provider = TEXT("up"), .upstream_model = TEXT("b"), .tags = TEXT("k=v")),
    HOLD(5, 50, 1000, .request = TEXT("y")),
    END(6, 4, SETTLED, .final = 1, .cost = 30, .outcome = TEXT("ok"), .policies = TEXT("[2]")),
    LATE(7, 4, .request = TEXT("r"), .admitted_ms = 50, .ending = ENDING_SETTLED, .cost = -5),
    LATE(8, 4, .request = TEXT("gone"), .admitted_ms = 50, .ending = ENDING_SETTLED, .cost = -5),
    HOLD(9, 60, 1000, .request = TEXT("z"), .upstream_model = TEXT("m")),
    END(10, 9, SETTLED, .final = 1, .cost = 0, .unpriced = 1, .outcome = TEXT("ok")),
};
enum { RECORDS = sizeof journal / sizeof journal[0] };
static const gw_store_sums sums = {
    .size = sizeof sums, .cost = 44, .requests = 1, .input = 3, .cache_read = 4, .cache_write = 5
};
static const gw_store_row stored[] = {
    { .size = sizeof stored[0],
      .type = GW_STORE_END,
      .number = 2,
      .request = { "r", 1 },
      .admitted_ms = 50,
      .attempt = 1,
      .sums = &sums },
    { .size = sizeof stored[0],
      .type = GW_STORE_ROW,
      .number = 3,
      .request = { "x", 1 },
      .admitted_ms = 40,
      .sums = &sums },
};

static void read_past(struct past *past, const struct usage_store *store)
{
    struct folder f;
    struct fail fail;
    folder_make(&f);
    forge(&f, journal, RECORDS, -1);
    cr_assert_eq(past_read(f.path, store, past, &fail), 0, "%s", fail.text);
    folder_remove(&f);
}

Test(past, has_each_request_once_in_the_order_of_admission)
{
    struct past past;
    read_past(&past, NULL);
    cr_assert_eq(past.count, 3);
    cr_assert(text_is(past.items[1]->team, "red"));
    const struct past_request *x = past.items[0], *r = past.items[1], *z = past.items[2];
    cr_assert(text_is(x->id, "x") && x->over && x->attempts == 0 && x->first.ptr == NULL);
    cr_assert(text_is(x->policies, "[1]") && text_is(x->outcome, "denied"));
    cr_assert(text_is(r->id, "r") && r->over && r->attempts == 2 && text_is(r->tags, "k=v"));
    cr_assert(text_is(r->first, "up/a") && text_is(r->last, "up/b") && text_is(r->policies, "[2]"));
    cr_assert_eq(r->cost, 45);
    cr_assert(r->priced && !z->priced, "what has no price is not what costs nothing");
    cr_assert(text_is(z->first, "p/m") && text_is(z->last, "p/m"));
    past_fini(&past);
}

Test(past, goes_on_where_the_rows_of_the_store_end)
{
    struct past past;
    struct usage_store store = read_store_get();
    read_store_clear();
    read_store.given = stored;
    read_store.given_count = 2;
    read_past(&past, &store); /* its cursor is at the beginning: its rows are newer than that */
    cr_assert_eq(past.count, 3);
    cr_assert_eq(past.items[0]->cost, 44);
    cr_assert_eq(past.items[1]->cost, 44 + 30 - 5);
    cr_assert_eq(past.items[1]->asked_input, 12);
    past_fini(&past);
}
