/* link_secret.c - secrets by name: secrets = { access_key_id = env "…" }, for a plugin that declares which it knows. */
#include <string.h>

#include "base/crypto.h"
#include "boot/link.h"
#include "boot/secret.h"
#include "plugin/plugin.h"

/* One provider's secrets on their way into the snapshot. */
struct naming {
    struct link *link;
    int line;
    const char *where; /* `provider "mine"` */
    struct config_provider *provider;
};

static void wrong(const struct naming *n, const char *text)
{
    complain(&n->link->report->complaints, n->line, "%s: %s", n->where, text);
}

static const gw_option *find(const struct plugin *plugin, const char *name)
{
    for (const gw_option *o = plugin->options; o != NULL && o->name != NULL; o++)
        if ((o->flags & GW_OPTION_NAMED) && strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

static void unknown(const struct naming *n, const char *name)
{
    enum { MOST = 32 };
    const struct plugin *plugin = n->provider->plugin;
    const char *names[MOST + 1];
    size_t count = 0;

    for (const gw_option *o = plugin->options; o != NULL && o->name != NULL && count < MOST; o++)
        if (o->flags & GW_OPTION_NAMED)
            names[count++] = o->name;
    names[count] = NULL;
    const char *near = text_nearest(text_of(name), names);
    if (count == 0)
        wrong(n, arena_printf(
                     &n->link->scratch,
                     "secrets: the plugin %s knows no secrets by name: write secrets = { env \"NAME\" }, or secret",
                     plugin->name));
    else
        wrong(n,
              arena_printf(&n->link->scratch, "secrets: the plugin %s knows no \"%.64s\"; %s%s%s", plugin->name, name,
                           near != NULL ? "did you mean \"" : "llm-gateway plugin check lists those that it knows",
                           near != NULL ? near : "", near != NULL ? "\"?" : ""));
}

/* One that need not be there and is not set is as if it were not written: a token that only some accounts have. */
static void take(const struct naming *n, const struct declare_secret *from, const gw_option *option)
{
    struct link *l = n->link;
    struct config_secret *secret = &n->provider->named[n->provider->named_count];
    const char *why;

    secret->name = arena_str(l->arena, text_of(option->name));
    secret->from = secret_name(from, l->arena);
    enum secret_state state = secret_read(from, l->folder, l->arena, &secret->value, &why);
    if (state == SECRET_UNSET) {
        if ((option->flags & GW_OPTION_REQUIRED) && n->provider->off == NULL)
            n->provider->off = arena_printf(l->arena, "%s is not set", secret->from);
        return;
    }
    n->provider->named_count++; /* from here on config_unref() wipes it */
    if (state == SECRET_BAD)
        wrong(n, arena_printf(&l->scratch, "secrets: %s: %s %s", option->name, secret->from, why));
    else if (!secret_fits_header(secret->value))
        wrong(n, arena_printf(&l->scratch, "secrets: %s: %s holds a control character", option->name, secret->from));
    else
        link_warn_secret(l, n->line, n->where, from, secret->value);
}

static bool is_given(const struct declare_secrets *said, const char *name)
{
    for (size_t i = 0; i < said->count; i++)
        if (strcmp(said->names[i], name) == 0)
            return true;
    return false;
}

void link_named_secrets(struct link *l, int line, const char *where, const struct declare_secrets *said,
                        struct config_provider *provider)
{
    const struct naming n = { l, line, where, provider };
    const char **wanted = arena_array(l->arena, const char *, said->count);
    const char **names = arena_array(l->arena, const char *, said->count);

    provider->named = arena_array(l->arena, struct config_secret, said->count);
    provider->wanted = wanted;
    provider->wanted_names = names;
    provider->wanted_count = said->count;
    for (size_t i = 0; i < said->count; i++) {
        const gw_option *option = find(provider->plugin, said->names[i]);
        wanted[i] = secret_name(&said->items[i], l->arena);
        names[i] = arena_str(l->arena, text_of(said->names[i]));
        if (option == NULL)
            unknown(&n, said->names[i]);
        else
            take(&n, &said->items[i], option);
    }
    for (const gw_option *o = provider->plugin->options; o != NULL && o->name != NULL; o++)
        if ((o->flags & GW_OPTION_NAMED) && (o->flags & GW_OPTION_REQUIRED) && !is_given(said, o->name))
            wrong(&n, arena_printf(&l->scratch, "secrets: \"%s\" is missing: %s", o->name,
                                   o->help != NULL ? o->help : "a secret"));
}
