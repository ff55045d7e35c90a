/* test_json_check.c - the check without a tree refuses what jansson refuses, and nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/keys.h"
#include "base/scan.h"
#include "check.h"
#include "files.h"

static void agree(const char *name, struct text t)
{
    struct fail fail = { 0 }, tree_fail = { 0 };
    bool ours = json_check(t, &fail) == 0, tree = json_check_tree(t, &tree_fail) == 0;

    cr_assert_eq(ours, tree, "%s: ours %s, jansson's %s\n%.*s", name, ours ? "takes it" : fail.text,
                 tree ? "takes it" : tree_fail.text, (int)(t.len < 400 ? t.len : 400), t.ptr);
}

static void agree_on_file(const char *name, struct text bytes, void *arg)
{
    (void)arg;
    agree(name, bytes);
}

/* The same file with single bytes taken out, doubled and changed. */
static void agree_on_spoiled_file(const char *name, struct text bytes, void *arg)
{
    uint64_t *state = arg;

    agree(name, bytes);
    for (int round = 0; round < 6 && bytes.len > 2 && bytes.len < (64 << 10); round++) {
        static const char likely[] = "\"\\{}[],:0u \n\x80\xc3";
        struct text copy = files_copy(bytes);
        size_t at = files_random(state) % copy.len;
        ((char *)copy.ptr)[at] = likely[files_random(state) % (sizeof likely - 1)];
        agree(name, copy);
        files_free(copy);
    }
}

static void all_files(void)
{
    uint64_t state = 11;

    cr_assert_gt(files_each("vectors/jsontestsuite/test_parsing", 0, agree_on_spoiled_file, &state), 300);
    cr_assert_gt(files_each("vectors/jsontestsuite/test_transform", 0, agree_on_spoiled_file, &state), 10);
    cr_assert_gt(files_each("recordings/openai", 1, agree_on_spoiled_file, &state), 10);
    cr_assert_gt(files_each("recordings/anthropic", 1, agree_on_file, NULL), 10);
}

Test(json_check, agrees_with_jansson_on_vectors_and_recordings)
{
    all_files();
}

Test(json_check, agrees_with_jansson_without_vectors)
{
    scan_force_plain(true);
    all_files();
    scan_force_plain(false);
}

Test(json_check, agrees_with_jansson_on_spoiled_texts)
{
    static const char seed[] =
        "{\"a\":[1,-2.5e3,true,false,null,\"x\\n\\u00e9\\ud83d\\ude00\"],\"b\":{\"c\":{},\"d\":1},\"e\":[[],{}],\"\":0}";
    static const char bytes[] = "{}[]\",:0123456789.eE+-truefalsn\\u \n\tabd";
    uint64_t state = 7;
    size_t taken = 0;

    for (unsigned round = 0; round < 60000; round++) {
        char text[sizeof seed];
        memcpy(text, seed, sizeof seed);
        for (unsigned edits = round % 3 + 1; edits > 0; edits--)
            text[files_random(&state) % (sizeof seed - 1)] = bytes[files_random(&state) % (sizeof bytes - 1)];
        struct text t = { text, sizeof seed - 1 };
        agree("spoiled", t);
        taken += json_check(t, NULL) == 0;
    }
    cr_assert_gt(taken, 3000);
}

