/* body.c - req.body: the client's own JSON, to be read. A value is looked at when it is asked for; an object or a list is a table that is empty, and
 * keeps where it stands in the body. */
#include <lauxlib.h>
#include <string.h>

#include "script/api.h"

#define OF "req.body"

static const char view_key, place_key,
    request_key; /* of the registry: the metatable; of a view: its value, and the request */

/* The value of the table at `index`; NULL: it is no view. Raises where the hook is over. */
static const struct json *value_at(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index))
        return NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &view_key);
    bool is = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    if (!is)
        return NULL;
    lua_rawgetp(L, index, &place_key);
    lua_rawgetp(L, index, &request_key);
    const struct json *v = lua_touserdata(L, -2);
    struct script_request **at = lua_touserdata(L, -1);
    lua_pop(L, 2);
    if (*at == NULL)
        luaL_error(L, OF ": the hook is over, and what it has read of the body is no longer there");
    return v;
}

/* The request's userdata is at `request`, absolute. */
static void push_value(lua_State *L, const struct json *v, int request)
{
    switch (json_type(v)) {
    case JSON_T_BOOL:
        lua_pushboolean(L, json_bool(v, false));
        return;
    case JSON_T_INT:
        if (json_int(v, 0) == json_int(v, 1))
            lua_pushinteger(L, json_int(v, 0));
        else /* more than an integer holds */
            lua_pushnumber(L, json_real(v, 0));
        return;
    case JSON_T_REAL:
        lua_pushnumber(L, json_real(v, 0));
        return;
    case JSON_T_STR:
        state_spend(L, (int64_t)json_text(v).len / 16);
        api_push(L, json_str(v));
        break;
    case JSON_T_ARRAY:
    case JSON_T_OBJECT:
        state_spend(L, 4 + (int64_t)json_text(v).len / 256);
        lua_createtable(L, 0, 2);
        lua_pushlightuserdata(L, (void *)(uintptr_t)v);
        lua_rawsetp(L, -2, &place_key);
        lua_pushvalue(L, request);
        lua_rawsetp(L, -2, &request_key);
        lua_rawgetp(L, LUA_REGISTRYINDEX, &view_key);
        lua_setmetatable(L, -2);
        break;
    case JSON_T_NULL:
        lua_pushlightuserdata(L, NULL); /* gw.json.null */
        return;
    default:
        lua_pushnil(L);
        return;
    }
    if (api_run(L)->req->arena->full)
        luaL_error(L, "the request needs more memory than limits.memory_mb allows");
}

/* A value inside of the view at 1. */
static int push_inside(lua_State *L, const struct json *v)
{
    lua_rawgetp(L, 1, &request_key);
    push_value(L, v, lua_gettop(L));
    return 1;
}

static int index_of(lua_State *L)
{
    const struct json *v = value_at(L, 1);
    struct text name = api_text(L, 2);
    bool is_list = json_type(v) == JSON_T_ARRAY;
    lua_settop(L, 2);
    state_spend(L, 4);
    if (!is_list && name.ptr != NULL)
        return push_inside(L, json_get(v, name));
    if (!is_list || !lua_isinteger(L, 2))
        return 0;
    lua_Integer i = lua_tointeger(L, 2);
    if (i <= 0)
        return luaL_error(L, OF ": there is no element %I: the first one is 1", (LUAI_UACINT)i);
    return push_inside(L, json_at(v, (size_t)i - 1));
}

static int no_assignment(lua_State *L)
{
    return luaL_error(L, OF " is read-only: req:set(name, value), req:map_text(fn) and the others change a request");
}

static int length(lua_State *L)
{
    const struct json *v = value_at(L, 1);
    lua_pushinteger(L, json_type(v) == JSON_T_ARRAY ? (lua_Integer)json_count(v) : 0);
    return 1;
}

/* The pair at `i`, counted from 0; nil behind the last one. */
static int push_pair(lua_State *L, const struct json *v, size_t i)
{
    lua_settop(L, 1);
    state_spend(L, 4);
    if (i >= json_count(v)) {
        lua_pushnil(L);
        return 1;
    }
    if (json_type(v) == JSON_T_ARRAY)
        lua_pushinteger(L, (lua_Integer)i + 1);
    else
        api_push(L, json_key_at(v, i));
    push_inside(L, json_at(v, i));
    lua_remove(L, 3); /* the request */
    return 2;
}

/* Upvalue: the next one. */
static int iterate(lua_State *L)
{
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(1));
    lua_pushinteger(L, i + 1);
    lua_replace(L, lua_upvalueindex(1));
    return push_pair(L, value_at(L, 1), (size_t)i);
}

static int pairs(lua_State *L)
{
    value_at(L, 1);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, iterate, 1);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

int body_next(lua_State *L)
{
    const struct json *v = value_at(L, 1);
    size_t i = 0, count = json_count(v);
    if (lua_isinteger(L, 2) && json_type(v) == JSON_T_ARRAY)
        i = (size_t)lua_tointeger(L, 2);
    else
        for (struct text key = api_text(L, 2); key.ptr != NULL && i++ < count;)
            if (text_eq(json_key_at(v, i - 1), key))
                break;
    state_spend(L, (int64_t)i / 8);
    return push_pair(L, v, i);
}

bool body_is_view(lua_State *L, int index)
{
    return value_at(L, index) != NULL;
}

struct text body_json(lua_State *L, int index)
{
    const struct json *v = value_at(L, index);
    return v != NULL ? json_text(v) : TEXT_NONE;
}

void body_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "__index", index_of },
                                          { "__newindex", no_assignment },
                                          { "__len", length },
                                          { "__pairs", pairs },
                                          { NULL, NULL } };
    lua_createtable(L, 0, 5);
    luaL_setfuncs(L, functions, 0);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &view_key);
}

void body_push(lua_State *L, struct script_request *req, int request)
{
    struct fail fail = { 0 };
    const struct json *v = NULL;
    if (api_run(L)->hook == SCRIPT_ON_FINISH)
        luaL_error(L, OF " is not available in on_finish: the body is gone; keep what you need in req.vars");
    read_talk(L, req);
    if (req->unread == NULL && text_starts(text_trim(req->ask->body), TEXT("{"))) { /* else a form, or nothing */
        v = ask_json(req->arena, req->ask, &fail);
        if (v == NULL) { /* what no policy can read is refused */
            struct fail *why = arena_new(req->arena, struct fail);
            *why = fail;
            req->unread = why;
        }
    }
    push_value(L, v != NULL ? v : json_parse_quick(req->arena, TEXT("{}")), request);
}
