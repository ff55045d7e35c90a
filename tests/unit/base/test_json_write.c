/* test_json_write.c - writing JSON. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "check.h"
#include "files.h"

static struct buf out;
static struct json_writer w;

static void begin(size_t max)
{
    buf_init(&out, max);
    json_writer_init(&w, &out);
}

static void expect(const char *wanted)
{
    cr_assert_eq(json_end(&w), 0);
    cr_assert(text_is(buf_view(&out), wanted), "%.*s", TEXT_ARG(buf_view(&out)));
    cr_assert_eq(json_check(buf_view(&out), NULL), 0);
    buf_free(&out);
}

static void expect_error(void)
{
    cr_assert_eq(json_end(&w), -1);
    buf_free(&out);
}

Test(json_write, writes_a_tree)
{
    begin(1000);
    json_object(&w);
    json_name(&w, "a");
    json_put_int(&w, 1);
    json_name(&w, "list");
    json_array(&w);
    json_put_str(&w, TEXT("x"));
    json_put_null(&w);
    json_object(&w);
    json_close(&w);
    json_array(&w);
    json_close(&w);
    json_put_bool(&w, true);
    json_close(&w);
    json_name(&w, "b");
    json_put_bool(&w, false);
    json_name(&w, "");
    json_object(&w);
    json_name(&w, "r");
    json_put_real(&w, 0.1);
    json_close(&w);
    json_close(&w);
    expect("{\"a\":1,\"list\":[\"x\",null,{},[],true],\"b\":false,\"\":{\"r\":0.1}}");
}

Test(json_write, leaves_what_the_buffer_held)
{
    begin(1000);
    buf_str(&out, "data: ");
    json_put_int(&w, 5);
    cr_assert_eq(json_end(&w), 0);
    cr_assert(text_is(buf_view(&out), "data: 5"));
    buf_free(&out);
}

Test(json_write, copies_values_with_their_digits)
{
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 20);
    const struct json *v = json_parse(&arena, TEXT(" [1.0, 1.50e+01 ,\"\\u00e4\"] "), NULL);

    begin(1000);
    json_object(&w);
    json_name(&w, "copy");
    json_put_json(&w, v);
    json_name(&w, "none");
    json_put_json(&w, NULL);
    json_name(&w, "raw");
    json_put_raw(&w, TEXT("{ \"k\":1 }"));
    json_name(&w, "trusted");
    json_put_trusted(&w, TEXT("[2]"));
    json_close(&w);
    expect("{\"copy\":[1.0, 1.50e+01 ,\"\\u00e4\"],\"none\":null,\"raw\":{ \"k\":1 },\"trusted\":[2]}");
    arena_fini(&arena);
}

Test(json_write, writes_integers)
{
    begin(1000);
    json_array(&w);
    json_put_int(&w, 0);
    json_put_int(&w, -1);
    json_put_int(&w, INT64_MAX);
    json_put_int(&w, INT64_MIN);
    json_close(&w);
    expect("[0,-1,9223372036854775807,-9223372036854775808]");
}

Test(json_write, writes_reals_short_and_exact)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        { 0.0, "0" },
        { -0.0, "-0" },
        { 1.0, "1" },
        { 0.7, "0.7" },
        { 0.1 + 0.2, "0.30000000000000004" },
        { 1e21, "1e+21" },
        { 1e-7, "1e-07" },
        { 123456.789, "123456.789" },
        { 5e-324, "4.94065645841247e-324" },
        { DBL_MAX, "1.7976931348623157e+308" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(100);
        json_put_real(&w, cases[i].value);
        expect(cases[i].text);
    }
    uint64_t seed = 11;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = files_random(&seed);
        double value;
        char text[64];
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        begin(64);
        json_put_real(&w, value);
        cr_assert_eq(json_end(&w), 0);
        memcpy(text, out.ptr, out.len);
        text[out.len] = '\0';
        cr_assert_eq(strtod(text, NULL), value, "%s", text);
        buf_free(&out);
    }
}

Test(json_write, escapes_what_must_be)
{
    begin(1000);
    json_put_str(&w, TEXT("\"\\/\b\f\n\r\t\x01\x0b\x1f \x7f\xc3\xa4\xf0\x9f\x98\x80"));
    expect("\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u000b\\u001f \x7f\xc3\xa4\xf0\x9f\x98\x80\"");
    begin(1000);
    json_put_str(&w, TEXT("nul \0 inside"));
    cr_assert_eq(json_end(&w), 0);
    cr_assert(text_is(buf_view(&out), "\"nul \\u0000 inside\""));
    buf_free(&out);
    begin(1000);
    json_put_str(&w, TEXT_NONE);
    expect("\"\"");
}

Test(json_write, replaces_what_is_not_utf8)
{
    begin(1000);
    json_object(&w);
    json_key(&w, TEXT("k\xff"));
    json_put_str(&w, TEXT("a\xc3\"b\xe2\x82\nc\xed\xa0\x80\xc3\xa4"));
    json_close(&w);
    expect("{\"k\xef\xbf\xbd\":\"a\xef\xbf\xbd\\\"b\xef\xbf\xbd\\nc\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xc3\xa4\"}");
}

/* What is written is what is read, for strings of all lengths with a special byte at each place. */
Test(json_write, brings_strings_back)
{
    static const char special[] = "\"\\\n\x01\x1f\x7fz";

    for (size_t len = 1; len < 80; len++) {
        for (size_t at = 0; at < len; at++) {
            struct arena arena;
            char value[80];
            memset(value, 'a', len);
            value[at] = special[(len + at) % (sizeof special - 1)];
            struct text copy = files_copy((struct text){ value, len });
            arena_init(&arena, NULL, 0, 1 << 20);
            begin(1000);
            json_put_str(&w, copy);
            cr_assert_eq(json_end(&w), 0);
            cr_assert(text_eq(json_str(json_parse(&arena, buf_view(&out), NULL)), copy));
            arena_fini(&arena);
            buf_free(&out);
            files_free(copy);
        }
    }
}

