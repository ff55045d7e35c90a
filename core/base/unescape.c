/* unescape.c - what a JSON string contains. */
#include "base/unescape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/fail.h"
#include "base/skip.h"

enum { REPLACEMENT = 0xfffd };

static unsigned hex4(const char *p)
{
    unsigned value = 0;

    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)p[i];
        value = value << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

static bool is_high_surrogate(unsigned code)
{
    return (code & 0xfc00) == 0xd800;
}

static bool is_low_surrogate(unsigned code)
{
    return (code & 0xfc00) == 0xdc00;
}

static char *put_utf8(char *out, unsigned code)
{
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *out++ = (char)(0xe0 | code >> 12);
        } else {
            *out++ = (char)(0xf0 | code >> 18);
            *out++ = (char)(0x80 | (code >> 12 & 0x3f));
        }
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (code & 0x3f));
    return out;
}

/* The character of the escape at p ("\uXXXX..."), and how many bytes it takes. */
static unsigned unicode_escape(const char *p, const char *end, size_t *len)
{
    unsigned code = hex4(p + 2);

    *len = 6;
    if (code == 0 || is_low_surrogate(code))
        return REPLACEMENT;
    if (!is_high_surrogate(code))
        return code;
    if (end - p < 12 || p[6] != '\\' || p[7] != 'u')
        return REPLACEMENT;
    unsigned low = hex4(p + 8);
    if (!is_low_surrogate(low))
        return REPLACEMENT;
    *len = 12;
    return 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff));
}

bool unescape_is_high(const char *escape)
{
    return is_high_surrogate(hex4(escape + 2));
}

const char *unescape_problem(const char *escape, size_t left)
{
    unsigned code = hex4(escape + 2);

    if (code == 0)
        return "a string contains \\u0000";
    if (!is_high_surrogate(code) && !is_low_surrogate(code))
        return NULL;
    if (is_high_surrogate(code) && left >= 12 && escape[6] == '\\' && escape[7] == 'u' &&
        is_low_surrogate(hex4(escape + 8)))
        return NULL;
    return "a string contains half of a surrogate pair (\\ud800 to \\udfff alone)";
}

static char plain_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

struct text unescape_text(struct arena *a, struct text inside)
{
    if (inside.len == 0 || memchr(inside.ptr, '\\', inside.len) == NULL)
        return inside;
    char *start = arena_try(a, inside.len); /* it only gets shorter */
    if (start == NULL) {
        a->full = true;
        return TEXT_NONE;
    }

    const char *from = inside.ptr, *end = inside.ptr + inside.len;
    char *out = start;
    bool high = false;
    while (from < end) {
        size_t len = skip_copy(out, from, (size_t)(end - from), &high);
        out += len;
        from += len;
        if (from == end)
            break;
        BUG_IF(from[0] != '\\');
        len = 2;
        if (from[1] == 'u')
            out = put_utf8(out, unicode_escape(from, end, &len));
        else
            *out++ = plain_escape(from[1]);
        from += len;
    }
    return (struct text){ start, (size_t)(out - start) };
}
