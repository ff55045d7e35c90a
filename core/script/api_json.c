/* api_json.c - gw.json, and JSON as Lua values. */
#include <lauxlib.h>
#include <math.h>

#include "script/api.h"

enum { DEPTH_MOST = 32, ENCODED_MOST = 4 << 20 };

static void push(lua_State *L, const struct json *v, bool inside, int depth)
{
    luaL_checkstack(L, 4, "JSON that is nested too deeply");
    state_spend(L, 4);
    switch (json_type(v)) {
    case JSON_T_BOOL:
        lua_pushboolean(L, json_bool(v, false));
        break;
    case JSON_T_INT:
        lua_pushinteger(L, json_int(v, 0));
        break;
    case JSON_T_REAL:
        lua_pushnumber(L, json_real(v, 0));
        break;
    case JSON_T_STR:
        api_push(L, json_str(v));
        break;
    case JSON_T_ARRAY:
    case JSON_T_OBJECT:
        if (depth == DEPTH_MOST)
            luaL_error(L, "JSON that is nested more than %d deep", DEPTH_MOST);
        lua_newtable(L);
        for (size_t i = 0; i < json_count(v); i++) {
            if (json_type(v) == JSON_T_OBJECT) {
                api_push(L, json_key_at(v, i));
                push(L, json_at(v, i), true, depth + 1);
                lua_rawset(L, -3);
            } else {
                push(L, json_at(v, i), true, depth + 1);
                lua_rawseti(L, -2, (lua_Integer)i + 1);
            }
        }
        break;
    default:
        if (inside)
            lua_pushlightuserdata(L, NULL);
        else
            lua_pushnil(L);
    }
}

void api_push_json(lua_State *L, const struct json *value)
{
    push(L, value, false, 0);
}

static const char *put_table(lua_State *L, int index, struct json_writer *w, int depth);

/* What is wrong, static; NULL: nothing. */
static const char *put(lua_State *L, int index, struct json_writer *w, int depth)
{
    const char *wrong = NULL;
    if (depth == DEPTH_MOST || !lua_checkstack(L, 8))
        return "it is nested too deeply";
    switch (lua_type(L, index)) {
    case LUA_TNIL:
    case LUA_TLIGHTUSERDATA:
        json_put_null(w);
        return NULL;
    case LUA_TBOOLEAN:
        json_put_bool(w, lua_toboolean(L, index));
        return NULL;
    case LUA_TNUMBER:
        if (lua_isinteger(L, index))
            json_put_int(w, lua_tointeger(L, index));
        else if (!isfinite(lua_tonumber(L, index)))
            return "JSON has no infinite numbers";
        else
            json_put_real(w, lua_tonumber(L, index));
        return NULL;
    case LUA_TSTRING:
        json_put_str(w, api_text(L, index));
        return NULL;
    case LUA_TTABLE:
        break;
    default:
        return "JSON has no functions";
    }
    struct text of_body = body_json(L, index);
    if (of_body.ptr != NULL) {
        json_put_trusted(w, of_body);
        return NULL;
    }
    int top = lua_gettop(L);
    api_push_real(L, index);
    wrong = put_table(L, top + 1, w, depth);
    lua_settop(L, top);
    return wrong;
}

static const char *put_table(lua_State *L, int index, struct json_writer *w, int depth)
{
    const char *wrong = NULL;
    size_t count = lua_rawlen(L, index);
    lua_pushnil(L);
    bool empty = lua_next(L, index) == 0;
    if (!empty)
        lua_pop(L, 2);
    if (count > 0 || empty) { /* {} is a list */
        json_array(w);
        for (size_t i = 1; i <= count && wrong == NULL; i++) {
            lua_rawgeti(L, index, (lua_Integer)i);
            wrong = put(L, lua_gettop(L), w, depth + 1);
            lua_pop(L, 1);
        }
        json_close(w);
        return wrong;
    }
    json_object(w);
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        wrong = lua_type(L, -2) == LUA_TSTRING ? NULL : "a key that is no text";
        if (wrong == NULL) {
            json_key(w, api_text(L, -2));
            wrong = put(L, lua_gettop(L), w, depth + 1);
        }
        if (wrong != NULL) {
            lua_pop(L, 2);
            break;
        }
    }
    json_close(w);
    return wrong;
}

void api_write_json(lua_State *L, int index, const char *word, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    const char *wrong = put(L, index, &w, 0);
    if (wrong == NULL && json_end(&w) < 0)
        wrong = "it is too large";
    if (wrong != NULL)
        luaL_error(L, "%s: %s", word, wrong);
}

static int encode(lua_State *L)
{
    struct script_state *s = state_of(L);
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    buf_truncate(&s->text, 0);
    api_write_json(L, 1, "gw.json.encode", &s->text);
    state_spend(L, (int64_t)s->text.len / 16);
    api_push(L, buf_view(&s->text));
    return 1;
}

static int decode(lua_State *L)
{
    struct script_state *s = state_of(L);
    struct fail fail;
    struct text text = api_check_text(L, 1, "gw.json.decode", "a text");
    state_spend(L, (int64_t)text.len / 16);
    arena_reset(&s->scratch);
    const struct json *value = json_parse(&s->scratch, text, &fail);
    if (value == NULL || s->scratch.full) {
        lua_pushnil(L);
        lua_pushstring(L, value == NULL ? fail.text : "it is too large");
        return 2;
    }
    push(L, value, true, 0);
    return 1;
}

const struct api_row api_json_rows[] = {
    { "encode", encode, API_ALWAYS, false, "value", "string", "JSON of a value; an empty table is a list" },
    { "decode", decode, API_ALWAYS, false, "text", "any?, string?",
      "The value of a JSON text; nil and why, where it is none. null inside is gw.json.null" },
    { .name = NULL },
};
