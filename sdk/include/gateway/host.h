/* host.h - what the core does for a plugin.
 *
 * A plugin receives a gw_host in open() and keeps the pointer; it stays valid until the
 * process ends. Every function may be called from the thread the core used to call the
 * plugin, and from no other, except log().
 *
 * A call is one attempt at one request: build() and every read(), or every produce(). A step is one function
 * of it. Memory of the call stays for the next step, what is parsed or written goes with the step.
 */
#ifndef GATEWAY_HOST_H
#define GATEWAY_HOST_H

#include "abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GW_LOG_ERROR 3u
#define GW_LOG_WARN 4u
#define GW_LOG_INFO 6u
#define GW_LOG_DEBUG 7u

#define GW_JSON_NULL 0u
#define GW_JSON_BOOL 1u
#define GW_JSON_INT 2u
#define GW_JSON_REAL 3u
#define GW_JSON_STR 4u
#define GW_JSON_ARRAY 5u
#define GW_JSON_OBJECT 6u
#define GW_JSON_ABSENT 7u /* type(NULL): there is no such value */

/* Reading JSON. A missing value is NULL, and NULL is accepted everywhere, so look-ups
 * chain without checks: str(get(at(get(req, "choices"), 0), "id")). A handle, and each text read from it, lives
 * until the function it was handed to returns; those of a request's body until the call is over. */
typedef struct gw_json_api {
    uint32_t size;
    uint32_t reserved0;
    uint32_t (*type)(const gw_json *v);
    const gw_json *(*get)(const gw_json *object, gw_str key);
    const gw_json *(*at)(const gw_json *array_or_object, size_t index); /* of an object: the value */
    gw_str (*key_at)(const gw_json *object, size_t index);
    size_t (*count)(const gw_json *array_or_object);
    gw_str (*str)(const gw_json *v);                         /* unescaped; {NULL,0} unless a string */
    int64_t (*integer)(const gw_json *v, int64_t otherwise); /* `otherwise` unless it fits int64 */
    double (*real)(const gw_json *v, double otherwise);
    int32_t (*boolean)(const gw_json *v, int32_t otherwise);
    gw_str (*text)(const gw_json *v); /* the value's JSON as it was received */
    /* One JSON value. `text` must stay as long as what is read from it; both end with the step. In build(), where
     * it may be copied into the request, a member twice, \u0000, half of a surrogate pair and a number that no double holds are
     * refused; elsewhere, as upstreams do send such, they pass, and of a member that is there twice the first counts. What is
     * not UTF-8 is refused always: GW_E_PROTOCOL, explained, and *out is NULL. */
    gw_status (*parse)(gw_call *call, gw_str text, const gw_json **out);
} gw_json_api;

/* Writing JSON. Errors stick: after the first one every call does nothing and end()
 * reports it, so a translator reads as a plain list of members. */
typedef struct gw_writer_api {
    uint32_t size;
    uint32_t reserved0;
    void (*object)(gw_writer *w);
    void (*array)(gw_writer *w);
    void (*close)(gw_writer *w); /* the innermost object or array */
    void (*key)(gw_writer *w, gw_str name);
    void (*str)(gw_writer *w, gw_str value);
    void (*integer)(gw_writer *w, int64_t value);
    void (*real)(gw_writer *w, double value);
    void (*boolean)(gw_writer *w, int32_t value);
    void (*null)(gw_writer *w);
    void (*copy)(gw_writer *w, const gw_json *value); /* its bytes as they were received; null for NULL */
    void (*raw)(gw_writer *w, gw_str json);           /* JSON text, checked */
    gw_status (*end)(gw_writer *w); /* GW_E_NOMEM: not one complete value, or past a limit of the core */
    gw_str (*text)(gw_writer *w);   /* what was written; lent until the next call on w */
} gw_writer_api;

typedef struct gw_frame gw_frame; /* provider.h */

typedef struct gw_host {
    uint32_t size;      /* sizeof(gw_host) in the running core */
    uint32_t abi_minor; /* GW_ABI_MINOR of the running core */
    void *self;

    const gw_json_api *json;
    const gw_writer_api *write;

    void (*log)(void *self, uint32_t level, gw_str text); /* any thread */
    int64_t (*now_ms)(void *self);                        /* monotonic */
    int64_t (*unix_ms)(void *self);                       /* wall clock */

    /* Memory that lives until this call is over, zeroed; never freed by hand. `align` is a power of two. NULL
     * past a limit of the core. */
    void *(*alloc)(gw_call *call, size_t bytes, size_t align);
    /* One pointer the plugin keeps between the steps of a call (build, then each read). */
    void (*set_state)(gw_call *call, void *state);
    void *(*state)(gw_call *call);
    /* Say why the status about to be returned is not GW_OK. The text is copied, the last one counts. */
    void (*explain)(gw_call *call, gw_str text);
    /* A member of the request that the upstream cannot take, and why: it goes to the log
     * and to a response header, or the request is refused where the model is configured so. */
    void (*dropped)(gw_call *call, gw_str member, gw_str why);
    /* A header of the client's request that belongs to its dialect (anthropic-version,
     * anthropic-beta, openai-beta ...); {NULL,0} when absent. Never a credential. */
    gw_str (*client_header)(gw_call *call, gw_str name);
    /* A header of the upstream's answer; {NULL,0} when absent. */
    gw_str (*answer_header)(gw_call *call, gw_str name);
    /* A writer into memory of the step, for a JSON text that becomes a member or an event's data. */
    gw_writer *(*writer)(gw_call *call);

    void (*buf_append)(gw_buf *buf, gw_str bytes);

    void (*http_method)(gw_http *http, gw_str method); /* POST unless set */
    /* Absolute, http or https, without user information and fragment. */
    void (*http_url)(gw_http *http, gw_str url);
    /* A value with CR, LF or another control byte spoils the request, and so does a header that is the
     * transport's (Host, Content-Length, Transfer-Encoding, Connection ...). */
    void (*http_header)(gw_http *http, gw_str name, gw_str value);
    gw_writer *(*http_json_body)(gw_http *http); /* the same one at each call */
    /* How a streamed answer to this request is cut, where it is another way than the provider's own `framing`:
     * GW_FRAMING_SSE, _LINES, _EVENTSTREAM or _RAW; anything else spoils the request. */
    void (*http_framing)(gw_http *http, uint32_t framing);

    /* The secret `name` of `secrets = { name = env "…" }`, which the provider has an option with GW_OPTION_NAMED for;
     * {NULL,0} when it is not set. Lent for the step: never kept, never logged. */
    gw_str (*secret)(gw_call *call, gw_str name);
    /* A header of the event-stream message in `frame` that holds a string or bytes (":message-type" ...); {NULL,0}
     * when it has none of that name. */
    gw_str (*frame_header)(const gw_frame *frame, gw_str name);
    void (*sha256)(gw_str data, uint8_t digest[32]);                  /* any thread */
    void (*hmac_sha256)(gw_str key, gw_str data, uint8_t digest[32]); /* RFC 2104; any thread */
} gw_host;

/* True when the running core is new enough to have `field`. */
#define GW_HAS(host, field) ((host)->size >= offsetof(gw_host, field) + sizeof((host)->field) && (host)->field != NULL)

#ifdef __cplusplus
}
#endif
#endif
