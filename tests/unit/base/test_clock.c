/* test_clock.c - what time it is. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "check.h"
#include "files.h"

Test(clock, goes_forward)
{
    int64_t before = clock_ns(), cpu = clock_cpu_ns();
    volatile unsigned work = 0;

    for (int i = 0; i < 100000; i++)
        work += (unsigned)i;
    cr_assert_gt(work, 0);
    cr_assert_gt(clock_ns(), before);
    cr_assert_gt(clock_cpu_ns(), cpu);
    cr_assert_leq(clock_cpu_ns() - cpu, (clock_ns() - before) * 2);
}

Test(clock, is_the_walls)
{
    int64_t now = (int64_t)time(NULL) * 1000;
    int64_t difference = clock_unix_ms() - now;

    cr_assert_gt(difference, -2000);
    cr_assert_lt(difference, 5000);
}

Test(clock, writes_rfc3339)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { 1, "1970-01-01T00:00:00.001Z" },
        { INT64_C(951782399999), "2000-02-28T23:59:59.999Z" },
        { INT64_C(951782400000), "2000-02-29T00:00:00.000Z" },
        { INT64_C(1787566272345), "2026-08-24T10:11:12.345Z" },
        { INT64_C(4107542399000), "2100-02-28T23:59:59.000Z" },
        { INT64_C(4107542400000), "2100-03-01T00:00:00.000Z" },
        { INT64_C(253402300799999), "9999-12-31T23:59:59.999Z" },
        { INT64_C(253402300800000), "9999-12-31T23:59:59.999Z" },
        { INT64_MAX, "9999-12-31T23:59:59.999Z" },
        { -1, "1970-01-01T00:00:00.000Z" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[25];
        clock_rfc3339(cases[i].ms, out);
        cr_assert_str_eq(out, cases[i].text);
    }
}

Test(clock, agrees_with_the_c_library)
{
    uint64_t seed = 3;

    for (int i = 0; i < 20000; i++) {
        int64_t ms = (int64_t)(files_random(&seed) % UINT64_C(253402300800000));
        time_t seconds = (time_t)(ms / 1000);
        struct tm tm;
        char out[25], wanted[40], start[24];
        clock_rfc3339(ms, out);
        gmtime_r(&seconds, &tm);
        strftime(start, sizeof start, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(wanted, sizeof wanted, "%s.%03dZ", start, (int)(ms % 1000));
        cr_assert_str_eq(out, wanted);
    }
}
