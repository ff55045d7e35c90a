/* way.h - the request as the steps of its way see it. Only flow/ includes this. */
#ifndef FLOW_WAY_H
#define FLOW_WAY_H

#include "base/log.h"
#include "canon/ask.h"
#include "canon/pair.h"
#include "canon/usage.h"
#include "face/models.h"
#include "flow/price.h"
#include "flow/job.h"
#include "flow/request.h"
#include "flow/wait.h"
#include "flow/worker.h"
#include "loop/loop.h"
#include "plugin/call.h"
#include "plugin/event.h"
#include "plugin/plugin.h"
#include "upstream/framing.h"
#include "upstream/transfer.h"

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

/* One upstream a request may go to, in the order in which they are tried. Arena. */
struct route_target {
    const struct config_provider *provider;
    struct text model; /* as the upstream names it */
    bool configured; /* `model` stands in the configuration; else the client named it */
    const struct tariff *price; /* what gateway.lua says that it costs; NULL: nothing */
    bool fallback; /* it stands in the list of fallbacks, or one before it is off */
};

enum attempt_mode {
    MODE_RELAY,     /* same dialect: bytes pass */
    MODE_TRANSLATE, /* read() -> events -> the face */
    MODE_LOCAL,     /* produce() -> events -> the face */
};

/* How far the answer of an attempt has come. It changes only by attempt_turn(). */
enum attempt_state {
    ATTEMPT_OPENING,  /* nothing of what the model answers has come */
    ATTEMPT_SPEAKING, /* some of it has */
    ATTEMPT_ENDED,    /* nothing more comes */
    ATTEMPT_FAILED,   /* `error` is what the client gets, unless another attempt answers; what still comes does not count */
};

/* The connection to its upstream. A provider that answers by itself has one from its start to its end, too. */
enum attempt_wire {
    WIRE_NONE,   /* nothing has started */
    WIRE_RUNS,   /* more may come */
    WIRE_UNSENT, /* nothing more comes, and no byte of the request has reached a connection */
    WIRE_OVER,   /* nothing more comes */
};

/* How the body of an answer is taken. */
enum attempt_form {
    FORM_WHOLE,     /* kept until all of it is there, or made of events */
    FORM_UNDECIDED, /* its first byte decides */
    FORM_FRAMES,    /* cut into frames as it comes */
};

/* Who found the error. */
enum attempt_error_from {
    ERROR_FROM_US,     /* the gateway, or the plugin */
    ERROR_FROM_STATUS, /* the upstream, with its status */
    ERROR_FROM_EVENT,  /* the upstream, in an answer with a good status: an event of its stream, mostly */
};

/* What is known of an attempt's cost when it is over. */
enum attempt_ending {
    ATTEMPT_OPEN,    /* it is not over */
    ATTEMPT_SETTLED, /* it costs what its usage says */
    ATTEMPT_FREE,    /* surely nothing: no byte was sent, or the upstream answered with an error */
    ATTEMPT_DOUBT,   /* it was sent and its end is not known: the upstream may charge more than its usage says */
};

/* One try at one target; arena. */
struct attempt {
    struct request *req;
    struct attempt *previous;
    const struct route_target *target;
    enum attempt_mode mode;
    struct gw_call call;
    struct gw_http http;
    gw_request ask; /* what the plugin is asked; lives as long as the call */

    struct transfer_request send;
    struct transfer *transfer; /* NULL when none is running */
    enum attempt_wire wire;
    uint32_t wait;             /* for its first event or its whole answer; then for its end */
    struct text url;           /* where it went, without the query; masked, arena */
    const char *secret_from;   /* 'env "X"': which secret was used */
    struct transfer_times times; /* connection_ns is -1 until it has one */
    int64_t head_ns;           /* when the head of the answer came; 0: not yet */
    struct text said, said_code; /* the upstream's own words on a failure; bounded, masked, arena */
    struct event_order order;  /* of what the plugin emits */
    bool complained;           /* of the plugin, in the log */
    enum transfer_failure failure;
    const char *failure_text;

