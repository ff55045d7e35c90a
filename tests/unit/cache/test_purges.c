/* test_purges.c - what was purged is counted by name, and is so again after a restart. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/purges.h"
#include "check.h"

static char folder[] = "purges-XXXXXX";
static char path[64];

static void enter(void)
{
    memcpy(folder, "purges-XXXXXX", sizeof folder);
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/cache-purges", folder);
}

static void leave(void)
{
    unlink(path);
    rmdir(folder);
}

static void is(struct purges *p, const char *team, const char *model, const char *wanted)
{
    struct buf out;
    buf_init(&out, 256);
    purges_write(p, text_of(team), text_of(model), &out);
    cr_assert(text_is(buf_view(&out), wanted), "%s/%s: \"%.*s\"", team, model, TEXT_ARG(buf_view(&out)));
    buf_free(&out);
}

Test(purges, are_the_same_after_a_restart)
{
    enter();
    struct fail fail;
    struct stat st;
    struct purges *p = purges_new();
    cr_assert_eq(purges_load(p, path, &fail), 0); /* no file: nothing was purged */
    is(p, "red", "m", "");
    purges_add(p, TEXT_NONE, TEXT_NONE);
    purges_add(p, TEXT("red"), TEXT_NONE);
    purges_add(p, TEXT("red"), TEXT_NONE);
    purges_add(p, TEXT_NONE, TEXT("m"));
    purges_add(p, TEXT("b\nd"), TEXT("m m"));
    purges_add_entry(p, TEXT("0123456789abcdef"));
    cr_assert_eq(purges_save(p, path, &fail), 0);
    cr_assert(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    purges_free(p);

    p = purges_new();
    cr_assert_eq(purges_load(p, path, &fail), 0, "%s", fail.text);
    is(p, "red", "m", "1 2 1 0");
    is(p, "red", "n", "1 2 0 0");
    is(p, "b\nd", "m m", "1 0 0 1");
    cr_assert_eq(purges_of_entry(p, TEXT("0123456789abcdef")), 1);
    cr_assert_eq(purges_of_entry(p, TEXT("fedcba9876543210")), 0);
    purges_free(p);
    leave();
}

Test(purges, of_a_damaged_file_are_an_error)
{
    enter();
    static const char *const texts[] = { "x\n", "1 zz\n", "1 616\n", "-1\n", "99999999999\n" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct fail fail;
        struct purges *p = purges_new();
        FILE *f = fopen(path, "w");
        cr_assert(f != NULL && fputs(texts[i], f) >= 0);
        fclose(f);
        cr_assert_eq(purges_load(p, path, &fail), -1, "%s", texts[i]);
        purges_free(p);
    }
    leave();
}

Test(purges, that_cannot_be_written_are_an_error)
{
    enter();
    struct fail fail;
    struct purges *p = purges_new();
    purges_add(p, TEXT_NONE, TEXT_NONE);
    cr_assert_eq(purges_save(p, "/nowhere/cache-purges", &fail), -1);
    purges_free(p);
    leave();
}
