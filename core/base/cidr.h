/* cidr.h - ranges of IP addresses. Pure functions, any thread. */
#ifndef BASE_CIDR_H
#define BASE_CIDR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* An IPv4 range is one of the IPv4-mapped addresses (RFC 4291, 2.5.5.2). */
struct cidr {
    uint8_t bytes[16];
    unsigned bits; /* that count, of 128 */
};

/* "10.0.0.0/8", "::1", "192.0.2.7". 0, or -1 when it is none. */
int cidr_parse(struct text text, struct cidr *out);
/* Is `address`, one that cidr_parse() made, in the range? */
bool cidr_has(const struct cidr *range, const struct cidr *address);

#endif
