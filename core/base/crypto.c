/* crypto.c - the only door to OpenSSL. The digest is fetched once, and each thread reuses one context:
 * fetching and allocating would cost more than hashing a key does. */
#include "base/crypto.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/fail.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;
static pthread_key_t context_key; /* only for its destructor, at the end of a thread */
static _Thread_local EVP_MD_CTX *context;

_Noreturn static void give_up(const char *what)
{
    fprintf(stderr, "llm-gateway: %s\n", what);
    abort();
}

static void free_context(void *arg)
{
    (void)arg;
    crypto_thread_end();
}

static void start(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (sha256 == NULL)
        give_up("OpenSSL has no SHA-256");
    if (pthread_key_create(&context_key, free_context) != 0)
        give_up("no thread key is left");
}

void crypto_start(void)
{
    pthread_once(&once, start);
}

void crypto_thread_end(void)
{
    if (context == NULL)
        return;
    pthread_setspecific(context_key, NULL);
    EVP_MD_CTX_free(context);
    context = NULL;
}

static EVP_MD_CTX *new_context(void)
{
    crypto_start();
    context = EVP_MD_CTX_new();
    if (context == NULL || EVP_DigestInit_ex2(context, sha256, NULL) != 1 ||
        pthread_setspecific(context_key, context) != 0)
        give_up("no memory for a digest");
    return context;
}

void crypto_sha256(struct text bytes, uint8_t out[CRYPTO_SHA256_LEN])
{
    EVP_MD_CTX *ctx = context != NULL ? context : new_context();

    if (EVP_DigestInit_ex2(ctx, NULL, NULL) != 1 || EVP_DigestUpdate(ctx, bytes.ptr, bytes.len) != 1 ||
        EVP_DigestFinal_ex(ctx, out, NULL) != 1)
        give_up("SHA-256 failed");
}

/* H((key ^ opad) || H((key ^ ipad) || bytes)), each block 64 bytes. */
void crypto_hmac_sha256(struct text key, struct text bytes, uint8_t out[CRYPTO_SHA256_LEN])
{
    enum { BLOCK = 64 };
    EVP_MD_CTX *ctx = context != NULL ? context : new_context();
    uint8_t block[BLOCK] = { 0 }, inner[CRYPTO_SHA256_LEN];

    if (key.len > BLOCK)
        crypto_sha256(key, block);
    else if (key.len > 0)
        memcpy(block, key.ptr, key.len);
    for (size_t i = 0; i < BLOCK; i++)
        block[i] ^= 0x36;
    bool works = EVP_DigestInit_ex2(ctx, NULL, NULL) == 1 && EVP_DigestUpdate(ctx, block, BLOCK) == 1 &&
                 EVP_DigestUpdate(ctx, bytes.ptr, bytes.len) == 1 && EVP_DigestFinal_ex(ctx, inner, NULL) == 1;
    for (size_t i = 0; i < BLOCK; i++)
        block[i] ^= 0x36 ^ 0x5c;
    works = works && EVP_DigestInit_ex2(ctx, NULL, NULL) == 1 && EVP_DigestUpdate(ctx, block, BLOCK) == 1 &&
            EVP_DigestUpdate(ctx, inner, sizeof inner) == 1 && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
    OPENSSL_cleanse(block, sizeof block);
    if (!works)
        give_up("HMAC with SHA-256 failed");
}

enum { NONCE_LEN = 12 };

static void write_nonce(uint64_t number, uint8_t nonce[NONCE_LEN])
{
    memset(nonce, 0, NONCE_LEN);
    memcpy(nonce + NONCE_LEN - sizeof number, &number, sizeof number);
}

