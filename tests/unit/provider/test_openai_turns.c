/* test_openai_turns.c - the order of messages that each service takes: results behind their calls, neighbours of one
 * role as one message, a late system message as a reminder, and the reasoning that a model which thinks wants to see in
 * each earlier turn. */
#include <string.h>

#include "check.h"
#include "service_case.h"

#define SAY(role, text) "{\"role\":\"" role "\",\"content\":\"" text "\"}"
#define CALL(id) "{\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}"
#define CALLS(calls) "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" calls "]}"
#define RESULT(id) "{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":\"x\"}"
#define BODY(messages) "{\"messages\":[" messages "]}"
#define SENT(messages) "\"messages\":[" messages "]"
#define REMINDER(text) "<system-reminder>\\n" text "\\n</system-reminder>"

static void keeps(const char *service, const char *model, const char *messages)
{
    char body[2048], sent[2048];
    snprintf(body, sizeof body, BODY("%s"), messages);
    snprintf(sent, sizeof sent, SENT("%s"), messages);
    service_expect(service, model, body, sent, "");
}

Test(openai_turns, calls_of_two_turns_are_one_message)
{
    static const char *const services[] = { "openai", "azure", "groq", "vllm", "together" };
    for (size_t i = 0; i < sizeof services / sizeof *services; i++)
        service_expect(
            services[i], "m",
            BODY(SAY("user", "a") "," CALLS(CALL("one")) "," CALLS(CALL("two")) "," RESULT("one") "," RESULT("two")),
            SENT(SAY("user", "a") ",{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" CALL("one") "," CALL(
                "two") "]}," RESULT("one") "," RESULT("two")),
            "");
}

Test(openai_turns, what_the_assistant_says_between_a_call_and_its_result_is_said_with_the_call)
{
    service_expect(
        "openai", "gpt-4o",
        BODY(SAY("assistant", "a") "," CALLS(CALL("one")) "," SAY("assistant", "b") "," RESULT("one")),
        SENT("{\"role\":\"assistant\",\"content\":\"a\\n\\nb\",\"tool_calls\":[" CALL("one") "]}," RESULT("one")), "");
    service_expect(
        "openai", "gpt-4o",
        BODY("{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":"
             "\"b\"}]}," SAY("assistant", "c")),
        SENT("{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":"
             "\"b\"},{\"type\":\"text\",\"text\":\"c\"}]}"),
        "");
}

Test(openai_turns, results_stand_right_behind_their_calls)
{
    service_expect("openai", "gpt-4o",
                   BODY(CALLS(CALL("one") "," CALL("two")) "," RESULT("one") "," SAY("user", "b") "," RESULT(
                       "two") "," SAY("user", "c")),
                   SENT(CALLS(CALL("one") "," CALL("two")) "," RESULT("one") "," RESULT("two") "," SAY(
                       "user", "b") "," SAY("user", "c")),
                   "");
    service_expect("openai", "gpt-4o",
                   BODY(CALLS(CALL("one")) "," SAY("assistant", "b") "," SAY("user", "c") "," RESULT("one")),
                   SENT("{\"role\":\"assistant\",\"content\":\"b\",\"tool_calls\":[" CALL("one") "]}," RESULT(
                       "one") "," SAY("user", "c")),
                   "");
    keeps("openai", "gpt-4o",
          SAY("user", "a") "," CALLS(CALL("one")) "," RESULT("one") "," SAY("assistant", "b") "," SAY(
              "user", "c") "," CALLS(CALL("two")) "," RESULT("two"));
    keeps("openai", "gpt-4o", SAY("assistant", "a") "," SAY("user", "b") "," RESULT("nobody"));
}

/* Nothing that only one of two neighbours has may be lost. */
Test(openai_turns, what_one_of_two_neighbours_has_alone_keeps_them_apart)
{
    keeps("openai", "gpt-4o", "{\"role\":\"assistant\",\"content\":null,\"refusal\":\"No.\"}," SAY("assistant", "b"));
    keeps("openai", "gpt-4o", "{\"role\":\"assistant\",\"content\":\"a\",\"name\":\"n\"}," SAY("assistant", "b"));
    keeps("openai", "gpt-4o",
          SAY("assistant", "a") ",{\"role\":\"assistant\",\"content\":\"b\",\"audio\":{\"id\":\"c\"}}");
    keeps("vllm", "m", SAY("user", "a") ",{\"role\":\"user\",\"content\":\"b\",\"name\":\"n\"}");
    keeps("openai", "gpt-4o",
          "{\"role\":\"function\",\"content\":\"a\",\"name\":\"f\"},{\"role\":\"function\","
          "\"content\":\"b\",\"name\":\"f\"}");
}

