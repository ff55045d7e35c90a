/* cached.c - the row in which an attempt is answered from the cache, and what is kept of an answer. */
#include "flow/cached.h"

#include <string.h>

#include "base/clock.h"
#include "cache/answers.h"
#include "cache/rules.h"
#include "flow/attempt.h"
#include "flow/join.h"
#include "flow/metrics.h"
#include "flow/policy.h"
#include "flow/way.h"

enum {
    BODY_MOST = 256 << 10, /* of a request: the digest of more would keep the loop for too long */
    TURNS_MOST = 8,        /* that a request looks into the cache, when flights end meanwhile */
};

/* --- what the client asks for --- */

static void take_word(struct cached_wish *wish, struct text word)
{
    struct text value = word, name = text_cut(&value, '=');
    int64_t seconds;
    if (text_eq_nocase(name, TEXT("no-cache")))
        wish->no_read = true;
    else if (text_eq_nocase(name, TEXT("no-store")))
        wish->no_store = true;
    else if (text_eq_nocase(name, TEXT("only-if-cached")))
        wish->only = true;
    else if (text_eq_nocase(name, TEXT("max-age")) && text_parse_u63(value, &seconds) == 0) {
        wish->is_aged = true;
        wish->max_age_ms = seconds < INT64_MAX / 1000 ? seconds * 1000 : INT64_MAX;
    }
}

bool cached_header(struct request *req, struct text name, struct text value)
{
    struct cached_wish *wish = &req->wish;
    if (text_eq_nocase(name, TEXT("cache-control"))) {
        while (value.len > 0)
            take_word(wish, text_trim(text_cut(&value, ',')));
        return true;
    }
    if (!text_eq_nocase(name, TEXT("x-gw-cache")))
        return false;
    bool only = text_eq_nocase(value, TEXT("only")), refresh = text_eq_nocase(value, TEXT("refresh"));
    bool no_store = text_eq_nocase(value, TEXT("no-store"));
    wish->only = wish->only || only;
    wish->no_read = wish->no_read || refresh;
    wish->no_store = wish->no_store || no_store;
    if (!only && !refresh && !no_store && req->whose.header == NULL) {
        req->whose.header = "x-gw-cache";
        req->whose.wrong = "takes no-store, only or refresh: send one of these, or leave it out";
    }
    return true;
}

/* --- what may be kept, and under which key --- */

static bool is_relayed(const struct request *req, const struct config_provider *p)
{
    return (way_dialects(p) & req->face->dialect->bit) != 0;
}

static const char *bars_of(struct request *req, const struct route_target *t)
{
    const struct cache_ask ask = {
        .operation = req->operation, .model = t->model, .scan = &req->ask.scan, .tools = req->config->cache.tools
    };
    if (req->wish.no_store)
        return "no_store";
    if (req->team->no_cache || (req->model != NULL && req->model->no_cache))
        return "off";
    if ((t->provider->plugin->provider.flags & GW_PROVIDER_LOCAL) != 0)
        return "local";
    if (req->body.len > BODY_MOST)
        return "too_large";
    const char *why = rules_bar_ask(&req->worker->scratch, &ask);
    arena_reset(&req->worker->scratch);
    return why;
}

/* What is configured of a provider: with other settings it may answer otherwise. */
static void put_provider(struct buf *out, const struct config_provider *p)
{
    buf_printf(out, "%.*s%c%s%c%.*s%c%s%c", TEXT_ARG(p->name), 0, p->plugin->name, 0, TEXT_ARG(p->base_url), 0,
               p->settings != NULL ? p->settings : "", 0);
    for (size_t i = 0; i < p->header_count; i++)
        buf_printf(out, "%.*s%c%.*s%c", TEXT_ARG(p->headers[i].name), 0, TEXT_ARG(p->headers[i].value), 0);
}

/* As `cache purge --model` names it. */
static struct text model_of(const struct request *req, const struct route_target *t)
{
    return req->model != NULL ? req->model->name
                              : text_of(arena_printf(&req->worker->scratch, "%.*s/%.*s", TEXT_ARG(t->provider->name),
                                                     TEXT_ARG(t->model)));
}

