/* fields.c - the capability table: what becomes of each field of a request at each service, and at each line of
 * OpenAI's models. All of it is in this file. A field that stands neither in a service's own table nor in those that it
 * shares (services.c says which) is carried, and a value that says what holds without it ("n": 1) is no loss. What the
 * words of a row mean is in services.h; how it is done, in body.c and messages.c. From the services' own documents and
 * from what their users ran into; see plugins/openai/README.md. */
#include "services.h"

#define ROW(how_, field_, when_, as_, why_, ...)                                                                       \
    {                                                                                                                  \
        .row = {.size = sizeof(gw_capability),                                                                         \
                .how = GW_FIELD_##how_,                                                                                \
                .field = field_,                                                                                       \
                .when = when_,                                                                                         \
                .as = as_,                                                                                             \
                .why = why_},                                                                                          \
        __VA_ARGS__                                                                                                    \
    }
#define CARRY(field_) ROW(CARRIED, field_, NULL, NULL, NULL, .models = NULL)
#define SAY(field_, as_) ROW(TRANSLATED, field_, NULL, as_, NULL, .models = NULL)
#define DROP(field_, why_) ROW(DROPPED, field_, NULL, NULL, why_, .models = NULL)
#define REFUSE(field_, why_) ROW(REFUSED, field_, NULL, NULL, why_, .models = NULL)
/* `when` in words, and for lookup.c or the place that asks for the row. */
#define DROP_WHEN(on_, when_, field_, why_) ROW(DROPPED, field_, when_, NULL, why_, .on = on_)
#define REFUSE_WHEN(when_, field_, why_) ROW(REFUSED, field_, when_, NULL, why_, .models = NULL)
/* About models of these names. */
#define CARRY_FOR(models_, field_) ROW(CARRIED, field_, NULL, NULL, NULL, .models = models_)
#define DROP_FOR(models_, field_, why_) ROW(DROPPED, field_, NULL, NULL, why_, .models = models_)
/* What is told of a reasoning effort that the model does not know, and which one is sent. */
#define LEVELS(when_, pairs_, why_, ...)                                                                               \
    ROW(DROPPED, "reasoning_effort", when_, NULL, why_, .on = OPENAI_LEVEL, .levels = pairs_, __VA_ARGS__)
#define LOW_TO_HIGH(...) LEVELS("minimal, xhigh or max", "minimal=low xhigh=high max=high", no_level, __VA_ARGS__)
#define NO_THINKING(...)                                                                                               \
    ROW(DROPPED, "reasoning_effort", "unless it is none", NULL, does_not_think, .on = OPENAI_THINKING, __VA_ARGS__),   \
        ROW(TRANSLATED, "reasoning_effort", "none", "nothing: the model does not reason", NULL, .on = OPENAI_QUIET,    \
            __VA_ARGS__)
#define TWICE(field_, when_, why_) ROW(DROPPED, field_, when_, NULL, why_, .on = OPENAI_TWICE)
#define TWO_LIMITS                                                                                                     \
    TWICE("max_tokens", "beside another max_completion_tokens",                                                        \
          "max_completion_tokens says the same in a newer way, and is sent")
#define TWO_USERS TWICE("safety_identifier", "beside another user", "the service has one name for both: user is sent")
#define LONG_NAMES                                                                                                     \
    ROW(TRANSLATED, "tools.function.name", "over 64 characters", "a shorter one, which calls give back whole", NULL,   \
        .on = OPENAI_LONG)
#define LONG_IDS                                                                                                       \
    ROW(TRANSLATED, "messages.tool_ids", "over 40 characters", "9 letters and digits", NULL, .on = OPENAI_LONG)
#define END ROW(CARRIED, NULL, NULL, NULL, NULL, .models = NULL)

