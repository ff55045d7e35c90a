/* test_messages_request.c - what becomes of an Anthropic request in the canonical shape, member by member. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "messages_help.h"

#define ASK(members)                                                                                                   \
    "{\"model\":\"m\",\"max_tokens\":100,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" members "}"
#define TURNS(turns) "{\"model\":\"m\",\"max_tokens\":100,\"messages\":[" turns "]}"
#define USER(blocks) "{\"role\":\"user\",\"content\":[" blocks "]}"
#define SAID(blocks) "{\"role\":\"assistant\",\"content\":[" blocks "]}"
#define T(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
#define CACHE ",\"cache_control\":{\"type\":\"ephemeral\"}"

/* The messages of the canonical request mean the same as `want`. */
static void becomes(const char *body, const char *want)
{
    help_begin();
    const struct json *got = json_member(help_translate(body), "messages");
    cr_assert(help_equal(got, help_json(text_of(want))), "%s\nbecame %.*s", body, TEXT_ARG(json_text(got)));
    help_end();
}

/* The member of the canonical request, NULL for none. */
static void has(const char *body, const char *member, const char *want)
{
    help_begin();
    const struct json *v = help_translate(body), *got = json_get(v, text_of(member));
    if (want == NULL)
        cr_assert_null(got, "%s: %s is %.*s", body, member, TEXT_ARG(json_text(got)));
    else
        cr_assert(help_equal(got, help_json(text_of(want))), "%s: %.*s", member, TEXT_ARG(json_text(v)));
    help_end();
}

Test(messages_request, puts_the_system_prompt_first)
{
    becomes(ASK(",\"system\":\"be kind\""),
            "[{\"role\":\"system\",\"content\":\"be kind\"},{\"role\":\"user\",\"content\":\"hi\"}]");
    becomes(ASK(",\"system\":[" T("x-anthropic-billing-header: cch=1;") "," T(
                "a") ",{\"type\":\"text\",\"text\":\"b\"" CACHE "}]"),
            "[{\"role\":\"system\",\"content\":[" T("a") ",{\"type\":\"text\",\"text\":\"b\"" CACHE
                                                         "}]},{\"role\":\"user\",\"content\":\"hi\"}]");
    becomes(ASK(",\"system\":[" T("x-anthropic-billing-header: cch=1;\\n\\nbe kind") "]"),
            "[{\"role\":\"system\",\"content\":\"x-anthropic-billing-header: cch=1;\\n\\nbe kind\"},"
            "{\"role\":\"user\",\"content\":\"hi\"}]");
    becomes(ASK(",\"system\":\"\""), "[{\"role\":\"user\",\"content\":\"hi\"}]");
    becomes(ASK(",\"system\":[]"), "[{\"role\":\"user\",\"content\":\"hi\"}]");
    becomes(TURNS(USER(T("a")) ",{\"role\":\"system\",\"content\":[" T("now") "]}," USER(T("b"))),
            "[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"system\",\"content\":\"now\"},{\"role\":\"user\","
            "\"content\":\"b\"}]");
    becomes(TURNS(USER(T("a") ",{\"type\":\"mid_conv_system\",\"content\":[" T("now") "]}")),
            "[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"system\",\"content\":\"now\"}]");
}

