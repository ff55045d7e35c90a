/* script.h - policies: rules in Lua, of the operator's, that run at fixed moments of a request's way.
 *
 * A policy has one Lua state on each worker, made when a snapshot of the configuration comes into use. Everything here belongs to the worker's thread but
 * script_check(), script_open() and what has to do with struct script_shared. A hook that fails never harms the process: its error names the policy,
 * the file and the line. */
#ifndef SCRIPT_SCRIPT_H
#define SCRIPT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/text.h"
#include "canon/ask.h"
#include "canon/usage.h"
#include "config/config.h"
#include "face/face.h"
#include "face/restore.h"
#include "face/reword.h"
#include "face/said.h"
#include "face/talk.h"

enum script_hook { SCRIPT_ON_REQUEST = 1, SCRIPT_ON_ROUTE = 2, SCRIPT_ON_RESPONSE = 4, SCRIPT_ON_FINISH = 8 };
#define SCRIPT_HOOKS 4u
#define SCRIPT_RETRIES_MOST 3u /* of a request, by all policies */

/* What the hooks of all policies decided. */
enum script_verdict {
    SCRIPT_PASS,   /* nothing, or a route: script_request.model is the model now */
    SCRIPT_DENY,   /* script_request.refusal */
    SCRIPT_ANSWER, /* script_request.answer */
    SCRIPT_RETRY,  /* script_request.retry: the answer is dropped, and another one asked for */
    SCRIPT_FAILED, /* a policy did; the reason is in the log and in the trace: the client gets an internal error */
    SCRIPT_WAIT,   /* a hook waits: script_resume() when what it waits for is over, or script_cancel() */
};

struct script_header {
    struct text name, value;
};

/* A header that a policy sets. Arena. */
struct script_put {
    struct script_put *next;
    struct text name, value; /* value absent: the header goes */
};

/* A text that a policy has masked, and that comes back in the answer. Arena. */
struct script_restore {
    struct script_restore *next;
    struct restore_text text;
};
#define SCRIPT_RESTORES_MOST 1000u /* of a request */

/* Why the attempt before failed. */
struct script_error {
    const char *class; /* "rate_limited": static */
    int status;        /* 0: none */
    struct text code, provider, target;
};

/* One thing that may still be tried. */
struct script_target {
    struct text provider, model;
    const char *role;                    /* "target", "fallback": static */
    struct text region, retention;       /* absent: not stated */
    int64_t cost_nano, context_tokens;   /* expected for this request, -1: no price; 0: not known */
    unsigned in_flight;                  /* attempts of all requests */
    bool ejected;                        /* it gets no requests for the moment */
    int64_t cooling_ms;                  /* until one of its secrets may be used again; 0: one may */
    double first_token_ms, tokens_per_s; /* means of its streams; 0: none was measured */
    unsigned index;                      /* the caller's */
    bool known;                          /* of a recorded request: the facts of that moment are there, too */
};

/* What may still be tried, in order. A hook changes the order and the count. */
struct script_targets {
    struct script_target *items;
    size_t count;
    bool ordered; /* a policy has put them in this order */
};

/* How a request ended. */
struct script_done {
    int status;
    const char *outcome; /* "ok", "denied", "failed", "cancelled" */
    bool refused;        /* and nothing was used: what policies have taken of counters is given back */
    struct text code;    /* absent: none */
    struct text target;  /* "provider/model"; absent: none was asked */
    unsigned attempts;
    const struct usage *usage;
    bool priced;
    int64_t cost_nano, first_token_ms, total_ms; /* first_token_ms -1: none came */
};

/* What gw.counter.take has taken: given back where the request is refused later. Arena. */
struct script_taken {
    struct script_taken *next;
    struct text key; /* of the store */
    int64_t n;
};

/* A whole answer, before any of it has reached the client. */
struct script_response {
    const struct said *said;
    const char *finish; /* static */
    struct text target; /* "provider/model" */
    const struct usage *usage;
    int64_t first_token_ms, total_ms; /* first_token_ms -1: not known */
    size_t from;                      /* of the policies in their order, the first that sees it */
    struct text parts[REWORD_PARTS];  /* as the client would get it: a body, or the bytes of a stream and its end */
    bool streams;
    bool edited; /* a policy has changed the parts: they are the arena's */
};

/* The request that gw.retry asks for. Arena. */
struct script_retry {
    struct text model; /* absent: the same */
    struct text say;   /* to the model, behind its answer; absent: nothing */
    struct ask *ask;   /* the conversation with both; NULL: as it was */
    const struct config_policy *policy;
    struct script_trace *trace;
    size_t from; /* of script_response, where the answer goes out all the same */
};

struct script_note {
    struct script_note *next;
    struct text text;
};

