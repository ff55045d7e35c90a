/* test_call.c - a call into a plugin: what outlives a step and what does not, and the request that comes out. */
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
    cr_assert_neq(h->write->end(w), GW_OK);
    cr_assert_eq(call_http_check(&http, &fail), -1);
    call_http_fini(&http);
    end();
}
