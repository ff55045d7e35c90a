/* text.c - the few questions everybody asks of borrowed bytes. UTF-8: see text_utf8.c; where something is: text_find.c. */
#include "base/text.h"

#include <string.h>

static inline unsigned char fold(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

bool text_same_nocase(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (a[i] != b[i] && fold(a[i]) != fold(b[i]))
            return false;
    return true;
}

bool text_ends(struct text t, struct text suffix)
{
    if (suffix.len == 0)
        return true;
    return t.len >= suffix.len && memcmp(t.ptr + t.len - suffix.len, suffix.ptr, suffix.len) == 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct text text_trim(struct text t)
{
    while (t.len > 0 && is_blank(t.ptr[0])) {
        t.ptr++;
        t.len--;
    }
    while (t.len > 0 && is_blank(t.ptr[t.len - 1]))
        t.len--;
    return t;
}

struct text text_cut(struct text *rest, char sep)
{
    struct text part = *rest;
    const char *at = part.len == 0 ? NULL : memchr(part.ptr, sep, part.len);

    if (at == NULL) {
        *rest = TEXT_NONE;
        return part;
    }
    part.len = (size_t)(at - part.ptr);
    *rest = (struct text){ at + 1, rest->len - part.len - 1 };
    return part;
}

int text_parse_u63(struct text t, int64_t *out)
{
    int64_t value = 0;

    if (t.len == 0)
        return -1;
    for (size_t i = 0; i < t.len; i++) {
        if (t.ptr[i] < '0' || t.ptr[i] > '9')
            return -1;
        int digit = t.ptr[i] - '0';
        if (value > (INT64_MAX - digit) / 10)
            return -1;
        value = value * 10 + digit;
    }
    *out = value;
    return 0;
}

int text_parse_i64(struct text t, int64_t *out)
{
    if (t.len == 0 || t.ptr[0] != '-')
        return text_parse_u63(t, out);
    struct text digits = { t.ptr + 1, t.len - 1 };
    if (text_is(digits, "9223372036854775808")) {
        *out = INT64_MIN;
        return 0;
    }
    if (text_parse_u63(digits, out) < 0)
        return -1;
    *out = -*out;
    return 0;
}

bool text_matches(struct text t, struct text pattern)
{
    if (pattern.len > 0 && pattern.ptr[pattern.len - 1] == '*')
        return text_starts(t, (struct text){ pattern.ptr, pattern.len - 1 });
    return text_eq(t, pattern);
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned text_distance(struct text a, struct text b)
{
    enum { CAP = 64 };
    size_t a_len = a.len < CAP ? a.len : CAP, b_len = b.len < CAP ? b.len : CAP;
    unsigned rows[3][CAP + 1]; /* the row in work, the one before, and the one before that */

    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned *row = rows[i % 3], *before = rows[(i + 2) % 3], *older = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned cost = a.ptr[i - 1] != b.ptr[j - 1];
            row[j] = least(least(before[j], row[j - 1]) + 1, before[j - 1] + cost);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
                row[j] = least(row[j], older[j - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}

const char *text_nearest(struct text word, const char *const *list)
{
    const char *nearest = NULL;
    unsigned within = (unsigned)((word.len < 64 ? word.len : 64) + 2) / 3;

    for (; *list != NULL; list++) {
        unsigned distance = text_distance(word, text_of(*list));
        if (distance <= within && (nearest == NULL || distance < within)) {
            nearest = *list;
            within = distance;
        }
    }
    return nearest;
}
