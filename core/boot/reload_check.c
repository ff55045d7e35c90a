/* reload_check.c - what of a new configuration needs a new process: refused where the gateway would do something else than the file says,
 * a warning where only a bound or a file stays as it was. */
#include "boot/reload.h"

#include "plugin/plugin.h"

static const char *file_of(const struct config *config)
{
    return config->file != NULL ? config->file : "(built in)";
}

static void refuse(const struct config *next, struct buf *lines, const char *what)
{
    buf_printf(lines, "%s: %s cannot change while the gateway runs: start it again\n", file_of(next), what);
}

static void warn(const struct config *next, struct buf *lines, const char *what)
{
    buf_printf(lines, "%s: warning: %s counts from the next start on: until then it stays as it was\n", file_of(next),
               what);
}

static bool same(const char *a, const char *b)
{
    return text_eq(text_of(a), text_of(b));
}

static void check_limits(const struct config *now, const struct config *next, struct buf *lines)
{
    const struct config_limits *a = &now->limits, *b = &next->limits;
    const struct {
        const char *what;
        bool same;
    } rows[] = {
        { "limits: header_kb", a->header_bytes == b->header_bytes },
        { "limits: headers", a->header_count == b->header_count },
        { "limits: header_s", a->header_ns == b->header_ns },
        { "limits: body_s", a->body_ns == b->body_ns },
        { "limits: write_s", a->write_ns == b->write_ns },
        { "limits: keep_alive_s", a->keep_alive_ns == b->keep_alive_ns },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!rows[i].same)
            warn(next, lines, rows[i].what);
}

static void check_admin(const struct config *now, const struct config *next, struct buf *lines)
{
    if (now->admin.port != next->admin.port || !text_eq(now->admin.address, next->admin.address))
        warn(next, lines, "admin");
}

static void check_ledger(const struct config *now, const struct config *next, struct buf *lines)
{
    const struct config_ledger *a = &now->ledger, *b = &next->ledger;
    if (a->sync_ns != b->sync_ns)
        warn(next, lines, "ledger: sync_ms");
    if (a->doubt_ttl_ns != b->doubt_ttl_ns)
        warn(next, lines, "ledger: doubt_ttl_s");
    if (a->keep_days != b->keep_days)
        warn(next, lines, "ledger: keep_days");
    if (now->store.plugin != next->store.plugin || !same(now->store.path, next->store.path) ||
        !same(now->store.url, next->store.url) || !same(now->store.password_from, next->store.password_from) ||
        now->store.rows_days != next->store.rows_days)
        warn(next, lines, "store");
}

/* A plugin's file that was replaced is another plugin, and the new one is used. */
static void note_plugins(const struct config *now, const struct config *next, struct buf *lines)
{
    for (size_t i = 0; i < next->provider_count; i++) {
        const struct config_provider *p = &next->providers[i], *before = config_provider(now, p->name);
        if (before != NULL && before->plugin != p->plugin && same(before->plugin->name, p->plugin->name))
            buf_printf(
                lines,
                "%s:%d: warning: provider \"%.*s\": the file of the plugin \"%s\" was replaced: new requests use the new one\n",
                p->file, p->line, TEXT_ARG(p->name), p->plugin->name);
    }
}

int reload_check(const struct config *now, const struct config *next, struct buf *lines)
{
    const struct config_listen *a = &now->listen, *b = &next->listen;
    size_t before = lines->len;
    if (!text_eq(a->address, b->address) || a->port != b->port)
        refuse(next, lines, "listen: address");
    if ((a->cert_from != NULL) != (b->cert_from != NULL))
        refuse(next, lines, "listen: tls");
    if (!same(now->ledger.path, next->ledger.path))
        refuse(next, lines, "ledger: path");
    if (lines->len > before)
        return -1;
    if (a->workers != b->workers)
        warn(next, lines, "listen: workers");
    if (!text_eq(a->cert_pem, b->cert_pem) || !text_eq(a->key_pem, b->key_pem))
        warn(next, lines, "listen: tls: a new certificate");
    check_limits(now, next, lines);
    check_admin(now, next, lines);
    check_ledger(now, next, lines);
    if (now->cache.plugin != NULL && next->cache.plugin != NULL &&
        (now->cache.plugin != next->cache.plugin || strcmp(now->cache.json, next->cache.json) != 0))
        warn(next, lines, "cache: plugin, servers or mb");
    if (now->counters.plugin != next->counters.plugin || now->counters.gateways != next->counters.gateways ||
        (now->counters.json != NULL && next->counters.json != NULL &&
         strcmp(now->counters.json, next->counters.json) != 0))
        warn(next, lines, "counters");
    if (!crypto_equal(now->cache.seal, next->cache.seal, sizeof now->cache.seal))
        warn(next, lines, "cache: seal");
    note_plugins(now, next, lines);
    return 0;
}