/* What one hook did: for the access log and the ledger. Arena. */
struct script_trace {
    struct script_trace *next;
    const struct config_policy *policy;
    enum script_hook hook;
    unsigned attempt;
    const char *decision; /* "deny", "answer", "route", "overruled", "order", "retry", "error"; NULL: none. Static */
    struct text model, code, reason, at; /* at: "scripts/x.lua:3", where it was decided; absent: nowhere */
    struct text why;                     /* it was not done; absent: it was */
    struct script_note *notes, **last_note;
    unsigned note_count;
    const char *edits; /* words of the edits that it made: "add_system, cap"; NULL: none. Arena */
    struct script_call *calls, **last_call;
    unsigned call_count;
    int64_t cpu_ns, wait_ns;
    bool observed; /* decided, and not done: mode = "observe" */
};

/* Money of somebody in a period, nano-dollars. */
struct script_spend {
    int64_t spent, held, limit; /* limit -1: none */
};
enum script_whose { SCRIPT_OF_TEAM, SCRIPT_OF_KEY, SCRIPT_OF_USER, SCRIPT_OF_SESSION, SCRIPT_OF_PROJECT };

/* A request to a place of the policy, and its answer. Arena. */
#define SCRIPT_HTTP_MOST ((size_t)1 << 20) /* bytes of a body, either way */
struct script_http {
    const struct config_place *place;
    bool post;
    struct text path, body, body_type; /* path: "", "/x", "?x=1" */
    const struct script_header *headers;
    size_t header_count;

    /* The answer. */
    int status; /* 0: there is none, and `why` is the reason */
    struct text text;
    const struct script_header *got; /* names in lower case */
    size_t got_count;
    const char *why; /* static */
};

/* A request to a model, through the gateway itself, and its answer. Arena. */
#define SCRIPT_LLM_MOST 8u /* asked at the same time */
struct script_llm {
    struct script_llm *next; /* asked with it */
    unsigned index;          /* in the policy's list, from 1; 0: it is alone */
    struct text model;       /* NUL-terminated */
    struct text policy;      /* the tag of the request: policy=NAME */
    const struct face *face;
    struct text body; /* in the API of `face` */

    /* The answer. */
    bool came;  /* it is good */
    int status; /* 0: none came */
    struct text text, finish;
    const struct talk_call *calls;
    size_t call_count;
    struct usage usage;
    int64_t cost_nano;
    bool priced;
    const char *why; /* arena; NULL: it is good, or not over */
};

/* What a hook asked, for the access log. Arena. */
struct script_call {
    struct script_call *next;
    const char *word, *what; /* "http" and the place's name, "llm" and the model's */
    int64_t took_ns;
    int status;      /* of the answer; 0: none came */
    const char *why; /* arena or static; NULL: one came */
};

/* Something that a hook waits for. In the request's arena. */
struct script_ask {
    enum script_ask_kind {
        SCRIPT_ASK_TURN, /* the policy's memory has no room; the host is called for it: wake() */
        SCRIPT_ASK_TIME, /* until_ns alone; in builds for tests */
        SCRIPT_ASK_HTTP, /* http */
        SCRIPT_ASK_LLM,  /* llm */
    } kind;
    int64_t until_ns; /* monotonic: it is over then at the latest */
    bool late;        /* that came first */
    struct script_http *http;
    struct script_llm *llm; /* the first of a list */
    unsigned want;          /* so many good answers of the list are enough; 0: all */
};

/* What the caller does for a policy; `owner` is script_request.owner. */
struct script_host {
    /* Starts it. When it is over, or late, the caller has the request go on with script_resume(): never inside this call. A caller whose
     * client leaves calls it off, and then script_cancel(). */
    void (*start)(void *owner, struct script_ask *ask);
    /* What was started as SCRIPT_ASK_TURN is over; not inside this call either. */
    void (*wake)(void *owner);
    /* False: there is no budget of that kind, and nothing is known. */
    bool (*spend)(void *owner, enum script_whose whose, struct text name, enum config_period per,
                  struct script_spend *out);
    /* How far the clocks of a zone are from UTC, in seconds. False: there is no such zone. */
    bool (*east)(void *owner, struct text zone, int64_t unix_s, int64_t *east);
    /* Counts an event of a policy, for the metrics. */
    void (*count)(void *owner, const char *policy, struct text event);
    /* Sets a tag of the request. NULL, or what is wrong with it, static. */
    const char *(*tag)(void *owner, struct text name, struct text value);
};

/* A request as policies see it. Zeroed and filled by the caller, in the request's arena; texts are kept. */
struct script_request {
    struct arena *arena;
    const struct config *config;
    const struct face *face;
    struct ask *ask; /* its body may be gone in on_finish: `talk` stays */
    const struct script_host *host;
    void *owner;
    uint32_t operation;
    struct text id, team, key, model, asked_model, address, user, project, session, tags; /* tags: "a=1,b=2" */
    const char *client;
    bool stream;
    int64_t admitted_ms;
    const struct script_header *headers;
    size_t header_count;
    unsigned attempt;
    unsigned retries;                      /* answers that policies have dropped */
    const struct script_error *last_error; /* NULL: the first attempt */
    struct script_targets *targets;        /* the caller's: of script_on_route() */

