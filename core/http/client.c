/* watch.c - one client connection: who is there, since when, and until when.
 *
 * MHD and this file watch the same socket, each in its own epoll. Here it is edge-triggered: one event
 * when bytes come (which starts the clock for a head) and one when the client closes. A client that
 * closes only its sending side counts as gone too: the two look alike from here. */
#include "http/watch.h"

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

struct watch *watch_of(struct MHD_Connection *mhd)
{
    struct watch *x = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

    CHECK(x, WATCH);
    return x;
}

static struct watch *began(struct daemon *d, struct MHD_Connection *mhd)
{
    struct front *f = d->front;
    struct watch *x = calloc(1, sizeof *x);

    BUG_IF(x == NULL);
    x->magic = WATCH_MAGIC;
    x->front = f;
    x->daemon = d;
    x->mhd = mhd;
    x->socket.on_ready = on_ready;
    x->free_later.on_after = free_later;
    x->started_ns = f->loop->now_ns;
    buf_init(&x->out, f->limits.event_bytes + 3 * DOOR_HIGH_MARK);
    x->loopback = peer_name(&f->arriving, x->peer);
    f->open++;
    daemon_add(d, x);
    daemon_wake(d); /* MHD looks at it once before it waits for it */
    deadline_set(x, LANE_HEAD);
    if (loop_watch(f->loop, &x->socket, f->arriving_fd, EPOLLIN | EPOLLRDHUP | EPOLLET) < 0) {
        x->socket.fd = f->arriving_fd;
        watch_cut(x); /* one that cannot be watched is not served */
    }
    return x;
}

static void free_later(struct loop_after *after)
{
    struct watch *x = CONTAINER(after, struct watch, free_later);

    x->magic = 0;
    free(x);
}

/* Did the client get all of the answer? As far as MHD knows: the kernel took it. */
static bool is_delivered(const struct watch *x, enum MHD_RequestTerminationCode how)
{
    return how == MHD_REQUEST_TERMINATED_COMPLETED_OK && x->queued && (!x->streamed || x->ended);
}

/* The status with which MHD has answered a body that is none; 0: it has not. */
static unsigned refusal_of(const struct watch *x, enum MHD_RequestTerminationCode how)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_HTTP_STATUS);

    return how == MHD_REQUEST_TERMINATED_WITH_ERROR && x->phase == PHASE_BODY && info != NULL ? info->http_status : 0;
}

/* The request on it is over: everything of it is forgotten. `refused`: the status that MHD gave it, else 0. */
static void over(struct watch *x, bool delivered, unsigned refused)
{
    struct request *req = x->req;

    x->req = NULL;
    if (req != NULL) {
        if (!x->told && refused > 0)
            request_body_refused(req, (int)refused);
        else if (!x->told && !delivered)
            request_client_gone(req);
        request_end(req);
    }
    if (x->answer != NULL)
        MHD_destroy_response(x->answer);
    buf_free(&x->out);
    free(x->target);
    free(x->origin);
    free(x->preflight);
    x->route = NULL;
    x->serve = NULL;
    x->target = x->origin = x->preflight = NULL;
    x->answer = NULL;
    x->received = x->acked = 0;
    x->started_ns = 0;
    x->stalls = 0;
    x->head_done = x->body_done = x->answered = x->queued = x->streamed = x->ended = false;
    x->close = x->told = x->high = x->suspended = x->byte_seen = false;
}

void watch_completed(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode how)
{
    struct watch *x = *context;

    (void)cls;
    (void)mhd;
    CHECK(x, WATCH);
    if (!x->head_done || x->phase == PHASE_BODY)
        x->linger = true; /* MHD has refused it by itself */
    x->is_last = x->is_last || x->closes || how != MHD_REQUEST_TERMINATED_COMPLETED_OK;
    over(x, is_delivered(x, how), refusal_of(x, how));
    deadline_take_counts(x);
    x->phase = PHASE_IDLE;
    x->done_round = x->front->loop->rounds;
    x->done_ns = x->front->loop->now_ns;
    deadline_set(x, x->cut ? LANE_LAST : LANE_REST);
    if (!x->front->draining)
        return;
    if (x->closes)
        watch_dismiss(x);
    else if (!x->cut)
        deadline_set(x, LANE_LAST); /* the client does not know: its next request is on its way, and is the last */
}

/* Answers what MHD does not. */
static void refuse_unread(struct watch *x, enum error_case which, const char *why)
{
    struct worker *w = x->front->worker;

    metrics_count_event(w->gateway->metrics, w->index, "bad_head");
    reply_refusal_raw(x->socket.fd, which, why);
    x->linger = true;
}

