/* test_metrics.c - names that clients give become labels in a bounded number, and only when they were answered to. */
#include <stdio.h>

#include "base/clock.h"
#include "check.h"
#include "flow/metrics.h"
#include "health/ejection.h"
#include "health/health.h"

static void count(struct metrics *m, const char *model, enum outcome outcome, bool configured)
{
    struct usage usage = { .source = USAGE_NONE };
    metrics_count_request(m, 0,
                          &(struct metrics_request){ .face = "chat",
                                                     .provider = TEXT("p"),
                                                     .model = text_of(model),
                                                     .configured = configured,
                                                     .team = TEXT("t"),
                                                     .status = 200,
                                                     .outcome = outcome,
                                                     .first_token_ns = -1,
                                                     .usage = &usage,
                                                     .priced = true });
}

/* How often `what` stands in the text. */
static unsigned found(struct metrics *m, const char *what)
{
    struct metrics_gauges gauges = { .version = "t", .caches = true };
    struct buf text;
    unsigned n = 0;
    buf_init(&text, 16 << 20);
    metrics_write(m, &gauges, &text);
    struct text rest = buf_view(&text);
    for (ptrdiff_t at; (at = text_find(rest, text_of(what))) >= 0; n++) {
        rest.ptr += at + 1;
        rest.len -= (size_t)at + 1;
    }
    buf_free(&text);
    return n;
}

Test(metrics, bounds_the_names_that_clients_give)
{
    struct metrics *m = metrics_new(1);
    char name[32];
    for (int i = 0; i < 3 * METRICS_MODELS_MAX; i++) {
        snprintf(name, sizeof name, "made-%d", i);
        count(m, name, OUTCOME_OK, false);
    }
    cr_assert_eq(found(m, "gw_requests_total{"), METRICS_MODELS_MAX + 1u);
    cr_assert_eq(found(m, "gw_request_duration_seconds_count{"), METRICS_MODELS_MAX + 1u);
    char rest[160];
    snprintf(
        rest, sizeof rest,
        "gw_requests_total{face=\"chat\",provider=\"p\",model=\"other\",team=\"t\",status=\"200\",outcome=\"ok\"} %d\n",
        2 * METRICS_MODELS_MAX);
    cr_assert_eq(found(m, rest), 1u);
    count(m, "configured", OUTCOME_FAILED, true);
    cr_assert_eq(found(m, "gw_requests_total{face=\"chat\",provider=\"p\",model=\"configured\""), 1u);
    metrics_free(m);
}

Test(metrics, counts_why_nothing_comes_from_the_cache)
{
    struct metrics *m = metrics_new(1);
    struct metrics_cache n = { .misses = 1 };
    metrics_count_cache(m, 0, &n, NULL);
    cr_assert_eq(found(m, "gw_cache_misses_total 1\n"), 1u);
    cr_assert_eq(found(m, "gw_cache_bypass_total{"), 0u);
    metrics_count_cache(m, 0, &(struct metrics_cache){ .hits = 0 }, "clamped");
    metrics_count_cache(m, 0, &(struct metrics_cache){ .hits = 0 }, "clamped");
    cr_assert_eq(found(m, "gw_cache_misses_total 1\n"), 1u);
    cr_assert_eq(found(m, "gw_cache_bypass_total{"), 1u);
    cr_assert_eq(found(m, "{reason=\"clamped\"} 2\n"), 1u);
    metrics_free(m);
}

Test(metrics, takes_no_name_that_nobody_answered_to)
{
    struct metrics *m = metrics_new(1);
    count(m, "made-up", OUTCOME_REFUSED, false);
    cr_assert_eq(found(m, "made-up"), 0u);
    count(m, "made-up", OUTCOME_OK, false);
    count(m, "made-up", OUTCOME_BROKEN, false);
    cr_assert_eq(found(m, "model=\"made-up\",team=\"t\",status=\"200\",outcome=\"broken\"} 1\n"), 1u);
    metrics_free(m);
}

