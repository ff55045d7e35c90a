/* clock.h - what time it is. Durations and deadlines are monotonic; stamps are UTC. Any thread. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_MS INT64_C(1000000)
#define CLOCK_S INT64_C(1000000000)

int64_t clock_ns(void);      /* monotonic nanoseconds */
int64_t clock_unix_ms(void); /* wall clock, milliseconds since 1970 UTC */
int64_t clock_cpu_ns(void);  /* CPU time of the calling thread */
/* How much further the wall clock has gone than the time since the machine's start, since the first call of this: not 0 where somebody
 * set the clock meanwhile. Milliseconds. */
int64_t clock_set_ms(void);
#ifdef GW_TEST_BUILD
/* From now on the wall clock of all threads is `ms` ahead of the machine's; 0 ends it. From outside of the process: the variable
 * GW_TEST_CLOCK names a file whose first 8 bytes are such a number, which may change at any time. */
void clock_shift_unix(int64_t ms);
#endif
/* "2026-08-24T10:11:12.345Z" and NUL into out (25 bytes); times outside of 1970 to 9999 become the nearest. */
void clock_rfc3339(int64_t unix_ms, char *out);

#endif
