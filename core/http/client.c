/* client.c - one client connection: who is there, since when, and until when.
 *
 * MHD and this file watch the same socket, each in its own epoll. Here it is edge-triggered: one event
 * when bytes come (which starts the clock for a head) and one when the client closes. A client that
 * closes only its sending side counts as gone too: the two look alike from here. */
#include "http/client.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "flow/metrics.h"
#include "http/daemon.h"
#include "http/deadline.h"
#include "http/lingering_close.h"
#include "http/peer.h"
#include "http/reply.h"

#define STALE_NS (2 * CLOCK_MS)

static void on_ready(struct loop_watch *watch, uint32_t events);
static void free_later(struct loop_after *after);

/* ---- the record ---- */

struct client *client_of(struct MHD_Connection *mhd)
{
    struct client *c = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

    CHECK(c, CLIENT);
    return c;
}

static struct client *began(struct daemon *d, struct MHD_Connection *mhd)
{
    struct front *f = d->front;
    struct client *c = calloc(1, sizeof *c);

    BUG_IF(c == NULL);
    c->magic = CLIENT_MAGIC;
    c->front = f;
    c->daemon = d;
    c->mhd = mhd;
    c->socket.on_ready = on_ready;
    c->free_later.on_after = free_later;
    c->started_ns = f->loop->now_ns;
    buf_init(&c->out, f->limits.event_bytes + 3 * DOOR_HIGH_MARK);
    c->loopback = peer_name(&f->arriving, c->peer);
    f->open++;
    daemon_add(d, c);
    daemon_wake(d); /* MHD looks at it once before it waits for it */
    deadline_set(c, LANE_HEAD);
    if (loop_watch(f->loop, &c->socket, f->arriving_fd, EPOLLIN | EPOLLRDHUP | EPOLLET) < 0) {
        c->socket.fd = f->arriving_fd;
        client_cut(c); /* one that cannot be watched is not served */
    }
    f->arriving_fd = -1; /* the connection counts from here on, whatever MHD makes of it */
    return c;
}

static void free_later(struct loop_after *after)
{
    struct client *c = CONTAINER(after, struct client, free_later);

    c->magic = 0;
    free(c);
}

/* Did the client get all of the answer? As far as MHD knows: the kernel took it. */
static bool is_delivered(const struct client *c, enum MHD_RequestTerminationCode how)
{
    return how == MHD_REQUEST_TERMINATED_COMPLETED_OK && c->queued && (!c->streamed || c->ended);
}

/* The status with which MHD has answered a body that is none; 0: it has not. */
static unsigned refusal_of(const struct client *c, enum MHD_RequestTerminationCode how)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_HTTP_STATUS);

    return how == MHD_REQUEST_TERMINATED_WITH_ERROR && c->phase == PHASE_BODY && info != NULL ? info->http_status : 0;
}

/* The request on it is over: everything of it is forgotten. `refused`: the status that MHD gave it, else 0. */
static void over(struct client *c, bool delivered, unsigned refused)
{
    struct request *req = c->req;

    c->req = NULL;
    if (req != NULL) {
        if (!c->told && refused > 0)
            request_body_refused(req, (int)refused);
        else if (!c->told && !delivered)
            request_client_gone(req);
        request_end(req);
    }
    if (c->answer != NULL)
        MHD_destroy_response(c->answer);
    buf_free(&c->out);
    free(c->target);
    free(c->origin);
    free(c->preflight);
    c->route = NULL;
    c->serve = NULL;
    c->target = c->origin = c->preflight = NULL;
    c->answer = NULL;
    c->received = c->acked = 0;
    c->started_ns = 0;
    c->stalls = 0;
    c->head_done = c->body_done = c->answered = c->queued = c->streamed = c->ended = false;
    c->close = c->told = c->high = c->suspended = c->byte_seen = false;
}

void client_completed(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode how)
{
    struct client *c = *context;

    (void)cls;
    (void)mhd;
    CHECK(c, CLIENT);
    if (!c->head_done || c->phase == PHASE_BODY)
        c->linger = true; /* MHD has refused it by itself */
    c->is_last = c->is_last || c->closes || how != MHD_REQUEST_TERMINATED_COMPLETED_OK;
    over(c, is_delivered(c, how), refusal_of(c, how));
    deadline_take_counts(c);
    c->phase = PHASE_IDLE;
    c->done_round = c->front->loop->rounds;
    c->done_ns = c->front->loop->now_ns;
    deadline_set(c, c->cut ? LANE_LAST : LANE_REST);
    if (!c->front->draining)
        return;
    if (c->closes)
        client_dismiss(c);
    else if (!c->cut)
        deadline_set(c, LANE_LAST); /* the client does not know: its next request is on its way, and is the last */
}

/* Answers what MHD does not. */
static void refuse_unread(struct client *c, enum error_case which, const char *why)
{
    struct worker *w = c->front->worker;

    metrics_count_event(w->gateway->metrics, w->index, "bad_head");
    reply_refusal_raw(c->socket.fd, which, why);
    c->linger = true;
}

