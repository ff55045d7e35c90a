/* args.c - gw.args: what a policy may be given in gateway.lua, declared with types and what holds without. */
#include <lauxlib.h>
#include <string.h>

#include "script/api.h"

enum { KIND_MODEL, KIND_ZONE, KIND_LIST, KIND_MAP };
static const char *const kind_names[] = { "model", "zone", "list", "map" };
static const char kind_key; /* the metatable's place in the registry */

/* gw.arg.KIND(default). Upvalue: the kind. */
static int declare(lua_State *L)
{
    int kind = (int)lua_tointeger(L, lua_upvalueindex(1));
    if (state_of(L)->run != NULL)
        return luaL_error(L, "gw.arg.%s is not available in a hook, only at the top of the file", kind_names[kind]);
    if (lua_isnoneornil(L, 1) && kind >= KIND_LIST) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    lua_settop(L, 1);
    int *made = lua_newuserdatauv(L, sizeof *made, 1);
    *made = kind;
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &kind_key) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_createtable(L, 0, 1);
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &kind_key);
    }
    lua_setmetatable(L, -2);
    return 1;
}

/* The kind of the declaration at `index`; -1: it is a plain value. */
static int kind_at(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index))
        return -1;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &kind_key);
    bool is = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is ? *(int *)lua_touserdata(L, index) : -1;
}

/* Freezes the value on top of the stack, and all tables in it; its keys in order. */
static void freeze(lua_State *L, int depth)
{
    if (lua_type(L, -1) != LUA_TTABLE)
        return;
    luaL_checkstack(L, 8, "arguments");
    if (depth > 16)
        luaL_error(L, "gw.args: nested too deeply");
    int table = lua_gettop(L);
    lua_newtable(L);
    lua_Integer n = 0;
    for (lua_pushnil(L); lua_next(L, table) != 0;) {
        freeze(L, depth + 1);
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -1);
        lua_rawseti(L, table + 1, ++n);
        lua_insert(L, -2);
        lua_rawset(L, table); /* the key is there: the walk goes on */
    }
    lua_pushnil(L); /* sorted, where they are names */
    lua_pop(L, 1);
    for (lua_Integer i = 2; i <= n; i++) /* few */
        for (lua_Integer k = i; k > 1; k--) {
            lua_rawgeti(L, table + 1, k - 1);
            lua_rawgeti(L, table + 1, k);
            bool swap = lua_type(L, -1) == lua_type(L, -2) && lua_compare(L, -1, -2, LUA_OPLT);
            if (swap) {
                lua_rawseti(L, table + 1, k - 1);
                lua_rawseti(L, table + 1, k);
                continue;
            }
            lua_pop(L, 2);
            break;
        }
    api_freeze_data(L, "gw.args", true);
}

static void check_value(lua_State *L, const char *name, int kind)
{
    char word[96];
    snprintf(word, sizeof word, "gw.args: %.60s", name);
    if (kind == KIND_MODEL) {
        api_check_model(L, word, api_check_text(L, -1, word, "a model's name"));
    } else if (kind == KIND_ZONE) {
        api_check_text(L, -1, word, "a time zone");
    } else if (lua_type(L, -1) != LUA_TTABLE) {
        luaL_error(L, "%s takes something in braces, not %s", word, luaL_typename(L, -1));
    }
}

/* Stack: 1 what is declared, 2 what gateway.lua gives, 3 the result. The declared name and its value are on top; both are taken. */
static void take_one(lua_State *L)
{
    int name = lua_gettop(L) - 1, kind = kind_at(L, -1);
    const char *word = lua_tostring(L, name);
    lua_pushvalue(L, name);
    bool given = lua_rawget(L, 2) != LUA_TNIL;
    if (given && kind < 0 && lua_type(L, -1) != lua_type(L, name + 1))
        luaL_error(L, "gw.args: %s takes a %s, not a %s", word, luaL_typename(L, name + 1), luaL_typename(L, -1));
    if (!given) {
        lua_pop(L, 1);
        if (kind < 0)
            lua_pushvalue(L, name + 1);
        else
            lua_getiuservalue(L, name + 1, 1);
        if (lua_isnil(L, -1))
            luaL_error(L, "gw.args: %s is missing: args = { %s = ... } in gateway.lua", word, word);
    }
    if (kind >= 0)
        check_value(L, word, kind);
    freeze(L, 0);
    lua_setfield(L, 3, word);
    lua_settop(L, name);
}

static int args(lua_State *L)
{
    struct script_state *s = state_of(L);
    struct fail fail;
    const char *names[65];
    size_t n = 0;
    if (s->run != NULL)
        return luaL_error(L, "gw.args is not available in a hook, only at the top of the file");
    if (s->loading != NULL)
        return luaL_error(L, "gw.args is for the policy's own file: give a module's functions what they need");
    if (s->took_args)
        return luaL_error(L, "gw.args was already called");
    if (lua_type(L, 1) != LUA_TTABLE)
        return luaL_error(L, "gw.args: it takes what is declared in braces, gw.args { share = 0.8 }");
    s->took_args = true;
    lua_settop(L, 1);
    arena_reset(&s->scratch);
    const struct json *given = json_parse(&s->scratch, s->policy->args, &fail);
    if (given == NULL || json_count(given) == 0)
        lua_newtable(L);
    else
        api_push_json(L, given);
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, 1) != 0;) {
        if (lua_type(L, -2) != LUA_TSTRING)
            return luaL_error(L, "gw.args: each argument has a name");
        if (n < 64)
            names[n++] = lua_tostring(L, -2);
        take_one(L);
    }
    names[n] = NULL;
    for (lua_pushnil(L); lua_next(L, 2) != 0; lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        if (lua_rawget(L, 1) == LUA_TNIL)
            api_unknown(L, "args", "argument", lua_type(L, -3) == LUA_TSTRING ? api_text(L, -3) : TEXT("?"), names);
        lua_pop(L, 1);
    }
    lua_settop(L, 3);
    api_freeze(L, "args", "argument", NULL);
    return 1;
}

void args_open(lua_State *L)
{
    lua_pushcfunction(L, args);
    lua_setfield(L, -2, "args");
    lua_newtable(L);
    for (int i = 0; i < (int)(sizeof kind_names / sizeof *kind_names); i++) {
        lua_pushinteger(L, i);
        lua_pushcclosure(L, declare, 1);
        lua_setfield(L, -2, kind_names[i]);
    }
    api_freeze(L, "gw.arg", "kind of argument", NULL);
    lua_setfield(L, -2, "arg");
}