/* Seven labels, each far longer than a name: a client chooses the model's. */
Test(metrics, cuts_long_names_between_characters)
{
    struct metrics *m = metrics_new(1);
    struct usage usage = { .source = USAGE_NONE };
    char name[2001], label[256];
    for (size_t i = 0; i + 1 < sizeof name; i += 2)
        memcpy(name + i, "\xc3\xa9", 2);
    name[2000] = '\0';
    struct text odd = { name + 1, 1999 }, even = { name, 2000 };
    metrics_count_request(m, 0,
                          &(struct metrics_request){ .face = name,
                                                     .provider = even,
                                                     .model = even,
                                                     .configured = false,
                                                     .team = odd,
                                                     .status = 200,
                                                     .outcome = OUTCOME_OK,
                                                     .first_token_ns = -1,
                                                     .usage = &usage,
                                                     .priced = true });
    metrics_count_fallback(m, 0, even, even, name);
    snprintf(label, sizeof label, "model=\"%.200s\",team=", name);
    cr_assert_eq(found(m, label), 1u);
    metrics_free(m);
}

/* Sums of money are exact whatever their size: a double would lose the last nano-dollars of the first. */
Test(metrics, adds_money_exactly_over_the_workers)
{
    struct metrics *m = metrics_new(2);
    struct usage usage = { .source = USAGE_NONE };
    struct metrics_request r = { .face = "chat",
                                 .provider = TEXT("p"),
                                 .model = TEXT("m"),
                                 .configured = true,
                                 .team = TEXT("t"),
                                 .status = 200,
                                 .outcome = OUTCOME_OK,
                                 .first_token_ns = -1,
                                 .usage = &usage,
                                 .priced = true };
    r.cost_nano = 9007199254740993;
    metrics_count_request(m, 0, &r);
    r.cost_nano = 1;
    metrics_count_request(m, 1, &r);
    r.cost_nano = 0;
    r.priced = false;
    metrics_count_request(m, 1, &r);
    cr_assert_eq(
        found(
            m,
            "gw_cost_usd_total{face=\"chat\",provider=\"p\",model=\"m\",team=\"t\",status=\"200\",outcome=\"ok\"} 9007199.254740994\n"),
        1u);
    cr_assert_eq(
        found(
            m,
            "gw_unpriced_requests_total{face=\"chat\",provider=\"p\",model=\"m\",team=\"t\",status=\"200\",outcome=\"ok\"} 1\n"),
        1u);
    r.cost_nano = INT64_MAX;
    metrics_count_request(m, 0, &r);
    cr_assert_eq(found(m, "} 9223372036.854775807\n"), 1u);
    metrics_free(m);
}

Test(metrics, has_the_health_of_each_target)
{
    struct metrics *m = metrics_new(1);
    struct metrics_gauges gauges = { .version = "t", .health = health_new(1) };
    struct buf text;
    health_target(gauges.health, TEXT("p"), TEXT("http://one.test"), TEXT("good"), true);
    struct ejection *bad = health_target(gauges.health, TEXT("p"), TEXT("http://one.test"), TEXT("bad"), true);
    for (unsigned i = 0; i < EJECTION_IN_A_ROW; i++) {
        struct ejection_ticket ticket = { .row = NULL };
        ejection_begin(bad, false, clock_ns(), &ticket);
        ejection_result(&ticket, EJECTION_BAD, clock_ns());
        ejection_end(&ticket, clock_ns());
    }
    buf_init(&text, 1 << 20);
    metrics_write(m, &gauges, &text);
    cr_assert(text_find(buf_view(&text), TEXT("\ngw_upstream_health{target=\"p/good\"} 1\n")) >= 0);
    cr_assert(text_find(buf_view(&text), TEXT("\ngw_upstream_health{target=\"p/bad\"} 0\n")) >= 0);
    buf_free(&text);
    health_free(gauges.health);
    metrics_free(m);
}
