/* limits.c - what the operating system allows this process. */
#include "boot/limits.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"

enum { FEW_FILES = 4096 };

void limits_raise_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return;
    if (files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
        getrlimit(RLIMIT_NOFILE, &files);
    }
    if (files.rlim_cur < FEW_FILES)
        log_line(LOG_WARN, "only %llu open files are allowed; a busy gateway needs more (ulimit -n, LimitNOFILE=)",
                 (unsigned long long)files.rlim_cur);
}

void limits_no_core(void)
{
    const char *wanted = getenv("GW_CORE");
    if (wanted != NULL && strcmp(wanted, "1") == 0)
        return;
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}