Test(openai_turns, openai_takes_a_system_message_anywhere)
{
    keeps("openai", "gpt-4o",
          SAY("system", "s") "," SAY("user", "a") "," SAY("system", "t") "," SAY("user", "b") "," SAY("user", "c"));
    keeps("groq", "m", SAY("system", "s") "," SAY("user", "a") "," SAY("system", "t"));
}

Test(openai_turns, a_strict_template_gets_one_system_message_and_turns_that_alternate)
{
    static const char *const services[] = { "vllm", "sglang", "llamacpp", "lmstudio", "huggingface", "perplexity" };
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        service_expect(services[i], "m",
                       BODY(SAY("system", "s") "," SAY("developer", "d") "," SAY("user", "a") "," SAY(
                           "system", "t") "," SAY("assistant", "b") "," SAY("user", "c") "," SAY("user", "e")),
                       SENT(SAY("system", "s\\n\\nd") "," SAY("user", "a\\n\\n" REMINDER("t")) "," SAY(
                           "assistant", "b") "," SAY("user", "c\\n\\ne")),
                       "messages.role");
        service_expect(services[i], "m", BODY(SAY("user", "a") "," SAY("system", REMINDER("t"))),
                       SENT(SAY("user", "a\\n\\n" REMINDER("t"))), "messages.role");
    }
    service_expect("vllm", "m",
                   BODY("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:,\"}}]},"
                        "{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"t\"},{\"type\":\"text\","
                        "\"text\":\"u\"}]}"),
                   SENT("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:,\"}},"
                        "{\"type\":\"text\",\"text\":\"<system-reminder>\\n\"},{\"type\":\"text\",\"text\":\"t\"},"
                        "{\"type\":\"text\",\"text\":\"u\"},{\"type\":\"text\",\"text\":\"\\n</system-reminder>\"}]}"),
                   "messages.role");
    keeps("vllm", "m", SAY("system", "s") "," SAY("user", "a") "," CALLS(CALL("one")) "," RESULT("one"));
}

#define NINE "abcDEF123"

Test(openai_turns, mistral_hears_the_assistant_between_a_result_and_the_user)
{
    service_expect("mistral", "m", BODY(CALLS(CALL(NINE)) "," RESULT(NINE) "," SAY("user", "stop")),
                   SENT(CALLS(CALL(NINE)) "," RESULT(NINE) "," SAY("assistant", "OK.") "," SAY("user", "stop")), "");
    service_expect(
        "mistral", "m", BODY(CALLS(CALL(NINE)) "," RESULT(NINE) "," SAY("system", "t") "," SAY("user", "stop")),
        SENT(CALLS(CALL(NINE)) ",{\"role\":\"tool\",\"tool_call_id\":\"" NINE "\",\"content\":\"x\\n\\n" REMINDER(
            "t") "\"}," SAY("assistant", "OK.") "," SAY("user", "stop")),
        "messages.role");
    keeps("mistral", "m", CALLS(CALL(NINE)) "," RESULT(NINE) "," SAY("assistant", "b") "," SAY("user", "stop"));
    keeps("mistral", "m", SAY("user", "a") "," SAY("user", "b"));
    keeps("groq", "m", CALLS(CALL(NINE)) "," RESULT(NINE) "," SAY("user", "stop"));
}

Test(openai_turns, the_last_message_at_mistral_is_the_users_or_a_tools)
{
    service_expect("mistral", "m", BODY(SAY("system", "s") "," SAY("user", "a") "," SAY("system", "t")),
                   SENT(SAY("system", "s") "," SAY("user", "a") "," SAY("user", REMINDER("t"))), "messages.role");
    service_expect("mistral", "m",
                   BODY(CALLS(CALL(NINE)) ",{\"role\":\"tool\",\"tool_call_id\":\"" NINE
                                          "\",\"content\":\"x\",\"is_error\":true}," SAY("system", "t")),
                   SENT(CALLS(CALL(NINE)) ",{\"role\":\"tool\",\"tool_call_id\":\"" NINE
                                          "\",\"content\":\"Error: x\\n\\n" REMINDER("t") "\"}"),
                   "messages.role");
    service_expect("mistral", "m", BODY(SAY("user", "a") "," SAY("assistant", "b")),
                   SENT(SAY("user", "a") ",{\"role\":\"assistant\",\"content\":\"b\",\"prefix\":true}"), "");
}

