/* values.h - values by key in a cache plugin that never waits. One thread at a time for each session: each worker has its own. */
#ifndef PLUGIN_VALUES_H
#define PLUGIN_VALUES_H

#include "base/buf.h"
#include "plugin/plugin.h"

struct values;

/* An instance of the plugin, a cache with GW_CACHE_INLINE, with `settings` (a JSON object), and `sessions` sessions with it. `space` (static)
 * keeps these values apart from others. Given; NULL with `fail` (FAIL_OPERATOR). Boot thread. */
struct values *values_open(const struct plugin *plugin, const char *space, const char *settings, unsigned sessions,
                           struct fail *fail);
/* When no session is in use. */
void values_close(struct values *values);
/* Appends the value under `key` (1 to 200 bytes of [A-Za-z0-9:_-]) of that team to `out`. False: there is none, the plugin failed, or `out`
 * has no room. */
bool values_get(struct values *values, unsigned session, struct text team, struct text key, struct buf *out);
/* It is forgotten after `ttl_s`, or before. False: the plugin does not keep it. */
bool values_set(struct values *values, unsigned session, struct text team, struct text key, struct text value,
                uint32_t ttl_s);

#endif
