/* health.c - the small answers. They are not in the access log: probes come every few seconds. */
#include "http/health.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "cache/answers.h"
#include "capture/capture.h"
#include "flow/access.h"
#include "flow/metrics.h"
#include "http/browser.h"
#include "http/reply.h"
#include "http/routes.h"
#include "money/book.h"
#include "money/delivery.h"
#include "money/ledger.h"

#define PLAIN "text/plain; charset=utf-8"

enum { METRICS_MOST = 64 << 20, OF_INTEREST = 1000 };

static void say(struct client *c, int status, const char *type, struct text body)
{
    reply_own(c, status, type, NULL, body, NULL, NULL);
}

void health_hello(struct client *c)
{
    say(c, 200, PLAIN, TEXT("llm-gateway\n"));
}

void health_live(struct client *c)
{
    say(c, 200, PLAIN, TEXT("ok\n"));
}

void health_ready(struct client *c)
{
    if (atomic_load(&c->front->worker->gateway->draining))
        say(c, 503, PLAIN, TEXT("draining\n"));
    else
        say(c, 200, PLAIN, TEXT("ok\n"));
}

struct told {
    struct door_header all[OF_INTEREST];
    size_t count;
};

static enum MHD_Result tell(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct told *told = cls;

    (void)kind;
    if (told->count < OF_INTEREST)
        told->all[told->count++] = (struct door_header){ name, value != NULL ? value : "" };
    return MHD_YES;
}

/* Does it show the operator's token? Compared by digests, so that the time reveals nothing about the bytes. */
static bool has_token(struct client *c)
{
    const char *value = MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    struct text shown = text_of(value), wanted = c->front->worker->config->metrics_token;
    uint8_t a[CRYPTO_SHA256_LEN], b[CRYPTO_SHA256_LEN];

    if (wanted.len == 0 || !text_starts_nocase(shown, TEXT("Bearer ")))
        return false;
    crypto_sha256(text_trim((struct text){ shown.ptr + 7, shown.len - 7 }), a);
    crypto_sha256(wanted, b);
    return crypto_equal(a, b, sizeof a);
}

/* This machine's own processes may, but not what a proxy on it passes on; others need the token. */
static bool may_read_metrics(struct client *c)
{
    struct told told = { .count = 0 };

    if (has_token(c))
        return true;
    MHD_get_connection_values(c->mhd, MHD_HEADER_KIND, tell, &told);
    if (c->loopback && told.count < OF_INTEREST && browser_is_direct(told.all, told.count))
        return true;
    if (c->front->worker->config->metrics_token.len > 0)
        say(c, 401, PLAIN,
            TEXT(
                "/metrics needs the header \"Authorization: Bearer TOKEN\": the token of metrics { token = ... } in gateway.lua\n"));
    else
        say(c, 403, PLAIN,
            TEXT(
                "/metrics is for this machine: set metrics { token = env \"NAME\" } in gateway.lua to read it from another one\n"));
    return false;
}

/* The teams that have a budget, with what is left in the one that has the least. */
static size_t teams_left(struct gateway *g, const struct config *config, struct metrics_team *out)
{
    struct ledger_balance balances[ACCOUNTS_MOST];
    size_t n = 0;

    for (size_t i = 0; g->ledger != NULL && i < config->team_count; i++) {
        size_t count = ledger_read_balances(g->ledger, &(struct record){ .team = config->teams[i].name }, balances);
        int64_t left = INT64_MAX;
        for (size_t k = 0; k < count; k++)
            if (balances[k].kind == ACCOUNT_TEAM && balances[k].left < left)
                left = balances[k].left;
        if (config->teams[i].budgets.count > 0)
            out[n++] = (struct metrics_team){ config->teams[i].name, left };
    }
    return n;
}

void health_metrics(struct client *c)
{
    struct gateway *g = c->front->worker->gateway;
    const struct config *config = c->front->worker->config;
    struct buf out;
    struct text body;
    char *text;

    struct ledger_sums sums;
    struct delivery_state delivery;
    struct capture_sums captures;

    if (!may_read_metrics(c))
        return;
    if (g->ledger != NULL)
        ledger_read_sums(g->ledger, &sums);
    if (g->delivery != NULL)
        delivery_read_state(g->delivery, &delivery);
    bool captured = g->capture != NULL && config->capture.team_count > 0;
    if (captured)
        capture_read_sums(g->capture, &captures);
    const struct cache_answers *answers = atomic_load(&g->answers);
    const struct aside *aside = answers != NULL ? answers_aside(answers) : NULL;
    struct aside_figures helper;
    if (aside != NULL)
        aside_read_figures(aside, &helper);
    struct metrics_team *teams = calloc(config->team_count + 1, sizeof *teams);
    BUG_IF(teams == NULL);
    buf_init(&out, METRICS_MOST);
    metrics_write(g->metrics,
                  &(struct metrics_gauges){
                      .caches = answers != NULL,
                      .listeners = answers != NULL ? flights_listeners(answers_flights(answers)) : 0,
                      .helper = aside != NULL ? &helper : NULL,
                      .in_flight = atomic_load(&g->in_flight),
                      .connections = atomic_load(&g->connections),
                      .log_dropped = access_dropped(g->access),
                      .started_unix_ms = g->started_unix_ms,
                      .version = GW_VERSION,
                      .config_digest = config->digest,
                      .config_unix_ms = atomic_load(&g->config_unix_ms),
                      .reloads = atomic_load(&g->reloads),
                      .reloads_refused = atomic_load(&g->reloads_refused),
                      .book_digest = config->book != NULL ? config->book->digest : NULL,
                      .ledger = g->ledger != NULL ? &sums : NULL,
                      .captures = captured ? &captures : NULL,
                      .delivery = g->delivery != NULL ? &delivery : NULL,
                      .health = g->health,
                      .teams = teams,
                      .team_count = teams_left(g, config, teams),
                  },
                  &out);
    free(teams);
    if (out.failed) {
        buf_free(&out);
        say(c, 503, PLAIN, TEXT("memory for the metrics is missing\n"));
        return;
    }
    text = buf_take(&out, &body.len);
    body.ptr = text;
    reply_own(c, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, body, free, text);
}

void health_options(struct client *c)
{
    reply_own(c, 204, NULL, c->route->allow, TEXT_NONE, NULL, NULL);
}
