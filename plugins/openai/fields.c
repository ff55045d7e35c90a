/* fields.c - the capability tables of OpenAI itself and of Azure, and what the compatible services have in common: what
 * becomes of each field of a request, at each line of OpenAI's models. Those of the other services are in
 * fields_services.c. A field that stands neither in a service's own table nor in those that it shares (services.c lists
 * which) is carried, and a value that is the default ("n": 1) is no loss. What the words of a row mean is
 * in services.h; how it is done, in body.c, members.c, turns.c and messages.c. */
#include "fields.h"

static const char openai_only[] = "only OpenAI has it";
static const char caches_itself[] = "the service decides itself what it caches";
static const char no_files[] = "this service reads no files: send their text";
static const char no_custom[] = "this service has no tools with free input: declare a function";
static const char thinks[] = "the model reasons, and takes no sampling parameters";
static const char no_stop[] = "the model reasons, and takes no stop strings";
static const char open_schema[] = "with a schema that leaves a property optional, or others allowed";
static const char not_enforced[] = "OpenAI enforces no such schema: it is sent as a guide";
static const char writes_less[] = "this model writes less: its most is sent";
static const char not_with_tools[] =
    "with tools the model takes it in the responses API only; it reasons as it would by itself";

static const char only_none[] = "with tools the model takes none alone, but for the responses API: none is sent";
#define TOOLS_WANT_NONE "github.com/BerriAI/litellm/pull/34569, 2026-07"
static const char bad_root[] = "with anyOf, oneOf, allOf, enum, const or not at its root";
static const char folded[] = "OpenAI takes none of these there: their properties stand at the root, the rule in words";
#define SEARCH "platform.openai.com/docs/guides/tools-web-search (Chat Completions), 2026-11"
#define NO_PROPERTIES "github.com/langchain-ai/langchain-mcp-adapters/pull/343, 2025-10"
#define BAD_ROOT "github.com/langchain-ai/langchainjs/issues/9804 (400 invalid_function_parameters), 2026-11"

/* Lines and versions of OpenAI's models: from `since` on and lower than `before`, which is GPT's only. */
#define LINES(lines_, since_, before_) .lines = lines_, .since = since_, .before = before_
#define NO_SAMPLING(field_)                                                                                            \
    ROW(DROPPED, field_, NULL, NULL, thinks, LINES(OPENAI_O | OPENAI_GPT, 500, 501)),                                  \
        ROW(DROPPED, field_, "unless reasoning_effort is none", NULL, thinks, LINES(OPENAI_GPT, 501, 0),               \
            .on = OPENAI_THINKING)

#define SOURCE "platform.openai.com/docs/guides/reasoning and /docs/models, 2026-11"
/* What the names of OpenAI's models show. A deployment may have any name: then a field is sent, and OpenAI judges it. */
const struct openai_rule openai_model_rules[] = {
    NO_SAMPLING("frequency_penalty"),
    NO_SAMPLING("logit_bias"),
    NO_SAMPLING("logprobs"),
    NO_SAMPLING("presence_penalty"),
    NO_SAMPLING("temperature"),
    NO_SAMPLING("top_logprobs"),
    NO_SAMPLING("top_p"),
    ROW(DROPPED, "stop", NULL, NULL, no_stop, LINES(OPENAI_O | OPENAI_GPT, 500, 0)),
    ROW(TRANSLATED, "max_tokens", NULL, "max_completion_tokens", NULL, LINES(OPENAI_O | OPENAI_GPT, 500, 0)),
    NO_THINKING(LINES(OPENAI_CHAT | OPENAI_GPT, 0, 500)),
    /* 400 "Function tools with reasoning_effort are not supported for gpt-5.4 in /v1/chat/completions" */
    ROW_FROM("github.com/pipecat-ai/pipecat/issues/4043, 2026-03", DROPPED, "reasoning_effort",
             "with tools, unless it is none", NULL, not_with_tools, LINES(OPENAI_GPT, 504, 506),
             .on = OPENAI_THINKING_WITH_TOOLS),
    /* The same 400 where the member is absent, for it thinks by itself: "use /v1/responses or set reasoning_effort to
     * 'none'" */
    ROW_FROM(TOOLS_WANT_NONE, DROPPED, "reasoning_effort", "with tools, unless it is none", NULL, only_none,
             LINES(OPENAI_GPT, 506, 0), .on = OPENAI_THINKING_WITH_TOOLS),
    ROW_FROM(TOOLS_WANT_NONE, TRANSLATED, "reasoning_effort", "not there, with tools", "none", NULL,
             LINES(OPENAI_GPT, 506, 0), .on = OPENAI_UNSAID_WITH_TOOLS),
    /* 400 "Unsupported parameter: 'parallel_tool_calls' is not supported with this model." */
    ROW_FROM("github.com/run-llama/llama_index/issues/20865, 2026-03", DROPPED, "parallel_tool_calls", NULL, NULL,
             "this model decides itself how many tools it calls at once", LINES(OPENAI_O, 0, 0)),
    LEVELS("none", "none=low", ALWAYS_THINKS, LINES(OPENAI_O, 0, 0)),
    LEVELS("none", "none=minimal", ALWAYS_THINKS, LINES(OPENAI_GPT, 500, 501)),
    LEVELS("xhigh or max", "xhigh=high max=high", NO_LEVEL, LINES(OPENAI_GPT, 500, 501)),
    LOW_TO_HIGH(LINES(OPENAI_O | OPENAI_GPT, 501, 502)),
    LEVELS("minimal or max", "minimal=low max=xhigh", NO_LEVEL, LINES(OPENAI_GPT, 502, 506)),
    LEVELS("minimal", "minimal=low", NO_LEVEL, LINES(OPENAI_GPT, 506, 0)),
    END,
};

