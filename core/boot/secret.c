/* secret.c - fetches what env "NAME" and file "path" point at, at the time the snapshot is made. */
#include "boot/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"

const char *secret_name(const struct declare_secret *secret, struct arena *arena)
{
    return arena_printf(arena, "%s \"%s\"", secret->is_file ? "file" : "env", secret->name);
}

static struct text without_line_end(struct text t)
{
    if (text_ends(t, TEXT("\n")))
        t.len--;
    if (text_ends(t, TEXT("\r")))
        t.len--;
    return t;
}

/* Its pages are in no core dump, should somebody allow one; a debugger can attach all the same. */
static void keep_out_of_dumps(const char *bytes, size_t len)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = (uintptr_t)bytes / page * page;
    if (len > 0 && madvise((void *)first, (uintptr_t)bytes + len - first, MADV_DONTDUMP) < 0)
        log_line(LOG_WARN, "a core dump of this process would hold secrets: %s", strerror(errno));
}

static enum secret_state from_env(const char *name, struct arena *arena, struct text *value)
{
    const char *set = getenv(name);
    if (set == NULL || set[0] == '\0')
        return SECRET_UNSET;
    *value = arena_text(arena, without_line_end(text_of(set)));
    keep_out_of_dumps(set, strlen(set));
    keep_out_of_dumps(value->ptr, value->len);
    return value->len > 0 ? SECRET_READ : SECRET_UNSET;
}

/* Up to SECRET_MAX bytes of `fd`, straight into memory that will be wiped. */
static int read_all(int fd, struct arena *arena, struct text *value)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -1;
    if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        return -1;
    }
    if (st.st_size > SECRET_MAX) {
        errno = EFBIG;
        return -1;
    }
    size_t room = S_ISFIFO(st.st_mode) ? SECRET_MAX : (size_t)st.st_size;
    char *memory = arena_alloc(arena, room + 1);
    size_t len = 0;
    keep_out_of_dumps(memory, room);
    while (len < room) {
        ssize_t got = read(fd, memory + len, room - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    *value = without_line_end((struct text){ memory, len });
    memory[value->len] = '\0';
    return 0;
}

static enum secret_state from_file(const char *name, const char *folder, struct arena *arena, struct text *value,
                                   const char **why)
{
    const char *path = name[0] == '/' ? name : arena_printf(arena, "%s/%s", folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || read_all(fd, arena, value) < 0) {
        *why = arena_printf(arena, "cannot be read: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return SECRET_BAD;
    }
    close(fd);
    if (value->len == 0) {
        *why = "is empty";
        return SECRET_BAD;
    }
    return SECRET_READ;
}

enum secret_state secret_read(const struct declare_secret *secret, const char *folder, struct arena *arena,
                              struct text *value, const char **why)
{
    *value = TEXT_NONE;
    *why = "is not set";
    return secret->is_file ? from_file(secret->name, folder, arena, value, why) : from_env(secret->name, arena, value);
}

bool secret_fits_header(struct text value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] < ' ' || value.ptr[i] == 127)
            return false;
    return value.len > 0;
}
