/* shared.c - what tests have in both runners: recordings and vectors, skipping, the search for leaks. */
#include "check.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_LEAK_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_LEAK_SANITIZER 1
#endif
#endif
#ifdef HAS_LEAK_SANITIZER
#include <sanitizer/lsan_interface.h>
#endif

#ifndef GW_PLAIN
void check_leaks(void)
{
#ifdef HAS_LEAK_SANITIZER
    cr_assert(__lsan_do_recoverable_leak_check() == 0, "the test leaks memory: see the report above");
#endif
}

void check_skip(const char *why)
{
    cr_skip_test("%s", why);
    abort(); /* not reached */
}
#endif

const char *check_shared(const char *name)
{
    static char path[PATH_MAX];
    const char *root = getenv("GW_SHARED");
    const char *required = getenv("GW_REQUIRE_SHARED");

    if (root != NULL && root[0] != '\0')
        snprintf(path, sizeof path, "%s/%s", root, name);
    else
        snprintf(path, sizeof path, "%s/../shared/%s", GW_SOURCE_DIR, name);
    if (access(path, R_OK) == 0)
        return path;

    cr_assert(required == NULL || required[0] != '1', "%s is not there (GW_SHARED says where to look)", path);
    char why[PATH_MAX + 64];
    snprintf(why, sizeof why, "%s is not there (GW_SHARED says where to look)", path);
    check_skip(why);
}

unsigned check_least(unsigned all)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/SMALL", check_shared("."));
    return access(path, R_OK) == 0 ? 1 : all;
}
