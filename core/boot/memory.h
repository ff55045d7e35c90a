/* memory.h - how much memory this process may use. Boot thread. */
#ifndef BOOT_MEMORY_H
#define BOOT_MEMORY_H

#include <stddef.h>

/* Bytes: the least of the machine's memory, the limits of the control groups that this process is in, and what is left of its
 * address space (ulimit -v). */
size_t memory_usable(void);
/* The part of the control groups. `self` is the text of /proc/self/cgroup, `root` where they are mounted, both lent. SIZE_MAX:
 * no limit. */
size_t memory_of_groups(const char *self, const char *root);

#endif
