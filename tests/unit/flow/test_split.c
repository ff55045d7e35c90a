/* test_split.c - how 10,000 requests of 10,000 conversations are divided among three targets, against the formula of each rule. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "flow/strategy.h"
#include "flow/strategy_figures.h"
#include "flow/way.h"
#include "money/tariff.h"

enum { TARGETS = 3, REQUESTS = 10000 };
#define CHI_MOST 20.0 /* of two degrees of freedom: one run in 20,000 has more; the dice are the same in each run */

static struct request req;
static struct gateway gateway;
static struct worker worker;
static struct config config;
static struct config_model model;
static struct route_target targets[TARGETS];
static struct plugin plugin = { .name = "openai" };
static struct config_provider provider = { .name = { "p", 1 }, .plugin = &plugin };
static const size_t all[TARGETS] = { 0, 1, 2 };
static const char *const names[TARGETS] = { "a", "b", "c" };

static void begin(enum config_strategy strategy, bool sticky)
{
    memset(&req, 0, sizeof req);
    memset(&gateway, 0, sizeof gateway);
    arena_init(&req.arena, NULL, 0, 1 << 20);
    buf_init(&req.body, 1 << 20);
    gateway.health = health_new(1);
    worker.gateway = &gateway;
    worker.chance = 1;
    model = (struct config_model){ .strategy = strategy, .sticky = sticky };
    req.worker = &worker;
    req.config = &config;
    req.model = &model;
    req.face = &face_chat;
    req.operation = GW_OP_CHAT;
    req.targets = targets;
    req.target_count = TARGETS;
    for (size_t i = 0; i < TARGETS; i++) {
        targets[i] = (struct route_target){ .provider = &provider, .model = text_of(names[i]), .weight = 1 };
        targets[i].health = health_target(gateway.health, provider.name, TEXT("url"), targets[i].model, true);
    }
}

static void end(void)
{
    buf_free(&req.body);
    health_free(gateway.health);
    arena_fini(&req.arena);
}

static size_t pick(unsigned conversation, int64_t now)
{
    char session[24];
    snprintf(session, sizeof session, "session %u", conversation);
    arena_reset(&req.arena);
    req.conversation = NULL;
    req.whose.session = text_of(session);
    return strategy_pick(&req, all, TARGETS, now);
}

/* What each target got, as a distance from what it should get; a target that should get nothing has nothing. */
static double distance(const double *shares, const char *what)
{
    unsigned got[TARGETS] = { 0 };
    double sum = shares[0] + shares[1] + shares[2], chi = 0;
    int64_t now = clock_ns();
    for (unsigned i = 0; i < REQUESTS; i++)
        got[pick(i, now)]++;
    for (size_t i = 0; i < TARGETS; i++) {
        double wanted = REQUESTS * shares[i] / sum;
        if (wanted < 1)
            cr_assert_eq(got[i], 0u, "%s: target %zu got %u", what, i, got[i]);
        else
            chi += (got[i] - wanted) * (got[i] - wanted) / wanted;
    }
    return chi;
}

static void weigh(unsigned a, unsigned b, unsigned c)
{
    targets[0].weight = a;
    targets[1].weight = b;
    targets[2].weight = c;
}

Test(split, is_by_weight)
{
    static const struct {
        enum config_strategy strategy;
        bool sticky;
        const char *name;
    } rows[] = { { STRATEGY_WEIGHTED, false, "weighted" },
                 { STRATEGY_WEIGHTED, true, "weighted, sticky" },
                 { STRATEGY_ORDER, true, "order, sticky" },
                 { STRATEGY_LEAST_BUSY, true, "least_busy, sticky" } };
    static const double shares[][TARGETS] = { { 1, 1, 1 }, { 1, 2, 5 }, { 90, 0, 10 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t k = 0; k < sizeof shares / sizeof *shares; k++) {
            begin(rows[i].strategy, rows[i].sticky);
            weigh((unsigned)shares[k][0], (unsigned)shares[k][1], (unsigned)shares[k][2]);
            double chi = distance(shares[k], rows[i].name);
            cr_assert(chi < CHI_MOST, "%s, weights %zu: %f", rows[i].name, k, chi);
            end();
        }
    }
}

Test(split, in_order_is_the_first)
{
    begin(STRATEGY_ORDER, false);
    distance((const double[]){ 1, 0, 0 }, "order");
    end();
}

/* A target that comes back after a failure gets the part of its weight that it may have. */
Test(split, a_target_that_comes_back_has_a_part_of_its_share)
{
    struct ejection_ticket ticket;
    int64_t now = clock_ns();
    begin(STRATEGY_WEIGHTED, false);
    for (int i = 0; i < 5; i++) {
        ejection_begin(targets[1].health, false, now - 100 * CLOCK_S, &ticket);
        ejection_result(&ticket, EJECTION_BAD, now - 100 * CLOCK_S);
        ejection_end(&ticket, now - 100 * CLOCK_S);
    }
    cr_assert_eq(ejection_asks(targets[1].health, now - 3 * CLOCK_S), EJECTION_PROBE);
    ejection_begin(targets[1].health, false, now - 15 * CLOCK_S, &ticket);
    ejection_result(&ticket, EJECTION_GOOD, now - 15 * CLOCK_S);
    ejection_end(&ticket, now - 15 * CLOCK_S);
    double share = ejection_share(targets[1].health, clock_ns());
    cr_assert(share > .49 && share < .55, "%f of it after 15 s of 30", share);
    double chi = distance((const double[]){ 1, share, 1 }, "weighted");
    cr_assert(chi < CHI_MOST, "%f", chi);
    end();
}

