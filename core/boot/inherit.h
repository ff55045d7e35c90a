/* inherit.h - the new process's side of an upgrade (upgrade.h): what it gets of the process that started it. Boot thread. */
#ifndef BOOT_INHERIT_H
#define BOOT_INHERIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fail.h"
#include "base/text.h"

struct inherit {
    int fd; /* the socket to the old process; -1: this is a start like any other */
    pid_t from;
    int *listeners; /* its listening sockets */
    size_t count;
    int ledger_fd, lock_fd; /* of its ledger; -1: it has none. Who takes one sets it to -1 */
};

/* Looks whether an old process started this one, and takes what it gives. -1 with `fail`: the two cannot work together. */
int inherit_begin(struct inherit *in, struct fail *fail);
/* How many of its sockets listen at that address. */
unsigned inherit_count(const struct inherit *in, struct text address, uint16_t port);
/* One of them (given), and its port; -1: there is none left. */
int inherit_listener(struct inherit *in, struct text address, uint16_t port, uint16_t *bound_port);
/* The old process is asked to let go. 1: in->lock_fd and in->ledger_fd are of the ledger in `folder` (NULL: there is no ledger), nobody writes it, and its requests wait; 0: the folder is another
 * one, or there is none. -1 with `fail`. */
int inherit_take_ledger(const struct inherit *in, const char *folder, struct fail *fail);
/* Waits until the old one drains, or has ended. Closes what was not taken. -1 with `fail`: it says nothing; it goes on, and this one must not
 * serve. */
int inherit_ready(struct inherit *in, struct fail *fail);
/* Closes what was not taken. */
void inherit_end(struct inherit *in);

#endif
