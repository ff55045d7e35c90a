/* stage.c - the policies that a test runs: one, or all of gateway.lua. */
#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "rehearsal/rehearsal.h"
#include "rehearsal/world.h"

enum { SOURCE_MOST = 1 << 20 };

const char *rehearsal_test_of(struct arena *arena, const char *policy)
{
    size_t len = strlen(policy);
    if (len > 4 && strcmp(policy + len - 4, ".lua") == 0)
        len -= 4;
    return arena_printf(arena, "%.*s_test.lua", (int)len, policy);
}

const char *rehearsal_path(struct arena *arena, const struct config *config, const struct config_policy *policy)
{
    const char *folder = config->file != NULL ? strrchr(config->file, '/') : NULL;
    if (strncmp(policy->file, "...", 3) == 0 || !text_ends(text_of(policy->file), TEXT(".lua")) ||
        (config->file != NULL && strcmp(policy->file, folder != NULL ? folder + 1 : config->file) == 0))
        return NULL;
    if (policy->file[0] == '/' || folder == NULL)
        return arena_printf(arena, "%s", policy->file);
    return arena_printf(arena, "%.*s/%s", (int)(folder - config->file), config->file, policy->file);
}

const struct config_policy *rehearsal_known(struct arena *arena, const struct config *config, const char *path)
{
    char want[PATH_MAX], is[PATH_MAX];
    if (realpath(path, want) == NULL)
        return NULL;
    for (size_t i = 0; i < config->policy_count; i++) {
        const char *at = rehearsal_path(arena, config, &config->policies[i]);
        if (at != NULL && realpath(at, is) != NULL && strcmp(want, is) == 0)
            return &config->policies[i];
    }
    return NULL;
}

static const char *stem_of(struct arena *arena, const char *path)
{
    const char *name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    size_t len = strlen(name);
    if (len > 4 && strcmp(name + len - 4, ".lua") == 0)
        len -= 4;
    return arena_printf(arena, "%.*s", (int)len, name);
}

int rehearsal_policy(struct arena *arena, const struct config_policy *block, const char *path,
                     struct config_policy *policy)
{
    struct buf source;
    *policy = block != NULL ? *block
                            : (struct config_policy){ .args = TEXT("{}"),
                                                      .cpu_ns = CONFIG_POLICY_CPU_NS,
                                                      .wait_ns = CONFIG_POLICY_WAIT_NS,
                                                      .llm_wait_ns = CONFIG_POLICY_LLM_WAIT_NS,
                                                      .memory_bytes = CONFIG_POLICY_MEMORY,
                                                      .retries = CONFIG_POLICY_RETRIES_MOST,
                                                      .name = stem_of(arena, path) };
    policy->observe = policy->skip = false;
    policy->hooks = 0;
    policy->file = arena_printf(arena, "%s", path);
    const char *slash = strrchr(path, '/');
    policy->folder = slash != NULL ? arena_printf(arena, "%.*s", (int)(slash - path), path) : ".";
    policy->modules = NULL;
    policy->reads = arena;
    buf_init(&source, SOURCE_MOST);
    int result = file_read(path, &source);
    if (result == 0)
        policy->source = arena_text(arena, buf_view(&source));
    buf_free(&source);
    return result;
}

static void read_policy(lua_State *L, struct world *w, struct stage *s, const char *file)
{
    const char *path = file[0] == '/' ? file : arena_printf(&w->arena, "%s%s", w->folder, file);
    const struct config_policy *known = rehearsal_known(&w->arena, w->base, path);
    s->own = known == NULL;
    if (rehearsal_policy(&w->arena, known, path, &s->policy) < 0)
        luaL_error(L, "%s cannot be read: %s", path, strerror(errno));
    /* Each request of the test is for it. */
    s->policy.models = s->policy.teams = NULL;
    s->policy.model_count = s->policy.team_count = 0;
    s->policy.kinds = 0;
}

void stage_declare(struct world *w, struct stage *s)
{
    struct config_team *teams = arena_array(&w->of_case, struct config_team, w->base->team_count + w->team_count + 1);
    if (w->base->team_count > 0)
        memcpy(teams, w->base->teams, w->base->team_count * sizeof *teams);
    for (size_t i = 0; i < w->team_count; i++)
        teams[w->base->team_count + i].name = w->teams[i];
    if (s->config.policy_count == 1 && s->config.policies == &s->policy) {
        s->config.teams = teams;
        s->config.team_count = w->base->team_count + w->team_count;
    }
    if (!s->own)
        return;
    struct config_place *places = arena_array(&w->of_case, struct config_place, w->place_count + 1);
    for (size_t i = 0; i < w->place_count; i++)
        places[i] = (struct config_place){ .name = w->places[i], .url = TEXT("https://test.invalid") };
    s->policy.places = places;
    s->policy.place_count = w->place_count;
    s->policy.llms = arena_array(&w->of_case, struct text, w->llm_count + 1);
    memcpy(s->policy.llms, w->llms, w->llm_count * sizeof *w->llms);
    s->policy.llm_count = w->llm_count;
}

void stage_open(lua_State *L, struct stage *s)
{
    struct world *w = world_of(L);
    struct fail fail;
    if (s->worker != NULL)
        return;
    stage_declare(w, s);
    s->worker = script_open(&s->config, w->shared, &fail);
    if (s->worker == NULL)
        luaL_error(L, "%s", s->config.policy_count > 0 ? fail.text : "gateway.lua has no policy");
}

void stage_close(struct stage *s)
{
    script_unref(s->worker);
    s->worker = NULL;
}

int stage_load(lua_State *L)
{
    struct world *w = world_of(L);
    struct stage *s = arena_new(&w->arena, struct stage);
    const char *file = luaL_optstring(L, 1, NULL), *args = luaL_optstring(L, 2, NULL);
    s->config = *w->base;
    if (file != NULL) {
        read_policy(L, w, s, file);
        if (args != NULL)
            s->policy.args = arena_text(&w->arena, text_of(args));
        s->config.policies = &s->policy;
        s->config.policy_count = 1;
        s->own = s->own || args != NULL;
        if (s->own) /* its models are the test's: each name is one */
            s->config.prefix_routing = true;
    }
    stage_open(L, s);
    s->next = w->stages;
    w->stages = s;
    lua_pushlightuserdata(L, s);
    return 1;
}
