/* route.c - which targets may answer, in which order: the model as configured, a provider's own model, or a family. */
#include <string.h>

#include "base/json.h"
#include "flow/policy.h"
#include "flow/way.h"
#include "money/accounts.h"

/* Relayed where the upstream speaks the client's dialect; translated where the face has a canonical form. */
static bool serves(const struct request *req, const struct config_provider *provider)
{
    const gw_provider_ops *ops = &provider->plugin->provider;
    if (req->operation == GW_OP_COUNT_TOKENS) /* who cannot count is estimated */
        return (ops->operations & (GW_OP_CHAT | GW_OP_COUNT_TOKENS)) != 0;
    return (ops->operations & req->operation) != 0 &&
           ((way_dialects(provider) & req->face->dialect->bit) != 0 || req->face->canonical != NULL);
}

static bool is_in(const struct text *words, size_t count, struct text word)
{
    for (size_t i = 0; i < count; i++)
        if (text_eq(words[i], word))
            return true;
    return count == 0;
}

/* What is not stated is not allowed where the team requires something. `t` NULL: nothing is stated. */
static bool is_allowed(const struct config_team *team, const struct config_target *t)
{
    return is_in(team->regions, team->region_count, t != NULL ? t->region : TEXT_NONE) &&
           is_in(team->retentions, team->retention_count, t != NULL ? t->retention : TEXT_NONE);
}

static bool add_target(struct request *req, const struct config_provider *provider, struct text model, bool configured,
                       bool fallback)
{
    if (provider->off != NULL) {
        way_debug(req, "the provider \"%s\" is off: %s", provider->name.ptr, provider->off);
        req->off_targets++;
        return false;
    }
    if (!serves(req, provider)) {
        req->unsupported_targets++;
        return false;
    }
    req->targets[req->target_count++] = (struct route_target){ .provider = provider,
                                                               .model = model,
                                                               .configured = configured,
                                                               .fallback = fallback || req->off_targets > 0,
                                                               .reserve = fallback,
                                                               .weight = 1,
                                                               .price = provider->price };
    return true;
}

static enum next unknown(struct request *req)
{
    error_param(&req->fail, E_MODEL, TEXT("model"), "the model \"%.*s\" does not exist or this key may not use it",
                (int)(req->ask.model.len < 120 ? req->ask.model.len : 120), req->ask.model.ptr);
    return FAIL;
}

static void add_configured(struct request *req, const struct config_target *t)
{
    bool named = !text_is(t->model, "*");
    if (!is_allowed(req->team, t)) {
        req->barred_targets++;
        return;
    }
    if (!add_target(req, t->provider, named ? t->model : req->ask.model, named, t->list != LIST_FIRST))
        return;
    struct route_target *added = &req->targets[req->target_count - 1];
    added->weight = t->weight;
    added->max_in_flight = named ? t->max_in_flight : config_max_in_flight(req->config, t->provider, added->model);
    added->price = t->price != NULL ? t->price : added->price;
    added->context_tokens = t->context_tokens;
    added->region = t->region;
    added->retention = t->retention;
}

static void by_model(struct request *req, const struct config_model *model)
{
    req->targets = arena_array(&req->arena, struct route_target, model->target_count + 1);
    for (size_t i = 0; i < model->target_count; i++)
        if (model->targets[i].list <= LIST_FALLBACK)
            add_configured(req, &model->targets[i]);
    req->timeouts = model->timeouts;
    req->attempts_max = model->attempts;
    req->model = model;
}

static bool has_target(const struct config_model *m, const struct config_provider *provider, struct text model)
{
    for (size_t i = 0; i < m->target_count; i++)
        if (m->targets[i].provider == provider && text_eq(m->targets[i].model, model))
            return true;
    return false;
}

