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
#include "http/deadline.h"
#include "http/head_check.h"
#include "http/reply.h"
#include "http/routes.h"
#include "http/watch.h"

void *intake_begin(void *cls, const char *target, struct MHD_Connection *mhd)
{
    struct watch *x = watch_of(mhd);

    (void)cls;
    if (strchr(target, '?') != NULL) { /* MHD cuts the query up where it stands */
        x->target = strdup(target);
        BUG_IF(x->target == NULL);
    }
    return x;
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

static void read_head(struct watch *x, struct head_check *head, struct text target, const char *method)
{
    struct reading r = { x->front, head };
    size_t bytes = MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;

    head_check_begin(head, x->http10, x->front->limits.header_count);
    MHD_get_connection_values_n(x->mhd, MHD_HEADER_KIND, read_header, &r);
    x->taken += bytes;
    head_check_end(head, text_of(method), target, bytes, x->front->limits.header_bytes);
}

static void hand_in(struct watch *x, const struct head_check *head, const struct match *match, struct text target,
                    bool too_large)
{
    struct front *f = x->front;

    x->req =
        request_begin(f->worker, &reply_door, x,
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
                          .peer = text_of(x->peer),
                          .started_ns = x->started_ns,
                          .tls = front_has_tls(f),
                      });
}

static enum MHD_Result refuse_now(struct watch *x, enum error_case which, const char *why)
{
    struct worker *w = x->front->worker;

    metrics_count_event(w->gateway->metrics, w->index, "bad_head");
    reply_refuse(x, which, why);
    x->linger = true;
    return reply_queue(x);
}

static char *copy(struct text t)
{
    char *s = strndup(t.ptr != NULL ? t.ptr : "", t.len);

    BUG_IF(s == NULL);
    return s;
}

/* A page of a listed origin may come in and read; without keys, no other may. */
static void check_browser(struct watch *x, const struct head_check *head, struct match *match)
{
    const struct config *config = x->front->worker->config;
    struct browser b;
    enum error_case which;
    const char *why;

    if (config->keys_required && config->cors_count == 0)
        return;
    b = browser_read(x->front->headers, head->count);
    if (browser_is_listed(&b, config)) {
        x->origin = copy(b.origin);
        if (b.method.ptr != NULL)
            x->preflight = copy(b.headers);
        return;
    }
    why = config->keys_required ? NULL : browser_refusal(&b, config, match->route, &which);
    if (why == NULL)
        return;
    match->serve = NULL;
    match->refuse = which;
    match->why = why;
}

static enum MHD_Result head_arrived(struct watch *x, const char *url, const char *method, const char *version)
{
    struct front *f = x->front;
    struct text target = text_of(x->target != NULL ? x->target : url);
    struct match match;
    struct head_check head;
    bool more, too_large;

    x->head_done = true;
    watch_head_over(x);
    x->http10 = strcmp(version, "HTTP/1.0") == 0;
    deadline_clear(x);
    if (x->started_ns == 0)
        x->started_ns = f->loop->now_ns;
    read_head(x, &head, target, method);
    x->is_last = x->http10 || head.closes;
    more = head_check_has_body(&head);
    if (head.chunked)
        x->uncounted = true;
    if (head.refuse != E_NONE)
        return refuse_now(x, head.refuse, head.why);
    match = routes_find(head.method, head.path, head.encoded_slash, f->scratch);
    if (match.refuse == E_FRAMING)
        return refuse_now(x, E_FRAMING, "the request target has an encoded slash");
    check_browser(x, &head, &match);
    too_large = head.length >= 0 && (uint64_t)head.length > f->limits.body_bytes;
    x->route = match.route;
    x->serve = match.serve;
    if (x->serve == NULL)
        hand_in(x, &head, &match, target, too_large);
    else if (too_large)
        return refuse_now(x, E_BODY_TOO_LARGE, "the body of the request is too large");
    if (x->cut)
        return MHD_NO;
    if (!more)
        return MHD_YES; /* MHD calls at once again: all is there */
    if (x->answer != NULL && (x->close || head.expects_continue || too_large)) {
        x->linger = true;
        return reply_queue(x);
    }
    x->phase = PHASE_BODY;
    deadline_set(x, LANE_BODY);
    return MHD_YES;
}

static enum MHD_Result body_arrived(struct watch *x, const char *bytes, size_t len)
{
    uint64_t most = x->front->limits.body_bytes;

    x->received += len;
    x->taken += len;
    if (x->hup)
        watch_read_on(x);
    if (x->serve != NULL) {
        if (x->route->collects && buf_append(&x->out, bytes, len) < 0)
            x->cut = true;
    } else if (!x->answered) {
        request_body(x->req, (struct text){ bytes, len });
    }
    /* What is dropped after an answer has its limit too. */
    if (x->received > (x->answered ? 2 * most : most))
        x->cut = true;
    return x->cut ? MHD_NO : MHD_YES;
}

static enum MHD_Result all_arrived(struct watch *x)
{
    if (!x->body_done) {
        x->body_done = true;
        deadline_clear(x);
        x->phase = PHASE_WAY;
        if (x->serve != NULL)
            x->serve(x);
        else if (!x->answered)
            request_body_end(x->req);
    }
    if (x->cut)
        return MHD_NO;
    if (x->answer != NULL)
        return reply_queue(x);
    if (x->hup) { /* seen before the request was complete */
        watch_gone(x);
        return MHD_NO;
    }
    watch_suspend(x);
    return MHD_YES;
}

enum MHD_Result intake_serve(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                             const char *version, const char *bytes, size_t *len, void **context)
{
    struct watch *x = *context;
    enum MHD_Result result;

    (void)cls;
    (void)mhd;
    CHECK(x, WATCH);
    x->inside = true;
    if (!x->head_done) {
        result = head_arrived(x, url, method, version);
    } else if (*len > 0) {
        result = body_arrived(x, bytes, *len);
        *len = 0;
    } else {
        result = all_arrived(x);
    }
    x->inside = false;
    return result;
}
