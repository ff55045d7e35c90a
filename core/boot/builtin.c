/* builtin.c - the configuration when there is no file, written as text so that it goes the same way as any
 * other, and `check -T` can show it. */
#include "boot/builtin.h"

#include <stdlib.h>
#include <string.h>

#include "boot/folders.h"
#include "plugin/plugin.h"

/* Can it work with nothing set but its name? */
static bool needs_nothing(const struct plugin *plugin)
{
    for (const gw_option *o = plugin->options; o != NULL && o->name != NULL; o++)
        if (o->flags & GW_OPTION_REQUIRED)
            return false;
    if (plugin->provider.flags & GW_PROVIDER_LOCAL)
        return true;
    return plugin->provider.base_url != NULL && plugin->provider.secret_env != NULL;
}

static bool is_named(const struct folders_plugin *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0)
            return true;
    return false;
}

/* The other services that the plugin knows and whose key is here. */
static void write_services(const struct plugin *plugin, const struct folders_plugin *list, size_t count,
                           struct buf *out)
{
    const gw_service *const *services = plugin->provider.services;
    for (; services != NULL && *services != NULL; services++) {
        const char *key = (*services)->secret_env != NULL ? getenv((*services)->secret_env) : NULL;
        if (key != NULL && key[0] != '\0' && !is_named(list, count, (*services)->name))
            buf_printf(out, "provider \"%s\" {}\n", (*services)->name);
    }
}

void builtin_write(const char *const *folders, struct load_report *report, struct buf *out)
{
    struct arena arena;
    const char *local = NULL; /* the plugin that answers by itself */
    size_t count;

    arena_init(&arena, NULL, 0, 1 << 20);
    struct folders_plugin *list = folders_list(folders, &arena, &count);
    for (size_t i = 0; i < count; i++) {
        struct fail fail;
        const struct plugin *plugin = plugin_load(list[i].path, &fail);
        if (plugin == NULL) {
            complain(&report->warnings, 0, "warning: %s", fail.text);
            continue;
        }
        if (plugin->kind != GW_KIND_PROVIDER || strcmp(plugin->name, list[i].name) != 0 || !needs_nothing(plugin))
            continue;
        buf_printf(out, "provider \"%s\" {}\n", plugin->name);
        write_services(plugin, list, count, out);
        if (local == NULL && (plugin->provider.flags & GW_PROVIDER_LOCAL) != 0)
            local = plugin->name;
    }
    if (local != NULL)
        buf_printf(out, "model \"demo\" { { \"%s/demo\" } }\n", local);
    arena_fini(&arena);
}
