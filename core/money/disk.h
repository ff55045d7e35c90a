/* disk.h - what the journal asks of the disk. In builds for tests (GW_TEST_BUILD) a test may stand between, record what is
 * asked and let it fail; in other builds these are the system calls and nothing else. */
#ifndef MONEY_DISK_H
#define MONEY_DISK_H

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#ifdef GW_TEST_BUILD
/* What each call does: the system's own, unless a test puts another there before the journal's threads start. */
struct disk {
    ssize_t (*write)(int fd, const void *bytes, size_t len, off_t at);
    int (*sync)(int fd);
    int (*sync_names)(int folder_fd);
    int (*cut)(int fd, off_t len);
    int (*reserve)(int fd, off_t at, off_t len);
    int (*make)(int folder_fd, const char *name);
    int (*remove)(int folder_fd, const char *name);
};
extern struct disk disk;
/* The system's own, with the faults that the file named by the variable GW_TEST_DISK asks for at that time, in words: "full", "short",
 * "write" (an error of every write), "sync" (of every sync), "make" (no new file). */
extern const struct disk disk_of_system;

static inline ssize_t disk_write(int fd, const void *bytes, size_t len, off_t at)
{
    return disk.write(fd, bytes, len, at);
}
static inline int disk_sync(int fd)
{
    return disk.sync(fd);
}
static inline int disk_sync_names(int folder_fd)
{
    return disk.sync_names(folder_fd);
}
static inline int disk_cut(int fd, off_t len)
{
    return disk.cut(fd, len);
}
static inline int disk_reserve(int fd, off_t at, off_t len)
{
    return disk.reserve(fd, at, len);
}
static inline int disk_make(int folder_fd, const char *name)
{
    return disk.make(folder_fd, name);
}
static inline int disk_remove(int folder_fd, const char *name)
{
    return disk.remove(folder_fd, name);
}
#else
static inline ssize_t disk_write(int fd, const void *bytes, size_t len, off_t at)
{
    return pwrite(fd, bytes, len, at);
}
/* The bytes of a file, and of its inode what is needed to read them. */
static inline int disk_sync(int fd)
{
    return fdatasync(fd);
}
/* Which files a folder has. */
static inline int disk_sync_names(int folder_fd)
{
    return fsync(folder_fd);
}
static inline int disk_cut(int fd, off_t len)
{
    return ftruncate(fd, len);
}
/* Room that the file's size does not show. */
static inline int disk_reserve(int fd, off_t at, off_t len)
{
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, at, len);
}
/* A new file, or an error where there is one; its descriptor. */
static inline int disk_make(int folder_fd, const char *name)
{
    return openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}
static inline int disk_remove(int folder_fd, const char *name)
{
    return unlinkat(folder_fd, name, 0);
}
#endif

#endif
