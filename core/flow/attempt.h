/* attempt.h - one try at one target, as the steps see it. Only flow/ includes this. */
#ifndef FLOW_ATTEMPT_H
#define FLOW_ATTEMPT_H

#include "canon/pair.h"
#include "canon/usage.h"
#include "face/face.h"
#include "flow/cached.h"
#include "flow/choose.h"
#include "flow/outcome.h"
#include "flow/price.h"
#include "flow/wait.h"
#include "flow/worst.h"
#include "loop/loop.h"
#include "money/ledger.h"
#include "plugin/call.h"
#include "plugin/event.h"
#include "plugin/plugin.h"
#include "upstream/framing.h"
#include "upstream/transfer.h"

struct ledger_hold;
struct request;

/* One upstream a request may go to, in the order in which they are tried. Arena. */
struct route_target {
    const struct config_provider *provider;
    struct text model;          /* as the upstream names it */
    bool configured;            /* `model` stands in the configuration; else the client named it */
    const struct tariff *price; /* what gateway.lua reports that it costs; NULL: nothing */
    bool fallback;      /* it stands in another list than the first, or one before it is off, ejected or too small */
    bool reserve;       /* it stands in another list than the first */
    bool looked_up;     /* `health` is known */
    const char *chosen; /* why it is the next: "order", "sticky" ...; static, NULL: nobody chose */
    unsigned max_in_flight;        /* requests at a time; 0: no limit; CONFIG_ADAPTIVE */
    unsigned weight;               /* its share among the targets of its list; 1 where there are no weights */
    struct ejection *health;       /* NULL: nothing is known of it */
    bool avoided;                  /* it is degraded: this request goes elsewhere, where it can */
    struct outage *outage;         /* it is tried though nothing is usable; NULL: it is not */
    int64_t context_tokens;        /* as the operator states it; 0: not stated */
    struct text region, retention; /* as the operator states them; absent: not stated */
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
    ATTEMPT_FAILED, /* `error` is what the client gets, unless another attempt answers; what still comes does not count */
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
    ATTEMPT_SETTLED, /* it costs what its usage states */
    ATTEMPT_FREE,    /* surely nothing: no byte was sent, or the upstream answered with an error */
    ATTEMPT_DOUBT,   /* it was sent and its end is not known: the upstream may charge more than its usage states */
};

/* What the ledger has of an attempt. */
enum attempt_booked {
    BOOKED_NONE, /* nothing */
    BOOKED_HOLD, /* what it may cost */
    BOOKED_END,  /* what it cost; written once */
    BOOKED_LAST, /* that the request is over, too */
};

/* slow.c: is its answer held until its speed is known? */
struct attempt_slow {
    enum { SLOW_UNASKED, SLOW_HOLDS, SLOW_OVER } state;
    uint64_t seen; /* of `spoken` */
    double tokens;
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
    uint32_t wait;   /* for its first event or its whole answer; then for its end */
    struct text url; /* where it went, without the query; masked, arena */
    int secret;      /* which of the provider's */
    struct lane *lane,
        *account; /* of its secret at this model and at all of them; NULL: no limit was met there, or it is judged */
    struct ejection_ticket ticket;
    const char *chosen;          /* why this target: struct route_target's */
    const char *secret_from;     /* 'env "X"': which secret was used */
    struct transfer_times times; /* connection_ns is -1 until it has one */
    int64_t head_ns;             /* when the head of the answer came; 0: not yet */
    struct text said, said_code; /* the upstream's own words on a failure; bounded, masked, arena */
    struct event_order order;    /* of what the plugin emits */
    const char *defect;          /* what the plugin did wrong first, as the log has it; arena, NULL: nothing */
    enum transfer_failure failure;
    const char *failure_text;

    int status;   /* HTTP, 0 until the head is there */
    bool hurried; /* its time to the first token was cut, so that another attempt has time */
    bool streams; /* its answer is passed on as a stream: ask.stream, unless the upstream answered in the other way */
    enum attempt_form form;
    size_t folded;                /* bytes of events of an answer that is given whole */
    struct transfer_header *head; /* of the answer; arena, in one piece */
    size_t head_count;
    struct text content_type; /* arena */
    struct text request_id;   /* the upstream's own */
    size_t announced;         /* bytes of its body; 0: not known */
    int retry_after_s;        /* of its head; -1: not sent */
    int8_t should_retry;      /* of its head: 0 no; -1: not sent, or yes */
    struct framing framing;   /* with FORM_FRAMES */
    struct pair pair;         /* halves of characters that wait for the next frame */
    struct buf whole;         /* an answer that is not cut */

