/* scarce.h - descriptors, memory and ports that are lacking: system calls of the program that a test lets fail. */
#ifndef SCARCE_H
#define SCARCE_H

#include <stdatomic.h>

/* Of the calls that come next, so many succeed, and so many behind those fail with the error; 0: none fails. */
struct scarce {
    atomic_int succeed, fail, error;
};
extern struct scarce accepts; /* accept4() */
extern struct scarce epolls;  /* epoll_create1() */
extern struct scarce watches; /* epoll_ctl() that adds a descriptor */
extern struct scarce binds;   /* bind() */

void lack_some(struct scarce *s, int succeed, int fail, int error);
/* One fails. */
void lack(struct scarce *s, int succeed, int error);

#endif
