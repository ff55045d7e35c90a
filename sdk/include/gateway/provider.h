/* provider.h - a provider adapter: a pure translator, no I/O of its own.
 *
 *     canonical request --build()--> upstream HTTP request
 *     upstream bytes    --read()---> canonical events
 *
 * A plain answer is a stream that arrives at once: read() gets the frames of a stream, or
 * one whole body, and emits the same events for both. The core owns sockets, retries,
 * framing, keys and clocks. All functions marked [worker] run on an event-loop thread, or on a
 * job thread of the core where there is much to do: they must not block, sleep, start threads
 * or keep a pointer they were lent. Several threads call the same instance at once, so an
 * instance is read-only after open(); the steps of one call come one after another, each
 * perhaps on another thread.
 *
 * When the client speaks a dialect that the upstream speaks natively (`dialects`), the
 * core relays bytes: build() then writes method, URL and headers only (`req->body` is
 * NULL), and read() is a tap. It is called where the core's scan found usage, a finish
 * reason or an error, and what it emits besides USAGE, FINISH and ERROR is ignored.
 */
#ifndef GATEWAY_PROVIDER_H
#define GATEWAY_PROVIDER_H

#include "host.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How the core cuts a streamed body before read() sees it. */
#define GW_FRAMING_WHOLE 0u       /* not a stream: one frame, the whole body */
#define GW_FRAMING_SSE 1u         /* one server-sent event per frame */
#define GW_FRAMING_LINES 2u       /* one line per frame (NDJSON) */
#define GW_FRAMING_EVENTSTREAM 3u /* application/vnd.amazon.eventstream */
#define GW_FRAMING_RAW 4u         /* bytes as they arrive */

/* What a client can ask for. */
#define GW_OP_CHAT (1u << 0)
#define GW_OP_COMPLETIONS (1u << 1)
#define GW_OP_EMBEDDINGS (1u << 2)
#define GW_OP_COUNT_TOKENS (1u << 3)
#define GW_OP_MODELS (1u << 4)
#define GW_OP_MODERATIONS (1u << 5)
#define GW_OP_RERANK (1u << 6)
#define GW_OP_IMAGES (1u << 7)
#define GW_OP_AUDIO (1u << 8)

/* The wire formats a body can be in. CHAT is also the canonical form. */
#define GW_DIALECT_CHAT (1u << 0)        /* OpenAI chat completions */
#define GW_DIALECT_RESPONSES (1u << 1)   /* OpenAI responses */
#define GW_DIALECT_MESSAGES (1u << 2)    /* Anthropic messages */
#define GW_DIALECT_GEMINI (1u << 3)      /* Gemini generateContent */
#define GW_DIALECT_EMBEDDINGS (1u << 4)  /* OpenAI embeddings */
#define GW_DIALECT_COMPLETIONS (1u << 5) /* OpenAI legacy completions */
#define GW_DIALECT_OTHER (1u << 6)       /* relayed as it is: moderations, rerank, images, audio */

typedef struct gw_request {
    uint32_t size;
    uint32_t operation;  /* one GW_OP_* */
    uint32_t dialect;    /* of the bytes that will be sent and answered: one GW_DIALECT_* */
    uint32_t stream;     /* 1: the client asked for a stream */
    gw_str model;        /* as the upstream names it; routing already applied */
    gw_str base_url;     /* of the chosen provider, no trailing slash */
    gw_str secret;       /* of the chosen provider, may be absent; never log it */
    gw_str path;         /* relayed OTHER: the path below the API's root, one that the gateway lists: "/images/edits" */
    const gw_json *body; /* the canonical, OpenAI-shaped request; NULL when relayed */
} gw_request;

struct gw_frame {
    uint32_t size;
    uint32_t end;     /* 1: the body is complete; data may be empty */
    uint32_t status;  /* HTTP status of the answer */
    uint32_t framing; /* GW_FRAMING_*; WHOLE with end=1 for a plain answer or an error body */
    gw_str name;      /* SSE event name; of an event stream :event-type, :exception-type or :error-code */
    gw_str data;
    gw_str headers; /* of an event stream: the header block, for host->frame_header(); else absent */
};

/* Tokens in disjoint buckets: no token is in two of them. -1 where not reported. The buckets
 * must sum to `total` when that is reported; the core refuses a set that does not. */
