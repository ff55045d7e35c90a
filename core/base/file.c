/* file.c - a whole file into memory. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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
