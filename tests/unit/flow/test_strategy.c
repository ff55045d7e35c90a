/* test_strategy.c - targets by what they cost and how long they take. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "flow/strategy.h"
#include "flow/strategy_figures.h"
#include "flow/way.h"
#include "money/tariff.h"

static struct request req;
static struct gateway gateway;
static struct worker worker;
static struct config config;
static struct route_target targets[3];
static struct plugin plugin = { .name = "openai" };
static struct config_provider provider = { .name = { "p", 1 }, .plugin = &plugin };
static const size_t all[] = { 0, 1, 2 };

static void begin(void)
{
    memset(&req, 0, sizeof req);
    memset(&gateway, 0, sizeof gateway);
    arena_init(&req.arena, NULL, 0, 1 << 20);
    buf_init(&req.body, 1 << 20);
    gateway.health = health_new(1);
    worker.gateway = &gateway;
    worker.chance = 1;
    req.worker = &worker;
    req.config = &config;
    req.face = &face_chat;
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

static size_t picked(enum config_strategy strategy, bool sticky, const char *session, const char **why)
{
    struct config_model model = { .strategy = strategy, .sticky = sticky };
    req.model = &model;
    req.conversation = NULL;
    req.whose.session = session != NULL ? text_of(session) : TEXT_NONE;
    size_t chosen = strategy_pick(&req, all, 3, clock_ns());
    *why = targets[chosen].chosen;
    req.model = NULL;
    return chosen;
}

Test(strategy, picks_by_its_rule)
{
    unsigned weighted[3] = { 0 }, fast[3] = { 0 };
    const char *why;
    begin();
    int64_t now = clock_ns();
    cr_assert_eq(picked(STRATEGY_ORDER, false, NULL, &why), 0u);
    cr_assert_str_eq(why, config_strategy_name(STRATEGY_ORDER));
    targets[1].weight = 0;
    targets[2].weight = 3;
    for (int i = 0; i < 400; i++) {
        weighted[picked(STRATEGY_WEIGHTED, false, NULL, &why)]++;
        cr_assert_str_eq(why, config_strategy_name(STRATEGY_WEIGHTED));
    }
    cr_assert(weighted[0] > 40 && weighted[0] < 180, "%u of 400, a quarter", weighted[0]);
    cr_assert_eq(weighted[1], 0u, "it has no share");
    targets[1].weight = targets[2].weight = 1;
    knows(0, "slow", 40 * CLOCK_S, now);
    knows(1, "fast", CLOCK_S / 10, now);
    knows(2, "slower", 50 * CLOCK_S, now);
    for (int i = 0; i < 100; i++)
        fast[picked(STRATEGY_LOWEST_LATENCY, false, NULL, &why)]++;
    cr_assert_gt(fast[1], 90u, "%u", fast[1]);
    cr_assert_str_eq(why, config_strategy_name(STRATEGY_LOWEST_LATENCY));
    struct ejection_ticket tickets[5] = { { .row = NULL } };
    for (int i = 0; i < 5; i++)
        ejection_begin(targets[0].health, false, now, &tickets[i]);
    unsigned idle[3] = { 0 };
    for (int i = 0; i < 100; i++)
        idle[picked(STRATEGY_LEAST_BUSY, false, NULL, &why)]++;
    cr_assert(idle[0] < 30 && idle[1] > 0 && idle[2] > 0, "%u %u %u", idle[0], idle[1], idle[2]);
    cr_assert_str_eq(why, config_strategy_name(STRATEGY_LEAST_BUSY));
    for (int i = 0; i < 5; i++)
        ejection_end(&tickets[i], now);
    end();
}

/* The cheapest, and of those that cost the same the one that has the conversation. */
Test(strategy, picks_the_cheapest)
{
    static struct tariff tariffs[2];
    static const struct {
        unsigned price[3]; /* index of its tariff: the first is the cheaper one */
        unsigned cheapest; /* bits */
    } rows[] = { { { 1, 0, 1 }, 2 }, { { 0, 1, 1 }, 1 }, { { 1, 0, 0 }, 6 }, { { 0, 0, 0 }, 7 } };
    const char *why;
    cr_assert_null(tariff_set(&tariffs[0], TEXT("output_usd_per_mtok"), TEXT("1")));
    cr_assert_null(tariff_set(&tariffs[0], TEXT("input_usd_per_mtok"), TEXT("1")));
    cr_assert_null(tariff_set(&tariffs[1], TEXT("output_usd_per_mtok"), TEXT("3")));
    cr_assert_null(tariff_set(&tariffs[1], TEXT("input_usd_per_mtok"), TEXT("3")));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned taken = 0;
        begin();
        for (size_t k = 0; k < 3; k++) {
            targets[k].model = text_of(k == 0 ? "a" : k == 1 ? "b" : "c");
            targets[k].price = &tariffs[rows[i].price[k]];
        }
        for (int k = 0; k < 40; k++) {
            char session[20];
            snprintf(session, sizeof session, "session %d", k);
            taken |= 1u << picked(STRATEGY_LOWEST_COST, true, session, &why);
        }
        cr_assert_eq(taken, rows[i].cheapest, "%zu: %x", i, taken);
        end();
    }
}

