/* reply.c - what goes out: whole answers as one MHD response, streams through MHD's content reader.
 *
 * A stream's connection is suspended in MHD while nothing waits. Bytes written in one round of the loop
 * wait together and go out as one chunk when its daemon runs, at the end of the round. */
#include "http/reply.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fail.h"
#include "base/fault.h"
#include "base/log.h"
#include "flow/request.h"
#include "http/client.h"
#include "http/deadline.h"

#define LOW_MARK (16u * 1024u)
/* What scripts may read beside the body (a wildcard means nothing where credentials are sent). */
#define CORS_SHOWN                                                                                                           \
    "x-request-id, request-id, retry-after, x-should-retry, x-gw-provider, x-gw-model, x-gw-attempts, x-gw-dropped, "        \
    "x-gw-estimated, x-gw-cost, x-gw-clamped, x-gw-budget-remaining, x-gw-upstream-request-id, x-ratelimit-limit-requests, " \
    "x-ratelimit-remaining-requests, x-ratelimit-reset-requests, x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens, "   \
    "x-ratelimit-reset-tokens"

enum {
    BLOCK_CHUNKED = 16, /* MHD's own block is unused then: chunks are built in the connection's pool */
    BLOCK_PLAIN = 4096,
    RAW_HEAD = 2048,
};

static ssize_t read_stream(void *cls, uint64_t pos, char *room, size_t max);

/* ---- making answers ---- */

static bool must_close(struct client *c)
{
    return c->close || atomic_load_explicit(&c->front->worker->gateway->draining, memory_order_relaxed);
}

/* False: memory is missing. What MHD takes for no header is left out: an empty value, a control byte in one that an upstream
 * sent. */
static bool add(struct MHD_Response *response, const char *name, const char *value)
{
    if (!fault_now() && MHD_add_response_header(response, name, value) == MHD_YES)
        return true;
    for (const char *p = value; *p != '\0'; p++)
        if ((unsigned char)*p < ' ')
            return true;
    return *value == '\0';
}

/* For a page of another origin that may read the answer. */
static bool add_cors(const struct client *c, struct MHD_Response *response)
{
    if (c->origin == NULL)
        return true;
    if (!add(response, "Access-Control-Allow-Origin", c->origin) || !add(response, "Vary", "Origin"))
        return false;
    if (c->preflight == NULL)
        return add(response, "Access-Control-Expose-Headers", CORS_SHOWN);
    return add(response, "Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS") &&
           add(response, "Access-Control-Allow-Headers", c->preflight) &&
           add(response, "Access-Control-Max-Age", "600");
}

/* The connection ends where memory for the answer is missing: `response` is NULL, or taken. */
static void finish_head(struct client *c, struct MHD_Response *response, int status, const struct door_header *headers,
                        size_t count)
{
    bool whole = response != NULL;

    for (size_t i = 0; i < count && whole; i++)
        whole = add(response, headers[i].name, headers[i].value);
    c->closes = must_close(c);
    c->answered = true;
    if (!whole || !add_cors(c, response) || (c->closes && !add(response, MHD_HTTP_HEADER_CONNECTION, "close"))) {
        if (response != NULL)
            MHD_destroy_response(response);
        log_line(LOG_ERROR, "memory for an answer is missing: its connection is cut");
        client_cut(c);
        return;
    }
    c->answer = response;
    c->status = (uint16_t)status;
    client_resume(c);
}

enum MHD_Result reply_queue(struct client *c)
{
    enum MHD_Result result;

    if (c->answer == NULL) /* its memory was missing */
        return MHD_NO;
    result = fault_now() ? MHD_NO : MHD_queue_response(c->mhd, c->status, c->answer);
    MHD_destroy_response(c->answer);
    c->answer = NULL;
    c->queued = true;
    c->phase = PHASE_ANSWER;
    deadline_set(c, LANE_WRITE);
    return result;
}

static const char *reason(int status)
{
    switch (status) {
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 503:
        return "Service Unavailable";
    default:
        return "Error";
    }
}

