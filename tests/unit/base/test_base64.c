/* test_base64.c - bytes as text and back, of every length, in both alphabets. */
#include "base/base64.h"

#include <string.h>

#include "check.h"

Test(base64, gives_what_the_rfc_has)
{
    static const char *const rows[][2] = { { "", "" },
                                           { "f", "Zg==" },
                                           { "fo", "Zm8=" },
                                           { "foo", "Zm9v" },
                                           { "foob", "Zm9vYg==" },
                                           { "fooba", "Zm9vYmE=" },
                                           { "foobar", "Zm9vYmFy" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[16];
        size_t len = base64_write(out, text_of(rows[i][0]), false);
        cr_assert(text_is((struct text){ out, len }, rows[i][1]));
        len = base64_write(out, text_of(rows[i][0]), true);
        cr_assert_eq(len, strcspn(rows[i][1], "="));
    }
}

Test(base64, comes_back)
{
    char bytes[256], text[BASE64_ROOM(256)], back[BASE64_BYTES(BASE64_ROOM(256))];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 37 + 11);
    for (int url = 0; url < 2; url++)
        for (size_t len = 0; len <= sizeof bytes; len++) {
            size_t written = base64_write(text, (struct text){ bytes, len }, url), got;
            cr_assert_leq(written, BASE64_ROOM(len));
            cr_assert(base64_read((struct text){ text, written }, url, back, &got));
            cr_assert_eq(got, len);
            cr_assert_eq(memcmp(back, bytes, len), 0);
        }
}

Test(base64, refuses_what_is_no_digit)
{
    char out[16];
    size_t len;
    cr_assert_not(base64_read(TEXT("Zm9*"), false, out, &len));
    cr_assert_not(base64_read(TEXT("Zm9 v"), false, out, &len));
    cr_assert_not(base64_read(TEXT("-_-_"), false, out, &len));
    cr_assert_not(base64_read(TEXT("+/+/"), true, out, &len));
    cr_assert(base64_read(TEXT("-_-_"), true, out, &len));
    cr_assert_eq(len, 3u);
}

Test(base64, reads_a_hexadecimal_digit)
{
    for (int c = 0; c < 256; c++) {
        const char *digits = "0123456789abcdef",
                   *at = c != 0 ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
        cr_assert_eq(text_hex((char)c), at != NULL ? (int)(at - digits) : -1, "%d", c);
    }
}