    int status;                /* HTTP, 0 until the head is there */
    enum attempt_form form;
    size_t folded;             /* bytes of events of an answer that is given whole */
    struct transfer_header *head; /* of the answer; arena, in one piece */
    size_t head_count;
    struct text content_type;  /* arena */
    struct text request_id;    /* the upstream's own */
    size_t announced;          /* bytes of its body; 0: not known */
    int retry_after_s;         /* of its head; -1: not sent */
    int8_t should_retry;       /* of its head: 0 no; -1: not sent, or yes */
    struct framing framing;    /* with FORM_FRAMES */
    struct pair pair;          /* halves of characters that wait for the next frame */
    struct buf whole;          /* an answer that is not cut */

    /* What read() or the scan found. */
    enum attempt_state state;
    bool saw_end_mark;         /* of the dialect: all of the answer was there, however its body ends */
    size_t opening;            /* bytes of events in `out` that only open the answer */
    struct text lacks;         /* what its last event came without: the blank line; absent: nothing */
    struct fail error;         /* classified; ATTEMPT_FAILED */
    enum attempt_error_from error_from;
    uint32_t error_fault;
    int error_status;
    struct text finish;
    unsigned finishes, usages; /* events that reported a finish reason, or usage */
    int64_t frames;            /* events with content that passed: an estimate of tokens */
    uint64_t spoken;           /* decoded bytes of text, reasoning and call arguments in them */

    struct buf out;            /* written by the face, not yet given to the door */
    int64_t started_ns, ended_ns;
    int64_t spoke_ns;          /* when it began to speak; 0: it has not */
    const char *outcome;       /* "ok", "status_503", "connect" ...: log and metrics */
    enum attempt_ending ending; /* of usage_end() */
    struct usage usage;        /* its own, once it is over */
    struct price price;        /* what that cost */
    int64_t hard, soft;        /* what it may cost at most and is expected to cost, before it is sent */
    bool held;                 /* the ledger knows it */
    struct ledger_hold *hold;  /* in the ledger: it is sent, and not over; NULL: it is not */
    struct hold_wait *waits;   /* hold.c: for others in flight; arena */
    struct loop_timer timer;   /* MODE_LOCAL: the next produce(); else the end of a body whose answer is complete */
};

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
    REPLY_BROKEN,   /* it ended badly: fail says how */
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
    struct config *config; /* the one it began with: a reference */
    struct fail fail;
    const char *failed_row; /* where it failed: `fail` is what the client gets; NULL: it did not */
    bool running;          /* way_run() is on the stack */
    bool finished;         /* "finish" has run */
    bool released;         /* the front has forgotten it */
    bool gone;             /* the client left */
    unsigned in_flight;    /* its share of gateway->in_flight: 1 from row "admit" to row "settle" */

    /* head */
    const struct face *face;
    uint32_t operation;
    struct text path;  /* below the API's root: "/images/generations"; of the route, never as the client wrote it */
    struct text query; /* what of the client's is passed on: "beta=true" */
    struct ask_dropped *query_dropped; /* and what is not */
    struct text deployment; /* the model that the path names; absent otherwise */
    struct text tail, client_id, peer, allow;
    struct text credentials[3]; /* Authorization: Bearer, x-api-key, Azure's api-key; absent where not sent */
    struct door_header *dialect_headers; /* arena */
    size_t dialect_header_count;
    enum error_case refuse;
    struct text hops; /* the gateways it has passed, as x-gw-hop has them */
    const struct face *lists_as; /* whose shape lists have: of the face that the client's headers name, else of its path */
    struct models_page page; /* of a list: limit, after_id, before_id of the query */

    /* body */
    struct buf body;
    enum request_body_state body_state;
    uint32_t body_wait;     /* the wait for it; 0: not begun */
    int64_t content_length; /* -1: not known */
    size_t body_held;       /* bytes of gateway->bodies_held that are for this body */
    struct ask ask;    /* its `stream`: how the current attempt answers */
    bool wants_stream; /* what the client asked for */

    const struct config_team *team;
    const struct config_key *key;
    const struct config_key *refused_key; /* known, and refused for */
    const char *key_refused;              /* "expired", "disabled", "unknown", "missing"; NULL: it was not */

    /* route */
    struct route_target *targets;
    size_t target_count, target_next;
    const struct config_model *model; /* NULL: the client named a provider */
    unsigned off_targets;         /* targets before that are switched off */
    unsigned unsupported_targets; /* targets that do not have what is asked for */
    unsigned attempts_max, attempts_made;
    unsigned secret_turn;  /* which of a provider's secrets is the first of this request */
    unsigned secret_tries; /* how many of the current target's were refused */
    struct config_timeouts timeouts;
    struct text *pieces; /* the spliced body of the current attempt */
    size_t piece_count;

    /* answer */
    struct attempt *attempt; /* the current one */
    struct face_answer answer;
    struct usage usage;
    struct price cost; /* of all attempts; row "settle" */
    struct text tier, speed; /* asked for, of price_ask(); absent: not */
    enum request_reply reply;
    bool paused;    /* the upstream waits for the client */
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
    int64_t started_ns; /* the first byte of the request */
    int64_t admitted_ms; /* wall clock: decides on the price and on the period of a budget */
    int64_t begun_ns;   /* its head was complete */
    int64_t waited_ns, first_token_ns;
    int64_t relay_ns; /* time of ours spent in callbacks while the way waits */
    char id[37];
    struct loop_after freeing;
    char first[6144]; /* the arena's first memory: a relayed chat takes some 4,600 bytes */
};