Test(openai_turns, where_turns_must_alternate_the_user_begins_and_at_perplexity_ends)
{
    static const char *const services[] = { "perplexity", "vllm", "sglang", "llamacpp", "lmstudio", "huggingface" };
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        service_expect(services[i], "m", BODY(SAY("assistant", "a") "," SAY("user", "b")),
                       SENT(SAY("user", ".") "," SAY("assistant", "a") "," SAY("user", "b")), "");
        service_expect(services[i], "m", BODY(SAY("system", "s") "," SAY("assistant", "a") "," SAY("user", "b")),
                       SENT(SAY("system", "s") "," SAY("user", ".") "," SAY("assistant", "a") "," SAY("user", "b")),
                       "");
        keeps(services[i], "m", SAY("system", "s") "," SAY("user", "a") "," SAY("assistant", "b") "," SAY("user", "c"));
    }
    service_expect("perplexity", "m", BODY(SAY("user", "a") "," SAY("assistant", "b")),
                   SENT(SAY("user", "a") "," SAY("assistant", "b") "," SAY("user", "Continue.")), "messages.prefill");
    service_expect("perplexity", "m", BODY(SAY("assistant", "b")),
                   SENT(SAY("user", ".") "," SAY("assistant", "b") "," SAY("user", "Continue.")), "messages.prefill");
    keeps("vllm", "m", SAY("user", "a") "," SAY("assistant", "b"));
    keeps("openai", "gpt-4o", SAY("assistant", "a") "," SAY("user", "b"));
}

#define THINKS(member) "{\"role\":\"assistant\",\"content\":\"a\"," member "}"
#define PARTS(parts) "{\"role\":\"assistant\",\"content\":[" parts "]}"

/* 422 "Extra inputs are not permitted" */
Test(openai_turns, mistral_gets_no_reasoning_in_the_way_of_another_service)
{
    service_expect("mistral", "m", BODY(THINKS("\"reasoning\":\"hm\"") "," SAY("user", "b")),
                   SENT(SAY("assistant", "a") "," SAY("user", "b")), "messages.reasoning");
    service_expect(
        "mistral", "m",
        BODY(THINKS("\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":\"hm\"}]") "," SAY("user", "b")),
        SENT(SAY("assistant", "a") "," SAY("user", "b")), "messages.thinking_blocks");
    static const char *const thoughts[] = { "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"s\"}",
                                            "{\"type\":\"redacted_thinking\",\"data\":\"d\"}",
                                            "{\"type\":\"reasoning\",\"text\":\"hm\"}" };
    for (size_t i = 0; i < sizeof thoughts / sizeof *thoughts; i++) {
        char body[512];
        snprintf(body, sizeof body, BODY(PARTS("%s,{\"type\":\"text\",\"text\":\"a\"}") "," SAY("user", "b")),
                 thoughts[i]);
        service_expect("mistral", "m", body, SENT(SAY("assistant", "a") "," SAY("user", "b")), "part.reasoning");
        snprintf(body, sizeof body,
                 BODY(PARTS("%s,{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:,\"}}") "," SAY("user", "b")),
                 thoughts[i]);
        service_expect("mistral", "m", body,
                       SENT(PARTS("{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:,\"}}") "," SAY("user", "b")),
                       "part.reasoning");
    }
    keeps(
        "mistral", "m",
        PARTS("{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"hm\"}]},{\"type\":\"text\",\"text\":"
              "\"a\"}") "," SAY("user", "b"));
}

#define THOUGHT(value, calls) "{\"role\":\"assistant\",\"content\":null" calls ",\"reasoning_content\":\"" value "\"}"
#define CALLED ",\"tool_calls\":[" CALL("one") "]"