Test(messages_request, turns_images_and_documents_into_parts)
{
    becomes(TURNS(USER(T("look") ",{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/"
                                 "png\",\"data\":\"aGk=\"}}"
                                 ",{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/y.png\"}" CACHE
                                 "}")),
            "[{\"role\":\"user\",\"content\":[" T(
                "look") ",{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,aGk=\"}}"
                        ",{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\"}" CACHE "}]}]");
    becomes(TURNS(USER("{\"type\":\"document\",\"title\":\"t.pdf\",\"source\":{\"type\":\"base64\",\"media_type\":"
                       "\"application/pdf\","
                       "\"data\":\"JVBERi0=\"}},{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://"
                       "x/y.pdf\"}}")),
            "[{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"filename\":\"t.pdf\",\"file_data\":\"data:"
            "application/pdf;"
            "base64,JVBERi0=\"}},{\"type\":\"file\",\"file\":{\"filename\":\"document.pdf\",\"file_data\":\"https://x/"
            "y.pdf\"}}]}]");
    becomes(
        TURNS(USER(
            "{\"type\":\"document\",\"title\":\"Notes\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\","
            "\"data\":\"long\"}}")),
        "[{\"role\":\"user\",\"content\":[" T("Notes") "," T("long") "]}]");
#define DOCUMENT(parts) "{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":[" parts "]}}"
#define BESIDE(parts) ",\"x_origin\":{\"dialect\":\"messages\",\"content\":[" T("see") "," DOCUMENT(parts) "]}}]"
    becomes(TURNS(USER(T("see") "," DOCUMENT(T("one") "," T("two")))),
            "[{\"role\":\"user\",\"content\":[" T("see") "," T("one") "," T("two") "]" BESIDE(T("one") "," T("two")));
    becomes(TURNS(USER(T("see") "," DOCUMENT(T("one")))),
            "[{\"role\":\"user\",\"content\":[" T("see") "," T("one") "]" BESIDE(T("one")));
    becomes(TURNS(USER(T("see") "," DOCUMENT(T("")))), "[{\"role\":\"user\",\"content\":\"see\"" BESIDE(T("")));
}

Test(messages_request, gives_each_tool_result_its_own_message_before_the_rest)
{
    becomes(
        TURNS(USER(T("and") ",{\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"content\":\"1\"}"
                            ",{\"type\":\"tool_result\",\"tool_use_id\":\"b\",\"is_error\":true,\"content\":[" T(
                                "x") "," T("y") "]}"
                                                ",{\"type\":\"tool_result\",\"tool_use_id\":\"c\"},{\"type\":\"tool_"
                                                "result\",\"tool_use_id\":\"gw1-Zi54OjA\","
                                                "\"content\":[" T("z") "]" CACHE "}")),
        "[{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"1\"},"
        "{\"role\":\"tool\",\"tool_call_id\":\"b\",\"is_error\":true,\"content\":[" T("x") "," T(
            "y") "]},"
                 "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"\"},"
                 "{\"role\":\"tool\",\"tool_call_id\":\"f.x:0\",\"content\":[{\"type\":\"text\",\"text\":\"z\"" CACHE
                 "}]},"
                 "{\"role\":\"user\",\"content\":\"and\"}]");
}

Test(messages_request, shows_images_of_tools_in_the_message_after)
{
    static const char image[] =
        "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"aGk=\"}}";
    static const char part[] = "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,aGk=\"}}";
    char body[2000], want[2000];
    snprintf(body, sizeof body,
             TURNS(USER("{\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"content\":[" T("see") ",%s]}," T("?"))),
             image);
    snprintf(want, sizeof want,
             "[{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":[" T("see") "," T(
                 "[image: see the next message]") "]},"
                                                  "{\"role\":\"user\",\"content\":[" T(
                                                      "Returned by the tool call a:") ",%s," T("?") "]}]",
             part);
    becomes(body, want);
    snprintf(body, sizeof body, TURNS(USER("{\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"content\":[%s]}")),
             image);
    snprintf(want, sizeof want,
             "[{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":[" T(
                 "[image: see the next message]") "]},"
                                                  "{\"role\":\"user\",\"content\":[" T(
                                                      "Returned by the tool call a:") ",%s]}]",
             part);
    becomes(body, want);
}

#define CALL(id, input) "{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"f\",\"input\":" input "}"
#define THINK(text, signature) "{\"type\":\"thinking\",\"thinking\":\"" text "\",\"signature\":\"" signature "\"}"

