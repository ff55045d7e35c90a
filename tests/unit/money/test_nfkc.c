/* test_nfkc.c - every character that becomes longer, counted against figures of Python's unicodedata 14.0. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "money/bound.h"

static size_t utf8(uint32_t code, char out[5])
{
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = len; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(lead[len] | code);
    return len;
}

/* Sums over all code points: sum(len(NFKC(c)) - len(c)), and the same times c, where it is more than 0. */
Test(nfkc, grows_as_unicode_has_it)
{
    int64_t count = 0, sum = 0, weighted = 0;
    for (uint32_t code = 0x80; code < 0x110000; code++) {
        char text[5];
        int64_t more = nfkc_growth((struct text){ text, utf8(code, text) });
        count += more > 0;
        sum += more;
        weighted += more * code;
    }
    cr_assert(count == 919 && sum == 2246 && weighted == 86742333, "%lld %lld %lld", (long long)count, (long long)sum,
              (long long)weighted);
}

/* An escape is six bytes; what it stands for may be more. The figures are of unicodedata too. */
Test(nfkc, escapes_grow_beyond_their_six_bytes)
{
    int64_t count = 0, sum = 0;
    for (uint32_t code = 0; code < 0x10000; code++) {
        char text[8], plain[5];
        snprintf(text, sizeof text, code % 2 ? "\\u%04x" : "\\u%04X", code);
        int64_t more = nfkc_growth(text_of(text));
        if (code >= 0x80 && (code < 0xd800 || code >= 0xe000)) { /* beside what the same character grows by itself */
            size_t len = utf8(code, plain);
            int64_t whole = (int64_t)len + nfkc_growth((struct text){ plain, len });
            cr_assert_eq(more, whole > 6 && whole > (int64_t)len ? whole - 6 : 0, "%x", code);
        } else {
            cr_assert_eq(more, 0, "%x", code);
        }
        count += more > 0;
        sum += more;
    }
    cr_assert(count == 97 && sum == 473, "%lld %lld", (long long)count, (long long)sum);
}

Test(nfkc, what_stands_around_does_not_matter)
{
    static const struct {
        const char *text;
        int64_t more;
    } rows[] = {
        { "\xcd\x84", 2 },          /* U+0344 */
        { "a\xf0\x9d\x85\x9f", 4 }, /* U+1D15F */
        { "\xf2\x9d\x85\x9f", 0 },  /* U+9D15F: nobody has it */
        { "aaaaaaa\xc2\xa8", 1 },   /* seven bytes before: not eight plain ones */
        { "aaaaaaaa\xc2\xa8"
          "aaaaaaaa",
          1 },
        { "aaaaaaa\\ufdfa", 27 },
        { "aaaaaaaa\\ufdfa"
          "aaaaaaaa\\uFDFA",
          54 },
        { "aaaaaaaa\\", 0 },
        { "\\n\\ufdfa", 27 },
        { "\\\\\\ufdfa", 27 },
        { "\\ufdf", 0 },  /* cut off */
        { "\\u33g0", 6 }, /* what is no digit counts as 0: U+3300 */
        { "\xc2\xa8\xc2\xa8\xc2\xa8", 3 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(nfkc_growth(text_of(rows[i].text)), rows[i].more, "%zu: %lld", i,
                     (long long)nfkc_growth(text_of(rows[i].text)));
}
