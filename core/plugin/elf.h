/* elf.h - is a file a whole shared library? The linker maps it without asking: what lies behind the end of a cut one is a
 * bus error, which ends the process. */
#ifndef PLUGIN_ELF_H
#define PLUGIN_ELF_H

#include <sys/types.h>

#include "base/fail.h"

/* Looks at the ELF header, the segments and the sections of the `size` bytes behind `fd` (lent; its position does not move).
 * 0, or -1 with `fail` (FAIL_OPERATOR, naming `path`). Boot thread. */
int elf_check(int fd, off_t size, const char *path, struct fail *fail);

#endif
