/* clock.c - what time it is. */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

#ifdef GW_TEST_BUILD
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

static int64_t read_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * CLOCK_S + now.tv_nsec;
}

int64_t clock_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

#ifdef GW_TEST_BUILD
static _Atomic int64_t shift_ms;
static _Atomic int64_t *from_outside; /* a file's bytes, shared */
static pthread_once_t looked = PTHREAD_ONCE_INIT;

void clock_shift_unix(int64_t ms)
{
    shift_ms = ms;
}

static void look_outside(void)
{
    const char *path = getenv("GW_TEST_CLOCK");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *bytes = fd >= 0 ? mmap(NULL, sizeof shift_ms, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (bytes != MAP_FAILED)
        from_outside = bytes;
    if (fd >= 0)
        close(fd);
}

static int64_t shift(void)
{
    pthread_once(&looked, look_outside);
    return shift_ms + (from_outside != NULL ? *from_outside : 0);
}
#else
static int64_t shift(void)
{
    return 0;
}
#endif

int64_t clock_unix_ms(void)
{
    return read_ns(CLOCK_REALTIME) / CLOCK_MS + shift();
}

int64_t clock_set_ms(void)
{
    static _Atomic int64_t first;
    int64_t none = 0, apart = clock_unix_ms() - read_ns(CLOCK_BOOTTIME) / CLOCK_MS;
    return atomic_compare_exchange_strong(&first, &none, apart) ? 0 : apart - none;
}

int64_t clock_cpu_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

static char *put_digits(char *out, unsigned value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
    return out + digits;
}

/* Not gmtime_r(): that takes a lock of the time zone code. The calendar is the one that Howard Hinnant
 * describes in "chrono-compatible low-level date algorithms": years begin in March, eras have 400. */
void clock_rfc3339(int64_t unix_ms, char *out)
{
    const int64_t last = INT64_C(253402300799999); /* the end of year 9999 */
    unix_ms = unix_ms < 0 ? 0 : unix_ms > last ? last : unix_ms;

    unsigned ms = (unsigned)(unix_ms % 1000);
    unsigned second = (unsigned)(unix_ms / 1000 % 86400);
    unsigned days = (unsigned)(unix_ms / 1000 / 86400) + 719468; /* since 0000-03-01 */
    unsigned era = days / 146097, day_of_era = days % 146097;
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month_from_march = (5 * day_of_year + 2) / 153;
    unsigned day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    unsigned year = year_of_era + era * 400 + (month <= 2);

    out = put_digits(out, year, 4);
    *out++ = '-';
    out = put_digits(out, month, 2);
    *out++ = '-';
    out = put_digits(out, day, 2);
    *out++ = 'T';
    out = put_digits(out, second / 3600, 2);
    *out++ = ':';
    out = put_digits(out, second / 60 % 60, 2);
    *out++ = ':';
    out = put_digits(out, second % 60, 2);
    *out++ = '.';
    out = put_digits(out, ms, 3);
    *out++ = 'Z';
    *out = '\0';
}
