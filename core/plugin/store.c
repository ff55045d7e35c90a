/* store.c - calls into a store. */
#include "plugin/store.h"

#include <stdlib.h>
#include <string.h>

#define STORE_MAGIC 0x73746f72u
enum { CALL_MOST = 64 << 20 };
/* What ABI 0.1 has of each record: less is none. */
#define GROUP_LEAST (offsetof(gw_store_group, sums) + sizeof(void *))
#define ROW_LEAST (offsetof(gw_store_row, why) + sizeof(gw_str))
#define SUMS_LEAST (offsetof(gw_store_sums, estimated) + sizeof(int64_t))

struct store_session {
    uint32_t magic;
    const struct plugin *plugin;
    void *session;
    struct arena keep, scratch;
    struct gw_call call;
    /* Of the call that is running: */
    void *owner;
    void (*each_group)(void *owner, const gw_store_group *group);
    void (*each_row)(void *owner, const gw_store_row *row);
    bool misshapen; /* it handed in a record that is none */
};

static void begin(struct gw_call *call, struct arena *keep, struct arena *scratch)
{
    arena_reset(keep);
    call_begin(call, keep, scratch, NULL);
    call_step_begin(call);
}

static gw_status end(struct gw_call *call, const struct plugin *plugin, gw_status status, const char *function,
                     struct fail *fail)
{
    status = call_status(call, status);
    if (status != GW_OK && status != GW_MISS && call->explain.len > 0)
        fail_set(fail, FAIL_OPERATOR, "%s%s%.*s", call->misused != NULL ? plugin->name : "",
                 call->misused != NULL ? ": " : "", TEXT_ARG(call->explain));
    else if (status != GW_OK && status != GW_MISS)
        fail_set(fail, FAIL_OPERATOR, "the store \"%s\" answers %s() with %s and does not say why", plugin->name,
                 function, call_status_name(status));
    call_step_end(call);
    return status;
}

int plugin_open_store(const struct plugin *plugin, const struct json *settings, void **instance, struct fail *fail)
{
    struct arena keep, scratch;
    struct gw_call call;

    *instance = NULL;
    if (plugin->kind != GW_KIND_STORE)
        return fail_set(fail, FAIL_OPERATOR, "the plugin %s is not a store", plugin->name);
    arena_init(&keep, NULL, 0, 1 << 20);
    arena_init(&scratch, NULL, 0, 1 << 20);
    begin(&call, &keep, &scratch);
    gw_status status = plugin->store.open(plugin_host(plugin), &call, call_json(settings), instance);
    if (status == GW_OK && call.misused != NULL)
        plugin->store.close(*instance);
    status = end(&call, plugin, status, "open", fail);
    if (status == GW_MISS)
        fail_set(fail, FAIL_OPERATOR, "the store \"%s\" answers open() with miss", plugin->name);
    if (status != GW_OK)
        *instance = NULL;
    arena_fini(&scratch);
    arena_fini(&keep);
    return status == GW_OK ? 0 : -1;
}

void plugin_close_store(const struct plugin *plugin, void *instance)
{
    plugin->store.close(instance);
}

struct store_session *store_attach(const struct plugin *plugin, void *instance, uint32_t mode, gw_status *status,
                                   struct fail *fail)
{
    struct store_session *s = calloc(1, sizeof *s);
    BUG_IF(s == NULL);
    *s = (struct store_session){ .magic = STORE_MAGIC, .plugin = plugin };
    arena_init(&s->keep, NULL, 0, CALL_MOST);
    arena_init(&s->scratch, NULL, 0, CALL_MOST);
    begin(&s->call, &s->keep, &s->scratch);
    *status = plugin->store.attach(instance, &s->call, mode, &s->session);
    if (*status != GW_OK)
        s->session = NULL;
    *status = end(&s->call, plugin, *status, "attach", fail);
    if (*status == GW_OK)
        return s;
    store_detach(s);
    return NULL;
}

