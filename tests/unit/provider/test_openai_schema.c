/* test_openai_schema.c - the parameters of tools as OpenAI takes them, and which members of a request its models take:
 * search, calls at once, and what a model wants beside tools. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "service_case.h"

#define TOOL(schema) "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":" schema "}}]"
#define STRICT(schema, value)                                                                                          \
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":" value ",\"parameters\":" schema "}}]"
#define RULE "The arguments must also match this JSON Schema: "

static void becomes(const char *schema, const char *wanted, const char *reports)
{
    static const char *const services[] = { "openai", "azure", "azure-2023" };
    char body[2048], sent[2048];
    snprintf(body, sizeof body, "{" TOOL("%s") "}", schema);
    snprintf(sent, sizeof sent, TOOL("%s"), wanted);
    for (size_t i = 0; i < sizeof services / sizeof *services; i++)
        service_expect(services[i], "gpt-4o", body, sent, reports);
    snprintf(sent, sizeof sent, TOOL("%s"), schema);
    service_expect("groq", "m", body, sent, "");
}

Test(openai_schema, an_object_names_its_properties)
{
    static const char none[] = "{\"type\":\"object\",\"properties\":{}}";
    becomes("{\"type\":\"object\"}", none, "");
    becomes("{}", none, "");
    becomes("null", none, "");
    becomes(none, none, "");
    becomes("{\"type\":\"object\",\"additionalProperties\":false}",
            "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}", "");
    becomes("{\"properties\":{\"a\":{}},\"required\":[\"a\"]}",
            "{\"type\":\"object\",\"required\":[\"a\"],\"properties\":{\"a\":{}}}", "");
    becomes("{\"type\":\"object\",\"properties\":{\"anyOf\":{},\"not\":{\"enum\":[1]}}}",
            "{\"type\":\"object\",\"properties\":{\"anyOf\":{},\"not\":{\"enum\":[1]}}}", "");
    becomes("{\"type\":\"array\"}", "{\"type\":\"array\"}", ""); /* OpenAI judges it */
    becomes("[1]", "[1]", "");
    becomes("true", "true", "");
    service_expect("openai", "gpt-4o", "{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}",
                   "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]", "");
}

Test(openai_schema, a_choice_at_the_root_is_folded_and_said)
{
    becomes("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"anyOf\":[{\"required\":[\"a\"]}]}",
            "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[],\"description\":"
            "\"" RULE "{\\\"anyOf\\\":[{\\\"required\\\":[\\\"a\\\"]}]}\"}",
            "tools.function.parameters");
    becomes("{\"oneOf\":[{\"properties\":{\"a\":{\"type\":\"string\"},\"k\":{\"const\":1}},\"required\":[\"a\"]},"
            "{\"properties\":{\"b\":{},\"k\":{\"const\":2}}},{\"properties\":{\"b\":{}}}],\"description\":\"Either.\"}",
            "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"k\":{\"anyOf\":[{\"const\":1},"
            "{\"const\":2}]},\"b\":{}},\"required\":[],\"description\":\"Either.\\n\\n" RULE
            "{\\\"oneOf\\\":[{\\\"properties\\\":{\\\"a\\\":{\\\"type\\\":\\\"string\\\"},\\\"k\\\":{\\\"const\\\":1}},"
            "\\\"required\\\":[\\\"a\\\"]},{\\\"properties\\\":{\\\"b\\\":{},\\\"k\\\":{\\\"const\\\":2}}},{"
            "\\\"properties\\\":{\\\"b\\\":{}}}]}\"}",
            "tools.function.parameters");
    becomes("{\"type\":\"object\",\"properties\":{\"a\":{}},\"required\":[\"a\"],\"allOf\":[{\"properties\":{\"b\":{}},"
            "\"required\":[\"b\",\"a\"]},{\"$ref\":\"#/$defs/c\"}],\"$defs\":{\"c\":{\"properties\":{\"c\":{}},"
            "\"required\":[\"c\"]}}}",
            "{\"type\":\"object\",\"$defs\":{\"c\":{\"properties\":{\"c\":{}},\"required\":[\"c\"]}},\"properties\":"
            "{\"a\":{},\"b\":{},\"c\":{}},\"required\":[\"a\",\"b\",\"c\"],\"description\":\"" RULE
            "{\\\"allOf\\\":[{\\\"properties\\\":{\\\"b\\\":{}},\\\"required\\\":[\\\"b\\\",\\\"a\\\"]},{"
            "\\\"$ref\\\":\\\"#/$defs/c\\\"}]}\"}",
            "tools.function.parameters");
}

Test(openai_schema, what_else_may_not_stand_at_the_root_is_said)
{
    static const char *const words[] = { "enum", "const", "not" };
    char schema[256], wanted[512];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        snprintf(schema, sizeof schema, "{\"type\":\"object\",\"properties\":{},\"%s\":{}}", words[i]);
        snprintf(wanted, sizeof wanted,
                 "{\"type\":\"object\",\"properties\":{},\"required\":[],\"description\":\"" RULE "{\\\"%s\\\":{}}\"}",
                 words[i]);
        becomes(schema, wanted, "tools.function.parameters");
    }
}