typedef struct gw_tokens {
    uint32_t size;
    uint32_t reserved0;
    int64_t input; /* fresh text input: neither read from nor written to a cache */
    int64_t cache_read;
    int64_t cache_write_5m; /* written with the short life, or of unknown life */
    int64_t cache_write_1h;
    int64_t output; /* text output without reasoning */
    int64_t reasoning;
    int64_t audio_in, audio_out;
    int64_t image_in, image_out;
    int64_t server_tool_calls; /* counts calls, not tokens: in no sum */
    int64_t total;             /* the provider's own total, -1 when it has none */
    gw_str raw;                /* the provider's usage JSON as received */
} gw_tokens;

#define GW_EVENT_START 1u   /* id: the upstream's; text: model as the upstream names it */
#define GW_EVENT_TEXT 2u    /* text: a piece of choice `index` */
#define GW_EVENT_REFUSAL 3u /* text: a piece of a refusal */
#define GW_EVENT_REASONING                                                                                             \
    4u /* text: a piece of reasoning, block `item`; data: JSON of the entry it came in, or absent */
#define GW_EVENT_SIGNATURE                                                                                             \
    5u /* id: its format; text: signature or encrypted blob of reasoning block `item`; data: see README */
#define GW_EVENT_TOOL_CALL                                                                                             \
    6u /* id, text: function name; opens call `item` of the choice; data: JSON object, members beside the call's */
#define GW_EVENT_TOOL_ARGS 7u   /* text: a piece of the JSON arguments of call `item` */
#define GW_EVENT_CUSTOM_ARGS 8u /* text: a piece of the free input of custom call `item` */
#define GW_EVENT_CITATION 9u    /* data: JSON of one annotation */
#define GW_EVENT_LOGPROBS 10u   /* data: JSON array in the chat shape */
#define GW_EVENT_MEDIA 11u      /* data: JSON of a part: {"type":"image_url",...} or {"type":"audio","audio":{...}} */
#define GW_EVENT_USAGE 12u      /* tokens: cumulative; the last one counts */
#define GW_EVENT_FINISH 13u     /* text: stop, length, tool_calls, content_filter; code, data: see gw_event */
#define GW_EVENT_ERROR 14u      /* text: message, code, param, status, fault */
#define GW_EVENT_BODY 15u       /* data: whole answer of an operation that is not a chat, OpenAI shape */
#define GW_EVENT_ORIGIN                                                                                                \
    16u /* id: the dialect; data: JSON of a part in the upstream's dialect, to be returned as it is; code:
                                 * the name of a member that stands beside the parts, absent for a part */

/* Who or what an ERROR is about, where the status alone does not show it. */
#define GW_FAULT_BY_STATUS 0u
#define GW_FAULT_REQUEST 1u /* the caller must change the request */
#define GW_FAULT_AUTH 2u    /* the upstream refuses our credential */
#define GW_FAULT_RATE_LIMIT 3u
#define GW_FAULT_OVERLOADED 4u
#define GW_FAULT_SERVER 5u
#define GW_FAULT_TIMEOUT 6u
#define GW_FAULT_CONTEXT 7u /* the prompt is too long for this model */
#define GW_FAULT_FILTER 8u  /* refused by a content filter */
#define GW_FAULT_QUOTA 9u   /* our account has no money left */

typedef struct gw_event {
    uint32_t size;
    uint32_t type;  /* GW_EVENT_*; a core ignores types it does not know */
    uint32_t index; /* choice */
    uint32_t item;  /* tool call or reasoning block within the choice */
    gw_str id;
    gw_str text;
    gw_str data; /* JSON; of FINISH what the upstream tells beside `code`: the stop sequence that was met ...; of ERROR
                  * an object of what its error has beside the rest, for a client that can act on it */
    const gw_tokens *tokens;
    uint32_t status; /* ERROR: the upstream's HTTP status, or the one it meant */
    uint32_t fault;  /* ERROR: GW_FAULT_* */
    gw_str code;     /* ERROR: the upstream's code, "" where it states that it has none; FINISH: its own reason where
                      * that is more precise than `text` */
    gw_str param;    /* ERROR: the member it complains of */
} gw_event;

typedef void (*gw_emit)(gw_call *call, const gw_event *event);