/* Who shares answers, below the team. */
static struct text space_of(const struct request *req)
{
    switch (req->config->cache.per) {
    case CACHE_PER_KEY:
        return req->key != NULL ? req->key->name : TEXT("");
    case CACHE_PER_USER:
        return req->whose.user;
    case CACHE_PER_TEAM:
        break;
    }
    return TEXT("");
}

/* The policies, what was purged, and the block of the model with the providers of its targets, or the one provider that the client named. */
static void put_generation(const struct request *req, const struct route_target *t, struct buf *out)
{
    buf_append(out, req->config->policy_digest, sizeof req->config->policy_digest);
    if (req->model == NULL)
        put_provider(out, t->provider);
    for (size_t i = 0; req->model != NULL && i < req->model->target_count; i++) {
        put_provider(out, req->model->targets[i].provider);
        buf_printf(out, "%.*s%c", TEXT_ARG(req->model->targets[i].model), 0);
    }
    buf_printf(out, "%d%c", req->model != NULL && req->model->lossy_refuse, 0);
    purges_write(answers_purges(req->worker->gateway->answers), req->team->name, model_of(req, t), out);
}

/* Each target has entries of its own: weights stay true, and what one account has signed is not given to another. */
static void put_target(const struct request *req, const struct route_target *t, struct buf *out)
{
    const struct config_provider *p = t->provider;
    buf_printf(out, "%.*s%c%s%c%d%c%.*s%c", TEXT_ARG(p->name), 0, p->plugin->name, 0, is_relayed(req, p), 0,
               TEXT_ARG(t->model), 0);
}

/* The headers that go on: the client's of this dialect, and what policies set. */
static struct cache_header *headers_of(struct request *req, size_t *count)
{
    struct arena *scratch = &req->worker->scratch;
    const struct script_put *sends = req->policy != NULL ? req->policy->sends : NULL;
    size_t most = req->dialect_header_count, n = 0;
    for (const struct script_put *put = sends; put != NULL; put = put->next)
        most++;
    struct cache_header *all = arena_array(scratch, struct cache_header, most);
    for (size_t i = 0; i < req->dialect_header_count; i++) {
        const struct door_header *h = &req->dialect_headers[i];
        if (!text_eq_nocase(text_of(h->name), TEXT("content-type")))
            all[n++] = (struct cache_header){ text_of(h->name), text_of(h->value) };
    }
    for (const struct script_put *put = sends; put != NULL; put = put->next)
        if (policy_sends(req, put->name) == put)
            all[n++] = (struct cache_header){ put->name, put->value };
    *count = n;
    return all;
}

/* False: there is no memory for it. */
static bool key_of(struct request *req, const struct route_target *t, char key[CACHE_KEY_LEN + 1])
{
    struct buf generation, target;
    size_t count;
    buf_init(&generation, 1u << 20);
    buf_init(&target, 1u << 20);
    put_generation(req, t, &generation);
    put_target(req, t, &target);
    struct cache_parts parts = { .team = req->team->name,
                                 .space = space_of(req),
                                 .face = text_of(req->face->name),
                                 .model = req->model != NULL ? req->model->name : TEXT(""),
                                 .target = buf_view(&target),
                                 .path = req->path,
                                 .query = req->query,
                                 .generation = buf_view(&generation),
                                 .scan = &req->ask.scan };
    parts.headers = headers_of(req, &count);
    parts.header_count = count;
    bool good = !generation.failed && !target.failed &&
                key_make(&req->worker->scratch, answers_seal(req->worker->gateway->answers), &parts, key);
    unsigned purged =
        purges_of_entry(answers_purges(req->worker->gateway->answers), (struct text){ key, PURGES_NAME_LEN });
    if (good && purged > 0)
        key_again(answers_seal(req->worker->gateway->answers), purged, key);
    arena_reset(&req->worker->scratch);
    buf_free(&generation);
    buf_free(&target);
    return good;
}

/* --- a hit --- */