    /* What read() or the scan found. */
    enum attempt_state state;
    bool saw_end_mark; /* of the dialect: all of the answer was there, however its body ends */
    size_t opening;    /* bytes of events in `out` that only open the answer */
    struct text lacks; /* what its last event came without: the blank line; absent: nothing */
    struct fail error; /* classified; ATTEMPT_FAILED */
    enum attempt_error_from error_from;
    uint32_t error_fault;
    int error_status;
    struct text finish;
    unsigned finishes, usages; /* events that reported a finish reason, or usage */
    int64_t frames;            /* events with content that passed: an estimate of tokens */
    uint64_t spoken;           /* decoded bytes of text, reasoning and call arguments in them */

    struct buf out; /* written by the face, not yet given to the door */
    int64_t started_ns, ended_ns;
    double input_guess; /* of strategy_input(): the body may be gone when its times are noted */
    int64_t spoke_ns;   /* when it began to speak; 0: it has not */
    enum outcome outcome;
    int outcome_status;                /* of OUTCOME_STATUS and OUTCOME_ERROR */
    enum attempt_ending ending;        /* of usage_end() */
    struct usage usage;                /* its own, once it is over */
    const struct price_choice *prices; /* that price_choose() found last; arena */
    struct price price;                /* what that cost */
    enum ledger_charge charge;         /* is it charged to a budget? */
    struct worst *worst;               /* the bound of its tokens; NULL: it has no budget. Arena */
    int64_t hard, soft;                /* what it may cost at most and is expected to cost, before it is sent */
    enum attempt_booked booked;        /* what of it is in the ledger */
    struct ledger_hold *hold;          /* in the ledger: it is sent, and not over; NULL: it is not */
    struct hold_wait *waits;           /* hold.c: for others in flight; arena */
    struct drain *drains;              /* drain.c: its rest is read for nobody; arena */
    struct cached *cached;             /* its state in the cache; arena. NULL: there is no cache */
    int64_t clamped;                   /* the limit of output tokens that it was lowered to; 0: it was not */
    struct loop_timer timer; /* MODE_LOCAL: the next produce(); else the end of a body whose answer is complete */
    struct loop_timer late;  /* silent.c: does it wait for longer than usual? Then slow.c: is its content slow? */
    struct attempt_slow slow;
    struct silence_ticket silence;
};

/* Does nothing more come from its upstream? */
static inline bool attempt_is_over(const struct attempt *a)
{
    return a->wire >= WIRE_UNSENT;
}

static inline bool attempt_has_failed(const struct attempt *a)
{
    return a->state == ATTEMPT_FAILED;
}

/* Did it end because another attempt needs the time? */
static inline bool attempt_was_hurried(const struct attempt *a)
{
    return a->hurried && a->failure == TRANSFER_TIME_FIRST;
}

/* Has it joined an equal request in flight? */
static inline bool attempt_is_joined(const struct attempt *a)
{
    return a->cached != NULL && a->cached->state == CACHED_JOINED;
}

/* Is it answered from the cache, or by what an equal request has asked? Then nothing is sent, and it costs nothing. */
static inline bool attempt_is_hit(const struct attempt *a)
{
    return a->cached != NULL && a->cached->state >= CACHED_HIT;
}

/* Has something of what the model answers come, whatever happened since? */
static inline bool attempt_has_spoken(const struct attempt *a)
{
    return a->spoke_ns != 0;
}

/* The only way in which its state changes: OPENING -> SPEAKING -> ENDED | FAILED; also from OPENING to the end, and from ENDED to
 * FAILED, when the end is found wanting. Any other turn is a bug. The loop, or the job that has the request. */