/* Of two at random the one that is less busy for its weight. */
Test(split, of_the_least_busy)
{
    struct ejection_ticket tickets[4];
    int64_t now = clock_ns();
    begin(STRATEGY_LEAST_BUSY, false);
    for (int i = 0; i < 4; i++)
        ejection_begin(targets[i < 3 ? 0 : 1].health, false, now, &tickets[i]);
    double chi = distance((const double[]){ 0, 1, 2 }, "least_busy");
    cr_assert(chi < CHI_MOST, "%f", chi);
    weigh(9, 1, 1); /* 4/9, 2, 1 */
    chi = distance((const double[]){ 2, 0, 1 }, "least_busy with weights");
    cr_assert(chi < CHI_MOST, "%f", chi);
    for (int i = 0; i < 4; i++)
        ejection_end(&tickets[i], now);
    end();
}

Test(split, of_the_cheapest)
{
    static struct tariff tariffs[2];
    cr_assert_null(tariff_set(&tariffs[0], TEXT("input_usd_per_mtok"), TEXT("1")));
    cr_assert_null(tariff_set(&tariffs[0], TEXT("output_usd_per_mtok"), TEXT("1")));
    cr_assert_null(tariff_set(&tariffs[1], TEXT("input_usd_per_mtok"), TEXT("2")));
    cr_assert_null(tariff_set(&tariffs[1], TEXT("output_usd_per_mtok"), TEXT("2")));
    begin(STRATEGY_LOWEST_COST, true);
    targets[0].price = &tariffs[1];
    targets[1].price = targets[2].price = &tariffs[0];
    double chi = distance((const double[]){ 0, 1, 1 }, "lowest_cost, sticky");
    cr_assert(chi < CHI_MOST, "%f", chi);
    end();
}

static void learn(size_t i, int64_t first_ns, int64_t now)
{
    latency_add(&targets[i].health->latency, first_ns, 0, -1, 10, now);
}

/* A target that takes twice as long gets a quarter. */
Test(split, of_the_fastest_is_by_the_square)
{
    int64_t now = clock_ns();
    begin(STRATEGY_LOWEST_LATENCY, false);
    learn(0, CLOCK_S, now);
    learn(1, 2 * CLOCK_S, now);
    learn(2, 4 * CLOCK_S, now);
    double chi = distance((const double[]){ 16, 4, 1 }, "lowest_latency");
    cr_assert(chi < CHI_MOST, "%f", chi);
    weigh(1, 4, 0);
    chi = distance((const double[]){ 1, 1, 0 }, "lowest_latency with weights");
    cr_assert(chi < CHI_MOST, "%f", chi);
    end();
}

/* Answers that are under way in the simulation below. */
enum { UNDER_WAY = 1000, SECONDS = 120, RATE = 60 };
static struct {
    int64_t over_ns, took_ns;
    size_t target;
} under_way[UNDER_WAY];
static size_t under_way_count;

static void answers_until(int64_t now)
{
    for (size_t i = 0; i < under_way_count;) {
        if (under_way[i].over_ns > now) {
            i++;
            continue;
        }
        learn(under_way[i].target, under_way[i].took_ns, under_way[i].over_ns);
        under_way[i] = under_way[--under_way_count];
    }
}

/* Servers that are as fast as each other get requests evenly, second by second: who always asks the fastest sends a herd there, sees it slow
 * down, and turns round. The figure is the variance of the requests in a second by their mean: 1 for pure chance. */
Test(split, of_the_fastest_is_no_herd)
{
    static unsigned got[SECONDS][TARGETS];
    uint64_t dice = 7;
    int64_t start = clock_ns(), at = start;
    double sum = 0, squares = 0;
    begin(STRATEGY_LOWEST_LATENCY, false);
    under_way_count = 0;
    while (at - start < SECONDS * CLOCK_S) {
        answers_until(at);
        size_t i = pick(0, at);
        unsigned before = 0;
        for (size_t k = 0; k < under_way_count; k++)
            before += under_way[k].target == i;
        /* It takes longer the more it has to do: twice as long with its share. */
        double took = (.5 + .5 * before / 20.0) * exp(.8 * (chance_next(&dice) + chance_next(&dice) - 1));
        cr_assert_lt(under_way_count, UNDER_WAY);
        under_way[under_way_count].target = i;
        under_way[under_way_count].took_ns = (int64_t)(took * 1e9);
        under_way[under_way_count++].over_ns = at + (int64_t)(took * 1e9);
        got[(at - start) / CLOCK_S][i]++;
        at += (int64_t)(-log(1 - chance_next(&dice)) / RATE * 1e9);
    }
    for (size_t s = 0; s < SECONDS; s++)
        for (size_t i = 0; i < TARGETS; i++) {
            sum += got[s][i];
            squares += (double)got[s][i] * got[s][i];
        }
    double mean = sum / (SECONDS * TARGETS), dispersion = (squares / (SECONDS * TARGETS) - mean * mean) / mean;
    cr_assert(dispersion < 2, "dispersion %f", dispersion);
    end();
}
