/* daemon.c - starts MHD daemons on demand and runs those concerned, once the events of a round are seen.
 *
 * Connections fill one daemon up to 16 before the next is taken: neighbours are resumed together then,
 * one walk over the suspended ones serves several (measured: performance, the front on 1.0.1). */
#include "http/daemon.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/log.h"
#include "http/client.h"
#include "http/intake.h"

enum {
    DAEMON_CONNECTIONS = 16,  /* aimed at */
    DAEMON_OVERFULL = 4096,   /* when descriptors for another daemon are lacking */
    DAEMON_RUNS = 3,          /* MHD takes two or three passes to be done with a keep-alive request */
    DAEMON_DISCIPLINE = 1,    /* strict by RFC 9112, which takes an empty line before a request (2.2) */
    DAEMON_POOL_EXTRA = 4096, /* over header_bytes: what MHD notes of headers, and the head of the answer */
};

static void on_ready(struct loop_watch *watch, uint32_t events);
static void run_all(struct loop_after *after);
static void panic(void *cls, const char *file, unsigned line, const char *reason);
static size_t as_it_is(void *cls, struct MHD_Connection *mhd, char *s);

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start_mhd(void)
{
    MHD_set_panic_func(panic, NULL);
}

static struct MHD_Daemon *start(struct daemon *d)
{
    struct front *f = d->front;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_THREAD_SAFETY | MHD_USE_NO_LISTEN_SOCKET;
    /* Without TLS MHD leaves it to us to end the sending side (MHD_USE_TURBO): it closes without a word on what it takes
     * for no request line, and client.c answers then. */
    unsigned kind = front_has_tls(f) ? MHD_USE_TLS : MHD_USE_TURBO;
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, f->cert },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, f->key },
        { MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES },
        { MHD_OPTION_END, 0, NULL },
    };

    return MHD_start_daemon(flags | kind, 0, NULL, NULL, intake_serve, d, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)DAEMON_OVERFULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            f->limits.header_bytes + DAEMON_POOL_EXTRA, MHD_OPTION_CONNECTION_TIMEOUT,
                            0u, /* deadlines are ours: client.c */
                            MHD_OPTION_CLIENT_DISCIPLINE_LVL, (int)DAEMON_DISCIPLINE, MHD_OPTION_NOTIFY_CONNECTION,
                            client_notify, d, MHD_OPTION_NOTIFY_COMPLETED, client_completed, d,
                            MHD_OPTION_URI_LOG_CALLBACK, intake_begin, d, MHD_OPTION_UNESCAPE_CALLBACK, as_it_is, NULL,
                            MHD_OPTION_ARRAY, front_has_tls(f) ? tls : tls + 2, MHD_OPTION_END);
}

/* NULL with errno when there are no descriptors or no memory left, or the certificate is bad. */
static struct daemon *add(struct front *f)
{
    struct daemon *d = calloc(1, sizeof *d);

    if (d == NULL)
        return NULL;
    if (f->daemon_count == f->daemon_cap) {
        size_t cap = f->daemon_cap == 0 ? 16 : f->daemon_cap * 2;
        struct daemon **more = realloc(f->daemons, cap * sizeof *more);

        if (more == NULL) {
            free(d);
            return NULL;
        }
        f->daemons = more;
        f->daemon_cap = cap;
    }
    d->front = f;
    d->watch.on_ready = on_ready;
    d->mhd = start(d);
    if (d->mhd == NULL) {
        free(d);
        return NULL;
    }
    if (loop_watch(f->loop, &d->watch, MHD_get_daemon_info(d->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, EPOLLIN) < 0) {
        int saved = errno;

        MHD_stop_daemon(d->mhd);
        free(d);
        errno = saved;
        return NULL;
    }
    f->daemons[f->daemon_count++] = d;
    d->has_room = true;
    d->next_room = f->room;
    f->room = d;
    return d;
}

int daemon_start(struct front *f, struct fail *fail)
{
    pthread_once(&once, start_mhd);
    f->run_last = &f->run_first;
    f->run.on_after = run_all;
    errno = 0;
    if (add(f) != NULL)
        return 0;
    if (front_has_tls(f) && errno != EMFILE && errno != ENFILE && errno != ENOMEM)
        return fail_set(fail, FAIL_OPERATOR,
                        "the certificate or its key cannot be used: both must be PEM, the key without a password, "
                        "and belong together");
    return fail_set(fail, FAIL_OPERATOR, "the HTTP server cannot start: %s",
                    errno != 0 ? strerror(errno) : "libmicrohttpd refused its options");
}

void daemon_stop(struct front *f)
{
    for (size_t i = 0; i < f->daemon_count; i++) {
        loop_unwatch(f->loop, &f->daemons[i]->watch);
        MHD_stop_daemon(f->daemons[i]->mhd);
        free(f->daemons[i]);
    }
    free(f->daemons);
    f->daemons = NULL;
    f->daemon_count = f->daemon_cap = 0;
    f->room = NULL;
    f->run_first = NULL;
    f->run_last = &f->run_first;
}

struct daemon *daemon_with_room(struct front *f)
{
    struct daemon *least;

