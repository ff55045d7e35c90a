/* meter.c - what of Lua's own string, table and utf8 is left to policies: nothing runs long in C without counting its steps. */
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "script/api.h"

enum { REP_MOST = 1 << 20, BYTES_PER_STEP = 16, TABLE_MOST = 1 << 30 };

/* Upvalue: the function. Its time grows with the texts that it is given. */
static int metered(lua_State *L)
{
    int64_t bytes = 0;
    int n = lua_gettop(L);
    for (int i = 1; i <= n; i++)
        if (lua_type(L, i) == LUA_TSTRING)
            bytes += (int64_t)lua_rawlen(L, i);
    state_spend(L, bytes / BYTES_PER_STEP);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, n, LUA_MULTRET);
    return lua_gettop(L);
}

static int rep(lua_State *L)
{
    size_t len, gap = 0;
    const char *s = luaL_checklstring(L, 1, &len);
    lua_Integer times = luaL_checkinteger(L, 2);
    const char *between = luaL_optlstring(L, 3, "", &gap);
    luaL_Buffer b;
    if (times <= 0 || len + gap == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (len + gap > REP_MOST || times > (lua_Integer)(REP_MOST / (len + gap)))
        return luaL_error(L, "string.rep: more than %d bytes", REP_MOST);
    state_spend(L, times + (int64_t)(len + gap) * times / BYTES_PER_STEP);
    luaL_buffinit(L, &b);
    for (lua_Integer i = 0; i < times; i++) {
        luaL_addlstring(&b, s, len);
        if (i + 1 < times)
            luaL_addlstring(&b, between, gap);
    }
    luaL_pushresult(&b);
    return 1;
}

static int64_t length_of(lua_State *L, int index)
{
    luaL_checktype(L, index, LUA_TTABLE);
    return (int64_t)luaL_len(L, index);
}

/* Elements between the optional indices at 3 and 4, or all. */
static int64_t span(lua_State *L, int from, int to)
{
    lua_Integer len = length_of(L, 1), i = luaL_optinteger(L, from, 1), j = luaL_optinteger(L, to, len);
    if (j < i)
        return 0;
    return i < 0 || j - i > TABLE_MOST ? TABLE_MOST : j - i + 1;
}

static int64_t cost_concat(lua_State *L)
{
    return span(L, 3, 4);
}

static int64_t cost_unpack(lua_State *L)
{
    return span(L, 2, 3);
}

/* What is moved. */
static int64_t cost_insert(lua_State *L)
{
    int64_t n = length_of(L, 1), at = lua_gettop(L) < 3 ? n : luaL_checkinteger(L, 2);
    return at < 0 || at > n ? 1 : n - at + 1;
}

static int64_t cost_remove(lua_State *L)
{
    int64_t n = length_of(L, 1), at = luaL_optinteger(L, 2, n);
    return at < 0 || at > n ? 1 : n - at + 1;
}

static int64_t cost_sort(lua_State *L)
{
    int64_t n = length_of(L, 1), depth = 1;
    while ((n >> depth) > 0)
        depth++;
    return n * depth;
}

static const struct counted {
    const char *name;
    int64_t (*cost)(lua_State *L);
} counted[] = {
    { "concat", cost_concat }, { "insert", cost_insert }, { "remove", cost_remove },
    { "sort", cost_sort },     { "unpack", cost_unpack },
};

/* Upvalues: the function, its row. */
static int call_counted(lua_State *L)
{
    const struct counted *row = lua_touserdata(L, lua_upvalueindex(2));
    state_spend(L, row->cost(L));
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* Of the library at the top: these functions into the table below it, `metered` or as they are. */
static void take(lua_State *L, const char *const *names, bool count)
{
    for (; *names != NULL; names++) {
        lua_getfield(L, -1, *names);
        if (count)
            lua_pushcclosure(L, metered, 1);
        lua_setfield(L, -3, *names);
    }
}

void meter_open_string(lua_State *L)
{
    static const char *const plain[] = { "byte", "char", "len", "sub", NULL }, *const longer[] = { "format", "lower",
                                                                                                   "reverse", "upper",
                                                                                                   NULL };
    luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 0);
    take(L, plain, false);
    take(L, longer, true);
    lua_pop(L, 1);
    lua_pushcfunction(L, rep);
    lua_setfield(L, -2, "rep");
}

void meter_open_table(lua_State *L)
{
    static const char *const plain[] = { "pack", NULL };
    luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 0);
    take(L, plain, false);
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        lua_getfield(L, -1, counted[i].name);
        lua_pushlightuserdata(L, (void *)(uintptr_t)&counted[i]);
        lua_pushcclosure(L, call_counted, 2);
        lua_setfield(L, -3, counted[i].name);
    }
    lua_pop(L, 1);
}

void meter_open_utf8(lua_State *L)
{
    static const char *const plain[] = { "char", "charpattern", NULL }, *const longer[] = { "codepoint", "codes", "len",
                                                                                            "offset", NULL };
    luaL_requiref(L, LUA_UTF8LIBNAME, luaopen_utf8, 0);
    take(L, plain, false);
    take(L, longer, true);
    lua_pop(L, 1);
}
