/* sessions.h - an instance of a cache plugin, and sessions with it: what counters.h, values.h and aside_serve.h have in common. One thread at
 * a time for each session. */
#ifndef PLUGIN_SESSIONS_H
#define PLUGIN_SESSIONS_H

#include "plugin/call.h"
#include "plugin/plugin.h"

struct session {
    void *of; /* the plugin's; NULL: not attached */
    struct arena keep, scratch;
    struct gw_call call;
};

struct sessions {
    const struct plugin *plugin;
    void *instance;
    unsigned count;
    struct session each[];
};

/* Does the plugin answer at once? Others may block, and are no business of a thread that serves requests. */
static inline bool sessions_never_wait(const struct plugin *plugin)
{
    return plugin->kind == GW_KIND_CACHE && (plugin->cache.flags & GW_CACHE_INLINE) != 0;
}
/* The plugin must be a cache; `settings` is a JSON object. `count` is not 0. Given; NULL with `fail` (FAIL_OPERATOR). Boot thread. */
struct sessions *sessions_open(const struct plugin *plugin, const char *settings, unsigned count, struct fail *fail);
/* Another session in the place of one that did not answer in time. False: the plugin refuses it. */
bool session_again(struct sessions *sessions, unsigned index);
/* When none is in use. */
void sessions_close(struct sessions *sessions);
/* Before and after each call into the plugin, which gets session->call. session_end() returns the status that counts: GW_E_REJECT where the
 * plugin gave the host NULL for a handle, else `status`. */
void session_begin(struct session *session);
gw_status session_end(struct session *session, gw_status status);

#endif
