/* test_services.c - a canonical request as each service takes it: what is sent in another form, what is left out and
 * reported, what is refused. The table itself is in test_capability.c. */
#include <string.h>

#include "../../../plugins/openai/services.h"
#include "check.h"
#include "service_case.h"

Test(services, openai_gets_all_but_what_other_dialects_brought)
{
    service_expect(
        "openai", "gpt-4o",
        "{\"messages\":[{\"role\":\"developer\",\"content\":[{\"type\":\"text\",\"text\":\"a\",\"cache_control\":"
        "{\"type\":\"ephemeral\"}}]},{\"role\":\"assistant\",\"content\":\"b\",\"reasoning_content\":\"hm\","
        "\"x_origin\":{\"dialect\":\"messages\",\"content\":[]}},{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":"
        "\"no file\",\"is_error\":true}],\"max_completion_tokens\":5,\"top_k\":4,\"user\":\"u\",\"tools\":[{\"type\":"
        "\"function\",\"function\":{\"name\":\"f\",\"strict\":true},\"cache_control\":{\"type\":\"ephemeral\"}}]}",
        "\"messages\":[{\"role\":\"developer\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]},{\"role\":"
        "\"assistant\",\"content\":\"b\"},{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"Error: no file\"}],"
        "\"max_completion_tokens\":5,\"user\":\"u\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
        "\"strict\":true}}]",
        "cache_control messages.reasoning_content top_k");
}

Test(services, models_that_reason_get_no_sampling)
{
    const char *body =
        "{\"temperature\":0.2,\"top_p\":1,\"stop\":[\"x\"],\"reasoning_effort\":\"max\",\"max_tokens\":9}";
    service_expect("openai", "gpt-5-nano", body, "\"reasoning_effort\":\"high\",\"max_completion_tokens\":9",
                   "temperature stop reasoning_effort");
    service_expect("openai", "o3", body, "\"reasoning_effort\":\"high\",\"max_completion_tokens\":9",
                   "temperature stop reasoning_effort");
    service_expect("openai", "gpt-5.2", body, "\"reasoning_effort\":\"xhigh\",\"max_completion_tokens\":9",
                   "temperature stop reasoning_effort");
    service_expect("openai", "gpt-5.6-terra", body, "\"reasoning_effort\":\"max\",\"max_completion_tokens\":9",
                   "temperature stop");
    service_expect("openai", "gpt-4o", body, "\"temperature\":0.2,\"top_p\":1,\"stop\":[\"x\"],\"max_tokens\":9",
                   "reasoning_effort");
    service_expect("openai", "my-own", body,
                   "\"temperature\":0.2,\"top_p\":1,\"stop\":[\"x\"],\"reasoning_effort\":\"max\",\"max_tokens\":9",
                   "");
    service_expect("openai", "gpt-5", "{\"temperature\":1,\"reasoning_effort\":\"none\"}",
                   "\"reasoning_effort\":\"minimal\"", "reasoning_effort");
    service_expect("openai", "gpt-5.1", "{\"temperature\":0.5,\"reasoning_effort\":\"none\"}",
                   "\"temperature\":0.5,\"reasoning_effort\":\"none\"", "");
    service_expect("openai", "gpt-5.4-mini", "{\"reasoning_effort\":\"medium\",\"tools\":[{\"type\":\"function\"}]}",
                   "\"tools\":[{\"type\":\"function\"}]", "reasoning_effort");
}

Test(services, what_is_not_said_is_not_translated)
{
    service_expect("groq", "m", "{\"reasoning_effort\":null,\"max_completion_tokens\":null,\"x\":null}",
                   "\"max_completion_tokens\":null,\"x\":null", "");
    service_expect("mistral", "m", "{\"reasoning_effort\":null,\"seed\":null,\"max_completion_tokens\":null}", "", "");
}

