/* link_service.c - services that a plugin knows beside its own: `provider "groq" { }` is the plugin openai with Groq's
 * address and key. */
#include "boot/folders.h"
#include "boot/link.h"
#include "plugin/plugin.h"

/* Services that no plugin here knows, at the OpenAI-compatible address that their own pages give (2026-11:
 * ai.google.dev/gemini-api/docs/openai, docs.cohere.com/docs/compatibility-api). */
static const struct {
    const char *name, *base_url, *secret_env;
} compatible[] = {
    { "cohere", "https://api.cohere.ai/compatibility/v1", "COHERE_API_KEY" },
    { "google", "https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY" },
};

const char *link_compatible_form(struct link *l, struct text name)
{
    for (size_t i = 0; i < sizeof compatible / sizeof compatible[0]; i++)
        if (text_is(name, compatible[i].name))
            return arena_printf(&l->scratch, "{ plugin = \"openai\", base_url = \"%s\", secret = env \"%s\" }",
                                compatible[i].base_url, compatible[i].secret_env);
    return NULL;
}

const gw_service *link_service_of(const struct plugin *plugin, struct text name)
{
    const gw_service *const *services = plugin->kind == GW_KIND_PROVIDER ? plugin->provider.services : NULL;
    for (; services != NULL && *services != NULL; services++)
        if (text_is(name, (*services)->name))
            return *services;
    return NULL;
}

const gw_service *link_find_service(struct link *l, struct text name, const struct plugin **plugin)
{
    const struct config *config = l->config;
    size_t count;

    for (size_t i = 0; i < config->plugin_count; i++) {
        const gw_service *service = link_service_of(config->plugins[i], name);
        if (service != NULL) {
            *plugin = config->plugins[i];
            return service;
        }
    }
    struct folders_plugin *files = folders_list(config->plugin_directories, &l->scratch, &count);
    for (size_t i = 0; i < count; i++) {
        struct fail fail;
        const struct plugin *one = plugin_load(files[i].path, &fail);
        const gw_service *service = one != NULL ? link_service_of(one, name) : NULL;
        if (service != NULL) {
            *plugin = one;
            return service;
        }
    }
    return NULL;
}
