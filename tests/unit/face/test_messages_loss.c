/* test_messages_loss.c - whatever an Anthropic request has either arrives in the canonical one or is named as dropped.
 */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "messages_help.h"

#define ASK(members)                                                                                                   \
    "{\"model\":\"m\",\"max_tokens\":100,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" members "}"
#define TURN(role, blocks)                                                                                             \
    "{\"model\":\"m\",\"max_tokens\":100,\"messages\":[{\"role\":\"" role "\",\"content\":[" blocks "]}]}"
#define USER(blocks) TURN("user", blocks)
#define SAID(blocks) TURN("assistant", blocks)
#define PDF "\"source\":{\"type\":\"base64\",\"media_type\":\"application/pdf\",\"data\":\"JVBERi0=\"}"
#define CACHE "\"cache_control\":{\"type\":\"ephemeral\"}"
#define SEARCH ",\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\""
#define TOOL ",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}"

/* Each of the names, blank-separated, is reported, and nothing else. */
static void drops(const char *body, const char *names)
{
    struct text rest = text_of(names);
    size_t told = 0, want = 0;
    help_begin();
    help_translate(body);
    for (const struct ask_dropped *d = help.ask.dropped; d != NULL; d = d->next, told++)
        cr_assert(d->why != NULL && d->why[0] != '\0');
    while (rest.len > 0) {
        struct text name = text_cut(&rest, ' ');
        cr_assert(help_dropped(arena_str(&help.arena, name)), "%.*s is not told: %s", TEXT_ARG(name), body);
        want++;
    }
    cr_assert_eq(told, want, "%zu instead of %zu are told: %s", told, want, body);
    help_end();
}

static void refuses(const char *body, const char *param)
{
    help_begin();
    cr_assert_null(help_canonical(&face_messages, text_of(body)), "%s", body);
    cr_assert_eq(help.fail.status, 400);
    cr_assert_str_eq(help.fail.param, param, "%s", body);
    help_end();
}

Test(messages_loss, of_blocks)
{
    drops(USER("{\"type\":\"document\",\"title\":\"t\"," PDF "}"), "");
    drops(USER("{\"type\":\"document\",\"context\":\"c\"," PDF "}"), "messages.document.context");
    drops(USER("{\"type\":\"document\",\"context\":\"c\",\"source\":{\"type\":\"text\",\"data\":\"x\"}}"), "");
    drops(USER("{\"type\":\"document\",\"citations\":{\"enabled\":true}," PDF "}"), "messages.document.citations");
    drops(USER("{\"type\":\"document\",\"citations\":{\"enabled\":false}," PDF "}"), "");
    drops(USER("{\"type\":\"document\",\"citations\":null," PDF "}"), "");
    drops(USER("{\"type\":\"search_result\",\"source\":\"s\",\"title\":\"t\",\"content\":[{\"type\":\"text\",\"text\":"
               "\"x\"}],\"citations\":{\"enabled\":true}," CACHE "}"),
          "messages.search_result.citations messages.search_result.cache_control");
    drops(SAID("{\"type\":\"text\",\"text\":\"a\",\"citations\":[{\"type\":\"char_location\"}]}"),
          "messages.text.citations");
    drops(SAID("{\"type\":\"text\",\"text\":\"a\",\"citations\":[{\"type\":\"web_search_result_location\","
               "\"encrypted_index\":\"gw1.\"}]}"),
          "");
    drops(SAID("{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{},\"caller\":{\"type\":\"direct\"}}"),
          "");
    drops(SAID("{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{},\"caller\":{\"type\":\"code\"}," CACHE
               "}"),
          "messages.tool_use.caller messages.tool_use.cache_control");
    drops(USER("{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/y.png\"}," CACHE ",\"new\":1}"),
          "messages.image.new");
}

Test(messages_loss, of_blocks_in_the_wrong_place)
{
    drops(USER("{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{}}"), "messages.tool_use");
    drops(USER("{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"s\"}"), "messages.thinking");
    drops(SAID("{\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"content\":\"x\"}"), "messages.tool_result");
    drops(SAID("{\"type\":\"mid_conv_system\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}"),
          "messages.mid_conv_system");
    drops(USER("{\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"content\":[{\"type\":\"server_thing\"}]}"),
          "messages.server_thing");
    drops(USER("{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":[{\"type\":\"server_thing\"}]}}"),
          "messages.server_thing");
    drops(USER("{\"type\":\"mid_conv_system\",\"content\":[{\"type\":\"server_thing\"}]}"), "messages.server_thing");
    drops(ASK(",\"system\":[{\"type\":\"server_thing\"}]"), "messages.server_thing");
    refuses(ASK(",\"system\":[{\"text\":\"no type\"}]"), "system");
}

Test(messages_loss, of_tools)
{
    drops(ASK(TOOL ",\"strict\":true," CACHE "}]"), "");
    drops(ASK(TOOL ",\"input_examples\":[{}],\"eager_input_streaming\":true}]"),
          "tools.input_examples tools.eager_input_streaming");
    drops(ASK(TOOL ",\"defer_loading\":false,\"allowed_callers\":null}]"), "");
    drops(ASK(SEARCH ",\"allowed_domains\":[\"x.org\"]," CACHE "}]"),
          "tools.web_search.allowed_domains tools.web_search.cache_control");
    drops(ASK(SEARCH ",\"max_uses\":null}]"), "");
    drops(ASK(TOOL "}],\"tool_choice\":{\"type\":\"sometimes\"}"), "tool_choice.type");
    drops(ASK(TOOL "}],\"tool_choice\":{\"type\":\"auto\",\"new\":1}"), "tool_choice.new");
}

Test(messages_loss, of_parameters)
{
    drops(ASK(",\"container\":null,\"thinking\":null,\"tools\":null,\"tool_choice\":null"), "");
    drops(ASK(",\"thinking\":{\"type\":\"later\"}"), "thinking.type");
    drops(ASK(",\"cache_control\":{\"type\":\"ephemeral\"},\"inference_geo\":\"us\""), "cache_control inference_geo");
    refuses(ASK(",\"stop_sequences\":\"stop\""), "stop_sequences");
    refuses(SAID("{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":\"x\"}"), "messages[0].content");
    drops(SAID("{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\"}"), "");
}

/* The list is walked for each loss: a body must not make it long. */
Test(messages_loss, names_no_more_than_a_header_holds)
{
    struct buf body;
    size_t told = 0;
    help_begin();
    buf_init(&body, 1 << 20);
    buf_str(&body, "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"x\"}");
    for (int i = 0; i < 5000; i++)
        buf_printf(&body, ",{\"type\":\"x%d\"}", i);
    buf_str(&body, "]}]}");
    cr_assert_not_null(help_canonical(&face_messages, buf_view(&body)));
    for (const struct ask_dropped *d = help.ask.dropped; d != NULL; d = d->next)
        told++;
    cr_assert_leq(told, 64u, "%zu", told);
    cr_assert(help_dropped("messages.x0"));
    cr_assert(help_dropped("others"));
    buf_free(&body);
    help_end();
}
