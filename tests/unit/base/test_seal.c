/* test_seal.c - what is sealed is opened by the same key about the same, and by nothing else. */
#include "check.h"

#include "base/crypto.h"
#include "base/seal.h"

static const uint8_t key[SEAL_KEY_LEN] = "thirty-two bytes are a whole key";

static void close_it(struct text bytes, struct buf *out)
{
    crypto_start();
    buf_init(out, 4096);
    cr_assert_eq(seal_close(key, TEXT("about"), bytes, out), 0);
    cr_assert_eq(out->len, bytes.len + SEAL_MORE);
}

static bool opens(const uint8_t *with, struct text about, struct text sealed, struct text wanted)
{
    struct buf out;
    buf_init(&out, 4096);
    buf_str(&out, "before");
    bool good = seal_open(with, about, sealed, &out);
    struct text all = buf_view(&out);
    cr_assert(text_starts(all, TEXT("before")));
    cr_assert(good ? text_eq((struct text){ all.ptr + 6, all.len - 6 }, wanted) : all.len == 6);
    buf_free(&out);
    return good;
}

Test(seal, opens_what_it_closed)
{
    const struct text all[] = { TEXT(""), TEXT("x"), TEXT("VALUE k 0 1\r\nEND\r\n") };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct buf sealed;
        close_it(all[i], &sealed);
        cr_assert(opens(key, TEXT("about"), buf_view(&sealed), all[i]));
        buf_free(&sealed);
    }
}

Test(seal, refuses_another_key_another_about_and_each_changed_bit)
{
    struct buf sealed;
    uint8_t other[SEAL_KEY_LEN] = "thirty-two bytes are a whole kez";
    close_it(TEXT("some bytes"), &sealed);
    cr_assert_not(opens(other, TEXT("about"), buf_view(&sealed), TEXT("")));
    cr_assert_not(opens(key, TEXT("abouT"), buf_view(&sealed), TEXT("")));
    cr_assert_not(opens(key, TEXT(""), buf_view(&sealed), TEXT("")));
    struct text all = buf_view(&sealed);
    for (size_t len = 0; len < all.len; len++)
        cr_assert_not(opens(key, TEXT("about"), (struct text){ all.ptr, len }, TEXT("")));
    for (size_t bit = 0; bit < 8 * all.len; bit++) {
        char copy[256];
        memcpy(copy, all.ptr, all.len);
        copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
        cr_assert_not(opens(key, TEXT("about"), (struct text){ copy, all.len }, TEXT("")));
    }
    buf_free(&sealed);
}

Test(seal, is_another_one_each_time_and_refuses_what_has_no_room)
{
    struct buf one, two, small;
    close_it(TEXT("same"), &one);
    close_it(TEXT("same"), &two);
    cr_assert_not(text_eq(buf_view(&one), buf_view(&two)));
    buf_init(&small, SEAL_MORE + 3);
    cr_assert_eq(seal_close(key, TEXT("about"), TEXT("same"), &small), -1);
    cr_assert_eq(small.len, 0);
    buf_free(&one);
    buf_free(&two);
}
