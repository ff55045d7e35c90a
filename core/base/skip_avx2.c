/* skip_avx2.c - passes over JSON strings and nested values, 32 and 64 bytes at a time. The bit masks are
 * those of simdjson (Langdale and Lemire, "Parsing Gigabytes of JSON per Second", 2019): a mask of the
 * quotes that are not escaped, and its prefix XOR, which is a mask of what is inside strings. */
#include "base/skip.h"

#ifdef SIMD_AVX2

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

struct block {
    __m256i low, high;
};

SIMD_TARGET static inline __m256i load(const char *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

SIMD_TARGET static inline uint64_t both(__m256i low, __m256i high)
{
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

SIMD_TARGET static inline uint64_t equals(struct block b, char c)
{
    const __m256i wanted = _mm256_set1_epi8(c);
    return both(_mm256_cmpeq_epi8(b.low, wanted), _mm256_cmpeq_epi8(b.high, wanted));
}

/* Bytes under 0x20. */
SIMD_TARGET static inline __m256i control(__m256i v)
{
    const __m256i last = _mm256_set1_epi8(0x1f);
    return _mm256_cmpeq_epi8(_mm256_max_epu8(v, last), last);
}

/* A bit for each quote, backslash and byte under 0x20. */
SIMD_TARGET static inline uint32_t ends_of_run(__m256i v)
{
    const __m256i quote = _mm256_set1_epi8('"'), backslash = _mm256_set1_epi8('\\');
    return (uint32_t)_mm256_movemask_epi8(
        _mm256_or_si256(_mm256_or_si256(_mm256_cmpeq_epi8(v, quote), _mm256_cmpeq_epi8(v, backslash)), control(v)));
}

SIMD_TARGET size_t skip_run_avx2(const char *p, size_t len, bool *high)
{
    __m256i seen = _mm256_setzero_si256();

    for (size_t at = 0; len - at >= 32; at += 32) {
        __m256i v = load(p + at);
        uint32_t mask = ends_of_run(v);
        if (mask != 0) {
            unsigned count = (unsigned)__builtin_ctz(mask);
            uint32_t before = mask ^ (mask - 1); /* bits up to the first */
            *high |= (((uint32_t)_mm256_movemask_epi8(v) & before) | (uint32_t)_mm256_movemask_epi8(seen)) != 0;
            return at + count;
        }
        seen = _mm256_or_si256(seen, v);
    }
    size_t whole = len & ~(size_t)31;
    *high |= _mm256_movemask_epi8(seen) != 0;
    return whole + skip_run_plain(p + whole, len - whole, high);
}

SIMD_TARGET size_t skip_copy_avx2(char *to, const char *p, size_t len, bool *high)
{
    uint32_t seen = 0;

    for (size_t at = 0; len - at >= 32; at += 32) {
        __m256i v = load(p + at);
        uint32_t mask = ends_of_run(v), highs = (uint32_t)_mm256_movemask_epi8(v);
        _mm256_storeu_si256((__m256i *)(void *)(to + at), v);
        if (mask != 0) {
            *high |= (seen | (highs & (mask ^ (mask - 1)))) != 0;
            return at + (unsigned)__builtin_ctz(mask);
        }
        seen |= highs;
    }
    size_t whole = len & ~(size_t)31;
    *high |= seen != 0;
    return whole + skip_copy_plain(to + whole, p + whole, len - whole, high);
}

/* The characters that a backslash takes away. `carry` is 1 when the first byte is one of them. A run of
 * backslashes of odd length escapes what follows it; whether it is odd shows in the carry of an addition. */
static inline uint64_t escaped_by(uint64_t backslash, uint64_t *carry)
{
    const uint64_t even = UINT64_C(0x5555555555555555);

    backslash &= ~*carry;
    uint64_t follows = backslash << 1 | *carry;
    uint64_t odd_starts = backslash & ~even & ~follows;
    uint64_t even_ends;
    *carry = __builtin_add_overflow(odd_starts, backslash, &even_ends);
    return (even ^ (even_ends << 1)) & follows;
}

SIMD_TARGET static inline uint64_t prefix_xor(uint64_t mask)
{
    __m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)mask), _mm_set1_epi8(-1), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

/* A table of 16 bytes, for each half of a vector. */
SIMD_TARGET static inline __m256i lookup(const uint8_t table[16], __m256i index)
{
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)table)),
                               index);
}

