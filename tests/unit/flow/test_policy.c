/* test_policy.c - what policies are shown of a request's head, and what a client gets of their refusal. */
#include <string.h>

#include "check.h"
#include "flow/policy.h"
#include "flow/policy_inside.h"
#include "flow/way.h"

Test(policy, sees_each_header_but_those_with_a_credential)
{
    static const struct door_header headers[] = {
        { "X-One", "1" },   { "Authorization", "s" }, { "Proxy-Authorization", "s" }, { "cookie", "s" },
        { "Api-Key", "s" }, { "x-api-key", "s" },     { "x-goog-api-key", "s" },      { "x-amz-security-token", "s" },
        { "x-two", "2" },
    };
    static struct request req;
    struct request_head head = { .headers = headers, .header_count = sizeof headers / sizeof *headers };
    memset(&req, 0, sizeof req);
    arena_init(&req.arena, NULL, 0, 1 << 16);
    policy_begin(&req, &head);
    cr_assert_eq(req.policy->header_count, 2u);
    cr_assert(text_is(req.policy->headers[0].name, "X-One"));
    cr_assert(text_is(req.policy->headers[0].value, "1"));
    cr_assert(text_is(req.policy->headers[1].name, "x-two"));
    cr_assert(text_is(req.policy->headers[1].value, "2"));
    arena_fini(&req.arena);
}

Test(policy, refuses_with_the_type_of_the_status)
{
    static const struct {
        int status, retry_after_s;
        const char *code, *type;
        int should_retry;
    } rows[] = {
        { 400, 0, "c", "invalid_request_error", 0 },
        { 400, 0, "project_spend_limit_exceeded", "insufficient_quota", 0 },
        { 429, 9, "project_spend_limit_exceeded", "insufficient_quota", 1 },
        { 401, 0, "c", "authentication_error", 0 },
        { 402, 0, "c", "invalid_request_error", 0 },
        { 403, 0, "c", "permission_error", 0 },
        { 404, 0, "c", "invalid_request_error", 0 },
        { 428, 0, "c", "invalid_request_error", 0 },
        { 429, 1, "c", "rate_limit_error", 1 },
        { 430, 0, "c", "invalid_request_error", 0 },
        { 499, 0, "c", "invalid_request_error", 0 },
        { 500, 0, "c", "server_error", 0 },
        { 503, 30, "c", "server_error", 1 },
    };
    static struct request req;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct script_request p = { .refusal = { .status = rows[i].status,
                                                 .retry_after_s = rows[i].retry_after_s,
                                                 .code = text_of(rows[i].code),
                                                 .text = TEXT("not 100 % today") } };
        memset(&req, 0, sizeof req);
        arena_init(&req.arena, NULL, 0, 1 << 16);
        req.policy = &p;
        cr_assert_eq(policy_take(&req, SCRIPT_DENY), FAIL);
        cr_assert_eq(req.fail.kind, FAIL_CLIENT);
        cr_assert_eq(req.fail.status, rows[i].status);
        cr_assert_str_eq(req.fail.type, rows[i].type);
        cr_assert_str_eq(req.fail.code, rows[i].code);
        cr_assert_str_eq(req.fail.text, "not 100 % today");
        cr_assert_eq(req.fail.retry_after_s, rows[i].retry_after_s);
        cr_assert_eq(req.fail.should_retry, rows[i].should_retry, "%zu", i);
        arena_fini(&req.arena);
    }
}

Test(policy, passes_or_fails)
{
    static struct request req;
    memset(&req, 0, sizeof req);
    cr_assert_eq(policy_take(&req, SCRIPT_PASS), NEXT);
    cr_assert_null(req.fail.code);
    cr_assert_eq(policy_take(&req, SCRIPT_FAILED), FAIL);
    cr_assert_eq(req.fail.status, 500);
    cr_assert_str_eq(req.fail.code, "internal_error");
    cr_assert_str_eq(req.fail.text, "the gateway could not decide on this request: its operator finds why in the log");
}
