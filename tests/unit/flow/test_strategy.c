/* test_strategy.c - targets by what they cost and how long they take. */
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "flow/strategy_figures.h"
#include "flow/way.h"

static struct request req;
static struct gateway gateway;
static struct worker worker;
static struct route_target targets[3];
static struct config_provider provider = { .name = { "p", 1 } };
static const size_t all[] = { 0, 1, 2 };

static void begin(void)
{
    memset(&req, 0, sizeof req);
    memset(&gateway, 0, sizeof gateway);
    arena_init(&req.arena, NULL, 0, 1 << 20);
    buf_init(&req.body, 1 << 20);
    gateway.health = health_new(1);
    worker.gateway = &gateway;
    req.worker = &worker;
    req.operation = GW_OP_CHAT;
    req.targets = targets;
    req.target_count = 3;
    for (size_t i = 0; i < 3; i++)
        targets[i] = (struct route_target){ .provider = &provider, .model = TEXT("m"), .weight = 1 };
}

static void end(void)
{
    buf_free(&req.body);
    health_free(gateway.health);
    arena_fini(&req.arena);
}

static void knows(size_t i, const char *model, int64_t first_ns, int64_t now)
{
    targets[i].model = text_of(model);
    targets[i].health = health_target(gateway.health, provider.name, TEXT("url"), targets[i].model, true);
    cr_assert_not_null(targets[i].health);
    latency_add(&targets[i].health->latency, first_ns, 0, -1, 10, now);
}

/* One of which nothing is known is no faster than those of which something is, and none of their mean. */
Test(strategy, takes_an_unknown_target_to_be_as_the_others)
{
    double seconds[3];
    int64_t now = clock_ns();
    begin();
    strategy_seconds(&req, all, 3, now, seconds);
    cr_assert(seconds[0] < .001 && seconds[1] < .001 && seconds[2] < .001, "nothing is known of any");
    knows(0, "slow", 4 * CLOCK_S, now);
    strategy_seconds(&req, all, 3, now, seconds);
    cr_assert(seconds[0] > 3.9 && seconds[0] < 4.1, "%f", seconds[0]);
    cr_assert(seconds[1] > 3.9 && seconds[1] < 4.1, "%f", seconds[1]);
    cr_assert(seconds[2] > 3.9 && seconds[2] < 4.1, "%f", seconds[2]);
    knows(1, "fast", 2 * CLOCK_S, now);
    strategy_seconds(&req, all, 3, now, seconds);
    cr_assert(seconds[0] > 3.9 && seconds[0] < 4.1, "%f", seconds[0]);
    cr_assert(seconds[1] > 1.9 && seconds[1] < 2.1, "%f", seconds[1]);
    cr_assert(seconds[2] > 2.9 && seconds[2] < 3.1, "%f", seconds[2]);
    end();
}

Test(strategy, shows_what_was_measured_and_0_for_what_was_not)
{
    double first_ms = -1, per_s = -1;
    int64_t now = clock_ns();
    begin();
    struct ejection *row = health_target(gateway.health, provider.name, TEXT("url"), TEXT("m"), true);
    strategy_look(&req, row, now, &first_ms, &per_s);
    cr_assert(first_ms > -.5 && first_ms < .5, "%f", first_ms);
    cr_assert(per_s > -.5 && per_s < .5, "%f", per_s);
    latency_add(&row->latency, 300 * CLOCK_MS, 0, 2 * CLOCK_S, 101, now);
    strategy_look(&req, row, now, &first_ms, &per_s);
    cr_assert(first_ms > 299 && first_ms < 301, "%f", first_ms);
    cr_assert(per_s > 49 && per_s < 51, "%f", per_s);
    end();
}
