/* test_wire.c - the system calls below a wire: interrupted ones, and those that fail for want of descriptors. The calls
 * of the program come here. */
#include "check.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "server.h"
#include "upstream/dial.h"
#include "upstream/pool.h"

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static atomic_int interrupts;     /* so many sendmsg() or recv() of the wire are interrupted */
static atomic_int socket_error;   /* what socket() fails with */
static atomic_int watch_error;    /* what epoll_ctl() fails with for an upstream's socket: */
static atomic_bool fails_in_pool; /* in the pool's epoll, or in the dialling's */
static atomic_int pool_epoll;

#define REAL(name_, type_)                                                                                             \
    static _Atomic(type_ *) real;                                                                                      \
    type_ *name_ = atomic_load(&real);                                                                                 \
    if (name_ == NULL) {                                                                                               \
        void *next = dlsym(RTLD_NEXT, __func__);                                                                       \
        memcpy(&name_, &next, sizeof name_);                                                                           \
        atomic_store(&real, name_);                                                                                    \
    }

static bool is_interrupted(void)
{
    int left = atomic_load(&interrupts);

    while (left > 0 && !atomic_compare_exchange_weak(&interrupts, &left, left - 1))
        ;
    if (left > 0)
        errno = EINTR;
    return left > 0;
}

typedef ssize_t sendmsg_fn(int fd, const struct msghdr *message, int flags);
ssize_t __attribute__((visibility("default"))) sendmsg(int fd, const struct msghdr *message, int flags)
{
    REAL(call, sendmsg_fn)
    return is_interrupted() ? -1 : call(fd, message, flags);
}

typedef ssize_t recv_fn(int fd, void *out, size_t len, int flags);
ssize_t __attribute__((visibility("default"))) recv(int fd, void *out, size_t len, int flags)
{
    REAL(call, recv_fn)
    return is_interrupted() ? -1 : call(fd, out, len, flags);
}

typedef int socket_fn(int family, int type, int protocol);
int __attribute__((visibility("default"))) socket(int family, int type, int protocol)
{
    REAL(call, socket_fn)
    if (atomic_load(&socket_error) == 0)
        return call(family, type, protocol);
    errno = atomic_load(&socket_error);
    return -1;
}

typedef int epoll_ctl_fn(int fd, int what, int of, struct epoll_event *event);
int __attribute__((visibility("default"))) epoll_ctl(int fd, int what, int of, struct epoll_event *event)
{
    REAL(call, epoll_ctl_fn)
    bool ours = (fd == atomic_load(&pool_epoll)) == atomic_load(&fails_in_pool);

    if (atomic_load(&watch_error) == 0 || !ours || what != EPOLL_CTL_ADD || (event->events & EPOLLET) == 0)
        return call(fd, what, of, event);
    errno = atomic_load(&watch_error);
    return -1;
}

static atomic_int loops_left, threads_left; /* so many epoll_create1(), pthread_create() succeed; then 0, and all do */
static atomic_int failed;

static bool is_last(atomic_int *left, int with)
{
    int n = atomic_load(left);

    if (n == 0 || atomic_fetch_sub(left, 1) != 1)
        return false;
    atomic_fetch_add(&failed, 1);
    errno = with;
    return true;
}

typedef int epoll_create1_fn(int flags);
int __attribute__((visibility("default"))) epoll_create1(int flags)
{
    REAL(call, epoll_create1_fn)
    return is_last(&loops_left, EMFILE) ? -1 : call(flags);
}

typedef int pthread_create_fn(pthread_t *id, const pthread_attr_t *how, void *(*run)(void *), void *arg);
int __attribute__((visibility("default")))
pthread_create(pthread_t *id, const pthread_attr_t *how, void *(*run)(void *), void *arg)
{
    REAL(call, pthread_create_fn)
    return is_last(&threads_left, EAGAIN) ? EAGAIN : call(id, how, run, arg);
}

static int count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* A dialer has all of its threads, or there is none. */
static void check_dialer_failing(atomic_int *left, int error)
{
    for (int n = 1; n <= 3; n++) {
        int before = count_descriptors();

        atomic_store(&failed, 0);
        atomic_store(left, n);
        cr_assert_null(dialer_new(3));
        cr_assert_eq(errno, error);
        cr_assert_eq(failed, 1);
        cr_assert_eq(count_descriptors(), before);
    }
}

Test(wire, a_dialer_that_lacks_a_thread_does_not_start)
{
    dialer_free(dialer_new(1)); /* what the first start keeps is there then */
    check_dialer_failing(&loops_left, EMFILE);
    check_dialer_failing(&threads_left, EAGAIN);
}

/* A signal that comes while bytes go out or in changes nothing, and an errno from before is no signal. */
Test(wire, sends_and_reads_each_byte_once_when_signals_come)
{
    int fds[2];
    char bytes[16] = "";

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    struct wire wire = { .fd = fds[0] };
    const struct iovec piece = { (void *)(uintptr_t) "word", 4 };
    for (int signals = 0; signals < 3; signals++) {
        atomic_store(&interrupts, signals);
        errno = EINTR;
        cr_assert_eq(dial_wire_send(&wire, &piece, 1, NULL), 4);
        atomic_store(&interrupts, 0);
        cr_assert_eq(read(fds[1], bytes, sizeof bytes), 4, "%d signals", signals);

        cr_assert_eq(write(fds[1], "answer", 6), 6);
        atomic_store(&interrupts, signals);
        errno = EINTR;
        cr_assert_eq(dial_wire_recv(&wire, bytes, 2), 2);
        atomic_store(&interrupts, 0);
        cr_assert_eq(memcmp(bytes, "an", 2), 0, "%d signals", signals);
        cr_assert_eq(dial_wire_recv(&wire, bytes, sizeof bytes), 4);
        cr_assert_eq(dial_wire_recv(&wire, bytes, sizeof bytes), -1);
        cr_assert_eq(errno, EAGAIN);
    }
    close(fds[1]);
    errno = EINTR;
    cr_assert_eq(dial_wire_recv(&wire, bytes, sizeof bytes), 0, "the end is the end");
    dial_wire_close(&wire);
}

static void serve_hello(struct server_conn *conn)
{
    while (server_skip(conn))
        server_say(conn, HELLO);
}

/* What a request hears of it, and that the next one is served. */
static void check_failing(atomic_int *error, int with, bool in_pool, const char *why)
{
    struct server *s = server_start(serve_hello, NULL);
    struct client *c = client_new(2, NULL);
    struct exchange e;

    atomic_store(&pool_epoll, c->loop.epoll_fd);
    atomic_store(&fails_in_pool, in_pool);
    atomic_store(error, with);
    client_get(&e, c, s->url, "/");
    atomic_store(error, 0);
    cr_assert_eq(e.failure, TRANSFER_CONNECT, "%s", transfer_failure_name(e.failure));
    cr_assert_not_null(strstr(e.why, why), "%s", e.why);
    cr_assert_eq(pool_idle(c->pool), 0);
    exchange_fini(&e);
    client_get(&e, c, s->url, "/");
    cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
    exchange_fini(&e);
    client_free(c);
    server_stop(s);
}

Test(wire, without_a_descriptor_or_a_watch_fails_its_request_and_no_other)
{
    check_failing(&socket_error, EMFILE, false, "127.0.0.1");
    check_failing(&watch_error, ENOSPC, false, "127.0.0.1");
    check_failing(&watch_error, ENOSPC, true, strerror(ENOSPC));
}
