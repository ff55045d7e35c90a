/* test_policy.c - what policies are shown of a request's head. */
#include <string.h>

#include "check.h"
#include "flow/policy.h"
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
