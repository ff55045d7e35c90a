/* zone_file.c - reads TZif files, versions 2 and later: the 64-bit block, then the rule. */
#include "money/zone_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MOST = 1 << 20, HEAD = 44, NAME_MOST = 64, EAST_MOST = 26 * 3600 };

struct counts {
    uint32_t utc_marks, standard_marks, leaps, times, types, letters;
};

static int64_t number(const char *at, unsigned bytes)
{
    uint64_t n = (at[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (unsigned i = 0; i < bytes; i++)
        n = n << 8 | (unsigned char)at[i];
    return (int64_t)n;
}

/* The head of a block; it is cut off *rest. */
static int take_head(struct text *rest, struct counts *c)
{
    if (rest->len < HEAD || memcmp(rest->ptr, "TZif", 4) != 0 || rest->ptr[4] < '2')
        return -1;
    uint32_t *all[] = { &c->utc_marks, &c->standard_marks, &c->leaps, &c->times, &c->types, &c->letters };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        *all[i] = (uint32_t)number(rest->ptr + 20 + 4 * i, 4);
        if (*all[i] > FILE_MOST)
            return -1;
    }
    *rest = (struct text){ rest->ptr + HEAD, rest->len - HEAD };
    return 0;
}

static size_t size_of(const struct counts *c, size_t time_size)
{
    return c->times * (time_size + 1) + (size_t)c->types * 6 + c->letters + c->leaps * (time_size + 4) +
           c->standard_marks + c->utc_marks;
}

static int take_changes(const char *block, const struct counts *c, struct zone *zone)
{
    const char *index = block + (size_t)c->times * 8, *types = index + c->times;
    zone->first = (int32_t)number(types, 4);
    for (uint32_t i = 0; i < c->times; i++) {
        unsigned type = (unsigned char)index[i];
        zone->at[i] = number(block + (size_t)i * 8, 8);
        if (type >= c->types || (i > 0 && zone->at[i] <= zone->at[i - 1]))
            return -1;
        zone->east[i] = (int32_t)number(types + (size_t)type * 6, 4);
        if (zone->east[i] > EAST_MOST || zone->east[i] < -EAST_MOST)
            return -1;
    }
    zone->count = c->times;
    return 0;
}

int zone_file_parse(struct text rest, struct arena *arena, struct zone *zone, const char **why)
{
    struct counts c;
    *why = "it is no time zone file that this program reads (TZif, version 2 or later)";
    if (take_head(&rest, &c) < 0 || size_of(&c, 4) > rest.len)
        return -1;
    rest = (struct text){ rest.ptr + size_of(&c, 4), rest.len - size_of(&c, 4) }; /* what 32 bits can hold */
    if (take_head(&rest, &c) < 0 || size_of(&c, 8) > rest.len || c.types == 0)
        return -1;
    zone->at = arena_array(arena, int64_t, c.times + ZONE_RULE_MOST);
    zone->east = arena_array(arena, int32_t, c.times + ZONE_RULE_MOST);
    if (take_changes(rest.ptr, &c, zone) < 0)
        return -1;
    if (c.leaps > 0) {
        *why = "it counts leap seconds, as this system's clock does not";
        return -1;
    }
    struct text rule = { rest.ptr + size_of(&c, 8), rest.len - size_of(&c, 8) };
    if (rule.len < 2 || rule.ptr[0] != '\n' || rule.ptr[rule.len - 1] != '\n')
        return -1;
    rule = (struct text){ rule.ptr + 1, rule.len - 2 };
    if (rule.len == 0) /* nothing is known beyond: as it was last */
        return 0;
    return zone_rule_apply(rule, zone->count > 0 ? zone->at[zone->count - 1] : INT64_MIN, zone);
}

const char *zone_folder(void)
{
    const char *folder = getenv("TZDIR");
    return folder != NULL && folder[0] != '\0' ? folder : "/usr/share/zoneinfo";
}

/* "Europe/Berlin", "Etc/GMT+5": never a way out of the folder. */
static bool is_name(struct text name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && (i == 0 || ((c < '0' || c > '9') && c != '/' && c != '_' && c != '+' && c != '-')))
            return false;
    }
    return name.len > 0 && name.len <= NAME_MOST;
}

/* The whole file, arena; absent with errno. */
static struct text read_file(const char *path, struct arena *arena)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return TEXT_NONE;
    struct text bytes = TEXT_NONE;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MOST) {
        char *into = arena_array(arena, char, (size_t)st.st_size + 1);
        ssize_t got = read(fd, into, (size_t)st.st_size);
        if (got == st.st_size)
            bytes = (struct text){ into, (size_t)got };
    } else {
        errno = EINVAL;
    }
    int reason = errno;
    close(fd);
    errno = reason;
    return bytes;
}

const struct zone *zone_read(const char *folder, struct text name, struct arena *arena, struct fail *fail)
{
    struct zone *zone = arena_new(arena, struct zone);
    const char *why;

    if (!is_name(name)) {
        fail_set(fail, FAIL_OPERATOR, "\"%.*s\" is no name of a time zone: they are written like \"Europe/Berlin\"",
                 TEXT_ARG(name));
        return NULL;
    }
    *zone = (struct zone){ .name = arena_str(arena, name) };
    if (text_is(name, "UTC"))
        return zone;
    struct text bytes = read_file(arena_printf(arena, "%s/%s", folder, zone->name), arena);
    if (bytes.ptr == NULL && errno == ENOENT && access(folder, R_OK) == 0)
        fail_set(fail, FAIL_OPERATOR, "there is no time zone \"%s\" in %s: they are written like \"Europe/Berlin\"",
                 zone->name, folder);
    else if (bytes.ptr == NULL)
        fail_set(fail, FAIL_OPERATOR, "%s/%s cannot be read: %s. Time zones are in the package tzdata", folder,
                 zone->name, strerror(errno));
    else if (zone_file_parse(bytes, arena, zone, &why) == 0)
        return zone;
    else
        fail_set(fail, FAIL_OPERATOR, "%s/%s: %s", folder, zone->name, why);
    return NULL;
}