void crypto_seal(const uint8_t key[CRYPTO_KEY_LEN], uint64_t number, struct text head, struct text bytes, char *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t nonce[NONCE_LEN], *to = (uint8_t *)out;
    int len = 0;

    write_nonce(number, nonce);
    BUG_IF(bytes.len > INT_MAX || head.len > INT_MAX);
    if (ctx == NULL || EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), key, nonce, NULL) != 1 ||
        EVP_EncryptUpdate(ctx, NULL, &len, (const uint8_t *)head.ptr, (int)head.len) != 1 ||
        EVP_EncryptUpdate(ctx, to, &len, (const uint8_t *)bytes.ptr, (int)bytes.len) != 1 ||
        EVP_EncryptFinal_ex(ctx, to + bytes.len, &len) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CRYPTO_TAG_LEN, to + bytes.len) != 1)
        give_up("AES-256-GCM failed");
    EVP_CIPHER_CTX_free(ctx);
}

int crypto_unseal(const uint8_t key[CRYPTO_KEY_LEN], uint64_t number, struct text head, struct text sealed, char *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t nonce[NONCE_LEN], tag[CRYPTO_TAG_LEN];
    int len = 0;

    write_nonce(number, nonce);
    if (sealed.len < CRYPTO_TAG_LEN || sealed.len > INT_MAX) {
        EVP_CIPHER_CTX_free(ctx);
        return -1;
    }
    sealed.len -= CRYPTO_TAG_LEN;
    memcpy(tag, sealed.ptr + sealed.len, sizeof tag);
    if (ctx == NULL || EVP_DecryptInit_ex2(ctx, EVP_aes_256_gcm(), key, nonce, NULL) != 1 ||
        EVP_DecryptUpdate(ctx, NULL, &len, (const uint8_t *)head.ptr, (int)head.len) != 1 ||
        EVP_DecryptUpdate(ctx, (uint8_t *)out, &len, (const uint8_t *)sealed.ptr, (int)sealed.len) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, CRYPTO_TAG_LEN, tag) != 1)
        give_up("AES-256-GCM failed");
    bool good = EVP_DecryptFinal_ex(ctx, (uint8_t *)out + sealed.len, &len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return good ? 0 : -1;
}

/* The kernel's generator, not OpenSSL's: nothing to seed, nothing shared after a fork. */
void crypto_random(void *out, size_t len)
{
    char *next = out;

    while (len > 0) {
        ssize_t got = getrandom(next, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            give_up("the system gives no random bytes");
        next += got;
        len -= (size_t)got;
    }
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
    return len == 0 || CRYPTO_memcmp(a, b, len) == 0;
}

void crypto_wipe(void *p, size_t len)
{
    if (len > 0)
        OPENSSL_cleanse(p, len);
}

void crypto_hex(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

int crypto_parse_hex(struct text hex, uint8_t *out, size_t len)
{
    if (hex.len % 2 != 0 || hex.len / 2 != len)
        return -1;
    for (size_t i = 0; i < len; i++) {
        int high = text_hex(hex.ptr[2 * i]), low = text_hex(hex.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return -1;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

static X509 *read_cert(struct text pem)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    X509 *cert = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return cert;
}

/* Instead of asking on the terminal. */
static int no_password(char *into, int size, int for_writing, void *arg)
{
    (void)into, (void)size, (void)for_writing, (void)arg;
    return -1;
}

const char *crypto_pair_problem(struct text cert_pem, struct text key_pem)
{
    const char *problem = NULL;
    BIO *bio = BIO_new_mem_buf(key_pem.ptr, (int)key_pem.len);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    X509 *cert = read_cert(cert_pem);

    if (cert == NULL)
        problem = "cert holds no certificate that can be read";
    else if (key == NULL)
        problem = "key holds no private key that can be read: it must be PEM, without a password";
    else if (X509_check_private_key(cert, key) != 1)
        problem = "the private key is not the one of the certificate";
    X509_free(cert);
    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_clear_error();
    return problem;
}

int64_t crypto_cert_end_unix_s(struct text cert_pem)
{
    int days, seconds;
    int64_t end = -1;
    X509 *cert = read_cert(cert_pem);
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);

    if (cert != NULL && epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(cert)) == 1)
        end = (int64_t)days * 86400 + seconds;
    ASN1_TIME_free(epoch);
    X509_free(cert);
    ERR_clear_error();
    return end;
}
