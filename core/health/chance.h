/* chance.h - small random parts of times and shares, from a state that its owner keeps: a test gives a seed and knows what comes. Not for
 * secrets. */
#ifndef HEALTH_CHANCE_H
#define HEALTH_CHANCE_H

#include <stdint.h>

/* The next of 0 <= x < 1. *state is never 0. (xorshift64*) */
static inline double chance_next(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return (double)((x * UINT64_C(0x2545f4914f6cdd1d)) >> 11) * 0x1p-53;
}

/* `value` and at most `share` of it more or less. */
static inline int64_t chance_around(uint64_t *state, int64_t value, double share)
{
    return value + (int64_t)((double)value * share * (2 * chance_next(state) - 1));
}

#endif
