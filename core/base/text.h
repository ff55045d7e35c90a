/* text.h - borrowed bytes with a length, and the few questions everybody asks of them. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Lent bytes, not NUL-terminated. {NULL,0} is absent, {"",0} is empty. Same layout as gw_str. */
struct text {
    const char *ptr;
    size_t len;
};

#define TEXT(literal) ((struct text){ ("" literal), sizeof(literal) - 1 })
#define TEXT_NONE ((struct text){ NULL, 0 })
/* For printf: "%.*s", TEXT_ARG(t) */
#define TEXT_ARG(t) (int)(t).len, (t).ptr ? (t).ptr : ""

/* These few are asked so often, mostly about a literal, that they are here: its length is known then. Mostly the first letter
 * is another one. */

/* The bytes of a NUL-terminated string, lent; absent when s is NULL. */
static inline struct text text_of(const char *s)
{
    return s == NULL ? TEXT_NONE : (struct text){ s, strlen(s) };
}
/* The same bytes? Absent equals empty here. */
static inline bool text_eq(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || (a.ptr[0] == b.ptr[0] && memcmp(a.ptr, b.ptr, a.len) == 0));
}
/* The value of a hexadecimal digit, in either case; -1: it is none. */
static inline int text_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}
static inline bool text_is(struct text a, const char *s)
{
    return (a.len == 0 || s == NULL || a.ptr[0] == s[0]) && text_eq(a, text_of(s));
}
static inline bool text_starts(struct text t, struct text prefix)
{
    return t.len >= prefix.len && (prefix.len == 0 || memcmp(t.ptr, prefix.ptr, prefix.len) == 0);
}
/* Of these `len` bytes: ASCII case folded, as HTTP header names need. */
bool text_same_nocase(const char *a, const char *b, size_t len);
static inline bool text_eq_nocase(struct text a, struct text b)
{
    return a.len == b.len &&
           (a.len == 0 || ((a.ptr[0] | 0x20) == (b.ptr[0] | 0x20) && text_same_nocase(a.ptr, b.ptr, a.len)));
}
static inline bool text_starts_nocase(struct text t, struct text prefix)
{
    return t.len >= prefix.len && text_eq_nocase((struct text){ t.ptr, prefix.len }, prefix);
}
bool text_ends(struct text t, struct text suffix);
/* Offset of the first `needle` in t, or -1; an empty one is found at 0. */
ptrdiff_t text_find(struct text t, struct text needle);
/* t without leading and trailing blanks and tabs. */
struct text text_trim(struct text t);
/* Cuts the part before the first `sep` off *rest and returns it; all of it when there is none, and *rest is
 * absent then: `while (rest.ptr != NULL) part = text_cut(&rest, ',');` */
struct text text_cut(struct text *rest, char sep);
/* Decimal digits only, no sign: 0 and *out, or -1 (empty, other bytes, over INT64_MAX). */
int text_parse_u63(struct text t, int64_t *out);
/* The same with an optional '-' before them, from INT64_MIN on. */
int text_parse_i64(struct text t, int64_t *out);
/* Does `t` match a pattern that may end in '*' (anything, also nothing)? */
bool text_matches(struct text t, struct text pattern);
/* True when every byte is part of well-formed UTF-8 (no surrogates, nothing over U+10FFFF). */
bool text_is_utf8(struct text t);
/* How many bytes at the start are well-formed UTF-8; t.len when all are. */
size_t text_utf8_valid_len(struct text t);
/* The length of the character at offset `at` (< t.len) when it is well-formed UTF-8; else *valid is false and it
 * is the length of what one U+FFFD replaces (the maximal subpart of Unicode 15, §3.9). 1 to 4. */
size_t text_utf8_step(struct text t, size_t at, bool *valid);
/* Number of edits (insert, delete, replace, swap neighbours) between a and b, of which only the first 64 bytes
 * count, for "did you mean". */
unsigned text_distance(struct text a, struct text b);
/* The nearest of the NULL-terminated list, within a third of the word's length (rounded up), or NULL. Lent. */
const char *text_nearest(struct text word, const char *const *list);

#endif