Test(json_write, refuses_wrong_nesting)
{
    begin(100);
    expect_error(); /* nothing */

    begin(100);
    json_object(&w);
    expect_error(); /* not closed */

    begin(100);
    json_object(&w);
    json_put_int(&w, 1); /* no key */
    json_close(&w);
    expect_error();

    begin(100);
    json_array(&w);
    json_name(&w, "key");
    json_put_int(&w, 1);
    json_close(&w);
    expect_error();

    begin(100);
    json_object(&w);
    json_name(&w, "no value");
    json_close(&w);
    expect_error();

    begin(100);
    json_object(&w);
    json_name(&w, "a");
    json_name(&w, "b");
    expect_error();

    begin(100);
    json_close(&w);
    expect_error();

    begin(100);
    json_put_int(&w, 1);
    json_put_int(&w, 2);
    expect_error();
}

Test(json_write, nests_as_deep_as_it_says)
{
    begin(1000);
    for (int i = 0; i < JSON_WRITER_DEPTH; i++)
        json_array(&w);
    for (int i = 0; i < JSON_WRITER_DEPTH; i++)
        json_close(&w);
    cr_assert_eq(json_end(&w), 0);
    buf_free(&out);

    begin(1000);
    for (int i = 0; i <= JSON_WRITER_DEPTH; i++)
        json_array(&w);
    for (int i = 0; i <= JSON_WRITER_DEPTH; i++)
        json_close(&w);
    expect_error();
}

/* A line end in an event of a stream, or in a line of the log, would end it. */
Test(json_write, writes_one_line_whatever_it_is_given)
{
    begin(100);
    json_array(&w);
    json_put_raw(&w, TEXT("\n{\"a\":\r\n 1}\r"));
    json_put_trusted(&w, TEXT("[\n]"));
    json_put_str(&w, TEXT("\n"));
    json_close(&w);
    expect("[ {\"a\":   1} ,[ ],\"\\n\"]");

    begin(1000); /* behind what was there before, also in a buffer that was read from */
    buf_str(&out, "gone");
    buf_str(&out, "\n\n");
    buf_consume(&out, 4);
    json_put_raw(&w, TEXT("\n1"));
    cr_assert(text_is(buf_view(&out), "\n\n 1"));
    buf_free(&out);
}

Test(json_write, keeps_the_first_error)
{
    begin(100);
    json_array(&w);
    json_put_real(&w, NAN);
    cr_assert_neq(w.error, 0);
    size_t len = out.len;
    int error = w.error;
    json_put_int(&w, 1);
    json_object(&w);
    json_name(&w, "a");
    json_close(&w);
    json_put_raw(&w, TEXT("]"));
    json_close(&w);
    cr_assert_eq(out.len, len);
    cr_assert_eq(w.error, error);
    expect_error();

    begin(100);
    json_put_real(&w, -INFINITY);
    expect_error();

    begin(100);
    json_put_raw(&w, TEXT("1,2"));
    expect_error();
}

Test(json_write, fails_when_the_buffer_is_full)
{
    for (size_t max = 0; max < 40; max++) {
        begin(max);
        json_object(&w);
        json_name(&w, "key");
        json_put_str(&w, TEXT("ab\"\n\xff\xc3\xa4z"));
        json_close(&w);
        cr_assert_leq(out.len, max);
        cr_assert_eq(json_end(&w), max < 22 ? -1 : 0, "%zu", max);
        buf_free(&out);
    }
}
