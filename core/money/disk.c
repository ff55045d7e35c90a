/* disk.c - the disk as tests see it; empty in other builds. */
#include "money/disk.h"

#ifdef GW_TEST_BUILD
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Is that fault asked for now? */
static int is_wanted(const char *fault)
{
    char words[64] = "";
    const char *path = getenv("GW_TEST_DISK");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    ssize_t got = read(fd, words, sizeof words - 1);
    close(fd);
    return got > 0 && strstr(words, fault) != NULL;
}

static int fails(const char *fault, int error)
{
    if (!is_wanted(fault))
        return 0;
    errno = error;
    return 1;
}

static ssize_t system_write(int fd, const void *bytes, size_t len, off_t at)
{
    if (fails("write", EIO) || fails("full", ENOSPC))
        return -1;
    /* The disk takes less and less, and then nothing. */
    if (len < 16 && fails("short", ENOSPC))
        return -1;
    return pwrite(fd, bytes, is_wanted("short") ? len / 2 : len, at);
}

static int system_sync(int fd)
{
    return fails("sync", EIO) ? -1 : fdatasync(fd);
}

static int system_sync_names(int folder_fd)
{
    return fails("sync", EIO) ? -1 : fsync(folder_fd);
}

static int system_reserve(int fd, off_t at, off_t len)
{
    return fails("full", ENOSPC) ? -1 : fallocate(fd, FALLOC_FL_KEEP_SIZE, at, len);
}

static int system_make(int folder_fd, const char *name)
{
    return fails("make", ENOSPC) ? -1 : openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static int system_remove(int folder_fd, const char *name)
{
    return unlinkat(folder_fd, name, 0);
}

const struct disk disk_of_system = { system_write,   system_sync, system_sync_names, ftruncate,
                                     system_reserve, system_make, system_remove };
struct disk disk = {
    system_write, system_sync, system_sync_names, ftruncate, system_reserve, system_make, system_remove
};
#endif