#undef SOURCE
#define SOURCE "platform.openai.com/docs/api-reference/chat/create, 2026-11"
/* OpenAI itself and Azure: all that the canonical form has, but for what other dialects brought. */
const struct openai_rule openai_rules[] = {
    LONG_IDS,
    LONG_NAMES,
    DROP("cache_control", caches_itself),
    DROP("messages.reasoning_content", NO_HISTORY),
    DROP_WHEN(OPENAI_ALWAYS, "without reasoning_content", "messages.reasoning_details", NO_HISTORY),
    SAY("messages.is_error", "Error: "),
    ROW(DROPPED, "max_completion_tokens", "more than the model writes", NULL, writes_less, .on = OPENAI_TOO_LONG),
    ROW(DROPPED, "max_tokens", "more than the model writes", NULL, writes_less, .on = OPENAI_TOO_LONG),
    TWO_LIMITS,
    REFUSE_WHEN("by an address", "part.file.url", "OpenAI takes a file's bytes or its id, no address: send its bytes"),
    ROW(DROPPED, "stop", "over four", NULL, "OpenAI takes four stop strings: the first four are sent",
        .on = OPENAI_TOO_MANY),
    ROW(DROPPED, "response_format.json_schema.strict", open_schema, NULL, not_enforced, .on = OPENAI_OPEN),
    ROW(DROPPED, "tools.function.strict", open_schema, NULL, not_enforced, .on = OPENAI_OPEN),
    ROW_FROM(BAD_ROOT, DROPPED, "tools.function.parameters", bad_root, NULL, folded, .on = OPENAI_BAD_ROOT),
    /* 400 "Invalid schema for function 'f': In context=(), object schema missing properties" */
    ROW_FROM(NO_PROPERTIES, TRANSLATED, "tools.function.parameters", "without properties", "one with no properties",
             NULL, .on = OPENAI_BARE),
    CALLS_AND_RESULTS,
    SILENT("an empty text", ""),
    GOOGLES,
    /* 400 "Unknown parameter: 'web_search_options'", but for the two models that search before each answer */
    ROW_FROM(SEARCH, CARRIED, "web_search_options", NULL, NULL, NULL, .models = "*-search-preview* *-search-api*"),
    DROP_FROM(SEARCH, "web_search_options", "only OpenAI's *-search-preview and *-search-api models search in a chat"),
    DROP("top_k", NOT_THERE),
    END,
};

#undef SOURCE
#define SOURCE "learn.microsoft.com/azure/ai-services/openai/reference, 2026-11"
const struct openai_rule openai_azure_rules[] = {
    REFUSE("api.moderations", NO_MODERATIONS),
    REFUSE("api.rerank", NO_RERANK),
    END,
};
/* Its versions of before 2024-09. */
const struct openai_rule openai_azure_2023_rules[] = {
    SAY("max_completion_tokens", "max_tokens"),
    SAY("role.developer", "system"),
    SAY("stream_options", "nothing: its streams tell no usage, which the gateway counts then"), /* 400 */
    REFUSE("api.moderations", NO_MODERATIONS),
    REFUSE("api.rerank", NO_RERANK),
    REFUSE("api.responses", NO_RESPONSES),
    END,
};

#undef SOURCE
#define SOURCE "the chat API's pages of the services of fields_services.c, 2026-11"
/* What the compatible services have in common. */
const struct openai_rule openai_compatible_rules[] = {
    LONG_NAMES,
    CALLS_AND_RESULTS,
    SILENT("an empty text", ""),
    ONLY_GOOGLE,
    DROP("audio", openai_only),
    DROP("cache_control", caches_itself),
    SAY("max_completion_tokens", "max_tokens"),
    DROP("messages.reasoning_content", NO_HISTORY),
    DROP_WHEN(OPENAI_ALWAYS, "without reasoning_content", "messages.reasoning_details", NO_HISTORY),
    SAY("messages.is_error", "Error: "),
    SAY("messages.refusal", "content"),
    TWO_LIMITS,
    DROP("metadata", openai_only),
    DROP("modalities", openai_only),
    DROP("moderation", openai_only),
    REFUSE("part.file", no_files),
    REFUSE("part.file.file_id", "the service does not have the file: send file_data"),
    SAY("part.refusal", "a text"),
    DROP("prediction", openai_only),
    DROP("prompt_cache_breakpoint", openai_only),
    DROP("prompt_cache_key", openai_only),
    DROP("prompt_cache_options", openai_only),
    DROP("prompt_cache_retention", openai_only),
    SAY("role.developer", "system"),
    DROP("safety_identifier", openai_only),
    DROP("service_tier", openai_only),
    DROP("store", openai_only),
    DROP("tool_choice.allowed_tools", "the service chooses among all tools"),
    REFUSE("tools.custom", no_custom),
    DROP("top_k", NOT_THERE),
    DROP("verbosity", openai_only),
    DROP("web_search_options", openai_only),
    REFUSE("api.moderations", NO_MODERATIONS),
    END,
};
