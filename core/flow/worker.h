/* worker.h - what one worker thread owns, and what all workers share. */
#ifndef FLOW_WORKER_H
#define FLOW_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "config/config.h"
#include "flow/price.h"
#include "loop/loop.h"
#include "upstream/transfer.h"

struct access_log;    /* flow/access.h */
struct capture;       /* capture/capture.h */
struct cache_answers; /* cache/answers.h */
struct metrics;       /* flow/metrics.h */
struct estimates;     /* money/estimates.h */
struct ledger;        /* money/ledger.h */
struct delivery;      /* money/delivery.h */
struct kill;          /* flow/kill.h */
struct throttle;      /* flow/throttle.h */
struct health;        /* health/health.h */
struct jobs;          /* loop/jobs.h */
struct script_shared; /* script/script.h */
struct script_worker; /* script/script.h */

/* Shared by all workers; made by boot/start.c, alive until the last worker has ended. */
struct gateway {
    struct dialer *dialer;
    struct access_log *access;   /* never NULL */
    struct metrics *metrics;     /* never NULL; one shard per worker inside */
    struct estimates *estimates; /* what requests are expected to cost; NULL: nothing is learned */
    struct ledger *ledger;       /* what is spent; NULL: nothing is written down */
    struct delivery *delivery;   /* brings it into a store; NULL: there is none */
    struct capture *capture;     /* keeps some requests for tries of policies; NULL: there is no place for them */
    struct kill *kill;           /* keys and sessions that are switched off; NULL: there is no place for the list */
    _Atomic(struct throttle *) throttle;     /* limits per minute and in flight; NULL: there are none yet */
    _Atomic(struct cache_answers *) answers; /* that may be given again; NULL: there is no cache yet */
    unsigned workers;                        /* how many there are */
    struct pins *pins;                       /* which account has what; NULL: nothing is kept */
    struct health *health;                   /* what was seen of the upstreams; NULL: nothing is kept */
    struct jobs *jobs;                       /* threads for large work (flow/job.h); NULL: the workers do all of it */
    struct script_shared *scripts;           /* what policies share, whatever the snapshot; NULL: nothing */
    size_t job_bytes;                        /* what is large */
    atomic_uint in_flight;                   /* requests between admit and finish */
    atomic_uint shadows;                     /* copies of requests, in flight (flow/shadow.h) */
    atomic_uint drains;                      /* answers whose rest is read for its usage alone */
    atomic_uint connections;                 /* open client connections */
    atomic_size_t bodies_held;               /* bytes of all requests' bodies */
    size_t bodies_most;                      /* their bound where the configuration has none of its own; 0: none */
    atomic_bool draining;                    /* SIGTERM came: readiness is 503, answers carry Connection: close */
    int64_t started_unix_ms;
    _Atomic int64_t config_unix_ms; /* when the snapshot in use was loaded */
    atomic_uint reloads, reloads_refused;
    char hop[17]; /* this process in x-gw-hop, hex; empty: no mark is sent */
};

#define WORKER_MAGIC 0x776f726bu
enum { WORKER_SPARE = 32 };
struct worker {
    uint32_t magic;
    unsigned index;
    struct gateway *gateway;
    struct loop loop;
    struct pool *pool;
    struct config *config;     /* for new requests: a reference of its own; a request takes one more */
    struct arena scratch;      /* for plugin steps: reset after each */
    void *scratch_first;       /* its first memory */
    size_t requests;           /* alive on this worker */
    void *spare[WORKER_SPARE]; /* memory of requests that have ended, for the next ones: flow/request.c */
    unsigned spares;
    struct price_cache prices;
    struct script_worker *scripts; /* the policies of `config`, as `config`; NULL: there are none */
    int64_t exceeded_ms; /* when the log had a request that cost more than was held for it; unix milliseconds */
    uint64_t chance;     /* of health/chance.h */
    unsigned turn;       /* counts requests, so that a provider's secrets take turns */
    void *front;         /* struct front of http/, opaque here */
};

#define SCRATCH_FIRST (64u << 10) /* of a thread's scratch arena: kept between steps */
#define SCRATCH_MAX (256u << 20)  /* of one step: a whole answer that is translated */

/* 0, or -1 with errno. `gateway` is kept; `config` gets one more reference. Boot thread. */
int worker_init(struct worker *w, unsigned index, struct gateway *gateway, struct config *config);
/* New requests begin with this snapshot; those under way go on with theirs, which is freed with the last of them. `config` gets one more
 * reference, `scripts` (of this snapshot, made for this worker; NULL: it has no policies) is taken. The worker's thread. */
void worker_use(struct worker *w, struct config *config, struct script_worker *scripts);
/* After its loop has ended and no request is alive. */
void worker_fini(struct worker *w);

#endif
