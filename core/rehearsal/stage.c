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

/* The policy of gateway.lua that is this file; NULL: none. */
static const struct config_policy *find(struct world *w, const char *path)
{
    char want[PATH_MAX], is[PATH_MAX];
    if (realpath(path, want) == NULL)
        return NULL;
    for (size_t i = 0; i < w->base->policy_count; i++) {
        const char *at = rehearsal_path(&w->arena, w->base, &w->base->policies[i]);
        if (at != NULL && realpath(at, is) != NULL && strcmp(want, is) == 0)
            return &w->base->policies[i];
    }
    return NULL;
}

static const char *stem_of(struct world *w, const char *path)
{
    const char *name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    size_t len = strlen(name);
    if (len > 4 && strcmp(name + len - 4, ".lua") == 0)
        len -= 4;
    return arena_printf(&w->arena, "%.*s", (int)len, name);
}

static void read_policy(lua_State *L, struct world *w, struct stage *s, const char *file)
{
    const char *path = file[0] == '/' ? file : arena_printf(&w->arena, "%s%s", w->folder, file);
    const struct config_policy *known = find(w, path);
    struct buf source;
    s->own = known == NULL;
    s->policy = known != NULL ? *known
                              : (struct config_policy){ .args = TEXT("{}"),
                                                        .cpu_ns = CONFIG_POLICY_CPU_NS,
                                                        .wait_ns = CONFIG_POLICY_WAIT_NS,
                                                        .llm_wait_ns = CONFIG_POLICY_LLM_WAIT_NS,
                                                        .memory_bytes = CONFIG_POLICY_MEMORY,
                                                        .retries = CONFIG_POLICY_RETRIES_MOST,
                                                        .name = stem_of(w, file) };
    /* Each request of the test is for it. */
    s->policy.models = s->policy.teams = NULL;
    s->policy.model_count = s->policy.team_count = 0;
    s->policy.kinds = 0;
    s->policy.observe = s->policy.skip = false;
    s->policy.hooks = 0;
    s->policy.file = arena_printf(&w->arena, "%s", path);
    const char *slash = strrchr(path, '/');
    s->policy.folder = slash != NULL ? arena_printf(&w->arena, "%.*s", (int)(slash - path), path) : ".";
    s->policy.modules = NULL;
    s->policy.reads = &w->arena;
    buf_init(&source, SOURCE_MOST);
    if (file_read(path, &source) < 0) {
        buf_free(&source);
        luaL_error(L, "%s cannot be read: %s", path, strerror(errno));
    }
    s->policy.source = arena_text(&w->arena, buf_view(&source));
    buf_free(&source);
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
