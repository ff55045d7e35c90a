/* tokens.c - a tokenizer that anybody can redo by hand: a token is a blank that a word follows, if there is
 * one, and then up to four bytes of letters, digits and bytes of other alphabets; or else one character.
 * Characters are never cut. */
#include "demo.h"

enum { PIECE = 4 };

static bool is_word_byte(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

/* Bytes of the character at the start of s, by its first byte; never more than there are. */
static size_t character(const unsigned char *s, size_t len)
{
    size_t size = s[0] < 0xc0 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    return size <= len ? size : len;
}

size_t demo_token(gw_str text)
{
    const unsigned char *s = (const unsigned char *)text.ptr;
    size_t at = s[0] == ' ' && text.len > 1 && is_word_byte(s[1]) ? 1 : 0;
    size_t end = at;

    while (end < text.len && is_word_byte(s[end])) {
        size_t size = character(s + end, text.len - end);
        if (end - at + size > PIECE)
            break;
        end += size;
    }
    return end > at ? end : character(s, text.len);
}

int64_t demo_count(gw_str text)
{
    int64_t count;
    demo_first(text, INT64_MAX, &count);
    return count;
}

gw_str demo_first(gw_str text, int64_t most, int64_t *count)
{
    gw_str rest = text;

    for (*count = 0; rest.len > 0 && *count < most; (*count)++) {
        size_t len = demo_token(rest);
        rest.ptr += len;
        rest.len -= len;
    }
    text.len -= rest.len;
    return text;
}
