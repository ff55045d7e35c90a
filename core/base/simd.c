/* simd.c - asks the processor once. */
#include "base/simd.h"

_Atomic bool simd_on;

static bool machine_has_avx2(void)
{
#ifdef SIMD_AVX2
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("pclmul");
#else
    return false;
#endif
}

__attribute__((constructor)) static void ask_machine(void)
{
    simd_force_plain(false);
}

void simd_force_plain(bool plain)
{
    atomic_store_explicit(&simd_on, !plain && machine_has_avx2(), memory_order_relaxed);
}
