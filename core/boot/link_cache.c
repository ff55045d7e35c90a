/* link_cache.c - answers that are given again. */
#include "base/buf.h"
#include "base/json.h"
#include "boot/link.h"
#include "boot/secret.h"
#include "plugin/aside.h"
#include "plugin/plugin.h"

enum { SEAL_LEAST = 16 };

/* With a NUL behind it, so that no two lists of texts read the same. */
static void put(struct buf *out, struct text t)
{
    buf_text(out, t);
    buf_append(out, "", 1);
}

static void put_all(struct buf *out, const struct text *texts, size_t count)
{
    buf_printf(out, "%zu ", count);
    for (size_t i = 0; i < count; i++)
        put(out, texts[i]);
}

void link_digest_policies(struct config *config)
{
    uint8_t *digest = config->policy_digest;
    for (size_t i = 0; i < config->policy_count; i++) {
        const struct config_policy *p = &config->policies[i];
        struct buf bytes;
        buf_init(&bytes, 64u << 20);
        buf_append(&bytes, digest, CRYPTO_SHA256_LEN); /* of those before it */
        put(&bytes, text_of(p->name));
        put(&bytes, p->source);
        for (const struct config_module *m = p->modules; m != NULL; m = m->next) {
            put(&bytes, text_of(m->name));
            put(&bytes, m->source);
        }
        put(&bytes, p->args);
        put(&bytes, p->team != NULL ? p->team->name : TEXT(""));
        put_all(&bytes, p->models, p->model_count);
        put_all(&bytes, p->teams, p->team_count);
        buf_printf(&bytes, "%u %d %d", (unsigned)p->kinds, p->observe, p->skip);
        crypto_sha256(buf_view(&bytes), digest);
        buf_free(&bytes);
    }
}

static bool takes(const struct plugin *plugin, const char *name)
{
    for (const gw_option *o = plugin->options; o != NULL && o->name != NULL; o++)
        if (strcmp(o->name, name) == 0)
            return true;
    return false;
}

/* The plugin's settings: what gateway.lua has, which it may not know, and what it takes of the core's. NULL with a complaint. */
static const char *settings_of(struct link *l, int line, const char *word, const struct plugin *plugin, unsigned mb,
                               const struct declare_texts *servers)
{
    struct json_writer w;
    struct buf out;
    struct fail fail;
    buf_init(&out, 64 << 10);
    json_writer_init(&w, &out);
    json_object(&w);
    if (mb > 0 && takes(plugin, "mb")) {
        json_name(&w, "mb");
        json_put_int(&w, mb);
    }
    if (takes(plugin, "timeout_ms")) {
        json_name(&w, "timeout_ms");
        json_put_int(&w, aside_patience_ms());
    }
    if (servers->given) {
        json_name(&w, "servers");
        json_array(&w);
        for (size_t i = 0; i < servers->count; i++)
            json_put_str(&w, servers->items[i]);
        json_close(&w);
    }
    json_close(&w);
    const struct json *settings = json_end(&w) == 0 ? json_parse(&l->scratch, buf_view(&out), &fail) : NULL;
    bool good = settings != NULL && plugin_check_settings(plugin, settings, &fail) == 0;
    if (!good)
        complain(&l->report->complaints, line, "%s: %s", word, fail.text);
    const char *text = good ? arena_str(l->arena, buf_view(&out)) : NULL;
    buf_free(&out);
    return text;
}

static const struct text *copy_texts(struct link *l, const struct declare_texts *texts)
{
    struct text *copies = arena_array(l->arena, struct text, texts->count);
    for (size_t i = 0; i < texts->count; i++)
        copies[i] = arena_text(l->arena, texts->items[i]);
    return copies;
}

static void read_seal(struct link *l, const struct declare_cache *declared)
{
    struct config_cache *cache = &l->config->cache;
    struct text value = TEXT_NONE;
    const char *why;
    if (declared->seal == NULL)
        return;
    cache->seal_from = secret_name(declared->seal, l->arena);
    if (secret_read(declared->seal, l->folder, &l->scratch, &value, &why) != SECRET_READ)
        complain(&l->report->complaints, declared->line, "cache: seal: %s %s", cache->seal_from, why);
    else if (value.len < SEAL_LEAST)
        complain(&l->report->complaints, declared->line,
                 "cache: seal: %s has %zu bytes, and a seal has %d at least: take what `openssl rand -hex 32` prints",
                 cache->seal_from, value.len, SEAL_LEAST);
    else
        crypto_sha256(value, cache->seal);
    if (value.ptr != NULL)
        crypto_wipe((void *)(uintptr_t)value.ptr, value.len);
}

static const struct plugin *find_cache(struct link *l, int line, const char *word, struct text name)
{
    const struct plugin *plugin = link_find_plugin(l, line, word, name.ptr != NULL ? name : TEXT("memory"));
    if (plugin == NULL || plugin->kind == GW_KIND_CACHE)
        return plugin;
    complain(&l->report->complaints, line, "%s: the plugin \"%s\" is no cache", word, plugin->name);
    return NULL;
}

void link_counters(struct link *l)
{
    const struct declare_counters *declared = &l->declared->counters;
    if (declared->line == 0)
        return;
    const struct plugin *plugin = find_cache(l, declared->line, "counters", declared->plugin);
    l->config->counters = (struct config_counters){
        .plugin = plugin,
        .json = plugin != NULL ? settings_of(l, declared->line, "counters", plugin, 0, &declared->servers) : NULL,
        .servers = copy_texts(l, &declared->servers),
        .server_count = declared->servers.count,
        .gateways = declared->gateways
    };
}

void link_cache(struct link *l)
{
    const struct declare_cache *declared = &l->declared->cache;
    if (declared->line == 0)
        return;
    const struct plugin *plugin = find_cache(l, declared->line, "cache", declared->plugin);
    l->config->cache = (struct config_cache){ .plugin = plugin,
                                              .json = plugin != NULL ? settings_of(l, declared->line, "cache", plugin,
                                                                                   declared->mb, &declared->servers)
                                                                     : NULL,
                                              .servers = copy_texts(l, &declared->servers),
                                              .server_count = declared->servers.count,
                                              .mb = declared->mb,
                                              .ttl_s = declared->ttl_s,
                                              .per = text_is(declared->per, "key")    ? CACHE_PER_KEY
                                                     : text_is(declared->per, "user") ? CACHE_PER_USER
                                                                                      : CACHE_PER_TEAM,
                                              .tools = declared->tools,
                                              .any_target = declared->any_target };
    read_seal(l, declared);
}
