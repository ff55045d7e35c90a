/* base64.c - bytes as text. */
#include "base/base64.h"

#include <stdint.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

size_t base64_write(char *out, struct text bytes, bool url)
{
    const char *alphabet = url ? LETTERS "-_" : LETTERS "+/";
    char *at = out;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t v = 0;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (k < n ? (unsigned char)bytes.ptr[i + k] : 0u);
        for (size_t k = 0; k <= n; k++)
            *at++ = alphabet[v >> (18 - 6 * k) & 63];
        for (size_t k = n; k < 3 && !url; k++)
            *at++ = '=';
    }
    return (size_t)(at - out);
}

static int value_of(char c, bool url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == (url ? '-' : '+') ? 62 : c == (url ? '_' : '/') ? 63 : -1;
}

bool base64_read(struct text digits, bool url, char *out, size_t *len)
{
    uint32_t v = 0;
    unsigned bits = 0;
    *len = 0;
    for (size_t i = 0; i < digits.len && digits.ptr[i] != '='; i++) {
        int digit = value_of(digits.ptr[i], url);
        if (digit < 0)
            return false;
        v = (v << 6 | (uint32_t)digit) & 0xffffffu;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[(*len)++] = (char)(unsigned char)(v >> bits & 0xff);
        }
    }
    return true;
}
