/* test_openai_changes.c - what the openai and azure providers send changed, and report: levels of reasoning, lengths,
 * stop strings, members that set one thing twice; and what they send in another form without loss. */
#include "check.h"
#include "service_case.h"

#define EFFORT(level) "\"reasoning_effort\":\"" level "\""
#define ASKED(level) "{" EFFORT(level) "}"

Test(openai_changes, a_level_that_the_model_has_not_is_told)
{
    static const struct {
        const char *service, *model, *asked, *sent, *told;
    } cases[] = {
        { "openai", "o3", ASKED("none"), EFFORT("low"), "reasoning_effort" },
        { "openai", "o3", ASKED("minimal"), EFFORT("low"), "reasoning_effort" },
        { "openai", "o3", ASKED("max"), EFFORT("high"), "reasoning_effort" },
        { "openai", "o3", ASKED("low"), EFFORT("low"), "" },
        { "openai", "gpt-5", ASKED("none"), EFFORT("minimal"), "reasoning_effort" },
        { "openai", "gpt-5", ASKED("minimal"), EFFORT("minimal"), "" },
        { "openai", "gpt-5.1", ASKED("none"), EFFORT("none"), "" },
        { "openai", "gpt-5.2", ASKED("max"), EFFORT("xhigh"), "reasoning_effort" },
        { "openai", "gpt-5.2", ASKED("xhigh"), EFFORT("xhigh"), "" },
        { "openai", "gpt-5.6", ASKED("max"), EFFORT("max"), "" },
        { "openai", "gpt-5.6", ASKED("minimal"), EFFORT("low"), "reasoning_effort" },
        { "azure", "o4-mini", ASKED("none"), EFFORT("low"), "reasoning_effort" },
        { "groq", "openai/gpt-oss-120b", ASKED("none"), EFFORT("low"), "reasoning_effort" },
        { "groq", "openai/gpt-oss-120b", ASKED("max"), EFFORT("high"), "reasoning_effort" },
        { "groq", "openai/gpt-oss-120b", ASKED("medium"), EFFORT("medium"), "" },
        { "groq", "qwen/qwen3-32b", ASKED("max"), EFFORT("default"), "reasoning_effort" },
        { "together", "m", ASKED("none"), EFFORT("low"), "reasoning_effort" },
        { "xai", "grok-3-mini", ASKED("medium"), EFFORT("low"), "reasoning_effort" },
        { "mistral", "m", ASKED("low"), EFFORT("high"), "reasoning_effort" },
        { "mistral", "m", ASKED("none"), EFFORT("none"), "" },
        { "ollama", "m", ASKED("xhigh"), EFFORT("high"), "reasoning_effort" },
        { "vllm", "m", ASKED("max"), EFFORT("max"), "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        service_expect(cases[i].service, cases[i].model, cases[i].asked, cases[i].sent, cases[i].told);
    service_expect("moonshot", "kimi-k3", ASKED("medium"), EFFORT("high"), "reasoning_effort");
    service_expect("moonshot", "kimi-k3", ASKED("none"), EFFORT("low"), "reasoning_effort");
    service_expect("moonshot", "kimi-k3", ASKED("high"), EFFORT("high"), "");
    service_expect("moonshot", "kimi-k2.5", ASKED("high"), "", "reasoning_effort");
    service_expect("moonshot", "kimi-k2.5", ASKED("none"), "\"thinking\":{\"type\":\"disabled\"}", "");
    service_expect("moonshot", "kimi-k2.7-code", ASKED("none"), "", "reasoning_effort");
    service_expect("moonshot", "kimi-k2-0905-preview", ASKED("none"), "", "");
    service_expect("deepseek", "m", ASKED("medium"), "\"thinking\":{\"type\":\"enabled\"}," EFFORT("high"),
                   "reasoning_effort");
    service_expect("deepseek", "m", ASKED("max"), "\"thinking\":{\"type\":\"enabled\"}," EFFORT("max"), "");
}

Test(openai_changes, no_reasoning_is_no_loss_where_there_is_none)
{
    service_expect("openai", "gpt-4o", ASKED("none"), "", "");
    service_expect("openai", "gpt-5-chat-latest", ASKED("none"), "", "");
    service_expect("azure", "gpt-4.1", ASKED("none"), "", "");
    service_expect("xai", "grok-4-fast-non-reasoning", ASKED("none"), "", "");
    service_expect("openai", "gpt-4o", ASKED("low"), "", "reasoning_effort");
    service_expect("xai", "grok-4", ASKED("none"), "", "reasoning_effort");
}

/* 400 "invalid temperature: only 1 is allowed for this model" */
Test(openai_changes, kimi_samples_as_it_will_where_it_thinks)
{
    static const char *const models[] = { "kimi-k2.5", "kimi-k2.6", "kimi-k2.7-code", "kimi-k2-thinking", "kimi-k3" };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        service_expect("moonshot", models[i], "{\"temperature\":0.3,\"top_p\":0.5}", "", "temperature top_p");
        service_expect("moonshot", models[i], "{\"temperature\":1}", "", "");
    }
    service_expect("moonshot", "moonshot-v1-8k", "{\"temperature\":0.3}", "\"temperature\":0.3", "");
    service_expect("moonshot", "kimi-k2.5", "{\"tool_choice\":\"required\"}",
                   "\"tool_choice\":\"required\",\"thinking\":{\"type\":\"disabled\"}", "");
}

Test(openai_changes, an_answer_is_as_long_as_the_model_writes)
{
    service_expect("openai", "gpt-4o", "{\"max_completion_tokens\":64000}", "\"max_completion_tokens\":16384",
                   "max_completion_tokens");
    service_expect("openai", "gpt-4o", "{\"max_completion_tokens\":16384}", "\"max_completion_tokens\":16384", "");
    service_expect("openai", "gpt-4.1", "{\"max_tokens\":32769}", "\"max_tokens\":32768", "max_tokens");
    service_expect("openai", "o3", "{\"max_tokens\":200000}", "\"max_completion_tokens\":100000", "max_tokens");
    service_expect("azure", "gpt-4", "{\"max_tokens\":32000}", "\"max_tokens\":4096", "max_tokens");
    service_expect("openai", "gpt-4o", "{\"max_tokens\":1e9}", "\"max_tokens\":16384", "max_tokens");
    service_expect("openai", "my-own", "{\"max_tokens\":640000}", "\"max_tokens\":640000", "");
    service_expect("groq", "gpt-4o", "{\"max_completion_tokens\":640000}", "\"max_completion_tokens\":640000", "");
}

Test(openai_changes, openai_takes_four_stop_strings)
{
    const char *five = "{\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}";
    service_expect("openai", "gpt-4o", five, "\"stop\":[\"a\",\"b\",\"c\",\"d\"]", "stop");
    service_expect("azure", "my-own", five, "\"stop\":[\"a\",\"b\",\"c\",\"d\"]", "stop");
    service_expect("openai", "gpt-4o", "{\"stop\":[\"a\",\"b\",\"c\",\"d\"]}", "\"stop\":[\"a\",\"b\",\"c\",\"d\"]",
                   "");
    service_expect("openai", "gpt-4o", "{\"stop\":\"abcde\"}", "\"stop\":\"abcde\"", "");
    service_expect("openai", "o3", five, "", "stop");
    service_expect("vllm", "m", five, "\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\"]", "");
}

Test(openai_changes, of_two_limits_the_newer_is_sent)
{
    const char *two = "{\"max_tokens\":5,\"max_completion_tokens\":7}";
    service_expect("openai", "gpt-4o", two, "\"max_completion_tokens\":7", "max_tokens");
    service_expect("openai", "o3", two, "\"max_completion_tokens\":7", "max_tokens");
    service_expect("groq", "m", two, "\"max_completion_tokens\":7", "max_tokens");
    service_expect("mistral", "m", two, "\"max_tokens\":7", "max_tokens");
    service_expect("mistral", "m", "{\"max_completion_tokens\":7,\"max_tokens\":5}", "\"max_tokens\":7", "max_tokens");
    service_expect("mistral", "m", "{\"max_tokens\":7,\"max_completion_tokens\":7}", "\"max_tokens\":7", "");
    service_expect("mistral", "m", "{\"max_tokens\":7,\"max_completion_tokens\":null}", "\"max_tokens\":7", "");
}

Test(openai_changes, of_two_users_one_is_sent)
{
    const char *two = "{\"safety_identifier\":\"s\",\"user\":\"u\"}";
    service_expect("openai", "gpt-4o", two, "\"safety_identifier\":\"s\",\"user\":\"u\"", "");
    service_expect("groq", "m", two, "\"user\":\"u\"", "safety_identifier");
    service_expect("groq", "m", "{\"safety_identifier\":\"u\",\"user\":\"u\"}", "\"user\":\"u\"", "");
    service_expect("groq", "m", "{\"safety_identifier\":\"s\"}", "\"user\":\"s\"", "");
}

#define FILE_AT(url)                                                                                                   \
    "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"file_data\":\"" url "\"}}]}]"

Test(openai_changes, openai_fetches_no_files)
{
    static const char why[] = "OpenAI takes a file's bytes or its id, no address: send its bytes";
    service_refuses("openai", "gpt-4o", "{" FILE_AT("https://example.org/a.pdf") "}", why);
    service_refuses("azure", "my-own", "{" FILE_AT("http://example.org/a.pdf") "}", why);
    service_expect("openai", "gpt-4o", "{" FILE_AT("data:application/pdf;base64,AA==") "}",
                   FILE_AT("data:application/pdf;base64,AA=="), "");
    service_expect("openrouter", "m", "{" FILE_AT("https://example.org/a.pdf") "}",
                   FILE_AT("https://example.org/a.pdf"), "");
    service_expect("mistral", "m", "{" FILE_AT("https://example.org/a.pdf") "}",
                   "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document_url\",\"document_url\":"
                   "\"https://example.org/a.pdf\"}]}]",
                   "");
}

#define SAID(members) "\"messages\":[{\"role\":\"assistant\"," members "}]"

Test(openai_changes, a_refusal_of_an_earlier_turn_is_a_text)
{
    const char *plain = "{" SAID("\"content\":null,\"refusal\":\"No.\"") "}";
    service_expect("mistral", "m",
                   "{\"messages\":[{\"role\":\"assistant\",\"content\":null,\"refusal\":\"No.\"},"
                   "{\"role\":\"user\",\"content\":\"a\"}]}",
                   "\"messages\":[{\"role\":\"assistant\",\"content\":\"No.\"},{\"role\":\"user\",\"content\":\"a\"}]",
                   "");
    service_expect("groq", "m", plain, SAID("\"content\":\"No.\""), "");
    service_expect("groq", "m", "{" SAID("\"refusal\":\"No.\"") "}", SAID("\"content\":\"No.\""), "");
    service_expect("groq", "m", "{" SAID("\"refusal\":\"No.\",\"content\":\"Well.\"") "}",
                   SAID("\"content\":\"Well.\\n\\nNo.\""), "");
    service_expect("groq", "m", "{" SAID("\"content\":\"Well.\",\"refusal\":null") "}", SAID("\"content\":\"Well.\""),
                   "");
    service_expect("groq", "m", "{" SAID("\"content\":[{\"type\":\"refusal\",\"refusal\":\"No.\"}]") "}",
                   SAID("\"content\":[{\"type\":\"text\",\"text\":\"No.\"}]"), "");
    service_expect("lmstudio", "m",
                   "{" SAID("\"content\":[{\"type\":\"text\",\"text\":\"Well.\"},{\"type\":\"refusal\",\"refusal\":"
                            "\"No.\"}],\"refusal\":\"Never.\"") "}",
                   "\"messages\":[{\"role\":\"user\",\"content\":\".\"},{\"role\":\"assistant\",\"content\":"
                   "\"Well.\\n\\nNo.\\n\\nNever.\"}]",
                   "");
    service_expect("groq", "m", "{" SAID("\"content\":[{\"type\":\"text\",\"text\":\"a\"}],\"refusal\":\"No.\"") "}",
                   SAID("\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"No.\"}]"), "");
    service_expect("openai", "gpt-4o", plain, SAID("\"content\":null,\"refusal\":\"No.\""), "");
    service_expect("azure", "my-own", plain, SAID("\"content\":null,\"refusal\":\"No.\""), "");
}

#define TOOL(parameters, strict)                                                                                       \
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":" parameters ",\"strict\":" strict  \
    "}}]"
#define FORMAT(schema, strict)                                                                                         \
    "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":" schema                 \
    ",\"strict\":" strict "}}"
#define CLOSED(properties, required)                                                                                   \
    "{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define STRICT_AS(schema, strict, told_tool, told_format)                                                              \
    do {                                                                                                               \
        service_expect("openai", "m", "{" TOOL(schema, "true") "}", TOOL(schema, strict), told_tool);                  \
        service_expect("azure", "m", "{" FORMAT(schema, "true") "}", FORMAT(schema, strict), told_format);             \
    } while (0)
#define HELD(schema) STRICT_AS(schema, "true", "", "")
#define OPEN(schema) STRICT_AS(schema, "false", "tools.function.strict", "response_format.json_schema.strict")

/* OpenAI answers 400 to a strict schema that is none; Anthropic's clients may leave properties optional. */
Test(openai_changes, a_schema_is_strict_where_openai_can_enforce_it)
{
    HELD(CLOSED("", ""));
    HELD(CLOSED("\"a\":{\"type\":\"string\"},\"b\":{\"type\":[\"number\",\"null\"]}", "\"b\",\"a\""));
    HELD(CLOSED("\"a\":{\"anyOf\":[" CLOSED("", "") ",{\"type\":\"null\"}]}", "\"a\""));
    HELD(CLOSED("\"type\":{\"type\":\"string\"},\"not\":{\"type\":\"string\"}", "\"type\",\"not\""));
    service_expect("openai", "m", "{" TOOL("{\"type\":\"object\"}", "true") "}",
                   TOOL("{\"type\":\"object\",\"properties\":{}}", "false"), "tools.function.strict");
    OPEN("{\"type\":[\"object\",\"null\"],\"properties\":{}}");
    OPEN(CLOSED("\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"string\"}", "\"a\""));
    OPEN(CLOSED("\"a\":{\"type\":\"string\"}", "\"b\""));
    OPEN(CLOSED("\"a\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}", "\"a\""));
    OPEN(CLOSED("\"a\":{\"anyOf\":[{\"properties\":{}}]}", "\"a\""));
    OPEN(CLOSED("\"a\":{\"allOf\":[]}", "\"a\""));
    OPEN("{\"type\":\"object\",\"properties\":{},\"$defs\":{\"d\":{\"type\":\"object\"}},\"$ref\":\"#\"}");
    service_expect("vllm", "m", "{" FORMAT("{\"type\":\"object\"}", "true") "}",
                   FORMAT("{\"type\":\"object\"}", "true"), "");
}

#define TOOLS "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"

Test(openai_changes, ollama_gets_no_tools_where_none_may_be_called)
{
    const char *user = "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]";
    char body[512], sent[512];
    const char *called = SAID("\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\","
                              "\"arguments\":\"{}\"}}]");
    snprintf(body, sizeof body, "{%s," TOOLS ",\"tool_choice\":\"none\"}", user);
    service_expect("ollama", "m", body, user, "");
    snprintf(body, sizeof body, "{\"tool_choice\":\"none\"," TOOLS ",%s}", called);
    snprintf(sent, sizeof sent, TOOLS ",%s", called);
    service_expect("ollama", "m", body, sent, "tool_choice");
    snprintf(body, sizeof body, "{%s," TOOLS ",\"tool_choice\":\"required\"}", user);
    snprintf(sent, sizeof sent, "%s," TOOLS, user);
    service_expect("ollama", "m", body, sent, "tool_choice");
    snprintf(body, sizeof body, "{%s," TOOLS ",\"tool_choice\":\"none\"}", user);
    snprintf(sent, sizeof sent, "%s," TOOLS ",\"tool_choice\":\"none\"", user);
    service_expect("groq", "m", body, sent, "");
}

/* A list has no names: copied as members it would be one name several times, which is no JSON. */
Test(openai_changes, a_list_in_the_place_of_an_object_makes_no_broken_body)
{
    static const char *const bodies[] = {
        "{\"stream_options\":[{\"a\":1},{\"b\":2}]}",
        "{\"tools\":[[1,2],{\"type\":\"function\",\"function\":[1,2]}]}",
        "{\"messages\":[[1,2],{\"role\":\"assistant\",\"tool_calls\":[[1,2]]},{\"role\":\"user\",\"content\":[[1,2]]}]"
        "}",
        "{\"response_format\":[1,2]}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        service_build("openai", "gpt-4o", bodies[i]);
        cr_assert_eq(json_check(buf_view(&service_http.body), NULL), 0, "%.*s", TEXT_ARG(buf_view(&service_http.body)));
        service_done();
    }
}

static void check_stream(const char *events, const char *wanted)
{
    struct replay *r = &service_replay;
    replay_begin(r, gw_plugin_entry_openai(), NULL);
    replay_body(r, 200, GW_FRAMING_SSE, text_of(events), 10);
    cr_assert(text_is(buf_view(&r->lines), wanted), "%.*s", TEXT_ARG(buf_view(&r->lines)));
    replay_end(r);
}

#define CALLS(calls) "data: {\"id\":\"c\",\"choices\":[{\"delta\":{\"tool_calls\":[" calls "]}}]}\n\n"
#define FINISH "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"

/* Nobody can make a call whose name is not known. */
Test(openai_changes, arguments_that_are_nobodys_are_an_error)
{
    static const char error[] =
        "error 502 by_status text=\"the upstream sent arguments of a call that it did not name\"\n";
    char wanted[400];
    snprintf(wanted, sizeof wanted, "start id=\"c\"\n%s", error);
    check_stream(CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"arguments\":\"{\"}}")
                     CALLS("{\"index\":0,\"function\":{\"arguments\":\"}\"}},{\"index\":1,\"id\":\"b\"}") FINISH,
                 wanted);
    snprintf(wanted, sizeof wanted, "start id=\"c\"\ntool_call 0.0 id=\"a\" text=\"f\"\ntool_args 0.0 text=\"{}\"\n%s",
             error);
    check_stream(CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}")
                     CALLS("{\"index\":1,\"function\":{\"arguments\":\"{}\"}}") FINISH,
                 wanted);
}

/* Some servers number the arguments otherwise than the call. */
Test(openai_changes, arguments_of_another_number_are_those_of_the_call_without_any)
{
    check_stream(CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\"}}")
                     CALLS("{\"index\":1,\"function\":{\"arguments\":\"{\\\"k\\\"\"}}")
                         CALLS("{\"index\":1,\"function\":{\"arguments\":\":1}\"}}") FINISH,
                 "start id=\"c\"\ntool_call 0.0 id=\"a\" text=\"f\"\ntool_args 0.0 text=\"{\\\"k\\\"\"\n"
                 "tool_args 0.0 text=\":1}\"\nfinish 0 text=\"tool_calls\"\n");
}