/* Is the entry young enough, and can it be written in the way that the client asks for? */
static bool is_wanted(const struct request *req, const struct cached *c)
{
    return (!req->wish.is_aged || c->age_ms <= req->wish.max_age_ms) &&
           (c->entry.events == req->ask.stream || req->face->canonical != NULL);
}

static bool look(struct request *req, const struct route_target *t, struct cached *c, const char *key)
{
    struct gateway *gateway = req->worker->gateway;
    buf_free(&c->value);
    if (!answers_get(gateway->answers, req->worker->index, req->team->name, key, &c->value, &c->entry))
        return false;
    int64_t now = clock_unix_ms();
    c->age_ms = now > c->entry.stored_ms ? now - c->entry.stored_ms : 0;
    c->left_ms = c->entry.ends_ms - now;
    if (!is_wanted(req, c))
        return false;
    bool renewed = !is_relayed(req, t->provider) ||
                   entry_renew(&req->worker->scratch, &c->entry, text_of(req->id), now / 1000, &c->again);
    arena_reset(&req->worker->scratch);
    return renewed;
}

/* Another target of the model's first list for which the cache has an answer. */
static const struct route_target *look_elsewhere(struct request *req, struct cached *c)
{
    char key[CACHE_KEY_LEN + 1];
    for (size_t i = req->target_next; i < req->target_count && req->attempts_made == 1 && req->model != NULL; i++) {
        const struct route_target *t = &req->targets[i];
        if (!t->reserve && bars_of(req, t) == NULL && key_of(req, t, key) && look(req, t, c, key))
            return t;
    }
    return NULL;
}

static bool find(struct attempt *a, struct cached *c)
{
    struct request *req = a->req;
    bool dropped = req->attempts_earlier > 0; /* a policy wants another one */
    if (req->wish.no_read || dropped)
        return false;
    if (look(req, a->target, c, c->key))
        return true;
    const struct route_target *other = req->config->cache.any_target ? look_elsewhere(req, c) : NULL;
    if (other == NULL)
        return false;
    struct route_target *copy =
        arena_new(&req->arena, struct route_target); /* the list moves on while targets are tried */
    *copy = *other;
    a->target = copy;
    a->secret = 0; /* an index of the first one's */
    return true;
}

static enum next refuse_other(struct attempt *a, const char *why)
{
    a->outcome = OUTCOME_REFUSED;
    error_set(&a->req->fail, E_NOT_CACHED,
              "The cache has no answer to this request, and the request asks for a cached answer only (%s)", why);
    return FAIL;
}

/* Looks into the cache, and then for an equal request in flight; once more where one has ended in between. */
static enum flights_place find_or_join(struct attempt *a, struct cached *c)
{
    enum flights_place place = FLIGHTS_AGAIN;
    for (int turn = 0; turn < TURNS_MOST && place == FLIGHTS_AGAIN; turn++) {
        uint64_t from = flights_turn(answers_flights(a->req->worker->gateway->answers));
        if (find(a, c)) {
            c->state = CACHED_HIT;
            choose_call_off(a);
            return FLIGHTS_ALONE;
        }
        place = a->req->wish.only ? FLIGHTS_ALONE : join_enter(a, from);
    }
    return place;
}

/* Row "cache.find": looks for an answer to this attempt in the cache; waits for an equal request that is in flight. */
enum next cached_find(struct request *req)
{
    struct attempt *a = req->attempt;
    join_again(req);
    if (req->config->cache.plugin == NULL || req->worker->gateway->answers == NULL)
        return req->wish.only ? refuse_other(a, "the gateway has no cache") : NEXT;
    struct cached *c = arena_new(&req->arena, struct cached);
    if (req->arena.full)
        return NEXT;
    buf_init(&c->kept, CACHE_ANSWER_MOST);
    buf_init(&c->value, CACHE_ANSWER_MOST + 4096);
    buf_init(&c->again, 2 * CACHE_ANSWER_MOST);
    arena_defer(&req->arena, buf_free_any, &c->kept);
    arena_defer(&req->arena, buf_free_any, &c->value);
    arena_defer(&req->arena, buf_free_any, &c->again);
    a->cached = c;
    c->bars = bars_of(req, a->target);
    if (c->bars == NULL && !key_of(req, a->target, c->key))
        c->bars = "memory";
    c->state = c->bars != NULL ? CACHED_BARRED : CACHED_MISS;
    if (c->state == CACHED_MISS && find_or_join(a, c) == FLIGHTS_LISTENS)
        return WAIT;
    if (c->state != CACHED_HIT && req->wish.only)
        return refuse_other(a, c->bars != NULL ? c->bars : "only-if-cached");
    return NEXT;
}