Test(json_check, judges_each_border)
{
    static const char *const good[] = {
        "1e308",
        "-1e308",
        "1e-999",
        "0e999",
        "123456789012345678901234567890",
        "[\"\\ud83d\\ude00\"]",
        "{\"\":1,\"a\":2}",
        "{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}",
        "[{\"a\":1},{\"a\":2}]",
        "{\"abcdefgh1\":1,\"abcdefgh2\":2}",
        "{\"\\\\u0000\":1}",
        "{\"a\":[{\"a\":1}],\"aa\":1,\"aaa\":2}",
        " \"x\" ",
    };
    static const char *const bad[] = {
        "1e309",
        "-1e309",
        "[\"\\ud83d\"]",
        "[\"\\ude00\"]",
        "[\"\\ud83dx\\ude00\"]",
        "[\"\\ud83d\\ud83d\"]",
        "[\"\\ud83d\\n\"]",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"\\u0061\":1,\"a\":2}",
        "{\"\":1,\"\":2}",
        "[{\"x\":{\"k\":1,\"l\":{},\"k\":1}}]",
        "{\"abcdefgh1\":1,\"abcdefgh1\":2}",
        "{\"\\u0000\":1}",
        "{\"a\" 1}",
        "{1:2}",
        "{\"a\":1,}",
        "[1,]",
        "{,}",
        "[,]",
        "",
        " ",
        "tru",
        "nul",
        "+1",
        "01",
        "1.",
        ".5",
        "\"\t\"",
        "{\"a\":1}}",
        "[1]]",
        "[1}",
        "{\"a\":1]",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\xff",
        "\"\xed\xa0\x80\"",
    };

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        agree(good[i], text_of(good[i]));
        cr_assert_eq(json_check(text_of(good[i]), NULL), 0, "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        agree(bad[i], text_of(bad[i]));
        cr_assert_eq(json_check(text_of(bad[i]), NULL), -1, "%s", bad[i]);
    }
}

/* The hash is seeded anew in each process, so names that meet differ from run to run: many objects, of each size. */
Test(json_check, ends_whatever_the_names)
{
    for (size_t count = 2; count < 130; count++)
        for (int round = 0; round < 40; round++) {
            struct buf text;
            buf_init(&text, 1 << 20);
            buf_str(&text, "{");
            for (size_t i = 0; i < count; i++)
                buf_printf(&text, "%s\"%zu-%d\":0", i > 0 ? "," : "", i, round);
            buf_str(&text, "}");
            cr_assert_eq(json_check(buf_view(&text), NULL), 0);
            buf_free(&text);
        }
}

/* An object of `count` members, the member at `twice` named like the first one (0: none). */
static void write_object(struct buf *out, size_t count, size_t twice)
{
    buf_str(out, "{");
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s\"k%zu\":{\"k0\":0}", i > 0 ? "," : "", i == twice ? 0 : i);
    buf_str(out, "}");
}

Test(json_check, finds_a_repeated_member_among_any_number)
{
    static const size_t counts[] = { 2, 3, 11, 12, 13, 14, 50, 127, 128, 129, 130, 1000, 5000 };

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        size_t places[] = { 0, 1, counts[i] / 2, counts[i] - 1 };
        for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
            struct buf text;
            struct fail fail = { 0 };
            buf_init(&text, 1 << 20);
            write_object(&text, counts[i], places[p]);
            cr_assert_eq(json_check(buf_view(&text), &fail), places[p] == 0 ? 0 : -1, "%zu members, again at %zu",
                         counts[i], places[p]);
            cr_assert(places[p] == 0 || strstr(fail.text, "an object has a member twice (line 1, column") != NULL);
            buf_free(&text);
        }
    }
}

Test(json_check, names_the_second_of_two)
{
    struct fail fail = { 0 };

    cr_assert_eq(json_check(TEXT("{\"a\":1,\n\"b\":2,\n  \"a\":3,\"b\":4}"), &fail), -1);
    cr_assert_not_null(strstr(fail.text, "line 3, column 4"), "%s", fail.text);
}

