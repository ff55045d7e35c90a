/* test_call.c - a call into a plugin: what outlives a step and what does not, and the request that comes out. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "plugin/call.h"

static struct arena keep, scratch;
static struct gw_call call;

static void begin(void)
{
    arena_init(&keep, NULL, 0, 1 << 20);
    arena_init(&scratch, NULL, 0, 1 << 16);
    call_begin(&call, &keep, &scratch, NULL);
}

static void end(void)
{
    arena_fini(&scratch);
    arena_fini(&keep);
}

Test(call, forgets_scratch_and_keeps_the_rest_after_a_step)
{
    const gw_host *h = call_host();
    const gw_json *json;

    begin();
    int *state = h->alloc(&call, sizeof *state, _Alignof(int));
    *state = 7;
    h->set_state(&call, state);
    h->explain(&call, GW_LIT("why"));
    cr_assert_eq(h->json->parse(&call, GW_LIT("{\"a\":[1,2]}"), &json), GW_OK);
    cr_assert_gt(scratch.used, 0u);
    call_step_end(&call);
    cr_assert_eq(scratch.used, 0u);
    cr_assert_eq(scratch.max, (size_t)1 << 16, "the limit stays");
    cr_assert_eq(*(int *)h->state(&call), 7);
    cr_assert(text_is(call.explain, "why"));
    end();
}

Test(call, uses_the_first_memory_again_after_a_step)
{
    static _Alignas(16) char memory[512];

    begin();
    arena_fini(&scratch);
    arena_init(&scratch, memory, sizeof memory, 1 << 16);
    char *first = arena_alloc(&scratch, 16);
    call_step_end(&call);
    cr_assert_eq((char *)arena_alloc(&scratch, 16), first);
    cr_assert(first >= memory && first < memory + sizeof memory);
    end();
}

Test(call, says_when_a_limit_was_passed)
{
    begin();
    cr_assert_not(call_is_full(&call));
    arena_alloc(&scratch, (1 << 16) + 1);
    cr_assert(call_is_full(&call));
    call_step_end(&call);
    cr_assert_not(call_is_full(&call));
    end();
}

Test(call, checks_the_request_that_was_built)
{
    const gw_host *h = call_host();
    struct gw_http http;
    struct fail fail;

    begin();
    call_http_init(&http, &call, 1024);
    cr_assert_eq(call_http_check(&http, &fail), -1);
    cr_assert_not_null(strstr(fail.text, "without a URL"), "%s", fail.text);
    h->http_url(&http, GW_LIT("https://x.example/v1"));
    cr_assert_eq(call_http_check(&http, &fail), 0, "a body is not needed");
    cr_assert(text_is(http.method, "POST"), "unless said otherwise");

    gw_writer *w = h->http_json_body(&http);
    cr_assert_eq(h->http_json_body(&http), w, "there is one body");
    h->write->object(w);
    cr_assert_eq(call_http_check(&http, &fail), -1);
    cr_assert_not_null(strstr(fail.text, "1 objects or arrays are still open"), "%s", fail.text);
    cr_assert_eq(fail.kind, FAIL_US);
    h->write->close(w);
    cr_assert_eq(call_http_check(&http, &fail), 0);
    call_http_fini(&http);
    end();
}

Test(call, refuses_a_body_over_its_limit)
{
    const gw_host *h = call_host();
    struct gw_http http;
    struct fail fail;

    begin();
    call_http_init(&http, &call, 8);
    h->http_url(&http, GW_LIT("http://x"));
    gw_writer *w = h->http_json_body(&http);
    h->write->str(w, GW_LIT("123456789"));
    cr_assert_not(call_is_full(&call));
    cr_assert_neq(h->write->end(w), GW_OK);
    cr_assert(call_is_full(&call), "not every plugin looks");
    cr_assert_eq(call_http_check(&http, &fail), -1);
    call_http_fini(&http);
    end();
}

Test(call, names_each_status)
{
    static const struct {
        gw_status status;
        const char *name;
    } rows[] = {
        { GW_OK, "ok" },           { GW_MISS, "miss" },         { GW_E_NOMEM, "nomem" },
        { GW_E_CONFIG, "config" }, { GW_E_REQUEST, "request" }, { GW_E_PROTOCOL, "protocol" },
        { GW_E_RETRY, "retry" },   { GW_E_REJECT, "reject" },   { (gw_status)1000, "an unknown status" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_str_eq(call_status_name(rows[i].status), rows[i].name);
}

/* What makes a request one that cannot be sent, in the words that reach the log. */
Test(call, names_what_was_wrong_with_the_request)
{
    static char long_url[8200], long_value[(64 << 10) + 2], long_name[258];
    static const struct {
        const char *url, *method, *name, *value, *text;
    } rows[] = {
        { "x/y", NULL, NULL, NULL, "the URL is not absolute with http or https" },
        { long_url, NULL, NULL, NULL, "the URL is longer than 8192 bytes" },
        { "http://a b", NULL, NULL, NULL, "the URL has a byte that is not allowed there" },
        { "http://a#b", NULL, NULL, NULL, "the URL has a fragment" },
        { "http://u@b", NULL, NULL, NULL, "the URL has user information" },
        { "http://", NULL, NULL, NULL, "the URL has no host" },
        { "http://a", "A B", NULL, NULL, "the HTTP method is not a token" },
        { "http://a", NULL, "a b", "c", "the name of a header is not a token" },
        { "http://a", NULL, long_name, "c", "the name of a header is not a token" },
        { "http://a", NULL, "TE", "c", "the header TE is written by the gateway, not by a plugin" },
        { "http://a", NULL, "x-a", "\n",
          "the value of the header x-a has a byte that is not allowed there or is too long" },
        { "http://a", NULL, "x-b", long_value,
          "the value of the header x-b has a byte that is not allowed there or is too long" },
    };
    const gw_host *h = call_host();
    struct gw_http http;
    struct fail fail;
    char text[200];

    memset(long_url, 'a', 8193);
    memcpy(long_url, "http://", 7);
    memset(long_value, 'a', sizeof long_value - 1);
    memset(long_name, 'a', sizeof long_name - 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        call_http_init(&http, &call, 100);
        h->http_url(&http, call_str(text_of(rows[i].url)));
        if (rows[i].method != NULL)
            h->http_method(&http, call_str(text_of(rows[i].method)));
        if (rows[i].name != NULL)
            h->http_header(&http, call_str(text_of(rows[i].name)), call_str(text_of(rows[i].value)));
        cr_assert_eq(call_http_check(&http, &fail), -1, "%zu", i);
        cr_assert_eq(fail.kind, FAIL_US);
        snprintf(text, sizeof text, "the plugin built a request that cannot be sent: %s", rows[i].text);
        cr_assert_str_eq(fail.text, text);
        call_http_fini(&http);
        end();
    }
    begin();
    call_http_init(&http, &call, 100);
    long_url[8192] = long_value[64 << 10] = long_name[256] = '\0'; /* as long as may be */
    h->http_url(&http, call_str(text_of(long_url)));
    h->http_method(&http, call_str(text_of(long_name)));
    h->http_header(&http, call_str(text_of(long_name)), call_str(text_of(long_value)));
    cr_assert_eq(call_http_check(&http, &fail), 0, "%s", fail.text);
    for (int i = 1; i <= 100; i++)
        h->http_header(&http, GW_LIT("x"), GW_LIT("y"));
    cr_assert_eq(call_http_check(&http, &fail), -1);
    cr_assert_str_eq(fail.text, "the plugin built a request that cannot be sent: more than 100 headers");
    h->http_framing(&http, 9);
    cr_assert(text_is(call.explain, "more than 100 headers"), "the first reason");
    call_http_fini(&http);
    call_http_init(&http, &call, 100);
    h->http_framing(&http, 9);
    cr_assert(text_is(call.explain, "the framing 9 is none of a stream"));
    call_http_fini(&http);
    end();
}
