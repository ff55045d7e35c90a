/* values.c - calls into a cache plugin's get() and set(). */
#include "plugin/values.h"

#include <stdlib.h>

#include "plugin/call.h"

#define VALUES_MAGIC 0x76616c75u
enum { CALL_MOST = 1 << 16 };

struct values_session {
    void *session; /* the plugin's; NULL: not attached */
    struct arena keep, scratch;
    struct gw_call call;
};

struct values {
    uint32_t magic;
    const struct plugin *plugin;
    void *instance;
    const char *space;
    unsigned count;
    struct values_session sessions[];
};

static void begin(struct values_session *s)
{
    call_begin(&s->call, &s->keep, &s->scratch, NULL);
    call_step_begin(&s->call);
}

static gw_status end(struct values_session *s, gw_status status)
{
    status = call_status(&s->call, status);
    call_step_end(&s->call);
    if (s->keep.used > 0) /* the call left a text in it */
        arena_reset(&s->keep);
    return status;
}

static int explain(const struct values *v, struct values_session *s, gw_status status, struct fail *fail)
{
    if (status != GW_OK)
        fail_set(fail, FAIL_OPERATOR, "the cache \"%s\" cannot be opened: %.*s", v->plugin->name,
                 TEXT_ARG(s->call.explain.len > 0 ? s->call.explain : text_of(call_status_name(status))));
    return end(s, status) == GW_OK ? 0 : -1;
}

static int open_instance(struct values *v, size_t mb, struct fail *fail)
{
    struct values_session *s = &v->sessions[0];
    char settings[64];
    begin(s);
    size_t len = (size_t)snprintf(settings, sizeof settings, "{\"mb\":%zu}", mb);
    const struct json *config = json_parse(&s->keep, (struct text){ settings, len }, fail);
    if (config == NULL || plugin_check_settings(v->plugin, config, fail) < 0) {
        end(s, GW_OK);
        return -1;
    }
    gw_status status = v->plugin->cache.open(plugin_host(v->plugin), &s->call, call_json(config), &v->instance);
    if (status != GW_OK)
        v->instance = NULL;
    return explain(v, s, call_status(&s->call, status), fail);
}

static int attach(struct values *v, struct values_session *s, struct fail *fail)
{
    begin(s);
    gw_status status = v->plugin->cache.attach(v->instance, &s->call, &s->session);
    if (status != GW_OK)
        s->session = NULL;
    return explain(v, s, call_status(&s->call, status), fail);
}

struct values *values_open(const struct plugin *plugin, const char *space, size_t mb, unsigned sessions,
                           struct fail *fail)
{
    if (plugin->kind != GW_KIND_CACHE || (plugin->cache.flags & GW_CACHE_INLINE) == 0) {
        fail_set(fail, FAIL_OPERATOR, "the plugin \"%s\" is no cache that answers at once", plugin->name);
        return NULL;
    }
    BUG_IF(sessions == 0);
    struct values *v = calloc(1, sizeof *v + sessions * sizeof *v->sessions);
    BUG_IF(v == NULL);
    *v = (struct values){ .magic = VALUES_MAGIC, .plugin = plugin, .space = space, .count = sessions };
    for (unsigned i = 0; i < sessions; i++) {
        arena_init(&v->sessions[i].keep, NULL, 0, CALL_MOST);
        arena_init(&v->sessions[i].scratch, NULL, 0, CALL_MOST);
    }
    int result = open_instance(v, mb, fail);
    for (unsigned i = 0; i < sessions && result == 0; i++)
        result = attach(v, &v->sessions[i], fail);
    if (result == 0)
        return v;
    values_close(v);
    return NULL;
}

void values_close(struct values *v)
{
    CHECK(v, VALUES);
    for (unsigned i = 0; i < v->count; i++) {
        if (v->sessions[i].session != NULL)
            v->plugin->cache.detach(v->sessions[i].session);
        arena_fini(&v->sessions[i].scratch);
        arena_fini(&v->sessions[i].keep);
    }
    if (v->instance != NULL)
        v->plugin->cache.close(v->instance);
    v->magic = 0;
    free(v);
}

static gw_scope scope_of(const struct values *v, struct text team)
{
    return (gw_scope){ .size = sizeof(gw_scope), .team = call_str(team), .space = call_str(text_of(v->space)) };
}

bool values_get(struct values *v, unsigned session, struct text team, struct text key, struct buf *out)
{
    CHECK(v, VALUES);
    struct values_session *s = &v->sessions[session];
    gw_scope scope = scope_of(v, team);
    struct gw_buf value = { .bytes = *out };
    begin(s);
    gw_status status = end(s, v->plugin->cache.get(s->session, &s->call, &scope, call_str(key), &value));
    *out = value.bytes;
    return status == GW_OK && !value.failed;
}

bool values_set(struct values *v, unsigned session, struct text team, struct text key, struct text value,
                uint32_t ttl_s)
{
    CHECK(v, VALUES);
    struct values_session *s = &v->sessions[session];
    gw_scope scope = scope_of(v, team);
    begin(s);
    return end(s, v->plugin->cache.set(s->session, &s->call, &scope, call_str(key), call_str(value), ttl_s,
                                       GW_SET_ALWAYS)) == GW_OK;
}