/* Each conversation keeps to its target, whatever the rule is; the cheapest one is no matter of conversations. */
Test(strategy, keeps_a_conversation_where_it_was)
{
    static const enum config_strategy rules[] = { STRATEGY_ORDER, STRATEGY_WEIGHTED, STRATEGY_LEAST_BUSY,
                                                  STRATEGY_LOWEST_LATENCY };
    const char *why;
    begin();
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        size_t first = picked(rules[i], true, "a session", &why);
        cr_assert_str_eq(why, "sticky", "%zu", i);
        for (int k = 0; k < 20; k++)
            cr_assert_eq(picked(rules[i], true, "a session", &why), first);
    }
    picked(STRATEGY_LOWEST_COST, true, "a session", &why);
    cr_assert_str_eq(why, config_strategy_name(STRATEGY_LOWEST_COST));
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

static int64_t cost_of_first(void)
{
    int64_t costs[3];
    strategy_costs(&req, all, 3, clock_ns(), costs);
    return costs[0];
}

/* Only where the costs decide, what has had a conversation is cheaper for the rest of it. */
Test(strategy, remembers_who_had_a_conversation_where_costs_decide)
{
    static struct tariff tariff;
    static const enum config_strategy rules[] = { STRATEGY_ORDER, STRATEGY_WEIGHTED, STRATEGY_LEAST_BUSY,
                                                  STRATEGY_LOWEST_LATENCY, STRATEGY_LOWEST_COST };
    cr_assert_null(tariff_set(&tariff, TEXT("output_usd_per_mtok"), TEXT("1")));
    cr_assert_null(tariff_set(&tariff, TEXT("input_usd_per_mtok"), TEXT("100")));
    cr_assert_null(tariff_set(&tariff, TEXT("cache_read_usd_per_mtok"), TEXT("1")));
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct config_model model = { .strategy = rules[i], .sticky = true };
        struct attempt attempt = { .req = &req, .target = &targets[0] };
        begin();
        buf_str(&req.body,
                "{\"messages\":[{\"role\":\"user\",\"content\":\"a conversation that goes on for a while\"}]}");
        targets[0].price = &tariff;
        req.model = &model;
        req.whose.session = TEXT("a session");
        int64_t before = cost_of_first();
        cr_assert_gt(before, 0);
        strategy_note_warm(&attempt, clock_ns());
        if (rules[i] == STRATEGY_LOWEST_COST)
            cr_assert_lt(cost_of_first(), before);
        else
            cr_assert_eq(cost_of_first(), before, "%zu", i);
        req.model = NULL;
        end();
    }
}
