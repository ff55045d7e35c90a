/* test_degraded.c - a target that is far slower than it was gets 2 of 100 requests until it is fast again; the clock is the test's. */
#include "check.h"

#include "health/chance.h"
#include "health/degraded.h"

#define S INT64_C(1000000000)

static struct degraded row;
static int64_t now;

static void begin(unsigned samples, int64_t ns)
{
    degraded_init(&row);
    now = 1000 * S;
    for (unsigned i = 0; i < samples; i++)
        cr_assert(!degraded_add(&row, ns, 1, now += S / 10));
}

/* How many it takes until it changes; at most 100. */
static unsigned until(bool degraded, int64_t ns, double scale)
{
    unsigned n = 0;
    while (n < 100 && degraded_is(&row, now) != degraded) {
        degraded_add(&row, ns, scale, now += S / 10);
        n++;
    }
    return n;
}

Test(degraded, is_found_by_its_last_eight)
{
    begin(100, S / 2);
    cr_assert_eq(until(true, 15 * S, 1), 4, "the middle of eight");
    cr_assert_lt(row.mean, .7, "what is slow hardly raises the mean");
    double mean = row.mean;
    cr_assert_eq(until(false, 13 * S / 10, 1), 100, "still more than twice");
    cr_assert(row.mean <= mean && row.mean >= mean, "the mean is frozen meanwhile");
    cr_assert_eq(until(false, S / 2, 1), 4, "the middle of eight, again");
    degraded_fini(&row);
}

Test(degraded, takes_four_times_the_mean_and_a_second_and_a_half)
{
    begin(100, S / 2);
    cr_assert_eq(until(true, 19 * S / 10, 1), 100, "less than four times");
    degraded_fini(&row);
    begin(100, S / 10);
    cr_assert_eq(until(true, 14 * S / 10, 1), 100, "fourteen times, and less than 1.5 s");
    degraded_fini(&row);
    begin(100, S / 2);
    cr_assert_eq(until(true, 15 * S, 10), 100, "a long input takes its time");
    degraded_fini(&row);
}

Test(degraded, is_nothing_before_fifty_samples)
{
    begin(45, S / 2);
    for (unsigned i = 45; i < 50; i++)
        cr_assert(!degraded_add(&row, 30 * S, 1, now += S));
    cr_assert(degraded_add(&row, 30 * S, 1, now += S), "the 51st");
    cr_assert(!degraded_add(&row, 30 * S, 1, now += S), "it was before");
    degraded_fini(&row);
}

Test(degraded, lets_two_of_a_hundred_through_and_one_each_minute)
{
    uint64_t random = 12345;
    unsigned let = 0;
    begin(100, S / 2);
    cr_assert(!degraded_avoids(&row, now, .999));
    until(true, 15 * S, 1);
    for (unsigned i = 0; i < 100000; i++)
        let += !degraded_avoids(&row, now += S / 1000, chance_next(&random));
    cr_assert(let > 1800 && let < 2200, "%u", let);
    cr_assert(!degraded_avoids(&row, now, .0199));
    cr_assert(degraded_avoids(&row, now + 59 * S, .02));
    cr_assert(!degraded_avoids(&row, now + 60 * S, .5), "nobody else saw whether it is back");
    cr_assert(degraded_avoids(&row, now + 61 * S, .5));
    degraded_fini(&row);
}

Test(degraded, ends_when_nothing_is_known_for_ten_minutes)
{
    begin(100, S / 2);
    until(true, 15 * S, 1);
    cr_assert(degraded_is(&row, now + 599 * S));
    cr_assert(!degraded_is(&row, now + 600 * S));
    cr_assert(degraded_add(&row, 15 * S, 1, now + 601 * S), "and begins again where it is still so");
    degraded_fini(&row);
}