/* Is it one of "/\\bfnrtu? A bit for each high half that these letters have, in the tables of both halves. */
SIMD_TARGET static inline __m256i may_be_escaped(__m256i v)
{
    static const uint8_t highs[16] = { [2] = 1, [5] = 2, [6] = 4, [7] = 8 };
    static const uint8_t lows[16] = {
        [0x2] = 1 | 4 | 8, [0x4] = 8, [0x5] = 8, [0x6] = 4, [0xc] = 2, [0xe] = 4, [0xf] = 1
    };
    const __m256i nibble = _mm256_set1_epi8(0x0f);
    __m256i both_halves = _mm256_and_si256(lookup(lows, _mm256_and_si256(v, nibble)),
                                           lookup(highs, _mm256_and_si256(_mm256_srli_epi16(v, 4), nibble)));
    return _mm256_cmpgt_epi8(both_halves, _mm256_setzero_si256());
}

/* The letters u at `at` + bit, each behind a backslash: false when one is not followed by four digits. */
static bool follow_unicode(struct text t, size_t at, uint64_t letters, struct skip *s)
{
    for (; letters != 0; letters &= letters - 1) {
        int code = skip_hex(t, at + (unsigned)__builtin_ctzll(letters) + 1);
        if (code < 0)
            return false;
        s->odd = s->odd || skip_is_odd(code);
    }
    return true;
}

/* 64 bytes of a string at `p`, which are those of `t` at `at`. Returns the number of the closing quote, 64 when it is not
 * among them, or SKIP_BAD. */
SIMD_TARGET static inline size_t string_step(const char *p, struct text t, size_t at, uint64_t *carry, struct skip *s)
{
    struct block b = { load(p), load(p + 32) };
    uint64_t backslash = equals(b, '\\'), ends = equals(b, '"'), wrong = both(control(b.low), control(b.high));
    uint64_t letters = 0, highs = both(b.low, b.high);

    if ((backslash | *carry) != 0) {
        uint64_t escaped = escaped_by(backslash, carry);
        ends &= ~escaped;
        wrong |= escaped & ~both(may_be_escaped(b.low), may_be_escaped(b.high));
        letters = escaped & equals(b, 'u');
    }
    uint64_t before = ends == 0 ? ~UINT64_C(0) : ends ^ (ends - 1); /* up to the quote */
    if ((wrong & before) != 0 || ((letters &= before) != 0 && !follow_unicode(t, at, letters, s)))
        return SKIP_BAD;
    s->high = s->high || (highs & before) != 0;
    s->escaped = s->escaped || (backslash & before) != 0;
    return ends == 0 ? 64 : (size_t)__builtin_ctzll(ends);
}

/* How many of the first 32 bytes are what skip_run() passes over. */
SIMD_TARGET static inline unsigned first_end(const char *p, bool *high)
{
    __m256i v = load(p);
    uint32_t mask = ends_of_run(v);
    *high |= ((uint32_t)_mm256_movemask_epi8(v) & (mask ^ (mask - 1))) != 0;
    return mask == 0 ? 32 : (unsigned)__builtin_ctz(mask);
}

/* Most strings are short: a look at what comes first is all they need. What is wrong is found again by the plain path, which
 * knows the words for it. */
SIMD_TARGET size_t skip_string_avx2(struct text t, size_t from, struct skip *s)
{
    uint64_t carry = 0;
    char tail[64];
    size_t run = t.len - from < 32 ? 0 : first_end(t.ptr + from, &s->high);

    if (run < 32 && t.len - from > run && t.ptr[from + run] == '"')
        return from + run;
    if (t.len - from < 64)
        return skip_string_plain(t, from, s);
    for (size_t at = from; at < t.len; at += 64) {
        const char *p = t.ptr + at;
        if (t.len - at < 64) {
            memset(tail, ' ', sizeof tail);
            memcpy(tail, p, t.len - at);
            p = tail;
        }
        size_t end = string_step(p, t, at, &carry, s);
        if (end < 64 && at + end < t.len)
            return at + end;
        if (end != 64)
            break;
    }
    return skip_string_plain(t, from, s);
}

struct state {
    uint64_t in_string; /* all ones when the block before ended inside a string */
    uint64_t carry;     /* 1 when its last byte escapes our first */
    uint64_t open;      /* one bit per open bracket, the innermost last: 1 is { */
    unsigned depth, max_depth;
};

