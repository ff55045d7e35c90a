/* target.c - what may still be tried, as on_route sees it: a plain list of targets that cannot be changed themselves. */
#include <lauxlib.h>
#include <string.h>

#include "script/api.h"
#include "script/recorded.h"

enum { TARGETS_MOST = 256 };

/* What may be nil. */
static const char *const may[] = { "region",   "retention", "context_tokens", "first_token_ms", "tokens_per_s",
                                   "cost_usd", NULL };

/* What is stated of it. */
static void push_words(lua_State *L, const struct script_target *t)
{
    lua_pushlstring(L, t->provider.ptr, t->provider.len);
    lua_pushliteral(L, "/");
    lua_pushlstring(L, t->model.ptr, t->model.len);
    lua_concat(L, 3);
    lua_setfield(L, -2, "name");
    api_push(L, t->provider);
    lua_setfield(L, -2, "provider");
    api_push(L, t->model);
    lua_setfield(L, -2, "model");
    lua_pushstring(L, t->role);
    lua_setfield(L, -2, "role");
    api_push(L, t->region);
    lua_setfield(L, -2, "region");
    api_push(L, t->retention);
    lua_setfield(L, -2, "retention");
}

/* What it is at the moment. */
static void push_facts(lua_State *L, const struct script_target *t)
{
    if (t->context_tokens > 0) {
        lua_pushinteger(L, t->context_tokens);
        lua_setfield(L, -2, "context_tokens");
    }
    if (t->cost_nano >= 0) {
        lua_pushnumber(L, (double)t->cost_nano / 1e9);
        lua_setfield(L, -2, "cost_usd");
    }
    if (t->first_token_ms > 0) {
        lua_pushnumber(L, t->first_token_ms);
        lua_setfield(L, -2, "first_token_ms");
    }
    if (t->tokens_per_s > 0) {
        lua_pushnumber(L, t->tokens_per_s);
        lua_setfield(L, -2, "tokens_per_s");
    }
    lua_pushinteger(L, t->in_flight);
    lua_setfield(L, -2, "in_flight");
    lua_pushboolean(L, !t->ejected);
    lua_setfield(L, -2, "healthy");
    lua_pushnumber(L, (double)t->cooling_ms / 1e3);
    lua_setfield(L, -2, "cooling_s");
}

/* Of a target of a recorded request: the table and a name that is not there. */
static int lacks(lua_State *L)
{
    static const char *const facts[] = { "context_tokens", "cooling_s", "cost_usd",     "first_token_ms",
                                         "healthy",        "in_flight", "tokens_per_s", NULL };
    struct script_request *req = api_run(L)->req;
    struct text name = api_text(L, 2);
    if (text_is(name, "region") || text_is(name, "retention"))
        return 0;
    for (size_t i = 0; facts[i] != NULL; i++)
        if (text_is(name, facts[i]))
            recorded_lacks(L, req, arena_printf(req->arena, "target.%s", facts[i]));
    api_unknown(L, "a target", "field", name.ptr != NULL ? name : TEXT("?"), facts);
}

static void freeze(lua_State *L, const struct script_target *t)
{
    if (!api_run(L)->req->recorded || t->known) {
        push_facts(L, t);
        api_freeze(L, "a target", "field", may);
        return;
    }
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, lacks);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    api_freeze_data(L, "a target", false);
}

void target_push_list(lua_State *L, const struct script_targets *targets)
{
    lua_createtable(L, (int)targets->count, 0);
    for (size_t i = 0; i < targets->count; i++) {
        const struct script_target *t = &targets->items[i];
        lua_createtable(L, 0, 12);
        push_words(L, t);
        freeze(L, t);
        lua_pushvalue(L, -1); /* to know it again */
        lua_rawseti(L, -3, (lua_Integer)i + 1);
        lua_pop(L, 1);
    }
}

const char *target_read_list(lua_State *L, int before, int index, struct script_targets *targets)
{
    struct script_target chosen[TARGETS_MOST];
    bool taken[TARGETS_MOST] = { false };
    size_t count = lua_rawlen(L, index), n = targets->count < TARGETS_MOST ? targets->count : TARGETS_MOST;
    if (count == 0)
        return "on_route leaves no target: return gw.deny(status, code, text) where nothing may be tried";
    if (count > n)
        return "on_route returns more targets than it was given";
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        for (; k < n; k++) {
            lua_rawgeti(L, before, (lua_Integer)k + 1);
            bool same = lua_rawequal(L, -1, -2);
            lua_pop(L, 1);
            if (same)
                break;
        }
        lua_pop(L, 1);
        if (k == n)
            return "on_route returns something that is none of its targets: return some of those of the list";
        if (taken[k])
            return "on_route returns a target twice";
        taken[k] = true;
        chosen[i] = targets->items[k];
    }
    memcpy(targets->items, chosen, count * sizeof *chosen);
    targets->count = count;
    targets->ordered = true;
    return NULL;
}