void attempt_turn(struct attempt *a, enum attempt_state state);
/* Nothing more comes, and it did not fail: SPEAKING or OPENING -> ENDED. */
void attempt_end(struct attempt *a);
/* The provider broke its part: fills a->error. `text` goes on after its name. */
void attempt_fail(struct attempt *a, enum error_case which, enum outcome outcome, const char *text);
/* The name of its outcome, "status_503", "connect" ...; NULL: it has none yet. Static, or arena of the request. */
const char *attempt_outcome_name(const struct attempt *a);
/* What arrived cannot be passed on as a whole, for want of memory or a limit: it has failed, unless it had before. */
void attempt_overflow(struct attempt *a);
/* Nothing more comes, one way or the other: the way goes on, where the client has taken what came. */
void attempt_complete(struct attempt *a);
/* The callbacks for the head, the body and the end of the upstream's answer. */
extern const struct transfer_events attempt_arrivals;
void attempt_cancel(struct attempt *a); /* stops what runs; no event comes after */
/* Its upstream is TRANSFER_SILENT or TRANSFER_SLOW: it fails, and the way goes on. */
void attempt_leave(struct attempt *a, enum transfer_failure why);
bool attempt_call_off(struct request *req); /* wait_kind.cancel() of who waits for the current one */
void attempt_resume(struct attempt *a);     /* after back-pressure */
void attempt_close(struct attempt *a);      /* cancels, and gives back what only a running attempt needs */
/* The members of the request that this attempt's upstream does not get, for want of a place in the canonical form. */
const struct ask_dropped *attempt_left_out(const struct attempt *a);
/* Is all of a whole answer there, which row "attempt.read" reads? */
bool attempt_is_unread(const struct attempt *a);
/* attempt_ask.c: what the plugin is asked and may see: a->ask, a->call, a->mode. */
void attempt_ask_describe(struct attempt *a);
/* attempt_judge.c: did it fail for its secret, so that another one may do? */
bool attempt_is_about_secret(const struct attempt *a);
/* It failed, and no other follows: fills req->fail. FAIL. */
enum next attempt_give_up(struct attempt *a);
/* What is asked of the provider, in its form: a->send. A request_job's work. */
enum next attempt_ask_write(struct request *req, struct arena *scratch, struct fail *fail);
/* The same once more, from another canonical body. */
void attempt_ask_again(struct attempt *a, const struct json *canonical);
/* defect.c: what a plugin does wrong, named with the plugin in the log. */
/* `function` ended with `status`, which is a failure: fills a->error. */
void defect_status(struct attempt *a, const char *function, gw_status status);
/* read() could not read what the upstream sent: keeps why for the access log; a->error where the client must act. */
void defect_unread(struct attempt *a, gw_status status);
/* It emits `what`, and the answer is none: fills a->error. */
void defect_refused(struct attempt *a, const char *what);
/* It emits `what`, and the answer goes on. */
void defect_mended(struct attempt *a, const char *what);
/* upstream_head.c: keeps of the head what is asked for later: content type, request id, when to come again. False: the body is encoded
 * though nobody asked for that. */
bool upstream_head_keep(struct attempt *a, const struct transfer_header *headers, size_t count);

/* mask.c: `t`, or a copy (arena) in which "***" stands where the secret that this attempt sent was. */
struct text mask_text(struct attempt *a, struct text t);
/* mask_request.c: the same of what stands in the client's request, for the log; at most 512 bytes are looked at. Arena or `words`. */
struct text mask_request(struct attempt *a, struct text words);
/* The same of an event's texts. */
gw_event mask_event(struct attempt *a, const gw_event *event);

/* provider.c: hands one frame to the provider's read(). False when it cannot read it. */
bool provider_read(struct attempt *a, uint32_t framing, bool end, const struct frame *given);
/* What a plugin emits: usage, finish and errors always; for a translation everything. */
void provider_emit(gw_call *call, const gw_event *event);
/* usage.c: what the attempt used, when it is over: makes req->usage complete, and fills a->usage and a->ending. Before
 * attempt_close(), when a->outcome is known. The second time it does nothing. */
void usage_end(struct attempt *a);
/* Of a request: its last attempt's, and those of the answers that policies have dropped. */
struct usage usage_of_all(const struct request *req);
/* local.c */
void local_start(struct attempt *a);
/* failure.c: what a failed attempt means. Fills a->error and a->outcome; true when another target may be tried. */
bool failure_judge(struct attempt *a);
void failure_from_event(struct attempt *a, const gw_event *event);
/* Keeps the upstream's own words for the log. The first ones count. */
void failure_said(struct attempt *a, struct text words, struct text code);

#endif
