/* throttle.c - takes what a request uses of its limits, and gives back what it did not use. */
#include "flow/throttle_inside.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/map.h"
#include "flow/metrics.h"
#include "flow/way.h"
#include "plugin/counters.h"

enum { EXPECTED_OUTPUT = 4096 };

static bool has_any(const struct config_rates *r)
{
    return r->rpm > 0 || r->tpm > 0 || r->in_flight > 0;
}

bool throttle_is_needed(const struct config *config)
{
    bool needed = has_any(&config->rates);
    for (size_t i = 0; i < config->team_count; i++)
        needed = needed || has_any(&config->teams[i].rates);
    for (size_t i = 0; i < config->key_count; i++)
        needed = needed || has_any(&config->keys[i].rates);
    return needed;
}

/* Those that there are, by name; valid until the owners move. */
static void list_owners(const struct throttle *t, struct map *known)
{
    map_init(known);
    for (size_t i = 0; i < t->owner_count; i++)
        map_put(known, text_of(t->owners[i].name), &t->owners[i]);
}

/* Names may have any letters, and those of counters may not. There is room for it. */
static void bind(struct throttle *t, struct map *known, struct config_rates *rates, char kind, struct text name)
{
    uint8_t digest[CRYPTO_SHA256_LEN];
    struct throttle_owner owner = { .name = { kind } };
    crypto_sha256(name, digest);
    crypto_hex(digest, NAME_HEX / 2, owner.name + 1);
    struct throttle_owner *found = map_get(known, text_of(owner.name));
    if (found == NULL) {
        found = &t->owners[t->owner_count++];
        for (int i = 0; i < 2 && t->aside != NULL; i++)
            owner.windows[i] = throttle_window(t, owner.name, "rt"[i]);
        *found = owner;
        map_put(known, text_of(found->name), found);
    }
    rates->index = (unsigned)(found - t->owners);
}

struct throttle *throttle_new(struct counters *counters)
{
    struct throttle *t = calloc(1, sizeof *t);
    BUG_IF(t == NULL || pthread_mutex_init(&t->mutex, NULL) != 0);
    t->counters = counters;
    return t;
}

struct throttle *throttle_new_shared(struct aside *aside, unsigned gateways)
{
    struct throttle *t = throttle_new(NULL);
    t->aside = aside;
    t->gateways = gateways;
    return t;
}

void throttle_bind(struct throttle *t, struct config *config)
{
    struct map known;
    pthread_mutex_lock(&t->mutex);
    t->owners = realloc(t->owners, (t->owner_count + 1 + config->team_count + config->key_count) * sizeof *t->owners);
    BUG_IF(t->owners == NULL);
    list_owners(t, &known);
    bind(t, &known, &config->rates, 'g', TEXT("all"));
    for (size_t i = 0; i < config->team_count; i++)
        if (has_any(&config->teams[i].rates))
            bind(t, &known, &config->teams[i].rates, 't', config->teams[i].name);
    for (size_t i = 0; i < config->key_count; i++)
        if (has_any(&config->keys[i].rates))
            bind(t, &known, &config->keys[i].rates, 'k', config->keys[i].name);
    map_fini(&known);
    pthread_mutex_unlock(&t->mutex);
}

void throttle_free(struct throttle *t)
{
    if (t->counters != NULL)
        counters_close(t->counters);
    if (t->aside != NULL)
        aside_close(t->aside);
    for (size_t i = 0; i < t->owner_count; i++)
        for (int k = 0; k < 2; k++)
            free(t->owners[i].windows[k]);
    pthread_mutex_destroy(&t->mutex);
    free(t->owners);
    free(t);
}

/* Those that have limits. */
size_t throttle_owners(const struct request *req, struct ask_one out[THROTTLE_MOST])
{
    size_t n = 0;
    if (has_any(&req->config->rates))
        out[n++] = (struct ask_one){ .rates = &req->config->rates, .kind = "gateway", .name = TEXT_NONE };
    if (has_any(&req->team->rates))
        out[n++] = (struct ask_one){ .rates = &req->team->rates, .kind = "team", .name = req->team->name };
    if (req->key != NULL && has_any(&req->key->rates))
        out[n++] = (struct ask_one){ .rates = &req->key->rates, .kind = "key", .name = req->key->name };
    return n;
}

