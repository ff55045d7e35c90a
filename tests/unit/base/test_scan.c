/* test_scan.c - the top-level members of a JSON object. Both paths are compared in test_scan_paths.c. */
#include <stdio.h>
#include <string.h>

#include "base/scan.h"
#include "check.h"

static struct arena arena;
static struct scan scan;

static void begin(void)
{
    arena_init(&arena, NULL, 0, 16 << 20);
}

static void end(void)
{
    arena_fini(&arena);
}

static void accept(struct text json)
{
    cr_assert_eq(scan_object(&arena, json, SCAN_MAX_DEPTH, &scan), 0, "%.*s: %s", TEXT_ARG(json), scan.problem);
    cr_assert_null(scan.problem);
}

static void refuse(struct text json, const char *why)
{
    for (int plain = 0; plain < 2; plain++) {
        scan_force_plain(plain == 1);
        cr_assert_eq(scan_object(&arena, json, SCAN_MAX_DEPTH, &scan), -1, "%.*s", TEXT_ARG(json));
        cr_assert_str_eq(scan.problem, why);
        cr_assert_str_eq(scan.code, "invalid_json");
        cr_assert_eq(scan.count, 0);
    }
    scan_force_plain(false);
}

Test(scan, finds_the_members)
{
    struct text json = TEXT(" {\"model\":\"gpt\" , \"n\":1,\"stream\" :true,\n\"m\":[{\"a\":\"]\"}],"
                            "\"x\":null,\"o\":{} } \n");

    begin();
    accept(json);
    cr_assert_eq(scan.count, 6);
    const struct scan_member *m = scan_get(&scan, "model");
    cr_assert_not_null(m);
    cr_assert(text_is(m->key, "model") && text_is(m->value, "\"gpt\"") && m->type == '"');
    cr_assert_eq(m->start, 2);
    cr_assert_eq(m->end, 15);
    cr_assert_eq(m->key.ptr, json.ptr + 3, "lent");
    cr_assert(text_is(scan_get(&scan, "m")->value, "[{\"a\":\"]\"}]"));
    cr_assert(text_is(scan_get(&scan, "o")->value, "{}"));
    cr_assert_eq(scan_get(&scan, "n")->type, '0');
    cr_assert_eq(scan_get(&scan, "stream")->type, 't');
    cr_assert_null(scan_get(&scan, "mode"));
    accept(TEXT("{}"));
    cr_assert_eq(scan.count, 0);
    end();
}

Test(scan, reads_values)
{
    struct text t;
    int64_t n = 0;
    bool b = false;

    begin();
    accept(TEXT("{\"s\":\"plain\",\"e\":\"\\u00e4\\n\\ud83d\\ude00\",\"i\":-12,\"r\":1.0,\"big\":9223372036854775808,"
                "\"t\":true,\"f\":false,\"z\":null,\"h\":\"\\ud83d.\\u0000.\\udc00\\ud83d\\u0041\",\"empty\":\"\"}"));
    cr_assert(scan_string(&arena, scan_get(&scan, "s"), &t) && text_is(t, "plain"));
    cr_assert(scan_string(&arena, scan_get(&scan, "e"), &t) && text_is(t, "\xc3\xa4\n\xf0\x9f\x98\x80"));
    cr_assert(scan_string(&arena, scan_get(&scan, "h"), &t));
    cr_assert(text_is(t, "\xef\xbf\xbd.\xef\xbf\xbd.\xef\xbf\xbd\xef\xbf\xbd"
                         "A"));
    cr_assert(scan_string(&arena, scan_get(&scan, "empty"), &t) && t.ptr != NULL && t.len == 0);
    cr_assert_not(scan_string(&arena, scan_get(&scan, "i"), &t));
    cr_assert_not(scan_string(&arena, NULL, &t));
    cr_assert(scan_int(scan_get(&scan, "i"), &n));
    cr_assert_eq(n, -12);
    cr_assert_not(scan_int(scan_get(&scan, "r"), &n));
    cr_assert_not(scan_int(scan_get(&scan, "big"), &n));
    cr_assert_not(scan_int(scan_get(&scan, "s"), &n));
    cr_assert_not(scan_int(NULL, &n));
    cr_assert(scan_bool(scan_get(&scan, "t"), &b) && b);
    cr_assert(scan_bool(scan_get(&scan, "f"), &b) && !b);
    cr_assert_not(scan_bool(scan_get(&scan, "z"), &b));
    cr_assert_not(scan_bool(NULL, &b));
    cr_assert(scan_is_null(scan_get(&scan, "z")));
    cr_assert_not(scan_is_null(scan_get(&scan, "f")));
    cr_assert_not(scan_is_null(NULL));
    end();
}