/* Sends as much of the answer as the socket takes now: a fresh one takes all of a small answer. */
static void send_raw(int fd, int status, const char *origin, const struct door_header *headers, size_t count,
                     struct text body)
{
    struct buf out;
    struct text all;

    buf_init(&out, RAW_HEAD + body.len);
    buf_printf(&out, "HTTP/1.1 %d %s\r\n", status, reason(status));
    for (size_t i = 0; i < count; i++)
        buf_printf(&out, "%s: %s\r\n", headers[i].name, headers[i].value);
    if (origin != NULL)
        buf_printf(&out, "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n", origin);
    buf_printf(&out, "Content-Length: %zu\r\nConnection: close\r\n\r\n", body.len);
    buf_text(&out, body);
    all = buf_view(&out);
    if (!out.failed)
        (void)!send(fd, all.ptr, all.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    buf_free(&out);
}

/* ---- the door ---- */

/* While the body still comes, MHD takes no answer. One that ends the connection is sent beside it. */
static bool is_beside(const struct client *c, bool close)
{
    return close && c->phase == PHASE_BODY && !front_has_tls(c->front) && !c->cut;
}

static void door_answer(void *client, int status, const struct door_header *headers, size_t count, struct text body,
                        void (*free_body)(void *free_arg), void *free_arg, bool close)
{
    struct client *c = client;
    struct MHD_Response *response;

    CHECK(c, CLIENT);
    BUG_IF(c->answered);
    c->close = close;
    if (is_beside(c, close)) {
        send_raw(c->socket.fd, status, c->origin, headers, count, body);
        if (free_body != NULL)
            free_body(free_arg);
        c->answered = true;
        c->told = true; /* it knows: it has answered */
        c->linger = true;
        client_cut(c);
        return;
    }
    response = fault_now() ? NULL
               : free_body == NULL
                   ? MHD_create_response_from_buffer_static(body.len, body.ptr)
                   : MHD_create_response_from_buffer_with_free_callback_cls(body.len, body.ptr, free_body, free_arg);
    if (response == NULL && free_body != NULL)
        free_body(free_arg);
    finish_head(c, response, status, headers, count);
}

static void door_begin(void *client, int status, const struct door_header *headers, size_t count)
{
    struct client *c = client;
    struct MHD_Response *response = NULL;

    CHECK(c, CLIENT);
    BUG_IF(c->answered);
    if (!fault_now())
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, c->http10 ? BLOCK_PLAIN : BLOCK_CHUNKED,
                                                     read_stream, c, NULL);
    c->streamed = true;
    finish_head(c, response, status, headers, count);
}

static size_t door_write(void *client, struct text bytes)
{
    struct client *c = client;

    CHECK(c, CLIENT);
    BUG_IF(!c->streamed || c->ended);
    if (c->cut || bytes.len == 0)
        return c->out.len;
    if (buf_append(&c->out, bytes.ptr, bytes.len) < 0) {
        client_cut(c); /* the source did not stop when it was asked to */
        return c->out.len;
    }
    if (c->out.len >= DOOR_HIGH_MARK)
        c->high = true;
    if (c->suspended && c->queued)
        deadline_set(c, LANE_WRITE);
    client_resume(c);
    return c->out.len;
}

static void door_end(void *client)
{
    struct client *c = client;

    CHECK(c, CLIENT);
    BUG_IF(!c->streamed);
    c->ended = true;
    if (c->suspended && c->queued)
        deadline_set(c, LANE_WRITE);
    client_resume(c);
}

static void door_abort(void *client)
{
    struct client *c = client;

    CHECK(c, CLIENT);
    c->told = true;
    client_cut(c);
}

const struct door reply_door = {
    .answer = door_answer,
    .begin = door_begin,
    .write = door_write,
    .end = door_end,
    .abort = door_abort,
};

/* ---- streams ---- */