/* A snapshot may add owners meanwhile: they are found with the mutex held. */
void throttle_lock(struct throttle *t, struct ask_one *asks, size_t count)
{
    pthread_mutex_lock(&t->mutex);
    for (size_t i = 0; i < count; i++)
        asks[i].owner = &t->owners[asks[i].rates->index];
}

/* "k0123456789abcdef:r:29000000" */
struct text throttle_counter(char room[COUNTER_NAME], const char *owner, char what, int64_t minute)
{
    return (struct text){ room, (size_t)snprintf(room, COUNTER_NAME, "%s:%c:%lld", owner, what, (long long)minute) };
}

static int64_t read_one(struct throttle *t, const struct throttle_owner *owner, char what, int64_t minute)
{
    char room[COUNTER_NAME];
    int64_t total = counters_read(t->counters, throttle_counter(room, owner->name, what, minute), KEEP_S);
    return total < 0 ? 0 : total; /* a cache that fails limits nobody */
}

static int64_t add_one(struct throttle *t, const struct throttle_owner *owner, char what, int64_t minute, int64_t delta)
{
    char room[COUNTER_NAME];
    int64_t total = counters_add(t->counters, throttle_counter(room, owner->name, what, minute), delta, KEEP_S);
    return total < 0 ? 0 : total;
}

/* What of both minutes counts `second` seconds after this one began, rounded up. Totals are tokens: far from overflowing. */
static int64_t used_at(int64_t before, int64_t now, int64_t second)
{
    return second < MINUTE ? (before * (MINUTE - second) + MINUTE - 1) / MINUTE + now
                           : (now * (2 * MINUTE - second) + MINUTE - 1) / MINUTE;
}

/* The seconds until there is room for `more`: 0, it is there; at most a minute. */
static int wait_for(int64_t limit, int64_t before, int64_t now, int64_t more, int64_t second)
{
    int wait = 0;
    while (wait < MINUTE && used_at(before, now, second + wait) > limit - more)
        wait++;
    return wait;
}

/* One bigger than the limit fits where nothing else is there. */
int64_t throttle_at_most(int64_t tokens, int64_t limit)
{
    return tokens < limit ? tokens : limit;
}

static enum next refuse(struct request *req, const struct ask_one *ask, const char *what, int64_t limit, int wait_s,
                        bool slow)
{
    const char *of = ask->name.ptr == NULL
                         ? "This gateway"
                         : arena_printf(&req->arena, "The %s \"%.*s\"", ask->kind, TEXT_ARG(ask->name));
    int64_t *of_kind[] = { &req->taken.requests_limit, &req->taken.tokens_limit };
    if (!slow)
        *of_kind[what[0] == 't'] = limit; /* and nothing is left */
    metrics_count_limit(req->worker->gateway->metrics, req->worker->index,
                        slow             ? "in_flight"
                        : what[0] == 'r' ? "rpm"
                                         : "tpm");
    if (slow)
        error_set(&req->fail, E_SLOW_DOWN,
                  "%s has %lld requests in flight, its limit. Try again when one of them is over", of,
                  (long long)limit);
    else
        error_set(&req->fail, E_RATE, "%s has used up its limit of %lld %s per minute. Try again in %d s", of,
                  (long long)limit, what, wait_s);
    if (!slow)
        req->fail.retry_after_s = wait_s > 0 ? wait_s : 1;
    return FAIL;
}

/* The same for limits that are counted on a server. */
static enum next check_shared(struct request *req, struct ask_one *ask, int64_t tokens, int64_t minute, int64_t second,
                              bool last)
{
    static const char *const names[] = { "requests", "tokens" };
    const int64_t limits[] = { ask->rates->rpm, ask->rates->tpm };
    const int64_t more[] = { 1, throttle_at_most(tokens, limits[1]) };
    for (int i = 0; i < 2; i++) {
        struct window *w = ask->owner->windows[i];
        if (limits[i] == 0)
            continue;
        enum share_state state = throttle_share_look(w, req->worker, limits[i], more[i], minute, second, last);
        if (state == SHARE_LACKS)
            return WAIT;
        if (state == SHARE_FULL) {
            int wait = wait_for(limits[i], w->share.before, w->share.seen - w->share.left, more[i], second);
            return refuse(req, ask, names[i], limits[i], wait > 0 ? wait : 1, false);
        }
    }
    return NEXT;
}

