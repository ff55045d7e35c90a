/* counters.c - calls into a cache plugin's add(). */
#include "plugin/counters.h"

#include <stdlib.h>

#include "plugin/call.h"

#define COUNTERS_MAGIC 0x636f756eu
enum { CALL_MOST = 1 << 16 };

struct counters {
    uint32_t magic;
    const struct plugin *plugin;
    void *instance, *session;
    gw_scope scope;
    struct arena keep, scratch;
    struct gw_call call;
};

static void begin(struct counters *c)
{
    call_begin(&c->call, &c->keep, &c->scratch, NULL);
    call_step_begin(&c->call);
}

static gw_status end(struct counters *c, gw_status status)
{
    status = call_status(&c->call, status);
    call_step_end(&c->call);
    if (c->keep.used > 0) /* the call left a text in it */
        arena_reset(&c->keep);
    return status;
}

static int start(struct counters *c, struct fail *fail)
{
    const struct plugin *p = c->plugin;
    const struct json *none = json_parse(&c->keep, TEXT("{}"), fail);

    begin(c);
    gw_status status = p->cache.open(plugin_host(p), &c->call, call_json(none), &c->instance);
    if (status != GW_OK)
        c->instance = NULL;
    status = call_status(&c->call, status);
    if (status == GW_OK) {
        status = p->cache.attach(c->instance, &c->call, &c->session);
        if (status != GW_OK)
            c->session = NULL;
        status = call_status(&c->call, status);
    }
    if (status != GW_OK)
        fail_set(fail, FAIL_OPERATOR, "the cache \"%s\" cannot be opened: %.*s", p->name,
                 TEXT_ARG(c->call.explain.len > 0 ? c->call.explain : text_of(call_status_name(status))));
    return end(c, status) == GW_OK ? 0 : -1;
}

struct counters *counters_open(const struct plugin *plugin, const char *space, struct fail *fail)
{
    if (plugin->kind != GW_KIND_CACHE || (plugin->cache.flags & GW_CACHE_INLINE) == 0) {
        fail_set(fail, FAIL_OPERATOR, "the plugin \"%s\" is no cache that answers at once", plugin->name);
        return NULL;
    }
    struct counters *c = calloc(1, sizeof *c);
    BUG_IF(c == NULL);
    *c = (struct counters){ .magic = COUNTERS_MAGIC,
                            .plugin = plugin,
                            .scope = { .size = sizeof c->scope, .space = call_str(text_of(space)) } };
    arena_init(&c->keep, NULL, 0, CALL_MOST);
    arena_init(&c->scratch, NULL, 0, CALL_MOST);
    if (start(c, fail) == 0)
        return c;
    counters_close(c);
    return NULL;
}

void counters_close(struct counters *c)
{
    CHECK(c, COUNTERS);
    if (c->session != NULL)
        c->plugin->cache.detach(c->session);
    if (c->instance != NULL)
        c->plugin->cache.close(c->instance);
    arena_fini(&c->scratch);
    arena_fini(&c->keep);
    c->magic = 0;
    free(c);
}

static int64_t add(struct counters *c, struct text key, int64_t delta, uint32_t ttl_s, uint32_t mode)
{
    int64_t total = 0;
    CHECK(c, COUNTERS);
    begin(c);
    gw_status status =
        end(c, c->plugin->cache.add(c->session, &c->call, &c->scope, call_str(key), delta, ttl_s, mode, &total));
    return status == GW_OK ? total : status == GW_MISS ? 0 : -1;
}

int64_t counters_add(struct counters *c, struct text key, int64_t delta, uint32_t ttl_s)
{
    return add(c, key, delta, ttl_s, GW_ADD_CREATE);
}

int64_t counters_read(struct counters *c, struct text key, uint32_t ttl_s)
{
    return add(c, key, 0, ttl_s, GW_ADD_EXISTING);
}