Test(services, mistral_gets_its_own_names_and_short_ids)
{
    cr_assert_eq(
        service_build(
            "mistral", "mistral-small",
            "{\"messages\":[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":"
            "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"abcDEF123\",\"type\":"
            "\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\","
            "\"tool_call_id\":\"call_1\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\","
            "\"text\":\"b\"}]},{\"role\":\"tool\",\"tool_call_id\":\"abcDEF123\",\"content\":\"x\"}]}"),
        GW_OK);
    struct text got = buf_view(&service_http.body);
    ptrdiff_t at = text_find(got, TEXT("\"id\":\""));
    struct text id = { got.ptr + at + 6, 9 }, rest = { got.ptr + at + 15, got.len - (size_t)at - 15 };
    cr_assert_eq(rest.ptr[0], '"', "%.*s", TEXT_ARG(got));
    cr_assert(text_find(rest, id) > 0, "the result names the same call");
    cr_assert(text_find(rest, TEXT("\"id\":\"abcDEF123\"")) > 0);
    cr_assert(text_find(rest, TEXT("\"content\":\"a\\n\\nb\"")) > 0, "%.*s", TEXT_ARG(got));
    cr_assert(text_find(got, TEXT("call_1")) < 0);
    service_done();

    service_expect(
        "mistral", "mistral-small",
        "{\"messages\":[{\"role\":\"developer\",\"content\":\"s\"},{\"role\":\"assistant\",\"content\":\"{\"}],"
        "\"seed\":7,\"max_completion_tokens\":3,\"tool_choice\":\"required\",\"user\":\"u\",\"logit_bias\":{},"
        "\"logprobs\":true,\"stream_options\":{\"include_usage\":true}}",
        "\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"assistant\",\"content\":\"{\",\"prefix\":"
        "true}],"
        "\"random_seed\":7,\"max_tokens\":3,\"tool_choice\":\"any\"",
        "user logprobs");
    service_expect("mistral", "m",
                   "{\"messages\":[{\"role\":\"user\",\"name\":\"u\",\"content\":[{\"type\":\"text\",\"text\":\"a\","
                   "\"prompt_cache_breakpoint\":{\"mode\":\"explicit\"}}]},{\"role\":\"assistant\",\"content\":\"b\","
                   "\"refusal\":null,\"annotations\":[],\"audio\":null,\"function_call\":null},{\"role\":\"user\","
                   "\"content\":\"c\"}]}",
                   "\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"},"
                   "{\"role\":\"user\",\"content\":\"c\"}]",
                   "messages.name prompt_cache_breakpoint");
    service_expect("mistral", "m",
                   "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\","
                   "\"file_data\":\"data:application/pdf;base64,AA==\"}}]}]}",
                   "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document_url\",\"document_url\":"
                   "\"data:application/pdf;base64,AA==\",\"document_name\":\"a.pdf\"}]}]",
                   "");
}

Test(services, deepseek_gets_its_reasoning_back_and_thinks_or_not)
{
    service_expect(
        "deepseek", "deepseek-v4",
        "{\"messages\":[{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"hm\",\"reasoning_details\":"
        "[{}],"
        "\"tool_calls\":[]}],\"reasoning_effort\":\"low\"}",
        "\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[],\"content\":\"\",\"reasoning_content\":\"hm\"}],"
        "\"thinking\":{\"type\":\"enabled\"},\"reasoning_effort\":\"high\"",
        "reasoning_effort");
    service_expect("deepseek", "deepseek-v4", "{\"reasoning_effort\":\"none\",\"seed\":1}",
                   "\"thinking\":{\"type\":\"disabled\"}", "seed");
    service_expect("deepseek", "deepseek-v4", "{\"reasoning_effort\":\"high\",\"tool_choice\":\"required\"}",
                   "\"tool_choice\":\"required\",\"thinking\":{\"type\":\"disabled\"}", "reasoning_effort");
    service_expect("deepseek", "deepseek-v4", "{\"reasoning_effort\":\"none\",\"tool_choice\":\"required\"}",
                   "\"tool_choice\":\"required\",\"thinking\":{\"type\":\"disabled\"}", "");
    service_expect("deepseek", "deepseek-v4", "{\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{}}}",
                   "\"response_format\":{\"type\":\"json_object\"}", "response_format.json_schema");
}