    if (f->room != NULL)
        return f->room;
    least = add(f);
    if (least != NULL)
        return least;
    for (size_t i = 0; i < f->daemon_count; i++)
        if (least == NULL || f->daemons[i]->connections < least->connections)
            least = f->daemons[i];
    return least;
}

void daemon_add(struct daemon *d, struct client *c)
{
    c->next = d->first;
    if (c->next != NULL)
        c->next->prev = c;
    d->first = c;
    /* The one on top of the stack is the one that is filled. */
    if (++d->connections >= DAEMON_CONNECTIONS && d->has_room && d->front->room == d) {
        d->has_room = false;
        d->front->room = d->next_room;
    }
}

void daemon_remove(struct daemon *d, struct client *c)
{
    if (c->next != NULL)
        c->next->prev = c->prev;
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        d->first = c->next;
    if (--d->connections < DAEMON_CONNECTIONS && !d->has_room) {
        d->has_room = true;
        d->next_room = d->front->room;
        d->front->room = d;
    }
}

void daemon_wake(struct daemon *d)
{
    struct front *f = d->front;

    if (d->queued)
        return;
    d->queued = true;
    d->next_run = NULL;
    *f->run_last = d;
    f->run_last = &d->next_run;
    if (!f->run.queued)
        loop_after(f->loop, &f->run);
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    daemon_wake(CONTAINER(watch, struct daemon, watch));
}

static void run(struct daemon *d)
{
    uint64_t ms;
    bool more;
    int runs = 0;

    do {
        MHD_run(d->mhd);
        more = MHD_get_timeout64(d->mhd, &ms) == MHD_YES && ms == 0;
    } while (more && ++runs < DAEMON_RUNS);
    if (d->begun > 0 && !more)
        client_refuse_long(d);
    if (more)
        daemon_wake(d);
}

/* What these runs wake in turn waits for the next round. */
static void run_all(struct loop_after *after)
{
    struct front *f = CONTAINER(after, struct front, run);
    struct daemon *d = f->run_first, *next;
    struct client *c;

    if (f->freed) {
        free(f);
        return;
    }
    f->run_first = NULL;
    f->run_last = &f->run_first;
    for (; d != NULL; d = next) {
        next = d->next_run;
        d->queued = false;
        run(d);
    }
    /* Outside of MHD, where the request may do what it likes. */
    while ((c = f->drained) != NULL) {
        f->drained = c->next_drained;
        c->drain_queued = false;
        if (c->req != NULL && !c->told)
            request_drained(c->req);
    }
}

/* MHD found itself in a state it cannot be in. */
static void panic(void *cls, const char *file, unsigned line, const char *reason)
{
    (void)cls;
    log_line(LOG_ERROR, "libmicrohttpd gave up at %s:%u: %s", file, line, reason != NULL ? reason : "");
    abort();
}

/* Targets and arguments are wanted as they were sent. */
static size_t as_it_is(void *cls, struct MHD_Connection *mhd, char *s)
{
    (void)cls;
    (void)mhd;
    return strlen(s);
}
