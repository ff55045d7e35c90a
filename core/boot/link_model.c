/* link_model.c - models: names, targets and what they point at. */
#include <string.h>

#include "base/map.h"
#include "boot/link.h"
#include "money/accounts.h"
#include "money/tariff.h"

enum { NAME_MAX_LEN = 200 };

static void link_model(struct link *l, const struct declare_model *said, struct config_model *model, const char *where);
static void add_targets(struct link *l, const struct declare_model *said, const struct declare_targets *list,
                        enum config_list which, struct config_model *model, const char *where);
static const struct config_shadow *link_shadow(struct link *l, const struct declare_model *said, const char *where);
static void note_skipped(struct link *l, int line, const struct config_model *model, const char *where);
static void note_unusable(struct link *l);

static void add_lists(struct link *l, const struct declare_model *said, struct config_model *model, const char *where)
{
    const struct declare_targets *const lists[LISTS] = { [LIST_FIRST] = &said->targets,
                                                         [LIST_FALLBACK] = &said->fallback,
                                                         [LIST_OVERFLOW] = &said->overflow,
                                                         [LIST_FILTER] = &said->filter };
    size_t count = 0;
    for (unsigned i = 0; i < LISTS; i++)
        count += lists[i]->count;
    model->targets = arena_array(l->arena, struct config_target, count);
    for (unsigned i = 0; i < LISTS; i++)
        add_targets(l, said, lists[i], (enum config_list)i, model, where);
}

static bool has_target(const struct config_model *model, const struct config_target *target)
{
    for (size_t i = 0; i < model->target_count; i++)
        if (model->targets[i].provider == target->provider && text_eq(model->targets[i].model, target->model))
            return true;
    return false;
}

/* A client may ask for a target by its own name: then all of its models' budgets count, and a record has room for so many. */
static void check_shared(struct link *l, const struct config_model *last)
{
    size_t sharing = 0;
    for (size_t t = 0; t < last->target_count && last->budgets.count > 0; t++, sharing = 0)
        for (const struct config_model *m = l->config->models; m <= last; m++) {
            sharing += m->budgets.count > 0 && has_target(m, &last->targets[t]);
            if (m == last && sharing == ACCOUNTS_MODELS_MOST + 1)
                complain(&l->report->complaints, last->line,
                         "model \"%.*s\": more than %u models with a budget have the target \"%.*s/%.*s\"",
                         TEXT_ARG(last->name), ACCOUNTS_MODELS_MOST, TEXT_ARG(last->targets[t].provider->name),
                         TEXT_ARG(last->targets[t].model));
        }
}

static bool is_usable(const struct config_model *model)
{
    for (size_t i = 0; i < model->target_count; i++)
        if (model->targets[i].provider->off == NULL && model->targets[i].list <= LIST_FALLBACK)
            return true;
    return false;
}

/* No blanks, and '*' only as the last character. */
static bool is_model_name(struct text name, bool may_be_family)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] == ' ' || (name.ptr[i] == '*' && (!may_be_family || i + 1 < name.len)))
            return false;
    return name.len > 0 && name.len <= NAME_MAX_LEN;
}

/* One target of two models has one limit. */
static void share_limits(struct link *l)
{
    struct config *config = l->config;
    config->limits_all_targets = config->model_count > 0;
    for (size_t i = 0; i < config->model_count; i++)
        for (size_t t = 0; t < config->models[i].target_count; t++) {
            struct config_target *target = &config->models[i].targets[t];
            unsigned known = config_max_in_flight(config, target->provider, target->model);
            if (target->max_in_flight > 0 && known > 0 && known != target->max_in_flight)
                complain(
                    &l->report->complaints, config->models[i].line,
                    "model \"%.*s\": max_in_flight of \"%.*s/%.*s\" is not that of another model: a target has one",
                    TEXT_ARG(config->models[i].name), TEXT_ARG(target->provider->name), TEXT_ARG(target->model));
            target->max_in_flight = known;
            config->limits_all_targets = config->limits_all_targets && known > 0;
        }
}