Test(scan, compares_keys_by_what_they_say)
{
    begin();
    accept(TEXT("{\"mod\\u0065l\":1}"));
    cr_assert_not_null(scan_get(&scan, "model"));
    refuse(TEXT("{\"model\":1,\"x\":2,\"mod\\u0065l\":3}"), "the object has a member twice (at byte 17)");
    cr_assert(text_is(scan.at, "model"));
    accept(TEXT("{\"model\":{\"a\":1,\"a\":2},\"Model\":1,\"model \":2}"));
    end();
}

Test(scan, refuses_what_is_no_object)
{
    begin();
    refuse(TEXT(""), "the text is empty; a JSON object is wanted (at byte 0)");
    refuse(TEXT_NONE, "the text is empty; a JSON object is wanted (at byte 0)");
    refuse(TEXT(" \n"), "the text is empty; a JSON object is wanted (at byte 2)");
    refuse(TEXT(" [1]"), "a JSON object is wanted, beginning with { (at byte 1)");
    refuse(TEXT("\xef\xbb\xbf{}"), "the text begins with a byte order mark, which JSON does not allow (at byte 0)");
    refuse(TEXT("{} x"), "something stands after the end of the object (at byte 3)");
    refuse(TEXT("{}{}"), "something stands after the end of the object (at byte 2)");
    refuse(TEXT("{}\0"), "something stands after the end of the object (at byte 2)");
    end();
}

Test(scan, refuses_broken_members)
{
    begin();
    refuse(TEXT("{"), "the text ends before all brackets are closed (at byte 1)");
    refuse(TEXT("{\"a\""), "the text ends before all brackets are closed (at byte 4)");
    refuse(TEXT("{\"a\":"), "the text ends before all brackets are closed (at byte 5)");
    refuse(TEXT("{\"a\":1"), "the text ends before all brackets are closed (at byte 6)");
    refuse(TEXT("{\"a\":1,"), "the text ends before all brackets are closed (at byte 7)");
    refuse(TEXT("{\"a\":1,}"), "the name of a member, in quotes, is wanted (at byte 7)");
    refuse(TEXT("{,\"a\":1}"), "the name of a member, in quotes, is wanted (at byte 1)");
    refuse(TEXT("{a:1}"), "the name of a member, in quotes, is wanted (at byte 1)");
    refuse(TEXT("{\"a\" 1}"), "a colon is wanted after the name of a member (at byte 5)");
    refuse(TEXT("{\"a\":1 \"b\":2}"), "a comma or } is wanted after a value (at byte 7)");
    refuse(TEXT("{\"a\":1]"), "a comma or } is wanted after a value (at byte 6)");
    refuse(TEXT("{\"a\":}"), "this is no JSON value (at byte 5)");
    cr_assert(text_is(scan.at, "a"));
    refuse(TEXT("{\"a\":1,\0\"b\":2}"), "the name of a member, in quotes, is wanted (at byte 7)");
    end();
}

