/* seal.c - version, nonce, tag, bytes. A nonce is random: no two gateways with one key agree on a counter. */
#include "base/seal.h"

#include <openssl/evp.h>

#include "base/crypto.h"
#include "base/fail.h"

enum { VERSION = 1, NONCE = 12, TAG = 16, HEAD = 1 + NONCE + TAG };
_Static_assert(HEAD == SEAL_MORE, "what seal.h says");

/* In its place: `about`. */
static EVP_CIPHER_CTX *begin(const uint8_t *key, const uint8_t *nonce, struct text about, bool closes)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len;
    BUG_IF(ctx == NULL || EVP_CipherInit_ex2(ctx, EVP_aes_256_gcm(), key, nonce, closes, NULL) != 1 ||
           EVP_CipherUpdate(ctx, NULL, &len, (const uint8_t *)about.ptr, (int)about.len) != 1);
    return ctx;
}

int seal_close(const uint8_t key[SEAL_KEY_LEN], struct text about, struct text bytes, struct buf *out)
{
    char *at = bytes.len < INT32_MAX ? buf_extend(out, HEAD + bytes.len) : NULL;
    int len, rest;
    if (at == NULL)
        return -1;
    uint8_t *head = (uint8_t *)at;
    head[0] = VERSION;
    crypto_random(head + 1, NONCE);
    EVP_CIPHER_CTX *ctx = begin(key, head + 1, about, true);
    BUG_IF(EVP_EncryptUpdate(ctx, head + HEAD, &len, (const uint8_t *)bytes.ptr, (int)bytes.len) != 1 ||
           EVP_EncryptFinal_ex(ctx, head + HEAD + len, &rest) != 1 ||
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, head + 1 + NONCE) != 1);
    EVP_CIPHER_CTX_free(ctx);
    return 0;
}

bool seal_open(const uint8_t key[SEAL_KEY_LEN], struct text about, struct text sealed, struct buf *out)
{
    const uint8_t *head = (const uint8_t *)sealed.ptr;
    uint8_t tag[TAG];
    int len = 0, rest;
    if (sealed.len < HEAD || sealed.len > INT32_MAX || head[0] != VERSION)
        return false;
    size_t before = out->len, bytes = sealed.len - HEAD;
    char *at = bytes > 0 ? buf_extend(out, bytes) : (char *)tag;
    if (at == NULL)
        return false;
    EVP_CIPHER_CTX *ctx = begin(key, head + 1, about, false);
    memcpy(tag, head + 1 + NONCE, TAG);
    bool good = (bytes == 0 || EVP_DecryptUpdate(ctx, (uint8_t *)at, &len, head + HEAD, (int)bytes) == 1) &&
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1 &&
                EVP_DecryptFinal_ex(ctx, (uint8_t *)at + len, &rest) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!good)
        buf_truncate(out, before); /* what did not pass is nobody's */
    return good;
}
