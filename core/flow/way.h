/* way.h - the request as the steps of its way see it. Only flow/ includes this. */
#ifndef FLOW_WAY_H
#define FLOW_WAY_H

#include "base/log.h"
#include "canon/ask.h"
#include "canon/usage.h"
#include "dialect/models.h"
#include "flow/attempt.h"
#include "flow/choice.h"
#include "flow/job.h"
#include "flow/join.h"
#include "flow/pin.h"
#include "flow/price.h"
#include "flow/request.h"
#include "flow/sink.h"
#include "flow/slot.h"
#include "flow/throttle.h"
#include "flow/wait.h"
#include "flow/whose.h"
#include "flow/worker.h"
#include "loop/loop.h"

/* The budget that refused a request because it is spent. */
struct budget_spent {
    bool is;
    enum config_period period;
    int64_t ends_s; /* when it begins anew */
};

/* One row. */
struct step {
    const char *name;
    enum next (*run)(struct request *req);
};

/* The rows in order. "settle" must be among them: failed requests and those whose client has left go on there. Static. */
struct way {
    const struct step *rows;
    unsigned count;
};
extern const struct way way_main;

/* How far the body of a request has come. */
enum request_body_state {
    BODY_COMING,
    BODY_NONE, /* a GET has none */
    BODY_COMPLETE,
    BODY_TOO_LARGE,
};

/* How far the stream to the client has come: each includes those before. A whole answer is none. */
enum request_reply {
    REPLY_NONE,
    REPLY_BEGUN,    /* door->begin() was called: a stream with status 200 */
    REPLY_RELAYING, /* row "answer.relay" passes the stream on, and waits for its end */
    REPLY_BROKEN,   /* it ended badly: fail reports how */
};

/* Is the same target tried once more? */
enum request_again {
    AGAIN_NOT,
    AGAIN_NEXT, /* the attempt that comes */
    AGAIN_WAS,  /* it was: once is enough */
};

#define REQUEST_MAGIC 0x72657175u
struct request {
    uint32_t magic;
    unsigned row; /* where it is on the way */
    const struct way *way;
    struct wait wait;       /* what it waits for */
    struct request_job job; /* the work that its row is made of */
    struct worker *worker;
    const struct door *door;
    void *client; /* NULL once it is gone */
    struct arena arena;
    struct config *config;         /* the one it began with: a reference */
    struct script_worker *scripts; /* its policies; NULL: there are none */
    struct fail fail;
    struct request_refusal { /* by a budget */
        const char *of;      /* whose; NULL: it was not */
        int64_t hard, left;
        uint64_t after; /* the ledger's record after which it was asked */
    } refusal;
    const char *failed_row; /* where it failed: `fail` is what the client gets; NULL: it did not */
    bool running;           /* way_run() is on the stack */
    bool finished;          /* "finish" has run */
    bool released;          /* the front has forgotten it */
    bool gone;              /* the client left */
    unsigned in_flight;     /* its share of gateway->in_flight: 1 from row "admit" to row "settle" */

    /* head */
    const struct face *face;
    uint32_t operation;
    struct text path;  /* below the API's root: "/images/generations"; of the route, never as the client wrote it */
    struct text query; /* what of the client's is passed on: "beta=true" */
    struct ask_dropped *query_dropped; /* and what is not */
    struct text deployment;            /* the model that the path names; absent otherwise */
    struct text tail, client_id, peer, allow;
    struct text credentials[3];          /* Authorization: Bearer, x-api-key, Azure's api-key; absent where not sent */
    struct door_header *dialect_headers; /* arena */
    size_t dialect_header_count;
    enum error_case refuse;
    struct text hops; /* the gateways it has passed, as x-gw-hop has them */
    const struct dialect
        *lists_as; /* whose shape lists have: the dialect that the client's headers name, else that of its path */
    struct models_page page; /* of a list: limit, after_id, before_id of the query */

    /* body */
    struct buf body;
    enum request_body_state body_state;
    uint32_t body_wait;     /* the wait for it; 0: not begun */
    int64_t content_length; /* -1: not known */
    size_t body_held;       /* bytes of gateway->bodies_held that are for this body */
    struct ask ask;         /* its `stream`: how the current attempt answers */

    const struct config_team *team;
    const struct config_key *key;
    const struct config_key *refused_key; /* known, and refused for */
    const char *key_refused;              /* "expired", "disabled", "unknown", "missing"; NULL: it was not */

