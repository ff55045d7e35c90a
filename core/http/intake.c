/* intake.c - a request comes in: its head is checked and routed, its body passed on, its answer awaited.
 *
 * An answer may be there at any time, also from inside request_begin(). MHD takes one when the whole
 * request is there; taken earlier, MHD drops the rest of the request and closes the connection, so
 * that is done only where the connection is to end anyway. */
#include "http/intake.h"

#include <stdlib.h>
#include <string.h>

#include "flow/metrics.h"
#include "http/browser.h"
#include "http/client.h"
#include "http/deadline.h"
#include "http/head_check.h"
#include "http/reply.h"
#include "http/routes.h"

void *intake_begin(void *cls, const char *target, struct MHD_Connection *mhd)
{
    struct client *c = client_of(mhd);

    (void)cls;
    if (strchr(target, '?') != NULL) { /* MHD cuts the query up where it stands */
        c->target = strdup(target);
        BUG_IF(c->target == NULL);
    }
    return c;
}

struct reading {
    struct front *front;
    struct head_check *head;
};

static enum MHD_Result read_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                   const char *value, size_t value_len)
{
    struct reading *r = cls;

    (void)kind;
    head_check_header(r->head, (struct text){ name, name_len }, (struct text){ value, value_len });
    if (r->head->refuse != E_NONE)
        return MHD_NO;
    r->front->headers[r->head->count - 1] = (struct door_header){ name, value != NULL ? value : "" };
    return MHD_YES;
}

static void read_head(struct client *c, struct head_check *head, struct text target, const char *method)
{
    struct reading r = { c->front, head };
    size_t bytes = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;

    head_check_begin(head, c->http10, c->front->limits.header_count);
    MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, read_header, &r);
    c->taken += bytes;
    head_check_end(head, text_of(method), target, bytes, c->front->limits.header_bytes);
}

static void hand_in(struct client *c, const struct head_check *head, const struct match *match, struct text target,
                    bool too_large)
{
    struct front *f = c->front;

    c->req =
        request_begin(f->worker, &reply_door, c,
                      &(struct request_head){
                          .method = head->method,
                          .target = target,
                          .face = match->route != NULL && match->route->face != NULL ? match->route->face : &face_chat,
                          .operation = match->route != NULL ? match->route->operation : GW_OP_CHAT,
                          .path = match->route != NULL ? match->route->path : TEXT_NONE,
                          .query = head->query,
                          .query_names = match->route != NULL ? match->route->query : NULL,
                          .tail = match->tail,
                          .deployment = match->deployment,
                          .refuse = match->refuse != E_NONE ? match->refuse
                                    : too_large             ? E_BODY_TOO_LARGE
                                                            : E_NONE,
                          .allow = match->refuse == E_METHOD ? text_of(match->route->allow)
                                   : match->refuse == E_PATH ? routes_served
                                                             : text_of(match->why),
                          .headers = f->headers,
                          .header_count = head->count,
                          .content_length = head->length,
                          .peer = text_of(c->peer),
                          .started_ns = c->started_ns,
                          .tls = front_has_tls(f),
                      });
}

static enum MHD_Result refuse_now(struct client *c, enum error_case which, const char *why)
{
    struct worker *w = c->front->worker;

    metrics_count_event(w->gateway->metrics, w->index, "bad_head");
    reply_refuse(c, which, why);
    c->linger = true;
    return reply_queue(c);
}

static char *copy(struct text t)
{
    char *s = strndup(t.ptr != NULL ? t.ptr : "", t.len);

    BUG_IF(s == NULL);
    return s;
}

