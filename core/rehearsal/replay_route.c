/* replay_route.c - targets of recorded requests: what gateway.lua states of them today. Their health and load of that moment are not known. */
#include "rehearsal/replay_route.h"

struct text replay_target_name(struct arena *arena, const struct script_target *t)
{
    return text_of(arena_printf(arena, "%.*s/%.*s", TEXT_ARG(t->provider), TEXT_ARG(t->model)));
}

static bool is_in(const struct text *list, size_t count, struct text value)
{
    for (size_t i = 0; i < count; i++)
        if (text_eq(list[i], value))
            return true;
    return count == 0;
}

static bool may_answer(const struct config *config, struct text team, const struct config_target *t)
{
    for (size_t i = 0; i < config->team_count; i++) {
        const struct config_team *of = &config->teams[i];
        if (text_eq(of->name, team))
            return is_in(of->regions, of->region_count, t->region) &&
                   is_in(of->retentions, of->retention_count, t->retention);
    }
    return true;
}

struct script_targets *replay_targets(struct arena *arena, const struct config *config, struct text model,
                                      const struct past_request *r)
{
    const struct config_model *m = config_model(config, model);
    m = m != NULL ? m : config_family(config, model);
    if (m == NULL)
        return NULL;
    struct script_targets *out = arena_new(arena, struct script_targets);
    out->items = arena_array(arena, struct script_target, m->target_count + 1);
    out->count = 1; /* the first has its place */
    for (size_t i = 0; i < m->target_count; i++) {
        const struct config_target *t = &m->targets[i];
        struct script_target target = { .provider = t->provider->name,
                                        .model = text_is(t->model, "*") ? model : t->model,
                                        .role = t->list == LIST_FIRST ? "target" : "fallback",
                                        .region = t->region,
                                        .retention = t->retention,
                                        .cost_nano = -1 };
        bool first = text_eq(replay_target_name(arena, &target), r->first);
        if (first)
            out->items[0] = target;
        else if (t->list <= LIST_FALLBACK && may_answer(config, r->team, t))
            out->items[out->count++] = target;
    }
    return out->items[0].provider.ptr != NULL ? out : NULL;
}
