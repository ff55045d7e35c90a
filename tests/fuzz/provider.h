/* provider.h - an instance of the provider that is linked in, and one call at a time into it, for the targets. */
#ifndef FUZZ_PROVIDER_H
#define FUZZ_PROVIDER_H

#include "event.h"
#include "fuzz.h"
#include "plugin/call.h"
#include "plugin/plugin.h"

struct provider {
    const struct plugin *plugin;
    void *instance;
    gw_host host; /* the core's, but for a clock that stands still */
    int64_t now_ms;
    struct arena keep, scratch;
    struct gw_call call;
    struct event_check check;
    struct buf lines; /* its events */
};

/* The one instance, opened at the first call; its required settings get some value. Kept. */
struct provider *provider_get(void);
/* A new call on damaged bytes. */
void provider_begin(struct provider *p);
/* Ends it; what it received must have been sound. */
void provider_end(struct provider *p);
/* The status of a step must be one that such a function may return. */
void provider_step(struct provider *p, gw_status status);
/* For emit(). */
void provider_emit(gw_call *call, const gw_event *event);

#endif