Test(scan, checks_scalars_strictly)
{
    static const char *const numbers[] = {
        "0", "-0", "12", "0.5", "-1.25e+10", "1E5", "1e-5", "123456789012345678901"
    };
    static const char *const wrong[] = { "01",          "-",   "+1",       ".5",        "1.",      "1.e5",
                                         "1e",          "1e+", "0x1",      "-a",        "--1",     "1a",
                                         "1 2",         "tru", "True",     "truex",     "nul",     "nullx",
                                         "falsE",       "NaN", "Infinity", "-Infinity", "\"\\x\"", "\"\\u12\"",
                                         "\"\\u12g4\"", "\"a", "\"\\\"",   "'a'",       "\"\t\"",  "\"\n\"" };
    char text[64];

    begin();
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        snprintf(text, sizeof text, "{\"a\":%s}", numbers[i]);
        accept(text_of(text));
        cr_assert(text_is(scan_get(&scan, "a")->value, numbers[i]));
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(text, sizeof text, "{\"a\":%s}", wrong[i]);
        cr_assert_eq(scan_object(&arena, text_of(text), SCAN_MAX_DEPTH, &scan), -1, "%s", text);
    }
    accept(TEXT("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00Ff\"}"));
    refuse(TEXT("{\"a\":\"b\0c\"}"), "a control character stands in a string; it must be escaped (at byte 7)");
    refuse(TEXT("{\"a\":\"\\q\"}"), "a backslash stands before a character that cannot be escaped (at byte 6)");
    refuse(TEXT("{\"a\":\"\\u00zz\"}"), "a \\u is not followed by four hexadecimal digits (at byte 10)");
    refuse(TEXT("{\"a\":\"\\u00"), "the text ends inside a string (at byte 10)");
    refuse(TEXT("{\"a\":00}"), "a number is not written as JSON wants it (at byte 5)");
    end();
}

Test(scan, checks_the_structure_of_nested_values)
{
    begin();
    accept(TEXT("{\"a\":[1,,2],\"b\":{\"c\" nonsense}}"));
    refuse(TEXT("{\"a\":[1}}"), "a bracket closes what another kind opened (at byte 7)");
    refuse(TEXT("{\"a\":{]}"), "a bracket closes what another kind opened (at byte 6)");
    refuse(TEXT("{\"a\":[\"b]}"), "the text ends inside a string (at byte 10)");
    refuse(TEXT("{\"a\":[\"b\\"), "the text ends inside a string (at byte 9)");
    refuse(TEXT("{\"a\":[{}"), "the text ends before all brackets are closed (at byte 8)");
    refuse(TEXT("{\"a\":[\"x\ny\"]}"), "a control character stands in a string; it must be escaped (at byte 8)");
    refuse(TEXT("{\"a\":[\"x\\\ny\"]}"), "a control character stands in a string; it must be escaped (at byte 9)");
    refuse(TEXT("{\"a\":[1\0]}"), "a byte that JSON does not allow stands outside of strings (at byte 7)");
    refuse(TEXT("{\"a\":[\\\"],\"b\":1}"), "a byte that JSON does not allow stands outside of strings (at byte 6)");
    end();
}

Test(scan, checks_utf8_everywhere)
{
    begin();
    accept(TEXT("{\"\xc3\xa4\":\"\xf0\x9f\x98\x80\",\"b\":[\"\xe2\x82\xac\"]}"));
    refuse(TEXT("{\"\xc3\":1}"), "the text is not UTF-8 (at byte 2)");
    refuse(TEXT("{\"a\":\"\xff\"}"), "the text is not UTF-8 (at byte 6)");
    refuse(TEXT("{\"a\":[\"\xed\xa0\x80\"]}"), "the text is not UTF-8 (at byte 7)");
    refuse(TEXT("{\"a\":[\xc0\x80]}"), "the text is not UTF-8 (at byte 6)");
    refuse(TEXT("{\"a\":\xc3\xa4}"), "this is no JSON value (at byte 5)");
    end();
}

