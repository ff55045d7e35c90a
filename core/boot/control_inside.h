/* control_inside.h - what both ends of the control socket share. */
#ifndef BOOT_CONTROL_INSIDE_H
#define BOOT_CONTROL_INSIDE_H

#include <sys/un.h>

#include "base/buf.h"

/* How long one end waits for the other, in all. */
enum { CONTROL_WAIT_MS = 10000 };

/* The socket's address, by a descriptor of the folder, whose path may be longer than an address can be. The descriptor, to be closed
 * by the caller, or -1 with errno. */
int control_address(const char *folder, struct sockaddr_un *address);
/* Reads on to the end of a line; *line is lent from `in`, without the line's end. 0; -1: the other end left, was too slow or
 * wrote too much. */
int control_read_line(int fd, struct buf *in, struct text *line);
/* 0 or -1. */
int control_write_all(int fd, struct text bytes);

#endif
