/* crypto.h - the only door to OpenSSL: digests, random bytes, comparisons in constant time. Any thread. */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

#define CRYPTO_SHA256_LEN 32
#define CRYPTO_KEY_LEN 32
#define CRYPTO_TAG_LEN 16

/* Prefetches algorithms; call once before threads start. Aborts when OpenSSL cannot. */
void crypto_start(void);
/* Frees the calling thread's contexts (a worker calls it at its end). */
void crypto_thread_end(void);
void crypto_sha256(struct text bytes, uint8_t out[CRYPTO_SHA256_LEN]);
/* HMAC (RFC 2104) with SHA-256. Any thread. */
void crypto_hmac_sha256(struct text key, struct text bytes, uint8_t out[CRYPTO_SHA256_LEN]);
void crypto_random(void *out, size_t len);
/* AES-256-GCM. `number` is its nonce: never twice with one key. `head` is sealed with it and not hidden. Writes bytes.len + CRYPTO_TAG_LEN bytes
 * to `out`. Any thread. */
void crypto_seal(const uint8_t key[CRYPTO_KEY_LEN], uint64_t number, struct text head, struct text bytes, char *out);
/* 0, and sealed.len - CRYPTO_TAG_LEN bytes in `out`; -1: this key, number and head did not seal it. */
int crypto_unseal(const uint8_t key[CRYPTO_KEY_LEN], uint64_t number, struct text head, struct text sealed, char *out);
bool crypto_equal(const void *a, const void *b, size_t len); /* constant time */
void crypto_wipe(void *p, size_t len);
/* Can a server use this certificate chain with this private key, both PEM, the key without a password? NULL, or what is
 * wrong: static. */
const char *crypto_pair_problem(struct text cert_pem, struct text key_pem);
/* The end of the first certificate's validity, seconds since 1970; -1 when it cannot be read. */
int64_t crypto_cert_end_unix_s(struct text cert_pem);
/* Lower-case hex, 2*len+1 bytes into out. */
void crypto_hex(const uint8_t *bytes, size_t len, char *out);
/* 0 and `len` bytes in out, or -1 when it is not exactly 2*len hex digits. */
int crypto_parse_hex(struct text hex, uint8_t *out, size_t len);

#endif
