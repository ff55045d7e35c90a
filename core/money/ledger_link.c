/* ledger_link.c - messages between two processes of the gateway. */
#include "money/ledger_link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

void ledger_link_begin(int fd)
{
    struct timeval most = { .tv_sec = LINK_PATIENCE_S };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
}

int ledger_link_send(int fd, const struct link_head *head, struct text bytes)
{
    struct iovec parts[] = { { .iov_base = (void *)(uintptr_t)head, .iov_len = sizeof *head },
                             { .iov_base = (void *)(uintptr_t)bytes.ptr, .iov_len = bytes.len } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = bytes.len > 0 ? 2 : 1 };
    ssize_t sent;
    while ((sent = sendmsg(fd, &message, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        continue;
    return sent == (ssize_t)(sizeof *head + bytes.len) ? 0 : -1;
}

int ledger_link_send_record(int fd, const struct link_head *head, struct record *record)
{
    struct buf bytes;
    buf_init(&bytes, LINK_MOST - sizeof *head);
    record->number = record->number != 0 ? record->number : 1; /* a record needs one: its own comes from the journal */
    record->unix_ms = record->unix_ms != 0 ? record->unix_ms : 1;
    int result = record_write(record, &bytes) == 0 ? ledger_link_send(fd, head, buf_view(&bytes)) : -1;
    buf_free(&bytes);
    return result;
}

int ledger_link_take(int fd, bool wait, char *room, struct link_head *head, struct text *bytes)
{
    ssize_t got;
    while ((got = recv(fd, room, LINK_MOST, wait ? 0 : MSG_DONTWAIT)) < 0 && (errno == EINTR || errno == ECONNRESET))
        continue; /* a reset is reported once; what the other one sent before it ended is still to be read */
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    if (got < (ssize_t)sizeof *head)
        return -1;
    memcpy(head, room, sizeof *head);
    *bytes = (struct text){ room + sizeof *head, (size_t)got - sizeof *head };
    return 1;
}
