/* skip.c - passes over JSON values: the parts that need no vectors, and the plain path of those that do. */
#include "base/skip.h"

#include <stdint.h>
#include <string.h>

const char skip_open_string[] = "the text ends inside a string";
const char skip_open_bracket[] = "the text ends before all brackets are closed";
const char skip_control[] = "a control character stands in a string; it must be escaped";
const char skip_stray[] = "a byte that JSON does not allow stands outside of strings";
const char skip_mismatch[] = "a bracket closes what another kind opened";
const char skip_deep[] = "the nesting is too deep";

static size_t bad(struct skip *s, const char *problem, size_t at)
{
    s->problem = problem;
    s->at = at;
    return SKIP_BAD;
}

int skip_hex(struct text t, size_t at)
{
    int code = 0;

    if (t.len - at < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        int digit = text_hex(t.ptr[at + i]);
        if (digit < 0)
            return -1;
        code = code << 4 | digit;
    }
    return code;
}

/* The offset after the \u at `at`. */
static size_t skip_unicode(struct text t, size_t at, struct skip *s)
{
    int code = skip_hex(t, at + 2);

    if (code >= 0) {
        s->odd = s->odd || skip_is_odd(code);
        return at + 6;
    }
    for (size_t i = at + 2; i < t.len; i++)
        if (text_hex(t.ptr[i]) < 0)
            return bad(s, "a \\u is not followed by four hexadecimal digits", i);
    return bad(s, skip_open_string, t.len);
}

/* The offset after an escape whose backslash is at `at`. */
static size_t skip_escape(struct text t, size_t at, struct skip *s)
{
    if (at + 1 >= t.len)
        return bad(s, skip_open_string, t.len);
    switch (t.ptr[at + 1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return at + 2;
    case 'u':
        return skip_unicode(t, at, s);
    default:
        return bad(s, "a backslash stands before a character that cannot be escaped", at);
    }
}

size_t skip_string_plain(struct text t, size_t at, struct skip *s)
{
    for (;;) {
        at += skip_run_plain(t.ptr + at, t.len - at, &s->high);
        if (at >= t.len)
            return bad(s, skip_open_string, t.len);
        if (t.ptr[at] == '"')
            return at;
        if (t.ptr[at] != '\\')
            return bad(s, skip_control, at);
        s->escaped = true;
        at = skip_escape(t, at, s);
        if (at == SKIP_BAD)
            return at;
    }
}

size_t skip_string(struct text t, size_t at, struct skip *s)
{
#ifdef SIMD_AVX2
    if (simd_has_avx2())
        return skip_string_avx2(t, at, s);
#endif
    return skip_string_plain(t, at, s);
}

static size_t skip_digits(struct text t, size_t at)
{
    while (at < t.len && t.ptr[at] >= '0' && t.ptr[at] <= '9')
        at++;
    return at;
}

size_t skip_number(struct text t, size_t at, struct skip *s)
{
    static const char problem[] = "a number is not written as JSON wants it";
    size_t start = at + (at < t.len && t.ptr[at] == '-');

    at = skip_digits(t, start);
    if (at == start || (t.ptr[start] == '0' && at > start + 1))
        return bad(s, problem, start);
    if (at < t.len && t.ptr[at] == '.') {
        start = at + 1;
        at = skip_digits(t, start);
        if (at == start)
            return bad(s, problem, start);
    }
    if (at < t.len && (t.ptr[at] | 0x20) == 'e') {
        start = at + 1;
        if (start < t.len && (t.ptr[start] == '+' || t.ptr[start] == '-'))
            start++;
        at = skip_digits(t, start);
        if (at == start)
            return bad(s, problem, start);
    }
    return at;
}

size_t skip_word(struct text t, size_t at, struct skip *s)
{
    static const char *const words[] = { "true", "false", "null" };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i]);
        if (t.len - at >= len && memcmp(t.ptr + at, words[i], len) == 0)
            return at + len;
    }
    return bad(s, "this is no JSON value", at);
}

size_t skip_nested(struct text t, size_t at, unsigned max_depth, struct skip *s)
{
    if (max_depth > SKIP_MAX_DEPTH)
        max_depth = SKIP_MAX_DEPTH;
#ifdef SIMD_AVX2
    if (simd_has_avx2())
        return skip_nested_avx2(t, at, max_depth, s);
#endif
    return skip_nested_plain(t, at, max_depth, s);
}

/* The high bit of each byte of `word` that is zero; bits above the first one may be wrong. */
static inline uint64_t zero_bytes(uint64_t word)
{
    return (word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080);
}

static inline bool ends_run(char c)
{
    return c == '"' || c == '\\' || (unsigned char)c < 0x20;
}

size_t skip_run_plain(const char *p, size_t len, bool *high)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
    uint64_t seen = 0;
    size_t at = 0;

    for (; len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, p + at, sizeof word);
        /* Under 0x20: nothing left of the byte once its low five bits are gone. */
        if ((zero_bytes(word ^ ones * '"') | zero_bytes(word ^ ones * '\\') | zero_bytes(word & ones * 0xe0)) != 0)
            break;
        seen |= word;
    }
    while (at < len && !ends_run(p[at]))
        seen |= (unsigned char)p[at++];
    *high |= (seen & tops) != 0;
    return at;
}

size_t skip_copy_plain(char *to, const char *p, size_t len, bool *high)
{
    size_t run = skip_run_plain(p, len, high);

    memcpy(to, p, run);
    return run;
}

/* The closing quote, as skip_string() but for the escapes: those are not looked at, just passed over. */
static size_t skip_nested_string(struct text t, size_t at, struct skip *s)
{
    for (;;) {
        at += skip_run_plain(t.ptr + at, t.len - at, &s->high);
        if (at >= t.len)
            return bad(s, skip_open_string, t.len);
        if (t.ptr[at] == '"')
            return at;
        if (t.ptr[at] != '\\')
            return bad(s, skip_control, at);
        if (++at >= t.len)
            return bad(s, skip_open_string, t.len);
        if ((unsigned char)t.ptr[at] < 0x20)
            return bad(s, skip_control, at);
        s->high |= (unsigned char)t.ptr[at] >= 0x80;
        at++;
    }
}

size_t skip_nested_plain(struct text t, size_t at, unsigned max_depth, struct skip *s)
{
    uint64_t open = 0; /* one bit per open bracket, the innermost last: 1 is { */
    unsigned depth = 0;

    for (; at < t.len; at++) {
        unsigned char c = (unsigned char)t.ptr[at];
        switch (c) {
        case '"':
            at = skip_nested_string(t, at + 1, s);
            if (at == SKIP_BAD)
                return at;
            break;
        case '{':
        case '[':
            if (++depth > max_depth)
                return bad(s, skip_deep, at);
            open = open << 1 | (c == '{');
            break;
        case '}':
        case ']':
            if ((open & 1) != (c == '}'))
                return bad(s, skip_mismatch, at);
            open >>= 1;
            if (--depth == 0)
                return at + 1;
            break;
        case ' ':
        case '\n':
        case '\r':
        case '\t':
            break;
        default:
            if (c < 0x20 || c == '\\')
                return bad(s, skip_stray, at);
            s->high |= c >= 0x80;
        }
    }
    return bad(s, skip_open_bracket, t.len);
}
