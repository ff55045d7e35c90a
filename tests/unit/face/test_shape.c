/* test_shape.c - what a rule changes of a body: settings, the system text, the tools, and one more turn, in each API. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "face/said.h"
#include "face/shape.h"

static struct arena arena;
static struct shape_body body;

static void begin(const struct shape *shape, const char *json)
{
    arena_init(&arena, NULL, 0, 16 << 20);
    body = (struct shape_body){ &arena, shape, json_parse_quick(&arena, text_of(json)), text_of(json) };
    cr_assert_not_null(body.json, "%s", json);
}

static void ends(const char *why, const char *with)
{
    cr_assert_null(why, "%s", why);
    cr_assert(text_is(body.text, with), "%.*s, not %s", TEXT_ARG(body.text), with);
    cr_assert_not_null(json_parse_quick(&arena, body.text));
    arena_fini(&arena);
}

Test(shape, names_all_settings)
{
    static const char *const names[] = { "effort",       "max_tokens",  "parallel_tool_calls", "seed",
                                         "service_tier", "temperature", "thinking_tokens",     "top_p" };
    size_t i = 0;
    for (; shape_names[i] != NULL; i++)
        cr_assert_str_eq(shape_names[i], names[i]);
    cr_assert_eq(i, sizeof names / sizeof *names);
}

Test(shape, sets_a_setting_where_it_stands_or_else_where_its_api_has_it)
{
    static const struct {
        const struct shape *shape;
        const char *name, *value, *before, *after;
    } rows[] = {
        { &shape_chat, "max_tokens", "7", "{\"a\":1}", "{\"max_tokens\":7,\"a\":1}" },
        { &shape_chat, "max_tokens", "7", "{\"max_tokens\":9}", "{\"max_tokens\":7}" },
        { &shape_chat, "max_tokens", "7", "{\"max_completion_tokens\":9}", "{\"max_completion_tokens\":7}" },
        { &shape_chat, "max_tokens", "7", "{\"max_tokens\":8,\"max_completion_tokens\":9}",
          "{\"max_tokens\":7,\"max_completion_tokens\":7}" },
        { &shape_chat, "max_tokens", NULL, "{\"a\":1,\"max_tokens\":8,\"max_completion_tokens\":9}", "{\"a\":1}" },
        { &shape_chat, "max_tokens", NULL, "{\"a\":1}", "{\"a\":1}" },
        { &shape_chat, "effort", "\"low\"", "{\"reasoning\":{\"effort\":\"high\"}}",
          "{\"reasoning\":{\"effort\":\"low\"}}" },
        { &shape_chat, "effort", "\"low\"", "{}", "{\"reasoning_effort\":\"low\"}" },
        { &shape_messages, "effort", "\"low\"", "{\"a\":1}", "{\"output_config\":{\"effort\":\"low\"},\"a\":1}" },
        { &shape_messages, "effort", "\"low\"", "{\"output_config\":{}}", "{\"output_config\":{\"effort\":\"low\"}}" },
        { &shape_messages, "effort", "\"low\"", "{\"output_config\":{\"x\":1}}",
          "{\"output_config\":{\"effort\":\"low\",\"x\":1}}" },
        { &shape_messages, "effort", "\"low\"", "{\"output_config\":null}",
          "{\"output_config\":{\"effort\":\"low\"}}" },
        { &shape_messages, "effort", NULL, "{\"output_config\":{\"effort\":\"low\"},\"a\":1}",
          "{\"output_config\":{},\"a\":1}" },
        { &shape_responses, "max_tokens", "7", "{\"a\":1}", "{\"max_output_tokens\":7,\"a\":1}" },
        { &shape_messages, "thinking_tokens", "5000", "{\"a\":1}",
          "{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":5000},\"a\":1}" },
        { &shape_messages, "thinking_tokens", "5000", "{\"thinking\":{\"type\":\"disabled\"}}",
          "{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":5000}}" },
        { &shape_messages, "thinking_tokens", "5000", "{\"thinking\":{\"budget_tokens\":7,\"x\":1}}",
          "{\"thinking\":{\"budget_tokens\":5000,\"x\":1}}" },
        { &shape_messages, "thinking_tokens", NULL, "{\"thinking\":{\"budget_tokens\":7},\"a\":1}", "{\"a\":1}" },
        { &shape_messages, "max_tokens", "3000", "{\"max_tokens\":9000,\"thinking\":{\"budget_tokens\":5000}}",
          "{\"max_tokens\":3000,\"thinking\":{\"budget_tokens\":2999}}" },
        { &shape_messages, "max_tokens", "1024", "{\"max_tokens\":9000,\"thinking\":{\"budget_tokens\":5000}}",
          "{\"max_tokens\":1024,\"thinking\":{\"type\":\"disabled\"}}" },
        { &shape_completions, "seed", "7", "{\"seed\":null}", "{\"seed\":7}" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].shape, rows[i].before);
        struct text value = rows[i].value != NULL ? text_of(rows[i].value) : TEXT_NONE;
        ends(shape_set(&body, text_of(rows[i].name), value), rows[i].after);
    }
}

Test(shape, finds_a_setting_wherever_it_stands)
{
    static const struct {
        const struct shape *shape;
        const char *name, *json, *value;
    } rows[] = {
        { &shape_chat, "max_tokens", "{\"max_completion_tokens\":9}", "9" },
        { &shape_chat, "effort", "{\"reasoning\":{\"effort\":\"high\"}}", "\"high\"" },
        { &shape_messages, "thinking_tokens", "{\"thinking\":{\"budget_tokens\":5000}}", "5000" },
        { &shape_messages, "effort", "{\"output_config\":null}", NULL },
        { &shape_messages, "effort", "{\"output_config\":{\"effort\":null}}", NULL },
        { &shape_messages, "seed", "{\"seed\":1}", NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].shape, rows[i].json);
        const struct json *found = shape_get(&body, text_of(rows[i].name));
        cr_assert_eq(found != NULL, rows[i].value != NULL, "%zu", i);
        if (found != NULL)
            cr_assert(text_is(json_text(found), rows[i].value), "%zu: %.*s", i, TEXT_ARG(json_text(found)));
        arena_fini(&arena);
    }
}

Test(shape, adds_to_the_system_text)
{
    static const struct {
        const struct shape *shape;
        bool at_start;
        const char *before, *after;
    } rows[] = {
        { &shape_messages, false, "{\"system\":\"a\"}", "{\"system\":\"a\\n\\nnew\"}" },
        { &shape_messages, true, "{\"system\":\"a\"}", "{\"system\":\"new\\n\\na\"}" },
        { &shape_messages, false, "{\"system\":\"\"}", "{\"system\":\"new\"}" },
        { &shape_messages, true, "{\"system\":\"\"}", "{\"system\":\"new\"}" },
        { &shape_messages, false, "{\"system\":[{\"type\":\"text\",\"text\":\"a\"}]}",
          "{\"system\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"new\"}]}" },
        { &shape_messages, true, "{\"system\":[{\"type\":\"text\",\"text\":\"a\"}]}",
          "{\"system\":[{\"type\":\"text\",\"text\":\"new\"},{\"type\":\"text\",\"text\":\"a\"}]}" },
        { &shape_messages, false, "{\"system\":[]}", "{\"system\":[{\"type\":\"text\",\"text\":\"new\"}]}" },
        { &shape_messages, true, "{\"system\":[]}", "{\"system\":[{\"type\":\"text\",\"text\":\"new\"}]}" },
        { &shape_messages, true, "{\"system\":null}", "{\"system\":\"new\"}" },
        { &shape_messages, false, "{\"a\":1}", "{\"system\":\"new\",\"a\":1}" },
        { &shape_chat, false, "{\"messages\":[]}", "{\"messages\":[{\"role\":\"system\",\"content\":\"new\"}]}" },
        { &shape_chat, false,
          "{\"messages\":[{\"role\":\"developer\",\"content\":\"a\"},{\"role\":\"system\",\"content\":\"b\"}]}",
          "{\"messages\":[{\"role\":\"developer\",\"content\":\"a\"},{\"role\":\"system\",\"content\":\"b\\n\\nnew\"}]}" },
        { &shape_chat, true,
          "{\"messages\":[{\"role\":\"developer\",\"content\":\"a\"},{\"role\":\"system\",\"content\":\"b\"}]}",
          "{\"messages\":[{\"role\":\"developer\",\"content\":\"new\\n\\na\"},{\"role\":\"system\",\"content\":\"b\"}]}" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].shape, rows[i].before);
        ends(shape_add_system(&body, TEXT("new"), rows[i].at_start), rows[i].after);
    }
}

Test(shape, puts_another_system_text_in_the_place_of_all_that_there_are)
{
    static const struct {
        const struct shape *shape;
        const char *before, *after;
    } rows[] = {
        { &shape_messages, "{\"system\":[{\"type\":\"text\",\"text\":\"a\"}],\"b\":1}",
          "{\"system\":\"new\",\"b\":1}" },
        { &shape_messages, "{\"b\":1}", "{\"system\":\"new\",\"b\":1}" },
        { &shape_chat,
          "{\"messages\":[{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"u\"},{\"role\":\"developer\","
          "\"content\":\"b\"},{\"role\":\"user\",\"content\":\"v\"}]}",
          "{\"messages\":[{\"role\":\"system\",\"content\":\"new\"},{\"role\":\"user\",\"content\":\"u\"},{\"role\":\"user\","
          "\"content\":\"v\"}]}" },
        { &shape_chat, "{\"messages\":[{\"role\":\"user\",\"content\":\"u\"}]}",
          "{\"messages\":[{\"role\":\"system\",\"content\":\"new\"},{\"role\":\"user\",\"content\":\"u\"}]}" },
        { &shape_responses, "{\"input\":[{\"role\":\"system\",\"content\":\"a\"}],\"instructions\":\"c\"}",
          "{\"input\":[],\"instructions\":\"new\"}" },
        { &shape_chat, "{\"messages\": [ {\"role\":\"user\" , \"content\":\"u\"} ] }",
          "{\"messages\": [{\"role\":\"system\",\"content\":\"new\"}, {\"role\":\"user\" , \"content\":\"u\"} ] }" },
        { &shape_responses, "{\"input\":\"hi\"}", "{\"instructions\":\"new\",\"input\":\"hi\"}" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].shape, rows[i].before);
        ends(shape_set_system(&body, TEXT("new")), rows[i].after);
    }
}

#define TOOL(name) "{\"type\":\"function\",\"function\":{\"name\":\"" name "\"}}"
Test(shape, keeps_some_tools_and_a_choice_that_fits)
{
    static const bool first[] = { true, false, false }, none[] = { false, false, false }, all[] = { true, true, true };
    static const struct {
        const struct shape *shape;
        const bool *keeps;
        size_t count;
        const char *before, *after;
    } rows[] = {
        { &shape_chat, all, 2, "{\"tools\":[" TOOL("f") "," TOOL("g") "]}",
          "{\"tools\":[" TOOL("f") "," TOOL("g") "]}" },
        { &shape_chat, first, 3, "{\"tools\":[" TOOL("f") "," TOOL("g") "," TOOL("h") "]}",
          "{\"tools\":[" TOOL("f") "]}" },
        { &shape_chat, first, 2, "{\"tools\":[" TOOL("f") "," TOOL("g") "],\"tool_choice\":" TOOL("g") "}",
          "{\"tools\":[" TOOL("f") "],\"tool_choice\":\"auto\"}" },
        { &shape_chat, first, 2, "{\"tools\":[" TOOL("f") "," TOOL("g") "],\"tool_choice\":" TOOL("f") "}",
          "{\"tools\":[" TOOL("f") "],\"tool_choice\":" TOOL("f") "}" },
        { &shape_chat, first, 2, "{\"tools\":[" TOOL("f") "," TOOL("g") "],\"tool_choice\":\"required\"}",
          "{\"tools\":[" TOOL("f") "],\"tool_choice\":\"required\"}" },
        { &shape_chat, none, 2,
          "{\"a\":1,\"tools\":[" TOOL("f") "," TOOL("g") "],\"tool_choice\":\"auto\",\"parallel_tool_calls\":true}",
          "{\"a\":1}" },
        { &shape_chat, first, 2,
          "{\"functions\":[{\"name\":\"f\"},{\"name\":\"g\"}],\"function_call\":{\"name\":\"g\"}}",
          "{\"functions\":[{\"name\":\"f\"}],\"function_call\":\"auto\"}" },
        { &shape_messages, first, 2,
          "{\"tools\":[{\"name\":\"f\"},{\"name\":\"g\"}],\"tool_choice\":{\"type\":\"tool\",\"name\":\"g\"}}",
          "{\"tools\":[{\"name\":\"f\"}],\"tool_choice\":{\"type\":\"auto\"}}" },
        { &shape_messages, first, 2, "{\"tools\":{},\"x\":1,\"functions\":[{\"name\":\"f\"},{\"name\":\"g\"}]}",
          "{\"tools\":{},\"x\":1,\"functions\":[{\"name\":\"f\"}]}" },
        { &shape_messages, none, 0, "{\"x\":1}", "{\"x\":1}" },
        { &shape_chat, none, 1, "{\"functions\":[{\"name\":\"f\"}],\"parallel_tool_calls\":true}",
          "{\"parallel_tool_calls\":true}" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].shape, rows[i].before);
        ends(shape_keep_tools(&body, rows[i].keeps, rows[i].count), rows[i].after);
    }
}

#define NO "This call was not made."
Test(shape, goes_on_with_what_the_model_has_said)
{
    static struct talk_call calls[] = {
        { .id = { "c0", 2 }, .name = { "f", 1 }, .arguments = { "{\"a\":1}", 7 } },
        { .id = { "c1", 2 }, .name = { "g", 1 }, .arguments = { "none", 4 } },
    };
    static const struct {
        const struct shape *shape;
        const char *text;
        size_t calls;
        const char *before, *after;
    } rows[] = {
        { &shape_chat, "yes", 0, "{\"messages\":[]}",
          "{\"messages\":[{\"role\":\"assistant\",\"content\":\"yes\"},{\"role\":\"user\",\"content\":\"why\"}]}" },
        { &shape_chat, " ", 2, "{\"messages\":[1]}",
          "{\"messages\":[1,{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c0\",\"type\":\"function\",\"function\":{"
          "\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}},{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"g\","
          "\"arguments\":\"none\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c0\",\"content\":\"" NO
          "\"},{\"role\":\"tool\","
          "\"tool_call_id\":\"c1\",\"content\":\"" NO "\"},{\"role\":\"user\",\"content\":\"why\"}]}" },
        { &shape_messages, "", 0, "{\"messages\":[]}",
          "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"(no text)\"}]},{\"role\":\"user\","
          "\"content\":[{\"type\":\"text\",\"text\":\"why\"}]}]}" },
        { &shape_messages, "yes", 2, "{\"messages\":[1]}",
          "{\"messages\":[1,{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"yes\"},{\"type\":\"tool_use\",\"id\":"
          "\"c0\",\"name\":\"f\",\"input\":{\"a\":1}},{\"type\":\"tool_use\",\"id\":\"c1\",\"name\":\"g\",\"input\":{}}]},{\"role\":"
          "\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c0\",\"content\":\"" NO
          "\",\"is_error\":true},{"
          "\"type\":\"tool_result\",\"tool_use_id\":\"c1\",\"content\":\"" NO
          "\",\"is_error\":true},{\"type\":\"text\",\"text\":"
          "\"why\"}]}]}" },
        { &shape_responses, "yes", 2, "{\"input\":\"hi\"}",
          "{\"input\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":\"yes\"},{\"type\":\"function_call\","
          "\"call_id\":\"c0\",\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"},{\"type\":\"function_call_output\",\"call_id\":\"c0\","
          "\"output\":\"" NO
          "\"},{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"g\",\"arguments\":\"none\"},{\"type\":"
          "\"function_call_output\",\"call_id\":\"c1\",\"output\":\"" NO
          "\"},{\"role\":\"user\",\"content\":\"why\"}]}" },
        { &shape_responses, "", 1, "{\"input\":[]}",
          "{\"input\":[{\"type\":\"function_call\",\"call_id\":\"c0\",\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"},{\"type\":"
          "\"function_call_output\",\"call_id\":\"c0\",\"output\":\"" NO
          "\"},{\"role\":\"user\",\"content\":\"why\"}]}" },
        { &shape_chat, "", 0, "{\"input\":\"hi\"}",
          "{\"input\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":\"(no text)\"},{\"role\":\"user\","
          "\"content\":\"why\"}]}" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct said said = {
            .text = text_of(rows[i].text), .calls = calls, .call_count = rows[i].calls, .finish = "stop"
        };
        begin(rows[i].shape, rows[i].before);
        ends(shape_say(&body, &said, TEXT("why")), rows[i].after);
    }
}

Test(shape, says_what_an_api_has_not)
{
    static const struct said said = { .text = { "yes", 3 }, .finish = "stop" };
    static const struct shape *const shapes[] = { NULL, &shape_completions, &shape_messages };
    static const char *const names[] = { "this API", "the completions API", "the messages API" };
    char wanted[100];
    for (size_t i = 0; i < 3; i++) {
        begin(shapes[i], "{\"prompt\":\"x\"}");
        snprintf(wanted, sizeof wanted, "%s has no turns to which one could be added", names[i]);
        cr_assert_str_eq(shape_say(&body, &said, TEXT("why")), wanted);
        snprintf(wanted, sizeof wanted, "%s has no \"seat\"", names[i]);
        cr_assert_str_eq(shape_set(&body, TEXT("seat"), TEXT("1")), wanted);
        if (i < 2) {
            snprintf(wanted, sizeof wanted, "%s has no system text", names[i]);
            cr_assert_str_eq(shape_set_system(&body, TEXT("new")), wanted);
            cr_assert_str_eq(shape_add_system(&body, TEXT("new"), true), wanted);
            snprintf(wanted, sizeof wanted, "%s has no tools", names[i]);
            cr_assert_str_eq(shape_keep_tools(&body, NULL, 0), wanted);
        }
        arena_fini(&arena);
    }
}
