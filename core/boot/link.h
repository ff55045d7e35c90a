/* link.h - joins what gateway.lua declared into the snapshot. Boot thread. */
#ifndef BOOT_LINK_H
#define BOOT_LINK_H

#include "base/arena.h"
#include "base/buf.h"
#include "boot/complain.h"
#include "boot/declare.h"
#include "boot/load.h"
#include "config/config.h"

/* One linking. */
struct link {
    const struct declared *declared;
    const struct load_options *options;
    struct load_report *report;
    struct config *config;
    struct arena *arena;   /* of the snapshot */
    struct arena scratch;  /* gone when the snapshot is made */
    const char *folder;    /* where relative paths begin */
    const char *file_name; /* as complaints name it, arena of the snapshot */
    struct buf *settings;  /* of each provider, by index: JSON for its plugin, with secrets */
    /* For "did you mean", NULL-terminated. */
    const char **provider_names, **model_names;
};

/* The whole of it: complaints go to the report. The plugins' instances are not open yet. `arena` of `l`
 * is config->arena. */
void link_all(struct link *l);
/* Wipes and frees what only the linking needed. */
void link_fini(struct link *l);

/* A path of gateway.lua, which begins at its folder unless it is absolute. Arena of the snapshot. */
const char *link_path(struct link *l, struct text path);

/* Its parts, in this order. link_provider.c, link_model.c, link_key.c, link_budget.c, link_web.c,
 * link_ledger.c, link_cache.c */
void link_providers(struct link *l);
void link_models(struct link *l);
void link_teams(struct link *l);
void link_keys(struct link *l);
void link_web(struct link *l);
void link_ledger(struct link *l);
void link_cache(struct link *l);
/* link_capture.c, after teams and ledger */
void link_capture(struct link *l);
void link_counters(struct link *l);
/* link_cache.c: config->policy_digest, after link_check_policies(): it has what they require. */
void link_digest_policies(struct config *config);
void link_labels(struct link *l);
/* link_key.c: the team of that name; NULL. */
const struct config_team *link_team(const struct config *config, struct text name);
void link_policies(struct link *l);
/* link_policy.c: loads each policy once, after config_seal(). */
void link_check_policies(struct link *l);
/* The budgets that were declared, arena. `where`: 'team "x": budget', for complaints. link_budget.c */
struct declare_model;
/* The tag of the copies of a model's requests. Arena. */
struct text link_shadow_tag(struct link *l, const struct declare_model *model);
struct config_budgets link_budgets(struct link *l, const struct declare_budgets *declared, int line, const char *where);

/* link_warn.c: what is allowed and most likely a slip, with what to do. `format` begins with whose it is. */
void link_warn(struct link *l, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A base URL that ends in an operation's path, or lacks or repeats the /v1 of the `usual` one (may be NULL). */
void link_warn_url(struct link *l, int line, const char *where, struct text url, const char *usual);
/* A secret in quotes, with blanks around it or a scheme before it; a file of a secret that others may read or write. */
void link_warn_secret(struct link *l, int line, const char *where, const struct declare_secret *secret,
                      struct text value);
/* link_secret.c: secrets by name, into provider->named. Complains about names that its plugin does not know, and those that it
 * needs; the provider is off where one of these is not set. */
void link_named_secrets(struct link *l, int line, const char *where, const struct declare_secrets *said,
                        struct config_provider *provider);
/* gateway.lua itself: others may write it, or it declares nothing that could answer. */
void link_warn_file(struct link *l);
/* link_unused.c: keys of known services that are in the environment while no provider of the file asks for them. */
void link_note_unused_keys(struct link *l);

/* For the parts: [A-Za-z0-9][A-Za-z0-9_.-]*, at most 64; small letters only when `small`. */
bool link_is_name(struct text name, bool small);
/* The same without a complaint. */
const struct plugin *link_look_for_plugin(struct link *l, struct text name, struct fail *fail);
/* link_service.c: the service of that name of a plugin, of one that `plugins` names or that is found in a folder; NULL
 * when there is none. */
const gw_service *link_find_service(struct link *l, struct text name, const struct plugin **plugin);
/* What to write in braces for a service that only has an OpenAI-compatible API here, scratch; NULL: it is not known. */
const char *link_compatible_form(struct link *l, struct text name);
/* The one of this plugin; NULL when it has none of that name. */
/* A copy that the snapshot owns; NULL of NULL. */
const struct tariff *link_price(struct link *l, const struct tariff *said);
const gw_service *link_service_of(const struct plugin *plugin, struct text name);
/* The plugin of that name, loaded; NULL after a complaint at `line` that begins with `where`. */
const struct plugin *link_find_plugin(struct link *l, int line, const char *where, struct text name);

#endif
