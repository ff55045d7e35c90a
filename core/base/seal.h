/* seal.h - bytes that others keep for us: nobody who lacks the key reads them, or makes some that pass (AES-256-GCM). Any thread. */
#ifndef BASE_SEAL_H
#define BASE_SEAL_H

#include "base/buf.h"

#define SEAL_KEY_LEN 32
#define SEAL_MORE 29 /* bytes that sealed ones are longer */

/* Appends the sealed bytes. `about` is not kept with them, and must be the same when they are opened. 0; -1: `out` has no room. */
int seal_close(const uint8_t key[SEAL_KEY_LEN], struct text about, struct text bytes, struct buf *out);
/* Appends the bytes. False: they were not sealed with this key and about this, or `out` has no room. */
bool seal_open(const uint8_t key[SEAL_KEY_LEN], struct text about, struct text sealed, struct buf *out);

#endif
