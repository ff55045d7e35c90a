/* test_crypto.c - digests, random bytes, comparisons. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "check.h"

static void check_sha256(struct text bytes, const char *wanted)
{
    uint8_t digest[CRYPTO_SHA256_LEN];
    char hex[2 * CRYPTO_SHA256_LEN + 1];

    crypto_sha256(bytes, digest);
    crypto_hex(digest, sizeof digest, hex);
    cr_assert_str_eq(hex, wanted);
}

/* FIPS 180-2, appendix B, and the empty text. */
static void check_known(void)
{
    check_sha256(TEXT(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_sha256(TEXT_NONE, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_sha256(TEXT("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_sha256(TEXT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

Test(crypto, digests_known_texts)
{
    check_known();
    char *million = malloc(1000000);
    cr_assert_not_null(million);
    memset(million, 'a', 1000000);
    check_sha256((struct text){ million, 1000000 }, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

/* The test cases 13 and 14 of "The Galois/Counter Mode of Operation": key and nonce are zeros. */
Test(crypto, seals_known_texts_and_unseals_nothing_else)
{
    static const uint8_t key[CRYPTO_KEY_LEN];
    char sealed[16 + CRYPTO_TAG_LEN], opened[16], hex[2 * sizeof sealed + 1], zeros[16] = { 0 };

    crypto_seal(key, 0, TEXT(""), TEXT(""), sealed);
    crypto_hex((const uint8_t *)sealed, CRYPTO_TAG_LEN, hex);
    cr_assert_str_eq(hex, "530f8afbc74536b9a963b4f1c4cb738b");
    crypto_seal(key, 0, TEXT(""), (struct text){ zeros, sizeof zeros }, sealed);
    crypto_hex((const uint8_t *)sealed, sizeof sealed, hex);
    cr_assert_str_eq(hex, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
    crypto_seal(key, 7, TEXT("head"), TEXT("0123456789abcdef"), sealed);
    struct text all = { sealed, sizeof sealed };
    cr_assert_eq(crypto_unseal(key, 7, TEXT("head"), all, opened), 0);
    cr_assert_eq(memcmp(opened, "0123456789abcdef", sizeof opened), 0);
    cr_assert_eq(crypto_unseal(key, 8, TEXT("head"), all, opened), -1);
    cr_assert_eq(crypto_unseal(key, 7, TEXT("heat"), all, opened), -1);
    cr_assert_eq(crypto_unseal(key, 7, TEXT("head"), (struct text){ sealed, 5 }, opened), -1);
    sealed[3] ^= 1;
    cr_assert_eq(crypto_unseal(key, 7, TEXT("head"), all, opened), -1);
}

Test(crypto, works_before_start_and_after_a_threads_end)
{
    crypto_thread_end();
    check_known();
    crypto_thread_end();
    crypto_thread_end();
    crypto_start();
    crypto_start();
    check_known();
}

static void *digest_in_thread(void *arg)
{
    uint8_t digest[CRYPTO_SHA256_LEN];

    for (int i = 0; i < 1000; i++)
        crypto_sha256(*(struct text *)arg, digest);
    if (((struct text *)arg)->len % 2 == 0)
        crypto_thread_end(); /* the others leave it to the end of the thread: no leak either way */
    return memcpy(malloc(sizeof digest), digest, sizeof digest);
}

Test(crypto, digests_in_many_threads)
{
    struct text texts[8];
    pthread_t threads[8];

    for (size_t i = 0; i < 8; i++) {
        texts[i] = (struct text){ "12345678", i };
        cr_assert_eq(pthread_create(&threads[i], NULL, digest_in_thread, &texts[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        uint8_t wanted[CRYPTO_SHA256_LEN];
        void *got;
        cr_assert_eq(pthread_join(threads[i], &got), 0);
        crypto_sha256(texts[i], wanted);
        cr_assert_eq(memcmp(got, wanted, sizeof wanted), 0);
        free(got);
    }
}

Test(crypto, gives_random_bytes)
{
    uint8_t a[300] = { 0 }, b[300] = { 0 };
    int zero = 0;

    crypto_random(a, sizeof a);
    crypto_random(b, sizeof b);
    crypto_random(a, 0);
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
    for (size_t i = 0; i < sizeof a; i++)
        zero += a[i] == 0;
    cr_assert_lt(zero, 30);
}

Test(crypto, compares_and_wipes)
{
    char a[] = "secret", b[] = "secret";

    cr_assert(crypto_equal(a, b, 6));
    b[5] = 'T';
    cr_assert_not(crypto_equal(a, b, 6));
    cr_assert(crypto_equal(a, b, 5));
    cr_assert(crypto_equal(NULL, NULL, 0));
    crypto_wipe(a, 6);
    cr_assert_eq(memcmp(a, "\0\0\0\0\0\0", 6), 0);
    crypto_wipe(NULL, 0);
}

Test(crypto, reads_and_writes_hex)
{
    uint8_t bytes[4];
    char hex[9];

    cr_assert_eq(crypto_parse_hex(TEXT("00fFa91B"), bytes, 4), 0);
    crypto_hex(bytes, 4, hex);
    cr_assert_str_eq(hex, "00ffa91b");
    cr_assert_eq(crypto_parse_hex(TEXT(""), bytes, 0), 0);
    cr_assert_eq(crypto_parse_hex(TEXT("00ffa91"), bytes, 4), -1);
    cr_assert_eq(crypto_parse_hex(TEXT("00ffa91b00"), bytes, 4), -1);
    static const char wrong[] = "gG/:@`zZ \t\x7f\x80";
    for (size_t i = 0; i < sizeof wrong - 1; i++) {
        char text[2] = { '0', wrong[i] };
        cr_assert_eq(crypto_parse_hex((struct text){ text, 2 }, bytes, 1), -1, "%d", wrong[i]);
    }
}
