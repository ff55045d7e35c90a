/* link_ledger.c - where what was used and spent is written down, and the store that answers questions about it. */
#include "boot/link.h"

#include <string.h>

#include "base/crypto.h"
#include "base/json.h"
#include "boot/secret.h"
#include "plugin/plugin.h"
#include "plugin/store.h"

const char *link_path(struct link *l, struct text path)
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

static bool takes(const struct plugin *plugin, const char *name)
{
    for (const gw_option *o = plugin->options; o != NULL && o->name != NULL; o++)
        if (strcmp(o->name, name) == 0)
            return true;
    return false;
}

static void put_setting(struct json_writer *w, const char *name, struct text value)
{
    json_key(w, text_of(name));
    json_put_str(w, value);
}

/* Read into memory of the linking: whoever is given it wipes it. */
static struct text read_password(struct link *l, const struct declare_store *declared)
{
    struct text value = TEXT_NONE;
    const char *why;
    l->config->store.password_from = secret_name(declared->password, l->arena);
    if (secret_read(declared->password, l->folder, &l->scratch, &value, &why) != SECRET_READ) {
        complain(&l->report->complaints, declared->line, "store: %s %s", l->config->store.password_from, why);
        return TEXT_NONE;
    }
    return value;
}

/* What gateway.lua has, which the plugin may not know, and what the plugin takes of the core's. */
static void open_store(struct link *l, const struct declare_store *declared, int line)
{
    struct config_store *store = &l->config->store;
    struct text password = declared->password != NULL ? read_password(l, declared) : TEXT_NONE;
    struct json_writer w;
    struct buf out;
    struct fail fail;

    buf_init(&out, 64 << 10);
    json_writer_init(&w, &out);
    json_object(&w);
    if (declared->path.len > 0 || takes(store->plugin, "path"))
        put_setting(&w, "path", text_of(store->path));
    if (store->url != NULL)
        put_setting(&w, "url", text_of(store->url));
    if (password.ptr != NULL)
        put_setting(&w, "password", password);
    if (takes(store->plugin, "ledger"))
        put_setting(&w, "ledger", text_of(l->config->ledger.path));
    json_close(&w);
    const struct json *settings = json_end(&w) == 0 ? json_parse(&l->scratch, buf_view(&out), &fail) : NULL;
    if (settings == NULL || plugin_check_settings(store->plugin, settings, &fail) < 0 ||
        plugin_open_store(store->plugin, settings, &store->instance, &fail) < 0)
        complain(&l->report->complaints, line, "store: %s", fail.text);
    store->close = plugin_close_store;
    store->rows_days = declared->rows_days;
    if (password.ptr != NULL)
        crypto_wipe((void *)(uintptr_t)password.ptr, password.len);
    if (out.ptr != NULL)
        crypto_wipe(out.ptr, out.cap);
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
    store->path = declared->path.len > 0 ? link_path(l, declared->path)
                                         : arena_printf(l->arena, "%s/store.sqlite", l->config->ledger.path);
    store->url = declared->url.len > 0 ? arena_str(l->arena, declared->url) : NULL;
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
    ledger->path = link_path(l, declared->path);
}

void link_ledger(struct link *l)
{
    link_journal(l);
    link_store(l);
}
