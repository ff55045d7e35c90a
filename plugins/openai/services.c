/* services.c - where the services are, what they speak, and which tables of fields.c state what becomes of the fields
 * of a request there: its own first, then what it has in common with others. */
#include "services.h"

#define NO_CHAT (GW_DIALECT_EMBEDDINGS | GW_DIALECT_COMPLETIONS | GW_DIALECT_OTHER)
#define SERVICE(var, name_, url_, env_, models_, dialects_)                                                            \
    static const struct openai_service var = {                                                                         \
        .preset = { .size = sizeof(gw_service),                                                                        \
                    .dialects = dialects_,                                                                             \
                    .name = name_,                                                                                     \
                    .base_url = url_,                                                                                  \
                    .secret_env = env_,                                                                                \
                    .models = models_ },                                                                               \
        .tables = { openai_##var##_rules, openai_compatible_rules },                                                   \
    }

SERVICE(deepseek, "deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", "deepseek-*", 0);
SERVICE(fireworks, "fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", "accounts/fireworks/*",
        0);
SERVICE(groq, "groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", NULL, 0);
SERVICE(huggingface, "huggingface", "https://router.huggingface.co/v1", "HF_TOKEN", NULL, 0);
SERVICE(llamacpp, "llamacpp", "http://127.0.0.1:8080/v1", NULL, NULL, 0);
SERVICE(lmstudio, "lmstudio", "http://127.0.0.1:1234/v1", NULL, NULL, 0);
/* What it does not know it answers with 422, so a chat is rewritten for it and not relayed. */
SERVICE(mistral, "mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY",
        "mistral-* ministral-* magistral-* codestral-* devstral-* pixtral-* open-mistral-*", NO_CHAT);
SERVICE(moonshot, "moonshot", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY", "kimi-* moonshot-*", 0);
SERVICE(ollama, "ollama", "http://127.0.0.1:11434/v1", NULL, NULL, 0);
SERVICE(openrouter, "openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", NULL, 0);
SERVICE(perplexity, "perplexity", "https://api.perplexity.ai", "PERPLEXITY_API_KEY", "sonar*", 0);
SERVICE(sglang, "sglang", "http://127.0.0.1:30000/v1", NULL, NULL, 0);
SERVICE(together, "together", "https://api.together.xyz/v1", "TOGETHER_API_KEY", NULL, 0);
SERVICE(vllm, "vllm", "http://127.0.0.1:8000/v1", NULL, NULL, 0);
SERVICE(xai, "xai", "https://api.x.ai/v1", "XAI_API_KEY", "grok-*", 0);

static const struct openai_service openai_itself = {
    .preset = { .size = sizeof(gw_service), .name = "openai", .base_url = "https://api.openai.com/v1" },
    .tables = { openai_model_rules, openai_rules },
};
static const struct openai_service azure = {
    .preset = { .size = sizeof(gw_service), .name = "azure" },
    .tables = { openai_azure_rules, openai_model_rules, openai_rules },
};
static const struct openai_service azure_2023 = {
    .preset = { .size = sizeof(gw_service), .name = "azure-2023" },
    .tables = { openai_azure_2023_rules, openai_rules },
};

const gw_service *const openai_presets[] = {
    &deepseek.preset, &fireworks.preset,  &groq.preset,       &huggingface.preset,
    &llamacpp.preset, &lmstudio.preset,   &mistral.preset,    &moonshot.preset,
    &ollama.preset,   &openrouter.preset, &perplexity.preset, &sglang.preset,
    &together.preset, &vllm.preset,       &xai.preset,        NULL
};
const struct openai_service *const openai_services[] = { &openai_itself, &azure,      &azure_2023,  &deepseek,
                                                         &fireworks,     &groq,       &huggingface, &llamacpp,
                                                         &lmstudio,      &mistral,    &moonshot,    &ollama,
                                                         &openrouter,    &perplexity, &sglang,      &together,
                                                         &vllm,          &xai,        NULL };

/* How the services count; nothing is beside where a row has no bits. Of others it is not known, also of OpenAI, whose
 * ways any address is taken for that is nobody else's.
 *
 * api-docs.deepseek.com/api/create-chat-completion, usage, 2026-11.
 * docs.mistral.ai/capabilities/audio, 2026-11, and what it answers: prompt_tokens 9, audio_tokens 375,
 * completion_tokens 248, total_tokens 632. docs.x.ai/docs/guides/reasoning, 2026-11, and what it answers: prompt_tokens
 * 468, completion_tokens 82, reasoning_tokens 320, total_tokens 870. */
static const struct {
    const struct openai_service *service;
    unsigned beside;
} countings[] = {
    { &deepseek, 0 },
    { &mistral, OPENAI_BESIDE_AUDIO },
    { &xai, OPENAI_BESIDE_REASONING },
};

unsigned openai_beside(const struct openai_service *service)
{
    for (size_t i = 0; i < sizeof countings / sizeof *countings; i++)
        if (countings[i].service == service)
            return countings[i].beside;
    return OPENAI_BESIDE_REASONING | OPENAI_BESIDE_AUDIO;
}
