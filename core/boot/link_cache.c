/* link_cache.c - answers that are given again. */
#include "base/buf.h"
#include "boot/link.h"
#include "plugin/plugin.h"

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

void link_cache(struct link *l)
{
    const struct declare_cache *declared = &l->declared->cache;
    if (declared->line == 0)
        return;
    struct text name = declared->plugin.ptr != NULL ? declared->plugin : TEXT("memory");
    const struct plugin *plugin = link_find_plugin(l, declared->line, "cache", name);
    if (plugin != NULL && (plugin->kind != GW_KIND_CACHE || (plugin->cache.flags & GW_CACHE_INLINE) == 0)) {
        complain(&l->report->complaints, declared->line, "cache: the plugin \"%s\" is no cache that answers at once",
                 plugin->name);
        plugin = NULL;
    }
    l->config->cache = (struct config_cache){ .plugin = plugin,
                                              .mb = declared->mb,
                                              .ttl_s = declared->ttl_s,
                                              .per = text_is(declared->per, "key")    ? CACHE_PER_KEY
                                                     : text_is(declared->per, "user") ? CACHE_PER_USER
                                                                                      : CACHE_PER_TEAM,
                                              .tools = declared->tools,
                                              .any_target = declared->any_target };
}
