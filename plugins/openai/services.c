/* services.c - the capability table: which service takes which field of a request, and what becomes of those that it
 * does not take. A field that stands neither here nor in the table of what all of them have in common is carried.
 * From the services' own documents and from what their users ran into; see plugins/openai/README.md. */
#include "services.h"

#define CARRY(field_)                                                                                                  \
    {                                                                                                                  \
        .field = field_, .how = OPENAI_CARRIED                                                                         \
    }
#define SAY(field_, as_)                                                                                               \
    {                                                                                                                  \
        .field = field_, .how = OPENAI_TRANSLATED, .as = as_                                                           \
    }
#define DROP(field_, why_)                                                                                             \
    {                                                                                                                  \
        .field = field_, .how = OPENAI_DROPPED, .why = why_                                                            \
    }
#define REFUSE(field_, why_)                                                                                           \
    {                                                                                                                  \
        .field = field_, .how = OPENAI_REFUSED, .why = why_                                                            \
    }
#define CARRY_FOR(models_, field_)                                                                                     \
    {                                                                                                                  \
        .field = field_, .how = OPENAI_CARRIED, .models = models_                                                      \
    }
#define DROP_FOR(models_, field_, why_)                                                                                \
    {                                                                                                                  \
        .field = field_, .how = OPENAI_DROPPED, .why = why_, .models = models_                                         \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        .field = NULL                                                                                                  \
    }

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

/* OpenAI itself and Azure: all that the canonical form has, but for what other dialects brought. */
static const struct openai_rule openai_rules[] = {
    DROP("cache_control", caches_itself),
    DROP("messages.reasoning_content", no_history),
    DROP("messages.reasoning_details", no_history),
    SAY("messages.is_error", "Error: "),
    DROP("top_k", not_there),
    END,
};

/* What the compatible services have in common. */
static const struct openai_rule compatible_rules[] = {
    DROP("audio", openai_only),
    DROP("cache_control", caches_itself),
    SAY("max_completion_tokens", "max_tokens"),
    DROP("messages.reasoning_content", no_history),
    DROP("messages.reasoning_details", no_history),
    SAY("messages.is_error", "Error: "),
    DROP("metadata", openai_only),
    DROP("modalities", openai_only),
    DROP("moderation", openai_only),
    REFUSE("part.file", no_files),
    DROP("prediction", openai_only),
    DROP("prompt_cache_key", openai_only),
    DROP("prompt_cache_options", openai_only),
    DROP("prompt_cache_retention", openai_only),
    SAY("role.developer", "system"),
    DROP("safety_identifier", openai_only),
    DROP("service_tier", openai_only),
    DROP("store", openai_only),
    SAY("tool_choice.allowed_tools", "mode"),
    REFUSE("tools.custom", no_custom),
    DROP("top_k", not_there),
    DROP("verbosity", openai_only),
    DROP("web_search_options", openai_only),
    REFUSE("api.moderations", no_moderations),
    END,
};