Test(services, openrouter_gets_blocks_of_reasoning_and_cache_marks)
{
    service_expect(
        "openrouter", "anthropic/claude",
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":"
        "\"ephemeral\"}}]},{\"role\":\"assistant\",\"content\":\"b\",\"reasoning_content\":\"hm\",\"reasoning_"
        "details\":"
        "[{\"type\":\"reasoning.text\",\"signature\":\"s\"}]},{\"role\":\"user\",\"content\":\"d\"},{\"role\":"
        "\"assistant\",\"content\":\"c\","
        "\"reasoning_content\":\"oh\"}],\"safety_identifier\":\"u\",\"top_k\":3}",
        "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":"
        "\"ephemeral\"}}]},{\"role\":\"assistant\",\"content\":\"b\",\"reasoning_details\":[{\"type\":"
        "\"reasoning.text\",\"signature\":\"s\"}]},{\"role\":\"user\",\"content\":\"d\"},{\"role\":\"assistant\","
        "\"content\":\"c\",\"reasoning\":\"oh\"}],"
        "\"user\":\"u\",\"top_k\":3",
        "");
}

Test(services, others_say_what_they_do_not_take)
{
    service_expect("groq", "m",
                   "{\"logprobs\":true,\"n\":1,\"max_completion_tokens\":1,\"reasoning_effort\":\"xhigh\"}",
                   "\"max_completion_tokens\":1,\"reasoning_effort\":\"high\"", "logprobs reasoning_effort");
    service_expect("xai", "grok-4", "{\"stop\":[\"x\"],\"reasoning_effort\":\"low\",\"temperature\":0.1}",
                   "\"temperature\":0.1", "stop reasoning_effort");
    service_expect("groq", "qwen/qwen3-32b", "{\"reasoning_effort\":\"low\"}", "\"reasoning_effort\":\"default\"",
                   "reasoning_effort");
    service_expect("groq", "qwen/qwen3-32b", "{\"reasoning_effort\":\"none\"}", "\"reasoning_effort\":\"none\"", "");
    service_expect("groq", "openai/gpt-oss-20b", "{\"reasoning_effort\":\"none\"}", "\"reasoning_effort\":\"low\"",
                   "reasoning_effort");
    service_expect("xai", "grok-4-fast-non-reasoning", "{\"stop\":[\"x\"]}", "\"stop\":[\"x\"]", "");
    service_expect("ollama", "qwen3", "{\"max_completion_tokens\":1,\"tool_choice\":\"auto\",\"top_k\":2}",
                   "\"max_tokens\":1", "top_k");
    service_expect("vllm", "qwen3", "{\"max_completion_tokens\":1,\"top_k\":2,\"store\":true}",
                   "\"max_completion_tokens\":1,\"top_k\":2", "store");
    cr_assert_eq(service_build("perplexity", "sonar", "{\"tools\":[{\"type\":\"function\"}]}"), GW_E_REQUEST);
    cr_assert_gt(service_replay.call.explain.len, 0u);
    service_done();
    cr_assert_eq(service_build("groq", "m",
                               "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{}}]}]}"),
                 GW_E_REQUEST);
    service_done();
}

Test(services, an_address_tells_the_service)
{
    cr_assert_str_eq(openai_service_at(GW_LIT("https://api.groq.com/openai/v1"))->preset.name, "groq");
    cr_assert_str_eq(openai_service_at(GW_LIT("https://api.mistral.ai"))->preset.name, "mistral");
    cr_assert_str_eq(openai_service_at(GW_LIT("http://127.0.0.1:11434/v1"))->preset.name, "openai");
    cr_assert_str_eq(openai_service_at(GW_LIT("https://example.com/v1"))->preset.name, "openai");
    cr_assert_null(openai_service(GW_LIT("nobody")));
}

Test(services, what_a_service_has_not_is_said)
{
    replay_begin(&service_replay, gw_plugin_entry_openai(), "{\"service\":\"groq\"}");
    gw_request req = { .size = sizeof req,
                       .operation = GW_OP_EMBEDDINGS,
                       .dialect = GW_DIALECT_EMBEDDINGS,
                       .model = GW_LIT("m"),
                       .base_url = GW_LIT("http://x") };
    call_http_init(&service_http, &service_replay.call, 1 << 20);
    cr_assert_eq(service_replay.ops->build(service_replay.instance, &service_replay.call, &req, &service_http),
                 GW_E_REQUEST);
    cr_assert(text_is(service_replay.call.explain, "this service has no embeddings"));
    service_done();
}