/* The bits of bytes that may not stand where they do. */
SIMD_TARGET static inline uint64_t errors_in(struct block b, uint64_t controls, uint64_t backslash, uint64_t in_string)
{
    uint64_t errors = backslash & ~in_string;

    if (controls != 0)
        errors |= controls & (in_string | ~(equals(b, '\n') | equals(b, '\r') | equals(b, '\t')));
    return errors;
}

/* Opens and closes the brackets of a block: the offset in it after the last one, 0 when some are still open,
 * or SKIP_BAD, with s->at as an offset in the block. */
SIMD_TARGET static inline size_t follow(const char *p, uint64_t brackets, struct state *state, struct skip *s)
{
    for (; brackets != 0; brackets &= brackets - 1) {
        unsigned at = (unsigned)__builtin_ctzll(brackets);
        unsigned kind = (unsigned char)p[at] >> 5 & 1; /* 1 for { and }, 0 for [ and ] */
        if (((unsigned char)p[at] & 6) == 2) {         /* 5b and 7b open, 5d and 7d close */
            if (++state->depth > state->max_depth) {
                s->problem = skip_deep;
                s->at = at;
                return SKIP_BAD;
            }
            state->open = state->open << 1 | kind;
            continue;
        }
        if ((state->open & 1) != kind) {
            s->problem = skip_mismatch;
            s->at = at;
            return SKIP_BAD;
        }
        state->open >>= 1;
        if (--state->depth == 0)
            return at + 1;
    }
    return 0;
}

SIMD_TARGET static inline size_t step(const char *p, struct state *state, __m256i *seen, struct skip *s)
{
    const __m256i bit = _mm256_set1_epi8(0x20), opens = _mm256_set1_epi8('{'), closes = _mm256_set1_epi8('}');
    struct block b = { load(p), load(p + 32) };
    uint64_t backslash = equals(b, '\\'), quote = equals(b, '"');
    uint64_t controls = both(control(b.low), control(b.high));

    *seen = _mm256_or_si256(*seen, _mm256_or_si256(b.low, b.high));
    if ((backslash | state->carry) != 0)
        quote &= ~escaped_by(backslash, &state->carry);
    uint64_t in_string = prefix_xor(quote) ^ state->in_string;
    state->in_string = (uint64_t)((int64_t)in_string >> 63);

    /* '[' and ']' differ from '{' and '}' by one bit */
    __m256i low = _mm256_or_si256(b.low, bit), high = _mm256_or_si256(b.high, bit);
    uint64_t brackets = both(_mm256_or_si256(_mm256_cmpeq_epi8(low, opens), _mm256_cmpeq_epi8(low, closes)),
                             _mm256_or_si256(_mm256_cmpeq_epi8(high, opens), _mm256_cmpeq_epi8(high, closes)));
    brackets &= ~in_string;

    if (__builtin_expect((backslash | controls) != 0, 0)) {
        uint64_t errors = errors_in(b, controls, backslash, in_string);
        if (errors != 0) {
            unsigned first = (unsigned)__builtin_ctzll(errors);
            size_t end = follow(p, brackets & ((UINT64_C(1) << first) - 1), state, s);
            if (end != 0)
                return end;
            s->problem = (in_string >> first & 1) != 0 ? skip_control : skip_stray;
            s->at = first;
            return SKIP_BAD;
        }
    }
    return follow(p, brackets, state, s);
}

SIMD_TARGET size_t skip_nested_avx2(struct text t, size_t at, unsigned max_depth, struct skip *s)
{
    struct state state = { .max_depth = max_depth };
    __m256i seen = _mm256_setzero_si256();
    char tail[64];
    size_t end = 0;

    for (; at < t.len; at += 64) {
        const char *p = t.ptr + at;
        if (t.len - at < 64) {
            memset(tail, ' ', sizeof tail);
            memcpy(tail, p, t.len - at);
            p = tail;
        }
        end = step(p, &state, &seen, s);
        if (end != 0)
            break;
    }
    s->high |= _mm256_movemask_epi8(seen) != 0;
    if (end == SKIP_BAD) {
        s->at += at;
        return SKIP_BAD;
    }
    if (end != 0)
        return at + end;
    s->problem = state.in_string != 0 ? skip_open_string : skip_open_bracket;
    s->at = t.len;
    return SKIP_BAD;
}

#endif