static const struct openai_rule deepseek_rules[] = {
    DROP("logit_bias", not_there),
    CARRY("messages.reasoning_content"), /* wanted back where tools are called */
    DROP("n", not_there),
    DROP("parallel_tool_calls", not_there),
    SAY("part.text_list", "joined"),
    SAY("reasoning_effort", "none=none minimal=high low=high medium=high high=high xhigh=max max=max"),
    SAY("response_format.json_schema", "json_object"),
    DROP("seed", not_there),
    SAY("tool_choice.forced", "thinking"), /* refused while it thinks, which it does unless told otherwise */
    DROP("user", not_there),
    REFUSE("api.audio", no_audio),
    REFUSE("api.embeddings", no_embeddings),
    REFUSE("api.images", no_images),
    REFUSE("api.rerank", no_rerank),
    END,
};
static const struct openai_rule fireworks_rules[] = {
    SAY("safety_identifier", "user"),
    CARRY("top_k"),
    SAY("reasoning_effort", "none=none minimal=low low=low medium=medium high=high xhigh=high max=high"),
    END,
};
static const struct openai_rule groq_rules[] = {
    DROP("logit_bias", not_there),
    DROP("logprobs", not_there),
    CARRY("max_completion_tokens"),
    DROP("n", "Groq makes one choice"),
    SAY("reasoning_effort", "none=none minimal=low low=low medium=medium high=high xhigh=high max=high"),
    SAY("safety_identifier", "user"),
    DROP("top_logprobs", not_there),
    REFUSE("api.completions", no_completions),
    REFUSE("api.embeddings", no_embeddings),
    REFUSE("api.images", no_images),
    REFUSE("api.rerank", no_rerank),
    END,
};
static const struct openai_rule huggingface_rules[] = {
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
static const struct openai_rule llamacpp_rules[] = {
    CARRY("messages.reasoning_content"),
    CARRY("top_k"),
    REFUSE("api.images", no_images),
    END,
};
static const struct openai_rule lmstudio_rules[] = {
    DROP("n", not_there),
    DROP("parallel_tool_calls", not_there),
    SAY("part.text_list", "joined"),
    CARRY("top_k"),
    REFUSE("api.audio", no_audio),
    REFUSE("api.images", no_images),
    REFUSE("api.rerank", no_rerank),
    END,
};
static const struct openai_rule mistral_rules[] = {
    DROP("logit_bias", not_there),
    DROP("logprobs", not_there),
    SAY("messages.prefill", "prefix"),
    SAY("messages.tool_ids", "9 letters and digits"),
    CARRY("metadata"),
    SAY("part.file", "document_url"),
    SAY("part.text_list", "joined"),
    CARRY("prediction"),
    SAY("reasoning_effort", "none=none minimal=none low=high medium=high high=high xhigh=high max=high"),
    SAY("seed", "random_seed"),
    DROP("stream_options", NULL), /* 422; its streams have usage always */
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
static const struct openai_rule moonshot_rules[] = {
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
static const struct openai_rule ollama_rules[] = {
    DROP("logit_bias", not_there),
    SAY("messages.reasoning_content", "reasoning"),
    DROP("n", "Ollama makes one choice"),
    DROP("parallel_tool_calls", not_there),
    SAY("reasoning_effort", "none=none minimal=low low=low medium=medium high=high xhigh=high max=high"),
    DROP("tool_choice", not_there),
    DROP("user", not_there),
    REFUSE("api.audio", no_audio),
    REFUSE("api.rerank", no_rerank),
    END,
};
static const struct openai_rule openrouter_rules[] = {
    CARRY("cache_control"), /* for the models of Anthropic and others that want to be told */
    SAY("messages.reasoning_content", "reasoning"),
    CARRY("messages.reasoning_details"), /* wanted back, unchanged */
    CARRY("metadata"),
    CARRY("modalities"),
    CARRY("part.file"),
    CARRY("prediction"),
    CARRY("prompt_cache_key"),
    SAY("safety_identifier", "user"),
    CARRY("service_tier"),
    CARRY("top_k"),
    CARRY("verbosity"),
    CARRY("web_search_options"),
    REFUSE("api.audio", no_audio),
    REFUSE("api.images", no_images),
    REFUSE("api.rerank", no_rerank),
    END,
};
static const struct openai_rule perplexity_rules[] = {
    DROP("logit_bias", not_there),
    DROP("logprobs", not_there),
    DROP("n", not_there),
    DROP("parallel_tool_calls", "its models call no functions"),
    SAY("part.text_list", "joined"),
    DROP("seed", not_there),
    DROP("stream_options", NULL), /* usage is in every chunk */
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
static const struct openai_rule sglang_rules[] = {
    CARRY("max_completion_tokens"),
    CARRY("messages.reasoning_content"),
    CARRY("top_k"),
    REFUSE("api.images", no_images),
    END,
};
static const struct openai_rule together_rules[] = {
    DROP("parallel_tool_calls", not_there),
    SAY("reasoning_effort", "none=low minimal=low low=low medium=medium high=high xhigh=high max=high"),
    CARRY("top_k"),
    DROP("user", not_there),
    REFUSE("api.responses", no_responses),
    END,
};
static const struct openai_rule vllm_rules[] = {
    CARRY("max_completion_tokens"),
    CARRY("messages.reasoning_content"),
    CARRY("top_k"),
    REFUSE("api.images", no_images),
    END,
};
#define GROK_REASONS "grok-4* grok-3-mini* grok-code*"
static const char grok_reasons[] = "xAI's models that reason do not take it";
static const struct openai_rule xai_rules[] = {
    CARRY_FOR("*-non-reasoning", "frequency_penalty"),
    CARRY_FOR("*-non-reasoning", "presence_penalty"),
    CARRY_FOR("*-non-reasoning", "stop"),
    DROP_FOR(GROK_REASONS, "frequency_penalty", grok_reasons),
    DROP_FOR(GROK_REASONS, "presence_penalty", grok_reasons),
    DROP_FOR(GROK_REASONS, "stop", grok_reasons),
    DROP_FOR("grok-4 grok-4-* grok-3 grok-3-latest grok-code*", "reasoning_effort", "the model reasons as it will"),
    DROP("logit_bias", not_there),
    CARRY("max_completion_tokens"),
    SAY("reasoning_effort", "none=low minimal=low low=low medium=low high=high xhigh=high max=high"),
    SAY("safety_identifier", "user"),
    CARRY("api.moderations"),
    REFUSE("api.audio", no_audio),
    REFUSE("api.rerank", no_rerank),
    END,
};

#define NO_CHAT (GW_DIALECT_EMBEDDINGS | GW_DIALECT_COMPLETIONS | GW_DIALECT_OTHER)
#define SERVICE(var, name_, url_, env_, models_, dialects_, rules_)                                                    \
    static const struct openai_service var = {                                                                         \
        .preset = {.size = sizeof(gw_service),                                                                         \
                   .dialects = dialects_,                                                                              \
                   .name = name_,                                                                                      \
                   .base_url = url_,                                                                                   \
                   .secret_env = env_,                                                                                 \
                   .models = models_},                                                                                 \
        .rules = rules_,                                                                                               \
        .base = compatible_rules,                                                                                      \
    }

SERVICE(deepseek, "deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", "deepseek-*", 0, deepseek_rules);
SERVICE(fireworks, "fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", "accounts/fireworks/*", 0,
        fireworks_rules);
SERVICE(groq, "groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", NULL, 0, groq_rules);
SERVICE(huggingface, "huggingface", "https://router.huggingface.co/v1", "HF_TOKEN", NULL, 0, huggingface_rules);
SERVICE(llamacpp, "llamacpp", "http://127.0.0.1:8080/v1", NULL, NULL, 0, llamacpp_rules);
SERVICE(lmstudio, "lmstudio", "http://127.0.0.1:1234/v1", NULL, NULL, 0, lmstudio_rules);
/* What it does not know it answers with 422, so a chat is rewritten for it and not relayed. */
SERVICE(mistral, "mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY",
        "mistral-* ministral-* magistral-* codestral-* devstral-* pixtral-* open-mistral-*", NO_CHAT, mistral_rules);
SERVICE(moonshot, "moonshot", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY", "kimi-* moonshot-*", 0, moonshot_rules);
SERVICE(ollama, "ollama", "http://127.0.0.1:11434/v1", NULL, NULL, 0, ollama_rules);
SERVICE(openrouter, "openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", NULL, 0, openrouter_rules);
SERVICE(perplexity, "perplexity", "https://api.perplexity.ai", "PERPLEXITY_API_KEY", "sonar*", 0, perplexity_rules);
SERVICE(sglang, "sglang", "http://127.0.0.1:30000/v1", NULL, NULL, 0, sglang_rules);
SERVICE(together, "together", "https://api.together.xyz/v1", "TOGETHER_API_KEY", NULL, 0, together_rules);
SERVICE(vllm, "vllm", "http://127.0.0.1:8000/v1", NULL, NULL, 0, vllm_rules);
SERVICE(xai, "xai", "https://api.x.ai/v1", "XAI_API_KEY", "grok-*", 0, xai_rules);

static const struct openai_rule no_rules[] = {END};
static const struct openai_service openai_itself = {
    .preset = {.size = sizeof(gw_service), .name = "openai", .base_url = "https://api.openai.com/v1"},
    .rules = no_rules,
    .base = openai_rules,
    .is_openai = true,
};
static const struct openai_rule azure_rules[] = {
    REFUSE("api.moderations", no_moderations),
    REFUSE("api.rerank", no_rerank),
    END,
};
static const struct openai_service azure = {
    .preset = {.size = sizeof(gw_service), .name = "azure"},
    .rules = azure_rules,
    .base = openai_rules,
    .is_openai = true,
};

static const struct openai_rule azure_2023_rules[] = {
    SAY("max_completion_tokens", "max_tokens"),
    SAY("role.developer", "system"),
    DROP("stream_options", NULL), /* 400; such streams have no usage */
    REFUSE("api.moderations", no_moderations),
    REFUSE("api.rerank", no_rerank),
    REFUSE("api.responses", no_responses),
    END,
};
static const struct openai_service azure_2023 = {
    .preset = {.size = sizeof(gw_service), .name = "azure-2023"},
    .rules = azure_2023_rules,
    .base = openai_rules,
};

const gw_service *const openai_presets[] = {
    &deepseek.preset, &fireworks.preset,  &groq.preset,       &huggingface.preset,
    &llamacpp.preset, &lmstudio.preset,   &mistral.preset,    &moonshot.preset,
    &ollama.preset,   &openrouter.preset, &perplexity.preset, &sglang.preset,
    &together.preset, &vllm.preset,       &xai.preset,        NULL,
};
const struct openai_service *const openai_services[] = {
    &openai_itself, &azure,    &azure_2023, &deepseek, &fireworks, &groq,       &huggingface,
    &llamacpp,      &lmstudio, &mistral,    &moonshot, &ollama,    &openrouter, &perplexity,
    &sglang,        &together, &vllm,       &xai,      NULL,
};
