/* text.c - bytes: compared, joined, piled up, decoded. */
#include "anthropic.h"

bool anthropic_is(gw_str s, const char *word)
{
    size_t len = strlen(word);
    return s.len == len && (len == 0 || memcmp(s.ptr, word, len) == 0);
}

bool anthropic_starts(gw_str s, const char *start)
{
    size_t len = strlen(start);
    return s.len >= len && (len == 0 || memcmp(s.ptr, start, len) == 0);
}

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool anthropic_has(gw_str s, const char *part)
{
    size_t len = strlen(part);
    for (size_t at = 0; at + len <= s.len; at++) {
        size_t same = 0;
        while (same < len && fold(s.ptr[at + same]) == fold(part[same]))
            same++;
        if (same == len)
            return true;
    }
    return false;
}

bool anthropic_same(gw_str s, const char *word)
{
    return s.len == strlen(word) && anthropic_has(s, word);
}

/* The bytes of the white space that `s` begins with, as Python's str.strip() knows it; 0: none. */
static size_t blank_len(gw_str s)
{
    static const char *const wide[] = { "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\xa8",
                                        "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80" };
    char c = s.ptr[0];

    if (c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f))
        return 1;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (anthropic_starts(s, wide[i]))
            return strlen(wide[i]);
    bool is_space = anthropic_starts(s, "\xe2\x80") && s.len > 2 && (unsigned char)s.ptr[2] >= 0x80 &&
                    (unsigned char)s.ptr[2] <= 0x8a; /* U+2000 to U+200A */
    return is_space ? 3 : 0;
}

bool anthropic_is_blank(gw_str s)
{
    while (s.len > 0) {
        size_t len = blank_len(s);
        if (len == 0)
            return false;
        s = (gw_str){ s.ptr + len, s.len - len };
    }
    return true;
}

gw_str anthropic_join(const gw_host *h, gw_call *call, const gw_str *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    char *out = h->alloc(call, len + 1, 1);
    if (out == NULL)
        return (gw_str){ NULL, 0 };
    len = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(out + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
    }
    return (gw_str){ out, len };
}

gw_str anthropic_keep(const gw_host *h, gw_call *call, gw_str s)
{
    return anthropic_join(h, call, &s, 1);
}

bool anthropic_pile(const gw_host *h, gw_call *call, struct pile *pile, gw_str s)
{
    if (s.len == 0)
        return true;
    if (pile->cap - pile->len < s.len) {
        size_t cap = pile->cap < 128 ? 256 : pile->cap * 2;
        while (cap - pile->len < s.len)
            cap *= 2;
        char *more = h->alloc(call, cap, 1);
        if (more == NULL)
            return false;
        if (pile->len > 0)
            memcpy(more, pile->ptr, pile->len);
        pile->ptr = more;
        pile->cap = cap;
    }
    memcpy(pile->ptr + pile->len, s.ptr, s.len);
    pile->len += s.len;
    return true;
}

gw_str anthropic_one_line(struct reader *r, gw_str json)
{
    gw_str copy = anthropic_keep(r->h, r->call, json);
    char *bytes = (char *)(uintptr_t)copy.ptr; /* our own */

    if (bytes == NULL)
        r->status = GW_E_NOMEM;
    for (size_t i = 0; i < copy.len; i++)
        if (bytes[i] == '\n' || bytes[i] == '\r')
            bytes[i] = ' ';
    return copy;
}

/* The value of a digit of base64 (of both alphabets), 64 for padding, -1 for anything else. */
static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return c == '=' ? 64 : -1;
}

gw_str anthropic_unbase64(const gw_host *h, gw_call *call, gw_str s)
{
    char *out = h->alloc(call, s.len / 4 * 3 + 4, 1);
    size_t len = 0;
    unsigned bits = 0, value = 0;
    bool ended = false;

    if (out == NULL)
        return (gw_str){ NULL, 0 };
    for (size_t i = 0; i < s.len; i++) {
        int digit = base64_digit(s.ptr[i]);
        if (s.ptr[i] == '\r' || s.ptr[i] == '\n')
            continue;
        if (digit < 0 || (ended && digit != 64))
            return (gw_str){ NULL, 0 };
        if (digit == 64) {
            ended = true;
            continue;
        }
        value = ((value << 6) | (unsigned)digit) & 0xffffu;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[len++] = (char)(unsigned char)((value >> bits) & 0xffu);
        }
    }
    return (gw_str){ out, len };
}

bool anthropic_is_text(gw_str s)
{
    static const uint32_t least[] = { 1, 0x80, 0x800, 0x10000 }; /* of characters with 0 to 3 bytes that follow */

    for (size_t i = 0; i < s.len;) {
        unsigned char first = (unsigned char)s.ptr[i++];
        unsigned more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        uint32_t code = more == 0 ? first : first & (0x3fu >> more);
        if ((first >= 0x80 && first < 0xc0) || first >= 0xf8 || more > s.len - i)
            return false;
        for (unsigned n = 0; n < more; n++, i++) {
            if (((unsigned char)s.ptr[i] & 0xc0) != 0x80)
                return false;
            code = code << 6 | ((unsigned char)s.ptr[i] & 0x3fu);
        }
        if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return false;
    }
    return true;
}
