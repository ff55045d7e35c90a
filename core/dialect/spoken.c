/* spoken.c - how much a model speaks in one event of a relayed stream: the decoded bytes of its text, reasoning and call
 * arguments. The event is not parsed: the members that hold them are looked for, and what else is in it is not looked at. What is no
 * JSON gives some number, and nothing else. */
#include "dialect/spoken.h"

#include <string.h>

/* Behind a backslash: how many bytes of JSON it and what follows are, and how many they stand for. */
static size_t escape(const char *p, const char *end, size_t *bytes)
{
    unsigned code = 0;
    *bytes = 1;
    if (p + 1 >= end || p[1] != 'u' || end - p < 6)
        return 2;
    for (int i = 2; i < 6; i++) {
        char c = p[i];
        code = code << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    /* Each half of a surrogate pair stands for two of the character's four bytes. */
    *bytes = code < 0x80 ? 1 : code < 0x800 || (code & 0xf800) == 0xd800 ? 2 : 3;
    return 6;
}

/* string_end() of a string with escapes. */
static const char *escaped_end(const char *p, const char *end, size_t *bytes)
{
    *bytes = 0;
    while (p < end && *p != '"') {
        size_t len = 1, stands = 1;
        if (*p == '\\')
            len = escape(p, end, &stands);
        p += len < (size_t)(end - p) ? len : (size_t)(end - p);
        *bytes += stands;
    }
    return p;
}

/* From the first byte inside a string: its closing quote, or `end`. *bytes: of the string it stands for. */
static inline const char *string_end(const char *p, const char *end, size_t *bytes)
{
    const char *close = memchr(p, '"', (size_t)(end - p));
    if (close != NULL && memchr(p, '\\', (size_t)(close - p)) == NULL) {
        *bytes = (size_t)(close - p);
        return close;
    }
    return escaped_end(p, end, bytes);
}

static inline const char *blank_end(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

/* Behind the value at `p`. */
static const char *value_end(const char *p, const char *end)
{
    size_t depth = 0, bytes;
    for (; p < end; p++) {
        if (*p == '"') {
            p = string_end(p + 1, end, &bytes);
            if (p == end)
                break;
        } else if (*p == '{' || *p == '[') {
            depth++;
        } else if (*p == '}' || *p == ']') {
            if (depth <= 1)
                return depth == 0 ? p : p + 1;
            depth--;
        } else if (*p == ',' && depth == 0) {
            return p;
        }
    }
    return end;
}

static inline bool is_among(struct text key, const struct text *names)
{
    for (; names->ptr != NULL; names++)
        if (key.len == names->len && *key.ptr == *names->ptr && memcmp(key.ptr, names->ptr, key.len) == 0)
            return true;
    return false;
}

/* Behind the object or array at `p`; its strings called one of `names` are added to *sum. */
static const char *members(const char *p, const char *end, const struct text *names, const struct text *passed,
                           size_t *sum)
{
    size_t depth = 0, bytes;
    while (p < end) {
        if (*p != '"') {
            depth += *p == '{' || *p == '[';
            depth -= *p == '}' || *p == ']';
            p++;
            if (depth == 0)
                return p;
            continue;
        }
        struct text key = { p + 1, 0 };
        p = string_end(p + 1, end, &bytes);
        key.len = (size_t)(p - key.ptr);
        p = p < end ? blank_end(p + 1, end) : end;
        if (p == end || *p != ':')
            continue;
        p = blank_end(p + 1, end);
        if (p < end && *p == '"') {
            p = string_end(p + 1, end, &bytes);
            *sum += is_among(key, names) ? bytes : 0;
            p += p < end;
        } else if (is_among(key, passed) || (*sum > 0 && text_is(key, "reasoning_details"))) {
            p = value_end(p, end); /* the details repeat the reasoning beside them */
        }
    }
    return end;
}

size_t spoken_in(struct text data, struct text from, const struct text *names, const struct text *passed)
{
    const char *end = data.ptr + data.len;
    const struct text key = { from.ptr + 1, from.len - 2 };
    size_t sum = 0, bytes;
    for (ptrdiff_t at; (at = text_find(data, from)) >= 0;) {
        const char *p = blank_end(data.ptr + at + from.len, end);
        bool is_member = p < end && *p == ':'; /* else it is some string */
        if (is_member) {
            p = blank_end(p + 1, end);
            if (p < end && *p == '"') {
                p = string_end(p + 1, end, &bytes);
                sum += p < end && is_among(key, names) ? bytes : 0;
            } else if (p < end && (*p == '{' || *p == '[')) {
                p = members(p, end, names, passed, &sum);
            }
        }
        data = (struct text){ p, (size_t)(end - p) };
        if (is_member && memchr(p, '{', data.len) == NULL) /* nothing that could be one more */
            break;
    }
    return sum;
}