static const char not_there[] = "the service does not know it";
static const char openai_only[] = "only OpenAI has it";
static const char caches_itself[] = "the service decides itself what it caches";
static const char no_history[] = "the service does not take reasoning of earlier turns";
static const char no_responses[] = "this service has no responses API";
static const char no_embeddings[] = "this service has no embeddings";
static const char no_completions[] = "this service has no text completions";
static const char no_moderations[] = "this service has no moderations";
static const char no_rerank[] = "this service has no rerank API";
static const char no_images[] = "this service makes no images";
static const char no_audio[] = "this service has no audio API";
static const char no_files[] = "this service reads no files: send their text";
static const char no_custom[] = "this service has no tools with free input: declare a function";
static const char no_functions[] = "this service knows tools only: declare functions as tools";
static const char thinks[] = "the model reasons, and takes no sampling parameters";
static const char no_stop[] = "the model reasons, and takes no stop strings";
static const char does_not_think[] = "the model does not reason";
static const char always_thinks[] = "this model always thinks: the lowest effort is sent";
static const char no_level[] = "the model has no such level: the nearest is sent";
static const char open_schema[] = "with a schema that leaves a property optional, or others allowed";
static const char not_enforced[] = "OpenAI enforces no such schema: it is sent as a guide";
static const char writes_less[] = "this model writes less: its most is sent";
static const char not_with_tools[] =
    "with tools the model takes it in the responses API only; it reasons as it would by itself";

/* Lines and versions of OpenAI's models: from `since` on and lower than `before`, which is GPT's only. */
#define LINES(lines_, since_, before_) .lines = lines_, .since = since_, .before = before_
#define NO_SAMPLING(field_)                                                                                            \
    ROW(DROPPED, field_, NULL, NULL, thinks, LINES(OPENAI_O | OPENAI_GPT, 500, 501)),                                  \
        ROW(DROPPED, field_, "unless reasoning_effort is none", NULL, thinks, LINES(OPENAI_GPT, 501, 0),               \
            .on = OPENAI_THINKING)

/* What the names of OpenAI's models tell. A deployment may have any name: then a field is sent, and OpenAI says what it
 * thinks of it. */
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
    /* 400 "Function tools with reasoning_effort are not supported for gpt-5.4-mini in /v1/chat/completions" */
    ROW(DROPPED, "reasoning_effort", "with tools, unless it is none", NULL, not_with_tools, LINES(OPENAI_GPT, 504, 0),
        .on = OPENAI_THINKING_WITH_TOOLS),
    LEVELS("none", "none=low", always_thinks, LINES(OPENAI_O, 0, 0)),
    LEVELS("none", "none=minimal", always_thinks, LINES(OPENAI_GPT, 500, 501)),
    LEVELS("xhigh or max", "xhigh=high max=high", no_level, LINES(OPENAI_GPT, 500, 501)),
    LOW_TO_HIGH(LINES(OPENAI_O | OPENAI_GPT, 501, 502)),
    LEVELS("minimal or max", "minimal=low max=xhigh", no_level, LINES(OPENAI_GPT, 502, 506)),
    LEVELS("minimal", "minimal=low", no_level, LINES(OPENAI_GPT, 506, 0)),
    END,
};

/* OpenAI itself and Azure: all that the canonical form has, but for what other dialects brought. */
const struct openai_rule openai_rules[] = {
    LONG_IDS,
    LONG_NAMES,
    DROP("cache_control", caches_itself),
    DROP("messages.reasoning_content", no_history),
    DROP_WHEN(OPENAI_ALWAYS, "without reasoning_content", "messages.reasoning_details", no_history),
    SAY("messages.is_error", "Error: "),
    ROW(DROPPED, "max_completion_tokens", "more than the model writes", NULL, writes_less, .on = OPENAI_TOO_LONG),
    ROW(DROPPED, "max_tokens", "more than the model writes", NULL, writes_less, .on = OPENAI_TOO_LONG),
    TWO_LIMITS,
    REFUSE_WHEN("by an address", "part.file.url", "OpenAI takes a file's bytes or its id, no address: send its bytes"),
    ROW(DROPPED, "stop", "over four", NULL, "OpenAI takes four stop strings: the first four are sent",
        .on = OPENAI_TOO_MANY),
    ROW(DROPPED, "response_format.json_schema.strict", open_schema, NULL, not_enforced, .on = OPENAI_OPEN),
    ROW(DROPPED, "tools.function.strict", open_schema, NULL, not_enforced, .on = OPENAI_OPEN),
    DROP("top_k", not_there),
    END,
};