/* The dialects that a provider's upstream speaks natively: the plugin's, less what its service does not. */
static inline uint32_t way_dialects(const struct config_provider *provider)
{
    uint32_t all = provider->plugin->provider.dialects;
    return provider->service != NULL && provider->service->dialects != 0 ? all & provider->service->dialects : all;
}

/* Does nothing more come from its upstream? */
static inline bool attempt_is_over(const struct attempt *a)
{
    return a->wire >= WIRE_UNSENT;
}

static inline bool attempt_has_failed(const struct attempt *a)
{
    return a->state == ATTEMPT_FAILED;
}

/* Has something of what the model answers come, whatever happened since? */
static inline bool attempt_has_spoken(const struct attempt *a)
{
    return a->spoke_ns != 0;
}

/* One step of the request, on stderr with --log-level debug. */
#define way_debug(req, ...)                      \
    do {                                         \
        if (log_is_on(LOG_DEBUG))                \
            way_debug_line((req), __VA_ARGS__);  \
    } while (0)
void way_debug_line(const struct request *req, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Runs the way from req->row until it waits or ends. For request_begin() and wait.c: all others end a wait. */
void way_run(struct request *req);
const char *way_row_name(const struct request *req);
/* invariant.c: aborts where a promise about the request's state is broken. Before each row, in builds for tests. */
#ifdef GW_TEST_BUILD
void way_check(const struct request *req);
#else
static inline void way_check(const struct request *req)
{
    (void)req;
}
#endif

/* The steps, in their files. */
enum next admit_run(struct request *req);
enum next auth_run(struct request *req);
enum next decode_wait_body(struct request *req);
enum next decode_parse(struct request *req);
enum next decode_run(struct request *req);
enum next route_run(struct request *req);
enum next attempt_choose(struct request *req);
enum next attempt_build(struct request *req);
enum next attempt_hold(struct request *req);
enum next attempt_send(struct request *req);
enum next attempt_read(struct request *req);
enum next attempt_judge(struct request *req);
enum next answer_fold(struct request *req);
enum next answer_relay(struct request *req);
enum next settle_run(struct request *req);
enum next answer_finish(struct request *req);
/* Goes back to "attempt.choose": the only arrow back. */
enum next way_choose_again(struct request *req);

/* Who answers to a name. Of the two one is set. */
struct route_place {
    const struct config_model *model;
    const struct config_provider *provider;
    struct text rest; /* the provider's own name of the model */
};
/* A model of exactly that name, PROVIDER/MODEL, the family that fits best, or by the providers' own patterns where nothing is
 * configured. False: nobody. What the team may use is not asked here. */
bool route_find(const struct config *config, struct text name, struct route_place *place);

/* Nobody upstream counts tokens: an honest estimate, marked as one. Never 0: clients take that for a broken counter. */
enum next route_estimate_tokens(struct request *req);
/* hold.c: what came of waiting for room: NEXT, or FAIL. */
enum next hold_result(struct request *req);
/* attempt.c */
/* The only way in which its state changes: OPENING -> SPEAKING -> ENDED | FAILED; also from OPENING to the end, and from ENDED to
 * FAILED, when the end is found wanting. Any other turn is a bug. The loop, or the job that has the request. */
void attempt_turn(struct attempt *a, enum attempt_state state);
/* Nothing more comes, and it did not fail: SPEAKING or OPENING -> ENDED. */
void attempt_end(struct attempt *a);
void attempt_cancel(struct attempt *a); /* stops what runs; no event comes after */
bool attempt_call_off(struct request *req); /* wait_kind.cancel() of who waits for the current one */
void attempt_resume(struct attempt *a); /* after back-pressure */
void attempt_close(struct attempt *a);  /* cancels, and gives back what only a running attempt needs */
/* The members of the request that this attempt's upstream does not get, for want of a place in the canonical form. */
const struct ask_dropped *attempt_left_out(const struct attempt *a);
/* defect.c: what a plugin does wrong, named with the plugin in the log. */
/* `function` ended with `status`, which is a failure: fills a->error. */
void defect_status(struct attempt *a, const char *function, gw_status status);
/* read() could not read what the upstream sent: keeps why for the access log; a->error where the client must act. */
void defect_unread(struct attempt *a, gw_status status);
/* It emits `what`, and the answer is none: fills a->error. */
void defect_refused(struct attempt *a, const char *what);
/* It emits `what`, and the answer goes on. */
void defect_mended(struct attempt *a, const char *what);
/* head.c: keeps of the head what is asked for later: content type, request id, when to come again. False: the body is encoded
 * though nobody asked for that. */
bool head_keep(struct attempt *a, const struct transfer_header *headers, size_t count);

/* mask.c: `t`, or a copy (arena) in which "***" stands where the secret that this attempt sent was. */
struct text mask_text(struct attempt *a, struct text t);
/* The same of an event's texts. */
gw_event mask_event(struct attempt *a, const gw_event *event);

/* read.c: hands one frame to the provider. False when it cannot read it. */
bool relay_read(struct attempt *a, uint32_t framing, bool end, const struct frame *given);
/* What a plugin emits: usage, finish and errors always; for a translation everything. */
void relay_emit(gw_call *call, const gw_event *event);
/* What arrived cannot be passed on as a whole, for want of memory or a limit: the attempt has failed. */
void relay_overflow(struct attempt *a);
/* relay.c: what arrives from the upstream */
extern const struct transfer_events relay_events;
/* Passes on what the events of a local step became; the first of them begin the answer, and where that fails, the request
 * is over and a->done set. False when the attempt has failed. */
bool relay_after_step(struct attempt *a);
/* The attempt is over, one way or the other: the way goes on. */
void relay_complete(struct attempt *a);
/* The provider broke its part: fills a->error. `text` goes on after its name. */
void relay_broken(struct attempt *a, enum error_case which, const char *outcome, const char *text);
/* body.c: may the body grow to `wanted` bytes? */
bool body_hold(struct request *req, size_t wanted);
/* Frees the body, and what was held for it. */
void body_drop(struct request *req);
/* usage.c: what the attempt used, when it is over: makes req->usage complete, and fills a->usage and a->ending. Before
 * attempt_close(), when a->outcome is known. The second time it does nothing. */
void usage_end(struct attempt *a);
/* query.c: fills req->query and req->query_dropped. */
void query_read(struct request *req, struct text query, const char *names);
/* local.c */
void local_start(struct attempt *a);
/* failure.c: what a failed attempt means. Fills a->error and a->outcome; true when another target may be tried. */
bool failure_judge(struct attempt *a);
void failure_from_event(struct attempt *a, const gw_event *event);
/* Keeps the upstream's own words for the log. The first ones count. */
void failure_said(struct attempt *a, struct text words, struct text code);
/* answer.c */
void answer_begin_stream(struct request *req); /* the head of a 200 stream, once */
/* The stream is complete or broken: puts its end into req->tail_bytes. False while bytes before it wait for the client:
 * answer_drained() ends the attempt's wait then. */
bool answer_end_stream(struct attempt *a);
/* Bytes of a stream (lent): as many as the client takes go to the door, the others wait in req->pending. */
void answer_write(struct request *req, struct text bytes);
/* The client takes more. */
void answer_drained(struct request *req);
/* While a stream is silent: keep-alive comments between events. */
void answer_ping_start(struct request *req);
void answer_ping_stop(struct request *req);
/* A whole answer of ours (models): body_out is filled, type JSON, status 200. FAIL where it has no room for all of it. */
enum next answer_own(struct request *req);
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
