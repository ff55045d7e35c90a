/* cpus.h - how many CPUs this process may use. */
#ifndef BOOT_CPUS_H
#define BOOT_CPUS_H

/* By affinity, and by the CPU quota of the control group (rounded up): at least 1, at most 256. */
unsigned cpus_usable(void);

#endif
