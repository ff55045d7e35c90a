/* test_string_paths.c - strings are read, written and judged alike with AVX2 and without it, wherever their escapes and
 * their end stand in the blocks that are looked at at once. */
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/scan.h"
#include "check.h"
#include "files.h"

enum { ROUNDS = 40000, MOST = 400 };

/* Pieces of which strings are made; what is wrong is among them, as a string's inside. */
static const char *const pieces[] = { "a", "words of some length, ", "\\\"", "\\\\", "\\n", "\\/", "\\u00e9",
                                      "\\u0041\\u4e2d", "\xc3\xa9", "\xe6\xbc\xa2", "\xf0\x9f\x98\x80",
                                      "\\ud83d\\ude00", "\\b\\f\\r\\t", "\\\\\\\\\\\\\\\\",
                                      "...............................",
                                      /* from here on: wrong, as a whole or where something else follows */
                                      "\\ud83d", "\\ude00", "\\u0000", "\\u12", "\\x", "\\", "\"", "\x01", "\n", "\xc3",
                                      "\xff", "\\u" };
enum { PIECES = sizeof pieces / sizeof *pieces, RIGHT = 15 };

/* A text that holds one string, or something near it; `wrong` of a hundred pieces may be. */
static void make_text(struct buf *to, uint64_t *seed, unsigned wrong)
{
    size_t most = files_random(seed) % MOST;
    bool nested = files_random(seed) % 2 == 0;

    buf_printf(to, "%*s%s\"", (int)(files_random(seed) % 70), "", nested ? "[" : "");
    while (to->len < most) {
        bool any = files_random(seed) % 100 < wrong;
        buf_str(to, pieces[files_random(seed) % (any ? PIECES : RIGHT)]);
    }
    buf_printf(to, "\"%s%*s", nested ? "]" : "", (int)(files_random(seed) % 70), "");
}

static const struct json *parse(struct arena *arena, struct text t, bool plain, struct fail *fail)
{
    scan_force_plain(plain);
    const struct json *v = json_parse(arena, t, fail);
    if (json_type(v) == JSON_T_ARRAY)
        v = json_at(v, 0);
    json_str(v); /* read on the same path */
    scan_force_plain(false);
    return v;
}

static void write_with(struct buf *out, struct text value, bool plain)
{
    scan_force_plain(plain);
    cr_assert_eq(json_escape(out, value), 0);
    scan_force_plain(false);
}

/* Both paths, into buffers that have room and into such as have hardly any; what is written reads back. */
static void compare_writing(struct arena *arena, struct text value, uint64_t *seed)
{
    struct buf fast, plain, tight;
    struct fail fail = { 0 };

    buf_init(&fast, 1 << 20);
    buf_init(&plain, 1 << 20);
    buf_str(&fast, "\"");
    buf_str(&plain, "\"");
    write_with(&fast, value, false);
    write_with(&plain, value, true);
    cr_assert(text_eq(buf_view(&fast), buf_view(&plain)), "%.*s\n%.*s", TEXT_ARG(buf_view(&fast)),
              TEXT_ARG(buf_view(&plain)));
    size_t len = fast.len - 1;
    buf_str(&fast, "\"");
    const struct json *back = json_parse(arena, buf_view(&fast), &fail);
    if (text_is_utf8(value) && (value.len == 0 || memchr(value.ptr, '\0', value.len) == NULL))
        cr_assert(text_eq(json_str(back), value));
    buf_init(&tight, len + files_random(seed) % 3);
    cr_assert_eq(json_escape(&tight, value), 0);
    cr_assert(text_eq(buf_view(&tight), (struct text){ plain.ptr + 1, len }));
    buf_free(&tight);
    buf_init(&tight, len > 0 ? len - 1 : 0);
    cr_assert_eq(json_escape(&tight, value), len > 0 ? -1 : 0);
    cr_assert_eq(tight.failed, len > 0);
    buf_free(&tight);
    buf_free(&fast);
    buf_free(&plain);
}

Test(string_paths, agree_on_strings_and_on_what_is_near_them)
{
    uint64_t seed = 7;
    size_t right = 0, wrong = 0;

    for (int round = 0; round < ROUNDS; round++) {
        struct arena arena;
        struct buf text;
        struct fail fail = { 0 }, plain_why = { 0 };
        arena_init(&arena, NULL, 0, 16 << 20);
        buf_init(&text, 1 << 20);
        make_text(&text, &seed, round % 3 == 0 ? 4 : 0);
        struct text t = files_copy(buf_view(&text));
        buf_free(&text);
        const struct json *fast = parse(&arena, t, false, &fail), *plain = parse(&arena, t, true, &plain_why);
        cr_assert_eq(fast == NULL, plain == NULL, "%.*s: %s / %s", TEXT_ARG(t), fail.text, plain_why.text);
        cr_assert_str_eq(fail.text, plain_why.text, "%.*s", TEXT_ARG(t));
        cr_assert_eq(fast == NULL, json_check_tree(t, NULL) < 0, "%.*s: %s", TEXT_ARG(t), fail.text);
        cr_assert(text_eq(json_str(fast), json_str(plain)), "%.*s", TEXT_ARG(t));
        right += fast != NULL;
        wrong += fast == NULL;
        if (fast != NULL)
            compare_writing(&arena, json_str(fast), &seed);
        files_free(t);
        arena_fini(&arena);
    }
    cr_assert_gt(right, (size_t)ROUNDS / 2);
    cr_assert_gt(wrong, (size_t)ROUNDS / 20);
}

Test(string_paths, agree_on_any_bytes_that_are_written)
{
    uint64_t seed = 8;

    for (int round = 0; round < ROUNDS / 4; round++) {
        struct arena arena;
        char bytes[200];
        size_t len = files_random(&seed) % sizeof bytes, kinds = 1 + files_random(&seed) % 12;
        static const char likely[] = "a\"\\\n\x01\x1f \xc3\xa9\xe6\xff\x7f";
        for (size_t i = 0; i < len; i++)
            bytes[i] = files_random(&seed) % 8 > 0 ? 'x' : likely[files_random(&seed) % kinds];
        arena_init(&arena, NULL, 0, 16 << 20);
        struct text t = files_copy((struct text){ bytes, len });
        compare_writing(&arena, t, &seed);
        files_free(t);
        arena_fini(&arena);
    }
}
