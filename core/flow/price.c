/* price.c - what a request costs. Each attempt has a usage of its own and is priced by itself: one that failed after it
 * had begun may be charged too. */
#include "flow/price.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "flow/way.h"
#include "money/cost.h"
#include "money/nano.h"
#include "money/tariff.h"

enum { NAMES_MOST = 1024, NAME_MOST = 512 };

/* An entry of the cache. `found.model` is NULL where the book has no price. */
struct known {
    struct book_found found;
    char name[];
};

void price_cache_fini(struct price_cache *cache)
{
    for (size_t i = 0; i < cache->names.count; i++)
        free(cache->names.entries[i].value);
    map_fini(&cache->names);
}

void price_cache_use(struct price_cache *cache, const struct book *book)
{
    pthread_mutex_lock(&cache->mutex);
    price_cache_fini(cache);
    cache->book = book;
    pthread_mutex_unlock(&cache->mutex);
}

/* Clients may name models without end, so the cache takes so many and no more. */
static void remember(struct price_cache *cache, struct text name, const struct book_found *found)
{
    if (cache->names.count >= NAMES_MOST || name.len > NAME_MOST)
        return;
    struct known *known = malloc(sizeof *known + name.len);
    BUG_IF(known == NULL);
    known->found = *found;
    memcpy(known->name, name.ptr, name.len);
    map_put(&cache->names, (struct text){ known->name, name.len }, known);
}

struct text price_seller(const struct config_provider *p)
{
    return text_of(p->service != NULL ? p->service->name : p->plugin->name);
}

/* "seller/model", without printf(): every request asks. */
static struct text name_of(struct arena *arena, struct text seller, struct text model)
{
    size_t len = seller.len + 1 + model.len;
    char *name = arena_alloc(arena, len);
    memcpy(name, seller.ptr, seller.len);
    name[seller.len] = '/';
    memcpy(name + seller.len + 1, model.ptr, model.len);
    return (struct text){ name, len };
}

bool price_find(struct request *req, const struct route_target *target, struct book_found *found)
{
    const struct book *book = req->config->book;
    struct price_cache *cache = &req->worker->prices;
    struct text seller = price_seller(target->provider);
    if (book == NULL)
        return false;
    struct text name = name_of(&req->arena, seller, target->model);
    pthread_mutex_lock(&cache->mutex);
    const struct known *known = book == cache->book ? map_get(&cache->names, name) : NULL;
    if (known != NULL) {
        *found = known->found;
    } else {
        book_find(book, seller, target->model, found);
        if (book == cache->book)
            remember(cache, name, found);
    }
    pthread_mutex_unlock(&cache->mutex);
    return found->model != NULL;
}

static struct text asked(struct request *req, const char *name)
{
    const struct scan_member *m = scan_get(&req->ask.scan, name);
    struct text value;
    return m != NULL && scan_string(&req->arena, m, &value) ? arena_text(&req->arena, value) : TEXT_NONE;
}

void price_ask(struct request *req)
{
    req->tier = asked(req, "service_tier");
    req->speed = asked(req, "speed");
}

/* The tier and the speed that the answer reports, else those asked for, choose between the variants of a price. */
static struct text tier_of(const struct attempt *a)
{
    return a->usage.tier.len > 0 ? a->usage.tier : a->req->tier;
}

static struct text speed_of(const struct attempt *a)
{
    return a->usage.speed.len > 0 ? a->usage.speed : a->req->speed;
}

static size_t context_of(const struct price_choice *choice, struct price_context out[2])
{
    size_t n = 0;
    if (choice->tier.len > 0)
        out[n++] = (struct price_context){ TEXT("service_tier"), choice->tier };
    if (choice->speed.len > 0)
        out[n++] = (struct price_context){ TEXT("speed"), choice->speed };
    return n;
}

/* Tokens are what these are charged by; the estimate of an image or of speech is no quantity of theirs. */
static bool is_by_tokens(uint32_t operation)
{
    return (operation & (GW_OP_CHAT | GW_OP_COMPLETIONS | GW_OP_EMBEDDINGS)) != 0;
}

/* Where gateway.lua names a fee for each request and nobody names another price, that is all that is charged. */
static const struct book_price nothing = { .unit = UNIT_INPUT };

static bool is_fee_alone(const struct price_list *list)
{
    for (enum unit unit = 0; unit < UNITS; unit++)
        if (unit != UNIT_REQUEST && list->of[unit] != NULL)
            return false;
    return true;
}

bool price_is_charged(const struct attempt *a)
{
    if (attempt_is_hit(a))
        return false;
    return a->mode != MODE_LOCAL || (a->target->price != NULL && !a->target->price->free);
}

/* "openai/gpt-4o", or "openai/gpt-4o, gateway.lua". */
static struct text entry_of(struct arena *arena, const struct book_found *found, bool own)
{
    struct text name = name_of(arena, found->provider->id, found->model->id);
    return own ? text_of(arena_printf(arena, "%.*s, gateway.lua", TEXT_ARG(name))) : name;
}

static struct price_choice *choose(struct attempt *a, struct text tier, struct text speed)
{
    struct request *req = a->req;
    struct price_choice *choice = arena_new(&req->arena, struct price_choice);
    struct price_list *list = &choice->list;
    struct price_context context[2];
    struct book_found found;
    const struct tariff *own = a->target->price;
    choice->tier = tier;
    choice->speed = speed;
    if ((own == NULL || !own->free) && price_find(req, a->target, &found)) {
        price_list_at(found.model, req->admitted_ms / 1000, context, context_of(choice, context), list);
        choice->entry = entry_of(&req->arena, &found, own != NULL);
    } else if (own != NULL) {
        choice->entry = TEXT("gateway.lua");
    }
    if (own != NULL)
        tariff_apply(own, list);
    if (own != NULL && list->of[UNIT_REQUEST] != NULL && is_fee_alone(list))
        list->of[UNIT_INPUT] = list->of[UNIT_OUTPUT] = &nothing;
    return choice;
}

