/* policy_http.c - gw.http: over the worker's own pool of connections, with nothing of the client's in it. */
#include "flow/policy_http.h"

#include <string.h>

#include "base/clock.h"

enum { ANSWER_HEADERS_MOST = 64 };

/* Arena. */
struct policy_http {
    struct request *req;
    struct script_http *http;
    struct transfer_request send;
    struct transfer *transfer; /* NULL: it is over */
    struct buf body;
    void (*over)(void *arg);
    void *arg;
};

static void on_head(void *owner, int status, const struct transfer_header *headers, size_t count)
{
    struct policy_http *h = owner;
    struct arena *arena = &h->req->arena;
    size_t most = count < ANSWER_HEADERS_MOST ? count : ANSWER_HEADERS_MOST;
    struct script_header *got = arena_array(arena, struct script_header, most);
    h->http->status = status;
    for (size_t i = 0; i < most; i++) {
        struct text name = arena_text(arena, headers[i].name);
        for (size_t k = 0; k < name.len; k++) /* a copy of ours */
            if (name.ptr[k] >= 'A' && name.ptr[k] <= 'Z')
                ((char *)(uintptr_t)name.ptr)[k] |= 0x20;
        got[i] = (struct script_header){ name, arena_text(arena, headers[i].value) };
    }
    h->http->got = got;
    h->http->got_count = most;
}

static void on_body(void *owner, struct text bytes)
{
    buf_text(&((struct policy_http *)owner)->body, bytes);
}

static const char *why_of(enum transfer_failure failure)
{
    switch (failure) {
    case TRANSFER_TIME_CONNECT:
    case TRANSFER_TIME_FIRST:
    case TRANSFER_TIME_IDLE:
    case TRANSFER_TIME_TOTAL:
        return "timeout";
    case TRANSFER_CONNECT:
        return "it cannot be reached";
    case TRANSFER_TOO_LARGE:
        return "its answer has more than 1 MB";
    default:
        return "its answer is broken";
    }
}

static void fail_with(struct script_http *http, const char *why)
{
    http->status = 0;
    http->why = why;
}

static void on_done(void *owner, enum transfer_failure failure, const char *why)
{
    struct policy_http *h = owner;
    struct text body = buf_view(&h->body);
    char *copy = failure == TRANSFER_OK ? arena_try(&h->req->arena, body.len + 1) : NULL;
    h->transfer = NULL;
    if (failure != TRANSFER_OK) {
        fail_with(h->http, why_of(failure));
        way_debug(h->req, "gw.http, place \"%s\": %s", h->http->place->name, why);
    } else if (copy == NULL || h->body.failed) {
        fail_with(h->http, "its answer needs more memory than the request may have");
    } else {
        if (body.len > 0)
            memcpy(copy, body.ptr, body.len);
        h->http->text = (struct text){ copy, body.len };
    }
    buf_free(&h->body);
    h->over(h->arg);
}

static const struct transfer_events events = { .on_head = on_head, .on_body = on_body, .on_done = on_done };

static bool has(const struct transfer_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (text_eq_nocase(headers[i].name, text_of(name)))
            return true;
    return false;
}

/* Those of the place, those of the policy, and what says of what type the body is. */
static void put_headers(struct policy_http *h)
{
    const struct script_http *http = h->http;
    struct transfer_header *all =
        arena_array(&h->req->arena, struct transfer_header, http->place->header_count + http->header_count + 3);
    size_t n = 0;
    for (size_t i = 0; i < http->place->header_count; i++)
        all[n++] = (struct transfer_header){ http->place->headers[i].name, http->place->headers[i].value };
    for (size_t i = 0; i < http->header_count; i++)
        all[n++] = (struct transfer_header){ http->headers[i].name, http->headers[i].value };
    if (http->body_type.ptr != NULL && !has(all, n, "content-type"))
        all[n++] = (struct transfer_header){ TEXT("content-type"), http->body_type };
    if (!has(all, n, "accept"))
        all[n++] = (struct transfer_header){ TEXT("accept"), TEXT("application/json, */*;q=0.5") };
    if (!has(all, n, "user-agent"))
        all[n++] = (struct transfer_header){ TEXT("user-agent"), TEXT("llm-gateway") };
    h->send.headers = all;
    h->send.header_count = n;
}

struct policy_http *policy_http_start(struct request *req, struct script_http *http, int64_t until_ns,
                                      void (*over)(void *arg), void *arg)
{
    struct policy_http *h = arena_new(&req->arena, struct policy_http);
    int64_t most = until_ns - clock_ns();
    most = most > CLOCK_MS ? most : CLOCK_MS;
    *h = (struct policy_http){ .req = req, .http = http, .over = over, .arg = arg };
    buf_init(&h->body, SCRIPT_HTTP_MOST);
    put_headers(h);
    h->send.method = http->post ? TEXT("POST") : TEXT("GET");
    h->send.url = text_of(arena_printf(&req->arena, "%.*s%.*s", TEXT_ARG(http->place->url), TEXT_ARG(http->path)));
    if (http->post) {
        h->send.body = &http->body;
        h->send.body_count = 1;
    }
    h->send.connect_ns = h->send.first_byte_ns = h->send.idle_ns = h->send.total_ns = most;
    h->send.max_body = SCRIPT_HTTP_MOST;
    h->send.replay = true;
    h->transfer = transfer_start(req->worker->pool, &h->send, &events, h);
    return h;
}

void policy_http_cancel(struct policy_http *h)
{
    if (h->transfer == NULL)
        return;
    transfer_cancel(h->transfer);
    h->transfer = NULL;
    buf_free(&h->body);
}
