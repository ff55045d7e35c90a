/* api_check.c - arguments of the words: what is wrong with one is reported with the nearest name. */
#include <lauxlib.h>
#include <string.h>

#include "base/clock.h"
#include "script/api.h"

enum { CALLS_MOST = 8 };

_Noreturn void api_unknown(lua_State *L, const char *of, const char *what, struct text name, const char *const *names)
{
    const char *right = hint_of(of, name), *nearest = names != NULL && right == NULL ? text_nearest(name, names) : NULL;
    int len = (int)(name.len < 80 ? name.len : 80);
    lua_pushlstring(L, name.ptr, (size_t)len);
    if (right != NULL)
        luaL_error(L, "%s: unknown %s \"%s\" (did you mean %s?)", of, what, lua_tostring(L, -1), right);
    else if (nearest != NULL)
        luaL_error(L, "%s: unknown %s \"%s\" (did you mean \"%s\"?)", of, what, lua_tostring(L, -1), nearest);
    else
        luaL_error(L, "%s: unknown %s \"%s\"", of, what, lua_tostring(L, -1));
    __builtin_unreachable();
}

struct text api_text(lua_State *L, int index)
{
    struct text t = TEXT_NONE;
    if (lua_type(L, index) == LUA_TSTRING)
        t.ptr = lua_tolstring(L, index, &t.len);
    return t;
}

struct text api_check_text(lua_State *L, int index, const char *word, const char *what)
{
    struct text t = api_text(L, index);
    if (t.ptr == NULL)
        luaL_error(L, "%s: %s is needed, not %s", word, what, luaL_typename(L, index));
    return t;
}

bool api_options(lua_State *L, int index, const char *word, const char *const *names)
{
    if (lua_isnoneornil(L, index))
        return false;
    if (lua_type(L, index) != LUA_TTABLE)
        luaL_error(L, "%s: options stand in braces, { %s = ... }, not %s", word, names[0], luaL_typename(L, index));
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        size_t i = 0;
        struct text name = lua_type(L, -2) == LUA_TSTRING ? api_text(L, -2) : TEXT("?");
        while (names[i] != NULL && !text_is(name, names[i]))
            i++;
        if (names[i] == NULL)
            api_unknown(L, word, "option", name, names);
    }
    return true;
}

struct text api_option_text(lua_State *L, int index, const char *word, const char *name)
{
    struct text t = TEXT_NONE;
    if (lua_type(L, index) != LUA_TTABLE)
        return t;
    int type = lua_getfield(L, index, name);
    if (type == LUA_TSTRING)
        t = api_text(L, -1);
    else if (type != LUA_TNIL)
        luaL_error(L, "%s: %s takes a text, not %s", word, name, luaL_typename(L, -1));
    lua_pop(L, 1); /* the table keeps it */
    return t;
}

int64_t api_option_int(lua_State *L, int index, const char *word, const char *name, int64_t least, int64_t most,
                       int64_t otherwise)
{
    if (lua_type(L, index) != LUA_TTABLE)
        return otherwise;
    int whole = 1;
    int type = lua_getfield(L, index, name);
    lua_Integer n = type == LUA_TNIL ? otherwise : lua_tointegerx(L, -1, &whole);
    if (type != LUA_TNIL && (type != LUA_TNUMBER || !whole || n < least || n > most))
        luaL_error(L, "%s: %s takes a whole number from %I to %I", word, name, (LUAI_UACINT)least, (LUAI_UACINT)most);
    lua_pop(L, 1);
    return n;
}

void api_count_call(lua_State *L, const char *word)
{
    if (api_run(L)->trace->call_count++ == CALLS_MOST)
        luaL_error(L, "%s: at most %d calls of a hook", word, CALLS_MOST);
}

void api_note_call(lua_State *L, const char *word, const char *what, int status, const char *why)
{
    struct script_run *run = api_run(L);
    struct script_call *call = arena_new(run->req->arena, struct script_call);
    *call = (struct script_call){ .word = word, .what = what, .status = status, .why = why };
    call->took_ns = clock_ns() - run->wait_from_ns;
    *run->trace->last_call = call;
    run->trace->last_call = &call->next;
}

void api_push(lua_State *L, struct text t)
{
    if (t.ptr == NULL)
        lua_pushnil(L);
    else
        lua_pushlstring(L, t.ptr, t.len);
}

/* Is a model configured under that name, or does a provider or a family have it? */
static bool knows_model(const struct config *config, struct text name)
{
    struct text rest = name, head = text_cut(&rest, '/');
    return config_model(config, name) != NULL || (rest.len > 0 && config_provider(config, head) != NULL) ||
           config_family(config, name) != NULL || config->prefix_routing;
}

void api_check_model(lua_State *L, const char *word, struct text name)
{
    const struct config *config = state_of(L)->config;
    if (knows_model(config, name))
        return;
    const char **names = lua_newuserdatauv(L, (config->model_count + 1) * sizeof *names, 0);
    size_t n = 0;
    for (size_t i = 0; i < config->model_count; i++)
        names[n++] = config->models[i].name.ptr;
    names[n] = NULL;
    const char *nearest = text_nearest(name, names);
    lua_pushlstring(L, name.ptr, name.len < 80 ? name.len : 80);
    if (nearest != NULL)
        luaL_error(L, "%s: the model \"%s\" is not configured (did you mean \"%s\"?)", word, lua_tostring(L, -1),
                   nearest);
    luaL_error(L, "%s: the model \"%s\" is not configured", word, lua_tostring(L, -1));
}
