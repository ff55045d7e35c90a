/* upgrade_message.c - messages with descriptors, between two processes. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boot/upgrade_inside.h"

union control_room {
    struct cmsghdr head; /* for its alignment */
    char room[CMSG_SPACE(sizeof(int) * UPGRADE_FDS_MOST)];
};

int upgrade_send(int fd, const struct upgrade_message *message, const int *fds, size_t fd_count)
{
    union control_room control;
    struct iovec all = { .iov_base = (void *)(uintptr_t)message, .iov_len = sizeof *message };
    struct msghdr m = { .msg_iov = &all, .msg_iovlen = 1 };
    BUG_IF(fd_count > UPGRADE_FDS_MOST);
    memset(&control, 0, sizeof control);
    if (fd_count > 0) {
        m.msg_control = control.room;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *head = CMSG_FIRSTHDR(&m);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(head), fds, sizeof(int) * fd_count);
    }
    ssize_t sent;
    while ((sent = sendmsg(fd, &m, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        continue;
    return sent == (ssize_t)sizeof *message ? 0 : -1;
}

int upgrade_take(int fd, int64_t wait_ms, struct upgrade_message *message, int *fds, size_t *fd_count)
{
    union control_room control;
    struct iovec all = { .iov_base = message, .iov_len = sizeof *message };
    struct msghdr m = {
        .msg_iov = &all, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room
    };
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    *fd_count = 0;
    if (poll(&ready, 1, (int)wait_ms) <= 0)
        return 0;
    ssize_t got = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    for (struct cmsghdr *head = got > 0 ? CMSG_FIRSTHDR(&m) : NULL; head != NULL; head = CMSG_NXTHDR(&m, head))
        if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
            *fd_count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            memcpy(fds, CMSG_DATA(head), *fd_count * sizeof(int));
        }
    if (got == (ssize_t)sizeof *message && (m.msg_flags & MSG_CTRUNC) == 0 && message->version == UPGRADE_VERSION)
        return 1;
    while (*fd_count > 0)
        close(fds[--*fd_count]);
    return -1;
}
