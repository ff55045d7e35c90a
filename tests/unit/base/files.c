/* files.c - reads test vectors, and makes the same random numbers each time. */
#include "files.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

struct text files_read(const char *path)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    cr_assert_eq(fseek(file, 0, SEEK_END), 0);
    long len = ftell(file);
    cr_assert_geq(len, 0);
    rewind(file);
    char *bytes = malloc(len > 0 ? (size_t)len : 1);
    cr_assert_not_null(bytes);
    cr_assert_eq(fread(bytes, 1, (size_t)len, file), (size_t)len, "%s", path);
    fclose(file);
    return (struct text){ bytes, (size_t)len };
}

struct text files_copy(struct text t)
{
    char *bytes = malloc(t.len > 0 ? t.len : 1);
    cr_assert_not_null(bytes);
    if (t.len > 0)
        memcpy(bytes, t.ptr, t.len);
    return (struct text){ bytes, t.len };
}

void files_free(struct text t)
{
    free((char *)t.ptr);
}

static size_t each_in(const char *path, int deep, void (*fn)(const char *, struct text, void *), void *arg)
{
    struct dirent **entries;
    size_t count = 0;
    int n = scandir(path, &entries, NULL, alphasort);
    cr_assert_geq(n, 0, "%s", path);

    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        char below[PATH_MAX];
        snprintf(below, sizeof below, "%s/%s", path, name);
        if (text_ends(text_of(name), TEXT(".json"))) {
            struct text bytes = files_read(below);
            fn(name, bytes, arg);
            files_free(bytes);
            count++;
        } else if (deep && entries[i]->d_type == DT_DIR && name[0] != '.') {
            count += each_in(below, deep, fn, arg);
        }
        free(entries[i]);
    }
    free(entries);
    return count;
}

size_t files_each(const char *folder, int deep, void (*fn)(const char *, struct text, void *), void *arg)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", check_shared(folder));
    return each_in(path, deep, fn, arg);
}

uint64_t files_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}
