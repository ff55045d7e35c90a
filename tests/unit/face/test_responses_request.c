/* test_responses_request.c - a Responses-shaped body on /chat/completions, as Cursor sends it: what it becomes, what is named
 * as dropped, what is refused. */
#include "check.h"
#include "messages_help.h"

/* The body as a chat; ends the test when it is refused. */
static const struct json *chat(const char *body)
{
    help_begin();
    const struct json *v = help_canonical(&face_chat, text_of(body));
    cr_assert_not_null(v, "%s: %s", help.fail.param, help.fail.text);
    return v;
}

static void becomes(const char *body, const char *path, const char *want)
{
    const struct json *got = help_at(chat(body), path);
    if (want == NULL)
        cr_assert_null(got, "%s: %s is %.*s", body, path, TEXT_ARG(json_text(got)));
    else
        cr_assert(got != NULL && help_equal(got, help_json(text_of(want))), "%s\n%s is %.*s", body, path,
                  TEXT_ARG(json_text(got)));
    help_end();
}

static void drops(const char *body, const char *names)
{
    struct text rest = text_of(names);
    size_t told = 0, want = 0;
    chat(body);
    for (const struct ask_dropped *d = help.ask.dropped; d != NULL; d = d->next)
        told++;
    for (; rest.len > 0; want++) {
        struct text name = text_cut(&rest, ' ');
        cr_assert(help_dropped(arena_str(&help.arena, name)), "%.*s is not told: %s", TEXT_ARG(name), body);
    }
    cr_assert_eq(told, want, "%zu instead of %zu are told: %s", told, want, body);
    help_end();
}

static void refuses(const char *body, const char *param)
{
    help_begin();
    cr_assert_null(help_canonical(&face_chat, text_of(body)), "%s", body);
    cr_assert_eq(help.fail.status, 400);
    cr_assert_str_eq(help.fail.param, param, "%s", body);
    help_end();
}

#define ASK(members) "{\"model\":\"m\",\"input\":\"hi\"" members "}"
#define ITEMS(items) "{\"model\":\"m\",\"input\":[" items "]}"
#define PARTS(parts) ITEMS("{\"role\":\"user\",\"content\":[" parts "]}")
#define FUNCTION(name) "{\"type\":\"function\",\"name\":\"" name "\",\"parameters\":{\"type\":\"object\"}}"

Test(responses_request, keeps_the_members_that_a_chat_has)
{
    becomes(ASK(",\"stop\":[\"a\"],\"seed\":3"), "stop", "[\"a\"]");
    becomes(ASK(",\"max_tokens\":5"), "max_tokens", "5");
    becomes(ASK(",\"reasoning_effort\":\"low\""), "reasoning_effort", "\"low\"");
    becomes(ASK(",\"reasoning_effort\":\"low\",\"reasoning\":{\"effort\":\"high\"}"), "reasoning_effort", "\"low\"");
    becomes(ASK(",\"prompt_cache_retention\":\"24h\""), "prompt_cache_retention", "\"24h\"");
    becomes(ASK(",\"text\":{\"verbosity\":\"low\"}"), "verbosity", "\"low\"");
    becomes(ASK(",\"max_output_tokens\":9"), "max_completion_tokens", "9");
    becomes(ASK(",\"max_output_tokens\":9,\"max_completion_tokens\":8"), "max_completion_tokens", "8");
    becomes(ASK(",\"max_output_tokens\":null"), "max_completion_tokens", NULL);
    becomes(ASK(",\"top_logprobs\":2"), "logprobs", "true");
    becomes(ASK(",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"schema\":{},\"strict\":true}}"),
            "response_format",
            "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{},\"strict\":true}}");
}

Test(responses_request, keeps_the_parts_of_a_chat_message)
{
    becomes(PARTS("{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\"}}"), "messages.0.content.0",
            "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\"}}");
    becomes(PARTS("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"aGk=\",\"format\":\"wav\"}}"),
            "messages.0.content.0",
            "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"aGk=\",\"format\":\"wav\"}}");
    becomes(PARTS("{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":\"ephemeral\"}}"),
            "messages.0.content.0", "{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":\"ephemeral\"}}");
    becomes(PARTS("{\"type\":\"input_file\",\"file_url\":\"https://x/y.pdf\",\"filename\":\"y.pdf\"}"),
            "messages.0.content.0.file", "{\"file_data\":\"https://x/y.pdf\",\"filename\":\"y.pdf\"}");
    drops(PARTS("{\"type\":\"input_image\",\"file_id\":\"f\"}"), "input.input_image");
    drops(PARTS("{\"type\":\"computer_screenshot\"}"), "input.computer_screenshot");
    refuses(ITEMS("{\"role\":\"user\",\"content\":7}"), "input");
    refuses(ITEMS("7"), "input");
    refuses("{\"model\":\"m\",\"input\":7}", "input");
}