Test(openai_turns, a_turn_without_reasoning_says_so_where_the_model_thinks)
{
    service_expect("deepseek", "deepseek-v4",
                   BODY(SAY("assistant", "a") "," SAY("user", "b") "," CALLS(CALL("one")) "," RESULT("one")),
                   SENT("{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"\"}," SAY(
                       "user", "b") "," THOUGHT("", CALLED) "," RESULT("one")),
                   "");
    service_expect("moonshot", "kimi-k2.5",
                   BODY(SAY("assistant", "a") "," SAY("user", "b") "," CALLS(CALL("one")) "," RESULT("one")),
                   SENT(SAY("assistant", "a") "," SAY("user", "b") "," THOUGHT(" ", CALLED) "," RESULT("one")), "");
    /* what was thought goes back as it was */
    service_expect("deepseek", "deepseek-v4", BODY(THOUGHT("hm", CALLED) "," RESULT("one")),
                   SENT(THOUGHT("hm", CALLED) "," RESULT("one")), "");
    service_expect("moonshot", "kimi-k2-thinking", BODY(THOUGHT("hm", CALLED) "," RESULT("one")),
                   SENT(THOUGHT("hm", CALLED) "," RESULT("one")), "");
    /* of two turns that are one message, both */
    service_expect("deepseek", "deepseek-v4", BODY(THOUGHT("hm", "") "," THOUGHT("so", CALLED) "," RESULT("one")),
                   SENT("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" CALL(
                       "one") "],\"reasoning_content\":\"hm\\n\\nso\"}," RESULT("one")),
                   "");
    /* blocks of Claude's that have no words */
    service_expect("deepseek", "deepseek-v4",
                   BODY("{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_details\":[{\"type\":"
                        "\"reasoning.encrypted\",\"data\":\"x\"}]}"),
                   SENT("{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"\"}"),
                   "messages.reasoning_details");
    /* what cannot be switched off goes on */
    service_expect("moonshot", "kimi-k2-thinking",
                   "{\"messages\":[" CALLS(CALL("one")) "," RESULT("one") "],\"reasoning_effort\":\"none\"}",
                   SENT(THOUGHT(" ", CALLED) "," RESULT("one")), "reasoning_effort");
    service_expect("moonshot", "kimi-k3",
                   "{\"messages\":[" CALLS(CALL("one")) "," RESULT("one") "],\"tool_choice\":\"required\"}",
                   SENT(THOUGHT(" ", CALLED) "," RESULT("one")) ",\"tool_choice\":\"required\"", "");
    service_expect("moonshot", "kimi-k2.6",
                   "{\"messages\":[" CALLS(CALL("one")) "," RESULT("one") "],\"reasoning_effort\":\"none\"}",
                   SENT(CALLS(CALL("one")) "," RESULT("one")) ",\"thinking\":{\"type\":\"disabled\"}", "");
    /* nobody thinks */
    keeps("moonshot", "kimi-k2-0905-preview", CALLS(CALL("one")) "," RESULT("one"));
    keeps("openai", "o3", CALLS(CALL("one")) "," RESULT("one"));
    service_expect("deepseek", "deepseek-v4",
                   "{\"messages\":[" SAY("assistant", "a") "],\"reasoning_effort\":\"none\"}",
                   SENT(SAY("assistant", "a")) ",\"thinking\":{\"type\":\"disabled\"}", "");
    service_expect("deepseek", "deepseek-v4", "{\"messages\":[" SAY("assistant", "a") "],\"tool_choice\":\"required\"}",
                   SENT(SAY("assistant", "a")) ",\"tool_choice\":\"required\",\"thinking\":{\"type\":\"disabled\"}",
                   "");
}

Test(openai_turns, blocks_of_reasoning_of_two_turns_stay_in_order)
{
    service_expect(
        "openrouter", "m",
        BODY("{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_details\":[{\"type\":\"x\"},{\"type\":"
             "\"y\"}]},{\"role\":\"assistant\",\"content\":\"b\",\"reasoning_content\":\"so\"},"
             "{\"role\":\"assistant\",\"content\":\"c\",\"reasoning_details\":[{\"type\":\"z\"}],"
             "\"reasoning_content\":\"zz\"}"),
        SENT("{\"role\":\"assistant\",\"content\":\"a\\n\\nb\\n\\nc\",\"reasoning_details\":[{\"type\":\"x\"},"
             "{\"type\":\"y\"},{\"type\":\"reasoning.text\",\"text\":\"so\"},{\"type\":\"z\"}]}"),
        "");
}

