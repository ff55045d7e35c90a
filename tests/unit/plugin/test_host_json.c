/* test_host_json.c - JSON as a plugin reads and writes it. */
#include <string.h>

#include "check.h"
#include "plugin/call.h"
#include "plugin/host_json.h"

static struct arena keep, scratch;
static struct gw_call call;
static const gw_json_api *j = &host_json;
static const gw_writer_api *w = &host_write;

static const gw_json *parse(const char *text)
{
    const gw_json *v = NULL;
    arena_init(&keep, NULL, 0, 1 << 20);
    arena_init(&scratch, NULL, 0, 1 << 20);
    call_begin(&call, &keep, &scratch, NULL);
    gw_status status = j->parse(&call, call_str(text_of(text)), &v);
    cr_assert_eq(status == GW_OK, v != NULL);
    return v;
}

static void end(void)
{
    arena_fini(&scratch);
    arena_fini(&keep);
}

static bool is(gw_str s, const char *expected)
{
    return text_is(call_text(s), expected);
}

Test(host_json, parses_strictly_what_may_be_sent_on)
{
    static const char *const odd[] = { "{\"a\":1,\"a\":2}", "[{\"a\":1,\"\\u0061\":2}]", "[\"\\u0000\"]",
                                       "[\"\\ud800\"]", "{\"a\":1e9991}" };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        const gw_json *v = NULL;
        struct gw_http http;
        cr_assert_not_null(parse(odd[i]), "an upstream may send %s", odd[i]);
        call_http_init(&http, &call, 1 << 20);
        call_step_begin(&call);
        cr_assert_eq(j->parse(&call, call_str(text_of(odd[i])), &v), GW_E_PROTOCOL, "%s", odd[i]);
        cr_assert(v == NULL && call.explain.len > 0);
        cr_assert_eq(j->parse(&call, GW_LIT("{\"a\":1}"), &v), GW_OK);
        call_step_end(&call);
        cr_assert_eq(j->parse(&call, call_str(text_of(odd[i])), &v), GW_OK, "build() is over");
        call_http_fini(&http);
        end();
    }
}

Test(host_json, reads_every_type)
{
    const gw_json *v =
        parse("{\"n\":null,\"t\":true,\"i\":-5,\"r\":1.50,\"s\":\"a\\u00fc\\n\",\"a\":[1,[2]],\"o\":{\"k\":{}}}");
    cr_assert_eq(j->type(v), GW_JSON_OBJECT);
    cr_assert_eq(j->count(v), 7u);
    cr_assert_eq(j->type(j->get(v, GW_LIT("n"))), GW_JSON_NULL);
    cr_assert_eq(j->type(j->get(v, GW_LIT("t"))), GW_JSON_BOOL);
    cr_assert_eq(j->boolean(j->get(v, GW_LIT("t")), 0), 1);
    cr_assert_eq(j->integer(j->get(v, GW_LIT("i")), 0), -5);
    cr_assert_eq(j->real(j->get(v, GW_LIT("r")), 0), 1.5);
    cr_assert(is(j->text(j->get(v, GW_LIT("r"))), "1.50"), "digits as received");
    cr_assert(is(j->str(j->get(v, GW_LIT("s"))), "a\xc3\xbc\n"));
    cr_assert_eq(j->integer(j->at(j->at(j->get(v, GW_LIT("a")), 1), 0), 0), 2);
    cr_assert(is(j->key_at(v, 6), "o"));
    cr_assert_eq(j->at(v, 6), j->get(v, GW_LIT("o")), "of an object: the value");
    end();
}

Test(host_json, answers_otherwise_for_other_types)
{
    const gw_json *v = parse("{\"s\":\"1\",\"i\":1,\"b\":false,\"big\":99999999999999999999,\"r\":2.5}");
    cr_assert_eq(j->integer(j->get(v, GW_LIT("s")), 42), 42);
    cr_assert_eq(j->integer(j->get(v, GW_LIT("big")), 42), 42);
    cr_assert_eq(j->integer(j->get(v, GW_LIT("r")), 42), 42);
    cr_assert_eq(j->real(j->get(v, GW_LIT("i")), 0), 1.0);
    cr_assert_eq(j->boolean(j->get(v, GW_LIT("i")), 7), 7);
    cr_assert_eq(j->boolean(j->get(v, GW_LIT("b")), 7), 0);
    cr_assert_null(j->str(j->get(v, GW_LIT("i"))).ptr);
    end();
}

