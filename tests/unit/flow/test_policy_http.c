/* test_policy_http.c - gw.http: what is sent to a place of a policy, and what the policy gets of its answer. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "fake_transfer.h"
#include "fixture.h"
#include "flow/policy_http.h"
#include "flow/way.h"

static struct config_header place_headers[] = { { .name = { "x-a", 3 }, .value = { "1", 1 } },
                                                { .name = { "Accept", 6 }, .value = { "text/plain", 10 } } };
static struct config_place place = { .name = "db", .url = { "http://db.test/v1", 17 } };
static struct fixture f;
static struct request *req;
static unsigned overs;

static void over(void *arg)
{
    cr_assert_eq(arg, &overs);
    overs++;
}

static void begin(void)
{
    static const char *const none[] = { "end", NULL };
    fixture_open(&f, (const char *const *const[]){ none }, 1);
    req = fixture_head(&f, 10);
    overs = 0;
}

static void end(void)
{
    request_client_gone(req);
    request_end(req);
    fixture_close(&f);
}

/* "name: value;" of each header that is sent. */
static const char *headers(void)
{
    static char text[500];
    const struct transfer_request *sent = fake_request();
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sent->header_count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%.*s: %.*s;", TEXT_ARG(sent->headers[i].name),
                              TEXT_ARG(sent->headers[i].value));
    return text;
}

Test(policy_http, sends_the_headers_of_the_place_and_of_the_policy)
{
    static const struct script_header own[] = { { { "x-b", 3 }, { "2", 1 } }, { { "User-Agent", 10 }, { "rule", 4 } } };
    static const struct {
        size_t of_place, of_policy;
        bool post;
        const char *sent;
    } rows[] = {
        { 0, 0, false, "accept: application/json, */*;q=0.5;user-agent: llm-gateway;" },
        { 1, 1, false, "x-a: 1;x-b: 2;accept: application/json, */*;q=0.5;user-agent: llm-gateway;" },
        { 2, 2, true, "x-a: 1;Accept: text/plain;x-b: 2;User-Agent: rule;content-type: text/x;" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct script_http http = { .place = &place,
                                    .post = rows[i].post,
                                    .path = TEXT("/q?a=1"),
                                    .body = TEXT("the body"),
                                    .body_type = rows[i].post ? TEXT("text/x") : TEXT_NONE,
                                    .headers = own,
                                    .header_count = rows[i].of_policy };
        begin();
        place.headers = place_headers;
        place.header_count = rows[i].of_place;
        struct policy_http *h = policy_http_start(req, &http, clock_ns() + CLOCK_S, over, &overs);
        cr_assert_str_eq(headers(), rows[i].sent, "%zu", i);
        cr_assert(text_is(fake_request()->method, rows[i].post ? "POST" : "GET"));
        cr_assert(text_is(fake_request()->url, "http://db.test/v1/q?a=1"));
        cr_assert_eq(fake_request()->body_count, rows[i].post ? 1u : 0u);
        policy_http_cancel(h);
        cr_assert_not(fake_runs());
        policy_http_cancel(h);
        cr_assert_eq(overs, 0u);
        end();
    }
}

Test(policy_http, gives_the_policy_the_answer_or_why_there_is_none)
{
    static const struct {
        enum transfer_failure failure;
        const char *why;
    } rows[] = {
        { TRANSFER_OK, NULL },
        { TRANSFER_TIME_CONNECT, "timeout" },
        { TRANSFER_TIME_FIRST, "timeout" },
        { TRANSFER_TIME_IDLE, "timeout" },
        { TRANSFER_TIME_TOTAL, "timeout" },
        { TRANSFER_CONNECT, "it cannot be reached" },
        { TRANSFER_TOO_LARGE, "its answer has more than 1 MB" },
        { TRANSFER_CUT, "its answer is broken" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct script_http http = { .place = &place };
        begin();
        policy_http_start(req, &http, clock_ns() + CLOCK_S, over, &overs);
        fake_head(201, "Text/Plain");
        fake_body(TEXT("one "));
        fake_body(TEXT("two"));
        cr_assert_eq(overs, 0u);
        fake_done(rows[i].failure);
        cr_assert_eq(overs, 1u);
        cr_assert_eq(http.status, rows[i].why == NULL ? 201 : 0);
        cr_assert_str_eq(http.why != NULL ? http.why : "-", rows[i].why != NULL ? rows[i].why : "-");
        if (rows[i].why == NULL) {
            cr_assert(text_is(http.text, "one two"));
            cr_assert_eq(http.got_count, 1u);
            cr_assert(text_is(http.got[0].name, "content-type"));
            cr_assert(text_is(http.got[0].value, "Text/Plain"));
        }
        end();
    }
}