void cached_replay(struct attempt *a)
{
    struct cached *c = a->cached;
    a->slow.state = SLOW_OVER;
    const struct transfer_header type = { TEXT("content-type"), c->entry.content_type };
    attempt_arrivals.on_head(a, 200, &type, 1);
    if (!attempt_is_over(a))
        attempt_arrivals.on_body(a, c->again.len > 0 ? buf_view(&c->again) : c->entry.bytes);
    if (!attempt_is_over(a))
        attempt_arrivals.on_done(a, TRANSFER_OK, NULL);
    buf_free(&c->value); /* the answer is copied by now, and a slow client may keep the request for long */
    buf_free(&c->again);
}

/* --- what is kept --- */

/* It was looked for and is a miss; what its upstream answers is not kept. */
static void bar(struct cached *c, const char *why)
{
    buf_free(&c->kept);
    c->bars = why;
}

void cached_keep(struct attempt *a, struct text bytes)
{
    struct cached *c = a->cached;
    join_write(a, bytes);
    if (c == NULL || c->state != CACHED_MISS || c->bars != NULL || a->status != 200)
        return;
    if (buf_text(&c->kept, bytes) < 0)
        bar(c, "answer_too_large");
}

/* Text alone: events, or one JSON value. */
static bool is_text(const struct attempt *a)
{
    bool events = text_starts_nocase(a->content_type, TEXT("text/event-stream"));
    return events == (a->form == FORM_FRAMES) &&
           (events || text_starts_nocase(a->content_type, TEXT("application/json")));
}

/* Is the stream complete? Where the upstream's API has no end mark it is when it has a finish reason and its body has ended; the dialects
 * that clients speak have one. */
static bool is_whole(const struct attempt *a)
{
    bool has_mark = a->mode == MODE_RELAY || way_dialects(a->target->provider) != 0;
    return a->form != FORM_FRAMES || a->saw_end_mark || !has_mark;
}

static const char *answer_bars(const struct attempt *a)
{
    const struct request *req = a->req;
    const struct config_provider *p = a->target->provider;
    bool one_secret = p->secret_count <= 1 && p->named_count <= 1, tools = req->config->cache.tools;
    if (req->gone && !join_is_whole(req))
        return "client_gone";
    bool failed = req->failed_row != NULL || req->reply == REPLY_BROKEN || a->outcome != OUTCOME_OK;
    if ((failed && !req->gone) || a->state != ATTEMPT_ENDED || a->failure != TRANSFER_OK || !is_whole(a))
        return "failed";
    if (!is_text(a))
        return "not_text";
    if (a->clamped > 0)
        return "clamped";
    if (a->finishes == 0 || !(text_is(a->finish, "stop") || (tools && text_is(a->finish, "tool_calls"))))
        return "finish";
    return rules_bar_answer(buf_view(&a->cached->kept), tools, one_secret);
}

void cached_store(struct attempt *a)
{
    struct request *req = a->req;
    struct cached *c = a->cached;
    if (c == NULL || c->state != CACHED_MISS || c->bars != NULL)
        return;
    const char *why = answer_bars(a);
    if (why != NULL) {
        bar(c, why);
        return;
    }
    c->entry = (struct cache_entry){ .events = a->form == FORM_FRAMES,
                                     .content_type = a->content_type,
                                     .bytes = buf_view(&c->kept) };
    size_t kept = answers_put(req->worker->gateway->answers, req->worker->index, req->team->name, c->key, &c->entry,
                              req->config->cache.ttl_s);
    c->state = kept > 0 ? CACHED_STORED : CACHED_MISS;
    buf_free(&c->kept);
}
