/* metrics.h - counters and histograms of the gateway in Prometheus' text format.
 *
 * One shard per worker, each behind a lock that only a scrape contends for. */
#ifndef FLOW_METRICS_H
#define FLOW_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"
#include "canon/usage.h"
#include "flow/outcome.h"

struct metrics;

/* One finished request. All texts are copied where they are new. */
struct metrics_request {
    const char *face;
    struct text provider; /* "" when none was reached */
    struct text model;    /* as the upstream names it; "" when none was asked */
    bool configured;      /* its name stands in the configuration; else it is one that a client gave */
    struct text team;
    int status;           /* as the client saw it: 200 for a stream, however it ended */
    enum outcome outcome; /* OK, CANCELLED, FAILED, REFUSED, BROKEN */
    int64_t duration_ns, overhead_ns;
    int64_t first_token_ns; /* -1: none */
    const struct usage *usage;
    int64_t cost_nano; /* nano-dollars, of what is known */
    bool priced;       /* all of its cost is known */
};

/* Names of models that clients gave and an upstream answered to, as labels of one worker; all others are "other". */
#define METRICS_MODELS_MAX 128

struct metrics *metrics_new(unsigned workers);
void metrics_free(struct metrics *m);
/* The worker's own thread. */
void metrics_count_request(struct metrics *m, unsigned worker, const struct metrics_request *r);
/* One attempt: outcome is a word ("ok", "status_429", "connect", "timeout" ...). */
void metrics_count_attempt(struct metrics *m, unsigned worker, struct text provider, const char *outcome);
/* A request cost more than was held for it. `model` is bounded by the caller. */
void metrics_count_exceeded(struct metrics *m, unsigned worker, struct text model);
void metrics_count_fallback(struct metrics *m, unsigned worker, struct text from, struct text to, const char *reason);
/* Static names: "client_gone", "client_stuck", "shed", "late_head", "late_body", "log_dropped"... */
void metrics_count_event(struct metrics *m, unsigned worker, const char *name);

/* A request that was refused because there are too many: "in_flight", "queue_full", "queue_wait", "hopeless", "memory". */
void metrics_count_shed(struct metrics *m, unsigned worker, const char *reason);
/* How long a request waited in the queue of its model, whatever came of it. */
void metrics_observe_queue(struct metrics *m, unsigned worker, int64_t ns);

/* A request that a limit refused: "rpm", "tpm", "in_flight". */
void metrics_count_limit(struct metrics *m, unsigned worker, const char *limit);

/* What the cache did for requests. */
struct metrics_cache {
    int64_t hits, misses, stores, collapsed, hit_bytes, stored_bytes, saved_nano;
};
/* For one request; `bars`: why nothing was looked for or kept, static, NULL: nothing kept it from that. */
void metrics_count_cache(struct metrics *m, unsigned worker, const struct metrics_cache *n, const char *bars);

/* gw.count of a policy; both are bounded by the caller. */
void metrics_count_policy(struct metrics *m, unsigned worker, struct text policy, struct text event);

struct aside_figures;  /* plugin/aside.h */
struct capture_sums;   /* capture/capture.h */
struct ledger_sums;    /* money/ledger.h */
struct delivery_state; /* money/delivery.h */
struct health;         /* health/health.h */

/* What a team may still spend. */
struct metrics_team {
    struct text team;
    int64_t left; /* nano-dollars */
};

/* Gauges that are read at the scrape. */
struct metrics_gauges {
    unsigned in_flight, connections;
    uint64_t log_dropped;
    bool caches;                        /* answers are given again */
    unsigned listeners;                 /* requests that share the call of an equal one */
    const struct aside_figures *helper; /* of the cache's helper process; NULL: it has none */
    int64_t started_unix_ms;
    const char *version;
    const char *config_digest; /* of the configuration that this worker uses */
    int64_t config_unix_ms;    /* when it was loaded */
    unsigned reloads, reloads_refused;
    const char *book_digest;               /* of the price book; NULL: there is none */
    const struct ledger_sums *ledger;      /* NULL: nothing is written down */
    const struct capture_sums *captures;   /* NULL: nothing is captured */
    const struct delivery_state *delivery; /* NULL: there is no store */
    struct health *health;                 /* of the upstreams; NULL: nothing is kept */
    const struct metrics_team *teams;      /* that have a budget */
    size_t team_count;
};
/* The whole text, appended. Any thread. */
void metrics_write(struct metrics *m, const struct metrics_gauges *gauges, struct buf *out);

#endif
