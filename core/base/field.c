/* field.c - header names and values, checked: a line end inside one would be a header of the sender's own. */
#include "base/field.h"

#include <string.h>

static const bool name_bytes[256] = {
    ['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true,         ['&'] = true,         ['\''] = true,
    ['*'] = true, ['+'] = true, ['-'] = true, ['.'] = true,         ['^'] = true,         ['_'] = true,
    ['`'] = true, ['|'] = true, ['~'] = true, ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true
};

bool field_is_name_byte(char c)
{
    return name_bytes[(unsigned char)c];
}

bool field_is_name(struct text name)
{
    bool good = name.len > 0;

    for (const char *p = name.ptr, *end = p + name.len; p < end; p++)
        good &= name_bytes[(unsigned char)*p];
    return good;
}

static bool is_value_byte(char c)
{
    unsigned char byte = (unsigned char)c;

    return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

/* Eight bytes at once: may one of them be below 0x20 or 0x7f? Borrows may give a false yes for a good
 * byte, never the other way round, and the bytes are then looked at one by one. */
static bool may_hold_control(uint64_t eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones * 0x80;
    uint64_t low = (eight - ones * 0x20) & ~eight & highs;
    uint64_t del = eight ^ (ones * 0x7f);

    return (low | ((del - ones) & ~del & highs)) != 0;
}

static bool are_value_bytes(const char *p, const char *end)
{
    for (; p < end; p++)
        if (!is_value_byte(*p))
            return false;
    return true;
}

bool field_is_value(struct text value)
{
    const char *p = value.ptr, *end = p + value.len;
    uint64_t eight;

    if (value.len < 8)
        return are_value_bytes(p, end);
    for (;;) {
        memcpy(&eight, p, 8);
        if (may_hold_control(eight) && !are_value_bytes(p, p + 8))
            return false;
        if (end - p == 8)
            return true;
        p = end - p < 16 ? end - 8 : p + 8; /* the last eight overlap those before */
    }
}

static bool is_one_of(struct text name, const char *const *names)
{
    for (; *names != NULL; names++)
        if (text_eq_nocase(name, text_of(*names)))
            return true;
    return false;
}

bool field_is_credential(struct text name)
{
    static const char *const names[] = { "authorization",  "proxy-authorization",  "cookie", "api-key", "x-api-key",
                                         "x-goog-api-key", "x-amz-security-token", NULL };
    return is_one_of(name, names);
}

bool field_is_framing(struct text name)
{
    static const char *const names[] = { "connection",        "content-length",   "expect", "host",
                                         "keep-alive",        "proxy-connection", "te",     "trailer",
                                         "transfer-encoding", "upgrade",          NULL };
    return is_one_of(name, names);
}
