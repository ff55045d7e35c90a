/* host.c - what the core does for a plugin: the tables behind gw_host. Everything a plugin hands in is
 * checked here, so that a careless plugin makes a refused request, not a hole. */
#include <inttypes.h>
#include <stdalign.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/eventstream.h"
#include "base/field.h"
#include "base/log.h"
#include "plugin/call.h"
#include "plugin/host_json.h"

enum { EXPLAIN_MAX = 1024, DROPPED_MAX = 64, HEADERS_MAX = 100 };

/* Copies into memory of the attempt, which no later step frees. */
static struct text keep(struct gw_call *call, gw_str s, size_t max)
{
    struct text t = call_text(s);
    if (t.len > max)
        t.len = max;
    return arena_text(call->keep, t);
}

static void host_log(void *self, uint32_t level, gw_str text)
{
    enum log_level known = LOG_INFO;
    if (level <= GW_LOG_ERROR)
        known = LOG_ERROR;
    else if (level <= GW_LOG_WARN)
        known = LOG_WARN;
    else if (level >= GW_LOG_DEBUG)
        known = LOG_DEBUG;
    log_line(known, "%s: %.*s", self != NULL ? (const char *)self : "plugin", TEXT_ARG(text));
}

static int64_t host_now_ms(void *self)
{
    (void)self;
    return clock_ns() / CLOCK_MS;
}

static int64_t host_unix_ms(void *self)
{
    (void)self;
    return clock_unix_ms();
}

static void *host_alloc(gw_call *call, size_t bytes, size_t align)
{
    if ((call = call_given(call, "host->alloc()")) == NULL)
        return NULL;
    if (align < alignof(max_align_t))
        align = alignof(max_align_t);
    if ((align & (align - 1)) != 0 || align > 4096 || bytes > SIZE_MAX - align)
        return NULL;
    size_t slack = align > alignof(max_align_t) ? align : 0;
    char *memory = arena_try(call->keep, bytes + slack);
    if (memory == NULL) {
        call->starved = true; /* not every plugin looks */
        return NULL;
    }
    if (slack > 0)
        memory += (align - (uintptr_t)memory % align) % align;
    return memset(memory, 0, bytes);
}

static void host_set_state(gw_call *call, void *state)
{
    if ((call = call_given(call, "host->set_state()")) != NULL)
        call->state = state;
}

static void *host_state(gw_call *call)
{
    return (call = call_given(call, "host->state()")) != NULL ? call->state : NULL;
}

static void host_explain(gw_call *call, gw_str text)
{
    if ((call = call_given(call, "host->explain()")) != NULL)
        call->explain = keep(call, text, EXPLAIN_MAX);
}

/* One line per member, however often a plugin reports it. */
static void host_dropped(gw_call *call, gw_str member, gw_str why)
{
    if ((call = call_given(call, "host->dropped()")) == NULL)
        return;
    unsigned count = 0;
    for (const struct call_dropped *d = call->dropped; d != NULL; d = d->next, count++)
        if (text_eq(d->member, call_text(member)))
            return;
    if (count >= DROPPED_MAX)
        return;
    struct call_dropped *d = arena_new(call->keep, struct call_dropped);
    d->member = keep(call, member, EXPLAIN_MAX);
    d->why = keep(call, why, EXPLAIN_MAX);
    *call->dropped_last = d;
    call->dropped_last = &d->next;
}

static gw_str host_client_header(gw_call *call, gw_str name)
{
    call = call_given(call, "host->client_header()");
    if (call == NULL || call->client_header == NULL || field_is_credential(call_text(name)))
        return (gw_str){ NULL, 0 };
    return call_str(call->client_header(call->owner, call_text(name)));
}

static gw_str host_answer_header(gw_call *call, gw_str name)
{
    call = call_given(call, "host->answer_header()");
    if (call == NULL || call->answer_header == NULL)
        return (gw_str){ NULL, 0 };
    return call_str(call->answer_header(call->owner, call_text(name)));
}

static gw_writer *host_writer(gw_call *call)
{
    if ((call = call_given(call, "host->writer()")) == NULL)
        return NULL;
    struct gw_writer *w = arena_new(call->scratch, struct gw_writer);
    size_t max = call->scratch->max;
    buf_init(&w->own, max > call->scratch->used ? max - call->scratch->used : 0);
    w->call = call;
    w->out = &w->own;
    json_writer_init(&w->json, w->out);
    arena_defer(call->scratch, buf_free_any, &w->own);
    return w;
}

static void host_buf_append(gw_buf *buf, gw_str bytes)
{
    if (buf == NULL)
        call_given(NULL, "host->buf_append()");
    else if (!buf->failed && buf_text(&buf->bytes, call_text(bytes)) < 0)
        buf->failed = true;
}

