/* worst.c - what an attempt can cost at most. */
#include "flow/worst.h"

#include <string.h>

#include "flow/way.h"
#include "money/cost.h"
#include "money/estimates.h"
#include "money/nano.h"
#include "money/prefixes.h"
#include "money/tariff.h"

enum {
    MILLION = 1000000,
    FRAME = 2048,
    OUTPUT_MOST = 128 << 10,
    OUTPUT_EXPECTED = 4096,
    OUTPUT_LEAST = 256,
    REASONING_LEAST = 4096,
    LIMIT_ROOM = 40 /* of a limit that is put in */
};

/* 100,000 USD for one attempt: so much fits no budget that means anything, and sums of it do not overflow. */
#define HOLD_MOST (INT64_C(100000) * NANO_PER_USD)

/* tokens * price / a million, rounded up. */
static int64_t tokens_cost(int64_t tokens, int64_t price)
{
    __int128 cost = ((__int128)tokens * price + MILLION - 1) / MILLION;
    return cost > HOLD_MOST ? HOLD_MOST : (int64_t)cost;
}

static int64_t capped(int64_t a, int64_t b)
{
    return a > HOLD_MOST - b ? HOLD_MOST : a + b;
}

/* The dearest price of a unit, of all tiers that so much input reaches. */
static int64_t dearest_of(const struct book_price *price, int64_t input)
{
    int64_t most = price->nano;
    for (size_t i = 0; i < price->tier_count; i++)
        if (input > price->tiers[i].above && price->tiers[i].nano > most)
            most = price->tiers[i].nano;
    return most;
}

static int64_t dearest(const struct price_list *list, const enum unit *units, size_t count, int64_t input)
{
    int64_t most = 0;
    for (size_t i = 0; i < count; i++) {
        const struct book_price *price = list->of[units[i]];
        int64_t nano = price != NULL ? dearest_of(price, input) : 0;
        most = nano > most ? nano : most;
    }
    return most;
}

static int64_t input_price(const struct price_list *list, const struct bound *bound)
{
    enum unit units[5] = { UNIT_INPUT, UNIT_CACHE_READ, UNIT_CACHE_WRITE };
    size_t n = 3;
    if (bound->hour)
        units[n++] = UNIT_CACHE_WRITE_1H;
    if (bound->images)
        units[n++] = UNIT_IMAGE_IN;
    return dearest(list, units, n, bound->input);
}

static int64_t output_price(const struct price_list *list, const struct bound *bound)
{
    static const enum unit units[] = { UNIT_OUTPUT, UNIT_REASONING };
    return dearest(list, units, 2, bound->input);
}

/* What is charged by the call. */
static int64_t fees(const struct price_list *list, int64_t searches)
{
    int64_t sum = 0;
    const struct book_price *request = list->of[UNIT_REQUEST], *search = list->of[UNIT_WEB_SEARCH];
    if (request != NULL)
        sum = capped(sum, (request->nano + unit_info(UNIT_REQUEST)->per - 1) / unit_info(UNIT_REQUEST)->per);
    if (search != NULL && searches > 0)
        sum = capped(sum, searches * search->nano / unit_info(UNIT_WEB_SEARCH)->per + 1);
    return sum;
}

/* Models that reason although nobody asks for it. */
static bool reasons_always(struct text model)
{
    static const char *const parts[] = { "o1",       "o3",     "o4",        "gpt-5", "reason", "think",  "gemini-2.5",
                                         "gemini-3", "grok-4", "magistral", "r1",    "qwq",    "gpt-oss" };
    for (; model.len > 0; model = (struct text){ model.ptr + 1, model.len - 1 })
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
            if (*model.ptr == *parts[i] && text_starts(model, text_of(parts[i])))
                return true;
    return false;
}

static bool is_by_tokens(uint32_t operation)
{
    return (operation & (GW_OP_CHAT | GW_OP_COMPLETIONS | GW_OP_EMBEDDINGS)) != 0;
}

static bool writes_tokens(uint32_t operation)
{
    return (operation & (GW_OP_CHAT | GW_OP_COMPLETIONS)) != 0;
}

