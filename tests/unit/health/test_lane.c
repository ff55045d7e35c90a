/* test_lane.c - how long a secret cools; when nothing of a model is usable; rows by their words. */
#include "check.h"

#include <stdint.h>
#include <stdio.h>

#include "health/ejection.h"
#include "health/health.h"
#include "health/lane.h"
#include "health/outage.h"

#define S INT64_C(1000000000)

static struct lane lane;
static int64_t now;

static void begin(void)
{
    lane_init(&lane, 3);
    now = 500 * S;
}

/* A request that comes when it may, and meets the limit. */
static int64_t limited(int64_t retry_after)
{
    now += lane_left_ns(&lane, now);
    int64_t begun = now;
    lane_begin(&lane, begun);
    now += 1000;
    lane_cool(&lane, retry_after, begun, now);
    return lane_left_ns(&lane, now);
}

Test(lane, cools_as_long_as_it_is_asked_to_and_doubles)
{
    static const struct {
        int64_t asked, least, most; /* seconds */
    } rows[] = { { 10, 10, 11 }, { 10, 20, 22 }, { 10, 40, 44 }, { 60, 480, 528 }, { 60, 600, 660 }, { 1, 32, 36 } };
    begin();
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t left = limited(rows[i].asked * S);
        cr_assert_geq(left, rows[i].least * S, "row %u", i);
        cr_assert_leq(left, rows[i].most * S, "row %u", i);
    }
    begin();
    cr_assert_geq(limited(0), S);
    begin();
    int64_t most = limited(86400 * S);
    cr_assert_geq(most, 60 * S);
    cr_assert_leq(most, 66 * S);
}

Test(lane, cools_for_one_two_four_up_to_thirty_seconds_where_nobody_asks)
{
    static const int64_t length[] = { 1, 2, 4, 8, 16, 30, 30 };
    begin();
    for (unsigned i = 0; i < 7; i++) {
        int64_t left = limited(-1);
        cr_assert_geq(left, length[i] * S * 3 / 4, "time %u", i);
        cr_assert_leq(left, length[i] * S * 5 / 4, "time %u", i);
    }
}

Test(lane, is_tried_by_one_and_is_as_before_after_a_good_answer)
{
    begin();
    limited(5 * S);
    now += lane_left_ns(&lane, now);
    int64_t begun = now;
    lane_begin(&lane, begun);
    cr_assert_eq(lane_left_ns(&lane, now), LANE_PROBE_NS);
    lane_begin(&lane, now + 5); /* one that had nowhere else to go: it is not the one that tries */
    lane_good(&lane, begun);
    cr_assert_eq(lane_left_ns(&lane, now), 0);
    cr_assert_leq(limited(5 * S), 6 * S); /* not doubled */
}

Test(lane, is_tried_again_at_once_where_nothing_was_learned)
{
    begin();
    limited(5 * S);
    now += lane_left_ns(&lane, now);
    int64_t begun = now;
    lane_begin(&lane, begun);
    lane_neither(&lane, begun - 1, now); /* another one's */
    cr_assert_gt(lane_left_ns(&lane, now), 0);
    lane_neither(&lane, begun, now);
    cr_assert_eq(lane_left_ns(&lane, now), 0);
}

Test(lane, counts_what_was_on_the_way_once)
{
    begin();
    int64_t begun = now;
    lane_begin(&lane, begun);
    for (unsigned i = 1; i <= 20; i++)
        lane_cool(&lane, 10 * S, begun, now + i);
    cr_assert_leq(lane_left_ns(&lane, now + 20), 11 * S);
    lane_good(&lane, begun); /* it had begun before the limit */
    cr_assert_gt(lane_left_ns(&lane, now + 20), 9 * S);
}

Test(outage, sends_all_of_few_and_few_of_many)
{
    struct outage o;
    unsigned sent = 0;
    outage_init(&o, 5);
    now = 100 * S;
    cr_assert(outage_sends(&o, now));   /* the first */
    for (unsigned i = 0; i < 2400; i++) /* 40 a second for a minute */
        sent += outage_sends(&o, now += S / 40);
    cr_assert_geq(sent, 60);
    cr_assert_leq(sent, 150);
    for (unsigned i = 0; i < 200; i++) /* it stands again: half of them are good */
        if (outage_sends(&o, now += S / 40))
            for (unsigned k = 0; k < 20; k++)
                outage_good(&o, now);
    sent = 0;
    for (unsigned i = 0; i < 40; i++)
        sent += outage_sends(&o, now += S / 40);
    cr_assert_geq(sent, 20);
    now += 11 * S; /* another outage */
    cr_assert(outage_sends(&o, now));
    cr_assert_eq(o.requests, 1);
    for (unsigned i = 0; i < 100; i++) {
        int ms = outage_retry_ms(&o);
        cr_assert_geq(ms, 2500);
        cr_assert_lt(ms, 7500);
    }
}

static void count(void *owner, struct text provider, struct text model, struct ejection *row)
{
    unsigned *n = owner;
    (void)row;
    cr_assert(text_is(provider, "p"));
    cr_assert(text_is(model, *n == 0 ? "m" : "m2"));
    ++*n;
}

Test(health, finds_the_same_row_under_the_same_words)
{
    struct health *h = health_new(1);
    struct ejection *row = health_target(h, TEXT("p"), TEXT("http://u"), TEXT("m"), true);
    cr_assert_not_null(row);
    cr_assert_eq(health_target(h, TEXT("p"), TEXT("http://u"), TEXT("m"), false), row);
    cr_assert_null(health_target(h, TEXT("p"), TEXT("http://u"), TEXT("made up"), false));
    cr_assert_null(health_target(h, TEXT("p"), TEXT("http://v"), TEXT("m"), false));
    cr_assert_null(health_target(h, TEXT("ph"), TEXT("ttp://u"), TEXT("m"), false));
    cr_assert_neq(health_target(h, TEXT("p"), TEXT("http://u"), TEXT("m2"), true), row);
    cr_assert_null(health_lane(h, TEXT("p"), TEXT("http://u"), TEXT("m"), TEXT("a"), false));
    struct lane *of_a = health_lane(h, TEXT("p"), TEXT("http://u"), TEXT("m"), TEXT("a"), true);
    cr_assert_not_null(of_a);
    cr_assert_neq(of_a, health_lane(h, TEXT("p"), TEXT("http://u"), TEXT("m"), TEXT("b"), true));
    cr_assert_neq(of_a, health_lane(h, TEXT("p"), TEXT("http://u"), TEXT("m2"), TEXT("a"), true));
    cr_assert_neq(of_a, health_lane(h, TEXT("p"), TEXT("http://u"), TEXT_NONE, TEXT("a"), true));
    cr_assert_eq(of_a, health_lane(h, TEXT("p"), TEXT("http://u"), TEXT("m"), TEXT("a"), false));
    cr_assert_eq(health_model(h, TEXT("m")), health_model(h, TEXT("m")));
    cr_assert_null(health_target(NULL, TEXT("p"), TEXT("http://u"), TEXT("m"), true));
    unsigned n = 0;
    health_each(h, count, &n);
    cr_assert_eq(n, 2);
    health_free(h);
    health_free(NULL);
}

Test(health, has_a_bound)
{
    struct health *h = health_new(1);
    char name[16];
    for (unsigned i = 0; i < HEALTH_ROWS_MOST; i++) {
        snprintf(name, sizeof name, "m%u", i);
        cr_assert_not_null(health_model(h, text_of(name)));
    }
    cr_assert_null(health_model(h, TEXT("one more")));
    cr_assert_not_null(health_model(h, TEXT("m0")));
    health_free(h);
}
