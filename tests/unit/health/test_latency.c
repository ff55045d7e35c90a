/* test_latency.c - means of how fast a target is, and the split that follows from them; warm caches. */
#include "check.h"

#include "health/chance.h"
#include "health/latency.h"
#include "health/warm.h"

#define S INT64_C(1000000000)

static struct latency row;

static struct latency_view view(int64_t now)
{
    struct latency_view v;
    latency_view(&row, now, &v);
    return v;
}

static void is_near(double is, double wanted)
{
    cr_assert_lt(is - wanted, 1e-3, "%f, not %f", is, wanted);
    cr_assert_gt(is - wanted, -1e-3, "%f, not %f", is, wanted);
}

Test(latency, is_normalised_by_what_must_be_read)
{
    is_near(latency_ref(0), .15);
    is_near(latency_ref(4000), 1);
    latency_init(&row);
    cr_assert_lt(view(0).first, 0);
    latency_add(&row, 2 * S, 4000, -1, 0, 1000 * S);
    is_near(view(1000 * S).first, 2);
    cr_assert_lt(view(1000 * S).token, 0);
    latency_add(&row, 2 * S, 4000, 5 * S, 101, 1000 * S);
    is_near(view(1000 * S).token, .05);
    is_near(view(1000 * S).output, 101);
}

Test(latency, forgets_with_thirty_seconds_and_cuts_what_hangs)
{
    latency_init(&row);
    latency_add(&row, S, 4000, -1, 0, 1000 * S);
    latency_add(&row, 3 * S, 4000, -1, 0, 1030 * S);
    is_near(view(1030 * S).first, (.3678794 + 3) / 1.3678794);
    latency_init(&row);
    latency_add(&row, S, 4000, -1, 0, 1000 * S);
    latency_add(&row, 600 * S, 4000, -1, 0, 1000 * S);
    is_near(view(1000 * S).first, 2.5); /* (1 + 4) / 2 */
}

Test(latency, of_one_that_is_idle_or_new_is_that_of_the_others)
{
    double seconds[3];
    struct latency_view views[3] = { { .first = 1, .token = .01, .output = 100, .trust = 1 },
                                     { .first = 3, .token = .01, .output = 100, .trust = 0 },
                                     { .first = -1, .token = -1, .output = -1 } };
    latency_expect(views, 3, 4000, 0, seconds);
    is_near(seconds[0], 2);
    is_near(seconds[1], 2);
    is_near(seconds[2], 3);
    latency_expect(views, 3, 4000, 50, seconds);
    is_near(seconds[0], 1.5);
    views[0] = views[1] = views[2];
    latency_expect(views, 3, 4000, 0, seconds);
    cr_assert(seconds[0] == seconds[1] && seconds[1] == seconds[2]);
    latency_init(&row);
    latency_add(&row, S, 4000, -1, 0, 1000 * S);
    is_near(view(1090 * S).trust, .3678794); /* three times 30 s */
}

/* Pearson's sum; with 2 degrees of freedom it is above 13.8 once in a thousand. */
Test(latency, divides_ten_thousand_requests_by_the_square_of_speed)
{
    static const double seconds[3] = { 1, 2, 4 }, shares[3] = { 1, 1, .5 };
    static const double part[3] = { 1, .25, .03125 };
    unsigned counts[3] = { 0 };
    uint64_t random = 11;
    double sum = 0;
    for (unsigned i = 0; i < 10000; i++)
        counts[latency_pick(seconds, shares, 3, chance_next(&random))]++;
    for (unsigned i = 0; i < 3; i++) {
        double expected = 10000 * part[i] / 1.28125;
        sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    cr_assert_lt(sum, 13.8, "%u %u %u", counts[0], counts[1], counts[2]);
}

Test(warm, is_for_five_minutes)
{
    struct warm w;
    warm_init(&w);
    cr_assert_not(warm_is(&w, 7, 1000 * S));
    warm_note(&w, 7, 1000 * S);
    cr_assert(warm_is(&w, 7, 1299 * S));
    cr_assert_not(warm_is(&w, 8, 1000 * S));
    cr_assert_not(warm_is(&w, 7, 1300 * S));
    warm_fini(&w);
}

Test(warm, gives_up_the_oldest_of_a_set)
{
    struct warm w;
    const uint64_t step = WARM_PAIRS / 4; /* keys of one set */
    warm_init(&w);
    for (uint64_t i = 1; i <= 4; i++)
        warm_note(&w, i * step, (1000 + (int64_t)i) * S);
    warm_note(&w, 1 * step, 1010 * S); /* it is used again */
    warm_note(&w, 5 * step, 1011 * S);
    cr_assert(warm_is(&w, 1 * step, 1012 * S));
    cr_assert_not(warm_is(&w, 2 * step, 1012 * S));
    cr_assert(warm_is(&w, 3 * step, 1012 * S) && warm_is(&w, 4 * step, 1012 * S) && warm_is(&w, 5 * step, 1012 * S));
    warm_fini(&w);
}
