/* link_unused.c - a key that is in the environment is most likely meant to be used. Without a file it is; with one,
 * only what the file declares is, and this names the others. */
#include <stdlib.h>

#include "boot/folders.h"
#include "boot/link.h"
#include "plugin/plugin.h"

/* Is there a provider that looks for this variable? */
static bool is_wanted(struct link *l, const char *variable)
{
    const char *from = arena_printf(&l->scratch, "env \"%s\"", variable);
    for (size_t i = 0; i < l->config->provider_count; i++)
        for (size_t k = 0; k < l->config->providers[i].wanted_count; k++)
            if (text_is(text_of(from), l->config->providers[i].wanted[k]))
                return true;
    return false;
}

/* A provider of the service's name sends the usual key to the usual address only. */
static bool is_declared(const struct link *l, const char *service)
{
    for (size_t i = 0; i < l->config->provider_count; i++)
        if (text_is(l->config->providers[i].name, service))
            return true;
    return false;
}

/* `form`: of the base URL, where each account has its own; else NULL. */
static void note_if_unused(struct link *l, const char *service, const char *variable, const char *form)
{
    const char *value = variable != NULL ? getenv(variable) : NULL;
    if (value == NULL || value[0] == '\0' || is_wanted(l, variable))
        return;
    if (is_declared(l, service))
        complain(
            &l->report->notes, 0,
            "%s is in the environment, and provider \"%s\" does not send it, as its base_url is not the usual one: "
            "where it is meant, say secret = env \"%s\"",
            variable, service, variable);
    else
        complain(&l->report->notes, 0,
                 "%s is in the environment, and no provider here uses it: provider \"%s\" {%s%s%s}", variable, service,
                 form != NULL ? " base_url = \"" : "", form != NULL ? form : "", form != NULL ? "\" " : "");
}

/* Only plugins that came with the program are loaded for this. */
void link_note_unused_keys(struct link *l)
{
    size_t count;

    if (l->options->file == NULL || l->options->folders != NULL)
        return;
    struct folders_plugin *files = folders_list(folders_ours(&l->scratch), &l->scratch, &count);
    for (size_t i = 0; i < count; i++) {
        struct fail fail;
        const struct plugin *plugin = plugin_load(files[i].path, &fail);
        if (plugin == NULL || plugin->kind != GW_KIND_PROVIDER)
            continue;
        note_if_unused(l, plugin->name, plugin->provider.secret_env, plugin->provider.base_url_form);
        const gw_service *const *services = plugin->provider.services;
        for (; services != NULL && *services != NULL; services++)
            note_if_unused(l, (*services)->name, (*services)->secret_env, NULL);
    }
}
