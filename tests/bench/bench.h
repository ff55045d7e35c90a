/* bench.h - what the fake upstream and the load generator share: the clock, limits of the process,
 * what another process used, and text to fill bodies with. All times are CLOCK_MONOTONIC nanoseconds,
 * so that one tool's times can be compared with the other's. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>
#include <sys/epoll.h>
#include <sys/types.h>

int64_t bench_now_ns(void);

/* Says why on stderr and exits with 1. */
noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For any tool: descriptors up to the hard limit, timers without slack, no SIGPIPE, and no life after
 * the parent's. */
void bench_prepare(void);

/* epoll_wait until `until_ns`, with the precision of the clock; INT64_MAX waits without end. Returns the
 * number of events, 0 also after a signal. */
int bench_wait(int epoll, struct epoll_event *events, int max, int64_t until_ns);

/* Nanoseconds of CPU (user and system) that all threads of `pid` used since it started, those that have
 * ended included; -1 when there is no such process. */
int64_t bench_cpu_ns(pid_t pid);

/* Resident memory of `pid` in KB, walked page by page (the kernel's quick counters are off by up to a few
 * hundred KB); -1 when it cannot be read. */
int64_t bench_rss_kb(pid_t pid);

/* Writes `value` as exactly `digits` decimal digits, no NUL. */
void bench_digits(char *to, unsigned digits, uint64_t value);

/* Fills exactly `len` bytes with prose as it stands inside a JSON string: quotes and line ends
 * escaped, some UTF-8. No NUL is added. */
void bench_prose(char *to, size_t len);

#endif
