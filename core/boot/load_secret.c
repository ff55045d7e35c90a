/* load_secret.c - env "NAME" and file "path": handles that hold the place of a secret. The Lua state never
 * holds the secret itself, so nothing in it can print one. */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "boot/load_lua.h"

#define SECRET_KIND "secret" /* the name of the metatable, and of the value in Lua's messages */

struct handle {
    bool is_file;
    char name[]; /* NUL-terminated */
};

static int secret_new(lua_State *L);
static int secret_tostring(lua_State *L);
static int secret_concat(lua_State *L);

void load_open_secrets(lua_State *L)
{
    luaL_newmetatable(L, SECRET_KIND);
    lua_pushcfunction(L, secret_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushcfunction(L, secret_concat);
    lua_setfield(L, -2, "__concat");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);

    lua_pushliteral(L, "env");
    lua_pushcclosure(L, secret_new, 1);
    lua_setfield(L, -2, "env");
    lua_pushliteral(L, "file");
    lua_pushcclosure(L, secret_new, 1);
    lua_setfield(L, -2, "file");
}

bool load_get_secret(lua_State *L, int index, struct declare_secret *out)
{
    const struct handle *handle = luaL_testudata(L, index, SECRET_KIND);
    if (handle == NULL)
        return false;
    *out = (struct declare_secret){ handle->is_file, arena_str(load_of(L)->declared->arena, text_of(handle->name)) };
    return true;
}

/* A variable's name, of letters, digits and underscores: what is pasted there by mistake is a key. */
static bool is_variable(struct text name)
{
    if (name.len == 0 || (name.ptr[0] >= '0' && name.ptr[0] <= '9'))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

static bool is_path(struct text path)
{
    for (size_t i = 0; i < path.len; i++)
        if ((unsigned char)path.ptr[i] < ' ' || path.ptr[i] == 127)
            return false;
    return path.len > 0 && path.len < 4096;
}

static int secret_new(lua_State *L)
{
    const char *word = lua_tostring(L, lua_upvalueindex(1));
    bool is_file = word[0] == 'f';
    struct load_place place = { load_line(L), word };
    struct text name = load_text(L, 1);

    if (name.ptr == NULL) {
        load_complain(L, &place, "takes a string, not %s: %s", load_type(L, 1),
                      is_file ? "file \"path\"" : "env \"NAME\"");
        name = TEXT("");
    } else if (is_file ? !is_path(name) : !is_variable(name)) {
        load_complain(L, &place, is_file ? "that is not a path" : "that is not the name of an environment variable");
        name = TEXT("");
    }
    struct handle *handle = lua_newuserdatauv(L, sizeof *handle + name.len + 1, 0);
    handle->is_file = is_file;
    memcpy(handle->name, name.ptr, name.len);
    handle->name[name.len] = '\0';
    luaL_setmetatable(L, SECRET_KIND);
    return 1;
}

static int secret_tostring(lua_State *L)
{
    lua_pushliteral(L, "<secret>");
    return 1;
}

static int secret_concat(lua_State *L)
{
    return luaL_error(L, "a secret cannot be joined with other text: it is read after this file has run");
}