Test(messages_request, makes_one_message_of_what_the_assistant_said)
{
    becomes(TURNS(SAID(T("a") "," CALL("x", "{\"n\": 1.50}") "," CALL("y", "{}"))),
            "[{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":["
            "{\"id\":\"x\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"n\\\": 1.50}\"}},"
            "{\"id\":\"y\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}]");
    becomes(TURNS(SAID(CALL("x", "{}"))),
            "[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["
            "{\"id\":\"x\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}]");
    becomes(TURNS(SAID(T("a") "," T("") "," T("b"))), "[{\"role\":\"assistant\",\"content\":[" T("a") "," T("b") "]}]");
    becomes(TURNS(SAID("")), "[{\"role\":\"assistant\",\"content\":\"\"}]");
}

Test(messages_request, keeps_thinking_with_its_signature)
{
    becomes(TURNS(SAID(THINK("hm", "EqQB") ",{\"type\":\"redacted_thinking\",\"data\":\"zz\"}," T("a"))),
            "[{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"hm\",\"reasoning_details\":["
            "{\"type\":\"reasoning.text\",\"text\":\"hm\",\"signature\":\"EqQB\",\"format\":\"anthropic-claude-v1\","
            "\"index\":0},"
            "{\"type\":\"reasoning.encrypted\",\"data\":\"zz\",\"format\":\"anthropic-claude-v1\",\"index\":1}]}]");
    becomes(TURNS(SAID(THINK("", "EqQB") "," T("a"))),
            "[{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_details\":["
            "{\"type\":\"reasoning.text\",\"text\":\"\",\"signature\":\"EqQB\",\"format\":\"anthropic-claude-v1\","
            "\"index\":0}]}]");
    /* without a signature, or with a broken one of ours: the text only */
    becomes(TURNS(SAID(THINK("hm", "") "," T("a"))),
            "[{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"hm\"}]");
    becomes(TURNS(SAID(THINK("hm", "gw1.!!") "," T("a"))),
            "[{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"hm\"}]");
}

#define SERVER "{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}}"
#define ORIGIN(blocks) "\"x_origin\":{\"dialect\":\"messages\",\"content\":[" blocks "]}"

Test(messages_request, keeps_whole_what_has_no_equal)
{
    becomes(TURNS(SAID(SERVER "," T("a"))),
            "[{\"role\":\"assistant\",\"content\":\"a\"," ORIGIN(SERVER "," T("a")) "}]");
    /* an order that a chat message cannot express */
    becomes(TURNS(SAID(T("a") "," THINK("hm", "EqQB"))),
            "[{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"hm\",\"reasoning_details\":[{\"type\":"
            "\"reasoning.text\","
            "\"text\":\"hm\",\"signature\":\"EqQB\",\"format\":\"anthropic-claude-v1\",\"index\":0}]," ORIGIN(
                T("a") "," THINK("hm", "EqQB")) "}]");
    /* never what only the gateway can read */
    becomes(
        TURNS(SAID(SERVER "," THINK("hm", "gw1.e30") ",{\"type\":\"text\",\"text\":\"a\",\"citations\":[{\"type\":"
                                                     "\"web_search_result_location\",\"encrypted_index\":\"gw1.\"}]}")),
        "[{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"hm\"," ORIGIN(SERVER "," T("a")) "}]");
    becomes(TURNS(USER("{\"type\":\"container_upload\",\"file_id\":\"f\"}")),
            "[{\"role\":\"user\",\"content\":\"\"," ORIGIN("{\"type\":\"container_upload\",\"file_id\":\"f\"}") "}]");
    help_begin();
    help_translate(TURNS(SAID(SERVER "," T("a"))));
    cr_assert(help_dropped("messages.server_tool_use"));
    help_end();
}

Test(messages_request, translates_the_parameters)
{
    has(ASK(""), "max_completion_tokens", "100");
    has(ASK(""), "max_tokens", NULL);
    has(ASK(",\"stop_sequences\":[\"a\",\"b\"]"), "stop", "[\"a\",\"b\"]");
    has(ASK(",\"stop_sequences\":[]"), "stop", NULL);
    has(ASK(",\"temperature\":0.70"), "temperature", "0.7");
    has(ASK(",\"top_p\":0.9,\"top_k\":40"), "top_k", "40");
    has(ASK(",\"stream\":true"), "stream_options", "{\"include_usage\":true}");
    has(ASK(",\"stream\":false"), "stream", NULL);
    has(ASK(",\"metadata\":{\"user_id\":\"u1\"}"), "safety_identifier", "\"u1\"");
    has(ASK(",\"metadata\":{\"user_id\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}"),
        "safety_identifier", "\"57445fa40b08c60cdcba7ca39c756de614d11482e3f15a925f548688c19e58f4\"");
    has(ASK(",\"service_tier\":\"auto\""), "service_tier", "\"auto\"");
    has(ASK(",\"service_tier\":\"standard_only\""), "service_tier", "\"default\"");
    has(ASK(",\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}}}"),
        "response_format",
        "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"output\",\"schema\":{\"type\":\"object\"},\"strict\":"
        "true}}");
    has(ASK(",\"output_format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}}"), "response_format",
        "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"output\",\"schema\":{\"type\":\"object\"},\"strict\":"
        "true}}");
}

Test(messages_request, translates_effort)
{
    has(ASK(""), "reasoning_effort", NULL);
    has(ASK(",\"thinking\":{\"type\":\"adaptive\"}"), "reasoning_effort", "\"high\"");
    has(ASK(",\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"xhigh\"}"), "reasoning_effort",
        "\"xhigh\"");
    has(ASK(",\"thinking\":{\"type\":\"disabled\"}"), "reasoning_effort", "\"none\"");
    has(ASK(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":25}"), "reasoning_effort", "\"low\"");
    has(ASK(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":60}"), "reasoning_effort", "\"medium\"");
    has(ASK(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":61}"), "reasoning_effort", "\"high\"");
    help_begin();
    const struct json *v =
        help_canonical(&face_count_tokens, TEXT("{\"model\":\"m\",\"messages\":[],\"thinking\":{\"type\":"
                                                "\"enabled\",\"budget_tokens\":10000}}"));
    cr_assert_str_eq(help_str(v, "reasoning_effort"), "medium");
    cr_assert_null(json_member(v, "max_completion_tokens"));
    help_end();
}

#define TOOL "{\"name\":\"f\",\"description\":\"d\",\"input_schema\":{\"type\":\"object\"}"
#define TOOLS ",\"tools\":[" TOOL "}]"

Test(messages_request, translates_tools)
{
    has(ASK(",\"tools\":[" TOOL ",\"strict\":true" CACHE "},{\"type\":\"custom\",\"name\":\"g\",\"input_schema\":{}}]"),
        "tools",
        "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":{\"type\":"
        "\"object\"},\"strict\":true}" CACHE
        "},{\"type\":\"function\",\"function\":{\"name\":\"g\",\"parameters\":{}}}]");
    has(ASK(",\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\",\"max_uses\":3,\"user_location\":"
            "{\"type\":\"approximate\",\"city\":\"Oslo\",\"country\":\"NO\"}}]"),
        "web_search_options",
        "{\"user_location\":{\"type\":\"approximate\",\"approximate\":{\"city\":\"Oslo\",\"country\":\"NO\"}}}");
    has(ASK(",\"tools\":[{\"type\":\"bash_20250124\",\"name\":\"bash\"}],\"tool_choice\":{\"type\":\"any\"}"), "tools",
        NULL);
    has(ASK(",\"tools\":[{\"type\":\"bash_20250124\",\"name\":\"bash\"}],\"tool_choice\":{\"type\":\"any\"}"),
        "tool_choice", NULL);
    has(ASK(TOOLS ",\"tool_choice\":{\"type\":\"auto\"}"), "tool_choice", "\"auto\"");
    has(ASK(TOOLS ",\"tool_choice\":{\"type\":\"tool\"}"), "tool_choice", NULL);
    has(ASK(TOOLS ",\"tool_choice\":{\"type\":\"tool\",\"name\":7}"), "tool_choice", NULL);
    has(ASK(TOOLS ",\"tool_choice\":{\"type\":\"any\"}"), "tool_choice", "\"required\"");
    has(ASK(TOOLS ",\"tool_choice\":{\"type\":\"none\"}"), "tool_choice", "\"none\"");
    has(ASK(TOOLS ",\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\"}"), "tool_choice",
        "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}");
    has(ASK(TOOLS ",\"tool_choice\":{\"type\":\"tool\",\"name\":\"bash\"}"), "tool_choice", NULL);
    has(ASK(TOOLS ",\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":true}"), "parallel_tool_calls",
        "false");
    has(ASK(TOOLS ",\"tool_choice\":{\"type\":\"auto\"}"), "parallel_tool_calls", NULL);
}

Test(messages_request, tells_what_it_drops)
{
    static const char *const dropped[] = { "container",
                                           "context_management",
                                           "mcp_servers",
                                           "inference_geo",
                                           "new?member",
                                           "thinking.display",
                                           "tools.defer_loading",
                                           "tools.bash_20250124",
                                           "tools.web_search.max_uses",
                                           "output_config.task_budget",
                                           "system.x-anthropic-billing-header" };
    help_begin();
    const struct json *v = help_translate(ASK(
        ",\"container\":\"c\",\"context_management\":{},\"mcp_servers\":[],\"inference_geo\":\"us\",\"new member\":1,"
        "\"thinking\":{\"type\":\"adaptive\",\"display\":\"omitted\"},\"output_config\":{\"task_budget\":{}},"
        "\"system\":[{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: a\"}],\"tools\":[" TOOL
        ",\"defer_loading\":true}," TOOL ",\"defer_loading\":true},{\"type\":\"bash_20250124\",\"name\":\"bash\"},"
        "{\"type\":\"web_search_20250305\",\"name\":\"web_search\",\"max_uses\":3}]"));
    size_t count = 0;
    for (const struct ask_dropped *d = help.ask.dropped; d != NULL; d = d->next)
        count++;
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
        cr_assert(help_dropped(dropped[i]), "%s", dropped[i]);
    cr_assert_eq(count, sizeof dropped / sizeof *dropped, "each is told once");
    cr_assert_eq(face_messages.canonical(&help.arena, &help.ask, &help.fail), v, "a second attempt gets the same");
    help_end();
}

Test(messages_request, refuses_turns_that_are_none)
{
    static const struct {
        const char *body, *param;
    } rows[] = {
        { TURNS("\"hi\""), "messages[0]" },
        { TURNS(USER("") ",{\"role\":\"robot\",\"content\":\"\"}"), "messages[1].role" },
        { TURNS("{\"role\":\"user\"}"), "messages[0].content" },
        { TURNS(USER("\"text\"")), "messages[0].content" },
        { TURNS(USER("{\"text\":\"no type\"}")), "messages[0].content" },
        { ASK(",\"system\":7"), "system" },
        { ASK(",\"tools\":{}"), "tools" },
        { ASK(",\"tools\":[\"f\"]"), "tools" },
        { ASK(TOOLS ",\"tool_choice\":\"auto\""), "tool_choice" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        help_begin();
        cr_assert_null(help_canonical(&face_messages, text_of(rows[i].body)), "%s", rows[i].body);
        cr_assert_eq(help.fail.status, 400);
        cr_assert_str_eq(help.fail.param, rows[i].param, "%s", rows[i].body);
        help_end();
    }
}

Test(messages_request, does_not_mind_depth_and_odd_types)
{
    struct buf body;
    help_begin();
    buf_init(&body, 1 << 20);
    buf_str(&body, "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[],\"tools\":[{\"name\":\"f\",\"input_schema\":");
    for (int i = 0; i < 61; i++)
        buf_str(&body, "{\"a\":");
    buf_str(&body, "1");
    for (int i = 0; i < 61; i++)
        buf_str(&body, "}");
    buf_str(&body, "}]}");
    cr_assert_null(help_canonical(&face_messages, buf_view(&body)), "one level deeper than JSON may be");
    cr_assert_eq(help.fail.status, 400);
    buf_free(&body);
    cr_assert_not_null(help_canonical(
        &face_messages,
        TEXT(TURNS(USER(
            "{\"type\":\"text\",\"text\":7},{\"type\":\"image\"},{\"type\":"
            "\"document\",\"source\":[]},{\"type\":\"tool_result\"},"
            "{\"type\":\"search_result\"}") "," SAID("{\"type\":\"tool_use\"},"
                                                     "{\"type\":\"thinking\"},{\"type\":\"redacted_thinking\"}")))));
    help_end();
}
