/* eventstream.c - messages of application/vnd.amazon.eventstream: lengths, checksums, headers. */
#include "base/eventstream.h"

#include <stdint.h>

enum { TYPE_BYTES = 6, TYPE_STRING = 7 };

/* CRC-32 of IEEE 802.3 (ISO 3309), as zlib has it, by half bytes: messages have some hundred bytes. */
static uint32_t crc32(struct text t)
{
    static const uint32_t table[16] = { 0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c };
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < t.len; i++) {
        crc ^= (unsigned char)t.ptr[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

/* `len` bytes, the most significant first. */
static uint32_t number(const char *at, size_t len)
{
    uint32_t n = 0;
    for (size_t i = 0; i < len; i++)
        n = n << 8 | (unsigned char)at[i];
    return n;
}

ptrdiff_t eventstream_length(struct text bytes)
{
    if (bytes.len < EVENTSTREAM_PRELUDE)
        return 0;
    uint32_t total = number(bytes.ptr, 4), headers = number(bytes.ptr + 4, 4);
    if (number(bytes.ptr + 8, 4) != crc32((struct text){ bytes.ptr, 8 }))
        return -1;
    return total < EVENTSTREAM_LEAST || headers > total - EVENTSTREAM_LEAST ? -1 : (ptrdiff_t)total;
}

/* One header off the front of `headers`. False when it is none, or does not fit there. */
static bool next_header(struct text *headers, struct text *name, unsigned *type, struct text *value)
{
    /* Of each type the length of its value: true, false, byte, short, integer, long, bytes, string, timestamp, uuid. */
    static const size_t lengths[] = { 0, 0, 1, 2, 4, 8, 0, 0, 8, 16 };
    const char *at = headers->ptr;
    size_t left = headers->len, name_len = (unsigned char)at[0];

    if (name_len == 0 || left < 1 + name_len + 1)
        return false;
    *name = (struct text){ at + 1, name_len };
    *type = (unsigned char)at[1 + name_len];
    at += name_len + 2;
    left -= name_len + 2;
    if (*type >= sizeof lengths / sizeof lengths[0])
        return false;
    size_t len = lengths[*type];
    if (*type == TYPE_BYTES || *type == TYPE_STRING) {
        if (left < 2)
            return false;
        len = number(at, 2);
        at += 2;
        left -= 2;
    }
    if (left < len)
        return false;
    *value = (struct text){ at, len };
    *headers = (struct text){ at + len, left - len };
    return true;
}

bool eventstream_parts(struct text message, struct text *headers, struct text *payload)
{
    struct text name, value;
    unsigned type;
    size_t end = message.len - 4, len = number(message.ptr + 4, 4);

    if (number(message.ptr + end, 4) != crc32((struct text){ message.ptr, end }))
        return false;
    *headers = (struct text){ message.ptr + EVENTSTREAM_PRELUDE, len };
    *payload = (struct text){ message.ptr + EVENTSTREAM_PRELUDE + len, end - EVENTSTREAM_PRELUDE - len };
    for (struct text rest = *headers; rest.len > 0;)
        if (!next_header(&rest, &name, &type, &value))
            return false;
    return true;
}

struct text eventstream_header(struct text headers, struct text name)
{
    struct text found, value;
    unsigned type;

    while (headers.len > 0 && next_header(&headers, &found, &type, &value))
        if ((type == TYPE_STRING || type == TYPE_BYTES) && text_eq(found, name))
            return value;
    return TEXT_NONE;
}
