/* load_json.c - a setting that only a plugin understands, from Lua to JSON. */
#include <lauxlib.h>
#include <lua.h>
#include <math.h>

#include "base/json.h"
#include "boot/load_lua.h"

enum { DEPTH_MAX = 16 };

/* Each returns what is wrong, static, or NULL. */
static const char *write_value(lua_State *L, int index, struct json_writer *w, int depth);

struct text load_write_json(lua_State *L, int index, const char **wrong)
{
    struct load_lua *l = load_of(L);
    struct json_writer w;

    buf_truncate(&l->json, 0);
    json_writer_init(&w, &l->json);
    *wrong = write_value(L, index, &w, 0);
    if (*wrong == NULL && json_end(&w) < 0)
        *wrong = "is too large";
    return *wrong == NULL ? arena_text(l->declared->arena, buf_view(&l->json)) : TEXT("");
}

static const char *write_array(lua_State *L, int index, struct json_writer *w, int depth)
{
    size_t count = lua_rawlen(L, index);
    const char *wrong = NULL;

    json_array(w);
    for (size_t i = 1; i <= count && wrong == NULL; i++) {
        lua_rawgeti(L, index, (lua_Integer)i);
        wrong = write_value(L, lua_gettop(L), w, depth + 1);
        lua_pop(L, 1);
    }
    json_close(w);
    return wrong;
}

static const char *write_object(lua_State *L, int index, struct json_writer *w, int depth)
{
    size_t count = 0;
    const char **names = load_keys(L, index, &count);
    const char *wrong = NULL;

    json_object(w);
    for (size_t i = 0; i < count && wrong == NULL; i++) {
        if (!text_is_utf8(text_of(names[i])))
            return "holds a name that is not UTF-8";
        json_key(w, text_of(names[i]));
        lua_getfield(L, index, names[i]);
        wrong = write_value(L, lua_gettop(L), w, depth + 1);
        lua_pop(L, 1);
    }
    json_close(w);
    return wrong;
}

static const char *write_table(lua_State *L, int index, struct json_writer *w, int depth)
{
    size_t listed = lua_rawlen(L, index), numbers = 0, named = 0;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING) {
            named++;
        } else if (lua_isinteger(L, -2)) {
            numbers++;
        } else {
            lua_pop(L, 2);
            return "holds a name that is neither a string nor a place in a list";
        }
    }
    if (numbers != listed)
        return "holds a list with holes";
    if (numbers > 0 && named > 0)
        return "mixes a list and names";
    return named > 0 ? write_object(L, index, w, depth) : write_array(L, index, w, depth);
}

static const char *write_value(lua_State *L, int index, struct json_writer *w, int depth)
{
    struct text text;
    luaL_checkstack(L, 8, "too deep");

    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        json_put_bool(w, lua_toboolean(L, index));
        return NULL;
    case LUA_TNUMBER:
        if (lua_isinteger(L, index))
            json_put_int(w, lua_tointeger(L, index));
        else if (isfinite(lua_tonumber(L, index)))
            json_put_real(w, lua_tonumber(L, index));
        else
            return "holds a number that is not finite";
        return NULL;
    case LUA_TSTRING:
        text = load_text(L, index);
        if (!text_is_utf8(text))
            return "holds text that is not UTF-8";
        json_put_str(w, text);
        return NULL;
    case LUA_TTABLE:
        return depth < DEPTH_MAX ? write_table(L, index, w, depth) : "is nested too deeply";
    case LUA_TUSERDATA:
        return load_is_unknown(L, index) ? "holds an unknown word"
                                         : "holds a secret inside braces: a secret can only be the whole value of a "
                                           "setting";
    default:
        return "holds something that is not text, a number, true, false or a table";
    }
}