/* The request cannot be sent any more; the first reason is the one that is reported. */
static void refuse(struct gw_http *http, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void refuse(struct gw_http *http, const char *format, ...)
{
    if (http->failed)
        return;
    va_list args;
    va_start(args, format);
    http->call->explain = text_of(arena_vprintf(http->call->keep, format, args));
    va_end(args);
    http->failed = true;
}

/* What a method or a header's name is made of. */
static bool is_token(struct text t)
{
    return t.len <= 256 && field_is_name(t);
}

static void host_http_method(gw_http *http, gw_str method)
{
    struct text t = call_text(method);
    if (http == NULL)
        call_given(NULL, "host->http_method()");
    else if (!is_token(t))
        refuse(http, "the HTTP method is not a token");
    else
        http->method = keep(http->call, method, t.len);
}

/* Why `url` is not one to be sent to, or NULL. Absolute, http or https, no user information (a credential
 * in a log line), no fragment, and nothing that could end the request line. */
static const char *url_problem(struct text url)
{
    struct text rest = url;
    if (text_starts_nocase(rest, TEXT("https://")))
        rest = (struct text){ url.ptr + 8, url.len - 8 };
    else if (text_starts_nocase(rest, TEXT("http://")))
        rest = (struct text){ url.ptr + 7, url.len - 7 };
    else
        return "is not absolute with http or https";
    if (url.len > 8192)
        return "is longer than 8192 bytes";

    bool in_host = true;
    size_t host_len = 0;
    for (size_t i = 0; i < rest.len; i++) {
        unsigned char c = (unsigned char)rest.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '\\')
            return "has a byte that is not allowed there";
        if (c == '#')
            return "has a fragment";
        if (c == '/' || c == '?')
            in_host = false;
        if (in_host && c == '@')
            return "has user information";
        host_len += in_host;
    }
    return host_len == 0 || rest.ptr[0] == ':' ? "has no host" : NULL;
}

static void host_http_url(gw_http *http, gw_str url)
{
    const char *problem = url_problem(call_text(url));
    if (http == NULL)
        call_given(NULL, "host->http_url()");
    else if (problem != NULL)
        refuse(http, "the URL %s", problem);
    else
        http->url = keep(http->call, url, url.len);
}

static bool is_header_value(struct text t)
{
    return t.len <= 64 << 10 && field_is_value(t);
}

/* The value is never part of a reason: it may be a secret. */
static void host_http_header(gw_http *http, gw_str name, gw_str value)
{
    struct text n = call_text(name);
    if (http == NULL) {
        call_given(NULL, "host->http_header()");
    } else if (!is_token(n)) {
        refuse(http, "the name of a header is not a token");
    } else if (field_is_framing(n)) {
        refuse(http, "the header %.*s is written by the gateway, not by a plugin", TEXT_ARG(n));
    } else if (!is_header_value(call_text(value))) {
        refuse(http, "the value of the header %.*s has a byte that is not allowed there or is too long", TEXT_ARG(n));
    } else if (http->header_count >= HEADERS_MAX) {
        refuse(http, "more than %d headers", HEADERS_MAX);
    } else {
        if (http->header_count == http->header_cap) {
            size_t cap = http->header_cap == 0 ? 8 : http->header_cap * 2;
            struct call_http_header *more = arena_array(http->call->keep, struct call_http_header, cap);
            if (http->header_count > 0)
                memcpy(more, http->headers, http->header_count * sizeof *more);
            http->headers = more;
            http->header_cap = cap;
        }
        http->headers[http->header_count++] = (struct call_http_header){
            .name = keep(http->call, name, name.len),
            .value = keep(http->call, value.ptr != NULL ? value : GW_LIT(""), value.len),
        };
    }
}

static gw_writer *host_http_json_body(gw_http *http)
{
    if (http == NULL) {
        call_given(NULL, "host->http_json_body()");
        return NULL;
    }
    if (http->writer == NULL) {
        http->writer = arena_new(http->call->keep, struct gw_writer);
        http->writer->call = http->call;
        http->writer->out = &http->body;
        json_writer_init(&http->writer->json, &http->body);
    }
    return http->writer;
}

static void host_http_framing(gw_http *http, uint32_t framing)
{
    if (http == NULL)
        call_given(NULL, "host->http_framing()");
    else if (framing == GW_FRAMING_WHOLE || framing > GW_FRAMING_RAW)
        refuse(http, "the framing %u is none of a stream", framing);
    else
        http->framing = framing;
}

static gw_str host_secret(gw_call *call, gw_str name)
{
    call = call_given(call, "host->secret()");
    if (call == NULL || call->secret == NULL)
        return (gw_str){ NULL, 0 };
    return call_str(call->secret(call->owner, call_text(name)));
}

static gw_str host_frame_header(const gw_frame *frame, gw_str name)
{
    if (frame == NULL) {
        call_given(NULL, "host->frame_header()");
        return (gw_str){ NULL, 0 };
    }
    return call_str(eventstream_header(call_text(frame->headers), call_text(name)));
}

static void host_sha256(gw_str data, uint8_t digest[32])
{
    crypto_sha256(call_text(data), digest);
}

static void host_hmac_sha256(gw_str key, gw_str data, uint8_t digest[32])
{
    crypto_hmac_sha256(call_text(key), call_text(data), digest);
}

void call_host_init(gw_host *host, const char *plugin)
{
    *host = *call_host();
    host->self = (void *)(uintptr_t)plugin;
}

const gw_host *call_host(void)
{
    static const gw_host host = {
        .size = sizeof(gw_host),
        .abi_minor = GW_ABI_MINOR,
        .json = &host_json,
        .write = &host_write,
        .log = host_log,
        .now_ms = host_now_ms,
        .unix_ms = host_unix_ms,
        .alloc = host_alloc,
        .set_state = host_set_state,
        .state = host_state,
        .explain = host_explain,
        .dropped = host_dropped,
        .client_header = host_client_header,
        .answer_header = host_answer_header,
        .writer = host_writer,
        .buf_append = host_buf_append,
        .http_method = host_http_method,
        .http_url = host_http_url,
        .http_header = host_http_header,
        .http_json_body = host_http_json_body,
        .http_framing = host_http_framing,
        .secret = host_secret,
        .frame_header = host_frame_header,
        .sha256 = host_sha256,
        .hmac_sha256 = host_hmac_sha256,
    };
    return &host;
}
