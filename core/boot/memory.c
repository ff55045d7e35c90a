/* memory.c - reads the limits of memory where Linux shows them. */
#include "boot/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/text.h"

enum { LINES = 8192 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The start of a file, NUL-terminated; false when it cannot be read. */
static bool read_start(const char *path, char *out, size_t room)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t len = fread(out, 1, room - 1, file);
    fclose(file);
    out[len] = '\0';
    return true;
}

/* The number in a file; SIZE_MAX when it has none ("max"). */
static size_t number_in(const char *path)
{
    char text[64];
    int64_t number;
    struct text rest;
    if (!read_start(path, text, sizeof text))
        return SIZE_MAX;
    rest = text_of(text);
    return text_parse_u63(text_trim(text_cut(&rest, '\n')), &number) == 0 ? (size_t)number : SIZE_MAX;
}

/* The limits of one group and of those it is in. */
static size_t of_group(const char *root, const char *folder, struct text path, const char *file)
{
    char full[LINES];
    size_t most = SIZE_MAX;
    for (;;) {
        int len = snprintf(full, sizeof full, "%s%s%.*s/%s", root, folder, TEXT_ARG(path), file);
        if (len > 0 && (size_t)len < sizeof full)
            most = least(most, number_in(full));
        while (path.len > 0 && path.ptr[path.len - 1] != '/')
            path.len--;
        if (path.len == 0)
            return most;
        path.len--;
    }
}

size_t memory_of_groups(const char *self, const char *root)
{
    struct text rest = text_of(self);
    size_t most = SIZE_MAX;
    while (rest.len > 0) { /* 0::/user.slice/x  or  4:memory:/docker/x */
        struct text path = text_cut(&rest, '\n');
        text_cut(&path, ':');
        struct text controllers = text_cut(&path, ':');
        if (text_is(path, "/"))
            path.len = 0;
        if (controllers.len == 0 && path.ptr != NULL)
            most = least(most, of_group(root, "", path, "memory.max"));
        while (controllers.len > 0)
            if (text_is(text_cut(&controllers, ','), "memory"))
                most = least(most, of_group(root, "/memory", path, "memory.limit_in_bytes"));
    }
    return most;
}

/* What is left of the address space. */
static size_t of_address_space(void)
{
    struct rlimit limit;
    char text[64];
    int64_t pages;
    struct text rest;
    if (getrlimit(RLIMIT_AS, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    if (!read_start("/proc/self/statm", text, sizeof text))
        return limit.rlim_cur;
    rest = text_of(text);
    if (text_parse_u63(text_cut(&rest, ' '), &pages) < 0)
        return limit.rlim_cur;
    size_t used = (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
    return limit.rlim_cur > used ? limit.rlim_cur - used : 0;
}

size_t memory_usable(void)
{
    char self[LINES];
    size_t machine = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    if (read_start("/proc/self/cgroup", self, sizeof self))
        machine = least(machine, memory_of_groups(self, "/sys/fs/cgroup"));
    return least(machine, of_address_space());
}
