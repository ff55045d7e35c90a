/* api_freeze.c - tables that a policy may read and not change: an empty one in front of the real one. */
#include <lauxlib.h>
#include <string.h>

#include "script/api.h"

enum { NAMES_MOST = 80 };
static const char real_key, order_key; /* their addresses are the keys of what stands behind, in the metatable */

/* Upvalues: of, what, may. The arguments are the real table and the name. */
static int unknown(lua_State *L)
{
    const char *of = lua_touserdata(L, lua_upvalueindex(1)), *what = lua_touserdata(L, lua_upvalueindex(2));
    const char *const *may = lua_touserdata(L, lua_upvalueindex(3));
    const char *names[NAMES_MOST + 1];
    size_t n = 0;
    struct text name = api_text(L, 2);
    if (name.ptr == NULL)
        return luaL_error(L, "%s has names, and is no list: there is nothing at a %s", of, luaL_typename(L, 2));
    for (; may != NULL && *may != NULL; may++) {
        if (text_is(name, *may))
            return 0;
        if (n < NAMES_MOST)
            names[n++] = *may;
    }
    for (lua_pushnil(L); lua_next(L, 1) != 0; lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING && n < NAMES_MOST)
            names[n++] = lua_tostring(L, -2);
    names[n] = NULL;
    api_unknown(L, of, what, name, names);
}

static int read_only(lua_State *L)
{
    const char *of = lua_touserdata(L, lua_upvalueindex(1));
    const char *right = hint_of(of, TEXT("=")), *sep = right != NULL ? "; " : "";
    right = right != NULL ? right : "";
    if (lua_type(L, 2) == LUA_TSTRING)
        return luaL_error(L, "%s is read-only: \"%s\" cannot be assigned%s%s", of, lua_tostring(L, 2), sep, right);
    return luaL_error(L, "%s is read-only%s%s", of, sep, right);
}

/* Of data: the index 0 is a slip, whatever else is not there is nil. */
static int absent(lua_State *L)
{
    if (lua_isinteger(L, 2) && lua_tointeger(L, 2) <= 0)
        return luaL_error(L, "%s: there is no element %d: the first one is 1",
                          (const char *)lua_touserdata(L, lua_upvalueindex(1)), (int)lua_tointeger(L, 2));
    return 0;
}

static int length(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)lua_rawlen(L, lua_upvalueindex(1)));
    return 1;
}

/* The real table is at the top: an empty one takes its place, whose metatable is at the top then. */
static void front(lua_State *L, const char *of)
{
    lua_newtable(L);
    lua_createtable(L, 0, 6);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushlightuserdata(L, (void *)(uintptr_t)of);
    lua_pushcclosure(L, read_only, 1);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushvalue(L, -3);
    lua_rawsetp(L, -2, &real_key);
}

void api_freeze(lua_State *L, const char *of, const char *what, const char *const *may)
{
    lua_createtable(L, 0, 1);
    lua_pushlightuserdata(L, (void *)(uintptr_t)of);
    lua_pushlightuserdata(L, (void *)(uintptr_t)what);
    lua_pushlightuserdata(L, (void *)(uintptr_t)may);
    lua_pushcclosure(L, unknown, 3);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    front(L, of);
    lua_setmetatable(L, -2);
    lua_remove(L, -2);
}

void api_freeze_data(lua_State *L, const char *of, bool keys)
{
    if (keys)
        lua_insert(L, -2);
    if (lua_getmetatable(L, -1)) { /* it has its own way of what is absent */
        lua_pop(L, 1);
    } else {
        lua_createtable(L, 0, 1);
        lua_pushlightuserdata(L, (void *)(uintptr_t)of);
        lua_pushcclosure(L, absent, 1);
        lua_setfield(L, -2, "__index");
        lua_setmetatable(L, -2);
    }
    front(L, of);
    lua_pushvalue(L, -3);
    lua_pushcclosure(L, length, 1);
    lua_setfield(L, -2, "__len");
    if (keys) { /* keys, real, front, metatable */
        lua_pushvalue(L, -4);
        lua_rawsetp(L, -2, &order_key);
    }
    lua_setmetatable(L, -2);
    lua_remove(L, -2);
    if (keys)
        lua_remove(L, -2);
}

/* What stands behind the table at `index` takes its place. *order: its keys in order are pushed too. */
static void look_behind(lua_State *L, int index, bool *order)
{
    *order = false;
    if (!lua_getmetatable(L, index))
        return;
    if (lua_rawgetp(L, -1, &real_key) == LUA_TTABLE) {
        lua_replace(L, index);
        *order = lua_rawgetp(L, -1, &order_key) == LUA_TTABLE;
        lua_remove(L, *order ? -2 : -1);
        if (!*order)
            lua_pop(L, 1);
        return;
    }
    lua_pop(L, 2);
}

void api_push_real(lua_State *L, int index)
{
    lua_pushvalue(L, index);
    if (!lua_getmetatable(L, -1))
        return;
    lua_rawgetp(L, -1, &real_key);
    lua_remove(L, -2);
    lua_remove(L, lua_type(L, -1) == LUA_TTABLE ? -2 : -1);
}

static int next_of(lua_State *L)
{
    bool order;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    if (body_is_view(L, 1))
        return body_next(L);
    look_behind(L, 1, &order);
    if (order) {
        lua_Integer i = 1, n = (lua_Integer)lua_rawlen(L, 3);
        if (!lua_isnil(L, 2))
            for (; i <= n; i++) {
                lua_rawgeti(L, 3, i);
                bool found = lua_rawequal(L, -1, 2);
                lua_pop(L, 1);
                if (found)
                    break;
            }
        state_spend(L, i / 8);
        i += lua_isnil(L, 2) ? 0 : 1;
        if (i > n) {
            lua_pushnil(L);
            return 1;
        }
        lua_rawgeti(L, 3, i);
        lua_pushvalue(L, -1);
        lua_rawget(L, 1);
        return 2;
    }
    lua_settop(L, 2);
    if (lua_next(L, 1))
        return 2;
    lua_pushnil(L);
    return 1;
}

/* Upvalue: next. */
static int pairs_of(lua_State *L)
{
    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") == LUA_TNIL) {
        luaL_checktype(L, 1, LUA_TTABLE);
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_pushvalue(L, 1);
        lua_pushnil(L);
    } else {
        lua_pushvalue(L, 1);
        lua_call(L, 1, 3);
    }
    return 3;
}

void api_open_tables(lua_State *L)
{
    lua_pushcfunction(L, next_of);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "next");
    lua_pushcclosure(L, pairs_of, 1);
    lua_setfield(L, -2, "pairs");
}
