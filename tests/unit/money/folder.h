/* folder.h - a folder of a test's own, removed with what is in it. */
#ifndef TEST_FOLDER_H
#define TEST_FOLDER_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

struct folder {
    char path[64];
};

static inline void folder_make(struct folder *f)
{
    snprintf(f->path, sizeof f->path, "/tmp/gw-ledger-XXXXXX");
    cr_assert_not_null(mkdtemp(f->path));
}

/* The name of the `index`th journal file, in order; "" where there is none. */
static inline void folder_file(const struct folder *f, unsigned index, char *path, size_t size)
{
    char names[64][80];
    unsigned count = 0;
    DIR *dir = opendir(f->path);
    cr_assert_not_null(dir);
    for (const struct dirent *e; (e = readdir(dir)) != NULL && count < 64;)
        if (strstr(e->d_name, ".journal") != NULL)
            snprintf(names[count++], sizeof names[0], "%.79s", e->d_name);
    closedir(dir);
    qsort(names, count, sizeof names[0], (int (*)(const void *, const void *))(void (*)(void))strcmp);
    path[0] = '\0';
    if (index < count)
        snprintf(path, size, "%.60s/%.255s", f->path, names[index]);
}

static inline char *folder_read(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file);
    char *bytes = malloc(1 << 20);
    cr_assert_not_null(bytes);
    *len = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

static inline void folder_write(const char *path, const char *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, len, file), len);
    fclose(file);
}

static inline void folder_remove(const struct folder *f)
{
    char path[512];
    DIR *dir = opendir(f->path);
    cr_assert_not_null(dir);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        snprintf(path, sizeof path, "%s/%.300s", f->path, e->d_name);
        if (e->d_name[0] != '.')
            unlink(path);
    }
    closedir(dir);
    cr_assert_eq(rmdir(f->path), 0);
}

#endif