static size_t bytes_sent(const struct request *req)
{
    size_t bytes = 0;
    for (size_t i = 0; i < req->piece_count; i++)
        bytes += req->pieces[i].len;
    return bytes;
}

/* A client of Anthropic's may let the model think between its calls: then its limit is the window. */
static bool is_interleaved(const struct request *req)
{
    for (size_t i = 0; i < req->dialect_header_count; i++)
        if (strcasecmp(req->dialect_headers[i].name, "anthropic-beta") == 0 &&
            strstr(req->dialect_headers[i].value, "interleaved-thinking") != NULL)
            return true;
    return false;
}

/* An earlier request that began alike has been counted by the upstream. */
static void tighten(const struct attempt *a, struct worst *worst, const struct prefix *prefix)
{
    struct estimates *all = a->req->worker->gateway->estimates;
    if (all == NULL || prefix == NULL || prefix->whole == 0)
        return;
    worst->prefix = prefix->whole;
    int64_t bound = estimates_prefix_bound(all, prefix);
    if (bound < worst->bound.input)
        worst->bound.input = bound;
}

void worst_read(struct attempt *a, struct arena *scratch)
{
    struct request *req = a->req;
    struct book_found found;
    struct worst *worst = arena_new(&req->arena, struct worst);
    struct bound_ask ask = { .seller = price_seller(a->target->provider),
                             .model = a->target->model,
                             .counter = a->target->provider->name,
                             .bytes = bytes_sent(req) + LIMIT_ROOM,
                             .interleaved = is_interleaved(req) };
    if (a->mode == MODE_LOCAL)
        ask.bytes = req->body.len;
    worst->bytes = ask.bytes;
    if (req->worker->gateway->estimates != NULL)
        ask.learned = estimates_learned(req->worker->gateway->estimates, a->target->model);
    ask.limits = a->mode == MODE_TRANSLATE ? NULL : req->face->dialect->limits;
    ask.body = a->mode == MODE_TRANSLATE ? buf_view(&a->http.body) : buf_view(&req->body);
    if (price_find(req, a->target, &found)) {
        ask.window = found.model->window;
        ask.max_output = found.model->max_output;
    }
    struct prefix *prefix = ask.prefix = arena_new(scratch, struct prefix);
    bound_of(&ask, scratch, &worst->bound);
    tighten(a, worst, prefix);
    arena_reset(scratch);
    if (!writes_tokens(req->operation))
        worst->bound.output = 0;
    worst->strict = a->charge == LEDGER_CHARGED_STRICTLY;
    worst->min_output = req->model != NULL && req->model->min_output > 0           ? req->model->min_output
                        : worst->bound.reasons || reasons_always(a->target->model) ? REASONING_LEAST
                                                                                   : OUTPUT_LEAST;
    worst->fixed_output =
        ask.interleaved || a->mode == MODE_LOCAL; /* what a provider answers by itself is not asked anew */
    worst->no_most = worst->bound.unbounded;
    if (worst->no_most == NULL && worst->bound.no_limit && writes_tokens(req->operation))
        worst->no_most =
            "an answer without a limit of its tokens, where the price book does not know how many the model writes at most";
    if (worst->no_most == NULL && !is_by_tokens(req->operation))
        worst->no_most = "what is not priced by tokens";
    a->worst = worst;
}