const struct price_choice *price_choose(struct attempt *a)
{
    const struct price_choice *known = a->prices;
    if (known == NULL || !text_eq(known->tier, tier_of(a)) || !text_eq(known->speed, speed_of(a)))
        known = a->prices = choose(a, tier_of(a), speed_of(a));
    return known->entry.ptr != NULL ? known : NULL;
}

const struct price_choice *price_standard(struct attempt *a)
{
    const struct price_choice *asked = price_choose(a);
    return asked == NULL || (asked->tier.len == 0 && asked->speed.len == 0) ? NULL : choose(a, TEXT_NONE, TEXT_NONE);
}

const struct price_choice *price_in_tier(struct attempt *a, size_t *next)
{
    struct book_found found;
    if (!price_find(a->req, a->target, &found))
        return NULL;
    while (*next < found.model->variant_count) {
        const struct book_entry *variant = &found.model->variants[(*next)++];
        if (text_is(variant->when, "service_tier"))
            return choose(a, variant->value, speed_of(a));
    }
    return NULL;
}

/* Is there something to price? Without a usage, and by a guess of what is not charged by tokens, there is not. */
static bool is_priced(const struct attempt *a)
{
    return a->usage.source != USAGE_NONE && (a->usage.source != USAGE_ESTIMATED || is_by_tokens(a->req->operation));
}

/* What it would cost today is what the cache has saved; it costs nothing. */
static void price_hit(struct attempt *a)
{
    int64_t quantity[UNITS];
    const struct price_choice *choice = price_choose(a);
    const struct tariff *own = a->target->price;
    struct cached *c = a->cached;
    a->price = (struct price){ .done = true, .known = true, .free = true };
    c->saved_known = own != NULL && own->free;
    if (choice == NULL || c->saved_known || !is_priced(a))
        return;
    struct cost *cost = arena_new(&a->req->arena, struct cost);
    cost_quantities(&a->usage, quantity);
    cost_of(&choice->list, quantity, cost);
    c->saved_known = cost->known;
    c->saved = cost->known ? cost->nano : 0;
    a->price.entry = choice->entry;
    a->price.cost = cost->known ? cost : NULL;
}

void price_attempt(struct attempt *a)
{
    int64_t quantity[UNITS];

    if (a->price.done)
        return;
    if (attempt_is_hit(a)) {
        price_hit(a);
        return;
    }
    const struct tariff *own = a->target->price;
    a->price = (struct price){ .done = true, .free = a->ending == ATTEMPT_FREE };
    a->price.known = a->price.free;
    const struct price_choice *choice = a->price.free ? NULL : price_choose(a);
    if (choice == NULL)
        return;
    a->price.entry = choice->entry;
    if (own != NULL && own->free) {
        a->price.known = true;
        return;
    }
    if (!is_priced(a))
        return;
    struct cost *cost = arena_new(&a->req->arena, struct cost);
    cost_quantities(&a->usage, quantity);
    cost_of(&choice->list, quantity, cost);
    a->price.known = cost->known;
    a->price.nano = cost->known ? cost->nano : 0;
    a->price.cost = cost;
}

/* The limit of output tokens that is sent; 0: none. */
int64_t price_output_limit(struct request *req)
{
    static const char *const names[] = { "max_completion_tokens", "max_tokens", "max_output_tokens" };
    int64_t limit = 0, value;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (scan_int(scan_get(&req->ask.scan, names[i]), &value) && value > limit)
            limit = value;
    }
    return limit;
}

/* A client may ask for any number. */
static int64_t times(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

/* How many answers are asked for: n or best_of, for each prompt of a list. */
int64_t price_choices(struct request *req)
{
    int64_t most = req->ask.choices > 0 ? req->ask.choices : 1, value;
    if (req->operation != GW_OP_COMPLETIONS)
        return most;
    static const char *const names[] = { "n", "best_of" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (scan_int(scan_get(&req->ask.scan, names[i]), &value) && value > most)
            most = value;
    const struct scan_member *prompt = scan_get(&req->ask.scan, "prompt");
    const struct json *list =
        prompt != NULL && prompt->type == '[' ? json_parse_quick(&req->arena, prompt->value) : NULL;
    enum json_type first = json_type(json_at(list, 0)); /* a list of numbers is one prompt, as tokens */
    return first == JSON_T_STR || first == JSON_T_ARRAY ? times(most, (int64_t)json_count(list)) : most;
}

const char *price_header(struct request *req)
{
    char usd[NANO_TEXT];
    if (!req->cost.known || req->attempt == NULL)
        return NULL;
    return arena_str(&req->arena, text_of(nano_write(req->cost.nano, 0, usd)));
}

void price_request(struct request *req)
{
    req->cost = (struct price){ .known = true };
    for (struct attempt *a = req->attempt; a != NULL; a = a->previous) {
        price_attempt(a);
        req->cost.known = req->cost.known && a->price.known;
        if (__builtin_add_overflow(req->cost.nano, a->price.nano, &req->cost.nano))
            req->cost.nano = INT64_MAX;
        if (req->cost.entry.ptr == NULL)
            req->cost.entry = a->price.entry;
    }
}
