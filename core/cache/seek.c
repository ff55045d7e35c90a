/* seek.c - finds members by their quotes: a string with a colon behind it is a name. */
#include "cache/seek.h"

#include <string.h>

/* The closing quote of the string that begins at `at`; `end` where there is none. *escaped: a backslash is in it. */
static const char *close_of(const char *at, const char *end, bool *escaped)
{
    for (const char *from = at; from < end;) {
        const char *quote = memchr(from, '"', (size_t)(end - from));
        if (quote == NULL)
            return end;
        const char *back = quote;
        while (back > at && back[-1] == '\\')
            back--;
        if ((quote - back) % 2 == 0) {
            *escaped = memchr(at, '\\', (size_t)(quote - at)) != NULL;
            return quote;
        }
        from = quote + 1;
    }
    return end;
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    return at;
}

/* The code unit of the \uXXXX at `at`; -1: there is none. */
static int unit_at(const char *at, const char *end)
{
    int unit = 0;
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        int digit = text_hex(at[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* Half of a surrogate pair: JSON readers disagree on what it means. */
static bool has_half(const char *at, const char *end)
{
    while ((at = memchr(at, '\\', (size_t)(end - at))) != NULL && end - at >= 2) {
        int unit = unit_at(at, end);
        bool high = unit >= 0xd800 && unit < 0xdc00, low = unit >= 0xdc00 && unit < 0xe000;
        int next = high ? unit_at(at + 6, end) : -1;
        if (low || (high && (next < 0xdc00 || next >= 0xe000)))
            return true;
        at += high ? 12 : unit >= 0 ? 6 : 2;
        if (at >= end)
            break;
    }
    return false;
}

const char *seek_each(struct text json, const char *(*each)(void *owner, const struct seek_member *member), void *owner,
                      bool *odd)
{
    const char *at = json.ptr, *end = json.ptr + json.len;
    while (at < end && (at = memchr(at, '"', (size_t)(end - at))) != NULL) {
        bool escaped = false;
        const char *from = at + 1, *quote = close_of(from, end, &escaped);
        if (quote == end)
            break;
        if (escaped && has_half(from, quote))
            *odd = true;
        at = skip_blanks(quote + 1, end);
        if (at == end || *at != ':')
            continue;
        *odd = *odd || escaped;
        struct seek_member member = { .name = { from, (size_t)(quote - from) } };
        at = skip_blanks(at + 1, end);
        member.is_string = at < end && *at == '"';
        const char *value_end = member.is_string ? close_of(at + 1, end, &escaped) : end;
        if (member.is_string)
            member.value = (struct text){ at + 1, (size_t)(value_end - at - 1) };
        else
            member.value = (struct text){ at, (size_t)(end - at) };
        const char *why = each(owner, &member);
        if (why != NULL)
            return why;
        /* a string that is a value is looked at in the next turn, for what is odd in it */
    }
    return NULL;
}
