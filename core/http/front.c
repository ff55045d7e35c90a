/* front.c - the listening socket of one worker, and what is accepted from it.
 *
 * Connections are accepted here, a few a round, and given to an MHD daemon with room. Over the limit, or
 * out of descriptors, a client is asked to come back later and nothing of its request is read. */
#include "http/front.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "flow/metrics.h"
#include "http/client.h"
#include "http/daemon.h"
#include "http/deadline.h"
#include "http/inside.h"
#include "http/lingering_close.h"
#include "http/reply.h"

enum {
    ACCEPT_ROUND = 32, /* a round of the loop accepts no more, so that open connections get their turn */
};
#define ACCEPT_PAUSE_NS (100 * CLOCK_MS)
#define WARN_EVERY_NS (60 * CLOCK_S)

static void on_arrival(struct loop_watch *watch, uint32_t events);
static void on_rest_over(struct loop_timer *timer);

int front_listener(const struct front *f)
{
    CHECK(f, FRONT);
    return f->listener.fd;
}

/* ---- its life ---- */

static char *pem(struct text t)
{
    return t.len == 0 ? NULL : strndup(t.ptr, t.len);
}

static void release(struct front *f)
{
    if (f->key != NULL)
        crypto_wipe(f->key, strlen(f->key));
    free(f->key);
    free(f->cert);
    free(f->headers);
    free(f->scratch);
    if (f->spare_fd >= 0)
        close(f->spare_fd);
    if (f->run.queued)
        f->freed = true; /* the loop still has it in a list: daemon.c frees it */
    else
        free(f);
}

struct front *front_new(struct worker *w, int listen_fd, struct fail *fail)
{
    struct front *f = calloc(1, sizeof *f);

    CHECK(w, WORKER);
    BUG_IF(f == NULL);
    f->magic = FRONT_MAGIC;
    f->worker = w;
    f->loop = &w->loop;
    f->limits = w->config->limits;
    f->cert = pem(w->config->listen.cert_pem);
    f->key = pem(w->config->listen.key_pem);
    f->arriving_fd = -1;
    f->headers = calloc(f->limits.header_count + 1, sizeof *f->headers);
    f->scratch = malloc(TARGET_MAX);
    BUG_IF(f->headers == NULL || f->scratch == NULL);
    f->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    f->listener.on_ready = on_arrival;
    f->pause.on_time = on_rest_over;
    deadline_start(f);
    if (daemon_start(f, fail) < 0) {
        close(listen_fd);
        daemon_stop(f);
        release(f);
        return NULL;
    }
    if (loop_watch(f->loop, &f->listener, listen_fd, EPOLLIN) < 0) {
        fail_set(fail, FAIL_OPERATOR, "cannot watch the listening socket: %s", strerror(errno));
        close(listen_fd);
        daemon_stop(f);
        release(f);
        return NULL;
    }
    w->front = f;
    return f;
}

void front_reload(struct front *f)
{
    const struct config_limits *now = &f->worker->config->limits;
    CHECK(f, FRONT);
    f->limits.body_bytes = now->body_bytes;
    f->limits.event_bytes = now->event_bytes;
    f->limits.connections = now->connections;
}

static void stop_listening(struct front *f)
{
    if (f->listener.fd < 0)
        return;
    loop_timer_clear(f->loop, &f->pause);
    loop_unwatch(f->loop, &f->listener);
    close(f->listener.fd);
    f->listener.fd = -1;
}

void front_free(struct front *f)
{
    struct worker *w;

    CHECK(f, FRONT);
    w = f->worker;
    stop_listening(f);
    front_cut(f);
    f->freed = true;
    daemon_stop(f); /* ends what was cut */
    lingering_close_end(f);
    deadline_stop(f);
    w->front = NULL;
    release(f);
}

bool front_idle(const struct front *f)
{
    CHECK(f, FRONT);
    return f->open == 0;
}

void front_cut(struct front *f)
{
    CHECK(f, FRONT);
    for (size_t i = 0; i < f->daemon_count; i++)
        for (struct client *c = f->daemons[i]->first; c != NULL; c = c->next)
            client_gone(c);
}