/* A page of a listed origin may come in and read; without keys, no other may. */
static void check_browser(struct client *c, const struct head_check *head, struct match *match)
{
    const struct config *config = c->front->worker->config;
    struct browser b;
    enum error_case which;
    const char *why;

    if (config->keys_required && config->cors_count == 0)
        return;
    b = browser_read(c->front->headers, head->count);
    if (browser_is_listed(&b, config)) {
        c->origin = copy(b.origin);
        if (b.method.ptr != NULL)
            c->preflight = copy(b.headers);
        return;
    }
    why = config->keys_required ? NULL : browser_refusal(&b, config, match->route, &which);
    if (why == NULL)
        return;
    match->serve = NULL;
    match->refuse = which;
    match->why = why;
}

static enum MHD_Result head_arrived(struct client *c, const char *url, const char *method, const char *version)
{
    struct front *f = c->front;
    struct text target = text_of(c->target != NULL ? c->target : url);
    struct match match;
    struct head_check head;
    bool more, too_large;

    c->head_done = true;
    client_head_over(c);
    c->http10 = strcmp(version, "HTTP/1.0") == 0;
    deadline_clear(c);
    if (c->started_ns == 0)
        c->started_ns = f->loop->now_ns;
    read_head(c, &head, target, method);
    c->is_last = c->http10 || head.closes;
    more = head_check_has_body(&head);
    if (head.chunked)
        c->uncounted = true;
    if (head.refuse != E_NONE)
        return refuse_now(c, head.refuse, head.why);
    match = routes_find(head.method, head.path, head.encoded_slash, f->scratch);
    if (match.refuse == E_FRAMING)
        return refuse_now(c, E_FRAMING, "the request target has an encoded slash");
    check_browser(c, &head, &match);
    too_large = head.length >= 0 && (uint64_t)head.length > f->limits.body_bytes;
    c->route = match.route;
    c->serve = match.serve;
    if (c->serve == NULL)
        hand_in(c, &head, &match, target, too_large);
    else if (too_large)
        return refuse_now(c, E_BODY_TOO_LARGE, "the body of the request is too large");
    if (c->cut)
        return MHD_NO;
    if (!more)
        return MHD_YES; /* MHD calls at once again: all is there */
    if (c->answer != NULL && (c->close || head.expects_continue || too_large)) {
        c->linger = true;
        return reply_queue(c);
    }
    c->phase = PHASE_BODY;
    deadline_set(c, LANE_BODY);
    return MHD_YES;
}

static enum MHD_Result body_arrived(struct client *c, const char *bytes, size_t len)
{
    uint64_t most = c->front->limits.body_bytes;

    c->received += len;
    c->taken += len;
    if (c->hup)
        client_read_on(c);
    if (c->serve != NULL) {
        if (c->route->collects && buf_append(&c->out, bytes, len) < 0)
            c->cut = true;
    } else if (!c->answered) {
        request_body(c->req, (struct text){ bytes, len });
    }
    /* What is dropped after an answer has its limit too. */
    if (c->received > (c->answered ? 2 * most : most))
        c->cut = true;
    return c->cut ? MHD_NO : MHD_YES;
}

static enum MHD_Result all_arrived(struct client *c)
{
    if (!c->body_done) {
        c->body_done = true;
        deadline_clear(c);
        c->phase = PHASE_WAY;
        if (c->serve != NULL)
            c->serve(c);
        else if (!c->answered)
            request_body_end(c->req);
    }
    if (c->cut)
        return MHD_NO;
    if (c->answer != NULL)
        return reply_queue(c);
    if (c->hup) { /* seen before the request was complete */
        client_gone(c);
        return MHD_NO;
    }
    client_suspend(c);
    return MHD_YES;
}

enum MHD_Result intake_serve(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                             const char *version, const char *bytes, size_t *len, void **context)
{
    struct client *c = *context;
    enum MHD_Result result;

    (void)cls;
    (void)mhd;
    CHECK(c, CLIENT);
    c->inside = true;
    if (!c->head_done) {
        result = head_arrived(c, url, method, version);
    } else if (*len > 0) {
        result = body_arrived(c, bytes, *len);
        *len = 0;
    } else {
        result = all_arrived(c);
    }
    c->inside = false;
    return result;
}
