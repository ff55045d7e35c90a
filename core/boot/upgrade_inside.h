/* upgrade_inside.h - what the old process and the new one say to each other while the program is upgraded. For upgrade*.c and
 * inherit.c alone. */
#ifndef BOOT_UPGRADE_INSIDE_H
#define BOOT_UPGRADE_INSIDE_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

/* The new process finds the socket to the old one by this variable. */
#define UPGRADE_VARIABLE "GW_UPGRADE_FD"
/* Raise it when a message changes its meaning. Two programs with different numbers do not upgrade each other. */
#define UPGRADE_VERSION 1
enum { UPGRADE_FDS_MOST = 32 }; /* in one message */

enum upgrade_kind {
    UPGRADE_HELLO =
        1, /* old: `count` listening sockets follow. With the socket and the lock of its ledger, where it has one */
    UPGRADE_LISTENERS, /* old: some of them */
    UPGRADE_ASK,       /* new: all is ready but the ledger. `count` 1: it wants that of the old one */
    UPGRADE_GIVEN,     /* old: nothing is written to it any more */
    UPGRADE_REFUSED,   /* old: it cannot be given, `text` says why */
    UPGRADE_READY,     /* new: it would serve now. The journal has no record of it yet but an OPEN */
    UPGRADE_GO,        /* old: it may serve, and this one drains. A new process that is not told so is killed */
};

/* One message of a SOCK_SEQPACKET socket. */
struct upgrade_message {
    uint32_t kind, version, ledger_version, count;
    int32_t pid; /* of the old process */
    char text[512];
};

/* Sends it with descriptors, which are lent. 0, or -1: the other process is gone. */
int upgrade_send(int fd, const struct upgrade_message *message, const int *fds, size_t fd_count);
/* Takes the next one; its descriptors (given) into `fds`, which has room for UPGRADE_FDS_MOST. 1; 0: none came within `wait_ms`; -1: the
 * other process is gone, or said what is no message. */
int upgrade_take(int fd, int64_t wait_ms, struct upgrade_message *message, int *fds, size_t *fd_count);

#endif
