/* cached_ask.c - a cache in a helper process is asked, and the request waits: some milliseconds at most, whatever that does. */
#include "cache/answers.h"
#include "flow/attempt.h"
#include "flow/cached_inside.h"
#include "flow/way.h"

enum { TARGETS_MOST = 16 };

/* Arena. */
struct cached_ask {
    struct aside_ask ask;
    struct attempt *attempt;
    struct cached *cached;
    uint32_t wait;
    const struct route_target *targets[TARGETS_MOST]; /* the attempt's first */
    char keys[TARGETS_MOST][CACHE_KEY_LEN + 1];
    uint32_t count;
    const struct route_target *found; /* NULL: nothing is */
};

static bool call_off(struct request *req)
{
    aside_forget(&req->attempt->cached->ask->ask);
    return true;
}

static const struct wait_kind for_cache = { .name = "cache", .is_ours = true, .cancel = call_off };

static void add(struct cached_ask *k, const struct route_target *t, const char *key)
{
    k->targets[k->count] = t;
    memcpy(k->keys[k->count++], key, CACHE_KEY_LEN + 1);
}

/* The other targets of the model's first list. */
static void add_others(struct request *req, struct cached_ask *k)
{
    char key[CACHE_KEY_LEN + 1];
    for (size_t i = req->target_next; i < req->target_count && k->count < TARGETS_MOST; i++) {
        const struct route_target *t = &req->targets[i];
        if (!t->reserve && cached_bars_of(req, t) == NULL && cached_key_of(req, t, key))
            add(k, t, key);
    }
}

/* The value that came for the key at `place`; absent: none did. */
static struct text value_of(struct text bytes, uint32_t place)
{
    struct text value;
    uint32_t index;
    while (aside_value(&bytes, &index, &value))
        if (index == place)
            return value;
    return TEXT_NONE;
}

static void on_answer(struct aside_ask *ask, const struct aside_answer *answer)
{
    struct cached_ask *k = (struct cached_ask *)(void *)((char *)ask - offsetof(struct cached_ask, ask));
    struct request *req = k->attempt->req;
    struct cached *c = k->cached;
    CHECK(req, REQUEST);
    for (uint32_t i = 0; i < k->count && k->found == NULL && answer->status == GW_OK; i++) {
        struct text came = value_of(answer->bytes, i);
        buf_free(&c->value);
        if (came.ptr != NULL &&
            answers_read(req->worker->gateway->answers, req->team->name, k->keys[i], came, &c->value, &c->entry) &&
            cached_take(req, k->targets[i], c))
            k->found = k->targets[i];
    }
    wait_end(req, k->wait);
}

bool cached_ask_start(struct attempt *a, struct cached *c)
{
    struct request *req = a->req;
    struct cache_answers *answers = req->worker->gateway->answers;
    struct text keys[TARGETS_MOST];
    struct cached_ask *k = arena_new(&req->arena, struct cached_ask);
    if (req->arena.full)
        return false;
    *k = (struct cached_ask){ .ask = { .on_answer = on_answer }, .attempt = a, .cached = c };
    add(k, a->target, c->key);
    if (req->config->cache.any_target && req->attempts_made == 1 && req->model != NULL)
        add_others(req, k);
    for (uint32_t i = 0; i < k->count; i++)
        keys[i] = (struct text){ k->keys[i], CACHE_KEY_LEN };
    c->ask = k;
    c->from = flights_turn(answers_flights(answers));
    k->wait = wait_begin(req, &for_cache);
    if (!answers_ask(answers, req->worker->index, &req->worker->loop, req->team->name, keys, k->count, &k->ask))
        wait_end(req, k->wait); /* a miss, at once */
    return true;
}

const struct route_target *cached_ask_found(const struct cached *c)
{
    return c->ask->found;
}
