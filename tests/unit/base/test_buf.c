/* test_buf.c - bytes that grow at the end and shrink at the front. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "check.h"
#include "files.h"

Test(buf, holds_what_is_appended)
{
    struct buf b;

    buf_init(&b, 1000);
    cr_assert_null(b.ptr);
    cr_assert_eq(buf_str(&b, "one "), 0);
    cr_assert_eq(buf_text(&b, TEXT("two ")), 0);
    cr_assert_eq(buf_printf(&b, "%d", 3), 0);
    cr_assert_eq(buf_append(&b, NULL, 0), 0);
    cr_assert(text_is(buf_view(&b), "one two 3"));
    buf_free(&b);
    cr_assert_eq(buf_view(&b).len, 0);
    cr_assert_not_null(buf_view(&b).ptr);
}

Test(buf, never_passes_its_maximum)
{
    struct buf b;
    volatile size_t most = SIZE_MAX; /* the compiler is not to know it */

    buf_init(&b, 10);
    cr_assert_eq(buf_str(&b, "12345678"), 0);
    cr_assert_eq(buf_str(&b, "abc"), -1);
    cr_assert(text_is(buf_view(&b), "12345678"), "nothing of what does not fit is kept");
    cr_assert_eq(buf_str(&b, "90"), 0);
    cr_assert_eq(buf_append(&b, "x", 1), -1);
    buf_consume(&b, 5);
    cr_assert_eq(buf_str(&b, "abcde"), 0);
    cr_assert(text_is(buf_view(&b), "67890abcde"));
    cr_assert_eq(buf_append(&b, "x", most), -1);
    buf_free(&b);
}

Test(buf, prints_what_is_longer_than_a_guess)
{
    struct buf b;

    buf_init(&b, 100000);
    for (int len = 254; len < 260; len++) {
        cr_assert_eq(buf_printf(&b, "%0*d", len, 5), 0);
        cr_assert_eq(b.len, (size_t)len);
        cr_assert_eq(buf_view(&b).ptr[len - 1], '5');
        buf_free(&b);
    }
    cr_assert_eq(buf_printf(&b, "%0*d", 100001, 5), -1);
    cr_assert_eq(b.len, 0);
}

Test(buf, frees_its_memory_when_nothing_is_left)
{
    struct buf b;

    buf_init(&b, 100);
    buf_str(&b, "abc");
    buf_consume(&b, 1);
    cr_assert(text_is(buf_view(&b), "bc"));
    buf_consume(&b, 2);
    cr_assert_null(b.ptr);
    cr_assert_eq(b.cap, 0);

    buf_str(&b, "abc");
    buf_truncate(&b, 2);
    cr_assert(text_is(buf_view(&b), "ab"));
    buf_truncate(&b, 0);
    cr_assert_null(b.ptr);
}

Test(buf, gives_room_to_fill)
{
    struct buf b;
    size_t room;

    buf_init(&b, 100);
    char *at = buf_room(&b, 40, &room);
    cr_assert_geq(room, 40);
    cr_assert_leq(room, 100);
    memset(at, 'a', 40);
    buf_added(&b, 40);
    at = buf_room(&b, 500, &room);
    cr_assert_eq(room, 60);
    memset(at, 'b', 60);
    buf_added(&b, 60);
    cr_assert_null(buf_room(&b, 1, &room));
    cr_assert_eq(room, 0);
    cr_assert(text_ends(buf_view(&b), TEXT("aabbb")) || b.len == 100);
    buf_free(&b);

    cr_assert_not_null(buf_room(&b, 1, &room));
    buf_added(&b, 0);
    cr_assert_null(b.ptr, "room that was not filled is given back");
}

Test(buf, gives_its_memory_away)
{
    struct buf b;
    size_t len;

    buf_init(&b, 100);
    cr_assert_null(buf_take(&b, &len));
    cr_assert_eq(len, 0);
    buf_str(&b, "abcdef");
    buf_consume(&b, 2);
    char *given = buf_take(&b, &len);
    cr_assert_eq(len, 4);
    cr_assert_eq(memcmp(given, "cdef", 4), 0);
    free(given);
    cr_assert_eq(b.len, 0);
    cr_assert_eq(buf_str(&b, "again"), 0);
    buf_free(&b);
}

/* A model of the same thing: a large array with two ends. */
Test(buf, behaves_like_a_simple_model)
{
    static char model[1 << 20];
    size_t from = 0, to = 0;
    uint64_t seed = 42;
    struct buf b;

    buf_init(&b, 3000);
    for (int i = 0; i < 20000 && to + 400 < sizeof model; i++) {
        uint64_t r = files_random(&seed);
        size_t len = (size_t)(r >> 8) % (r % 16 == 0 ? 400 : 40);
        if (r % 3 == 0) {
            len = len > to - from ? to - from : len;
            buf_consume(&b, len);
            from += len;
        } else if (r % 50 == 1) {
            len = len > to - from ? to - from : len;
            buf_truncate(&b, len);
            to = from + len;
        } else {
            memset(model + to, 'a' + (int)(r >> 20) % 26, len);
            int result = buf_append(&b, model + to, len);
            cr_assert_eq(result, to - from + len > 3000 ? -1 : 0);
            to += result == 0 ? len : 0;
        }
        cr_assert(text_eq(buf_view(&b), (struct text){ model + from, to - from }), "after %d steps", i);
        cr_assert_leq(b.cap, 3000);
    }
    buf_free(&b);
}

Test(buf, does_not_grow_while_it_is_used_as_a_queue)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    buf_str(&b, "0123456789");
    for (int i = 0; i < 10000; i++) {
        buf_str(&b, "0123456789");
        buf_consume(&b, 10);
    }
    cr_assert_leq(b.cap, 256);
    cr_assert(text_is(buf_view(&b), "0123456789"));
    buf_free(&b);
}

Test(buf, tight_memory_is_hardly_more_than_the_first_bytes)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    cr_assert_eq(buf_append_tight(&b, "", 0), 0);
    cr_assert_eq(b.cap, 0u);
    cr_assert_eq(buf_append_tight(&b, "{\"k\":1}", 7), 0);
    cr_assert_leq(b.cap, 32u);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(buf_append_tight(&b, "0123456789", 10), 0);
    cr_assert_eq(b.len, 10007u);
    cr_assert(text_starts(buf_view(&b), TEXT("{\"k\":1}0123456789012")));
    cr_assert(text_ends(buf_view(&b), TEXT("90123456789")));
    buf_free(&b);
    buf_init(&b, 4);
    cr_assert_eq(buf_append_tight(&b, "12345", 5), -1);
    cr_assert(b.failed);
    cr_assert_eq(buf_append_tight(&b, "1234", 4), 0);
    buf_free(&b);
}
