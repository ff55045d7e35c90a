/* crc32c.h - the checksum CRC-32C (Castagnoli polynomial, RFC 3720 appendix B.4), which finds every error of up to 3 bits
 * and every burst of up to 32 bits in a record. Any thread. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stdint.h>

#include "base/text.h"

/* The checksum of `bytes`; of bytes that come in pieces: the checksum of those before as `before`, 0 at first. */
uint32_t crc32c(uint32_t before, struct text bytes);

#endif
