/* test_explain_policy.c - what policies decided and how targets were chosen, for people, byte for byte. */
#include <string.h>

#include "money/explain_inside.h"
#include "written.h"

static void check(const char *policies, const char *expected)
{
    struct buf out;
    gw_store_row row = { .policies = { policies, strlen(policies) } };
    buf_init(&out, 1 << 16);
    explain_write_policies(&row, &out);
    written(&out, expected);
    buf_free(&out);
}

Test(explain_policy, has_a_line_for_each_target_that_could_be_chosen)
{
    check(
        "[{\"route\":1,\"rule\":\"weighted\",\"queued_ms\":120,\"least_tokens\":70,\"targets\":["
        "{\"target\":\"a/x\",\"state\":\"usable\",\"in_flight\":3,\"weight\":2,\"share_percent\":10,\"first_token_ms\":250,"
        "\"expected_usd\":\"0.01\"},{\"target\":\"b/y\",\"state\":\"ejected\",\"left_ms\":1500}]},{\"route\":2,\"targets\":[]}]",
        "attempt 1 was chosen by weighted, after 120 ms in the queue, for a prompt of at least 70 tokens:\n"
        "  a/x: usable, 3 in flight, weight 2, 10 % of its share, first token after 250 ms, 0.01 USD expected\n"
        "  b/y: ejected for another 1.5 s\n"
        "attempt 2 was chosen:\n");
}

Test(explain_policy, has_a_line_for_each_hook)
{
    check(
        "[{\"policy\":\"guard\",\"hook\":\"on_request\",\"decision\":\"deny\",\"code\":\"not_allowed\",\"at\":\"guard.lua:4\",\"reason\":"
        "\"a card\\u001b number\",\"notes\":[\"one\",\"two\"]},{\"policy\":\"r\",\"hook\":\"on_route\",\"attempt\":2,\"observed\":true,"
        "\"decision\":\"route\",\"model\":\"m\"},{\"policy\":\"n\"}]",
        "policy \"guard\" on_request: deny not_allowed at guard.lua:4 (a card? number)\n"
        "  note: one\n"
        "  note: two\n"
        "policy \"r\" on_route of attempt 2: observed only, would route m\n"
        "policy \"n\": nothing\n");
    check("", "");
    check("no", "");
}