Test(openai_schema, a_schema_that_only_names_a_definition_is_that_definition)
{
    becomes("{\"$ref\":\"#/definitions/d\",\"definitions\":{\"d\":{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":"
            "\"#/definitions/d\"}},\"required\":[\"a\"]}}}",
            "{\"type\":\"object\",\"required\":[\"a\"],\"properties\":{\"a\":{\"$ref\":\"#/definitions/d\"}},"
            "\"definitions\":{\"d\":{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#/definitions/d\"}},"
            "\"required\":[\"a\"]}}}",
            "");
    becomes("{\"type\":\"object\",\"properties\":{},\"$ref\":\"#/$defs/nowhere\"}",
            "{\"type\":\"object\",\"properties\":{},\"$ref\":\"#/$defs/nowhere\"}", "");
}

Test(openai_schema, a_folded_schema_is_a_guide)
{
    const char *closed = "{\"type\":\"object\",\"properties\":{},\"required\":[],\"additionalProperties\":false,"
                         "\"anyOf\":[{}]}";
    char body[512];
    snprintf(body, sizeof body, "{" STRICT("%s", "true") "}", closed);
    service_expect("openai", "gpt-5", body,
                   STRICT("{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{},\"required\":[],"
                          "\"description\":\"" RULE "{\\\"anyOf\\\":[{}]}\"}",
                          "false"),
                   "tools.function.parameters");
}

/* Each branch could name properties of its own: a schema made to cost time is not read to its end. */
Test(openai_schema, of_very_many_branches_the_first_are_folded)
{
    struct buf schema;
    buf_init(&schema, 1 << 24);
    buf_str(&schema, "{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"anyOf\":[{}");
    for (int i = 0; i < 20000; i++)
        buf_printf(&schema, ",{\"properties\":{\"p%d\":{\"type\":\"string\"}}}", i);
    buf_str(&schema, "]}}}]}");
    char *body = strndup(buf_view(&schema).ptr, schema.len);
    cr_assert_eq(service_build("openai", "gpt-4o", body), GW_OK);
    struct text got = buf_view(&service_http.body);
    cr_assert(text_find(got, TEXT("\"p0\":")) > 0);
    cr_assert(text_find(got, TEXT("\"p19999\":")) < 0, "in words only");
    cr_assert(text_find(got, TEXT("\\\"p19999\\\":")) > 0);
    service_done();
    free(body);
    buf_free(&schema);
}

Test(openai_schema, a_model_that_thinks_by_itself_gets_none_beside_tools)
{
    static const char tools[] = "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]";
    static const char *const models[] = { "gpt-5.6", "gpt-5.6-terra", "gpt-5.10", "gpt-6", "gpt-6-mini" };
    char body[256], sent[256];
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        snprintf(body, sizeof body, "{%s}", tools);
        snprintf(sent, sizeof sent, "%s,\"reasoning_effort\":\"none\"", tools);
        service_expect("openai", models[i], body, sent, "");
        service_expect("azure", models[i], body, sent, "");
        snprintf(body, sizeof body, "{\"reasoning_effort\":\"high\",%s}", tools);
        service_expect("openai", models[i], body, sent, "reasoning_effort");
        snprintf(body, sizeof body, "{%s,\"reasoning_effort\":\"none\"}", tools);
        service_expect("openai", models[i], body, sent, "");
        service_expect("openai", models[i], "{\"tools\":[],\"reasoning_effort\":\"high\"}",
                       "\"tools\":[],\"reasoning_effort\":\"high\"", "");
        service_expect("openai", models[i], "{\"n\":2}", "\"n\":2", "");
    }
    snprintf(body, sizeof body, "{%s,\"reasoning_effort\":\"high\"}", tools);
    service_expect("openai", "gpt-5.4-mini", body, tools, "reasoning_effort");
    snprintf(body, sizeof body, "{%s}", tools);
    service_expect("openai", "gpt-5.4", body, tools, "");
    service_expect("openai", "gpt-5.5", body, tools, "");
}

Test(openai_schema, the_o_line_decides_itself_how_many_tools_it_calls)
{
    static const char *const models[] = { "o1", "o3", "o3-mini", "o4-mini", "o4-mini-2025-04-16" };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        service_expect("openai", models[i], "{\"parallel_tool_calls\":false}", "", "parallel_tool_calls");
        service_expect("azure", models[i], "{\"parallel_tool_calls\":true}", "", "");
    }
    service_expect("openai", "gpt-5", "{\"parallel_tool_calls\":false}", "\"parallel_tool_calls\":false", "");
}

Test(openai_schema, only_models_that_search_are_asked_to)
{
    static const char asked[] = "{\"web_search_options\":{}}", sent[] = "\"web_search_options\":{}";
    service_expect("openai", "gpt-4o-search-preview", asked, sent, "");
    service_expect("openai", "gpt-4o-mini-search-preview-2025-03-11", asked, sent, "");
    service_expect("openai", "gpt-5-search-api", asked, sent, "");
    service_expect("openai", "gpt-4o", asked, "", "web_search_options");
    service_expect("openai", "gpt-5.6", asked, "", "web_search_options");
    service_expect("azure", "my-own", asked, "", "web_search_options");
    service_expect("perplexity", "sonar", asked, sent, "");
}

Test(openai_schema, mistral_knows_the_key_of_a_cache)
{
    service_expect("mistral", "m", "{\"prompt_cache_key\":\"k\"}", "\"prompt_cache_key\":\"k\"", "");
    service_expect("groq", "m", "{\"prompt_cache_key\":\"k\"}", "", "prompt_cache_key");
}