static double seconds_for(size_t members)
{
    struct timespec from, to;
    struct buf text;

    buf_init(&text, 64 << 20);
    write_object(&text, members, 0);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    cr_assert_eq(json_check(buf_view(&text), NULL), 0);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    buf_free(&text);
    return (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}

/* Quadratic would be 100 times as much for each member. */
Test(json_check, is_linear_in_the_number_of_members)
{
    double few = 1e9;

    for (int round = 0; round < 5; round++) {
        double seconds = seconds_for(2000);
        few = seconds < few ? seconds : few;
    }
    cr_assert_lt(seconds_for(200000), 100 * few * 8);
}

Test(json_check, keys_of_open_objects_do_not_meet)
{
    struct keys keys;

    keys_begin(&keys);
    keys_open(&keys);
    cr_assert(keys_add(&keys, TEXT("a"), false));
    keys_open(&keys);
    cr_assert(keys_add(&keys, TEXT("a"), false));
    cr_assert_null(keys_close(&keys));
    struct text again = TEXT("\\u0061");
    cr_assert(keys_add(&keys, again, true));
    cr_assert(keys_close(&keys) == again.ptr);
    keys_end(&keys);
}

/* Values of all sizes around the one from which on their ends are remembered, nested and side by side. */
Test(json_check, large_values_are_found_where_they_are)
{
    struct arena arena;
    struct fail fail = { 0 };

    for (int size = 1900; size < 2200; size += 37) {
        struct buf text;
        arena_init(&arena, NULL, 0, 64 << 20);
        buf_init(&text, 1 << 20);
        buf_printf(&text, " [[\"%0*d\"],{\"a\":{\"b\":[\"%0*d\",{\"c\":\"%0*d\"}],\"d\":1}},[],{\"e\":[\"%0*d\"]},2] ",
                   size, 1, size, 2, 2040 + size % 20, 3, size + 9, 4);
        for (int strict = 0; strict < 2; strict++) {
            const struct json *v =
                strict ? json_parse(&arena, buf_view(&text), &fail) : json_parse_quick(&arena, buf_view(&text));
            const struct json *b = json_member(json_member(json_at(v, 1), "a"), "b");
            cr_assert_eq(json_count(v), 5);
            cr_assert_eq(json_str(json_at(json_at(v, 0), 0)).len, (size_t)size);
            cr_assert_eq(json_str(json_at(b, 0)).len, (size_t)size);
            cr_assert_eq(json_str(json_member(json_at(b, 1), "c")).len, (size_t)(2040 + size % 20));
            cr_assert_eq(json_int(json_member(json_member(json_at(v, 1), "a"), "d"), 0), 1);
            cr_assert_eq(json_count(json_at(v, 2)), 0);
            cr_assert_eq(json_str(json_at(json_member(json_at(v, 3), "e"), 0)).len, (size_t)(size + 9));
            cr_assert_eq(json_int(json_at(v, 4), 0), 2);
        }
        buf_free(&text);
        arena_fini(&arena);
    }
}

/* Strings around the size from which on their ends are remembered, as members and elements, in a text that is large itself. */
Test(json_check, large_strings_are_found_where_they_are)
{
    struct arena arena;
    struct fail fail = { 0 };

    for (int size = 505; size < 520; size++) {
        struct buf text;
        arena_init(&arena, NULL, 0, 64 << 20);
        buf_init(&text, 1 << 20);
        buf_printf(
            &text,
            "{\"a\":\"%0*d\",\"s\":[\"%0*d\",1],\"%0*d\":\"x\",\"l\":[\"%0*d\" , \"\",\"%0*d\",\"%02100d\"],\"e\":{}}",
            size, 1, size, 2, size, 3, size, 4, size, 5, 6);
        for (int strict = 0; strict < 2; strict++) {
            const struct json *v =
                strict ? json_parse(&arena, buf_view(&text), &fail) : json_parse_quick(&arena, buf_view(&text));
            const struct json *l = json_member(v, "l");
            cr_assert_eq(json_count(v), 5);
            cr_assert_eq(json_str(json_member(v, "a")).len, (size_t)size);
            cr_assert_eq(json_count(json_member(v, "s")), 2);
            cr_assert_eq(json_str(json_at(json_member(v, "s"), 0)).len, (size_t)size);
            cr_assert_eq(json_key_at(v, 2).len, (size_t)size);
            cr_assert(text_is(json_str(json_at(v, 2)), "x"));
            cr_assert_eq(json_count(l), 4);
            cr_assert(text_eq(json_text(json_at(l, 1)), TEXT("\"\"")));
            cr_assert(text_ends(json_str(json_at(l, 2)), TEXT("05")));
            cr_assert_eq(json_str(json_at(l, 3)).len, (size_t)2100);
            cr_assert_eq(json_count(json_member(v, "e")), 0);
            cr_assert_eq(json_type(json_member(v, "e")), JSON_T_OBJECT);
        }
        buf_free(&text);
        arena_fini(&arena);
    }
}