/* A service that the plugin knows beside its own: `provider "groq" { }` uses the plugin with these defaults, and
 * open() finds "service":"groq" in its settings, so the plugin has an option "service". */
typedef struct gw_service {
    uint32_t size;
    uint32_t dialects; /* GW_DIALECT_* it speaks natively, of the plugin's; 0: all of them */
    const char *name;  /* as gateway.lua names it */
    const char *base_url;
    const char *secret_env; /* NULL: it needs no key */
    const char *models;     /* patterns of its model names; NULL: bare names do not lead to it */
} gw_service;

/* What becomes of a field of a canonical request. */
#define GW_FIELD_CARRIED 1u    /* as it is */
#define GW_FIELD_TRANSLATED 2u /* sent in another form: `as` */
#define GW_FIELD_DROPPED 3u    /* left out, or sent changed; gw_host.dropped() gets `field` and `why` */
#define GW_FIELD_REFUSED 4u    /* GW_E_REQUEST, and gw_host.explain() gets a text with `why` in it */

/* A row of the capability table. Static memory of the plugin. */
typedef struct gw_capability {
    uint32_t size;
    uint32_t how;      /* GW_FIELD_* */
    const char *field; /* "top_k", "messages.name", "tools.custom" ...; "*": whatever stands in no row;
                          "messages.*": members below messages, however deep, that stand in none */
    const char *when;  /* of which values, or beside what, in words: "over 1"; NULL: always */
    const char *as;    /* TRANSLATED: what is sent instead; else NULL */
    const char *why;   /* DROPPED, REFUSED: the reason for the client; else NULL */
} gw_capability;

typedef struct gw_provider_ops {
    uint32_t size;
    uint32_t operations; /* GW_OP_* it can serve */
    uint32_t dialects;   /* GW_DIALECT_* its upstream speaks natively */
    uint32_t framing;    /* of its streams */
    uint32_t flags;      /* GW_PROVIDER_* */
    uint32_t reserved0;

    /* [boot] Make an instance from its block in gateway.lua. */
    gw_status (*open)(const gw_host *host, gw_call *call, const gw_json *config, void **instance);
    /* [boot] No call is running any more. */
    void (*close)(void *instance);

    /* [worker] Write the HTTP request that carries `req`. GW_E_REQUEST: the client must change it. */
    gw_status (*build)(void *instance, gw_call *call, const gw_request *req, gw_http *out);
    /* [worker] Read one frame; hand each event to emit(), in order. GW_MISS: as GW_OK, and with this frame the answer
     * is complete: an upstream that then keeps the body open, or breaks off, is not waited for or blamed. */
    gw_status (*read)(void *instance, gw_call *call, const gw_frame *frame, gw_emit emit);
    /* [worker] GW_PROVIDER_LOCAL, instead of build and read: emit the next part of the
     * answer. GW_OK: call again after *wait_ms milliseconds; GW_MISS: complete. `req` is the
     * same at each call. An ERROR event before anything else is an HTTP error. */
    gw_status (*produce)(void *instance, gw_call *call, const gw_request *req, gw_emit emit, uint32_t *wait_ms);

    /* What a configuration may leave out; each may be NULL. */
    const char *base_url;   /* of the service itself */
    const char *secret_env; /* the variable its own SDK reads: "OPENAI_API_KEY" */
    const char *models;     /* patterns of its model names, blank-separated: "gpt-* o1*" */

    /* Other services that the plugin knows, NULL-terminated; NULL: none. */
    const gw_service *const *services;
    /* Where base_url is NULL, because each account has an address of its own: what one looks like. */
    const char *base_url_form;

    /* [any thread] Row `index`, from 0, of what becomes of the fields of a chat that build() writes; NULL: there are
     * no more. Of `req` only `operation` (chat), `model` and `base_url` are set. A field may have several rows, one
     * for each `when`; one that has none is carried, unless there is a row for "*". What build() drops stands in a row
     * with the same field and why. Rows are read-only and live as long as the plugin. NULL here: there is no table. */
    const gw_capability *(*capability)(void *instance, const gw_request *req, uint32_t index);
} gw_provider_ops;

#define GW_PROVIDER_LOCAL (1u << 0)              /* answers by itself: produce() */
#define GW_PROVIDER_BILLS_AFTER_CANCEL (1u << 1) /* goes on, and charges, when we hang up */

#ifdef __cplusplus
}
#endif
#endif