/* ---- accepting ---- */

/* Answers 503 on a socket that MHD never sees. `fd` is taken. */
static void turn_away(struct front *f, int fd)
{
    struct worker *w = f->worker;

    metrics_count_event(w->gateway->metrics, w->index, "shed");
    if (front_has_tls(f)) {
        close(fd); /* a handshake is what cannot be afforded */
        return;
    }
    reply_refusal_raw(fd, E_OVERLOAD, "too many connections: try again in a moment");
    lingering_close_begin(f, fd);
}

static void take(struct front *f, int fd, const struct sockaddr_storage *addr, socklen_t len)
{
    struct gateway *gateway = f->worker->gateway;
    struct daemon *d;

    if (atomic_fetch_add_explicit(&gateway->connections, 1, memory_order_relaxed) >= f->limits.connections ||
        (d = daemon_with_room(f)) == NULL) {
        atomic_fetch_sub_explicit(&gateway->connections, 1, memory_order_relaxed);
        turn_away(f, fd);
        return;
    }
    f->arriving = *addr;
    f->arriving_fd = fd;
    /* It closes the socket when it fails. client.c counts the connection down when it has seen it. */
    if (MHD_add_connection(d->mhd, fd, (const struct sockaddr *)addr, len) != MHD_YES && f->arriving_fd >= 0)
        atomic_fetch_sub_explicit(&gateway->connections, 1, memory_order_relaxed);
    f->arriving_fd = -1;
}

/* No descriptor is left: the spare one serves to turn a client away, then the listener rests. */
static void rest(struct front *f)
{
    if (f->spare_fd >= 0) {
        int fd;

        close(f->spare_fd);
        fd = accept4(f->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            struct worker *w = f->worker;

            metrics_count_event(w->gateway->metrics, w->index, "shed");
            if (!front_has_tls(f))
                reply_refusal_raw(fd, E_OVERLOAD, "too many connections: try again in a moment");
            close(fd);
        }
        f->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    } else {
        f->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    if (f->warned_ns == 0 || f->loop->now_ns - f->warned_ns > WARN_EVERY_NS) {
        f->warned_ns = f->loop->now_ns;
        log_line(LOG_WARN,
                 "no file descriptors are left, new connections wait: raise the limit (ulimit -n, LimitNOFILE=)");
    }
    loop_rewatch(f->loop, &f->listener, 0);
    loop_timer_set(f->loop, &f->pause, f->loop->now_ns + ACCEPT_PAUSE_NS);
}

static void on_rest_over(struct loop_timer *timer)
{
    struct front *f = CONTAINER(timer, struct front, pause);

    loop_rewatch(f->loop, &f->listener, EPOLLIN);
}

/* Up to `most`. */
static void accept_some(struct front *f, int most)
{
    while (most-- > 0) {
        struct sockaddr_storage addr;
        socklen_t len = sizeof addr;
        int fd = accept4(f->listener.fd, (struct sockaddr *)&addr, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            take(f, fd, &addr, len);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            rest(f);
            return;
        } else if (errno == EAGAIN) {
            return; /* no more wait */
        }
        /* Anything else is one connection that broke while it waited. */
    }
}

static void on_arrival(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    accept_some(CONTAINER(watch, struct front, listener), ACCEPT_ROUND);
}

void front_drain(struct front *f)
{
    CHECK(f, FRONT);
    f->draining = true;
    if (f->listener.fd >= 0)
        accept_some(f, FRONT_BACKLOG); /* closing the socket would reset those that wait */
    stop_listening(f);
    for (size_t i = 0; i < f->daemon_count; i++)
        for (struct client *c = f->daemons[i]->first; c != NULL; c = c->next) {
            /* Their clients do not know yet: what they send now is still answered. */
            if (!c->cut && (c->phase == PHASE_IDLE || (c->phase == PHASE_HEAD && !deadline_head_begun(c))))
                deadline_set(c, LANE_LAST);
        }
}
