/* bench.c - what both tools need of the system. */
#include "bench.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

int64_t bench_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

noreturn void bench_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

void bench_prepare(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    prctl(PR_SET_TIMERSLACK, 1L);
    prctl(PR_SET_PDEATHSIG, (long)SIGTERM);
    signal(SIGPIPE, SIG_IGN);
}

int bench_wait(int epoll, struct epoll_event *events, int max, int64_t until_ns)
{
    struct timespec span = { 0, 0 }, *timeout = NULL;
    if (until_ns != INT64_MAX) {
        int64_t left = until_ns - bench_now_ns();
        if (left > 0) {
            span.tv_sec = left / 1000000000;
            span.tv_nsec = left % 1000000000;
        }
        timeout = &span;
    }
    int n = epoll_pwait2(epoll, events, max, timeout, NULL);
    if (n < 0 && errno != EINTR)
        bench_die("epoll_pwait2: %s", strerror(errno));
    return n < 0 ? 0 : n;
}

int64_t bench_cpu_ns(pid_t pid)
{
    clockid_t clock;
    struct timespec t;
    if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return -1;
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t bench_rss_kb(pid_t pid)
{
    char line[256];
    long long kb = -1;
    snprintf(line, sizeof line, "/proc/%ld/smaps_rollup", (long)pid);
    FILE *file = fopen(line, "re");
    if (!file)
        return -1;
    while (kb < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, "Rss:", 4) == 0)
            kb = strtoll(line + 4, NULL, 10);
    fclose(file);
    return kb;
}

void bench_digits(char *to, unsigned digits, uint64_t value)
{
    while (digits > 0) {
        to[--digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

void bench_prose(char *to, size_t len)
{
    static const char prose[] =
        "The committee met at noon and, after some talk, agreed: \\\"no harbour works before spring\\\". "
        "Costs were put at 4,200 \xe2\x82\xac a metre;\\nthe engineer thought that low.\\n\\n* dredge the basin"
        "\\n* mend the south mole\\n* ask Z\xc3\xbcrich for the drawings (path C:\\\\plans)\\n\\nNothing else was said. ";
    size_t done = 0;
    while (len - done >= sizeof prose - 1) {
        memcpy(to + done, prose, sizeof prose - 1);
        done += sizeof prose - 1;
    }
    memset(to + done, '.', len - done); /* no piece of prose may be cut inside an escape or a character */
}