/* MHD closes the descriptor after this. */
static void ended(struct watch *x)
{
    struct front *f = x->front;

    /* MHD closes without a word where it finds no request line: empty lines, bare line feeds, another protocol. */
    if (!f->freed && !x->head_done && deadline_is_unanswered(x))
        refuse_unread(x, E_FRAMING, "no request line was found");
    watch_head_over(x);
    over(x, false, 0); /* MHD 1.0.1 does not report it, e.g. when the line of a chunk's size is too long for it */
    deadline_clear(x);
    loop_unwatch(f->loop, &x->socket);
    if ((x->linger || x->phase == PHASE_HEAD) && !x->hup) {
        int fd = fcntl(x->socket.fd, F_DUPFD_CLOEXEC, 0);

        if (fd >= 0)
            lingering_close_begin(f, fd);
    }
    f->open--;
    atomic_fetch_sub_explicit(&f->worker->gateway->connections, 1, memory_order_relaxed);
    daemon_remove(x->daemon, x);
    if (f->freed)
        free_later(&x->free_later);
    else
        loop_after(f->loop, &x->free_later); /* events and lists of this round may still name it */
}

void watch_notify(void *cls, struct MHD_Connection *mhd, void **socket_context,
                  enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        *socket_context = began(cls, mhd);
    else if (*socket_context != NULL)
        ended(*socket_context);
}

/* ---- its end ---- */

void watch_suspend(struct watch *x)
{
    x->suspended = true;
    MHD_suspend_connection(x->mhd);
}

void watch_resume(struct watch *x)
{
    if (!x->suspended)
        return;
    x->suspended = false;
    MHD_resume_connection(x->mhd);
    daemon_wake(x->daemon);
}

/* The body of a stream without chunks ends where the connection ends: one that is not complete must end in another way. */
static void reset(struct watch *x)
{
    const struct sockaddr none = { .sa_family = AF_UNSPEC };

    if (x->http10 && x->streamed && !x->hup && !front_has_tls(x->front))
        (void)!connect(x->socket.fd, &none, sizeof none); /* Linux: a reset */
}

void watch_cut(struct watch *x)
{
    x->cut = true;
    reset(x);
    deadline_set(x, LANE_LAST);
    if (x->inside)
        return; /* what we return to MHD closes it */
    if (x->suspended)
        watch_resume(x);
    else
        shutdown(x->socket.fd, SHUT_RDWR); /* MHD sees it and closes; never close(fd) */
}

void watch_gone(struct watch *x)
{
    if (x->req != NULL && !x->told) {
        x->told = true;
        request_client_gone(x->req);
    }
    watch_cut(x);
}

void watch_dismiss(struct watch *x)
{
    x->cut = true;
    deadline_set(x, LANE_LAST);
    shutdown(x->socket.fd, SHUT_RD);
}

/* MHD takes a short read for an empty socket, so an end that came together with bytes is not seen. This makes it look again. */
void watch_read_on(struct watch *x)
{
    shutdown(x->socket.fd, SHUT_RD);
}

/* With epoll, MHD 1.0.1 forgets a connection that its content reader has ended: it is closed, but its memory and its
 * descriptor stay until all older connections of the daemon have gone. Those with a time-out of their own are
 * visited in every run. */
void watch_visit(struct watch *x)
{
    MHD_set_connection_option(x->mhd, MHD_CONNECTION_OPTION_TIMEOUT, 1u);
    daemon_wake(x->daemon);
}

/* ---- what happens on its socket ---- */

static void hung_up(struct watch *x, bool broken)
{
    x->hup = true;
    if (x->phase == PHASE_WAY || (x->phase == PHASE_ANSWER && x->streamed))
        watch_gone(x);
    else if (broken)
        daemon_wake(x->daemon);
    else
        watch_read_on(x);
}

/* The bytes of a request that MHD has already answered may be reported one round late. */
static bool is_stale(const struct watch *x)
{
    const struct loop *loop = x->front->loop;

    return loop->rounds - x->done_round <= 1 && loop->now_ns - x->done_ns < STALE_NS;
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
    struct watch *x = CONTAINER(watch, struct watch, socket);
    struct loop *loop = x->front->loop;

    CHECK(x, WATCH);
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        hung_up(x, (events & (EPOLLHUP | EPOLLERR)) != 0);
        return;
    }
    if (x->phase == PHASE_IDLE && !is_stale(x)) {
        x->phase = PHASE_HEAD;
        x->started_ns = loop->now_ns;
        deadline_set(x, LANE_HEAD);
    }
    if (x->phase != PHASE_HEAD)
        return;
    x->byte_seen = true;
    if (!x->begun && !x->head_done) {
        x->begun = true;
        x->daemon->begun++;
    }
}

void watch_head_over(struct watch *x)
{
    if (x->begun)
        x->daemon->begun--;
    x->begun = false;
}

void watch_refuse_long(struct daemon *d)
{
    for (struct watch *x = d->first; x != NULL; x = x->next) {
        if (!x->begun || x->cut || !deadline_is_long(x) || !deadline_is_unanswered(x))
            continue;
        refuse_unread(x, E_FRAMING, "no request line was found in more bytes than a head may have");
        x->cut = true;
        deadline_set(x, LANE_LAST);
        watch_visit(x);
    }
}