    struct request *parent; /* whose policy asks, until request_begin() returns; NULL: none, or it has begun */
    char parent_id[37];     /* empty: a client asks */
    struct whose whose;
    struct throttle_taken taken;
    struct budget_spent spent;
    bool policies_kept;               /* a record of the ledger has what they decided */
    struct captured *captured;        /* captured.h; NULL: nothing is kept of it */
    struct script_request *policy;    /* as policies see it; NULL: there are none */
    struct script_response *shown;    /* the answer, as its policies see it */
    struct policy_wait *policy_waits; /* what a hook of it waits for, or waited for last; NULL: nothing yet */

    /* route */
    struct route_target *targets;
    size_t target_count, target_next;
    const struct config_model *model; /* NULL: the client named a provider */
    enum config_list list;            /* LIST_FIRST: the targets are those of the model's usual lists */
    struct text shadow;               /* it is a copy of another request, for this target alone; absent: it is none */
    struct pin pin;
    struct choice *choices; /* how its targets were chosen; arena, NULL: nobody notes that */
    int64_t least_tokens;   /* of its input, for certain; 0: nobody counted */
    struct text *target_of; /* then: the models that have it as a target */
    size_t target_of_count;
    unsigned off_targets;         /* targets before that are switched off */
    unsigned unsupported_targets; /* targets that do not have what is asked for */
    unsigned barred_targets;      /* targets that the team does not allow: struct config_team.regions */
    unsigned attempts_max, attempts_made;
    unsigned attempts_earlier;   /* of them, those whose answers policies have dropped, and their failures */
    struct retry_kept *kept;     /* retry.c: an answer that is dropped once another one is asked; NULL: none */
    const uint8_t *conversation; /* of conversation_of(); NULL: it has not looked */
    unsigned secret_turn;        /* which of a provider's secrets is the first of this request */
    unsigned secret_tries;       /* how many of the current target's were refused */
    enum request_again again;
    struct slot slot;        /* the one that it has at a target with a limit */
    struct slot_turn *turn;  /* its wait for one, or its last one; arena, NULL: it has not waited */
    int64_t queued_ns;       /* in all such waits */
    struct loop_timer pause; /* before that */
    uint32_t pause_wait;
    struct config_timeouts timeouts; /* as the model sets them */
    struct cached_wish wish;         /* what the client asks of the cache */
    struct flights_leader flight;    /* the one that it leads, for equal requests */
    int64_t client_timeout_ns;       /* of x-gw-timeout; 0: the client sent none */
    struct text *pieces;             /* the spliced body of the current attempt */
    size_t piece_count;

    /* answer */
    struct attempt *attempt; /* the current one */
    struct face_answer answer;
    struct usage usage;
    struct price cost;       /* of all attempts; row "settle" */
    struct text tier, speed; /* asked for, of price_ask(); absent: not */
    enum request_reply reply;
    bool paused;                      /* the upstream waits for the client */
    struct sink_restoring *restoring; /* masked texts to put back into the answer; NULL: none. Arena */
    struct sink sink;                 /* who gets the bytes of the stream */
    struct buf pending;    /* of a stream: what the door does not take yet; not all of it when pending.failed */
    struct buf tail_bytes; /* the end of a stream, held until it is settled */
    struct buf body_out;   /* a whole answer of ours */
    const char *body_type;
    const struct door_header *body_note; /* one more header of a whole answer, static; NULL: none */
    int status;
    struct loop_timer ping;
    int64_t last_write_ns;
    uint64_t bytes_in, bytes_out;

    /* time */
    int64_t started_ns;  /* the first byte of the request */
    int64_t admitted_ms; /* wall clock: decides on the price and on the period of a budget */
    int64_t begun_ns;    /* its head was complete */
    int64_t waited_ns, first_token_ns;
    int64_t relay_ns; /* time of ours spent in callbacks while the way waits */
    char id[37];
    struct loop_after freeing;
    char first[8192]; /* the arena's first memory: a relayed chat with a budget takes some 7,000 bytes */
};

/* The dialects that a provider's upstream speaks natively: the plugin's, less what its service does not. */
static inline uint32_t way_dialects(const struct config_provider *provider)
{
    uint32_t all = provider->plugin->provider.dialects;
    return provider->service != NULL && provider->service->dialects != 0 ? all & provider->service->dialects : all;
}

/* Is it asked less often than the model allows? */
static inline bool way_has_attempts(const struct request *req)
{
    return req->attempts_made - req->attempts_earlier < req->attempts_max;
}

/* One step of the request, on stderr with --log-level debug. */
#define way_debug(req, ...)                                                                                            \
    do {                                                                                                               \
        if (log_is_on(LOG_DEBUG))                                                                                      \
            way_debug_line((req), __VA_ARGS__);                                                                        \
    } while (0)
