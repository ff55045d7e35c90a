/* link.c - joins the declarations into the snapshot: the listener, the limits, the plugins; then the
 * providers, models, teams and keys of the other link_*.c. */
#include "boot/link.h"

#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "boot/cpus.h"
#include "boot/endpoint.h"
#include "boot/folders.h"
#include "boot/secret.h"
#include "plugin/plugin.h"

static void link_listen(struct link *l);
static void link_plugins(struct link *l);

static void number_rates(struct config *config)
{
    unsigned n = 0;
    config->rates = (struct config_rates){ .rpm = config->limits.rpm, .tpm = config->limits.tpm, .index = n++ };
    for (size_t i = 0; i < config->team_count; i++)
        config->teams[i].rates.index = n++;
    for (size_t i = 0; i < config->key_count; i++)
        config->keys[i].rates.index = n++;
}

void link_all(struct link *l)
{
    l->config->limits = l->declared->limits.values;
    link_listen(l);
    link_plugins(l);
    link_providers(l);
    link_models(l);
    link_teams(l);
    link_labels(l);
    link_keys(l);
    link_policies(l);
    number_rates(l->config);
    link_warn_file(l);
    link_note_unused_keys(l);
    link_web(l);
    link_ledger(l);
    link_cache(l);
    link_capture(l);
    link_counters(l);
}

void link_fini(struct link *l)
{
    for (size_t i = 0; l->settings != NULL && i < l->config->provider_count; i++) {
        struct buf *settings = &l->settings[i];
        if (settings->ptr != NULL)
            crypto_wipe(settings->ptr, settings->cap);
        buf_free(settings);
    }
    l->settings = NULL;
    arena_fini(&l->scratch);
}

bool link_is_name(struct text name, bool small)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (!small && c >= 'A' && c <= 'Z');
        if (!letter && (i == 0 || memchr("_.-", c, 3) == NULL))
            return false;
    }
    return name.len > 0 && name.len <= 64;
}

static void link_address(struct link *l)
{
    const struct declare_listen *said = &l->declared->listen;
    struct config_listen *listen = &l->config->listen;
    struct complaints *complaints = &l->report->complaints;
    struct fail fail;

    if (said->address.ptr != NULL &&
        endpoint_parse(said->address, l->arena, &listen->address, &listen->port, &fail) < 0)
        complain(complaints, said->line, "listen: %s", fail.text);
    if (l->options->listen != NULL &&
        endpoint_parse(text_of(l->options->listen), l->arena, &listen->address, &listen->port, &fail) < 0)
        complain(complaints, 0, "%s: %s", l->options->listen_from, fail.text);
}

static void link_proxies(struct link *l)
{
    const struct declare_listen *said = &l->declared->listen;
    struct config_listen *listen = &l->config->listen;

    listen->proxies = arena_array(l->arena, struct cidr, said->trusted_proxies.count + 1);
    listen->proxy_names = arena_array(l->arena, struct text, said->trusted_proxies.count + 1);
    for (size_t i = 0; i < said->trusted_proxies.count; i++) {
        struct text name = said->trusted_proxies.items[i];
        if (cidr_parse(name, &listen->proxies[i]) < 0)
            complain(&l->report->complaints, said->line,
                     "listen: trusted_proxies: \"%.*s\" is no IP address and no range like 10.0.0.0/8", TEXT_ARG(name));
        listen->proxy_names[i] = arena_text(l->arena, name);
        listen->proxy_count++;
    }
}

/* An unset secret is an error here: serving without TLS what was to have it would be worse. */
static void link_pem(struct link *l, const char *setting, const struct declare_secret *secret, struct text *pem)
{
    const char *why;
    if (secret_read(secret, l->folder, l->arena, pem, &why) != SECRET_READ)
        complain(&l->report->complaints, l->declared->listen.line, "listen: tls: %s: %s %s", setting,
                 secret_name(secret, &l->scratch), why);
    else if (text_find(*pem, TEXT("-----BEGIN ")) < 0)
        complain(&l->report->complaints, l->declared->listen.line, "listen: tls: %s: %s is not PEM", setting,
                 secret_name(secret, &l->scratch));
}

