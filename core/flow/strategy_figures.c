/* strategy_figures.c - expected cost and expected time of a target, and what attempts teach of both. */
#include "flow/strategy_figures.h"

#include <string.h>

#include "flow/conversation.h"
#include "flow/price.h"
#include "flow/way.h"
#include "health/latency.h"
#include "health/spread.h"
#include "health/warm.h"

/* Tokens of an answer where none was seen; the part of a prompt that a warm cache has; bytes of two tokens. */
#define OUTPUT_MEAN 270.0
#define CACHED_PART .9
enum { TWO_TOKENS = 7 };

double strategy_input(const struct request *req)
{
    return (double)req->body.len * 2 / TWO_TOKENS;
}

static uint64_t warm_key(const uint8_t *conversation, const struct route_target *t)
{
    return (uint64_t)(spread_hash(conversation, t->provider->name, t->model) * 0x1p63);
}

static bool is_warm(struct request *req, const struct route_target *t, int64_t now)
{
    struct warm *warm = health_warm(req->worker->gateway->health);
    const uint8_t *conversation = warm != NULL ? conversation_of(req) : NULL;
    return conversation != NULL && warm_is(warm, warm_key(conversation, t), now);
}

static void view_all(struct request *req, const size_t *usable, size_t count, int64_t now, struct latency_view *views)
{
    for (size_t i = 0; i < count; i++) {
        views[i] = (struct latency_view){ -1, -1, -1, 0 };
        if (req->targets[usable[i]].health != NULL)
            latency_view(&req->targets[usable[i]].health->latency, now, &views[i]);
    }
}

void strategy_costs(struct request *req, const size_t *usable, size_t count, int64_t now_ns, int64_t *costs)
{
    struct latency_view *views = arena_array(&req->arena, struct latency_view, count);
    struct attempt *guess = arena_new(&req->arena, struct attempt);
    struct cost *cost = arena_new(&req->arena, struct cost);
    view_all(req, usable, count, now_ns, views);
    double output =
        (req->operation & (GW_OP_CHAT | GW_OP_COMPLETIONS)) != 0 ? latency_output(views, count, OUTPUT_MEAN) : 0;
    int64_t limit = price_output_limit(req), input = (int64_t)strategy_input(req);
    if (limit > 0 && (double)limit < output)
        output = (double)limit;
    if (req->attempt == NULL)
        price_ask(req);
    for (size_t i = 0; i < count; i++) {
        const struct route_target *t = &req->targets[usable[i]];
        *guess = (struct attempt){ .req = req, .target = t };
        const struct price_choice *choice = price_choose(guess);
        costs[i] = -1;
        if (choice == NULL)
            continue;
        int64_t quantity[UNITS] = { 0 };
        bool cached = choice->list.of[UNIT_CACHE_READ] != NULL && is_warm(req, t, now_ns);
        quantity[UNIT_CACHE_READ] = cached ? (int64_t)(CACHED_PART * (double)input) : 0;
        quantity[UNIT_INPUT] = input - quantity[UNIT_CACHE_READ];
        quantity[UNIT_OUTPUT] = (int64_t)output * price_choices(req);
        cost_of(&choice->list, quantity, cost);
        costs[i] = cost->known ? cost->nano : -1;
    }
}

void strategy_seconds(struct request *req, const size_t *usable, size_t count, int64_t now_ns, double *seconds)
{
    struct latency_view *views = arena_array(&req->arena, struct latency_view, count);
    view_all(req, usable, count, now_ns, views);
    latency_expect(views, count, strategy_input(req), (double)price_output_limit(req), seconds);
}

void strategy_look(struct request *req, struct ejection *target, int64_t now_ns, double *first_token_ms,
                   double *tokens_per_s)
{
    struct latency_view view;
    latency_view(&target->latency, now_ns, &view);
    *first_token_ms = view.first > 0 ? view.first * latency_ref(strategy_input(req)) * 1e3 : 0;
    *tokens_per_s = view.token > 0 ? 1 / view.token : 0;
}

void strategy_note_warm(struct attempt *a, int64_t now_ns)
{
    struct request *req = a->req;
    if (req->model == NULL || req->model->strategy != STRATEGY_LOWEST_COST || req->target_count < 2)
        return;
    struct warm *warm = health_warm(req->worker->gateway->health);
    const uint8_t *conversation = warm != NULL ? conversation_of(req) : NULL;
    if (conversation != NULL)
        warm_note(warm, warm_key(conversation, a->target), now_ns);
}

void strategy_note_times(struct attempt *a, int64_t now_ns)
{
    const struct usage *u = &a->usage;
    if (a->ticket.row == NULL || !a->streams || a->spoke_ns == 0)
        return;
    bool known = u->source == USAGE_REPORTED;
    double uncached = known ? (double)(usage_total_in(u) - u->cache_read) : a->input_guess;
    bool whole = known && a->state == ATTEMPT_ENDED && a->ended_ns > a->spoke_ns;
    latency_add(&a->ticket.row->latency, a->spoke_ns - a->started_ns, uncached, whole ? a->ended_ns - a->spoke_ns : -1,
                (double)usage_total_out(u), now_ns);
}