/* NEXT where there is room; nothing is taken yet. WAIT: a server must be asked, unless it is the `last` turn. */
static enum next check(struct request *req, struct throttle *t, struct ask_one *ask, int64_t tokens, int64_t minute,
                       int64_t second, bool last)
{
    const struct config_rates *r = ask->rates;
    if (r->in_flight > 0 && ask->owner->in_flight >= r->in_flight)
        return refuse(req, ask, "requests", r->in_flight, 1, true);
    if (t->aside != NULL)
        return check_shared(req, ask, tokens, minute, second, last);
    if (r->rpm > 0) {
        ask->requests = read_one(t, ask->owner, 'r', minute);
        ask->requests_before = read_one(t, ask->owner, 'r', minute - 1);
        int wait = wait_for(r->rpm, ask->requests_before, ask->requests, 1, second);
        if (wait > 0)
            return refuse(req, ask, "requests", r->rpm, wait, false);
    }
    if (r->tpm > 0) {
        ask->tokens = read_one(t, ask->owner, 't', minute);
        ask->tokens_before = read_one(t, ask->owner, 't', minute - 1);
        int wait = wait_for(r->tpm, ask->tokens_before, ask->tokens, throttle_at_most(tokens, r->tpm), second);
        if (wait > 0)
            return refuse(req, ask, "tokens", r->tpm, wait, false);
    }
    return NEXT;
}

static void note_left(int64_t limit, int64_t used, int64_t *least_limit, int64_t *least_left)
{
    int64_t left = used < limit ? limit - used : 0;
    if (*least_limit > 0 && left >= *least_left)
        return;
    *least_limit = limit;
    *least_left = left;
}

static void take_shared(struct request *req, const struct ask_one *ask, int64_t tokens, int64_t second)
{
    const struct config_rates *r = ask->rates;
    struct throttle_taken *taken = &req->taken;
    if (r->rpm > 0) {
        struct share *s = &ask->owner->windows[0]->share;
        s->left--;
        note_left(r->rpm, used_at(s->before, s->seen - s->left, second), &taken->requests_limit, &taken->requests_left);
    }
    if (r->tpm > 0) {
        struct share *s = &ask->owner->windows[1]->share;
        s->left -= throttle_at_most(tokens, r->tpm);
        note_left(r->tpm, used_at(s->before, s->seen - s->left, second), &taken->tokens_limit, &taken->tokens_left);
    }
}

static void take(struct request *req, struct throttle *t, const struct ask_one *ask, int64_t tokens, int64_t minute,
                 int64_t second)
{
    const struct config_rates *r = ask->rates;
    struct throttle_taken *taken = &req->taken;
    ask->owner->in_flight++;
    if (t->aside != NULL) {
        take_shared(req, ask, tokens, second);
        return;
    }
    if (r->rpm > 0) {
        int64_t now = add_one(t, ask->owner, 'r', minute, 1);
        note_left(r->rpm, used_at(ask->requests_before, now, second), &taken->requests_limit, &taken->requests_left);
    }
    if (r->tpm > 0) {
        int64_t now = add_one(t, ask->owner, 't', minute, throttle_at_most(tokens, r->tpm));
        note_left(r->tpm, used_at(ask->tokens_before, now, second), &taken->tokens_limit, &taken->tokens_left);
    }
}

/* 3.5 bytes a token in; the limit of output tokens, at most 4,096 of each answer. */
int64_t throttle_expected(struct request *req)
{
    static const char *const names[] = { "max_completion_tokens", "max_tokens", "max_output_tokens" };
    bool writes = (req->operation & (GW_OP_CHAT | GW_OP_COMPLETIONS)) != 0;
    int64_t out = EXPECTED_OUTPUT, value, choices = req->ask.choices > 1 ? req->ask.choices : 1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (scan_int(scan_get(&req->ask.scan, names[i]), &value) && value > 0 && value < out)
            out = value;
    int64_t in = (int64_t)req->body.len * 2 / 7;
    return !writes || __builtin_mul_overflow(out, choices, &out) || __builtin_add_overflow(in, out, &out) ? in : out;
}

