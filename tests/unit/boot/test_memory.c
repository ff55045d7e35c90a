/* test_memory.c - the limits of control groups, of both versions, in a tree of files. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "boot/memory.h"
#include "check.h"

static char root[64];

static void put(const char *folder, const char *file, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s%s", root, folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s%s/%s", root, folder, file);
    FILE *out = fopen(path, "w");
    cr_assert_not_null(out);
    fputs(text, out);
    fclose(out);
}

Test(memory, of_groups_is_the_least_of_the_tree)
{
    snprintf(root, sizeof root, "/tmp/gw-memory-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
    put("", "memory.max", "max\n");
    put("/a", "memory.max", "1000\n");
    put("/a/b", "memory.max", "5000\n");
    put("/a/b/c", "memory.max", "max\n");
    put("/memory", "memory.limit_in_bytes", "9000\n");
    put("/memory/d", "memory.limit_in_bytes", "700\n");
    cr_assert_eq(memory_of_groups("0::/a/b/c\n", root), 1000u);
    cr_assert_eq(memory_of_groups("0::/a\n", root), 1000u);
    cr_assert_eq(memory_of_groups("0::/\n", root), SIZE_MAX);
    cr_assert_eq(memory_of_groups("0::/nowhere\n", root), SIZE_MAX);
    cr_assert_eq(memory_of_groups("5:cpu,memory:/d\n3:cpu:/a\n", root), 700u);
    cr_assert_eq(memory_of_groups("5:memory:/\n0::/a\n", root), 1000u);
    cr_assert_eq(memory_of_groups("5:memory:/\n", root), 9000u);
    cr_assert_eq(memory_of_groups("", root), SIZE_MAX);
    cr_assert_eq(memory_of_groups("nonsense\n\n::", root), SIZE_MAX);
    put("", "memory.max", "400\n");
    cr_assert_eq(memory_of_groups("0::/a/b\n", root), 400u);
}

Test(memory, is_there)
{
    cr_assert_gt(memory_usable(), (size_t)16 << 20);
    cr_assert_lt(memory_usable(), (size_t)1 << 50);
}