/* MHD closes the descriptor after this. */
static void ended(struct client *c)
{
    struct front *f = c->front;

    /* MHD closes without a word where it finds no request line: empty lines, bare line feeds, another protocol. */
    if (!f->freed && !c->head_done && deadline_is_unanswered(c))
        refuse_unread(c, E_FRAMING, "no request line was found");
    client_head_over(c);
    over(c, false, 0); /* MHD 1.0.1 does not report it, e.g. when the line of a chunk's size is too long for it */
    deadline_clear(c);
    loop_unwatch(f->loop, &c->socket);
    if ((c->linger || c->phase == PHASE_HEAD) && !c->hup) {
        int fd = fcntl(c->socket.fd, F_DUPFD_CLOEXEC, 0);

        if (fd >= 0)
            lingering_close_begin(f, fd);
    }
    f->open--;
    atomic_fetch_sub_explicit(&f->worker->gateway->connections, 1, memory_order_relaxed);
    daemon_remove(c->daemon, c);
    if (f->freed)
        free_later(&c->free_later);
    else
        loop_after(f->loop, &c->free_later); /* events and lists of this round may still name it */
}

void client_notify(void *cls, struct MHD_Connection *mhd, void **socket_context,
                   enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        *socket_context = began(cls, mhd);
    else if (*socket_context != NULL)
        ended(*socket_context);
}

/* ---- its end ---- */

void client_suspend(struct client *c)
{
    c->suspended = true;
    MHD_suspend_connection(c->mhd);
}

void client_resume(struct client *c)
{
    if (!c->suspended)
        return;
    c->suspended = false;
    MHD_resume_connection(c->mhd);
    daemon_wake(c->daemon);
}

/* The body of a stream without chunks ends where the connection ends: one that is not complete must end in another way. */
static void reset(struct client *c)
{
    const struct sockaddr none = { .sa_family = AF_UNSPEC };

    if (c->http10 && c->streamed && !c->hup && !front_has_tls(c->front))
        (void)!connect(c->socket.fd, &none, sizeof none); /* Linux: a reset */
}

void client_cut(struct client *c)
{
    c->cut = true;
    reset(c);
    deadline_set(c, LANE_LAST);
    if (c->inside)
        return; /* what we return to MHD closes it */
    if (c->suspended)
        client_resume(c);
    else
        shutdown(c->socket.fd, SHUT_RDWR); /* MHD sees it and closes; never close(fd) */
}

void client_gone(struct client *c)
{
    if (c->req != NULL && !c->told) {
        c->told = true;
        request_client_gone(c->req);
    }
    client_cut(c);
}

void client_dismiss(struct client *c)
{
    c->cut = true;
    deadline_set(c, LANE_LAST);
    shutdown(c->socket.fd, SHUT_RD);
}

/* MHD takes a short read for an empty socket, so an end that came together with bytes is not seen. This makes it look again. */
void client_read_on(struct client *c)
{
    shutdown(c->socket.fd, SHUT_RD);
}

/* With epoll, MHD 1.0.1 forgets a connection that its content reader has ended: it is closed, but its memory and its
 * descriptor stay until all older connections of the daemon have gone. Those with a time-out of their own are
 * visited in every run. */
void client_visit(struct client *c)
{
    MHD_set_connection_option(c->mhd, MHD_CONNECTION_OPTION_TIMEOUT, 1u);
    daemon_wake(c->daemon);
}

/* ---- what happens on its socket ---- */

static void hung_up(struct client *c, bool broken)
{
    c->hup = true;
    if (c->phase == PHASE_WAY || (c->phase == PHASE_ANSWER && c->streamed))
        client_gone(c);
    else if (broken)
        daemon_wake(c->daemon);
    else
        client_read_on(c);
}

/* The bytes of a request that MHD has already answered may be reported one round late. */
static bool is_stale(const struct client *c)
{
    const struct loop *loop = c->front->loop;

    return loop->rounds - c->done_round <= 1 && loop->now_ns - c->done_ns < STALE_NS;
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
    struct client *c = CONTAINER(watch, struct client, socket);
    struct loop *loop = c->front->loop;

    CHECK(c, CLIENT);
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        hung_up(c, (events & (EPOLLHUP | EPOLLERR)) != 0);
        return;
    }
    if (c->phase == PHASE_IDLE && !is_stale(c)) {
        c->phase = PHASE_HEAD;
        c->started_ns = loop->now_ns;
        deadline_set(c, LANE_HEAD);
    }
    if (c->phase != PHASE_HEAD)
        return;
    c->byte_seen = true;
    if (!c->begun && !c->head_done) {
        c->begun = true;
        c->daemon->begun++;
    }
}

void client_head_over(struct client *c)
{
    if (c->begun)
        c->daemon->begun--;
    c->begun = false;
}

void client_refuse_long(struct daemon *d)
{
    for (struct client *c = d->first; c != NULL; c = c->next) {
        if (!c->begun || c->cut || !deadline_is_long(c) || !deadline_is_unanswered(c))
            continue;
        refuse_unread(c, E_FRAMING, "no request line was found in more bytes than a head may have");
        c->cut = true;
        deadline_set(c, LANE_LAST);
        client_visit(c);
    }
}
