/* cached.c - the row in which an attempt is answered from the cache, and what is kept of an answer. */
#include "flow/cached_inside.h"

#include <string.h>

#include "base/clock.h"
#include "cache/answers.h"
#include "cache/rules.h"
#include "flow/attempt.h"
#include "flow/join.h"
#include "flow/metrics.h"
#include "flow/policy.h"
#include "flow/way.h"

enum { TURNS_MOST = 8 }; /* that a request looks into the cache, when flights end meanwhile */

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
    return answers_get(gateway->answers, req->worker->index, req->team->name, key, &c->value, &c->entry) &&
           cached_take(req, t, c);
}

bool cached_take(struct request *req, const struct route_target *t, struct cached *c)
{
    int64_t now = clock_unix_ms();
    c->age_ms = now > c->entry.stored_ms ? now - c->entry.stored_ms : 0;
    c->left_ms = c->entry.ends_ms - now;
    if (!is_wanted(req, c))
        return false;
    bool renewed = !cached_is_relayed(req, t->provider) ||
                   entry_renew(&req->worker->scratch, &c->entry, text_of(req->id), now / 1000, &c->again);
    arena_reset(&req->worker->scratch);
    if (!renewed) /* a part of it may be there, and the next entry must not come behind it */
        buf_free(&c->again);
    return renewed;
}

/* Another target of the model's first list for which the cache has an answer. */
static const struct route_target *look_elsewhere(struct request *req, struct cached *c)
{
    char key[CACHE_KEY_LEN + 1];
    for (size_t i = req->target_next; i < req->target_count && req->attempts_made == 1 && req->model != NULL; i++) {
        const struct route_target *t = &req->targets[i];
        if (!t->reserve && cached_bars_of(req, t) == NULL && cached_key_of(req, t, key) && look(req, t, c, key))
            return t;
    }
    return NULL;
}

bool cached_may_read(const struct request *req)
{
    return !req->wish.no_read && req->attempts_earlier == 0; /* else a policy wants another answer */
}

static bool find(struct attempt *a, struct cached *c)
{
    struct request *req = a->req;
    if (!cached_may_read(req))
        return false;
    bool later = c->ask != NULL; /* it has been asked */
    if (!later && look(req, a->target, c, c->key))
        return true;
    const struct route_target *other = later                           ? cached_ask_found(c)
                                       : req->config->cache.any_target ? look_elsewhere(req, c)
                                                                       : NULL;
    if (other == NULL || other == a->target)
        return other != NULL;
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
    bool again = true;
    for (int turn = 0; again && place == FLIGHTS_AGAIN; turn++) {
        uint64_t from = c->ask != NULL ? c->from : flights_turn(answers_flights(a->req->worker->gateway->answers));
        if (find(a, c)) {
            c->state = CACHED_HIT;
            choose_call_off(a);
            return FLIGHTS_ALONE;
        }
        place = a->req->wish.only ? FLIGHTS_ALONE : join_enter(a, from);
        again = c->ask == NULL && turn < TURNS_MOST - 1;
    }
    return place;
}

/* What is known of the cache in this attempt. NULL: there is no memory. */
static struct cached *begin(struct attempt *a)
{
    struct request *req = a->req;
    unsigned turns = a->cached != NULL ? a->cached->turns + 1 : 0;
    struct cached *c = arena_new(&req->arena, struct cached);
    if (req->arena.full)
        return NULL;
    buf_init(&c->kept, CACHE_ANSWER_MOST);
    buf_init(&c->value, CACHE_ANSWER_MOST + 4096);
    buf_init(&c->again, 2 * CACHE_ANSWER_MOST);
    arena_defer(&req->arena, buf_free_any, &c->kept);
    arena_defer(&req->arena, buf_free_any, &c->value);
    arena_defer(&req->arena, buf_free_any, &c->again);
    c->turns = turns;
    c->bars = cached_bars_of(req, a->target);
    if (c->bars == NULL && !cached_key_of(req, a->target, c->key))
        c->bars = "memory";
    c->state = c->bars != NULL ? CACHED_BARRED : CACHED_MISS;
    return c;
}

/* Row "cache.ask": waits for what a cache has that answers later. */
enum next cached_ask(struct request *req)
{
    struct attempt *a = req->attempt;
    join_again(req);
    if (req->config->cache.plugin == NULL || req->worker->gateway->answers == NULL)
        return req->wish.only ? refuse_other(a, "the gateway has no cache") : NEXT;
    a->cached = begin(a);
    return a->cached != NULL && a->cached->state == CACHED_MISS && cached_may_read(req) &&
                   answers_wait(req->worker->gateway->answers) && cached_ask_start(a, a->cached)
               ? WAIT
               : NEXT;
}

/* Row "cache.find": looks for an answer to this attempt in the cache; waits for an equal request that is in flight. */
enum next cached_find(struct request *req)
{
    struct attempt *a = req->attempt;
    struct cached *c = a->cached;
    if (c == NULL)
        return NEXT;
    enum flights_place place = c->state == CACHED_MISS ? find_or_join(a, c) : FLIGHTS_ALONE;
    if (place == FLIGHTS_LISTENS)
        return WAIT;
    if (place == FLIGHTS_AGAIN && c->ask != NULL && c->turns < TURNS_MOST) {
        req->row -= 2; /* row "cache.ask" comes again: an equal request has ended since */
        return NEXT;
    }
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
    size_t kept = answers_put(req->worker->gateway->answers, req->worker->index, &req->worker->loop, req->team->name,
                              c->key, &c->entry, req->config->cache.ttl_s);
    c->state = kept > 0 ? CACHED_STORED : CACHED_MISS;
    buf_free(&c->kept);
}
