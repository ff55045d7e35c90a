/* sandbox.c - the names that a policy sees: harmless functions of Lua's own, gw, nothing else; none of it can be changed. */
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "script/api.h"

/* What a metatable may not have: it would run where no bound holds, or hide what a table is. */
static const char *const refused[] = { "__close", "__gc", "__len", "__metatable", "__mode", NULL };

/* A copy of the metatable is what counts: nothing can be put into it later. */
static int set_metatable(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_type(L, 2) == LUA_TTABLE, 2, "table");
    lua_settop(L, 2);
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "setmetatable: the table has its metatable");
    for (size_t i = 0; refused[i] != NULL; i++) {
        lua_pushstring(L, refused[i]);
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "setmetatable: %s is not available in policies", refused[i]);
        lua_pop(L, 1);
    }
    api_push_real(L, 2); /* of a module, for example */
    lua_replace(L, 2);
    lua_createtable(L, 0, 8);
    for (lua_pushnil(L); lua_next(L, 2) != 0;) {
        state_spend(L, 1);
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, 1);
    lua_settop(L, 1);
    return 1;
}

static int after_call(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    state_check(L, status);
    bool ok = status == LUA_OK || status == LUA_YIELD;
    if (!ok) {
        lua_pushboolean(L, 0);
        lua_pushvalue(L, -2);
        return 2;
    }
    return lua_gettop(L); /* `true` is the first */
}

static int protected_call(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, after_call);
    return after_call(L, status, 0);
}

static int to_number(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TSTRING)
        state_spend(L, (int64_t)lua_rawlen(L, 1) / 16);
    int n = lua_gettop(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, n, LUA_MULTRET);
    return lua_gettop(L);
}

static void open_base(lua_State *L)
{
    static const char *const names[] = { "assert", "error", "ipairs", "select", "tostring", "type", NULL };
    luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
    for (size_t i = 0; names[i] != NULL; i++) {
        lua_getfield(L, -1, names[i]);
        lua_setfield(L, -3, names[i]);
    }
    lua_getfield(L, -1, "tonumber");
    lua_pushcclosure(L, to_number, 1);
    lua_setfield(L, -3, "tonumber");
    lua_pop(L, 1);
    static const luaL_Reg own[] = {
        { "setmetatable", set_metatable }, { "pcall", protected_call }, { "require", module_require }, { NULL, NULL }
    };
    luaL_setfuncs(L, own, 0);
    api_open_tables(L);
}

/* Without random: gw.bucket is the same on every gateway. Without what only some builds of Lua have (pow, cosh). */
static void open_math(lua_State *L)
{
    static const char *const names[] = { "abs", "acos",       "asin", "atan", "ceil", "cos", "deg",
                                         "exp", "floor",      "fmod", "huge", "log",  "max", "maxinteger",
                                         "min", "mininteger", "modf", "pi",   "rad",  "sin", "sqrt",
                                         "tan", "tointeger",  "type", "ult",  NULL };
    lua_newtable(L);
    luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 0);
    for (size_t i = 0; names[i] != NULL; i++) {
        lua_getfield(L, -1, names[i]);
        lua_setfield(L, -3, names[i]);
    }
    lua_pop(L, 1);
    api_freeze(L, "math", "function", NULL);
}

/* Methods of texts are those of `string`. */
static void open_string(lua_State *L)
{
    lua_newtable(L);
    meter_open_string(L);
    pattern_open(L);
    lua_pushliteral(L, "");
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
    api_freeze(L, "string", "function", NULL);
}

void sandbox_open(lua_State *L)
{
    lua_newtable(L);
    open_base(L);
    open_math(L);
    lua_setfield(L, -2, "math");
    open_string(L);
    lua_setfield(L, -2, "string");
    lua_newtable(L);
    meter_open_table(L);
    api_freeze(L, "table", "function", NULL);
    lua_setfield(L, -2, "table");
    lua_newtable(L);
    meter_open_utf8(L);
    api_freeze(L, "utf8", "function", NULL);
    lua_setfield(L, -2, "utf8");
    api_open(L);
    lua_setfield(L, -2, "gw");
    api_push_print(L);
    lua_setfield(L, -2, "print");
    request_open(L);
    api_freeze(L, "the policy's globals", "name", NULL);
}