Test(host_json, lets_look_ups_chain_through_nothing)
{
    cr_assert_eq(j->type(NULL), GW_JSON_ABSENT);
    const gw_json *nothing = j->at(j->get(j->get(NULL, GW_LIT("a")), GW_LIT("b")), 3);
    cr_assert_null(nothing);
    cr_assert_null(j->str(nothing).ptr);
    cr_assert_null(j->text(nothing).ptr);
    cr_assert_null(j->key_at(nothing, 0).ptr);
    cr_assert_eq(j->count(nothing), 0u);
    cr_assert_eq(j->integer(nothing, 3), 3);
    cr_assert_eq(j->boolean(nothing, 3), 3);
    cr_assert_eq(j->real(nothing, 0.25), 0.25);

    const gw_json *v = parse("[1]");
    cr_assert_null(j->get(v, GW_LIT("a")), "of an array");
    cr_assert_null(j->at(v, 1), "past the end");
    cr_assert_null(j->at(j->at(v, 0), 0), "of a number");
    end();
}

Test(host_json, explains_what_is_not_json)
{
    cr_assert_null(parse("{\"a\":}"));
    cr_assert_gt(call.explain.len, 0u);
    end();
    cr_assert_null(parse(""));
    end();
}

Test(host_json, writes_every_type)
{
    struct gw_writer writer = { .out = &writer.own };
    const gw_json *v = parse("{\"x\":[1.0, \"\\u00e9\"]}");

    buf_init(&writer.own, 1 << 16);
    json_writer_init(&writer.json, writer.out);
    w->object(&writer);
    w->key(&writer, GW_LIT("a\"b"));
    w->array(&writer);
    w->str(&writer, GW_LIT("q\"\n"));
    w->integer(&writer, INT64_MIN);
    w->real(&writer, -0.5);
    w->boolean(&writer, 5);
    w->null(&writer);
    w->copy(&writer, j->get(v, GW_LIT("x")));
    w->copy(&writer, NULL);
    w->raw(&writer, GW_LIT("{\"r\": 1}"));
    w->close(&writer);
    w->close(&writer);
    cr_assert_eq(w->end(&writer), GW_OK);
    cr_assert(is(w->text(&writer),
                 "{\"a\\\"b\":[\"q\\\"\\n\",-9223372036854775808,-0.5,true,null,[1.0, \"\\u00e9\"],null,"
                 "{\"r\": 1}]}"),
              "%.*s", TEXT_ARG(call_text(w->text(&writer))));
    buf_free(&writer.own);
    end();
}

Test(host_json, sticks_to_the_first_error)
{
    static const char *const mistakes[] = { "close", "key", "value", "raw", "open" };
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct gw_writer writer = { .out = &writer.own };
        buf_init(&writer.own, 1 << 16);
        json_writer_init(&writer.json, writer.out);
        if (i == 0)
            w->close(&writer);
        w->object(&writer);
        if (i == 2)
            w->integer(&writer, 1); /* without a key */
        w->key(&writer, GW_LIT("a"));
        if (i == 1)
            w->key(&writer, GW_LIT("b"));
        w->raw(&writer, i == 3 ? GW_LIT("{broken") : GW_LIT("1"));
        if (i != 4)
            w->close(&writer);
        cr_assert_neq(w->end(&writer), GW_OK, "%s", mistakes[i]);
        size_t len = writer.own.len;
        w->str(&writer, GW_LIT("more"));
        if (i != 4)
            cr_assert_eq(writer.own.len, len, "nothing after %s", mistakes[i]);
        buf_free(&writer.own);
    }
}
