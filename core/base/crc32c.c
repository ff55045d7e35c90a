/* crc32c.c - eight bytes at a time: by the processor's own instruction, else by tables that are made on first use. */
#include "base/crc32c.h"

#include <pthread.h>
#include <string.h>

#include "base/simd.h"

#define POLYNOMIAL 0x82f63b78u /* reflected */

static uint32_t table[8][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) != 0 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
        table[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int t = 1; t < 8; t++)
            table[t][i] = table[t - 1][i] >> 8 ^ table[0][table[t - 1][i] & 0xff];
}

static uint32_t load32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

#ifdef SIMD_AVX2
/* What has AVX2 has SSE 4.2. */
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t before, struct text bytes)
{
    const char *p = bytes.ptr;
    size_t left = bytes.len;
    uint64_t crc = (uint32_t)~before, word;

    for (; left >= 8; left -= 8, p += 8) {
        memcpy(&word, p, 8);
        crc = __builtin_ia32_crc32di(crc, word);
    }
    for (; left > 0; left--, p++)
        crc = __builtin_ia32_crc32qi((uint32_t)crc, (unsigned char)*p);
    return ~(uint32_t)crc;
}
#endif

static uint32_t by_tables(uint32_t before, struct text bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    size_t left = bytes.len;
    uint32_t crc = ~before;

    pthread_once(&once, make_table);
    for (; left >= 8; left -= 8, p += 8) {
        uint32_t low = load32(p) ^ crc, high = load32(p + 4);
        crc = table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^ table[5][low >> 16 & 0xff] ^ table[4][low >> 24] ^
              table[3][high & 0xff] ^ table[2][high >> 8 & 0xff] ^ table[1][high >> 16 & 0xff] ^ table[0][high >> 24];
    }
    for (; left > 0; left--, p++)
        crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xff];
    return ~crc;
}

uint32_t crc32c(uint32_t before, struct text bytes)
{
#ifdef SIMD_AVX2
    if (simd_has_avx2())
        return by_instruction(before, bytes);
#endif
    return by_tables(before, bytes);
}
