/* rules.c - the budgets of a configuration, one after the other. */
#include "boot/rules.h"

#include <stdlib.h>

#include "base/fail.h"

/* `out` NULL: they are only counted. */
static void add(const struct config_budgets *budgets, enum account_kind kind, struct text id, struct accounts_rule *out,
                size_t *count)
{
    for (size_t i = 0; i < budgets->count; i++, ++*count)
        if (out != NULL)
            out[*count] = (struct accounts_rule){ kind, id, &budgets->items[i] };
}

static size_t list(const struct config *config, struct accounts_rule *out)
{
    size_t count = 0;
    add(&config->budgets, ACCOUNT_ALL, TEXT("all"), out, &count);
    for (size_t i = 0; i < config->team_count; i++) {
        add(&config->teams[i].budgets, ACCOUNT_TEAM, config->teams[i].name, out, &count);
        add(&config->teams[i].of_user, ACCOUNT_USER, config->teams[i].name, out, &count);
        add(&config->teams[i].of_session, ACCOUNT_SESSION, config->teams[i].name, out, &count);
    }
    for (size_t i = 0; i < config->key_count; i++) {
        add(&config->keys[i].budgets, ACCOUNT_KEY, config->keys[i].name, out, &count);
        add(&config->keys[i].of_session, ACCOUNT_KEY_SESSION, config->keys[i].name, out, &count);
    }
    for (size_t i = 0; i < config->project_count; i++)
        add(&config->projects[i].budgets, ACCOUNT_PROJECT, config->projects[i].name, out, &count);
    for (size_t i = 0; i < config->tag_count; i++)
        add(&config->tags[i].budgets, ACCOUNT_TAG, config->tags[i].name, out, &count);
    for (size_t i = 0; i < config->model_count; i++)
        add(&config->models[i].budgets, ACCOUNT_MODEL, config->models[i].name, out, &count);
    for (size_t i = 0; i < config->provider_count; i++)
        add(&config->providers[i].budgets, ACCOUNT_PROVIDER, config->providers[i].name, out, &count);
    return count;
}

struct accounts_rule *rules_of(const struct config *config, size_t *count)
{
    *count = list(config, NULL);
    struct accounts_rule *rules = calloc(*count + 1, sizeof *rules);
    BUG_IF(rules == NULL);
    list(config, rules);
    return rules;
}