#define SIGNED(id, signature)                                                                                          \
    "{\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"},\"extra_content\":{"  \
    "\"google\":{\"thought_signature\":\"" signature "\"}}}"
#define BLOCK(id, signature)                                                                                           \
    "{\"type\":\"reasoning.encrypted\",\"format\":\"google-gemini-v1\",\"id\":\"" id "\",\"data\":\"" signature "\"}"

/* Google's compatible endpoint answers 400 to a call of Gemini 3 that comes back without its signature. */
Test(openai_turns, a_signature_of_googles_goes_back_with_its_call)
{
    const char *kept = BODY("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" CALL("one") "," CALL(
        "two") "],\"reasoning_details\":[" BLOCK("two", "s2") "," BLOCK("one", "s1") "]}," RESULT("one"));
    service_expect("openai", "gemini-3-flash-preview", kept,
                   SENT(CALLS(SIGNED("one", "s1") "," SIGNED("two", "s2")) "," RESULT("one")), "");
    service_expect("openai", "google/gemini-2.5-pro", kept,
                   SENT(CALLS(SIGNED("one", "s1") "," SIGNED("two", "s2")) "," RESULT("one")), "");
    /* what another model called, or Gemini's own that lost it: the first call has the word that is not checked */
    service_expect("openai", "gemini-3-pro", BODY(CALLS(CALL("one") "," CALL("two")) "," RESULT("one")),
                   SENT(CALLS(SIGNED("one", "skip_thought_signature_validator") "," CALL("two")) "," RESULT("one")),
                   "");
    keeps("openai", "gemini-2.5-pro", CALLS(CALL("one")) "," RESULT("one"));
    keeps("openai", "gemini-3-pro", CALLS(SIGNED("one", "s1")) "," RESULT("one"));
    /* elsewhere it means nothing, and is an unknown member */
    service_expect("openai", "gpt-4o", kept, SENT(CALLS(CALL("one") "," CALL("two")) "," RESULT("one")),
                   "messages.reasoning_details");
    service_expect("openai", "gpt-4o", BODY(CALLS(SIGNED("one", "s1")) "," RESULT("one")),
                   SENT(CALLS(CALL("one")) "," RESULT("one")), "messages.extra_content");
    service_expect("mistral", "m", BODY(CALLS(SIGNED(NINE, "s1")) "," RESULT(NINE)),
                   SENT(CALLS(CALL(NINE)) "," RESULT(NINE)), "messages.extra_content");
    /* OpenRouter keeps blocks as they are */
    service_expect(
        "openrouter", "google/gemini-3-pro", kept,
        SENT("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" CALL("one") "," CALL(
            "two") "],\"reasoning_details\":[" BLOCK("two", "s2") "," BLOCK("one", "s1") "]}," RESULT("one")),
        "");
}

#define SILENT(content) "{\"role\":\"assistant\",\"content\":" content "}," SAY("user", "b")

Test(openai_turns, an_assistant_that_says_nothing_has_an_empty_text)
{
    service_expect("openai", "gpt-4o", BODY(SILENT("null")), SENT(SILENT("\"\"")), "");
    service_expect("openai", "gpt-4o", BODY("{\"role\":\"assistant\"}," SAY("user", "b")), SENT(SILENT("\"\"")), "");
    service_expect("groq", "m", BODY(SILENT("null")), SENT(SILENT("\"\"")), "");
    service_expect("openai", "gpt-4o",
                   BODY("{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"hm\"}," SAY("user", "b")),
                   SENT(SILENT("\"\"")), "messages.reasoning_content");
    service_expect("mistral", "m", BODY(SILENT("null")), SENT(SILENT("\"OK.\"")), "");
    service_expect("mistral", "m", BODY(SILENT("\"\"")), SENT(SILENT("\"OK.\"")), "");
    keeps("openai", "gpt-4o", SILENT("\"\""));
    keeps("openai", "gpt-4o", CALLS(CALL("one")) "," RESULT("one"));
    keeps("openai", "gpt-4o", "{\"role\":\"assistant\",\"content\":null,\"refusal\":\"No.\"}," SAY("user", "b"));
    keeps("mistral", "m", CALLS(CALL(NINE)) "," RESULT(NINE));
}
