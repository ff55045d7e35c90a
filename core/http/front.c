/* front.c - the listening socket of one worker, and what is accepted from it.
 *
 * Connections are accepted here, a few a round, and given to an MHD daemon with room. Over the limit, or
 * out of descriptors, a client is asked to come back later and nothing of its request is read. */
#include "http/front.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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
    BACKLOG = 4096,
    ACCEPT_ROUND = 32, /* a round of the loop accepts no more, so that open connections get their turn */
    OWN_PORTS = 256,
};
#define ACCEPT_PAUSE_NS (100 * CLOCK_MS)
#define WARN_EVERY_NS (60 * CLOCK_S)

static void on_arrival(struct loop_watch *watch, uint32_t events);
static void on_rest_over(struct loop_timer *timer);

/* ---- listening ---- */

struct place {
    struct sockaddr_storage addr;
    socklen_t len;
};

static int read_address(struct text address, uint16_t port, struct place *place, struct fail *fail)
{
    char name[INET6_ADDRSTRLEN + 1];
    struct sockaddr_in *in = (struct sockaddr_in *)&place->addr;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&place->addr;

    memset(place, 0, sizeof *place);
    if (address.len > 2 && address.ptr[0] == '[' && address.ptr[address.len - 1] == ']')
        address = (struct text){ address.ptr + 1, address.len - 2 };
    if (text_is(address, "localhost"))
        address = TEXT("127.0.0.1");
    if (address.len < sizeof name) {
        memcpy(name, address.ptr, address.len);
        name[address.len] = '\0';
        if (inet_pton(AF_INET, name, &in->sin_addr) == 1) {
            in->sin_family = AF_INET;
            in->sin_port = htons(port);
            place->len = sizeof *in;
            return 0;
        }
        if (inet_pton(AF_INET6, name, &in6->sin6_addr) == 1) {
            in6->sin6_family = AF_INET6;
            in6->sin6_port = htons(port);
            place->len = sizeof *in6;
            return 0;
        }
    }
    return fail_set(
        fail, FAIL_OPERATOR,
        "cannot listen on \"%.*s\": an address is wanted, such as 127.0.0.1, ::1, 0.0.0.0 or ::", TEXT_ARG(address));
}

static int bind_failed(int fd, struct text address, uint16_t port, struct fail *fail)
{
    int why = errno;
    bool bare6 = address.len > 0 && address.ptr[0] != '[' && memchr(address.ptr, ':', address.len) != NULL;
    char place[INET6_ADDRSTRLEN + 16];

    snprintf(place, sizeof place, bare6 ? "[%.*s]:%u" : "%.*s:%u", TEXT_ARG(address), (unsigned)port);
    if (fd >= 0)
        close(fd);
    if (why == EADDRINUSE)
        return fail_set(fail, FAIL_OPERATOR,
                        "cannot listen on %s: address in use; another process listens there (ss -ltnp shows which), "
                        "end it or choose another port with --listen",
                        place);
    if (why == EACCES)
        return fail_set(fail, FAIL_OPERATOR,
                        "cannot listen on %s: ports below 1024 need the right CAP_NET_BIND_SERVICE; choose another "
                        "port with --listen",
                        place);
    if (why == EADDRNOTAVAIL)
        return fail_set(fail, FAIL_OPERATOR, "cannot listen on %s: this machine does not have that address", place);
    return fail_set(fail, FAIL_OPERATOR, "cannot listen on %s: %s", place, strerror(why));
}

/* Ports this process has listened on: with SO_REUSEPORT a second gateway of the same user would get half of
 * the connections of the first instead of a complaint, so the first socket of a port looks first. */
static pthread_mutex_t own_lock = PTHREAD_MUTEX_INITIALIZER;
static uint16_t own_ports[OWN_PORTS];
static unsigned own_count;

static bool is_own(uint16_t port, bool remember)
{
    bool own = false;

    pthread_mutex_lock(&own_lock);
    for (unsigned i = 0; i < own_count && !own; i++)
        own = own_ports[i] == port;
    if (remember && !own && own_count < OWN_PORTS)
        own_ports[own_count++] = port;
    pthread_mutex_unlock(&own_lock);
    return own;
}

/* 0 when nobody listens there, else -1 with errno. */
static int look_for_others(const struct place *place)
{
    int on = 1, result, saved;
    int fd = socket(place->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    result = bind(fd, (const struct sockaddr *)&place->addr, place->len);
    saved = errno;
    close(fd);
    errno = saved;
    return result;
}

int front_listen(struct text address, uint16_t port, uint16_t *bound_port, struct fail *fail)
{
    struct place place;
    int fd, on = 1, off = 0;

    if (read_address(address, port, &place, fail) < 0)
        return -1;
    if (port != 0 && !is_own(port, false) && look_for_others(&place) < 0)
        return bind_failed(-1, address, port, fail);
    fd = socket(place.addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return bind_failed(fd, address, port, fail);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (place.addr.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off); /* "::" is for IPv4 too */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0 ||
        bind(fd, (const struct sockaddr *)&place.addr, place.len) < 0 || listen(fd, BACKLOG) < 0)
        return bind_failed(fd, address, port, fail);
    place.len = sizeof place.addr;
    if (getsockname(fd, (struct sockaddr *)&place.addr, &place.len) < 0)
        return bind_failed(fd, address, port, fail);
    *bound_port = ntohs(place.addr.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&place.addr)->sin6_port
                                                         : ((struct sockaddr_in *)&place.addr)->sin_port);
    is_own(*bound_port, true);
    return fd;
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
        accept_some(f, BACKLOG); /* closing the socket would reset those that wait */
    stop_listening(f);
    for (size_t i = 0; i < f->daemon_count; i++)
        for (struct client *c = f->daemons[i]->first; c != NULL; c = c->next) {
            /* Their clients do not know yet: what they send now is still answered. */
            if (!c->cut && (c->phase == PHASE_IDLE || (c->phase == PHASE_HEAD && !deadline_head_begun(c))))
                deadline_set(c, LANE_LAST);
        }
}