bool throttle_counts(const struct request *req)
{
    return req->shadow.len == 0 && req->operation != GW_OP_COUNT_TOKENS;
}

enum next throttle_run(struct request *req)
{
    struct throttle *t = req->worker->gateway->throttle;
    struct ask_one asks[THROTTLE_MOST];
    enum next next = NEXT;
    size_t count = t != NULL && throttle_counts(req) ? throttle_owners(req, asks) : 0;
    if (count == 0)
        return NEXT;
    int64_t tokens = throttle_expected(req);
    throttle_lock(t, asks, count);
    int64_t now_s = clock_unix_ms() / 1000, minute = now_s / MINUTE, second = now_s % MINUTE;
    for (size_t i = 0; i < count && next == NEXT; i++)
        next = check(req, t, &asks[i], tokens, minute, second, req->taken.turns >= TURNS_MOST);
    for (size_t i = 0; i < count && next == NEXT; i++)
        take(req, t, &asks[i], tokens, minute, second);
    pthread_mutex_unlock(&t->mutex);
    if (next == NEXT) {
        req->taken.minute = minute;
        req->taken.tokens = tokens;
    }
    req->taken.reset_s = (int)(MINUTE - second);
    if (next == WAIT) { /* what was taken has been used by others since */
        req->row -= 2;  /* row "limits.ask" comes again */
        return NEXT;
    }
    return next;
}

/* Of all its attempts; cached input counts. -1: nothing of it has been sent. */
static int64_t reported_tokens(const struct request *req)
{
    int64_t sum = -1;
    for (const struct attempt *a = req->attempt; a != NULL; a = a->previous) {
        if (a->wire == WIRE_NONE || a->wire == WIRE_UNSENT)
            continue;
        sum = sum < 0 ? 0 : sum;
        if (a->usage.source != USAGE_NONE && !attempt_is_hit(a))
            sum += usage_total_in(&a->usage) + usage_total_out(&a->usage);
    }
    return sum;
}

static void correct_shared(struct request *req, const struct ask_one *ask, int64_t reported, int64_t minute)
{
    const struct config_rates *r = ask->rates;
    const struct throttle_taken *taken = &req->taken;
    struct worker *worker = req->worker;
    int64_t was = throttle_at_most(taken->tokens, r->tpm), used = reported < 0 ? 0 : reported;
    if (r->rpm > 0 && reported < 0)
        throttle_share_give(ask->owner->windows[0], worker->index, &worker->loop, taken->minute, 1);
    if (r->tpm > 0 && used != was)
        throttle_share_give(ask->owner->windows[1], worker->index, &worker->loop, used > was ? minute : taken->minute,
                            was - used);
}

static void correct(struct request *req, struct throttle *t, const struct ask_one *ask, int64_t reported,
                    int64_t minute)
{
    const struct config_rates *r = ask->rates;
    const struct throttle_taken *taken = &req->taken;
    int64_t was = throttle_at_most(taken->tokens, r->tpm);
    BUG_IF(ask->owner->in_flight == 0);
    ask->owner->in_flight--;
    if (t->aside != NULL) {
        correct_shared(req, ask, reported, minute);
        return;
    }
    if (r->rpm > 0 && reported < 0)
        add_one(t, ask->owner, 'r', taken->minute, -1);
    if (r->tpm > 0 && reported > was) /* it is used up now */
        add_one(t, ask->owner, 't', minute, reported - was);
    else if (r->tpm > 0)
        add_one(t, ask->owner, 't', taken->minute, (reported < 0 ? 0 : reported) - was);
}

void throttle_end(struct request *req)
{
    struct throttle *t = req->worker->gateway->throttle;
    struct ask_one asks[THROTTLE_MOST];
    if (req->taken.minute == 0)
        return;
    size_t count = throttle_owners(req, asks);
    int64_t reported = reported_tokens(req), minute = clock_unix_ms() / 1000 / MINUTE;
    throttle_lock(t, asks, count);
    for (size_t i = 0; i < count; i++)
        correct(req, t, &asks[i], reported, minute);
    pthread_mutex_unlock(&t->mutex);
    req->taken.minute = 0;
}
