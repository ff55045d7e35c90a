/* limits.h - what the operating system allows this process. Before threads start. */
#ifndef BOOT_LIMITS_H
#define BOOT_LIMITS_H

/* Raises the number of descriptors to the hard limit, with a warning when that is low. */
void limits_raise_files(void);
/* No core dump: it would hold keys and prompts. GW_CORE=1 allows one. */
void limits_no_core(void);

#endif
