/* test_estimate.c - what requests are expected to cost. */
#include <stdio.h>

#include "check.h"
#include "money/estimates.h"

static const struct text model = TEXT("m"), key = TEXT("k");

Test(estimate, is_believed_from_fifty_requests_on)
{
    struct estimates *e = estimates_new();
    struct estimate out;
    for (int i = 0; i < ESTIMATE_SAMPLES; i++) {
        cr_assert_not(estimates_ask(e, model, key, &out), "%d", i);
        estimates_add(e, model, key, &(struct estimate){ 1000, 100 });
    }
    cr_assert(estimates_ask(e, model, key, &out));
    cr_assert(out.input_per_kb >= 1000 && out.input_per_kb < 1250 && out.output >= 100 && out.output < 125, "%lld %lld",
              (long long)out.input_per_kb, (long long)out.output);
    cr_assert_not(estimates_ask(e, model, TEXT("other"), &out));
    cr_assert_not(estimates_ask(e, TEXT("k"), TEXT("m"), &out));
    estimates_free(e);
}

/* Against the exact quantile, for rising and skewed values: never below it, and at most a quarter above. */
Test(estimate, is_the_95th_percentile)
{
    for (int kind = 0; kind < 3; kind++) {
        struct estimates *e = estimates_new();
        struct estimate out;
        int64_t exact = 0;
        for (int i = 1; i <= 200; i++) {
            int64_t value = kind == 0 ? i * 37 : kind == 1 ? (i <= 190 ? 10 : 1000000) : (int64_t)i * i * i * i;
            exact = i == 190 ? value : exact;
            estimates_add(e, model, key, &(struct estimate){ value, value });
        }
        cr_assert(estimates_ask(e, model, key, &out));
        cr_assert(out.output >= exact && out.output <= exact + exact / 4, "kind %d: %lld for %lld", kind,
                  (long long)out.output, (long long)exact);
        estimates_free(e);
    }
}

Test(estimate, follows_and_is_bounded)
{
    struct estimates *e = estimates_new();
    struct estimate out;
    char name[16];
    for (int i = 0; i < 4000; i++)
        estimates_add(e, model, key, &(struct estimate){ 1, i < 1000 ? 100000 : 100 });
    cr_assert(estimates_ask(e, model, key, &out));
    cr_assert(out.output >= 100 && out.output < 125, "%lld", (long long)out.output); /* the old ones have faded */
    for (int i = 0; i < 5000; i++) {
        int len = snprintf(name, sizeof name, "%d", i);
        for (int n = 0; n < ESTIMATE_SAMPLES; n++)
            estimates_add(e, model, (struct text){ name, (size_t)len }, &(struct estimate){ 1, 1 });
    }
    cr_assert_not(estimates_ask(e, model, TEXT("4999"), &out)); /* no room */
    cr_assert(estimates_ask(e, model, TEXT("7"), &out));
    estimates_free(e);
}

Test(estimate, a_bound_that_was_passed_rises)
{
    struct estimates *e = estimates_new();
    cr_assert_eq(estimates_learned(e, model), 0);
    estimates_exceeded(e, model, 100);
    cr_assert_eq(estimates_learned(e, model), 125);
    cr_assert_eq(estimates_learned(e, key), 0);
    estimates_exceeded(e, model, 1); /* beyond the 125 */
    cr_assert_eq(estimates_learned(e, model), 127);
    estimates_exceeded(e, model, 0);
    cr_assert_eq(estimates_learned(e, model), 127);
    static const int64_t wrong[] = { (2 << 20) + 1, INT64_C(1000000000000), INT64_MAX / 4, INT64_MAX };
    for (size_t i = 0; i < 4 * sizeof wrong / sizeof wrong[0]; i++)
        estimates_exceeded(e, model,
                           wrong[i / 4]); /* no window is as large: one such report does not refuse all that follow */
    cr_assert_eq(estimates_learned(e, model), 127);
    for (int i = 0; i < 5; i++)
        estimates_exceeded(e, model, 2 << 20);
    cr_assert_eq(estimates_learned(e, model), 2 << 20);
    estimates_free(e);
}
