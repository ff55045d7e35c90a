/* nfkc.c - characters that become longer before a tokenizer sees them. */
#include <string.h>

#include "money/bound.h"

static const struct {
    uint32_t first, last;
    uint8_t more;
} grows[] = {
#include "money/nfkc_table.h"
};

static int64_t growth_of(uint32_t code)
{
    size_t low = 0, high = sizeof grows / sizeof *grows;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code > grows[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sizeof grows / sizeof *grows && code >= grows[low].first ? grows[low].more : 0;
}

/* The character of `len` bytes that begins with this byte. */
static uint32_t decode(const unsigned char *p, size_t len)
{
    uint32_t code = len == 2 ? p[0] & 0x1fu : len == 3 ? p[0] & 0x0fu : p[0] & 0x07u;
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (p[i] & 0x3fu);
    return code;
}

/* The four digits of an escape; what is no digit counts as 0. */
static uint32_t hex(const unsigned char *p)
{
    uint32_t code = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = p[i] | 0x20;
        code = code << 4 | (uint32_t)(c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0);
    }
    return code;
}

/* "\u00a8" is six bytes: longer than most that it grows to. */
static int64_t growth_of_escape(const unsigned char *p)
{
    uint32_t code = hex(p + 2);
    int64_t own = code < 0x80 ? 1 : code < 0x800 ? 2 : 3, more = growth_of(code);
    return more > 0 && own + more > 6 ? own + more - 6 : 0;
}

/* Eight bytes without an escape and without a character beyond ASCII. */
static bool is_plain(const unsigned char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
    uint64_t word, slash;
    memcpy(&word, p, sizeof word);
    slash = word ^ ones * '\\';
    return ((word | ((slash - ones) & ~slash)) & highs) == 0;
}

int64_t nfkc_growth(struct text json)
{
    const unsigned char *p = (const unsigned char *)json.ptr, *end = p + json.len;
    int64_t more = 0;
    while (p < end) {
        if (end - p >= 8 && is_plain(p)) {
            p += 8;
        } else if (*p == '\\') {
            bool escape = end - p >= 6 && p[1] == 'u';
            more += escape ? growth_of_escape(p) : 0;
            p += escape ? 6 : 2;
        } else {
            size_t len = *p < 0xc0 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
            if (len > 1 && (size_t)(end - p) >= len)
                more += growth_of(decode(p, len));
            p += len;
        }
    }
    return more;
}
