/* test_json.c - what is JSON, and what a value holds. The vectors are in test_json_suite.c. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "check.h"

static struct arena arena;

static const struct json *parse(const char *text)
{
    struct fail fail = { 0 };
    const struct json *v = json_parse(&arena, text_of(text), &fail);
    cr_assert_not_null(v, "%s: %s", text, fail.text);
    return v;
}

static void begin(void)
{
    json_start();
    arena_init(&arena, NULL, 0, 64 << 20);
}

static void end(void)
{
    cr_assert_not(arena.full);
    arena_fini(&arena);
}

Test(json, knows_the_types)
{
    begin();
    cr_assert_eq(json_type(parse("null")), JSON_T_NULL);
    cr_assert_eq(json_type(parse(" true ")), JSON_T_BOOL);
    cr_assert_eq(json_type(parse("false")), JSON_T_BOOL);
    cr_assert_eq(json_type(parse("-12")), JSON_T_INT);
    cr_assert_eq(json_type(parse("1.0")), JSON_T_REAL);
    cr_assert_eq(json_type(parse("1e3")), JSON_T_REAL);
    cr_assert_eq(json_type(parse("\"\"")), JSON_T_STR);
    cr_assert_eq(json_type(parse("\n[\t]\r\n")), JSON_T_ARRAY);
    cr_assert_eq(json_type(parse("{}")), JSON_T_OBJECT);
    cr_assert_eq(json_type(NULL), JSON_T_ABSENT);
    end();
}

Test(json, reads_a_tree)
{
    begin();
    const struct json *v = parse("{\"model\" : \"m\",\"n\": [1, 2.5 ,{\"deep\":[true]}],\"\":null }");

    cr_assert_eq(json_count(v), 3);
    cr_assert(text_is(json_str(json_member(v, "model")), "m"));
    const struct json *list = json_member(v, "n");
    cr_assert_eq(json_count(list), 3);
    cr_assert_eq(json_int(json_at(list, 0), 0), 1);
    cr_assert_eq(json_real(json_at(list, 1), 0), 2.5);
    cr_assert(json_bool(json_at(json_member(json_at(list, 2), "deep"), 0), false));
    cr_assert_null(json_at(list, 3));
    cr_assert_eq(json_type(json_member(v, "")), JSON_T_NULL);
    cr_assert(text_is(json_key_at(v, 1), "n"));
    cr_assert_eq(json_at(v, 1), list);
    cr_assert_null(json_key_at(v, 3).ptr);
    cr_assert_null(json_member(v, "mode"));
    cr_assert(text_is(json_text(list), "[1, 2.5 ,{\"deep\":[true]}]"));
    end();
}

Test(json, answers_absent_for_what_is_not_there)
{
    begin();
    const struct json *list = parse("[1]"), *word = parse("true");

    cr_assert_null(json_member(NULL, "a"));
    cr_assert_null(json_member(list, "a"));
    cr_assert_null(json_at(NULL, 0));
    cr_assert_null(json_at(word, 0));
    cr_assert_null(json_key_at(list, 0).ptr);
    cr_assert_eq(json_count(NULL), 0);
    cr_assert_eq(json_count(word), 0);
    cr_assert_null(json_str(word).ptr);
    cr_assert_null(json_text(NULL).ptr);
    cr_assert_eq(json_int(word, -1), -1);
    cr_assert_eq(json_int(NULL, -1), -1);
    cr_assert_eq(json_real(word, -1), -1);
    cr_assert(json_bool(list, true));
    cr_assert_not(json_bool(NULL, false));
    end();
}

Test(json, reads_numbers_exactly)
{
    begin();
    cr_assert_eq(json_int(parse("9223372036854775807"), 0), INT64_MAX);
    cr_assert_eq(json_int(parse("-9223372036854775808"), 0), INT64_MIN);
    cr_assert_eq(json_int(parse("9223372036854775808"), 7), 7, "out of range");
    cr_assert_eq(json_int(parse("-0"), 7), 0);
    cr_assert_eq(json_int(parse("1.0"), 7), 7, "not an INT");
    cr_assert_eq(json_int(parse("1e2"), 7), 7);
    cr_assert_eq(json_real(parse("9223372036854775808"), 0), 9223372036854775808.0);
    cr_assert_eq(json_real(parse("-1.5E-3"), 0), -1.5e-3);
    cr_assert_eq(json_real(parse("12"), 0), 12.0);
    cr_assert_eq(json_real(parse("1e-999"), 1), 0.0);
    cr_assert_eq(json_real(parse("0.10000000000000000000000000000000000000000000000000000000000000000001"), 0), 0.1);
    end();
}

Test(json, reads_numbers_in_any_locale)
{
    static const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", NULL };
    const char *set = NULL;

    begin();
    for (int i = 0; names[i] != NULL && set == NULL; i++)
        set = setlocale(LC_ALL, names[i]);
    double value = json_real(parse("0.5"), 0);
    struct buf out;
    struct json_writer w;
    buf_init(&out, 100);
    json_writer_init(&w, &out);
    json_put_real(&w, 2.5);
    setlocale(LC_ALL, "C");
    cr_assert_eq(value, 0.5);
    cr_assert(text_is(buf_view(&out), "2.5"));
    buf_free(&out);
    end();
}

Test(json, resolves_escapes)
{
    begin();
    const struct json *v = parse("[\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\", "
                                 "\"\\u00e4\\u20AC\\uD83D\\uDE00\", \"plain\", \"\\n\"]");

    cr_assert(text_is(json_str(json_at(v, 0)), "a\"\\/\b\f\n\r\tz"));
    cr_assert(text_is(json_str(json_at(v, 1)), "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
    cr_assert(text_is(json_str(json_at(v, 2)), "plain"));
    cr_assert(text_is(json_str(json_at(v, 3)), "\n"));
    cr_assert_eq(json_str(json_at(v, 0)).ptr, json_str(json_at(v, 0)).ptr, "once is enough");
    v = parse("{\"mod\\u0065l\":1}");
    cr_assert_eq(json_int(json_member(v, "model"), 0), 1);
    cr_assert(text_is(json_key_at(v, 0), "model"));
    end();
}

Test(json, finds_members_in_objects_of_all_sizes)
{
    begin();
    for (int count = 0; count < 300; count = count < 40 ? count + 1 : count + 53) {
        struct buf text;
        buf_init(&text, 1 << 20);
        buf_str(&text, "{");
        for (int i = 0; i < count; i++)
            buf_printf(&text, "%s\"key%s%d\": %d", i > 0 ? " ,\n" : "", i % 3 == 0 ? "\\u002d" : "-", i, i);
        buf_str(&text, "}");
        const struct json *v = json_parse(&arena, buf_view(&text), NULL);
        cr_assert_eq(json_count(v), (size_t)count);
        for (int i = 0; i < count; i++) {
            char key[16];
            int len = snprintf(key, sizeof key, "key-%d", i);
            cr_assert_eq(json_int(json_get(v, (struct text){ key, (size_t)len }), -1), i);
        }
        cr_assert_null(json_member(v, "key-300"));
        buf_free(&text);
    }
    end();
}

static void refuse(struct text text, const char *why)
{
    struct fail fail = { 0 };

    cr_assert_null(json_parse(&arena, text, &fail), "%.*s", TEXT_ARG(text));
    cr_assert_eq(fail.kind, FAIL_CLIENT);
    cr_assert_eq(fail.status, 400);
    cr_assert_str_eq(fail.code, "invalid_json");
    cr_assert_not_null(strstr(fail.text, why), "%s", fail.text);
    cr_assert_null(strstr(fail.text, "secret"), "%s", fail.text);
}

Test(json, says_what_is_wrong_and_where_but_not_what_it_read)
{
    begin();
    refuse(TEXT(""), "it is empty (line 1, column 1)");
    refuse(TEXT_NONE, "it is empty");
    refuse(TEXT("{\"a\":1,\n \"secret\":1,\n \"secret\":2}"), "an object has a member twice (line 3, column ");
    refuse(TEXT("{\"b\":{\"secret\":1,\"s\\u0065cret\":2}}"), "an object has a member twice");
    refuse(TEXT("[\"secret\\u0000\"]"), "a string contains \\u0000");
    refuse(TEXT("{\"secret\\u0000\":1}"), "a string contains \\u0000");
    refuse(TEXT("[\n\"secret\xff\"]"), "a string is not UTF-8 (line 2");
    refuse(TEXT("[1e999]"), "a number is too large");
    refuse(TEXT("[1] \"secret\""), "something stands after its end");
    refuse(TEXT("\"secret"), "the text ends inside a string (line 1, column 8)");
    refuse(TEXT("[\"secret\""), "the text ends before all brackets are closed (line 1, column 10)");
    refuse(TEXT("[\"secret\n\"]"), "a control character stands in a string; it must be escaped (line 1, column 9)");
    refuse(TEXT("{\"a\":[\"\xc3\xa4\"}}"), "a bracket closes what another kind opened (line 1, column 10)");
    refuse(TEXT("[secret]"), "this is not what JSON allows here");
    refuse(TEXT("[1,,2]"), "this is not what JSON allows here");
    refuse(TEXT("[1]\0"), "it contains a NUL byte (line 1, column 4)");
    refuse(TEXT("\xef\xbb\xbf{}"), "it begins with a byte order mark");
    refuse(TEXT("[\"\\ud800\"]"), "half of a surrogate pair (\\ud800 to \\udfff alone) (line 1, column 3)");
    end();
}

Test(json, refuses_deep_nesting_before_parsing)
{
    char text[2 * 100];

    begin();
    for (int depth = 60; depth < 70; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        struct text t = { text, 2 * (size_t)depth };
        if (depth > JSON_MAX_DEPTH)
            refuse(t, "the nesting is too deep (line 1, column 65)");
        else
            cr_assert_not_null(json_parse(&arena, t, NULL));
    }
    end();
}

Test(json, needs_no_tree_for_a_monstrous_text)
{
    struct buf text;

    begin();
    buf_init(&text, 8 << 20);
    buf_str(&text, "[{}");
    while (text.len < (6 << 20))
        buf_str(&text, ",{},{},{},{},{},{},{},{}");
    buf_str(&text, "]");
    struct fail fail = { 0 };
    cr_assert_eq(json_check(buf_view(&text), &fail), 0);
    cr_assert_eq(json_check_tree(buf_view(&text), &fail), -1);
    cr_assert_not_null(strstr(fail.text, "it has too many values"));
    buf_free(&text);
    end();
}

Test(json, seems_empty_when_the_arena_is_full)
{
    struct arena small;

    json_start();
    arena_init(&small, NULL, 0, 400);
    const struct json *v = json_parse(&small, TEXT("[[1,2,3,4,5,6,7,8,9,10]]"), NULL);
    cr_assert_eq(json_count(v), 1);
    cr_assert_not(small.full);
    cr_assert_eq(json_count(json_at(v, 0)), 0);
    cr_assert(small.full);
    arena_fini(&small);
}
