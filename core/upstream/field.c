/* field.c - header names and values, checked: a line end inside one would be a header of the sender's own. */
#include "upstream/field.h"

#include <string.h>

static const bool name_bytes[256] = {
    ['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true, ['\''] = true, ['*'] = true, ['+'] = true,
    ['-'] = true, ['.'] = true, ['^'] = true, ['_'] = true, ['`'] = true, ['|'] = true,  ['~'] = true,
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

bool field_is_name_byte(char c) { return name_bytes[(unsigned char)c]; }

bool field_is_name(struct text name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!name_bytes[(unsigned char)name.ptr[i]])
            return false;
    return name.len > 0;
}

static bool is_value_byte(char c)
{
    unsigned char byte = (unsigned char)c;

    return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

/* Eight bytes at once: may one of them be below 0x20 or 0x7f? Borrows may make it say so of a good
 * byte, never the other way round, and the bytes are then looked at one by one. */
static bool may_hold_control(uint64_t eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones * 0x80;
    uint64_t low = (eight - ones * 0x20) & ~eight & highs;
    uint64_t del = eight ^ (ones * 0x7f);

    return (low | ((del - ones) & ~del & highs)) != 0;
}

bool field_is_value(struct text value)
{
    size_t i = 0;

    while (i < value.len) {
        size_t end = i + 8;
        uint64_t eight;

        if (end <= value.len) {
            memcpy(&eight, value.ptr + i, 8);
            if (!may_hold_control(eight)) {
                i = end;
                continue;
            }
        } else {
            end = value.len;
        }
        for (; i < end; i++)
            if (!is_value_byte(value.ptr[i]))
                return false;
    }
    return true;
}
