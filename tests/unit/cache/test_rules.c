/* test_rules.c - what a cache may keep: the tables, row by row. */
#include "cache/rules.h"

#include <gateway/provider.h>
#include <string.h>

#include "check.h"

static const char *bars(const char *body, uint32_t operation, const char *model, bool tools)
{
    struct arena arena;
    struct scan scan;
    arena_init(&arena, NULL, 0, 1 << 20);
    cr_assert_eq(scan_object(&arena, text_of(body), SCAN_MAX_DEPTH, &scan), 0, "%s", body);
    const char *why = rules_bar_ask(
        &arena, &(struct cache_ask){ .operation = operation, .model = text_of(model), .scan = &scan, .tools = tools });
    arena_fini(&arena);
    return why != NULL ? why : "";
}

Test(cache_rules, keep_nothing_of_requests_whose_answer_is_not_in_their_bytes)
{
    static const struct {
        const char *body, *why;
        bool tools;
    } rows[] = {
        { "{\"messages\":[{\"role\":\"user\",\"content\":\"say \\\"url\\\": x\"}]}", "", false },
        { "{\"messages\":[{\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\"}}]}]}",
          "media_url", false },
        { "{\"messages\":[{\"content\":[{\"image_url\":{ \"url\" : \"data:image/png;base64,AAAA\"}}]}]}", "", false },
        { "{\"messages\":[{\"content\":[{\"source\":{\"type\":\"url\",\"url\":\"https://x\"}}]}]}", "media_url",
          false },
        { "{\"messages\":[{\"content\":[{\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}]}]}", "file", false },
        { "{\"input\":[{\"content\":[{\"image_url\":\"https://x\"}]}],\"store\":false}", "media_url", false },
        { "{\"messages\":[{\"content\":[{\"input_audio\":{\"data\":\"A\"}}]}]}", "audio", false },
        { "{\"messages\":[{\"content\":\"half \\ud83d of it\"}]}", "odd", false },
        { "{\"messages\":[{\"content\":\"all \\ud83d\\ude00 of it, and a \\\\ud83d\"}]}", "", false },
        { "{\"messages\":[{\"cont\\u0065nt\":\"x\"}]}", "odd", false },
        { "{\"input\":\"x\"}", "stored", false },
        { "{\"input\":\"x\",\"store\":true}", "stored", false },
        { "{\"input\":\"x\",\"store\":false}", "", false },
        { "{\"messages\":[],\"store\":true}", "", false },
        { "{\"input\":\"x\",\"store\":false,\"previous_response_id\":\"r\"}", "stored", false },
        { "{\"input\":\"x\",\"store\":false,\"previous_response_id\":null}", "", false },
        { "{\"input\":\"x\",\"store\":false,\"prompt\":{\"id\":\"p\"}}", "stored", false },
        { "{\"input\":\"x\",\"store\":false,\"background\":false}", "", false },
        { "{\"messages\":[],\"container\":\"c\"}", "stored", false },
        { "{\"messages\":[],\"web_search_options\":{\"a\":1}}", "search", false },
        { "{\"messages\":[],\"web_search_options\":{}}", "search", false },
        { "{\"messages\":[],\"web_search_options\":null}", "", false },
        { "{\"messages\":[],\"extra_body\":{\"a\":1}}", "extra_body", false },
        { "{\"messages\":[],\"mcp_servers\":[{\"url\":1}]}", "server_tools", false },
        { "{\"messages\":[],\"tools\":[ ]}", "", false },
        { "{\"messages\":[],\"tools\":[{\"type\":\"function\",\"function\":{}}]}", "tools", false },
        { "{\"messages\":[],\"tools\":[{\"type\":\"function\",\"function\":{}}]}", "", true },
        { "{\"messages\":[],\"tools\":[{\"name\":\"f\",\"input_schema\":{}}]}", "", true },
        { "{\"messages\":[],\"tools\":[{\"type\":\"bash_20250124\",\"name\":\"bash\"}]}", "", true },
        { "{\"messages\":[],\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"w\"}]}", "server_tools", true },
        { "{\"messages\":[],\"tools\":[{\"google_search\":{}}]}", "server_tools", true },
        { "{\"messages\":[],\"functions\":[{\"name\":\"f\",\"parameters\":{}}]}", "tools", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_str_eq(bars(rows[i].body, GW_OP_CHAT, "m", rows[i].tools), rows[i].why, "%s", rows[i].body);
    cr_assert_str_eq(bars("{\"messages\":[]}", GW_OP_CHAT, "gpt-4o-search-preview", false), "search");
    cr_assert_str_eq(bars("{\"messages\":[]}", GW_OP_CHAT, "openai/gpt-4o:online", false), "search");
    cr_assert_str_eq(bars("{\"prompt\":\"x\"}", GW_OP_COMPLETIONS, "m", false), "");
    cr_assert_str_eq(bars("{\"input\":\"x\"}", GW_OP_EMBEDDINGS, "m", false), "operation");
}

static const char *answer(const char *bytes, bool tools, bool one_secret)
{
    const char *why = rules_bar_answer(text_of(bytes), tools, one_secret);
    return why != NULL ? why : "";
}

Test(cache_rules, keep_whole_good_answers_alone)
{
    static const struct {
        const char *bytes, *why;
        bool tools, one_secret;
    } rows[] = {
        { "{\"choices\":[{\"message\":{\"content\":\"\\\"finish_reason\\\":\\\"length\\\"\",\"refusal\":null},\"finish_reason\":\"stop\"}]}",
          "", false, false },
        { "{\"choices\":[{\"finish_reason\":\"stop\"},{\"finish_reason\":\"length\"}]}", "finish", false, false },
        { "data: {\"choices\":[{\"finish_reason\":null}]}\n\ndata: {\"choices\":[{\"finish_reason\":\"content_filter\"}]}\n\n",
          "finish", false, false },
        { "{\"stop_reason\":\"end_turn\",\"stop_sequence\":null}", "", false, false },
        { "{\"stop_reason\":\"pause_turn\"}", "finish", false, false },
        { "{\"stop_reason\":\"refusal\"}", "finish", false, false },
        { "{\"stop_reason\":\"tool_use\"}", "tools", false, false },
        { "{\"stop_reason\":\"tool_use\"}", "", true, false },
        { "{\"choices\":[{\"message\":{\"refusal\":\"I cannot\"},\"finish_reason\":\"stop\"}]}", "refusal", false,
          false },
        { "{\"error\":{\"message\":\"x\"}}", "error", false, false },
        { "{\"error\":null,\"incomplete_details\":null}", "", false, false },
        { "{\"incomplete_details\":{\"reason\":\"max_output_tokens\"}}", "error", false, false },
        { "{\"encrypted_content\":\"x\"}", "encrypted", false, false },
        { "{\"encrypted_content\":\"x\"}", "", false, true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_str_eq(answer(rows[i].bytes, rows[i].tools, rows[i].one_secret), rows[i].why, "%s", rows[i].bytes);
}
