/* test_pins.c - whose what is, in memory and after a start. */
#include "health/pins.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static char folder[64];

static const uint8_t *id(unsigned n)
{
    static uint8_t bytes[PINS_ID];
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, &n, sizeof n);
    memcpy(bytes + 8, &n, sizeof n);
    return bytes;
}

static struct pins *opened(size_t most, int64_t now_s)
{
    struct fail fail;
    struct pins *p = pins_open(folder, most, now_s, &fail);
    cr_assert_not_null(p, "%s", fail.text);
    return p;
}

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/gw-pins-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void drop_folder(void)
{
    char path[100];
    for (int old = 0; old < 2; old++) {
        snprintf(path, sizeof path, "%s/pins%s", folder, old ? ".old" : "");
        unlink(path);
    }
    rmdir(folder);
}

Test(pins, are_known_for_thirty_days_and_after_a_start)
{
    make_folder();
    struct pins *p = opened(0, 100);
    for (unsigned i = 1; i <= 1000; i++)
        pins_note(p, id(i), i | 1, 100);
    pins_note(p, id(7), 99, 100); /* it is elsewhere now */
    for (int again = 0; again < 2; again++) {
        cr_assert_eq(pins_find(p, id(7), 101), 99);
        for (unsigned i = 8; i <= 1000; i++)
            cr_assert_eq(pins_find(p, id(i), 101), i | 1);
        cr_assert_eq(pins_find(p, id(1001), 101), 0);
        cr_assert_eq(pins_find(p, id(8), 100 + PINS_LIFE_S), 0, "its time is over");
        pins_close(p);
        p = opened(0, 101);
    }
    pins_close(p);
    p = opened(0, 100 + PINS_LIFE_S);
    cr_assert_eq(pins_find(p, id(8), 101), 0, "it is not read any more");
    pins_close(p);
    drop_folder();
}

Test(pins, keep_the_newer_ones)
{
    make_folder();
    struct pins *p = opened(100, 1);
    for (unsigned i = 1; i <= 250; i++)
        pins_note(p, id(i), i | 1, 1);
    for (int again = 0; again < 2; again++) {
        cr_assert_eq(pins_find(p, id(100), 2), 0);
        for (unsigned i = 101; i <= 250; i++)
            cr_assert_eq(pins_find(p, id(i), 2), i | 1, "%u", i);
        pins_close(p);
        p = opened(100, 2);
    }
    pins_close(p);
    drop_folder();
}

Test(pins, pass_over_half_a_record)
{
    make_folder();
    char path[100];
    snprintf(path, sizeof path, "%s/pins", folder);
    struct pins *p = opened(0, 1);
    pins_note(p, id(1), 11, 1);
    pins_close(p);
    int fd = open(path, O_WRONLY | O_APPEND);
    cr_assert_eq(write(fd, "half", 4), 4);
    close(fd);
    p = opened(0, 1);
    pins_note(p, id(2), 21, 1);
    pins_close(p);
    p = opened(0, 1);
    cr_assert_eq(pins_find(p, id(1), 2), 11);
    cr_assert_eq(pins_find(p, id(2), 2), 21);
    pins_close(p);
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_size, 64);
    cr_assert_eq(st.st_mode & 077, 0u);
    drop_folder();
}

Test(pins, live_in_memory_without_a_folder)
{
    struct fail fail;
    struct pins *p = pins_open(NULL, 0, 1, &fail);
    pins_note(p, id(1), 11, 1);
    cr_assert_eq(pins_find(p, id(1), 2), 11);
    pins_close(p);
    snprintf(folder, sizeof folder, "/nowhere/at/all");
    cr_assert_null(pins_open(folder, 0, 1, &fail));
    cr_assert_str_eq(fail.text, "/nowhere/at/all/pins cannot be used: No such file or directory");
}
