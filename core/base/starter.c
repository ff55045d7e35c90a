/* starter.c - the gateway's side of the starter: orders go over a socket pair, one at a time. */
#include "base/starter.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/starter_inside.h"

enum { ANSWER_S = 5 };

static struct {
    pthread_mutex_t lock; /* an order and its answer belong together */
    int fd;               /* ours; -1: there is no starter */
    pid_t pid;
} starter = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

int starter_begin(struct fail *fail)
{
    int pair[2];
    struct timeval most = { .tv_sec = ANSWER_S };
    BUG_IF(starter.fd >= 0);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return fail_set(fail, FAIL_OPERATOR, "the process that starts programs has no socket: %s", strerror(errno));
    fflush(NULL); /* what is buffered would be written twice */
    starter.pid = fork();
    if (starter.pid < 0) {
        int reason = errno;
        close(pair[0]);
        close(pair[1]);
        return fail_set(fail, FAIL_OPERATOR, "the process that starts programs cannot be made: %s", strerror(reason));
    }
    if (starter.pid == 0) {
        starter_serve(pair[1]);
        _exit(0);
    }
    close(pair[1]);
    starter.fd = pair[0];
    setsockopt(starter.fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    setsockopt(starter.fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    return 0;
}

/* Sends an order; the answer is a process id, 0, or a reason of errno below 0. */
static int32_t ask(const struct starter_order *order, size_t size, const int *fds, size_t fd_count)
{
    union {
        struct cmsghdr head; /* for its alignment */
        char room[CMSG_SPACE(sizeof(int) * STARTER_FDS_MOST)];
    } control = { 0 };
    struct iovec all = { .iov_base = (void *)(uintptr_t)order, .iov_len = size };
    struct msghdr message = { .msg_iov = &all, .msg_iovlen = 1 };
    int32_t answer = -EPIPE;
    if (fd_count > 0) {
        message.msg_control = control.room;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(head), fds, sizeof(int) * fd_count);
    }
    pthread_mutex_lock(&starter.lock);
    if (starter.fd >= 0 && sendmsg(starter.fd, &message, MSG_NOSIGNAL) == (ssize_t)size) {
        ssize_t got = recv(starter.fd, &answer, sizeof answer, 0);
        if (got != (ssize_t)sizeof answer) {
            answer = got < 0 && errno != ECONNRESET ? -errno : -EPIPE;
            /* A late answer would pass for that of the next order. */
            close(starter.fd);
            starter.fd = -1;
        }
    }
    pthread_mutex_unlock(&starter.lock);
    return answer;
}

/* Appends each text with its NUL. -1: there is no room. */
static int add_texts(struct starter_order *order, size_t *used, char *const texts[], uint32_t *count)
{
    for (*count = 0; texts[*count] != NULL; (*count)++) {
        size_t length = strlen(texts[*count]) + 1;
        if (length > STARTER_TEXT_MOST - *used)
            return -1;
        memcpy(order->text + *used, texts[*count], length);
        *used += length;
    }
    return 0;
}

pid_t starter_run(const char *path, char *const argv[], char *const envp[], const int *fds, size_t fd_count,
                  struct fail *fail)
{
    char *const first[] = { (char *)(uintptr_t)path, NULL };
    struct starter_order *order = calloc(1, sizeof *order);
    size_t used = 0;
    uint32_t one;
    int32_t answer = -ENOMEM;
    BUG_IF(fd_count > STARTER_FDS_MOST || argv[0] == NULL);
    if (order != NULL) {
        order->kind = STARTER_RUN;
        answer = -E2BIG;
        if (add_texts(order, &used, first, &one) == 0 && add_texts(order, &used, argv, &order->arguments) == 0 &&
            add_texts(order, &used, envp, &order->variables) == 0)
            answer = ask(order, offsetof(struct starter_order, text) + used, fds, fd_count);
    }
    free(order);
    if (answer > 0)
        return answer;
    return fail_set(fail, FAIL_OPERATOR, "%s cannot be started: %s%s", path, strerror(-answer),
                    answer == -EPIPE ? ". The gateway's process that starts programs has ended; restart the gateway"
                                     : "");
}

int starter_kill(pid_t pid)
{
    size_t size = offsetof(struct starter_order, text);
    struct starter_order *order = calloc(1, size);
    int32_t answer = -ENOMEM;
    if (order != NULL) {
        order->kind = STARTER_KILL;
        order->pid = pid;
        answer = ask(order, size, NULL, 0);
    }
    free(order);
    return answer == 0 ? 0 : -1;
}

void starter_end(void)
{
    if (starter.fd >= 0)
        close(starter.fd);
    starter.fd = -1;
    if (starter.pid > 0)
        while (waitpid(starter.pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    starter.pid = 0;
}
