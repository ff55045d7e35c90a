/* cidr.c - parses and compares ranges of IP addresses. */
#include "base/cidr.h"

#include <arpa/inet.h>
#include <string.h>

int cidr_parse(struct text text, struct cidr *out)
{
    struct text rest = text, address = text_cut(&rest, '/');
    char name[INET6_ADDRSTRLEN];
    int64_t bits = -1;

    if (address.len == 0 || address.len >= sizeof name || memchr(address.ptr, '\0', address.len) != NULL)
        return -1;
    memcpy(name, address.ptr, address.len);
    name[address.len] = '\0';
    if (address.len < text.len && text_parse_u63(rest, &bits) < 0)
        return -1;
    *out = (struct cidr){ .bits = 128 };
    if (inet_pton(AF_INET6, name, out->bytes) == 1) {
        if (bits > 128)
            return -1;
        out->bits = bits >= 0 ? (unsigned)bits : 128;
        return 0;
    }
    memset(out->bytes + 10, 0xff, 2);
    if (inet_pton(AF_INET, name, out->bytes + 12) != 1 || bits > 32)
        return -1;
    out->bits = bits >= 0 ? 96 + (unsigned)bits : 128;
    return 0;
}

bool cidr_has(const struct cidr *range, const struct cidr *address)
{
    unsigned whole = range->bits / 8, rest = range->bits % 8;

    if (memcmp(range->bytes, address->bytes, whole) != 0)
        return false;
    return rest == 0 || ((range->bytes[whole] ^ address->bytes[whole]) >> (8 - rest)) == 0;
}
