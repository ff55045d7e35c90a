/* uuid.c - UUID version 7: 48 bits of milliseconds, a counter in rand_a, 62 random bits (RFC 9562 §6.2,
 * method 1). The random bits come in blocks: one system call for many ids. */
#include "base/uuid.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"

enum { BLOCK = 512, COUNTER_MAX = 0xfff, COUNTER_START_MASK = 0x7ff };

struct generator {
    uint64_t last_ms;
    unsigned counter;
    size_t left; /* unused bytes at the end of `random` */
    uint8_t random[BLOCK];
};

static _Thread_local struct generator generator;

static uint64_t random_bits(struct generator *g)
{
    uint64_t bits;

    if (g->left < sizeof bits) {
        crypto_random(g->random, sizeof g->random);
        g->left = sizeof g->random;
    }
    memcpy(&bits, g->random + sizeof g->random - g->left, sizeof bits);
    g->left -= sizeof bits;
    return bits;
}

/* The counter starts anew each millisecond, in its lower half so that it can count up. When it is
 * through, or the clock jumped back, our milliseconds run ahead of the clock's. */
static void tick(struct generator *g, uint64_t now_ms, unsigned seed)
{
    if (now_ms > g->last_ms) {
        g->last_ms = now_ms;
        g->counter = seed & COUNTER_START_MASK;
    } else if (g->counter < COUNTER_MAX) {
        g->counter++;
    } else {
        g->last_ms++;
        g->counter = 0;
    }
}

void uuid_new(char out[UUID_TEXT_LEN + 1])
{
    static const char hex[] = "0123456789abcdef";
    struct generator *g = &generator;
    uint64_t random = random_bits(g);

    tick(g, (uint64_t)clock_unix_ms(), (unsigned)(random >> 53));
    uint64_t high = g->last_ms << 16 | UINT64_C(0x7000) | g->counter;
    uint64_t low = (random >> 2) | UINT64_C(1) << 63;
    low &= ~(UINT64_C(1) << 62);

    for (int i = 0; i < 16; i++) {
        uint64_t half = i < 8 ? high : low;
        unsigned byte = (unsigned)(half >> (56 - 8 * (i % 8))) & 0xff;
        *out++ = hex[byte >> 4];
        *out++ = hex[byte & 15];
        if (i == 3 || i == 5 || i == 7 || i == 9)
            *out++ = '-';
    }
    *out = '\0';
}