Test(scan, limits_depth_and_members)
{
    char text[8192];

    begin();
    for (int depth = 1; depth < 70; depth++) {
        size_t nested = (size_t)depth - 1, len = 0;
        len += (size_t)snprintf(text, sizeof text, "{\"a\":0");
        if (nested > 0) {
            memset(text + 5, '[', nested);
            memset(text + 5 + nested, ']', nested);
            len = 5 + 2 * nested;
        }
        text[len++] = '}';
        struct text t = { text, len };
        cr_assert_eq(scan_object(&arena, t, 1000, &scan), depth <= SCAN_MAX_DEPTH ? 0 : -1, "depth %d", depth);
        cr_assert_eq(scan_object(&arena, t, 5, &scan), depth <= 5 ? 0 : -1, "depth %d", depth);
    }
    cr_assert_eq(scan_object(&arena, TEXT("{}"), 0, &scan), -1);

    for (int count = SCAN_MAX_MEMBERS; count <= SCAN_MAX_MEMBERS + 1; count++) {
        int len = snprintf(text, sizeof text, "{");
        for (int i = 0; i < count; i++)
            len += snprintf(text + len, sizeof text - (size_t)len, "%s\"m%03d\":%d", i > 0 ? "," : "", i, i);
        len += snprintf(text + len, sizeof text - (size_t)len, "}");
        if (count <= SCAN_MAX_MEMBERS) {
            accept((struct text){ text, (size_t)len });
            cr_assert_eq(scan.count, (size_t)count);
            cr_assert(text_is(scan_get(&scan, "m255")->value, "255"));
        } else {
            cr_assert_eq(scan_object(&arena, (struct text){ text, (size_t)len }, 64, &scan), -1);
        }
    }
    end();
}

Test(scan, peeks_at_any_depth)
{
    struct text chunk = TEXT("{\"id\":\"a\\\"usage\",\"choices\":[{\"delta\":{\"content\":\"say \\\"usage\\\": 1\"},"
                             "\"finish_reason\" : null }],\"usage\": {\"total\":[1,2]},\"n\":-1.5,\"last\":true}");

    cr_assert(text_is(scan_peek(chunk, "usage"), "{\"total\":[1,2]}"));
    cr_assert(text_is(scan_peek(chunk, "finish_reason"), "null"));
    cr_assert(text_is(scan_peek(chunk, "content"), "\"say \\\"usage\\\": 1\""));
    cr_assert(text_is(scan_peek(chunk, "n"), "-1.5"));
    cr_assert(text_is(scan_peek(chunk, "last"), "true"));
    cr_assert_null(scan_peek(chunk, "usag").ptr);
    cr_assert_null(scan_peek(chunk, "error").ptr);
    cr_assert_null(scan_peek(TEXT_NONE, "error").ptr);
    struct text decoys = TEXT("{\"a\\\"error\":1,\"b\":\"error\",\"c\":[\"error\"],\"error\":2}");
    cr_assert(text_is(scan_peek(decoys, "error"), "2"));
    cr_assert(text_is(scan_peek(TEXT("{\"a\\\\\":{},\"error\":3"), "error"), "3"), "it need not be whole");
    cr_assert(text_is(scan_peek(TEXT("{\"x\":\"\\\\\",\"error\":3}"), "error"), "3"));
}

Test(scan, peeks_at_broken_text_without_harm)
{
    static const char whole[] = "{\"a\":{\"b\":[\"c\\\"d\",1]},\"e\" : \"f\"}";

    for (size_t len = 0; len < sizeof whole; len++) {
        char copy[sizeof whole];
        memcpy(copy, whole, len);
        struct text t = { copy, len };
        struct text a = scan_peek(t, "a"), e = scan_peek(t, "e");
        cr_assert(a.ptr == NULL || text_is(a, "{\"b\":[\"c\\\"d\",1]}"));
        cr_assert(e.ptr == NULL || text_is(e, "\"f\""));
    }
    cr_assert_null(scan_peek(TEXT("{\"a\":"), "a").ptr);
    cr_assert_null(scan_peek(TEXT("{\"a\":\"b"), "a").ptr);
    cr_assert_null(scan_peek(TEXT("{\"a\":[[}"), "a").ptr);
    cr_assert_null(scan_peek(TEXT("\"a\""), "a").ptr);
}
