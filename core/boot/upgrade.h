/* upgrade.h - SIGUSR2: the program at the same path is started beside this process, gets its listening sockets and its ledger, and
 * serves; then this process drains. Where the new one fails at any step before that, this one goes on as if nothing had been. The thread
 * that waits for signals. */
#ifndef BOOT_UPGRADE_H
#define BOOT_UPGRADE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "boot/worker_thread.h"

struct control;

struct upgrade {
    int fd;        /* the socket to the new process; -1: no upgrade is under way */
    int ledger_fd; /* ours of the ledger's socket pair; -1: there is none */
    pid_t pid;
    int64_t until_ns; /* when it must have asked for the ledger */
};

/* What the new process gets. All is lent. */
struct upgrade_parts {
    struct gateway *gateway;
    struct worker_thread *threads;
    unsigned count;
    struct control *control; /* NULL: there is none */
};

/* What it begins with. */
#define UPGRADE_NONE ((struct upgrade){ .fd = -1, .ledger_fd = -1 })

/* Starts the new process. What fails is in the log. */
void upgrade_begin(struct upgrade *upgrade, const struct upgrade_parts *parts);
/* Goes on with one that is under way, when its socket has something or time is up; does not wait but while the ledger goes over. True: the
 * new process serves, and this one is to drain. */
bool upgrade_look(struct upgrade *upgrade, const struct upgrade_parts *parts);
/* Ends one that is under way: this process is about to end. */
void upgrade_call_off(struct upgrade *upgrade);

#endif
