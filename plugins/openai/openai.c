/* openai.c - a provider for any server that speaks OpenAI chat completions: what it offers, and its settings. The
 * request is written in request.c, the answer read in read.c. */
#include "openai.h"

#include <gateway/plugin.h>
#include <stdio.h>
#include <stdlib.h>

static void openai_close(void *instance)
{
    struct openai *openai = instance;
    free(openai->organization);
    free(openai->project);
    free(openai);
}

static gw_status openai_open(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    gw_str name = host->json->str(host->json->get(config, GW_LIT("service")));
    const struct openai_service *service = openai_service(name);
    char text[200];

    if (name.len > 0 && service == NULL) {
        int len = snprintf(text, sizeof text,
                           "there is no service \"%.*s\": `llm-gateway plugin check` lists those that are known",
                           name.len < 40 ? (int)name.len : 40, name.ptr);
        host->explain(call, (gw_str){ text, (size_t)len });
        return GW_E_CONFIG;
    }
    struct openai *openai = calloc(1, sizeof *openai);
    if (openai == NULL)
        return GW_E_NOMEM;
    openai->host = host;
    openai->service = service;
    openai->organization = openai_setting(host, config, GW_LIT("organization"));
    openai->project = openai_setting(host, config, GW_LIT("project"));
    *instance = openai;
    return GW_OK;
}

static const gw_option options[] = {
    { "organization", "sent as OpenAI-Organization: who is billed when the key belongs to several", GW_JSON_STR, 0 },
    { "project", "sent as OpenAI-Project", GW_JSON_STR, 0 },
    { "service", "whose ways to follow: one of the services, where the name is another", GW_JSON_STR, 0 },
    { NULL, NULL, 0, 0 },
};

static const gw_provider_ops ops = {
    .size = sizeof ops,
    .operations = GW_OP_CHAT | GW_OP_COMPLETIONS | GW_OP_EMBEDDINGS | GW_OP_MODERATIONS | GW_OP_RERANK | GW_OP_IMAGES |
                  GW_OP_AUDIO,
    .dialects =
        GW_DIALECT_CHAT | GW_DIALECT_RESPONSES | GW_DIALECT_EMBEDDINGS | GW_DIALECT_COMPLETIONS | GW_DIALECT_OTHER,
    .framing = GW_FRAMING_SSE,
    .open = openai_open,
    .close = openai_close,
    .build = openai_build,
    .read = openai_read,
    .base_url = "https://api.openai.com/v1",
    .secret_env = "OPENAI_API_KEY",
    .models = "gpt-* chatgpt-* o1* o3* o4* text-embedding-* omni-moderation-* dall-e-* tts-* whisper-*",
    .services = openai_presets,
    .capability = openai_capability,
};

GW_PLUGIN(.kind = GW_KIND_PROVIDER, .name = "openai", .version = "1.1.0", .license = "Apache-2.0", .ops = &ops,
          .options = options);
