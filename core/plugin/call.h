/* call.h - one call into a plugin: what stands behind gw_call, gw_http, gw_json, gw_writer and gw_buf.
 *
 * One call per attempt, on the thread of the attempt. host->alloc() memory lives in `keep`; what a step parses or
 * writes lives in `scratch` and is gone when call_step_end() is called after the plugin returned. */
#ifndef PLUGIN_CALL_H
#define PLUGIN_CALL_H

#include <gateway/host.h>
#include <gateway/provider.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/text.h"

struct call_dropped {
    struct call_dropped *next;
    struct text member, why; /* arena of `keep` */
};

/* Answers a header of the client or of the upstream, or a secret, by name; absent when there is none. */
typedef struct text (*call_header_fn)(void *owner, struct text name);

#define CALL_MAGIC 0x63616c6cu
struct gw_call {
    uint32_t magic;
    struct arena *keep;                                  /* lives as long as the attempt, kept */
    struct arena *scratch;                               /* reset after each step, kept */
    void *owner;                                         /* for emit() callbacks of the core, kept */
    call_header_fn client_header, answer_header, secret; /* may be NULL */
    void *state;                                         /* the plugin's */
    struct text explain;                                 /* why the status was not GW_OK; in `keep` */
    bool builds;                  /* the step writes a request: what it parses may be copied into that */
    bool starved;                 /* it was refused memory: what it did since is not all of it */
    const char *misused;          /* the function of the host that was given NULL for a handle, static; NULL: none */
    struct call_dropped *dropped; /* in order */
    struct call_dropped **dropped_last;
};

struct call_http_header {
    struct text name, value;
};

/* The upstream request a provider built; memory in the call's `keep`. */
struct gw_http {
    struct gw_call *call;
    struct text method, url;
    struct call_http_header *headers;
    size_t header_count, header_cap;
    struct buf body;          /* call_http_fini() frees it */
    struct gw_writer *writer; /* NULL: no body was begun */
    uint32_t framing;         /* of a streamed answer: GW_FRAMING_*; 0: the provider's own */
    bool failed;              /* a bad header or URL */
};

/* What stands behind gw_writer. `own` is used by host->writer() only: heap memory, freed with scratch. */
struct gw_writer {
    struct json_writer json;
    struct gw_call *call;
    struct buf *out; /* &own, or the body of an http request */
    struct buf own;
};

/* What stands behind gw_buf: init `bytes` with its maximum; `failed` when that was passed. */
struct gw_buf {
    struct buf bytes;
    bool failed;
};

void call_begin(struct gw_call *call, struct arena *keep, struct arena *scratch, void *owner);
/* Where the headers and the secrets come from that a plugin may ask for. All of them must be given: what the gateway answers, the
 * conformance kit answers too. */
struct call_headers {
    call_header_fn client, answer, secret;
};
void call_give(struct gw_call *call, const struct call_headers *headers);
/* Did the step pass a limit of memory? Then what it reported is incomplete: fail the attempt. */
static inline bool call_is_full(const struct gw_call *call)
{
    return call->starved || call->keep->full || call->scratch->full;
}
/* Around each function of a plugin that is called: begin() names the call of the step that this thread is in; end() forgets
 * that, and what the step left in scratch. */
void call_step_begin(struct gw_call *call);
/* Between them, `status` being what the plugin returned: GW_E_REJECT, explained, where it gave the host NULL for a handle. */
gw_status call_status(struct gw_call *call, gw_status status);
/* What a plugin gives `function` (static) of the host as its call; for NULL the call of the step, which is marked, or NULL
 * where no step runs. */
struct gw_call *call_given(struct gw_call *call, const char *function);
void call_step_end(struct gw_call *call);

/* Before the step that fills it: build(). */
void call_http_init(struct gw_http *http, struct gw_call *call, size_t max_body);
void call_http_fini(struct gw_http *http);
/* After build() reported GW_OK: is this a request that can be sent? 0, or -1 with `fail` (FAIL_US: a defect of the
 * plugin; the text names what is wrong): no URL, a refused header, a body that is not complete or too long. */
int call_http_check(const struct gw_http *http, struct fail *fail);

/* Handles of the ABI over values of the core, and back. */
static inline const gw_json *call_json(const struct json *v)
{
    return (const gw_json *)(const void *)v;
}
static inline gw_str call_str(struct text t)
{
    return (gw_str){ t.ptr, t.len };
}
/* What a plugin hands in: bytes at NULL are none. */
static inline struct text call_text(gw_str s)
{
    return (struct text){ s.ptr, s.ptr != NULL ? s.len : 0 };
}

/* "protocol" ... for one gw_status; "an unknown status". Static. */
const char *call_status_name(gw_status status);

/* The table a plugin gets, without a name in its log lines. Static. */
const gw_host *call_host(void);
/* The same table for one plugin, whose name (kept) its log lines begin with. */
void call_host_init(gw_host *host, const char *plugin);

#endif