static int64_t times(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

/* Where nobody's budget asks: a token for each byte. */
static struct bound rough(struct request *req)
{
    struct bound bound = { .input = (int64_t)req->body.len + FRAME,
                           .limit = price_output_limit(req),
                           .choices = price_choices(req) };
    bound.output =
        writes_tokens(req->operation) ? times(bound.limit > 0 ? bound.limit : OUTPUT_MOST, bound.choices) : 0;
    return bound;
}

/* What 95 of 100 requests of this model and key did not pass. False: too few have been seen. */
static bool learned(const struct attempt *a, const struct price_list *list, int64_t *soft)
{
    const struct request *req = a->req;
    struct estimate seen;
    struct estimates *all = req->worker->gateway->estimates;
    if (a->worst == NULL || all == NULL ||
        !estimates_ask(all, a->target->model, req->key != NULL ? req->key->name : TEXT_NONE, &seen))
        return false;
    const struct bound *bound = &a->worst->bound;
    int64_t out = bound->limit > 0 && bound->limit < seen.output ? bound->limit : seen.output;
    __int128 in = (__int128)seen.input_per_kb * (int64_t)a->worst->bytes / 1000;
    *soft =
        capped(in > HOLD_MOST ? HOLD_MOST : (int64_t)in,
               capped(fees(list, bound->searches), tokens_cost(times(out, bound->choices), a->worst->output_price)));
    return true;
}

/* 3.5 bytes a token in, and the limit, but not more than usual, out. */
static int64_t expected(struct attempt *a, const struct price_list *list, const struct bound *bound, bool *known)
{
    struct request *req = a->req;
    int64_t out = bound->limit > 0 && bound->limit < OUTPUT_EXPECTED ? bound->limit : OUTPUT_EXPECTED;
    int64_t soft = cost_of_tokens(list, (int64_t)req->body.len * 2 / 7,
                                  writes_tokens(req->operation) ? times(out, bound->choices) : 0);
    *known = soft >= 0;
    soft = *known ? soft : 0;
    learned(a, list, &soft);
    return soft;
}

int64_t worst_with(const struct worst *worst, int64_t limit)
{
    int64_t tokens = times(limit, worst->bound.choices);
    tokens = tokens < INT64_MAX - worst->bound.prediction ? tokens + worst->bound.prediction : INT64_MAX;
    return capped(worst->fixed, tokens_cost(tokens, worst->output_price));
}

int64_t worst_limit(const struct worst *worst, int64_t room)
{
    if (worst->output_price <= 0 || room <= worst->fixed)
        return 0;
    __int128 tokens = (__int128)(room - worst->fixed) * MILLION / worst->output_price / worst->bound.choices;
    int64_t limit = tokens > INT32_MAX ? INT32_MAX : (int64_t)tokens;
    while (limit > 0 && worst_with(worst, limit) > room) /* roundings, and a prediction */
        limit -= 1 + limit / 64;
    return limit > 0 ? limit : 0;
}

/* What the tokens cost at these prices, where that is more than what is known so far. */
static void take_prices(struct worst *worst, const struct price_list *list)
{
    const struct bound *bound = &worst->bound;
    int64_t in = input_price(list, bound), output = output_price(list, bound);
    int64_t fixed = capped(tokens_cost(bound->input, in), fees(list, bound->searches));
    worst->fixed = fixed > worst->fixed ? fixed : worst->fixed;
    worst->output_price = output > worst->output_price ? output : worst->output_price;
    if (in != 0 || output != 0 || list->of[UNIT_WEB_SEARCH] != NULL)
        worst->only_fees = false;
}

bool worst_price(struct attempt *a)
{
    struct request *req = a->req;
    const struct tariff *own = a->target->price;
    bool known;

    a->hard = a->soft = 0;
    if (req->operation == GW_OP_COUNT_TOKENS || (own != NULL && own->free))
        return true;
    const struct price_choice *prices = price_choose(a);
    if (prices == NULL)
        return false;
    const struct price_list *list = &prices->list;
    struct bound guess = a->worst != NULL ? a->worst->bound : rough(req);
    struct worst plain = { .bound = guess }, *worst = a->worst != NULL ? a->worst : &plain;
    const struct price_choice *standard = price_standard(a);
    worst->output_price = worst->fixed = 0;
    worst->only_fees = true;
    take_prices(worst, list);
    if (standard != NULL) /* what was asked for as "flex" may be served, and charged, as usual */
        take_prices(worst, &standard->list);
    const struct price_choice *tier;
    for (size_t next = 0; worst->strict && worst->bound.any_tier && (tier = price_in_tier(a, &next)) != NULL;)
        take_prices(worst, &tier->list);
    if (worst->only_fees)
        worst->no_most = NULL; /* a fee is a fee, whatever is used */
    a->hard = capped(worst->fixed, tokens_cost(guess.output, worst->output_price));
    if (worst->no_most != NULL && req->model != NULL && req->model->most_nano > 0) {
        worst->fixed_output = true;
        worst->no_most = NULL;
        a->hard = req->model->most_nano;
    }
    a->soft = expected(a, list, &guess, &known);
    if (a->soft > a->hard)
        a->soft = a->hard;
    return known;
}
