/* starter_serve.c - the starter itself. It has one thread and no state but its children. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/starter_inside.h"

enum {
    CHILDREN_MOST = 256,
    TEXTS_MOST = 4096, /* arguments and variables together */
    FIRST_FD = 3,
};

struct children {
    pid_t pids[CHILDREN_MOST];
    size_t count;
};

/* The system closes the descriptors that are not asked for: none of the gateway's may stay open here. */
static void close_all_but(int fd)
{
    if (fd > FIRST_FD)
        close_range(FIRST_FD, (unsigned)fd - 1, 0);
    close_range((unsigned)fd + 1, ~0U, 0);
}

static void reap(struct children *c)
{
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        for (size_t i = 0; i < c->count; i++)
            if (c->pids[i] == pid) {
                c->pids[i] = c->pids[--c->count];
                break;
            }
}

/* In the child: all signals as a new program expects them. Ignored ones would stay ignored. */
static void reset_signals(void)
{
    sigset_t none;
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* fds[i] to FIRST_FD + i; `report` is returned, above them. First all go out of the way: they may lie across each other. */
static int lay_fds(int *fds, size_t count, int report)
{
    int above = FIRST_FD + (int)count;
    for (size_t i = 0; i < count; i++)
        if ((fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, above)) < 0)
            return -1;
    if ((report = fcntl(report, F_DUPFD_CLOEXEC, above)) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (dup2(fds[i], FIRST_FD + (int)i) < 0)
            return -1;
    return report;
}

static _Noreturn void become(char *const texts[], const struct starter_order *order, int *fds, size_t count, int report)
{
    int reason;
    reset_signals();
    int up = lay_fds(fds, count, report);
    if (up >= 0) {
        /* texts: path, arguments, NULL, variables, NULL */
        execve(texts[0], texts + 1, texts + 1 + order->arguments + 1);
        report = up;
    }
    reason = errno;
    (void)!write(report, &reason, sizeof reason);
    _exit(127);
}

/* The pipe closes by itself when the program runs; before that it has the reason why it does not. */
static int32_t run(struct children *c, char *const texts[], const struct starter_order *order, int *fds, size_t count)
{
    int report[2], reason = 0;
    if (c->count == CHILDREN_MOST)
        return -EAGAIN;
    if (pipe2(report, O_CLOEXEC) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0)
        become(texts, order, fds, count, report[1]);
    if (pid < 0)
        reason = errno;
    close(report[1]);
    while (pid > 0 && read(report[0], &reason, sizeof reason) < 0 && errno == EINTR)
        continue;
    close(report[0]);
    if (reason != 0)
        return -reason; /* reap() has its end */
    c->pids[c->count++] = pid;
    return pid;
}

/* The texts as execve() takes them. -1: the order is not one of ours. */
static int split(struct starter_order *order, size_t size, char **texts)
{
    size_t at = 0, n = 0;
    uint32_t all = 1 + order->arguments + order->variables;
    if (order->arguments > TEXTS_MOST || order->variables > TEXTS_MOST || all > TEXTS_MOST)
        return -1;
    for (uint32_t i = 0; i < all; i++) {
        char *end = at < size ? memchr(order->text + at, 0, size - at) : NULL;
        if (end == NULL)
            return -1;
        texts[n++] = order->text + at;
        at = (size_t)(end - order->text) + 1;
        if (i == order->arguments)
            texts[n++] = NULL;
    }
    texts[n] = NULL;
    return at == size ? 0 : -1;
}

static int32_t carry_out(struct children *c, struct starter_order *order, size_t size, int *fds, size_t count)
{
    static char *texts[TEXTS_MOST + 2];
    size_t head = offsetof(struct starter_order, text);
    if (size < head)
        return -EINVAL;
    if (order->kind == STARTER_RUN)
        return split(order, size - head, texts) == 0 ? run(c, texts, order, fds, count) : -E2BIG;
    reap(c);
    for (size_t i = 0; i < c->count; i++)
        if (c->pids[i] == order->pid)
            return kill(order->pid, SIGKILL) == 0 ? 0 : -errno;
    return -ESRCH;
}

/* One order. -1: the gateway has ended. */
static int take_order(struct children *c, int fd)
{
    static struct starter_order order;
    union {
        struct cmsghdr head; /* for its alignment */
        char room[CMSG_SPACE(sizeof(int) * STARTER_FDS_MOST)];
    } control;
    struct iovec all = { .iov_base = &order, .iov_len = sizeof order };
    struct msghdr message = {
        .msg_iov = &all, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room
    };
    int fds[STARTER_FDS_MOST];
    size_t count = 0;
    ssize_t got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (got <= 0)
        return -1;
    for (struct cmsghdr *m = CMSG_FIRSTHDR(&message); m != NULL; m = CMSG_NXTHDR(&message, m))
        if (m->cmsg_level == SOL_SOCKET && m->cmsg_type == SCM_RIGHTS) {
            count = (m->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            memcpy(fds, CMSG_DATA(m), count * sizeof(int));
        }
    int32_t answer =
        message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -E2BIG : carry_out(c, &order, (size_t)got, fds, count);
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    return send(fd, &answer, sizeof answer, MSG_NOSIGNAL) == (ssize_t)sizeof answer ? 0 : -1;
}

void starter_serve(int fd)
{
    struct children children = { .count = 0 };
    sigset_t child, all;
    close_all_but(fd);
    prctl(PR_SET_NAME, "gw-starter");
    prctl(PR_SET_DUMPABLE, 0); /* a program that it started cannot read its memory or its environment */
    /* A terminal's Ctrl-C and a service manager's TERM go to the whole group: the gateway decides when this ends. */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    int ended = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    struct pollfd both[] = { { .fd = fd, .events = POLLIN }, { .fd = ended, .events = POLLIN } };
    for (;;) {
        struct signalfd_siginfo info;
        if (poll(both, 2, -1) < 0)
            continue;
        if (both[1].revents != 0) {
            (void)!read(ended, &info, sizeof info);
            reap(&children);
        }
        if (both[0].revents != 0 && take_order(&children, fd) < 0)
            return;
    }
}
