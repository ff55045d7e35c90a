/* link_provider.c - providers: their plugin, address, secrets and headers, and the settings that only the
 * plugin understands. */
#include <string.h>

#include "base/crypto.h"
#include "base/json.h"
#include "boot/link.h"
#include "boot/lua_text.h"
#include "boot/secret.h"
#include "boot/words.h"
#include "plugin/plugin.h"

enum { SETTINGS_MAX = 4 << 20, NAMES_MAX = 65 };

/* One provider on its way from declaration to snapshot. */
struct making {
    struct link *link;
    const struct declare_provider *said;
    struct config_provider *provider;
    const char *where; /* `provider "claude"` */
};

static void make(struct making *m);
static void make_base_url(struct making *m);
static void make_secrets(struct making *m);
static void make_headers(struct making *m);
static void make_settings(struct making *m, struct buf *json);

static void wrong(const struct making *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void wrong(const struct making *m, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(&m->link->scratch, format, args);
    va_end(args);
    complain(&m->link->report->complaints, m->said->line, "%s: %s", m->where, text);
}

void link_providers(struct link *l)
{
    struct config *config = l->config;
    struct map seen;
    size_t count = 0;

    for (const struct declare_provider *said = l->declared->providers; said != NULL; said = said->next)
        count++;
    config->providers = arena_array(l->arena, struct config_provider, count);
    l->settings = arena_array(&l->scratch, struct buf, count);
    l->provider_names = arena_array(&l->scratch, const char *, count + 1);
    map_init(&seen);
    for (const struct declare_provider *said = l->declared->providers; said != NULL; said = said->next) {
        struct config_provider *provider = &config->providers[config->provider_count];
        struct making m = { .link = l, .said = said, .provider = provider };
        m.where = arena_printf(&l->scratch, "provider \"%.*s\"", TEXT_ARG(said->name));

        const struct declare_provider *first = map_put(&seen, said->name, (void *)(uintptr_t)said);
        if (first != NULL) {
            wrong(&m, "it was already declared in line %d", first->line);
            continue;
        }
        if (!link_is_name(said->name, true))
            wrong(&m, "a provider's name has a-z, 0-9, _ . and -, at most 64, and begins with a letter or digit");
        if (!said->complete)
            wrong(&m, "its settings are missing: provider \"name\" { ... }");
        buf_init(&l->settings[config->provider_count], SETTINGS_MAX);
        l->provider_names[config->provider_count++] = arena_str(&l->scratch, said->name);
        make(&m);
    }
    map_fini(&seen);
}

/* The setting "service", which the plugin declares like any other; absent when it was not set. */
static struct text said_service(const struct making *m)
{
    const struct declare_extras *said = &m->said->extras;
    for (size_t i = 0; i < said->count; i++)
        if (strcmp(said->items[i].name, "service") == 0 && said->items[i].json.ptr != NULL)
            return json_str(json_parse(&m->link->scratch, said->items[i].json, NULL));
    return TEXT_NONE;
}

/* Which plugin, and which of its services. A plugin's own name goes before the name of a service. */
static void make_plugin(struct making *m)
{
    struct link *l = m->link;
    struct config_provider *provider = m->provider;
    struct text plugin = m->said->plugin, service = said_service(m), name = m->said->name;
    struct fail fail;

    if (plugin.ptr != NULL) {
        provider->plugin = link_find_plugin(l, m->said->line, m->where, plugin);
        if (provider->plugin != NULL)
            provider->service = link_service_of(provider->plugin, service);
        return;
    }
    if (service.ptr != NULL)
        provider->service = link_find_service(l, service, &provider->plugin);
    if (provider->plugin == NULL)
        provider->plugin = link_look_for_plugin(l, name, &fail);
    if (provider->plugin == NULL && service.ptr == NULL)
        provider->service = link_find_service(l, name, &provider->plugin);
    if (provider->plugin == NULL && service.ptr != NULL)
        wrong(m, "no plugin knows a service \"%.*s\"", service.len < 40 ? (int)service.len : 40, service.ptr);
    else if (provider->plugin == NULL)
        provider->plugin = link_find_plugin(l, m->said->line, m->where, name); /* names what is near */
}

static void make(struct making *m)
{
    struct link *l = m->link;
    struct config_provider *provider = m->provider;

    provider->name = arena_text(l->arena, m->said->name);
    provider->file = l->file_name;
    provider->line = m->said->line;
    make_plugin(m);
    if (provider->plugin == NULL)
        return;
    if (provider->plugin->kind != GW_KIND_PROVIDER) {
        wrong(m, "the plugin \"%s\" is not a provider", provider->plugin->name);
        return;
    }
    make_base_url(m);
    make_secrets(m);
    make_headers(m);
    provider->timeouts = m->said->timeouts;
    provider->price = link_price(l, m->said->price);
    provider->budgets = link_budgets(l, &m->said->budgets, m->said->line,
                                     arena_printf(&l->scratch, "provider \"%.*s\": budget", TEXT_ARG(m->said->name)));
    make_settings(m, &l->settings[provider - l->config->providers]);
    if (provider->off != NULL && l->options->file != NULL)
        complain(&l->report->notes, m->said->line, "%s is off: %s", m->where, provider->off);
}

/* What is wrong with it, static; NULL: nothing. The URL itself is not repeated: it may hold a password. */
static const char *url_problem(struct text url)
{
    struct text rest = url, host;
    if (text_starts_nocase(rest, TEXT("http://")))
        rest = (struct text){ rest.ptr + 7, rest.len - 7 };
    else if (text_starts_nocase(rest, TEXT("https://")))
        rest = (struct text){ rest.ptr + 8, rest.len - 8 };
    else
        return "base_url begins with http:// or https://";
    for (size_t i = 0; i < rest.len; i++)
        if ((unsigned char)rest.ptr[i] <= ' ' || (unsigned char)rest.ptr[i] >= 127 ||
            strchr("\"<>\\^`{|}", rest.ptr[i]) != NULL)
            return "base_url holds a character that no URL has";
    if (text_find(rest, TEXT("?")) >= 0 || text_find(rest, TEXT("#")) >= 0)
        return "base_url takes no query and no fragment";
    host = text_cut(&rest, '/');
    if (text_find(host, TEXT("@")) >= 0)
        return "base_url takes no user or password: use secret or headers";

    bool v6 = text_starts(host, TEXT("["));
    ptrdiff_t end = v6 ? text_find(host, TEXT("]")) : text_find(host, TEXT(":"));
    if (v6 && end < 0)
        return "base_url has an address without its closing bracket";
    size_t name_len = end < 0 ? host.len : v6 ? (size_t)end + 1 : (size_t)end;
    struct text port = { host.ptr + name_len, host.len - name_len };
    if (name_len == 0)
        return "base_url has no host";
    if (port.len > 0) {
        int64_t number;
        struct text digits = { port.ptr + 1, port.len - 1 };
        if (port.ptr[0] != ':' || text_parse_u63(digits, &number) < 0 || number < 1 || number > 65535)
            return "base_url has a port that is not one";
    }
    return NULL;
}

static struct text without_slashes(struct text url)
{
    while (text_ends(url, TEXT("/")))
        url.len--;
    return url;
}

static bool is_local(const struct making *m)
{
    return m->provider->plugin->provider.flags & GW_PROVIDER_LOCAL;
}

/* The usual address: the service's, or the plugin's own; NULL: there is none. */
static const char *usual_url(const struct making *m)
{
    const struct config_provider *provider = m->provider;
    return provider->service != NULL ? provider->service->base_url : provider->plugin->provider.base_url;
}

static void make_base_url(struct making *m)
{
    struct text url = m->said->base_url;
    if (url.ptr == NULL)
        url = text_of(usual_url(m));
    if (url.ptr == NULL) {
        const char *form = m->provider->plugin->provider.base_url_form;
        if (!is_local(m))
            wrong(m, "\"base_url\" is missing: the plugin \"%s\" has no usual one%s%s%s", m->provider->plugin->name,
                  form != NULL ? "; write base_url = \"" : "", form != NULL ? form : "", form != NULL ? "\"" : "");
        return;
    }
    const char *problem = url_problem(url);
    if (problem != NULL)
        wrong(m, "%s", problem);
    else
        link_warn_url(m->link, m->said->line, m->where, without_slashes(url), usual_url(m));
    m->provider->base_url = arena_text(m->link->arena, without_slashes(url));
    m->provider->is_usual =
        usual_url(m) != NULL && text_eq(m->provider->base_url, without_slashes(text_of(usual_url(m))));
}

/* The usual variable counts only with the usual address: a key is not sent elsewhere because nothing was set. Where
 * each account has an address of its own, the one that is given is the usual one. */
static struct declare_secrets wanted_secrets(struct making *m)
{
    const struct config_provider *provider = m->provider;
    const char *usual_env =
        provider->service != NULL ? provider->service->secret_env : provider->plugin->provider.secret_env;
    const char *usual_address = usual_url(m);
    if (m->said->secret != NULL && m->said->secrets.given)
        wrong(m, "say \"secret\" or \"secrets\", not both");
    if (m->said->secret != NULL)
        return (struct declare_secrets){ .items = m->said->secret, .count = 1 };
    if (m->said->secrets.given || usual_env == NULL || is_local(m))
        return m->said->secrets;
    if (usual_address != NULL && !provider->is_usual)
        return m->said->secrets;
    struct declare_secret *usual = arena_new(&m->link->scratch, struct declare_secret);
    usual->name = usual_env;
    return (struct declare_secrets){ .items = usual, .count = 1 };
}

static void make_secrets(struct making *m)
{
    struct link *l = m->link;
    struct config_provider *provider = m->provider;
    struct declare_secrets wanted = wanted_secrets(m);
    const char *unset = NULL;
    if (wanted.names != NULL) {
        link_named_secrets(l, m->said->line, m->where, &wanted, provider);
        return;
    }
    const char **names = arena_array(l->arena, const char *, wanted.count);

    provider->wanted = names;
    provider->wanted_count = wanted.count;
    provider->secrets = arena_array(l->arena, struct config_secret, wanted.count);
    for (size_t i = 0; i < wanted.count; i++) {
        struct config_secret *secret = &provider->secrets[provider->secret_count];
        const char *why;
        secret->from = names[i] = secret_name(&wanted.items[i], l->arena);
        enum secret_state state = secret_read(&wanted.items[i], l->folder, l->arena, &secret->value, &why);
        if (state == SECRET_UNSET) {
            unset = unset == NULL ? secret->from : unset;
            continue;
        }
        provider->secret_count++; /* from here on config_unref() wipes it */
        if (state == SECRET_BAD)
            wrong(m, "%s %s", secret->from, why);
        else if (!secret_fits_header(secret->value))
            wrong(m, "%s holds a control character", secret->from);
        else
            link_warn_secret(l, m->said->line, m->where, &wanted.items[i], secret->value);
    }
    if (unset != NULL && provider->secret_count == 0)
        provider->off = arena_printf(l->arena, "%s is not set", unset);
    else if (unset != NULL)
        complain(&l->report->notes, m->said->line, "%s: %s is not set; the other secrets are used", m->where, unset);
}

static void make_headers(struct making *m)
{
    struct link *l = m->link;
    const struct declare_headers *said = &m->said->headers;
    struct config_provider *provider = m->provider;

    provider->headers = arena_array(l->arena, struct config_header, said->count);
    for (size_t i = 0; i < said->count; i++) {
        const struct declare_header *from = &said->items[i];
        struct config_header *header = &provider->headers[provider->header_count++];
        const char *why;
        header->name = arena_text(l->arena, from->name);
        header->secret = from->value.ptr == NULL;
        if (!header->secret) {
            header->value = arena_text(l->arena, from->value);
            continue;
        }
        header->from = secret_name(&from->secret, l->arena);
        if (secret_read(&from->secret, l->folder, l->arena, &header->value, &why) != SECRET_READ)
            wrong(m, "headers: \"%.*s\": %s %s", TEXT_ARG(from->name), header->from, why);
        else if (!secret_fits_header(header->value))
            wrong(m, "headers: \"%.*s\": %s holds a control character", TEXT_ARG(from->name), header->from);
        else
            link_warn_secret(l, m->said->line, m->where, &from->secret, TEXT_NONE);
    }
}

static const gw_option *find_option(const struct plugin *plugin, const char *name)
{
    for (const gw_option *o = plugin->options; o != NULL && o->name != NULL; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

static void unknown_setting(struct making *m, const char *name)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    const struct plugin *plugin = m->provider->plugin;

    for (const gw_option *o = plugin->options; o != NULL && o->name != NULL && count + 1 < NAMES_MAX; o++)
        names[count++] = o->name;
    names[count] = NULL;
    const char *nearest = words_nearest("provider", name, names);
    int shown = strlen(name) > 24 ? 4 : 24; /* it may be a secret in the wrong place */
    if (nearest != NULL)
        wrong(m, "unknown setting \"%.*s\" (did you mean \"%s\"?)", shown, name, nearest);
    else
        wrong(m, "unknown setting \"%.*s\" (plugin \"%s\")", shown, name, plugin->name);
}

/* Writes one setting into the plugin's JSON, and masked into what `check -T` shows. False: it has no value. */
static bool make_setting(struct making *m, const struct declare_extra *extra, const gw_option *option,
                         struct json_writer *w, struct buf *masked)
{
    struct link *l = m->link;
    if (extra->wrong != NULL) {
        wrong(m, "%s %s", extra->name, extra->wrong);
        return false;
    }
    bool wants_secret = option->flags & GW_OPTION_SECRET, is_secret = extra->json.ptr == NULL;

    if (option->flags & GW_OPTION_NAMED) {
        wrong(m, "\"%s\" is a secret by name: secrets = { %s = env \"NAME\" }", extra->name, extra->name);
        return false;
    }
    if (wants_secret != is_secret && !extra->empty_table) {
        if (wants_secret)
            wrong(m, "%s takes env \"NAME\" or file \"path\", not the secret itself", extra->name);
        else
            wrong(m, "%s is not a secret: write its value", extra->name);
        return false;
    }
    buf_printf(masked, "%s = ", extra->name);
    json_key(w, text_of(extra->name));
    if (is_secret) {
        const char *why, *from = secret_name(&extra->secret, l->arena);
        struct text value;
        enum secret_state state = secret_read(&extra->secret, l->folder, &l->scratch, &value, &why);
        if (state == SECRET_BAD)
            wrong(m, "%s: %s %s", extra->name, from, why);
        else if (state == SECRET_UNSET && m->provider->off == NULL)
            m->provider->off = arena_printf(l->arena, "%s is not set", from);
        json_put_str(w, state == SECRET_READ ? value : TEXT("")); /* when off it is checked, never opened */
        if (state == SECRET_READ)
            crypto_wipe((void *)(uintptr_t)value.ptr, value.len);
        buf_str(masked, from);
    } else {
        struct text json = extra->json;
        if (extra->empty_table)
            json = option->type == GW_JSON_OBJECT ? TEXT("{}") : TEXT("[]");
        json_put_trusted(w, json);
        lua_text_json(masked, json_parse(&l->scratch, json, NULL));
    }
    return true;
}

static void make_settings(struct making *m, struct buf *json)
{
    struct link *l = m->link;
    const struct declare_extras *said = &m->said->extras;
    struct json_writer w;
    struct buf masked;
    struct fail fail;
    bool whole = true;

    buf_init(&masked, SETTINGS_MAX);
    json_writer_init(&w, json);
    json_object(&w);
    for (size_t i = 0; i < said->count; i++) {
        const gw_option *option = find_option(m->provider->plugin, said->items[i].name);
        if (option == NULL)
            unknown_setting(m, said->items[i].name);
        if (masked.len > 0)
            buf_str(&masked, ", ");
        if (option == NULL || !make_setting(m, &said->items[i], option, &w, &masked))
            whole = false;
    }
    if (m->provider->service != NULL && said_service(m).ptr == NULL) {
        struct text name = text_of(m->provider->service->name);
        json_name(&w, "service");
        json_put_str(&w, name);
        buf_printf(&masked, "%sservice = ", masked.len > 0 ? ", " : "");
        lua_text_string(&masked, name);
    }
    json_close(&w);
    if (json_end(&w) < 0)
        wrong(m, "its settings are too large");
    else if (whole) {
        /* A provider that is off lacks a secret, which is not worth a second complaint. */
        const struct json *settings = json_parse(&l->scratch, buf_view(json), &fail);
        if (settings == NULL || plugin_check_settings(m->provider->plugin, settings, &fail) < 0)
            wrong(m, "%s", fail.text);
    }
    if (masked.len > 0)
        m->provider->settings = arena_str(l->arena, buf_view(&masked));
    buf_free(&masked);
}
