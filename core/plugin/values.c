/* values.c - calls into a cache plugin's get() and set(). */
#include "plugin/values.h"

#include <stdlib.h>

#include "plugin/sessions.h"

#define VALUES_MAGIC 0x76616c75u

struct values {
    uint32_t magic;
    struct sessions *sessions;
    const char *space;
};

struct values *values_open(const struct plugin *plugin, const char *space, const char *settings, unsigned sessions,
                           struct fail *fail)
{
    if (!sessions_never_wait(plugin)) {
        fail_set(fail, FAIL_OPERATOR, "the plugin \"%s\" is no cache that answers at once", plugin->name);
        return NULL;
    }
    struct sessions *all = sessions_open(plugin, settings, sessions, fail);
    if (all == NULL)
        return NULL;
    struct values *v = calloc(1, sizeof *v);
    BUG_IF(v == NULL);
    *v = (struct values){ .magic = VALUES_MAGIC, .sessions = all, .space = space };
    return v;
}

void values_close(struct values *v)
{
    CHECK(v, VALUES);
    sessions_close(v->sessions);
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
    struct session *s = &v->sessions->each[session];
    gw_scope scope = scope_of(v, team);
    struct gw_buf value = { .bytes = *out };
    session_begin(s);
    gw_status status = session_end(s, v->sessions->plugin->cache.get(s->of, &s->call, &scope, call_str(key), &value));
    *out = value.bytes;
    return status == GW_OK && !value.failed;
}

bool values_set(struct values *v, unsigned session, struct text team, struct text key, struct text value,
                uint32_t ttl_s)
{
    CHECK(v, VALUES);
    struct session *s = &v->sessions->each[session];
    gw_scope scope = scope_of(v, team);
    session_begin(s);
    return session_end(s, v->sessions->plugin->cache.set(s->of, &s->call, &scope, call_str(key), call_str(value), ttl_s,
                                                         GW_SET_ALWAYS)) == GW_OK;
}
