/* test_ejection.c - a target that fails goes out, is tried, comes back; the clock is the test's. */
#include "check.h"

#include <stdint.h>

#include "health/ejection.h"

#define S INT64_C(1000000000)

static struct ejection row;
static int64_t now;

static void begin(void)
{
    ejection_init(&row, 7);
    now = 1000 * S;
}

static bool end(struct ejection_ticket *ticket, enum ejection_result result, int64_t at)
{
    bool ejected = ejection_result(ticket, result, at);
    ejection_end(ticket, at);
    return ejected;
}

static bool attempt(enum ejection_result result)
{
    struct ejection_ticket ticket;
    ejection_begin(&row, false, now, &ticket);
    now += 1000;
    return end(&ticket, result, now);
}

static void fail_often(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        attempt(EJECTION_BAD);
}

Test(ejection, comes_with_the_fifth_failure_in_a_row)
{
    begin();
    fail_often(4);
    attempt(EJECTION_GOOD);
    fail_often(4);
    attempt(EJECTION_NEITHER);
    cr_assert_eq(ejection_asks(&row, now), EJECTION_YES);
    cr_assert(attempt(EJECTION_BAD));
    cr_assert_eq(ejection_asks(&row, now), EJECTION_NO);
    cr_assert_eq(ejection_in_flight(&row), 0);
}

Test(ejection, comes_with_a_fifth_of_twenty_results)
{
    begin();
    for (unsigned i = 0; i < 19; i++) /* 3 of 19 */
        cr_assert_not(attempt(i % 6 == 5 ? EJECTION_BAD : EJECTION_GOOD));
    cr_assert_eq(ejection_asks(&row, now), EJECTION_YES);
    cr_assert(attempt(EJECTION_BAD)); /* 4 of 20 */
    begin();
    for (unsigned i = 0; i < 400; i++) /* 17 %: never */
        cr_assert_not(attempt(i % 6 == 5 ? EJECTION_BAD : EJECTION_GOOD), "at %u", i);
}

Test(ejection, forgets_what_is_older_than_twenty_seconds)
{
    begin();
    for (unsigned i = 0; i < 4; i++)
        attempt(EJECTION_BAD);
    attempt(EJECTION_GOOD);
    now += 20 * S;
    for (unsigned i = 0; i < 19; i++)
        attempt(i < 3 ? EJECTION_BAD : EJECTION_GOOD);
    cr_assert_eq(ejection_asks(&row, now), EJECTION_YES);
}

Test(ejection, lasts_five_seconds_then_ten_up_to_a_minute)
{
    static const int64_t length[] = { 5, 10, 20, 40, 60, 60, 60 };
    begin();
    fail_often(5);
    for (unsigned i = 0; i < 7; i++) {
        int64_t left = ejection_left_ns(&row, now);
        cr_assert_geq(left, length[i] * S * 9 / 10 - 1000, "time %u", i);
        cr_assert_leq(left, length[i] * S * 11 / 10, "time %u", i);
        now += left - 1;
        cr_assert_eq(ejection_asks(&row, now), EJECTION_NO);
        now++;
        cr_assert_eq(ejection_asks(&row, now), EJECTION_PROBE);
        cr_assert_eq(ejection_left_ns(&row, now), 0);
        cr_assert(attempt(EJECTION_BAD));
    }
}

Test(ejection, is_forgiven_a_step_for_each_minute_of_service)
{
    begin();
    fail_often(5);
    now += 6 * S;
    attempt(EJECTION_BAD); /* 10 s follow */
    now += 12 * S;
    attempt(EJECTION_GOOD);
    now += 60 * S;
    attempt(EJECTION_GOOD); /* one of two steps back */
    fail_often(5);
    int64_t left = ejection_left_ns(&row, now);
    cr_assert_geq(left, 9 * S - 1000);
    cr_assert_leq(left, 11 * S);
}

Test(ejection, is_tried_by_one_at_a_time)
{
    struct ejection_ticket probe, other;
    begin();
    fail_often(5);
    now += 6 * S;
    ejection_begin(&row, false, now, &probe);
    cr_assert(probe.probe);
    cr_assert_eq(ejection_asks(&row, now), EJECTION_NO);
    ejection_begin(&row, false, now, &other);
    cr_assert_not(other.probe);
    cr_assert_eq(ejection_in_flight(&row), 2);
    end(&probe, EJECTION_NEITHER, now + 1); /* the client left: the next one tries */
    cr_assert_eq(ejection_asks(&row, now + 1), EJECTION_PROBE);
    end(&other, EJECTION_BAD, now + 2); /* it was no probe: the time does not grow */
    cr_assert_eq(ejection_asks(&row, now + 2), EJECTION_PROBE);
    end(&other, EJECTION_BAD, now + 3); /* twice is once */
    cr_assert_eq(ejection_in_flight(&row), 0);
}

Test(ejection, ends_with_a_good_answer_and_a_share_that_grows)
{
    begin();
    cr_assert_eq(ejection_share(&row, now), 1);
    fail_often(5);
    now += 6 * S;
    cr_assert_not(attempt(EJECTION_GOOD));
    cr_assert_eq(ejection_asks(&row, now), EJECTION_YES);
    cr_assert(ejection_share(&row, now) == .1);
    cr_assert(ejection_share(&row, now + 15 * S) == .5);
    cr_assert(ejection_share(&row, now + 30 * S) == 1);
    fail_often(4); /* counted anew */
    cr_assert_eq(ejection_asks(&row, now), EJECTION_YES);
}

Test(ejection, is_not_judged_by_what_began_before_it)
{
    struct ejection_ticket early[3];
    begin();
    for (unsigned i = 0; i < 3; i++)
        ejection_begin(&row, false, now, &early[i]);
    fail_often(5);
    cr_assert_not(end(&early[0], EJECTION_GOOD, now + 1));
    cr_assert_eq(ejection_asks(&row, now + 1), EJECTION_NO);
    now += 6 * S;
    attempt(EJECTION_GOOD);
    fail_often(3);
    cr_assert_not(end(&early[1], EJECTION_BAD, now));
    cr_assert_not(end(&early[2], EJECTION_BAD, now));
    cr_assert_eq(ejection_asks(&row, now), EJECTION_YES);
}

Test(ejection, has_a_bucket_that_repeated_attempts_empty_and_good_ones_fill)
{
    struct ejection_ticket ticket;
    begin();
    for (unsigned i = 0; i < 50; i++) {
        cr_assert(ejection_affords(&row), "at %u", i);
        ejection_begin(&row, true, now, &ticket);
        end(&ticket, EJECTION_NEITHER, now);
    }
    cr_assert_not(ejection_affords(&row));
    attempt(EJECTION_GOOD); /* +1.25 */
    cr_assert(ejection_affords(&row));
    ejection_begin(&row, true, now, &ticket);
    end(&ticket, EJECTION_GOOD, now); /* .25 + 1.25 */
    cr_assert(ejection_affords(&row));
    ejection_begin(&row, true, now, &ticket);
    end(&ticket, EJECTION_BAD, now); /* .5 - 1: empty, not less */
    attempt(EJECTION_GOOD);
    cr_assert(ejection_affords(&row));
    for (unsigned i = 0; i < 100; i++)
        attempt(EJECTION_GOOD);         /* full is full */
    for (unsigned i = 0; i < 25; i++) { /* each costs two */
        cr_assert(ejection_affords(&row), "at %u", i);
        ejection_begin(&row, true, now, &ticket);
        end(&ticket, EJECTION_BAD, now);
    }
    cr_assert_not(ejection_affords(&row));
}
