/* identity.c - which ledger the rows are of. Several gateways share a database, and each has records 1, 2, 3: a record is known by its
 * ledger's name and its number. The name stays with the ledger when its folder moves to another machine. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "postgres.h"

static const char file_name[] = "postgres-id";

/* A random UUID, version 4. False: the system gives no random bytes. */
static bool make_name(char out[IDENTITY_TEXT])
{
    unsigned char b[16];
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        return false;
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(out, IDENTITY_TEXT, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    return true;
}

/* On the disk before it is used: after a loss of power another name would count all records a second time. */
static bool write_name(int folder, const char *name)
{
    char temporary[64];
    snprintf(temporary, sizeof temporary, "%s.%ld", file_name, (long)getpid());
    int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    size_t len = strlen(name);
    bool good = write(fd, name, len) == (ssize_t)len && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    good = good && linkat(folder, temporary, folder, file_name, 0) == 0; /* another process's stays as it is */
    good = (good || errno == EEXIST) && fsync(folder) == 0;
    int kept = errno;
    unlinkat(folder, temporary, 0);
    errno = kept;
    return good;
}

/* 1, 0 where there is none, -1 with errno. */
static int read_name(int folder, char out[IDENTITY_TEXT])
{
    int fd = openat(folder, file_name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    ssize_t len = read(fd, out, IDENTITY_TEXT);
    close(fd);
    if (len == IDENTITY_TEXT - 1)
        out[len] = '\0';
    if (len != IDENTITY_TEXT - 1 || strspn(out, "0123456789abcdef-") != IDENTITY_TEXT - 1) {
        errno = EBADMSG;
        return -1;
    }
    return 1;
}

gw_status identity_read(const struct instance *of, gw_call *call, bool make, char out[IDENTITY_TEXT])
{
    char name[IDENTITY_TEXT];
    int folder = open(of->ledger, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 && errno == ENOENT && !make)
        return GW_MISS;
    int found = folder >= 0 ? read_name(folder, out) : -1;
    if (found == 0 && make)
        found = make_name(name) && write_name(folder, name) ? read_name(folder, out) : -1;
    if (found < 0)
        query_explain(of, call, "the name of the ledger in the database, %s/%s, cannot be read or made: %s", of->ledger,
                      file_name, errno == EBADMSG ? "it is damaged; take it from a backup" : strerror(errno));
    if (folder >= 0)
        close(folder);
    return found > 0 ? GW_OK : found == 0 ? GW_MISS : errno == EBADMSG ? GW_E_CONFIG : GW_E_RETRY;
}
