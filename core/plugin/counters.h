/* counters.h - counters by name in a cache plugin that never waits. One thread at a time: the caller has a mutex around it. */
#ifndef PLUGIN_COUNTERS_H
#define PLUGIN_COUNTERS_H

#include "plugin/plugin.h"

struct counters;

/* An instance of the plugin, a cache with GW_CACHE_INLINE, and a session with it. `space` (static) keeps these counters apart from
 * others. Given; NULL with `fail` (FAIL_OPERATOR). */
struct counters *counters_open(const struct plugin *plugin, const char *space, struct fail *fail);
void counters_close(struct counters *counters);
/* Adds `delta` to a counter, never below 0; one that is not there begins at 0. It is forgotten `ttl_s` after the last time. Returns its
 * total; -1: the plugin failed, and nothing is known. */
int64_t counters_add(struct counters *counters, struct text key, int64_t delta, uint32_t ttl_s);
/* Its total; 0 where there is none. */
int64_t counters_read(struct counters *counters, struct text key, uint32_t ttl_s);

#endif
