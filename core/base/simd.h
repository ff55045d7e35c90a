/* simd.h - does this machine have what the fast paths need? Only for the files of base/ that have two
 * paths; both give the same answers. */
#ifndef BASE_SIMD_H
#define BASE_SIMD_H

#include <stdatomic.h>
#include <stdbool.h>

#if defined(__x86_64__)
#define SIMD_AVX2 1
#define SIMD_TARGET __attribute__((target("avx2,bmi,bmi2,pclmul")))
#endif

/* Set before main(); changed by tests only. */
extern _Atomic bool simd_on;

static inline bool simd_has_avx2(void)
{
    return atomic_load_explicit(&simd_on, memory_order_relaxed);
}

/* For tests: take the plain paths, or go back to what the machine has. */
void simd_force_plain(bool plain);

#endif
