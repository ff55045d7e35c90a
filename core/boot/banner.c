/* banner.c - prints what the gateway offers and how to try it. */
#include "boot/banner.h"

#include <stdlib.h>

#include "boot/endpoint.h"
#include "plugin/plugin.h"

enum { MODELS_SHOWN = 12 };

void banner_write_url(const struct config *config, uint16_t port, bool reachable, struct buf *out)
{
    buf_str(out, config->listen.cert_pem.ptr != NULL ? "https://" : "http://");
    endpoint_write(config->listen.address, port, reachable, out);
}

static bool is_usable(const struct config_model *model)
{
    for (size_t i = 0; i < model->target_count; i++)
        if (model->targets[i].provider->off == NULL)
            return true;
    return false;
}

/* Does a provider answer by itself, which needs no key? */
static bool is_local(const struct config_model *model)
{
    return model->target_count > 0 && (model->targets[0].provider->plugin->provider.flags & GW_PROVIDER_LOCAL) != 0;
}

/* A model that can be asked now, the demo's if there is one; absent when none is declared. */
static struct text usable_model(const struct config *config)
{
    struct text found = TEXT_NONE;
    for (size_t i = 0; i < config->model_count; i++) {
        const struct config_model *model = &config->models[i];
        if (!is_usable(model) || text_ends(model->name, TEXT("*")))
            continue;
        if (is_local(model))
            return model->name;
        if (found.ptr == NULL)
            found = model->name;
    }
    return found;
}

/* The name to try. Without a declared one, a provider that answers by itself takes any. False: there is none. */
static bool write_model(const struct config *config, struct buf *out)
{
    struct text model = usable_model(config);
    buf_text(out, model);
    for (size_t i = 0; i < config->provider_count && model.ptr == NULL; i++)
        if (config->providers[i].plugin->provider.flags & GW_PROVIDER_LOCAL) {
            buf_printf(out, "%.*s/demo", TEXT_ARG(config->providers[i].name));
            return true;
        }
    return model.ptr != NULL;
}

void banner_write_providers(const struct config *config, struct buf *out)
{
    for (size_t i = 0; i < config->provider_count; i++) {
        const struct config_provider *provider = &config->providers[i];
        buf_printf(out, "  %-10s %-16.*s", i == 0 ? "providers" : "", TEXT_ARG(provider->name));
        if (provider->off != NULL)
            buf_printf(out, " off: %s\n", provider->off);
        else if (provider->base_url.len > 0)
            buf_printf(out, " %.*s\n", TEXT_ARG(provider->base_url));
        else
            buf_str(out, " answers by itself\n");
    }
    if (config->provider_count == 0)
        buf_str(out, "  providers  none\n");
}

/* Its whole path, because which one it is depends on where the program was started. */
static void write_file(const struct config *config, struct buf *out)
{
    char *path = config->file != NULL ? realpath(config->file, NULL) : NULL;
    if (config->file == NULL)
        buf_str(out, "  file       none: every provider whose key is in the environment\n");
    else
        buf_printf(out, "  file       %s\n", path != NULL ? path : config->file);
    free(path);
}

static void write_models(const struct config *config, struct buf *out)
{
    size_t shown = 0, usable = 0;
    buf_str(out, "  models    ");
    for (size_t i = 0; i < config->model_count; i++) {
        if (!is_usable(&config->models[i]) || usable++ >= MODELS_SHOWN)
            continue;
        buf_printf(out, "%s %.*s", shown++ == 0 ? "" : ",", TEXT_ARG(config->models[i].name));
    }
    if (usable > shown)
        buf_printf(out, " and %zu more", usable - shown);
    buf_str(out, usable == 0 ? " none declared; PROVIDER/MODEL always works\n" : "; and PROVIDER/MODEL\n");
    if (!config->prefix_routing)
        return;
    for (size_t i = 0; i < config->provider_count; i++) {
        const struct config_provider *provider = &config->providers[i];
        const char *models = provider->service != NULL ? provider->service->models : provider->plugin->provider.models;
        if (provider->off == NULL && models != NULL)
            buf_printf(out, "             %s go to %.*s\n", models, TEXT_ARG(provider->name));
    }
}

void banner_write(const struct config *config, uint16_t port, struct buf *out)
{
    struct buf model;
    const char *auth = config->keys_required ? " -H \"Authorization: Bearer $GW_KEY\"" : "";

    buf_str(out, "\n");
    write_file(config, out);
    banner_write_providers(config, out);
    write_models(config, out);
    if (config->keys_required)
        buf_printf(out, "  keys       %zu declared: every request needs one\n", config->key_count);
    else
        buf_str(out, "  keys       none declared: any key, or none, is accepted\n");
    if (config->ledger.path != NULL)
        buf_printf(out, "  ledger     %s\n", config->ledger.path);
    if (config->store.plugin != NULL)
        buf_printf(out, "  store      %s\n", config->store.url != NULL ? config->store.url : config->store.path);
    buf_init(&model, 1024);
    if (write_model(config, &model)) {
        buf_str(out, "\nTry it:\n  curl ");
        banner_write_url(config, port, true, out);
        buf_printf(out,
                   "/v1/chat/completions%s -H 'Content-Type: application/json'"
                   " -d '{\"model\":\"%.*s\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}'\n",
                   auth, TEXT_ARG(buf_view(&model)));
    }
    buf_free(&model);
    buf_str(out, "\nClaude Code:\n  export ANTHROPIC_BASE_URL=");
    banner_write_url(config, port, true, out);
    buf_printf(out, " ANTHROPIC_AUTH_TOKEN=%s", config->keys_required ? "$GW_KEY" : "none");
    buf_init(&model, 1024);
    if (write_model(config, &model))
        buf_printf(out, " ANTHROPIC_MODEL=%.*s", TEXT_ARG(buf_view(&model)));
    buf_free(&model);
    buf_str(out, "\n");
    buf_str(out, "\nOpenAI SDKs and what is built on them (more: llm-gateway connect):\n  export OPENAI_BASE_URL=");
    banner_write_url(config, port, true, out);
    buf_printf(out, "/v1 OPENAI_API_KEY=%s\n\n", config->keys_required ? "$GW_KEY" : "none");
}
