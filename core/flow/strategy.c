/* strategy.c - order, weights, load and conversations: one of the targets that are usable. */
#include "flow/strategy.h"

#include <stdbool.h>

#include "flow/conversation.h"
#include "flow/policy.h"
#include "flow/strategy_figures.h"
#include "flow/way.h"
#include "health/latency.h"
#include "health/spread.h"

/* Has a policy put the targets in this order? */
static bool is_ordered(const struct request *req)
{
    return req->policy != NULL && req->policy->targets != NULL && req->policy->targets->ordered;
}

static bool is_sticky(const struct request *req)
{
    return req->model != NULL && req->model->sticky && !is_ordered(req);
}

static enum config_strategy strategy_of(const struct request *req)
{
    return req->model == NULL || is_ordered(req) ? STRATEGY_ORDER : req->model->strategy;
}

bool strategy_needs_all(const struct request *req)
{
    return strategy_of(req) != STRATEGY_ORDER || is_sticky(req);
}

static unsigned busy(const struct route_target *t)
{
    return t->health != NULL ? ejection_in_flight(t->health) : 0;
}

static double share_of(const struct route_target *t, int64_t now)
{
    return (double)t->weight * (t->health != NULL ? ejection_share(t->health, now) : 1);
}

/* One of them with the probability of its weight; the first where no weight is left. */
static size_t by_weight(struct request *req, const size_t *usable, size_t count, int64_t now)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += share_of(&req->targets[usable[i]], now);
    double at = chance_next(&req->worker->chance) * sum;
    for (size_t i = 0; i < count; i++) {
        double share = share_of(&req->targets[usable[i]], now);
        if (at < share)
            return usable[i];
        at -= share;
    }
    return usable[0];
}

/* How busy a target is for its weight. */
static double load_of(const struct route_target *t, int64_t now)
{
    double share = share_of(t, now);
    return share > 0 ? (1.0 + busy(t)) / share : 1e300;
}

/* Of two at random the one that is less busy: the least busy of all would get what all workers send until they see that. */
static size_t by_load(struct request *req, const size_t *usable, size_t count, int64_t now)
{
    size_t a = (size_t)(chance_next(&req->worker->chance) * (double)count);
    size_t b = (size_t)(chance_next(&req->worker->chance) * (double)(count - 1));
    b += b >= a;
    return load_of(&req->targets[usable[b]], now) < load_of(&req->targets[usable[a]], now) ? usable[b] : usable[a];
}

/* The one that has the conversation, by its hash. */
static size_t by_conversation(struct request *req, const uint8_t *conversation, const size_t *usable, size_t count,
                              int64_t now)
{
    struct spread_place *places = arena_array(&req->arena, struct spread_place, count);
    for (size_t i = 0; i < count; i++) {
        const struct route_target *t = &req->targets[usable[i]];
        struct spread_place *p = &places[i];
        p->weight = share_of(t, now);
        p->in_flight = busy(t);
        p->score = spread_score(spread_hash(conversation, t->provider->name, t->model), p->weight);
    }
    return usable[spread_pick(places, count)];
}

/* The cheapest; of those that cost the same the one that has the conversation, else the first. One that comes back after a failure is
 * left out as often as its share is short of all. */
static size_t by_cost(struct request *req, const size_t *usable, size_t count, int64_t now)
{
    int64_t *costs = arena_array(&req->arena, int64_t, count), least = INT64_MAX;
    size_t *best = arena_array(&req->arena, size_t, count), n = 0;
    strategy_costs(req, usable, count, now, costs);
    for (size_t i = 0; i < count; i++) {
        const struct route_target *t = &req->targets[usable[i]];
        double share = t->health != NULL ? ejection_share(t->health, now) : 1;
        if (t->weight == 0 || (share < 1 && chance_next(&req->worker->chance) >= share))
            continue;
        int64_t cost = costs[i] >= 0 ? costs[i] : INT64_MAX - 1; /* those without a price come last */
        if (cost < least) {
            least = cost;
            n = 0;
        }
        if (cost == least)
            best[n++] = usable[i];
    }
    const uint8_t *conversation = n > 1 && is_sticky(req) ? conversation_of(req) : NULL;
    return n == 0 ? usable[0] : conversation != NULL ? by_conversation(req, conversation, best, n, now) : best[0];
}

/* The faster, the more often. */
static size_t by_latency(struct request *req, const size_t *usable, size_t count, int64_t now)
{
    double *seconds = arena_array(&req->arena, double, count), *shares = arena_array(&req->arena, double, count);
    strategy_seconds(req, usable, count, now, seconds);
    for (size_t i = 0; i < count; i++)
        shares[i] = share_of(&req->targets[usable[i]], now);
    return usable[latency_pick(seconds, shares, count, chance_next(&req->worker->chance))];
}

size_t strategy_pick(struct request *req, const size_t *usable, size_t count, int64_t now_ns)
{
    enum config_strategy strategy = strategy_of(req);
    const char *why = config_strategy_name(strategy);
    size_t chosen = usable[0];
    const uint8_t *conversation =
        count > 1 && strategy != STRATEGY_LOWEST_COST && is_sticky(req) ? conversation_of(req) : NULL;
    if (count == 1) {
        why = strategy_needs_all(req) ? "only" : why;
    } else if (conversation != NULL) {
        chosen = by_conversation(req, conversation, usable, count, now_ns);
        why = "sticky";
    } else if (strategy == STRATEGY_LOWEST_COST) {
        chosen = by_cost(req, usable, count, now_ns);
    } else if (strategy == STRATEGY_LOWEST_LATENCY) {
        chosen = by_latency(req, usable, count, now_ns);
    } else if (strategy == STRATEGY_WEIGHTED || is_sticky(req)) { /* without a conversation */
        chosen = by_weight(req, usable, count, now_ns);
        why = config_strategy_name(STRATEGY_WEIGHTED);
    } else if (strategy == STRATEGY_LEAST_BUSY) {
        chosen = by_load(req, usable, count, now_ns);
    }
    req->targets[chosen].chosen = req->pin.state != PIN_NONE ? "pinned" : why;
    return chosen;
}
