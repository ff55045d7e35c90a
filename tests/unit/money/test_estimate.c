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

static int64_t after(int64_t often, int times, int64_t seldom, int others)
{
    struct estimates *e = estimates_new();
    struct estimate out;
    for (int i = 0; i < times + others; i++) { /* mixed: seldom ones come between */
        int64_t value = i % 10 == 9 && i / 10 < others ? seldom : often;
        estimates_add(e, model, key, &(struct estimate){ value, value });
    }
    cr_assert(estimates_ask(e, model, key, &out));
    cr_assert_eq(out.input_per_kb, out.output);
    estimates_free(e);
    return out.output;
}

/* A bucket is a quarter of a power of two: [96, 112) is one. Its largest value is the answer. */
Test(estimate, is_the_largest_value_of_a_bucket)
{
    static const int64_t cases[][2] = {
        { 0, 1 },       { 1, 1 },       { 2, 2 },       { 3, 3 },           { 4, 4 },     { 5, 5 },
        { 6, 6 },       { 7, 7 },       { 8, 9 },       { 9, 9 },           { 10, 11 },   { 15, 15 },
        { 16, 19 },     { 95, 95 },     { 96, 111 },    { 111, 111 },       { 112, 127 }, { 128, 159 },
        { 1000, 1023 }, { 1024, 1279 }, { 1280, 1535 }, { 131072, 163839 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(after(cases[i][0], 100, 0, 0), cases[i][1], "%lld: %lld", (long long)cases[i][0],
                     (long long)after(cases[i][0], 100, 0, 0));
}

Test(estimate, passes_over_five_of_a_hundred)
{
    cr_assert_eq(after(10, 95, 1000, 5), 11);
    cr_assert_eq(after(10, 94, 1000, 6), 1023);
    cr_assert_eq(after(10, 190, 1000, 10), 11);
    cr_assert_eq(after(10, 189, 1000, 11), 1023);
    cr_assert_eq(after(1000, 95, 10, 5), 1023);
    cr_assert_eq(after(10, 1140, 1000, 60), 11); /* over the border at which the old ones fade */
}

/* "m1" of "k" is none of "m", of "m2" or of another key; what is too long is not learned. */
Test(estimate, each_pair_of_names_is_its_own)
{
    struct estimates *e = estimates_new();
    struct estimate out;
    char long_name[301];
    memset(long_name, 'a', sizeof long_name);
    const struct text fits = { long_name, 298 }, too_long = { long_name, 299 };
    for (int i = 0; i < ESTIMATE_SAMPLES; i++) {
        estimates_add(e, TEXT("m1"), TEXT("k"), &(struct estimate){ 1, 100 });
        estimates_add(e, TEXT("m1"), TEXT(""), &(struct estimate){ 1, 200 });
        estimates_add(e, fits, TEXT("k"), &(struct estimate){ 1, 300 });
        estimates_add(e, too_long, TEXT("k"), &(struct estimate){ 1, 400 });
    }
    cr_assert(estimates_ask(e, TEXT("m1"), TEXT("k"), &out) && out.output == 111);
    cr_assert(estimates_ask(e, TEXT("m1"), TEXT(""), &out) && out.output == 223);
    cr_assert(estimates_ask(e, fits, TEXT("k"), &out) && out.output == 319);
    cr_assert_not(estimates_ask(e, too_long, TEXT("k"), &out));
    static const char *const others[][2] = {
        { "m2", "k" }, { "m", "k" }, { "m1", "k2" }, { "1", "km" }, { "", "km1" }
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_assert_not(estimates_ask(e, text_of(others[i][0]), text_of(others[i][1]), &out), "%zu", i);
    estimates_free(e);
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