    /* What came of it. */
    const char *routed_by; /* name of the policy whose route counts; NULL: none */
    struct script_refusal {
        int status, retry_after_s; /* 0: it shall not come again */
        struct text code, text;
    } refusal;
    struct script_reply {
        struct text text;
        const char *finish; /* "stop", "length", "content_filter": static */
    } answer;
    struct script_retry retry;
    struct script_trace *traces, **last_trace;
    bool edited;                     /* `ask` is another one than the caller's: its body was edited */
    const struct fail *unread;       /* a policy wanted to read the body, and it is no JSON; NULL: none did, or it is */
    struct script_put *sends;        /* headers for the upstream, the last of a name counts */
    struct script_put *replies;      /* headers for the client */
    struct script_restore *restores; /* texts that come back in the answer, the newest first */
    size_t restore_count;
    bool holds;              /* a policy wants to see the answer: the caller's */
    bool head_sent;          /* the client has the head of its answer: the caller's */
    struct script_put *base; /* those of `sends` that on_request set: the caller's */

    bool waits; /* a hook of it does */
    bool inner; /* a policy asks it (gw.llm): on_route alone is for it */

    /* A request of the ledger, which a new policy is tried on: nothing is logged, and time is that of its admission. */
    bool recorded;
    bool captured;           /* and what it said is there */
    int64_t recorded_tokens; /* req.estimated_input_tokens; 0: not known */
    const char *
        missing; /* what a hook wanted of it that was not recorded: it cannot be judged. Arena or static; NULL: nothing */

    /* script/'s own */
    struct script_run *run;
    struct script_taken *taken;
    const struct talk *talk;
    struct script_unit *units; /* read.c: the texts of `talk`; NULL: not made yet */
    size_t unit_count;
    struct text conversation;
    uint8_t *retried; /* of each policy: how often it has asked again; NULL: none has */
    uint8_t *skips;   /* of each policy: its hooks that are not called any more; NULL: none is skipped */
    int *vars;        /* of each policy: a reference in its state */
    struct script_state **vars_of;
};

/* What all workers share: counters and cached values of policies, on this gateway. */
struct script_shared;
struct script_shared *script_shared_new(void);
void script_shared_free(struct script_shared *shared);
/* Counters and cache are empty again: for tests of policies. */
void script_shared_clear(struct script_shared *shared);

/* Loads each policy once, to see whether it is sound, reads the modules that it requires, and notes which hooks it has. Calls `wrong` with the policy and a text that names
 * file and line for each that is not. Boot thread, before any worker. */
void script_check(struct config *config, void (*wrong)(void *arg, const struct config_policy *policy, const char *text),
                  void *arg);

/* The policies of a worker. */
struct script_worker;
/* With one reference, for a worker that is given it. `config` and `shared` are kept, and must outlive it. NULL with `fail`. Given; NULL without
 * `fail` set where the configuration has none. */
struct script_worker *script_open(const struct config *config, struct script_shared *shared, struct fail *fail);
/* A request keeps those that it began with. NULL: nothing. */
struct script_worker *script_ref(struct script_worker *w);
void script_unref(struct script_worker *w);

/* Runs the hooks of that name of all policies that are for this request, in order. `targets` is kept until the verdict is another than
 * SCRIPT_WAIT. on_finish cannot wait. */
enum script_verdict script_on_request(struct script_worker *w, struct script_request *req);
enum script_verdict script_on_route(struct script_worker *w, struct script_request *req,
                                    struct script_targets *targets);
/* What a hook waited for is over: it goes on, then the hooks after it. The same verdicts. */
enum script_verdict script_resume(struct script_worker *w, struct script_request *req);
/* A hook that waits does not go on. Nothing where none does. Before script_on_finish(). */
void script_cancel(struct script_worker *w, struct script_request *req);
/* In the reverse order: who has changed the request first sees the answer last. */
/* `response` is kept until it is decided. */
enum script_verdict script_on_response(struct script_worker *w, struct script_request *req,
                                       struct script_response *response);
/* Fills response->said from its parts. Arena. False: they are no answer. */
bool script_answer(struct arena *arena, struct script_response *response);
/* What `req->retry` wants is asked now. */
void script_retried(struct script_request *req);
/* Does any policy want to see the answer? NULL: there are none. */
bool script_wants_response(const struct script_worker *w, const struct script_request *req);
/* Also gives back what the policies kept of the request: once for each request that script_on_request() saw. */
void script_on_finish(struct script_worker *w, struct script_request *req, const struct script_done *done);

/* "on_request" ... Static. */
const char *script_hook_name(enum script_hook hook);
/* "chat", "completion" ... of a GW_OP_*. Static. */
const char *script_kind_name(uint32_t operation);
/* The kinds, NULL-terminated. Static. */
extern const char *const script_kinds[];
/* The GW_OP_* of a kind; 0: there is none. */
uint32_t script_kind_of(struct text name);

/* The words of policies, a line each, or as JSON: what sdk/lua/gw.lua describes. Appended. */
void script_write_words(struct buf *out);

#endif