Test(responses_request, makes_one_message_of_a_text_and_the_calls_after_it)
{
    becomes(
        ITEMS("{\"role\":\"assistant\",\"content\":\"a\"},{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":"
              "\"f\",\"arguments\":\"{}\"},{\"type\":\"custom_tool_call\",\"call_id\":\"d\",\"name\":\"g\",\"input\":"
              "\"x\"}"),
        "messages",
        "[{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":"
        "{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"d\",\"type\":\"custom\",\"custom\":{\"name\":\"g\",\"input\":"
        "\"x\"}}]}]");
    becomes(ITEMS("{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":[{\"type\":\"input_text\",\"text\":"
                  "\"see\"},{\"type\":\"input_image\",\"image_url\":\"https://x/y.png\"}]}"),
            "messages",
            "[{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":[{\"type\":\"text\",\"text\":\"see\"},{\"type\":"
            "\"text\",\"text\":\"[image or file: see the next "
            "message]\"}]},{\"role\":\"user\",\"content\":[{\"type\":\"text\","
            "\"text\":\"Returned by the tool call c:\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/"
            "y.png\"}}]}]");
}

Test(responses_request, translates_tools_and_which_may_be_called)
{
    becomes(
        ASK(",\"tools\":[{\"type\":\"custom\",\"name\":\"patch\",\"format\":{\"type\":\"grammar\",\"syntax\":"
            "\"lark\",\"definition\":\"x\"}}]"),
        "tools.0",
        "{\"type\":\"custom\",\"custom\":{\"name\":\"patch\",\"format\":{\"type\":\"grammar\",\"grammar\":{\"syntax\":"
        "\"lark\",\"definition\":\"x\"}}}}");
    becomes(ASK(",\"tools\":[{\"type\":\"custom\",\"name\":\"p\",\"format\":{\"type\":\"text\"}}]"), "tools.0.custom",
            "{\"name\":\"p\",\"format\":{\"type\":\"text\"}}");
    becomes(ASK(",\"tools\":[" FUNCTION("f") "],\"tool_choice\":{\"type\":\"custom\",\"name\":\"f\"}"), "tool_choice",
            "{\"type\":\"custom\",\"custom\":{\"name\":\"f\"}}");
    becomes(ASK(",\"tools\":[" FUNCTION("f") "],\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"),
            "tool_choice", "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}");
    becomes(ASK(",\"tools\":[" FUNCTION("f") "],\"tool_choice\":{\"type\":\"allowed_tools\",\"mode\":\"required\","
                                             "\"tools\":[{\"type\":\"function\",\"name\":\"f\"}]}"),
            "tool_choice",
            "{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"required\",\"tools\":[{\"type\":\"function\","
            "\"function\":{\"name\":\"f\"}}]}}");
    becomes(ASK(",\"tools\":[{\"type\":\"web_search\"}],\"tool_choice\":\"auto\""), "tools", NULL);
    becomes(ASK(",\"tools\":[{\"type\":\"web_search\"}],\"tool_choice\":\"auto\""), "tool_choice", NULL);
    drops(ASK(",\"tools\":[{\"type\":\"web_search\"},{\"type\":\"mcp\"}]"), "tools");
    drops(ASK(",\"tools\":[" FUNCTION("f") "],\"tool_choice\":{\"type\":\"web_search\"}"), "tool_choice");
}

Test(responses_request, tells_what_it_drops_once)
{
    drops(ASK(",\"truncation\":\"auto\",\"max_tool_calls\":3"), "truncation max_tool_calls");
    drops(ASK(",\"truncation\":null,\"background\":false,\"previous_response_id\":null"), "");
    drops(ASK(",\"reasoning\":{\"effort\":\"low\",\"summary\":\"auto\"}"), "reasoning.summary");
    drops(ASK(",\"include\":[\"reasoning.encrypted_content\"]"), "include");
    drops(ASK(",\"include\":[]"), "");
    drops(ITEMS("{\"type\":\"reasoning\",\"summary\":[]},{\"type\":\"reasoning\",\"summary\":[]}"), "input");
    /* the name goes into a header */
    drops(ASK(",\"a\\r\\nx-evil: 1\":1"), "a??x-evil??1");
}

/* What leans on a conversation that is kept elsewhere would be answered without it. */
Test(responses_request, refuses_what_must_not_be_left_out)
{
    refuses(ASK(",\"previous_response_id\":\"r\""), "previous_response_id");
    refuses(ASK(",\"conversation\":{\"id\":\"c\"}"), "conversation");
    refuses(ASK(",\"prompt\":{\"id\":\"p\"}"), "prompt");
    refuses(ASK(",\"background\":true"), "background");
    refuses(ITEMS("{\"type\":\"item_reference\",\"id\":\"i\"}"), "input");
}
