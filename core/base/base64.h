/* base64.h - base64 (RFC 4648), and its form for URLs: - and _, without padding. Any thread. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

/* The bytes that `len` bytes take, at most. */
#define BASE64_ROOM(len) (((len) + 2) / 3 * 4)
/* The bytes that `len` digits stand for, at most. */
#define BASE64_BYTES(len) ((len) / 4 * 3 + 3)

/* Writes `bytes`, for which `out` has BASE64_ROOM() bytes. Returns how many it wrote. */
size_t base64_write(char *out, struct text bytes, bool url);
/* Reads digits up to the padding into `out`, which has BASE64_BYTES() bytes. *len: how many it read. False: it meets what is no
 * digit. */
bool base64_read(struct text digits, bool url, char *out, size_t *len);

#endif
