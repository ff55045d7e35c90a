/* text_utf8.c - is it UTF-8? With AVX2, by the table lookup of Keiser and Lemire, "Validating UTF-8 In
 * Less Than One Instruction Per Byte" (2020); ASCII is skipped in blocks on both paths. */
#include <string.h>

#include "base/simd.h"
#include "base/text.h"

static bool is_continuation(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* The range of the second byte decides over overlong forms, surrogates and what is past U+10FFFF
 * (Unicode 15, table 3-7). */
size_t text_utf8_step(struct text t, size_t at, bool *valid)
{
    const unsigned char *p = (const unsigned char *)t.ptr + at;
    size_t left = t.len - at;
    unsigned char low = 0x80, high = 0xbf;
    size_t len;

    *valid = true;
    if (p[0] < 0x80)
        return 1;
    *valid = false;
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        len = 2;
    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        len = 3;
        low = p[0] == 0xe0 ? 0xa0 : low;
        high = p[0] == 0xed ? 0x9f : high;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        len = 4;
        low = p[0] == 0xf0 ? 0x90 : low;
        high = p[0] == 0xf4 ? 0x8f : high;
    } else {
        return 1;
    }
    if (left < 2 || p[1] < low || p[1] > high)
        return 1;
    for (size_t i = 2; i < len; i++)
        if (i >= left || !is_continuation(p[i]))
            return i;
    *valid = true;
    return len;
}

size_t text_utf8_valid_len(struct text t)
{
    const uint64_t high_bits = UINT64_C(0x8080808080808080);
    size_t at = 0;

    while (at < t.len) {
        uint64_t word;
        if (t.len - at >= sizeof word) {
            memcpy(&word, t.ptr + at, sizeof word);
            if ((word & high_bits) == 0) {
                at += sizeof word;
                continue;
            }
        }
        bool valid;
        size_t step = text_utf8_step(t, at, &valid);
        if (!valid)
            return at;
        at += step;
    }
    return at;
}

#ifdef SIMD_AVX2
#include <immintrin.h>

/* What two neighbouring bytes can be guilty of; an error is what all three lookups agree on. */
enum {
    TOO_SHORT = 1 << 0,      /* a lead byte, and no continuation after it */
    TOO_LONG = 1 << 1,       /* ASCII, and a continuation after it */
    OVERLONG_3 = 1 << 2,     /* E0 80..9F */
    TOO_LARGE = 1 << 3,      /* F4 90..BF, F5.. */
    SURROGATE = 1 << 4,      /* ED A0..BF */
    OVERLONG_2 = 1 << 5,     /* C0, C1 */
    TOO_LARGE_1000 = 1 << 6, /* F5.. 80..8F */
    OVERLONG_4 = 1 << 6,     /* F0 80..8F */
    TWO_CONTS = 1 << 7,      /* two continuations: right only in the third or fourth place */
    CARRY = TOO_SHORT | TOO_LONG | TWO_CONTS,
    LARGE = CARRY | TOO_LARGE | TOO_LARGE_1000,
    CONT_8 = TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4,
    CONT_9 = TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE,
    CONT_AB = TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
};

/* clang-format off */
static const uint8_t first_high[16] = {
    TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
    TWO_CONTS, TWO_CONTS, TWO_CONTS, TWO_CONTS,
    TOO_SHORT | OVERLONG_2, TOO_SHORT, TOO_SHORT | OVERLONG_3 | SURROGATE,
    TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4,
};
/* clang-format on */
/* clang-format off */
static const uint8_t first_low[16] = {
    CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4, CARRY | OVERLONG_2, CARRY, CARRY, CARRY | TOO_LARGE,
    LARGE, LARGE, LARGE, LARGE, LARGE, LARGE, LARGE, LARGE, LARGE | SURROGATE, LARGE, LARGE
};
/* clang-format on */
static const uint8_t second_high[16] = { TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
                                         TOO_SHORT, TOO_SHORT, CONT_8,    CONT_9,    CONT_AB,   CONT_AB,
                                         TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT };

SIMD_TARGET static inline __m256i lookup(const uint8_t table[16], __m256i index)
{
    __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)table));
    return _mm256_shuffle_epi8(both, index);
}

/* The bytes that stand `n` before those of `block`. */
#define PREVIOUS(block, before, n)                                                                                     \
    _mm256_alignr_epi8((block), _mm256_permute2x128_si256((before), (block), 0x21), 16 - (n))

SIMD_TARGET static inline __m256i errors_in(__m256i block, __m256i before)
{
    const __m256i nibble = _mm256_set1_epi8(0x0f), top = _mm256_set1_epi8((char)0x80);
    __m256i prev1 = PREVIOUS(block, before, 1);
    __m256i prev2 = PREVIOUS(block, before, 2), prev3 = PREVIOUS(block, before, 3);
    __m256i pair =
        _mm256_and_si256(_mm256_and_si256(lookup(first_high, _mm256_and_si256(_mm256_srli_epi16(prev1, 4), nibble)),
                                          lookup(first_low, _mm256_and_si256(prev1, nibble))),
                         lookup(second_high, _mm256_and_si256(_mm256_srli_epi16(block, 4), nibble)));
    __m256i third = _mm256_subs_epu8(prev2, _mm256_set1_epi8((char)(0xe0 - 0x80)));
    __m256i fourth = _mm256_subs_epu8(prev3, _mm256_set1_epi8((char)(0xf0 - 0x80)));
    return _mm256_xor_si256(_mm256_and_si256(_mm256_or_si256(third, fourth), top), pair);
}

/* Not zero when the block ends inside a character. */
SIMD_TARGET static inline __m256i unfinished(__m256i block)
{
    const __m256i last = _mm256_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, //
                                          -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,             //
                                          (char)(0xf0 - 1), (char)(0xe0 - 1), (char)(0xc0 - 1));
    return _mm256_subs_epu8(block, last);
}

SIMD_TARGET static bool is_utf8_avx2(struct text t)
{
    __m256i before = _mm256_setzero_si256(), errors = before;
    char tail[32] = { 0 };
    size_t at = 0;

    while (at < t.len) {
        const char *from = t.ptr + at;
        if (t.len - at < 32) {
            memcpy(tail, from, t.len - at);
            from = tail;
        }
        __m256i block = _mm256_loadu_si256((const __m256i *)(const void *)from);
        if (_mm256_movemask_epi8(block) == 0)
            errors = _mm256_or_si256(errors, unfinished(before));
        else
            errors = _mm256_or_si256(errors, errors_in(block, before));
        before = block;
        at += 32;
    }
    errors = _mm256_or_si256(errors, unfinished(before));
    return _mm256_testz_si256(errors, errors) != 0;
}
#endif

bool text_is_utf8(struct text t)
{
#ifdef SIMD_AVX2
    if (t.len >= 32 && simd_has_avx2())
        return is_utf8_avx2(t);
#endif
    return text_utf8_valid_len(t) == t.len;
}