void link_models(struct link *l)
{
    struct config *config = l->config;
    struct map seen;
    size_t count = 0;

    for (const struct declare_model *said = l->declared->models; said != NULL; said = said->next)
        count++;
    config->models = arena_array(l->arena, struct config_model, count);
    l->model_names = arena_array(&l->scratch, const char *, count + 1);
    map_init(&seen);
    for (const struct declare_model *said = l->declared->models; said != NULL; said = said->next) {
        const char *where = arena_printf(&l->scratch, "model \"%.*s\"", TEXT_ARG(said->name));
        const struct declare_model *first = map_put(&seen, said->name, (void *)(uintptr_t)said);
        if (first != NULL) {
            complain(&l->report->complaints, said->line, "%s: it was already declared in line %d", where, first->line);
            continue;
        }
        l->model_names[config->model_count] = arena_str(&l->scratch, said->name);
        link_model(l, said, &config->models[config->model_count++], where);
    }
    map_fini(&seen);
    share_limits(l);
    if (l->options->file != NULL)
        note_unusable(l);
}

static void link_model(struct link *l, const struct declare_model *said, struct config_model *model, const char *where)
{
    struct complaints *complaints = &l->report->complaints;

    if (!is_model_name(said->name, true))
        complain(complaints, said->line,
                 "%s: a model's name has no blanks, at most %d characters, and * only at its end", where, NAME_MAX_LEN);
    if (!said->complete)
        complain(complaints, said->line, "%s: its targets are missing: model \"name\" { { \"provider/model\" } }",
                 where);

    model->name = arena_text(l->arena, said->name);
    model->file = l->file_name;
    model->line = said->line;
    model->timeouts = said->timeouts;
    model->attempts = said->retry.attempts;
    model->slow_tokens = said->slow.tokens;
    for (unsigned i = STRATEGY_ORDER; i < STRATEGIES; i++)
        if (text_is(said->strategy, config_strategy_name((enum config_strategy)i)))
            model->strategy = (enum config_strategy)i;
    model->shadow = link_shadow(l, said, where);
    model->sticky = text_is(said->sticky, "conversation");
    if (model->sticky && (model->strategy == STRATEGY_LEAST_BUSY || model->strategy == STRATEGY_LOWEST_LATENCY))
        complain(complaints, said->line,
                 "%s: sticky = \"conversation\" does not go with strategy = \"%.*s\": take out one of the two", where,
                 TEXT_ARG(said->strategy));
    model->lossy_refuse = text_is(said->lossy, "refuse");
    model->no_cache = !said->cache;
    model->min_output = said->min_output;
    model->most_nano = said->most;
    model->budgets = link_budgets(l, &said->budgets, said->line, arena_printf(&l->scratch, "%s: budget", where));
    add_lists(l, said, model, where);
    check_shared(l, model);
    if (l->options->file != NULL)
        note_skipped(l, said->line, model, where);
}

/* What still answers, though not from where it was meant to. A model of which nothing is left is named
 * with the others, by note_unusable(). */
static void note_skipped(struct link *l, int line, const struct config_model *model, const char *where)
{
    for (size_t i = 0; i < model->target_count && is_usable(model); i++)
        if (model->targets[i].provider->off != NULL)
            complain(&l->report->notes, line, "%s: the target \"%.*s/%.*s\" is skipped: its provider is off", where,
                     TEXT_ARG(model->targets[i].provider->name), TEXT_ARG(model->targets[i].model));
}

/* One line for all of them: where no key is set, that is most of the file. */
static void note_unusable(struct link *l)
{
    struct buf names;
    buf_init(&names, 16 << 10);
    for (size_t i = 0; i < l->config->model_count; i++) {
        const struct config_model *model = &l->config->models[i];
        if (model->target_count > 0 && !is_usable(model))
            buf_printf(&names, "%s%.*s", names.len > 0 ? ", " : "", TEXT_ARG(model->name));
    }
    if (names.len > 0)
        complain(&l->report->notes, 0, "no provider of these models is in use: %.*s", TEXT_ARG(buf_view(&names)));
    buf_free(&names);
}