void store_detach(struct store_session *s)
{
    CHECK(s, STORE);
    if (s->session != NULL)
        s->plugin->store.detach(s->session);
    arena_fini(&s->scratch);
    arena_fini(&s->keep);
    s->magic = 0;
    free(s);
}

static struct gw_call *start(struct store_session *s)
{
    CHECK(s, STORE);
    begin(&s->call, &s->keep, &s->scratch);
    s->misshapen = false;
    return &s->call;
}

static gw_status finish(struct store_session *s, gw_status status, const char *function, struct fail *fail)
{
    bool is_full = call_is_full(&s->call); /* before the memory of the step is given back */
    status = end(&s->call, s->plugin, status, function, fail);
    if (status == GW_OK && (s->misshapen || is_full)) {
        fail_set(fail, FAIL_OPERATOR, "the store \"%s\" has a defect: what %s() gives is %s", s->plugin->name, function,
                 s->misshapen ? "no record" : "more than the memory of a call");
        return GW_E_REJECT;
    }
    return status;
}

gw_status store_cursor(struct store_session *s, gw_store_cursor *cursor, struct fail *fail)
{
    struct gw_call *call = start(s);
    *cursor = (gw_store_cursor){ .size = sizeof *cursor };
    return finish(s, s->plugin->store.cursor(s->session, call, cursor), "cursor", fail);
}

gw_status store_put(struct store_session *s, const gw_store_batch *batch, struct fail *fail)
{
    struct gw_call *call = start(s);
    return finish(s, s->plugin->store.put(s->session, call, batch), "put", fail);
}

gw_status store_prune(struct store_session *s, int64_t before_ms, uint32_t most, uint32_t *removed, struct fail *fail)
{
    struct gw_call *call = start(s);
    *removed = 0;
    return finish(s, s->plugin->store.prune(s->session, call, before_ms, most, removed), "prune", fail);
}

static void copy_known(void *to, size_t to_size, const void *from, uint32_t size)
{
    memset(to, 0, to_size);
    memcpy(to, from, size < to_size ? size : to_size);
}

static void give_group(void *owner, const gw_store_group *given)
{
    struct store_session *s = owner;
    gw_store_group group;
    gw_store_sums sums;
    if (given == NULL || given->size < GROUP_LEAST || given->sums == NULL || given->sums->size < SUMS_LEAST) {
        s->misshapen = true;
        return;
    }
    copy_known(&group, sizeof group, given, given->size);
    copy_known(&sums, sizeof sums, given->sums, given->sums->size);
    group.sums = &sums;
    s->each_group(s->owner, &group);
}

gw_status store_sums(struct store_session *s, const gw_store_query *query, gw_store_cursor *cursor,
                     void (*each)(void *owner, const gw_store_group *group), void *owner, struct fail *fail)
{
    struct gw_call *call = start(s);
    s->owner = owner;
    s->each_group = each;
    *cursor = (gw_store_cursor){ .size = sizeof *cursor };
    return finish(s, s->plugin->store.sums(s->session, call, query, cursor, s, give_group), "sums", fail);
}

static void give_row(void *owner, const gw_store_row *given)
{
    struct store_session *s = owner;
    gw_store_row row;
    gw_store_sums sums;
    if (given == NULL || given->size < ROW_LEAST || given->sums == NULL || given->sums->size < SUMS_LEAST) {
        s->misshapen = true;
        return;
    }
    copy_known(&row, sizeof row, given, given->size);
    copy_known(&sums, sizeof sums, given->sums, given->sums->size);
    row.sums = &sums;
    s->each_row(s->owner, &row);
}

gw_status store_rows(struct store_session *s, const gw_store_find *find,
                     void (*each)(void *owner, const gw_store_row *row), void *owner, struct fail *fail)
{
    struct gw_call *call = start(s);
    s->owner = owner;
    s->each_row = each;
    return finish(s, s->plugin->store.rows(s->session, call, find, s, give_row), "rows", fail);
}