const struct openai_rule openai_azure_rules[] = {
    REFUSE("api.moderations", no_moderations),
    REFUSE("api.rerank", no_rerank),
    END,
};
/* Its versions of before 2024-09. */
const struct openai_rule openai_azure_2023_rules[] = {
    SAY("max_completion_tokens", "max_tokens"),
    SAY("role.developer", "system"),
    SAY("stream_options", "nothing: its streams tell no usage, which the gateway counts then"), /* 400 */
    REFUSE("api.moderations", no_moderations),
    REFUSE("api.rerank", no_rerank),
    REFUSE("api.responses", no_responses),
    END,
};

/* What the compatible services have in common. */
const struct openai_rule openai_compatible_rules[] = {
    LONG_NAMES,
    DROP("audio", openai_only),
    DROP("cache_control", caches_itself),
    SAY("max_completion_tokens", "max_tokens"),
    DROP("messages.reasoning_content", no_history),
    DROP_WHEN(OPENAI_ALWAYS, "without reasoning_content", "messages.reasoning_details", no_history),
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
    DROP("top_k", not_there),
    DROP("verbosity", openai_only),
    DROP("web_search_options", openai_only),
    REFUSE("api.moderations", no_moderations),
    END,
};

const struct openai_rule openai_deepseek_rules[] = {
    DROP("logit_bias", not_there),
    CARRY("messages.reasoning_content"), /* wanted back where tools are called */
    DROP("n", not_there),
    DROP("parallel_tool_calls", not_there),
    SAY("part.text_list", "joined"),
    DROP_WHEN(OPENAI_THINKING_AND_FORCED, "beside a forced tool_choice, unless it is none", "reasoning_effort",
              "the service does not think when a tool must be called"),
    LEVELS("minimal, low, medium or xhigh", "minimal=high low=high medium=high xhigh=max", no_level, .models = NULL),
    ROW(TRANSLATED, "reasoning_effort", "none", "thinking disabled", NULL, .on = OPENAI_QUIET),
    DROP("response_format.json_schema", "the service promises an object, but not of a schema"),
    DROP("seed", not_there),
    SAY("tool_choice.forced", "itself, with thinking disabled"), /* it thinks unless told otherwise, and refuses then */
    DROP("user", not_there),
    REFUSE("api.audio", no_audio),
    REFUSE("api.embeddings", no_embeddings),
    REFUSE("api.images", no_images),
    REFUSE("api.rerank", no_rerank),
    END,
};
const struct openai_rule openai_fireworks_rules[] = {
    LOW_TO_HIGH(.models = NULL), SAY("safety_identifier", "user"), TWO_USERS, CARRY("top_k"), END,
};
const struct openai_rule openai_groq_rules[] = {
    DROP("logit_bias", not_there),
    DROP("logprobs", not_there),
    CARRY("max_completion_tokens"),
    DROP("n", "Groq makes one choice"),
    LEVELS("minimal, xhigh or max", "minimal=default xhigh=default max=default", no_level, .models = "qwen/*"),
    LEVELS("low, medium or high", "low=default medium=default high=default", no_level, .models = "qwen/*"),
    LEVELS("none", "none=low", always_thinks, .models = "openai/gpt-oss*"),
    LOW_TO_HIGH(.models = NULL),
    SAY("safety_identifier", "user"),
    TWO_USERS,
    DROP("top_logprobs", not_there),
    REFUSE("api.completions", no_completions),
    REFUSE("api.embeddings", no_embeddings),
    REFUSE("api.images", no_images),
    REFUSE("api.rerank", no_rerank),
    END,
};
const struct openai_rule openai_huggingface_rules[] = {
    DROP("parallel_tool_calls", not_there),
    SAY("part.text_list", "joined"),
    DROP("user", not_there),
    REFUSE("api.audio", no_audio),
    REFUSE("api.completions", no_completions),
    REFUSE("api.embeddings", no_embeddings),
    REFUSE("api.images", no_images),
    REFUSE("api.rerank", no_rerank),
    END,
};
const struct openai_rule openai_llamacpp_rules[] = {
    CARRY("messages.reasoning_content"),
    CARRY("top_k"),
    REFUSE("api.images", no_images),
    END,
};
const struct openai_rule openai_lmstudio_rules[] = {
    DROP("n", not_there),
    DROP("parallel_tool_calls", not_there),
    SAY("part.text_list", "joined"),
    CARRY("top_k"),
    REFUSE("api.audio", no_audio),
    REFUSE("api.images", no_images),
    REFUSE("api.rerank", no_rerank),
    END,
};
/* What it does not know it answers with 422. */
const struct openai_rule openai_mistral_rules[] = {
    DROP("function_call", no_functions),
    REFUSE("functions", no_functions),
    DROP("logit_bias", not_there),
    DROP("logprobs", not_there),
    DROP("messages.annotations", not_there),
    DROP("messages.audio", not_there),
    DROP("messages.function_call", no_functions),
    DROP("messages.name", not_there),
    SAY("messages.prefill", "prefix"),
    SAY("messages.tool_ids", "9 letters and digits"),
    CARRY("metadata"),
    SAY("part.file", "document_url"),
    SAY("part.text_list", "joined"),
    CARRY("prediction"),
    LEVELS("neither none nor high", "minimal=none low=high medium=high xhigh=high max=high", no_level, .models = NULL),
    SAY("seed", "random_seed"),
    SAY("stream_options", "nothing: usage is told anyway"), /* 422 */
    SAY("tool_choice.required", "any"),
    DROP("top_logprobs", not_there),
    DROP("user", not_there),
    CARRY("api.moderations"),
    REFUSE("api.completions", no_completions),
    REFUSE("api.images", no_images),
    REFUSE("api.rerank", no_rerank),
    REFUSE("api.responses", no_responses),
    END,
};
const struct openai_rule openai_moonshot_rules[] = {
    DROP("logit_bias", not_there),
    DROP("logprobs", not_there),
    CARRY("messages.reasoning_content"), /* wanted back where tools are called */
    CARRY("prompt_cache_key"),
    CARRY("safety_identifier"),
    DROP("top_logprobs", not_there),
    REFUSE("api.audio", no_audio),
    REFUSE("api.completions", no_completions),
    REFUSE("api.embeddings", no_embeddings),
    REFUSE("api.images", no_images),
    REFUSE("api.rerank", no_rerank),
    REFUSE("api.responses", no_responses),
    END,
};
const struct openai_rule openai_ollama_rules[] = {
    DROP("logit_bias", not_there),
    SAY("messages.reasoning_content", "reasoning"),
    DROP("n", "Ollama makes one choice"),
    DROP("parallel_tool_calls", not_there),
    REFUSE_WHEN("by an address", "part.image_url", "Ollama fetches no images: send a data URL"),
    LOW_TO_HIGH(.models = NULL),
    ROW(TRANSLATED, "tool_choice", "none, where nothing was called before", "no tools", NULL,
        .on = OPENAI_TOOLS_UNUSED),
    DROP("tool_choice", not_there),
    DROP("user", not_there),
    REFUSE("api.audio", no_audio),
    REFUSE("api.rerank", no_rerank),
    END,
};
const struct openai_rule openai_openrouter_rules[] = {
    CARRY("cache_control"), /* for the models of Anthropic and others that want to be told */
    SAY("messages.reasoning_content", "reasoning"),
    CARRY("messages.reasoning_details"), /* wanted back, unchanged */
    CARRY("metadata"),
    CARRY("modalities"),
    CARRY("part.file"),
    CARRY("prediction"),
    CARRY("prompt_cache_key"),
    SAY("safety_identifier", "user"),
    TWO_USERS,
    CARRY("service_tier"),
    CARRY("top_k"),
    CARRY("verbosity"),
    CARRY("web_search_options"),
    REFUSE("api.audio", no_audio),
    REFUSE("api.images", no_images),
    REFUSE("api.rerank", no_rerank),
    END,
};
const struct openai_rule openai_perplexity_rules[] = {
    DROP("logit_bias", not_there),
    DROP("logprobs", not_there),
    DROP("n", not_there),
    DROP("parallel_tool_calls", "its models call no functions"),
    SAY("part.text_list", "joined"),
    DROP("seed", not_there),
    SAY("stream_options", "nothing: usage is told anyway"), /* in every chunk */
    DROP("tool_choice", "its models call no functions"),
    REFUSE("tools", "Perplexity's models call no functions"),
    CARRY("top_k"),
    DROP("top_logprobs", not_there),
    DROP("user", not_there),
    CARRY("web_search_options"),
    REFUSE("api.audio", no_audio),
    REFUSE("api.completions", no_completions),
    REFUSE("api.images", no_images),
    REFUSE("api.rerank", no_rerank),
    END,
};
const struct openai_rule openai_sglang_rules[] = {
    CARRY("max_completion_tokens"),
    CARRY("messages.reasoning_content"),
    CARRY("top_k"),
    REFUSE("api.images", no_images),
    END,
};
const struct openai_rule openai_together_rules[] = {
    DROP("parallel_tool_calls", not_there),
    LEVELS("none", "none=low", always_thinks, .models = NULL),
    LOW_TO_HIGH(.models = NULL),
    CARRY("top_k"),
    DROP("user", not_there),
    REFUSE("api.responses", no_responses),
    END,
};
const struct openai_rule openai_vllm_rules[] = {
    CARRY("max_completion_tokens"),
    CARRY("messages.reasoning_content"),
    CARRY("top_k"),
    REFUSE("api.images", no_images),
    END,
};
#define GROK_REASONS "grok-4* grok-3-mini* grok-code*"
static const char grok_reasons[] = "xAI's models that reason do not take it";
const struct openai_rule openai_xai_rules[] = {
    CARRY_FOR("*-non-reasoning", "frequency_penalty"),
    CARRY_FOR("*-non-reasoning", "presence_penalty"),
    CARRY_FOR("*-non-reasoning", "stop"),
    DROP_FOR(GROK_REASONS, "frequency_penalty", grok_reasons),
    DROP_FOR(GROK_REASONS, "presence_penalty", grok_reasons),
    DROP_FOR(GROK_REASONS, "stop", grok_reasons),
    NO_THINKING(.models = "*-non-reasoning grok-2* grok-3 grok-3-fast grok-3-latest"),
    DROP_FOR("grok-4 grok-4-* grok-code*", "reasoning_effort", "the model reasons as it will"),
    DROP("logit_bias", not_there),
    CARRY("max_completion_tokens"),
    LEVELS("none", "none=low", always_thinks, .models = NULL),
    LEVELS("minimal, medium, xhigh or max", "minimal=low medium=low xhigh=high max=high", no_level, .models = NULL),
    SAY("safety_identifier", "user"),
    TWO_USERS,
    CARRY("api.moderations"),
    REFUSE("api.audio", no_audio),
    REFUSE("api.rerank", no_rerank),
    END,
};
