/* plugin.h - loads plugins and keeps what they offer. Boot thread, unless noted otherwise.
 *
 * Calls into a plugin go through plugin/call.h. */
#ifndef PLUGIN_PLUGIN_H
#define PLUGIN_PLUGIN_H

#include <gateway/cache.h>
#include <gateway/plugin.h>
#include <gateway/provider.h>
#include <gateway/store.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/text.h"

struct plugin {
    const char *path;            /* of the .so; "(built in)" in tests */
    const gw_plugin *descriptor; /* as the plugin gave it; only the part both know is read */
    const char *name, *version, *license;
    uint32_t kind, needs_minor;
    const gw_option *options; /* NULL: none */
    gw_provider_ops provider; /* zeroed copy; what an old plugin lacks is NULL */
    gw_cache_ops cache;
    gw_store_ops store;
};

/* Opens the file, checks owner, mode, that it is a whole ELF file, entry symbol, versions and required callbacks. Never unloaded after
 * success; loading the same file again gives the same struct. NULL with `fail` (FAIL_OPERATOR, the text names
 * the path and what to do). Kept for the life of the process. */
const struct plugin *plugin_load(const char *path, struct fail *fail);
/* From a descriptor linked in (GW_BUILTIN). Same checks. */
const struct plugin *plugin_adopt(const gw_plugin *descriptor, const char *path, struct fail *fail);
/* Looks for NAME.so in the directories (NULL-terminated), first hit wins; refused where the plugin calls itself otherwise. */
const struct plugin *plugin_find(const char *name, const char *const *directories, struct fail *fail);

/* Checks the settings (a JSON object) against what the plugin declares: unknown names with "did you mean",
 * wrong types, missing required ones. 0, or -1 with the first complaint, without file and line. */
int plugin_check_settings(const struct plugin *plugin, const struct json *settings, struct fail *fail);

/* Opens an instance. `settings` was checked. 0 and *instance, or -1 with the plugin's own text. */
int plugin_open_provider(const struct plugin *plugin, const struct json *settings, void **instance, struct fail *fail);
void plugin_close_provider(const struct plugin *plugin, void *instance);

/* The table that the functions of this plugin get. Static. */
const gw_host *plugin_host(const struct plugin *plugin);

/* Row `index` of what becomes of the fields of a chat for `model` at `base_url` (gw_provider_ops.capability), copied as far
 * as both sides know it. 1; 0 at the end, and where the plugin has no table; -1 with `fail` where the row is none. Any thread. */
int plugin_capability(const struct plugin *plugin, void *instance, struct text model, struct text base_url,
                      uint32_t index, gw_capability *row, struct fail *fail);
/* "dropped" ... for one GW_FIELD_*. Static. */
const char *plugin_field_how(uint32_t how);

/* One line per fact, for `plugin check`, appended to `out` (text or JSON). */
void plugin_describe(const struct plugin *plugin, bool as_json, struct buf *out);

/* "chat", "embeddings" ... for one GW_OP_*; "chat", "messages" ... for one GW_DIALECT_*. Static. */
const char *plugin_operation_name(uint32_t operation);
const char *plugin_dialect_name(uint32_t dialect);

#endif