static void link_pair(struct link *l)
{
    const struct config_listen *listen = &l->config->listen;
    int line = l->declared->listen.line;

    if (l->report->complaints.count > 0)
        return;
    const char *problem = crypto_pair_problem(listen->cert_pem, listen->key_pem);
    if (problem != NULL)
        complain(&l->report->complaints, line, "listen: tls: %s", problem);
    else if (crypto_cert_end_unix_s(listen->cert_pem) * 1000 <= clock_unix_ms())
        link_warn(l, line, "listen: tls: the certificate of %s has expired, and clients refuse it: renew it",
                  listen->cert_from);
    link_warn_secret(l, line, "listen: tls: key", l->declared->listen.tls.key, TEXT_NONE);
}

static void link_listen(struct link *l)
{
    const struct declare_listen *said = &l->declared->listen;
    struct config_listen *listen = &l->config->listen;

    link_address(l);
    link_proxies(l);
    listen->workers = said->workers > 0 ? said->workers : cpus_usable();
    if (said->tls.cert != NULL && said->tls.key != NULL) {
        listen->cert_from = secret_name(said->tls.cert, l->arena);
        listen->key_from = secret_name(said->tls.key, l->arena);
        link_pem(l, "cert", said->tls.cert, &listen->cert_pem);
        link_pem(l, "key", said->tls.key, &listen->key_pem);
        link_pair(l);
    }
}

const struct plugin *link_look_for_plugin(struct link *l, struct text name, struct fail *fail)
{
    const char *wanted = arena_str(&l->scratch, name);
    return l->options->find_plugin != NULL ? l->options->find_plugin(wanted, l->config->plugin_directories, fail)
                                           : plugin_find(wanted, l->config->plugin_directories, fail);
}

const struct plugin *link_find_plugin(struct link *l, int line, const char *where, struct text name)
{
    struct fail fail;
    const struct plugin *plugin = link_look_for_plugin(l, name, &fail);
    const char *form = plugin == NULL ? link_compatible_form(l, name) : NULL;
    if (form != NULL)
        complain(&l->report->complaints, line,
                 "%s: there is no plugin \"%.*s\"; its OpenAI-compatible API is served by provider \"%.*s\" %s", where,
                 TEXT_ARG(name), TEXT_ARG(name), form);
    else if (plugin == NULL)
        complain(&l->report->complaints, line, "%s: %s", where, fail.text);
    return plugin;
}

/* A plugin of a configured folder goes before the one of that name that came with the program, and the operator reads it. */
static void note_replaced(struct link *l)
{
    size_t count, our_count;
    struct folders_plugin *files = folders_list(l->config->plugin_directories, &l->scratch, &count);
    struct folders_plugin *ours = folders_list(folders_ours(&l->scratch), &l->scratch, &our_count);

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < our_count; k++)
            if (strcmp(files[i].name, ours[k].name) == 0 && strcmp(files[i].path, ours[k].path) != 0)
                complain(&l->report->notes, l->declared->plugins.line,
                         "plugins: path: %s is used in the place of the plugin \"%s\" that came with the program",
                         files[i].path, files[i].name);
}

static void link_plugins(struct link *l)
{
    const struct declare_plugins *said = &l->declared->plugins;
    const struct plugin **plugins = arena_array(l->arena, const struct plugin *, said->names.count);
    struct config *config = l->config;

    config->plugin_directories =
        l->options->folders != NULL ? l->options->folders : folders_make(l->arena, &said->path, l->folder);
    for (size_t i = 0; l->options->folders == NULL && config->plugin_directories[i] != NULL; i++)
        if (!folders_is_ours(&l->scratch, config->plugin_directories[i]) &&
            !folders_is_folder(config->plugin_directories[i]))
            link_warn(l, said->line, "plugins: path: %s is not a folder", config->plugin_directories[i]);
    if (l->options->folders == NULL)
        note_replaced(l);
    for (size_t i = 0; i < said->names.count; i++) {
        const struct plugin *plugin = link_find_plugin(l, said->line, "plugins", said->names.items[i]);
        if (plugin != NULL)
            plugins[config->plugin_count++] = plugin;
    }
    config->plugins = plugins;
}
