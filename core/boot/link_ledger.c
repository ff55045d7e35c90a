/* link_ledger.c - where what was used and spent is written down, and the store that answers questions about it. */
#include "boot/link.h"

#include "base/json.h"
#include "plugin/plugin.h"
#include "plugin/store.h"

static const char *path_from(struct link *l, struct text path)
{
    return path.len > 0 && path.ptr[0] == '/' ? arena_str(l->arena, path)
                                              : arena_printf(l->arena, "%s/%.*s", l->folder, TEXT_ARG(path));
}

/* The one that is named, else sqlite, where it is there. */
static const struct plugin *find_store(struct link *l, const struct declare_store *declared)
{
    struct fail fail;
    if (declared->plugin.ptr != NULL)
        return link_find_plugin(l, declared->line, "store", declared->plugin);
    const struct plugin *plugin = link_look_for_plugin(l, TEXT("sqlite"), &fail);
    if (plugin == NULL && declared->line != 0)
        complain(&l->report->complaints, declared->line, "store: %s", fail.text);
    else if (plugin == NULL)
        complain(&l->report->notes, l->declared->ledger.line, "ledger: %s: usage reads the whole journal", fail.text);
    return plugin;
}

static void open_store(struct link *l, const struct declare_store *declared, int line)
{
    struct config_store *store = &l->config->store;
    struct json_writer w;
    struct buf out;
    struct fail fail;

    buf_init(&out, 64 << 10);
    json_writer_init(&w, &out);
    json_object(&w);
    json_name(&w, "path");
    json_put_str(&w, text_of(store->path));
    json_close(&w);
    const struct json *settings = json_end(&w) == 0 ? json_parse(&l->scratch, buf_view(&out), &fail) : NULL;
    if (settings == NULL || plugin_check_settings(store->plugin, settings, &fail) < 0 ||
        plugin_open_store(store->plugin, settings, &store->instance, &fail) < 0)
        complain(&l->report->complaints, line, "store: %s", fail.text);
    store->close = plugin_close_store;
    store->rows_days = declared->rows_days;
    buf_free(&out);
}

static void link_store(struct link *l)
{
    const struct declare_store *declared = &l->declared->store;
    struct config_store *store = &l->config->store;
    int line = declared->line != 0 ? declared->line : l->declared->ledger.line;

    if (l->config->ledger.path == NULL) {
        if (declared->line != 0)
            complain(&l->report->complaints, declared->line,
                     "store: it keeps the rows of a ledger, and there is none. Add ledger { path = \"ledger\" }");
        return;
    }
    store->path = declared->path.len > 0 ? path_from(l, declared->path)
                                         : arena_printf(l->arena, "%s/store.sqlite", l->config->ledger.path);
    store->plugin = find_store(l, declared);
    if (store->plugin != NULL && store->plugin->kind != GW_KIND_STORE) {
        complain(&l->report->complaints, line, "store: the plugin \"%s\" is not a store", store->plugin->name);
        store->plugin = NULL;
    }
    if (store->plugin != NULL)
        open_store(l, declared, line);
}

static void link_journal(struct link *l)
{
    const struct declare_ledger *declared = &l->declared->ledger;
    struct config_ledger *ledger = &l->config->ledger;

    l->config->budgets = link_budgets(l, &l->declared->budget.budgets, l->declared->budget.line, "budget");
    if (declared->line == 0 || declared->path.ptr == NULL)
        return;
    if (declared->path.len == 0)
        complain(&l->report->complaints, declared->line, "ledger: path is empty: name a folder");
    ledger->sync_ns = declared->sync_ns;
    ledger->wait_ns = declared->wait_ns;
    ledger->wait_stream_ns = declared->wait_stream_ns;
    ledger->doubt_ttl_ns = declared->doubt_ttl_ns;
    ledger->keep_days = declared->keep_days;
    ledger->path = path_from(l, declared->path);
}

void link_ledger(struct link *l)
{
    link_journal(l);
    link_store(l);
}
