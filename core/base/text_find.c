/* text_find.c - where a text is in another one. Chunks of streams have some 200 bytes and are searched several times each: memmem()
 * spends more on its table than the search then takes. */
#include <string.h>

#include "base/simd.h"
#include "base/text.h"

#ifdef SIMD_AVX2

#include <immintrin.h>

enum {
    WIDTH = 32,
    NEEDLE_MOST = 32, /* of a longer one too much is compared in vain */
};

/* WIDTH places at a time, where two bytes of the needle fit: those within its quotes, for that is what needles are, mostly. `t` has
 * at least WIDTH - 1 bytes more than the needle. */
SIMD_TARGET static ptrdiff_t find_short(struct text t, struct text needle)
{
    size_t inside = needle.len > 3 ? 1 : 0;
    const __m256i one = _mm256_set1_epi8(needle.ptr[inside]),
                  other = _mm256_set1_epi8(needle.ptr[needle.len - 1 - inside]);
    const char *p = t.ptr + inside, *last = p + t.len - needle.len - (WIDTH - 1); /* from which all can be read */
    const size_t apart = needle.len - 1 - 2 * inside;
    for (;;) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p);
        __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(p + apart));
        unsigned fits =
            (unsigned)_mm256_movemask_epi8(_mm256_and_si256(_mm256_cmpeq_epi8(a, one), _mm256_cmpeq_epi8(b, other)));
        for (; fits != 0; fits &= fits - 1) {
            const char *at = p - inside + __builtin_ctz(fits);
            if (memcmp(at, needle.ptr, needle.len) == 0)
                return at - t.ptr;
        }
        if (p == last)
            return -1;
        p = last - p > WIDTH ? p + WIDTH : last;
    }
}

static bool is_short(struct text t, struct text needle)
{
    return needle.len <= NEEDLE_MOST && t.len >= needle.len + WIDTH - 1 && simd_has_avx2();
}

#else

static ptrdiff_t find_short(struct text t, struct text needle)
{
    (void)t, (void)needle;
    return -1;
}

static bool is_short(struct text t, struct text needle)
{
    (void)t, (void)needle;
    return false;
}

#endif

/* A few bytes, one place after the other. */
static ptrdiff_t find_plain(struct text t, struct text needle)
{
    for (size_t at = 0; at + needle.len <= t.len; at++)
        if (t.ptr[at] == needle.ptr[0] && memcmp(t.ptr + at, needle.ptr, needle.len) == 0)
            return (ptrdiff_t)at;
    return -1;
}

ptrdiff_t text_find(struct text t, struct text needle)
{
    enum { FEW = 64 };
    if (needle.len == 0)
        return 0;
    if (needle.len > t.len)
        return -1;
    if (is_short(t, needle))
        return find_short(t, needle);
    if (t.len <= FEW)
        return find_plain(t, needle);
    const char *found = memmem(t.ptr, t.len, needle.ptr, needle.len);
    return found == NULL ? -1 : found - t.ptr;
}
