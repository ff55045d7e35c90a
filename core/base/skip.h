/* skip.h - passes over JSON strings and nested values as fast as the machine can. Only for scan.c and
 * the json files: what others need is in their headers. Any thread. */
#ifndef BASE_SKIP_H
#define BASE_SKIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/simd.h"
#include "base/text.h"

#define SKIP_BAD ((size_t)-1)
#define SKIP_MAX_DEPTH 64 /* the open brackets are a row of 64 bits */

/* What went wrong, and what was seen. The callee only ever sets members, so one serves many calls. */
struct skip {
    const char *problem; /* static: why SKIP_BAD was returned */
    size_t at;           /* offset of the offending byte in the text */
    bool escaped;        /* skip_string() met a backslash */
    bool odd;            /* and \u0000 or half of a surrogate pair, which may be one of two that belong together */
    bool high;           /* there may be a byte over 0x7f: UTF-8 is still to be checked */
};

/* How many bytes at the start are neither a quote nor a backslash nor under 0x20; *high as above. */
static inline size_t skip_run(const char *p, size_t len, bool *high);
/* The same, and they are copied to `to`, which has room for `len`; what it holds behind them is not set. */
static inline size_t skip_copy(char *to, const char *p, size_t len, bool *high);
/* The offset of the closing quote of a string whose first byte inside is at `at`, or SKIP_BAD. Checked to be
 * what RFC 8259 calls a string, but for UTF-8. */
size_t skip_string(struct text t, size_t at, struct skip *s);
/* The offset after a number at `at`, or SKIP_BAD. Checked. */
size_t skip_number(struct text t, size_t at, struct skip *s);
/* The offset after "true", "false" or "null" at `at`, or SKIP_BAD. */
size_t skip_word(struct text t, size_t at, struct skip *s);
/* The offset after the bracket that closes the one at `at`, or SKIP_BAD. Checked: strings closed and without
 * control bytes, brackets matched and at most `max_depth` (capped at SKIP_MAX_DEPTH) deep, no control byte but
 * white space and no backslash between values. */
size_t skip_nested(struct text t, size_t at, unsigned max_depth, struct skip *s);
/* The offset of the first byte from `at` on that is not white space, or t.len. */
static inline size_t skip_space(struct text t, size_t at);
/* May this byte stand right behind a number, true, false or null? */
static inline bool skip_ends_word(char c);

/* Where the large values of a text are, by their beginning: so that nobody passes over them again. They are strings of at
 * least SKIP_LARGE_STRING bytes, and objects and arrays of at least SKIP_LARGE bytes, of which there are at most 64 for
 * every SKIP_LARGE bytes of the text. What is in a smaller object or array is not among them. */
#define SKIP_LARGE ((size_t)2048)
#define SKIP_LARGE_STRING ((size_t)512)
struct skip_span {
    size_t from, to; /* offsets of the quote or bracket, and behind the one that closes it */
};
struct skip_spans {
    struct skip_span *items; /* free() it */
    size_t count, cap;
};

/* Is the text one JSON value, right to the last byte, and UTF-8? */
bool skip_strict(struct text t);
/* The same; `is_utf8`: that it is UTF-8 is known already. Fills `spans`, which is empty before (none where memory is
 * short). */
bool skip_strict_spans(struct text t, bool is_utf8, struct skip_spans *spans);
/* The same, and no object has a member twice, no string has \u0000 or half of a surrogate pair, no number is larger than
 * a double holds. Where false, s->problem and s->at are why. `spans` as above, or NULL. */
bool skip_strict_all(struct text t, bool is_utf8, struct skip *s, struct skip_spans *spans);

struct fail;
/* json.c: json_check(), which also finds the large values; `is_utf8` as above. */
int json_check_spans(struct text text, bool is_utf8, struct skip_spans *spans, struct fail *fail);

/* The texts of skip_nested(), which both paths share. */
extern const char skip_open_string[], skip_open_bracket[], skip_control[], skip_stray[], skip_mismatch[], skip_deep[];

size_t skip_run_plain(const char *p, size_t len, bool *high);
size_t skip_copy_plain(char *to, const char *p, size_t len, bool *high);
size_t skip_string_plain(struct text t, size_t at, struct skip *s);
/* The number that the four hexadecimal digits at `at` are, or -1. */
int skip_hex(struct text t, size_t at);
size_t skip_nested_plain(struct text t, size_t at, unsigned max_depth, struct skip *s);
#ifdef SIMD_AVX2
size_t skip_run_avx2(const char *p, size_t len, bool *high);
size_t skip_copy_avx2(char *to, const char *p, size_t len, bool *high);
size_t skip_string_avx2(struct text t, size_t at, struct skip *s);
size_t skip_nested_avx2(struct text t, size_t at, unsigned max_depth, struct skip *s);
#endif

static inline size_t skip_run(const char *p, size_t len, bool *high)
{
#ifdef SIMD_AVX2
    if (simd_has_avx2())
        return skip_run_avx2(p, len, high);
#endif
    return skip_run_plain(p, len, high);
}

static inline size_t skip_copy(char *to, const char *p, size_t len, bool *high)
{
#ifdef SIMD_AVX2
    if (simd_has_avx2())
        return skip_copy_avx2(to, p, len, high);
#endif
    return skip_copy_plain(to, p, len, high);
}

/* Is it \u0000 or half of a surrogate pair? */
static inline bool skip_is_odd(int code)
{
    return code == 0 || (code & 0xf800) == 0xd800;
}

static inline bool skip_ends_word(char c)
{
    return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline size_t skip_space(struct text t, size_t at)
{
    while (at < t.len && (t.ptr[at] == ' ' || t.ptr[at] == '\n' || t.ptr[at] == '\r' || t.ptr[at] == '\t'))
        at++;
    return at;
}

#endif