void way_debug_line(const struct request *req, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Runs the way from req->row until it waits or ends. For request_begin() and wait.c: all others end a wait. */
void way_run(struct request *req);
const char *way_row_name(const struct request *req);
/* invariant.c: aborts where a promise about the request's state is broken. Before each row, in builds for tests. */
#ifdef GW_TEST_BUILD
void invariant_check(const struct request *req);
#else
static inline void invariant_check(const struct request *req)
{
    (void)req;
}
#endif

/* The steps, in their files. */
enum next admit_run(struct request *req);
enum next auth_run(struct request *req);
enum next shed_run(struct request *req);
enum next decode_wait_body(struct request *req);
enum next decode_parse(struct request *req);
enum next decode_run(struct request *req);
enum next policy_request(struct request *req);
enum next route_run(struct request *req);
enum next policy_route(struct request *req);
enum next fit_count(struct request *req);
enum next fit_run(struct request *req);
enum next attempt_choose(struct request *req);
enum next cached_ask(struct request *req);
enum next cached_find(struct request *req);
enum next join_result(struct request *req);
enum next attempt_pause(struct request *req);
enum next attempt_begin(struct request *req);
enum next attempt_build(struct request *req);
enum next attempt_hold(struct request *req);
enum next attempt_slot(struct request *req);
enum next attempt_send(struct request *req);
enum next attempt_read(struct request *req);
enum next attempt_judge(struct request *req);
enum next answer_fold(struct request *req);
enum next policy_response(struct request *req);
enum next sink_restore_whole(struct request *req);
enum next answer_relay(struct request *req);
enum next settle_run(struct request *req);
enum next answer_finish(struct request *req);
/* Goes back to "policy.route": another attempt. */
enum next way_choose_again(struct request *req);
/* Goes back to "route": a policy asks again. */
enum next way_ask_again(struct request *req);

/* Who answers to a name. Of the two one is set. */
struct route_place {
    const struct config_model *model;
    const struct config_provider *provider;
    struct text rest; /* the provider's own name of the model */
};
/* A model of exactly that name, PROVIDER/MODEL, the family that fits best, or by the providers' own patterns where nothing is
 * configured. False: nobody. What the team may use is not asked here. */
bool route_find(const struct config *config, struct text name, struct route_place *place);

/* The targets that are left are those of this list from now on; once a request. False: it has none that may answer. */
bool route_turn(struct request *req, enum config_list list);

/* Nobody upstream counts tokens: an honest estimate, marked as one. Never 0: clients take that for a broken counter. */
enum next route_estimate_tokens(struct request *req);
/* hold.c: the result of waiting for room in the budgets: NEXT, FAIL, or WAIT: it waits again, and row "attempt.slot" is run again after it. */
enum next hold_result(struct request *req);
/* body.c: may the body grow to `wanted` bytes? */
bool body_hold(struct request *req, size_t wanted);
/* The most bytes that the bodies of all requests hold; 0: no bound. */
size_t body_most(const struct request *req);
/* Frees the body, and what was held for it. */
void body_drop(struct request *req);
/* query.c: fills req->query and req->query_dropped. */
void query_read(struct request *req, struct text query, const char *names);
/* answer.c */
void answer_begin_stream(
    struct request *req,
    bool decided); /* the head of a 200 stream, once. Not decided: policies may want another answer */
/* answer_end.c: the stream is complete or broken: puts its end into req->tail_bytes. False while bytes before it wait for the client:
 * sink_drained() ends the attempt's wait then. */
bool answer_end_stream(struct attempt *a);
/* answer_ping.c: while a stream is silent: keep-alive comments between events. */
void answer_ping_start(struct request *req);
void answer_ping_stop(struct request *req);
/* A whole answer of ours (models): body_out is filled, type JSON, status 200. FAIL where it has no room for all of it. */
enum next answer_own(struct request *req);
/* The same for a stream: tail_bytes is all of it. The head is sent. */
enum next answer_own_stream(struct request *req);
/* forwarded.c: the address of the client, behind the proxies that are trusted. Lent. */
struct text forwarded_peer(struct request *req, const struct request_head *head);
/* line.c: the line of the access log. */
struct line_sums {
    int status;
    int64_t duration_ns, overhead_ns;
    bool fallback; /* not the first choice has answered, or was asked last */
};
void line_write(struct request *req, const struct line_sums *sums);
void request_free(struct request *req);

#endif