/* The declared provider, also one that could not be made. */
static const struct config_provider *find_provider(const struct link *l, struct text name)
{
    for (size_t i = 0; i < l->config->provider_count; i++)
        if (text_is(name, l->provider_names[i]))
            return &l->config->providers[i];
    return NULL;
}

static void unknown_provider(struct link *l, int line, const char *where, struct text provider)
{
    const char *nearest = text_nearest(provider, l->provider_names);
    if (nearest != NULL)
        complain(&l->report->complaints, line, "%s: there is no provider \"%.*s\" (did you mean \"%s\"?)", where,
                 TEXT_ARG(provider), nearest);
    else
        complain(&l->report->complaints, line, "%s: there is no provider \"%.*s\"", where, TEXT_ARG(provider));
}

const struct tariff *link_price(struct link *l, const struct tariff *said)
{
    if (said == NULL)
        return NULL;
    struct tariff *price = arena_new(l->arena, struct tariff);
    *price = *said;
    return price;
}

static const struct config_shadow *link_shadow(struct link *l, const struct declare_model *said, const char *where)
{
    struct text rest = said->shadow.target, name = text_cut(&rest, '/');
    struct config_shadow *shadow = arena_new(l->arena, struct config_shadow);
    if (said->shadow.target.ptr == NULL)
        return NULL;
    *shadow = (struct config_shadow){ .provider = find_provider(l, name),
                                      .target = arena_text(l->arena, said->shadow.target),
                                      .tag = link_shadow_tag(l, said),
                                      .sample = said->shadow.sample };
    if (!is_model_name(rest, false))
        complain(&l->report->complaints, said->line,
                 "%s: shadow: the target \"%.*s\" is not written \"provider/model\"", where,
                 TEXT_ARG(said->shadow.target));
    else if (shadow->provider == NULL)
        unknown_provider(l, said->line, arena_printf(&l->scratch, "%s: shadow", where), name);
    return shadow;
}

static void add_targets(struct link *l, const struct declare_model *said, const struct declare_targets *list,
                        enum config_list which, struct config_model *model, const char *where)
{
    struct complaints *complaints = &l->report->complaints;

    for (size_t i = 0; i < list->count; i++) {
        struct text rest = list->items[i].name, name = rest;
        struct text provider_name = text_cut(&rest, '/');
        if (rest.len == 0) {
            complain(complaints, said->line, "%s: the target \"%.*s\" is not written \"provider/model\"", where,
                     TEXT_ARG(name));
            continue;
        }
        const struct config_provider *provider = find_provider(l, provider_name);
        if (provider == NULL) {
            unknown_provider(l, said->line, where, provider_name);
            continue;
        }
        if (!text_is(rest, "*") && !is_model_name(rest, false)) {
            complain(complaints, said->line,
                     "%s: in the target \"%.*s\" a model's name must follow the slash, or * alone", where,
                     TEXT_ARG(name));
            continue;
        }
        unsigned most = list->items[i].max_in_flight;
        if (most > 0 && text_is(rest, "*"))
            complain(
                complaints, said->line,
                "%s: max_in_flight of \"%.*s\": write the model's name after the slash, for it is the limit of one",
                where, TEXT_ARG(name));
        l->config->limits_targets = l->config->limits_targets || most > 0;
        bool weighs = list->items[i].weight != DECLARE_NO_WEIGHT;
        unsigned weight = weighs ? list->items[i].weight : 1;
        if (weighs && said->strategy.ptr == NULL)
            model->strategy = STRATEGY_WEIGHTED;
        model->targets[model->target_count++] =
            (struct config_target){ .provider = provider,
                                    .model = arena_text(l->arena, rest),
                                    .list = which,
                                    .weight = weight,
                                    .max_in_flight = most,
                                    .context_tokens = list->items[i].context_tokens,
                                    .price = link_price(l, list->items[i].price),
                                    .region = arena_text(l->arena, list->items[i].region),
                                    .retention = arena_text(l->arena, list->items[i].retention) };
    }
}
