/* test_spread.c - conversations are divided by weight, stay when others go, and leave what is overloaded. */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "health/spread.h"

#define HASH 0.42120513424132672 /* by another program */

enum { CONVERSATIONS = 10000, PLACES = 4 };

static const char *const names[PLACES] = { "a/x", "b/x", "c/x", "d/x" };
static const double weights[PLACES] = { 5, 3, 1, 1 };

static size_t pick(unsigned conversation, const unsigned in_flight[PLACES], double first_weight)
{
    char name[32];
    uint8_t digest[CRYPTO_SHA256_LEN];
    struct spread_place places[PLACES];
    snprintf(name, sizeof name, "conversation %u", conversation);
    crypto_sha256(text_of(name), digest);
    for (size_t i = 0; i < PLACES; i++) {
        double weight = i == 0 ? first_weight : weights[i];
        places[i] = (struct spread_place){
            .score = spread_score(spread_hash(digest, text_of(names[i]), TEXT("m")), weight),
            .weight = weight,
            .in_flight = in_flight != NULL ? in_flight[i] : 0,
        };
    }
    return spread_pick(places, PLACES);
}

/* Pearson's sum; with 3 degrees of freedom it is above 16.3 once in a thousand. */
Test(spread, divides_ten_thousand_conversations_by_weight)
{
    unsigned counts[PLACES] = { 0 };
    double sum = 0;
    for (unsigned i = 0; i < CONVERSATIONS; i++)
        counts[pick(i, NULL, weights[0])]++;
    for (size_t i = 0; i < PLACES; i++) {
        double expected = CONVERSATIONS * weights[i] / 10;
        sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    cr_assert_lt(sum, 16.3, "%u %u %u %u", counts[0], counts[1], counts[2], counts[3]);
}

Test(spread, moves_only_the_conversations_of_the_place_that_goes)
{
    unsigned moved = 0;
    for (unsigned i = 0; i < CONVERSATIONS; i++) {
        size_t before = pick(i, NULL, weights[0]), after = pick(i, NULL, 0);
        cr_assert(before == 0 || before == after, "conversation %u", i);
        cr_assert_neq(after, 0);
        moved += before == 0;
    }
    cr_assert_gt(moved, CONVERSATIONS * 4 / 10);
}

Test(spread, leaves_a_place_with_twice_its_share)
{
    static const unsigned nearly[PLACES] = { 40, 0, 0, 0 }, few[PLACES] = { 15, 0, 0, 0 };
    unsigned at_second = 0, at_nearly = 0, at_few = 0;
    for (unsigned i = 0; i < 1000; i++) {
        at_second += pick(i, (const unsigned[PLACES]){ 0, 26, 7, 7 }, weights[0]) == 1; /* 27 > 2 * 41 * .3 = 24.6 */
        at_nearly += pick(i, nearly, weights[0]) == 0;
        at_few += pick(i, few, weights[0]) == 0;
    }
    cr_assert_eq(at_second, 0);
    cr_assert_gt(at_nearly, 400); /* half of all: it may have all of it */
    cr_assert_gt(at_few, 400);    /* too few are in flight to see anything */
}

Test(spread, takes_the_first_choice_where_all_are_overloaded_or_weigh_nothing)
{
    struct spread_place places[2] = { { .score = 1, .weight = 0, .in_flight = 9 },
                                      { .score = 2, .weight = 0, .in_flight = 9 } };
    cr_assert_eq(spread_pick(places, 2), 1);
    cr_assert_eq(spread_pick(places, 1), 0);
}

Test(spread, hash_is_the_same_on_every_machine)
{
    uint8_t digest[CRYPTO_SHA256_LEN] = { 0 };
    double h = spread_hash(digest, TEXT("openai"), TEXT("gpt-4o"));
    cr_assert_gt(h, 0);
    cr_assert_lt(h, 1);
    cr_assert_neq(h, spread_hash(digest, TEXT("openaig"), TEXT("pt-4o")));
    cr_assert_lt(h - HASH, 1e-12);
    cr_assert_gt(h - HASH, -1e-12);
}
