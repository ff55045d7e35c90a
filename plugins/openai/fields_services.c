/* fields_services.c - the capability tables of the services that are not OpenAI itself. What they have in common, and
 * what the tables are, is in fields.c. */
#include "fields.h"

/* The chat templates of Qwen, Mistral and Gemma, which servers of open models run: 400 "System message must be at the
 * beginning", "Conversation roles must alternate user/assistant/user/assistant/...". */
#define QWEN "github.com/router-for-me/CLIProxyAPI/issues/3608, 2026-11"

#undef SOURCE
#define SOURCE "api-docs.deepseek.com/api/create-chat-completion and /guides/thinking_mode, 2026-11"
const struct openai_rule openai_deepseek_rules[] = {
    DROP("logit_bias", NOT_THERE),
    /* 400 "Missing `reasoning_content` field in the assistant message at message index 1"; an empty one is taken, in
     * answers without calls too */
    ROW_FROM("github.com/openclaw/openclaw/issues/73417, 2026-11", TRANSLATED, "messages.reasoning_content",
             "not there, where the model thinks", "an empty one", NULL, .on = OPENAI_UNREASONED, .levels = ""),
    CARRY("messages.reasoning_content"), /* wanted back where tools are called */
    DROP("n", NOT_THERE),
    DROP("parallel_tool_calls", NOT_THERE),
    SAY("part.text_list", "joined"),
    DROP_WHEN(OPENAI_THINKING_AND_FORCED, "beside a forced tool_choice, unless it is none", "reasoning_effort",
              "the service does not think when a tool must be called"),
    LEVELS("minimal, low, medium or xhigh", "minimal=high low=high medium=high xhigh=max", NO_LEVEL, .models = NULL),
    ROW(TRANSLATED, "reasoning_effort", "none", "thinking disabled", NULL, .on = OPENAI_THINKING_OFF),
    DROP("response_format.json_schema", "the service promises an object, but not of a schema"),
    DROP("seed", NOT_THERE),
    SAY("tool_choice.forced", "itself, with thinking disabled"), /* it thinks by default, and refuses then */
    DROP("user", NOT_THERE),
    REFUSE("api.audio", NO_AUDIO),
    REFUSE("api.embeddings", NO_EMBEDDINGS),
    REFUSE("api.images", NO_IMAGES),
    REFUSE("api.rerank", NO_RERANK),
    END,
};
#undef SOURCE
#define SOURCE "docs.fireworks.ai/api-reference/post-chatcompletions, 2026-11"
const struct openai_rule openai_fireworks_rules[] = {
    LOW_TO_HIGH(.models = NULL), SAY("safety_identifier", "user"), TWO_USERS, CARRY("top_k"), END,
};
#undef SOURCE
#define SOURCE "console.groq.com/docs/api-reference and /docs/reasoning, 2026-11"
const struct openai_rule openai_groq_rules[] = {
    DROP("logit_bias", NOT_THERE),
    DROP("logprobs", NOT_THERE),
    CARRY("max_completion_tokens"),
    DROP("n", "Groq makes one choice"),
    LEVELS("minimal, xhigh or max", "minimal=default xhigh=default max=default", NO_LEVEL, .models = "qwen/*"),
    LEVELS("low, medium or high", "low=default medium=default high=default", NO_LEVEL, .models = "qwen/*"),
    LEVELS("none", "none=low", ALWAYS_THINKS, .models = "openai/gpt-oss*"),
    LOW_TO_HIGH(.models = NULL),
    SAY("safety_identifier", "user"),
    TWO_USERS,
    DROP("top_logprobs", NOT_THERE),
    REFUSE("api.completions", NO_COMPLETIONS),
    REFUSE("api.embeddings", NO_EMBEDDINGS),
    REFUSE("api.images", NO_IMAGES),
    REFUSE("api.rerank", NO_RERANK),
    END,
};
#undef SOURCE
#define SOURCE "huggingface.co/docs/inference-providers/tasks/chat-completion, 2026-11"
const struct openai_rule openai_huggingface_rules[] = {
    STRICT_TEMPLATE(QWEN),
    DROP("parallel_tool_calls", NOT_THERE),
    SAY("part.text_list", "joined"),
    DROP("user", NOT_THERE),
    REFUSE("api.audio", NO_AUDIO),
    REFUSE("api.completions", NO_COMPLETIONS),
    REFUSE("api.embeddings", NO_EMBEDDINGS),
    REFUSE("api.images", NO_IMAGES),
    REFUSE("api.rerank", NO_RERANK),
    END,
};
#undef SOURCE
#define SOURCE "github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md, 2026-11"
const struct openai_rule openai_llamacpp_rules[] = {
    STRICT_TEMPLATE(QWEN), CARRY("messages.reasoning_content"), CARRY("top_k"), REFUSE("api.images", NO_IMAGES), END,
};
#undef SOURCE
#define SOURCE "lmstudio.ai/docs/developer/openai-compat, 2026-11"
const struct openai_rule openai_lmstudio_rules[] = {
    STRICT_TEMPLATE(QWEN),
    DROP("n", NOT_THERE),
    DROP("parallel_tool_calls", NOT_THERE),
    SAY("part.text_list", "joined"),
    CARRY("top_k"),
    REFUSE("api.audio", NO_AUDIO),
    REFUSE("api.images", NO_IMAGES),
    REFUSE("api.rerank", NO_RERANK),
    END,
};
#undef SOURCE
#define SOURCE "docs.mistral.ai/api, 2026-11"
/* What it does not know it answers with 422. */
const struct openai_rule openai_mistral_rules[] = {
    DROP("function_call", NO_FUNCTIONS),
    REFUSE("functions", NO_FUNCTIONS),
    DROP("logit_bias", NOT_THERE),
    DROP("logprobs", NOT_THERE),
    DROP("messages.annotations", NOT_THERE),
    DROP("messages.audio", NOT_THERE),
    DROP("messages.function_call", NO_FUNCTIONS),
    SILENT("\"OK.\"", "OK."), /* 400 "Assistant message must have either content or tool_calls, but not none." */
    DROP("messages.name", NOT_THERE),
    SAY("messages.prefill", "prefix"),
    DROP("messages.reasoning", NO_HISTORY),
    DROP("messages.thinking_blocks", NO_HISTORY),
    SAY("messages.tool_ids", "9 letters and digits"),
    /* 400, code 3230: "Unexpected role 'user' after role 'tool'" */
    SAY_FROM("github.com/avante-corp/avante.nvim/pull/2695, 2026-11", "messages.user_after_tool",
             "itself, behind an assistant's \"OK.\""),
    CARRY("metadata"),
    SAY("part.file", "document_url"),
    DROP("part.reasoning", NO_HISTORY), /* but for parts in its own way */
    SAY("part.text_list", "joined"),
    CARRY("prediction"),
    CARRY_FROM("docs.mistral.ai/inference/conversations/advanced/prompt-caching.md, 2026-11", "prompt_cache_key"),
    LEVELS("neither none nor high", "minimal=none low=high medium=high xhigh=high max=high", NO_LEVEL, .models = NULL),
    /* 400, code 3230: "Expected last role User or Tool (or Assistant with prefix True) for serving but got system" */
    LATER_SYSTEM("github.com/anomalyco/opencode/issues/19115, 2026-11"),
    SAY("seed", "random_seed"),
    SAY("stream_options", "nothing: usage is told anyway"), /* 422 */
    SAY("tool_choice.required", "any"),
    DROP("top_logprobs", NOT_THERE),
    DROP("user", NOT_THERE),
    CARRY("api.moderations"),
    REFUSE("api.completions", NO_COMPLETIONS),
    REFUSE("api.images", NO_IMAGES),
    REFUSE("api.rerank", NO_RERANK),
    REFUSE("api.responses", NO_RESPONSES),
    END,
};
/* Which of Moonshot's models think: those whose thinking can be switched off, and those that always do. */
#define SWITCHED_KIMI "kimi-k2.5* kimi-k2.6* kimi-k2p5* kimi-k2p6* kimi-latest"
#define ALWAYS_KIMI "kimi-k2.7* kimi-k2p7* kimi-k2-thinking* kimi-thinking*"
#define THINKING_KIMI SWITCHED_KIMI " " ALWAYS_KIMI " kimi-k3*"
static const char kimi_fixed[] = "Kimi's models that think take no other value than their own";
#undef SOURCE
#define SOURCE "platform.moonshot.ai/docs/api/chat and platform.kimi.ai/docs/guide/kimi-k2-5-quickstart, 2026-11"
const struct openai_rule openai_moonshot_rules[] = {
    /* 400 "invalid temperature: only 1 is allowed for this model", or 0.6 where it does not think */
    DROP_FOR(THINKING_KIMI, "frequency_penalty", kimi_fixed),
    DROP("logit_bias", NOT_THERE),
    DROP("logprobs", NOT_THERE),
    /* 400 "thinking is enabled but reasoning_content is missing in assistant tool call message at index 1"; an empty
     * one is missing too, a blank is taken */
    ROW_FROM("github.com/earendil-works/pi/pull/4178, 2026-05", TRANSLATED, "messages.reasoning_content",
             "not there beside calls, where the model thinks", "a blank", NULL, .on = OPENAI_UNREASONED_CALL,
             .models = THINKING_KIMI, .levels = " "),
    CARRY("messages.reasoning_content"), /* wanted back where tools are called */
    DROP_FOR(THINKING_KIMI, "n", kimi_fixed),
    DROP_FOR(THINKING_KIMI, "presence_penalty", kimi_fixed),
    CARRY("prompt_cache_key"),
    /* It is ignored where it is not known: the member for it is "thinking", and from K3 on the effort. */
    ROW(DROPPED, "reasoning_effort", "unless it is none", NULL, "the model has no levels: it thinks as it will",
        .models = SWITCHED_KIMI, .on = OPENAI_THINKING),
    ROW(TRANSLATED, "reasoning_effort", "none", "thinking disabled", NULL, .models = SWITCHED_KIMI,
        .on = OPENAI_THINKING_OFF),
    DROP_FOR(ALWAYS_KIMI, "reasoning_effort", "the model has no levels: it always thinks as it will"),
    LEVELS("none", "none=low", ALWAYS_THINKS, .models = "kimi-k3*"),
    LEVELS("minimal, medium or xhigh", "minimal=low medium=high xhigh=max", NO_LEVEL, .models = "kimi-k3*"),
    NO_THINKING(.models = "moonshot-* kimi-k2 kimi-k2-0* kimi-k2-turbo*"),
    CARRY("safety_identifier"),
    DROP_FOR(THINKING_KIMI, "temperature", kimi_fixed),
    /* while it thinks it takes auto and none only */
    ROW(TRANSLATED, "tool_choice.forced", NULL, "itself, with thinking disabled", NULL, .models = SWITCHED_KIMI),
    DROP("top_logprobs", NOT_THERE),
    DROP_FOR(THINKING_KIMI, "top_p", kimi_fixed),
    REFUSE("api.audio", NO_AUDIO),
    REFUSE("api.completions", NO_COMPLETIONS),
    REFUSE("api.embeddings", NO_EMBEDDINGS),
    REFUSE("api.images", NO_IMAGES),
    REFUSE("api.rerank", NO_RERANK),
    REFUSE("api.responses", NO_RESPONSES),
    END,
};
#undef SOURCE
#define SOURCE "docs.ollama.com/api/openai-compatibility, 2026-11"
const struct openai_rule openai_ollama_rules[] = {
    DROP("logit_bias", NOT_THERE),
    SAY("messages.reasoning_content", "reasoning"),
    DROP("n", "Ollama makes one choice"),
    DROP("parallel_tool_calls", NOT_THERE),
    REFUSE_WHEN("by an address", "part.image_url", "Ollama fetches no images: send a data URL"),
    LOW_TO_HIGH(.models = NULL),
    ROW(TRANSLATED, "tool_choice", "none, where nothing was called before", "no tools", NULL,
        .on = OPENAI_TOOLS_UNUSED),
    DROP("tool_choice", NOT_THERE),
    DROP("user", NOT_THERE),
    REFUSE("api.audio", NO_AUDIO),
    REFUSE("api.rerank", NO_RERANK),
    END,
};
#undef SOURCE
#define SOURCE "openrouter.ai/docs/api-reference/chat-completion, 2026-11"
const struct openai_rule openai_openrouter_rules[] = {
    CARRY("cache_control"), /* for the models of Anthropic and others that want the marker */
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
    REFUSE("api.audio", NO_AUDIO),
    REFUSE("api.images", NO_IMAGES),
    REFUSE("api.rerank", NO_RERANK),
    END,
};
#undef SOURCE
#define SOURCE "docs.perplexity.ai/api-reference/chat-completions-post, 2026-11"
const struct openai_rule openai_perplexity_rules[] = {
    /* 400 "After the (optional) system message(s), user or tool message(s) should alternate with assistant message(s)"
     * and "Last message must have role `user`" */
    STRICT_TEMPLATE("github.com/charmbracelet/crush/issues/279, 2026-11"),
    DROP("logit_bias", NOT_THERE),
    DROP("logprobs", NOT_THERE),
    DROP_FROM("github.com/charmbracelet/crush/issues/279, 2026-11", "messages.prefill",
              "the last message must be the user's: \"Continue.\" is sent behind the assistant's"),
    DROP("n", NOT_THERE),
    DROP("parallel_tool_calls", "its models call no functions"),
    SAY("part.text_list", "joined"),
    DROP("seed", NOT_THERE),
    SAY("stream_options", "nothing: usage is told anyway"), /* in every chunk */
    DROP("tool_choice", "its models call no functions"),
    REFUSE("tools", "Perplexity's models call no functions"),
    CARRY("top_k"),
    DROP("top_logprobs", NOT_THERE),
    DROP("user", NOT_THERE),
    CARRY("web_search_options"),
    REFUSE("api.audio", NO_AUDIO),
    REFUSE("api.completions", NO_COMPLETIONS),
    REFUSE("api.images", NO_IMAGES),
    REFUSE("api.rerank", NO_RERANK),
    END,
};
#undef SOURCE
#define SOURCE "docs.sglang.ai/basic_usage/openai_api_completions.html, 2026-11"
const struct openai_rule openai_sglang_rules[] = {
    STRICT_TEMPLATE(QWEN), CARRY("max_completion_tokens"),  CARRY("messages.reasoning_content"),
    CARRY("top_k"),        REFUSE("api.images", NO_IMAGES), END,
};
#undef SOURCE
#define SOURCE "docs.together.ai/reference/chat-completions-1, 2026-11"
const struct openai_rule openai_together_rules[] = {
    DROP("parallel_tool_calls", NOT_THERE),
    LEVELS("none", "none=low", ALWAYS_THINKS, .models = NULL),
    LOW_TO_HIGH(.models = NULL),
    CARRY("top_k"),
    DROP("user", NOT_THERE),
    REFUSE("api.responses", NO_RESPONSES),
    END,
};
#undef SOURCE
#define SOURCE "docs.vllm.ai/en/latest/serving/openai_compatible_server.html, 2026-11"
const struct openai_rule openai_vllm_rules[] = {
    STRICT_TEMPLATE(QWEN), CARRY("max_completion_tokens"),  CARRY("messages.reasoning_content"),
    CARRY("top_k"),        REFUSE("api.images", NO_IMAGES), END,
};
#define GROK_REASONS "grok-4* grok-3-mini* grok-code*"
static const char grok_reasons[] = "xAI's models that reason do not take it";
#undef SOURCE
#define SOURCE "docs.x.ai/docs/api-reference, 2026-11"
const struct openai_rule openai_xai_rules[] = {
    CARRY_FOR("*-non-reasoning", "frequency_penalty"),
    CARRY_FOR("*-non-reasoning", "presence_penalty"),
    CARRY_FOR("*-non-reasoning", "stop"),
    DROP_FOR(GROK_REASONS, "frequency_penalty", grok_reasons),
    DROP_FOR(GROK_REASONS, "presence_penalty", grok_reasons),
    DROP_FOR(GROK_REASONS, "stop", grok_reasons),
    NO_THINKING(.models = "*-non-reasoning grok-2* grok-3 grok-3-fast grok-3-latest"),
    DROP_FOR("grok-4 grok-4-* grok-code*", "reasoning_effort", "the model reasons as it will"),
    DROP("logit_bias", NOT_THERE),
    CARRY("max_completion_tokens"),
    LEVELS("none", "none=low", ALWAYS_THINKS, .models = NULL),
    LEVELS("minimal, medium, xhigh or max", "minimal=low medium=low xhigh=high max=high", NO_LEVEL, .models = NULL),
    SAY("safety_identifier", "user"),
    TWO_USERS,
    CARRY("api.moderations"),
    REFUSE("api.audio", NO_AUDIO),
    REFUSE("api.rerank", NO_RERANK),
    END,
};
