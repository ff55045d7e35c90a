/* cpus.c - how many CPUs this process may use: a container with half a CPU of 64 wants one worker. */
#include "boot/cpus.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 256 };

/* "max 100000" or "50000 100000" of one control group; 0 when it sets no limit. */
static unsigned quota_of(const char *folder)
{
    char path[PATH_MAX];
    unsigned long long quota = 0, period = 0;
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", folder);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    int read = fscanf(file, "%llu %llu", &quota, &period);
    fclose(file);
    if (read != 2 || quota == 0 || period == 0)
        return 0;
    unsigned long long cpus = (quota + period - 1) / period;
    return cpus > MOST ? MOST : (unsigned)cpus;
}

/* The least quota of our control group (version 2) and those above it; 0: none. */
static unsigned quota(void)
{
    char line[PATH_MAX] = "", *folder = NULL;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file != NULL && folder == NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "0::", 3) == 0)
            folder = line + 3;
    if (file != NULL)
        fclose(file);
    if (folder == NULL)
        return 0;
    folder[strcspn(folder, "\n")] = '\0';

    unsigned least = quota_of("");
    for (char *slash = strrchr(folder, '/'); slash != NULL && folder[0] != '\0'; slash = strrchr(folder, '/')) {
        unsigned here = quota_of(folder);
        if (here > 0 && (least == 0 || here < least))
            least = here;
        *slash = '\0';
    }
    return least;
}

unsigned cpus_usable(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    unsigned cpus = count < 1 ? 1 : count > MOST ? MOST : (unsigned)count;
    unsigned limit = quota();
    return limit > 0 && limit < cpus ? limit : cpus;
}
