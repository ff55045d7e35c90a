/* file.c - a whole file into memory, and back. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"

int file_read(const char *path, struct buf *out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(fd);
        errno = EISDIR;
        return -1;
    }
    for (;;) {
        size_t room;
        char *into = buf_room(out, 1 << 16, &room);
        ssize_t got = into == NULL ? 0 : read(fd, into, room);
        buf_added(out, got > 0 ? (size_t)got : 0);
        if (got < 0 && errno == EINTR)
            continue;
        int reason = into == NULL ? EFBIG : errno;
        if (got <= 0)
            close(fd);
        errno = reason;
        if (got <= 0)
            return got < 0 || into == NULL ? -1 : 0;
    }
}

static bool write_all(int fd, struct text bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = write(fd, bytes.ptr, bytes.len);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes = (struct text){ bytes.ptr + sent, bytes.len - (size_t)sent };
    }
    return true;
}

/* The new name is on the disk only when its folder is. */
static void sync_folder(char *path)
{
    int fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

int file_replace(const char *path, struct text content)
{
    char *temporary = NULL;
    BUG_IF(asprintf(&temporary, "%s.new", path) < 0);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && fchmod(fd, 0600) == 0 && write_all(fd, content) && fsync(fd) == 0;
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (good && rename(temporary, path) < 0) {
        why = errno;
        good = false;
    }
    if (!good && fd >= 0)
        unlink(temporary);
    if (good)
        sync_folder(temporary);
    free(temporary);
    errno = why;
    return good ? 0 : -1;
}
