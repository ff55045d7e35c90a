/* sessions.c - opens and closes an instance of a cache plugin and the sessions with it. */
#include "plugin/sessions.h"

#include <stdlib.h>

enum { CALL_MOST = 1 << 16 };

void session_begin(struct session *s)
{
    call_begin(&s->call, &s->keep, &s->scratch, NULL);
    call_step_begin(&s->call);
}

gw_status session_end(struct session *s, gw_status status)
{
    status = call_status(&s->call, status);
    call_step_end(&s->call);
    if (s->keep.used > 0) /* the call left a text in it */
        arena_reset(&s->keep);
    return status;
}

static int explain(const struct sessions *all, struct session *s, gw_status status, struct fail *fail)
{
    if (status != GW_OK)
        fail_set(fail, FAIL_OPERATOR, "the cache \"%s\" cannot be opened: %.*s", all->plugin->name,
                 TEXT_ARG(s->call.explain.len > 0 ? s->call.explain : text_of(call_status_name(status))));
    return session_end(s, status) == GW_OK ? 0 : -1;
}

static int open_instance(struct sessions *all, const char *settings, struct fail *fail)
{
    struct session *s = &all->each[0];
    session_begin(s);
    const struct json *config = json_parse(&s->keep, text_of(settings), fail);
    if (config == NULL || plugin_check_settings(all->plugin, config, fail) < 0) {
        session_end(s, GW_OK);
        return -1;
    }
    gw_status status = all->plugin->cache.open(plugin_host(all->plugin), &s->call, call_json(config), &all->instance);
    if (status != GW_OK)
        all->instance = NULL;
    return explain(all, s, call_status(&s->call, status), fail);
}

static int attach(struct sessions *all, struct session *s, struct fail *fail)
{
    session_begin(s);
    gw_status status = all->plugin->cache.attach(all->instance, &s->call, &s->of);
    if (status != GW_OK)
        s->of = NULL;
    return explain(all, s, call_status(&s->call, status), fail);
}

struct sessions *sessions_open(const struct plugin *plugin, const char *settings, unsigned count, struct fail *fail)
{
    if (plugin->kind != GW_KIND_CACHE) {
        fail_set(fail, FAIL_OPERATOR, "the plugin \"%s\" is no cache", plugin->name);
        return NULL;
    }
    BUG_IF(count == 0);
    struct sessions *all = calloc(1, sizeof *all + count * sizeof *all->each);
    BUG_IF(all == NULL);
    *all = (struct sessions){ .plugin = plugin, .count = count };
    for (unsigned i = 0; i < count; i++) {
        arena_init(&all->each[i].keep, NULL, 0, CALL_MOST);
        arena_init(&all->each[i].scratch, NULL, 0, CALL_MOST);
    }
    int result = open_instance(all, settings, fail);
    for (unsigned i = 0; i < count && result == 0; i++)
        result = attach(all, &all->each[i], fail);
    if (result == 0)
        return all;
    sessions_close(all);
    return NULL;
}

bool session_again(struct sessions *all, unsigned index)
{
    struct session *s = &all->each[index];
    struct fail fail;
    if (s->of != NULL)
        all->plugin->cache.detach(s->of);
    return attach(all, s, &fail) == 0;
}

void sessions_close(struct sessions *all)
{
    for (unsigned i = 0; i < all->count; i++) {
        if (all->each[i].of != NULL)
            all->plugin->cache.detach(all->each[i].of);
        arena_fini(&all->each[i].scratch);
        arena_fini(&all->each[i].keep);
    }
    if (all->instance != NULL)
        all->plugin->cache.close(all->instance);
    free(all);
}