/* The family with the longest name that sends this name to the provider as it is; NULL: none does. */
static const struct config_model *family_at(const struct request *req, const struct config_provider *provider,
                                            struct text model)
{
    const struct config_model *best = NULL;
    for (size_t i = 0; i < req->config->model_count; i++) {
        const struct config_model *m = &req->config->models[i];
        if (text_matches(model, m->name) && has_target(m, provider, TEXT("*")) &&
            (best == NULL || m->name.len > best->name.len))
            best = m;
    }
    return best;
}

/* Whose budgets count although nobody names them: those that have one come first, as a record has room for so many. */
static void find_models(struct request *req, const struct config_provider *provider, struct text model)
{
    const struct config_model *family = family_at(req, provider, model);
    req->target_of = arena_array(&req->arena, struct text, ACCOUNTS_MODELS_MOST);
    req->target_of_count = 0;
    for (int turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < req->config->model_count && req->target_of_count < ACCOUNTS_MODELS_MOST; i++) {
            const struct config_model *m = &req->config->models[i];
            if ((m->budgets.count > 0) == (turn == 0) && (m == family || has_target(m, provider, model)))
                req->target_of[req->target_of_count++] = m->name;
        }
}

static void by_provider(struct request *req, const struct config_provider *provider, struct text model)
{
    req->targets = arena_array(&req->arena, struct route_target, 1);
    if (req->shadow.len == 0 && !is_allowed(req->team, NULL))
        req->barred_targets++;
    else if (add_target(req, provider, model, false, false))
        req->targets->max_in_flight = config_max_in_flight(req->config, provider, model);
    if (req->worker->gateway->ledger != NULL)
        find_models(req, provider, model);
    req->attempts_max = CONFIG_DEFAULT_ATTEMPTS;
}

/* Attempts point to the targets before: the list is a new one. */
bool route_turn(struct request *req, enum config_list list)
{
    const struct config_model *model = req->model;
    size_t kept = req->target_next, most = kept;
    if (model == NULL || req->list != LIST_FIRST || req->pin.state != PIN_NONE)
        return false;
    for (size_t i = 0; i < model->target_count; i++)
        most += model->targets[i].list == list;
    struct route_target *tried = req->targets;
    if (most == kept)
        return false;
    req->targets = arena_array(&req->arena, struct route_target, most);
    memcpy(req->targets, tried, kept * sizeof *tried);
    req->target_count = kept;
    req->list = list;
    for (size_t i = 0; i < model->target_count; i++)
        if (model->targets[i].list == list)
            add_configured(req, &model->targets[i]);
    way_debug(req, "goes to the list %s: %zu of its targets may answer", config_list_name(list),
              req->target_count - kept);
    return req->target_count > kept;
}

/* Without a configuration file, bare names go by the providers' own patterns. */
static const struct config_provider *by_prefix(const struct config *config, struct text name)
{
    for (size_t i = 0; i < config->provider_count; i++) {
        const struct config_provider *p = &config->providers[i];
        struct text patterns = text_of(p->service != NULL ? p->service->models : p->plugin->provider.models);
        while (p->off == NULL && patterns.len > 0) {
            struct text pattern = text_cut(&patterns, ' ');
            if (pattern.len > 0 && text_matches(name, pattern))
                return p;
        }
    }
    return NULL;
}

bool route_find(const struct config *config, struct text name, struct route_place *place)
{
    struct text rest = name, head = text_cut(&rest, '/');
    *place = (struct route_place){ .model = config_model(config, name), .rest = rest };
    if (place->model == NULL && rest.len > 0)
        place->provider = config_provider(config, head);
    if (place->model == NULL && place->provider == NULL)
        place->model = config_family(config, name);
    if (place->model == NULL && place->provider == NULL && config->prefix_routing) {
        place->provider = by_prefix(config, name);
        place->rest = name;
    }
    return place->model != NULL || place->provider != NULL;
}

static const struct door_header estimated = { "x-gw-estimated", "true" };