/* MHD has sent all it had and wants more. */
static ssize_t read_stream(void *cls, uint64_t pos, char *room, size_t max)
{
    struct client *c = cls;
    struct text out;

    (void)pos;
    CHECK(c, CLIENT);
    if (c->cut) {
        client_visit(c);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (c->out.len == 0) {
        if (c->ended) {
            if (c->http10) /* the end of the body is the end of the connection */
                client_visit(c);
            return MHD_CONTENT_READER_END_OF_STREAM;
        }
        deadline_clear(c);
        client_suspend(c);
        return 0;
    }
#ifdef GW_TINY
    if (max > 7)
        max = 7;
#endif
    out = buf_view(&c->out);
    if (out.len < max)
        max = out.len;
    memcpy(room, out.ptr, max);
    buf_consume(&c->out, max);
    deadline_set(c, LANE_WRITE);
    c->stalls = 0;
    if (c->high && c->out.len < LOW_MARK) {
        c->high = false;
        if (!c->drain_queued) {
            c->drain_queued = true;
            c->next_drained = c->front->drained;
            c->front->drained = c;
        }
    }
    return (ssize_t)max;
}

/* ---- the front's own ---- */

enum { OWN_HEADERS = 8 };

/* The headers that every answer carries, and those of `fail` when there is one. */
static size_t own_headers(struct door_header *headers, int status, const char *id, const char *type, const char *allow,
                          const struct fail *fail, char *retry_after, size_t room)
{
    size_t n = 0;

    headers[n++] = (struct door_header){ "x-request-id", id };
    headers[n++] = (struct door_header){ "request-id", id };
    headers[n++] = (struct door_header){ "Cache-Control", "no-store" };
    if (type != NULL)
        headers[n++] = (struct door_header){ "Content-Type", type };
    if (status == 401)
        headers[n++] = (struct door_header){ "WWW-Authenticate", "Bearer" };
    if (allow != NULL)
        headers[n++] = (struct door_header){ "Allow", allow };
    if (fail != NULL && fail->should_retry >= 0)
        headers[n++] = (struct door_header){ "x-should-retry", fail->should_retry ? "true" : "false" };
    if (fail != NULL && fail->retry_after_s > 0) {
        snprintf(retry_after, room, "%d", fail->retry_after_s);
        headers[n++] = (struct door_header){ "Retry-After", retry_after };
    }
    return n;
}

void reply_own(struct client *c, int status, const char *type, const char *allow, struct text body,
               void (*free_body)(void *free_arg), void *free_arg)
{
    struct door_header headers[OWN_HEADERS];
    char id[UUID_TEXT_LEN + 1];

    uuid_new(id);
    door_answer(c, status, headers, own_headers(headers, status, id, type, allow, NULL, NULL, 0), body, free_body,
                free_arg, false);
}

void reply_refuse(struct client *c, enum error_case which, const char *why)
{
    struct door_header headers[OWN_HEADERS];
    char id[UUID_TEXT_LEN + 1], retry_after[16];
    struct fail fail;
    struct text body;
    size_t count;
    char *text;

    error_set(&fail, which, "%s", why);
    uuid_new(id);
    text = request_refusal(&fail, id, &body.len);
    body.ptr = text;
    count = own_headers(headers, fail.status, id, "application/json", NULL, &fail, retry_after, sizeof retry_after);
    c->close = true;
    door_answer(c, face_chat.dialect->error_status(&fail), headers, count, body, free, text, true);
}

void reply_refusal_raw(int fd, enum error_case which, const char *why)
{
    struct door_header headers[OWN_HEADERS];
    char id[UUID_TEXT_LEN + 1], retry_after[16];
    struct fail fail;
    struct text body;
    size_t count;
    char *text;

    error_set(&fail, which, "%s", why);
    uuid_new(id);
    text = request_refusal(&fail, id, &body.len);
    body.ptr = text;
    count = own_headers(headers, fail.status, id, "application/json", NULL, &fail, retry_after, sizeof retry_after);
    send_raw(fd, face_chat.dialect->error_status(&fail), NULL, headers, count, body);
    free(text);
}
