/* counters.c - calls into a cache plugin's add(). */
#include "plugin/counters.h"

#include <stdlib.h>

#include "plugin/sessions.h"

#define COUNTERS_MAGIC 0x636f756eu

struct counters {
    uint32_t magic;
    struct sessions *sessions; /* one */
    gw_scope scope;
};

struct counters *counters_open(const struct plugin *plugin, const char *space, struct fail *fail)
{
    if (!sessions_never_wait(plugin)) {
        fail_set(fail, FAIL_OPERATOR, "the plugin \"%s\" is no cache that answers at once", plugin->name);
        return NULL;
    }
    struct sessions *sessions = sessions_open(plugin, "{}", 1, fail);
    if (sessions == NULL)
        return NULL;
    struct counters *c = calloc(1, sizeof *c);
    BUG_IF(c == NULL);
    *c = (struct counters){ .magic = COUNTERS_MAGIC,
                            .sessions = sessions,
                            .scope = { .size = sizeof c->scope, .space = call_str(text_of(space)) } };
    return c;
}

void counters_close(struct counters *c)
{
    CHECK(c, COUNTERS);
    sessions_close(c->sessions);
    c->magic = 0;
    free(c);
}

static int64_t add(struct counters *c, struct text key, int64_t delta, uint32_t ttl_s, uint32_t mode)
{
    int64_t total = 0;
    CHECK(c, COUNTERS);
    struct session *s = &c->sessions->each[0];
    session_begin(s);
    gw_status status = session_end(
        s, c->sessions->plugin->cache.add(s->of, &s->call, &c->scope, call_str(key), delta, ttl_s, mode, &total));
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