enum next route_estimate_tokens(struct request *req)
{
    if (req->ask.body.len > 0 &&
        json_check(req->ask.body, &req->fail) < 0) /* no upstream sees it, which would refuse it */
        return FAIL;
    req->face->fold_end(&req->answer, &req->body_out);
    req->body_note = &estimated;
    return answer_own(req);
}

/* Services let a request name more models than "model": the key must be allowed each of them, at each target. */
static enum next check_choices(struct request *req)
{
    bool all = config_key_may(req->team, req->key, TEXT("*"));
    for (const struct ask_choice *c = all ? NULL : req->ask.choice; c != NULL; c = c->next) {
        for (size_t i = 0; i < req->target_count && c->model.ptr != NULL; i++) {
            const struct config_provider *p = req->targets[i].provider;
            char *name = arena_printf(&req->arena, "%.*s/%.*s", TEXT_ARG(p->name), TEXT_ARG(c->model));
            if (config_key_may(req->team, req->key, text_of(name)))
                continue;
            error_param(&req->fail, E_MODEL, text_of(c->member),
                        "%s names the model \"%.*s\", which this key may not use", c->member,
                        (int)(c->model.len < 120 ? c->model.len : 120), c->model.ptr);
            return FAIL;
        }
        if (c->model.ptr == NULL) {
            error_param(
                &req->fail, E_PARAMETER, text_of(c->member),
                "%s can choose a model that this key may not use: leave it out, or ask the gateway's operator for a key "
                "without a list of models",
                c->member);
            return FAIL;
        }
    }
    return NEXT;
}

/* That target, also where a model is called as it is. */
static void find_shadow(const struct request *req, struct route_place *place)
{
    struct text rest = req->shadow, head = text_cut(&rest, '/');
    *place = (struct route_place){ .provider = config_provider(req->config, head), .rest = rest };
}

/* Row "route". */
enum next route_run(struct request *req)
{
    struct route_place place;
    req->list = LIST_FIRST;
    if (req->shadow.len > 0)
        find_shadow(req, &place);
    else if ((!policy_has_routed(req) && !policy_asks(req) && !config_key_may(req->team, req->key, req->ask.model)) ||
             !route_find(req->config, req->ask.model, &place))
        return unknown(req);
    if (place.model == NULL && place.provider == NULL)
        return unknown(req);
    if (place.model != NULL)
        by_model(req, place.model);
    else
        by_provider(req, place.provider, place.rest);
    if (req->target_count == 0 && req->barred_targets > 0) {
        error_param(
            &req->fail, E_MODEL, TEXT("model"),
            "the model \"%.*s\" has no target in the region, or with the retention, that the team \"%.*s\" requires",
            (int)(req->ask.model.len < 120 ? req->ask.model.len : 120), req->ask.model.ptr, TEXT_ARG(req->team->name));
        return FAIL;
    }
    if (req->target_count == 0 && req->unsupported_targets > 0) {
        error_set(
            &req->fail, E_PATH,
            "the model \"%.*s\" is served by a provider that does not have %.*s, and this version does not translate it: "
            "use /v1/chat/completions or /v1/messages",
            (int)(req->ask.model.len < 120 ? req->ask.model.len : 120), req->ask.model.ptr, TEXT_ARG(req->path));
        return FAIL;
    }
    if (req->target_count == 0) {
        error_set(&req->fail, E_UPSTREAM,
                  "no provider of the model \"%.*s\" is in use: the operator must set its secret",
                  (int)(req->ask.model.len < 120 ? req->ask.model.len : 120), req->ask.model.ptr);
        req->fail.kind = FAIL_OPERATOR;
        req->fail.should_retry = 0;
        return FAIL;
    }
    if (check_choices(req) == FAIL || pin_apply(req) == FAIL)
        return FAIL;
    if (req->operation == GW_OP_COUNT_TOKENS &&
        ((req->targets[0].provider->plugin->provider.operations & GW_OP_COUNT_TOKENS) == 0 || policy_hides(req)))
        return route_estimate_tokens(req);
    return NEXT;
}
