/* cache_seal.h - the secret with which the cache makes keys and seals what others keep. Boot thread. */
#ifndef BOOT_CACHE_SEAL_H
#define BOOT_CACHE_SEAL_H

#include "base/fail.h"
#include "config/config.h"

/* That of `cache { seal = }`. Without one: for a plugin in this process one that ends with it; for others that of the file cache-seal in the
 * ledger's folder (mode 0600), which is made where it is not there, and where there is no folder one that ends with the process, with a
 * warning. 0, or -1 with `fail` (FAIL_OPERATOR): the file cannot be made or read. */
int cache_seal_of(const struct config *config, uint8_t out[CRYPTO_SHA256_LEN], struct fail *fail);

#endif
