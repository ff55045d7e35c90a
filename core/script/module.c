/* module.c - require: a Lua file under the folder of the policy's file. It is read while the configuration is loaded and kept with it; each state
 * of the policy runs it once, in the policy's sandbox. */
#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "script/api.h"

enum { SOURCE_MOST = 1 << 20, SHOWN_MOST = 50 /* bytes of a file's name in Lua's messages */, DEPTH_MOST = 16 };

/* Modules that are being loaded, the innermost first. */
struct module_loading {
    const struct module_loading *outer;
    struct text name;
};

static const char globals_key,
    modules_key; /* addresses used as keys of the registry; modules_key: a table of the modules' results by name */

void module_open(lua_State *L)
{
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &globals_key);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &modules_key);
}

static bool is_part(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* Raises where not: it can then leave the folder by links alone. */
static void check_name(lua_State *L, struct text name)
{
    bool good = name.len > 0 && name.len <= 100;
    for (size_t i = 0; i < name.len && good; i++)
        good = is_part(name.ptr[i]) || (name.ptr[i] == '.' && i > 0 && i + 1 < name.len && name.ptr[i - 1] != '.');
    if (!good)
        luaL_error(L,
                   "require: a module is named as \"lib.words\", which is lib/words.lua in the folder of the policy: "
                   "letters, digits, _ and -, with dots between, not \"%s\"",
                   name.ptr);
}

static void check_depth(lua_State *L, const struct script_state *s, struct text name)
{
    int depth = 0;
    bool cycle = false;
    for (const struct module_loading *l = s->loading; l != NULL; l = l->outer) {
        cycle = cycle || text_eq(l->name, name);
        depth++;
    }
    if (cycle) { /* from the first of it on */
        lua_pushstring(L, name.ptr);
        for (const struct module_loading *l = s->loading;; l = l->outer) {
            lua_pushfstring(L, "%s -> %s", l->name.ptr, lua_tostring(L, -1));
            if (text_eq(l->name, name))
                break;
        }
        luaL_error(L, "require: modules need each other: %s", lua_tostring(L, -1));
    }
    if (depth == DEPTH_MOST)
        luaL_error(L, "require: at most %d modules may need each the next one", DEPTH_MOST);
}

/* "lib.words" -> "lib/words.lua" behind `folder`; cut where it does not fit. */
static void write_path(char *out, size_t size, struct text folder, struct text name)
{
    int len = snprintf(out, size, "%.*s%s%.*s.lua", TEXT_ARG(folder), folder.len > 0 ? "/" : "", TEXT_ARG(name));
    size_t from = folder.len + (folder.len > 0 ? 1 : 0);
    for (size_t i = from; i < from + name.len && i < size && i < (size_t)len; i++)
        if (out[i] == '.')
            out[i] = '/';
}

/* As Lua's messages have it: the end of it, where it is long. */
static const char *shown(const struct config_policy *p, struct text name)
{
    char path[PATH_MAX];
    const char *slash = strrchr(p->file, '/');
    write_path(path, sizeof path, (struct text){ p->file, slash != NULL ? (size_t)(slash - p->file) : 0 }, name);
    size_t len = strlen(path);
    return len <= SHOWN_MOST ? arena_str(p->reads, text_of(path))
                             : arena_printf(p->reads, "...%s", path + len - (SHOWN_MOST - 3));
}

/* The file as it is, links followed. Raises where there is none in the folder. */
static void find_file(lua_State *L, const struct config_policy *p, struct text name, const char *file, char *real)
{
    char path[PATH_MAX], folder[PATH_MAX];
    write_path(path, sizeof path, text_of(p->folder), name);
    if (realpath(p->folder, folder) == NULL || realpath(path, real) == NULL)
        luaL_error(L, "require: %s cannot be read: %s", file, strerror(errno));
    size_t len = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
    if (strncmp(real, folder, len) != 0 || real[len] != '/')
        luaL_error(L, "require: %s is a link out of the policy's folder", file);
}

static const struct config_module *read_module(lua_State *L, struct script_state *s, struct text name)
{
    struct config_policy *p = s->policy;
    char real[PATH_MAX];
    for (const struct config_module *m = p->modules; m != NULL; m = m->next)
        if (text_eq(text_of(m->name), name))
            return m;
    if (p->folder == NULL)
        luaL_error(L, "require: a rule without a file has no folder with modules");
    if (p->reads == NULL)
        luaL_error(L, "require: \"%s\" was not required when the configuration was loaded", name.ptr);
    struct config_module *m = arena_new(p->reads, struct config_module);
    m->name = arena_str(p->reads, name);
    m->file = shown(p, name);
    find_file(L, p, name, m->file, real);
    buf_free(&s->text);
    if (file_read(real, &s->text) < 0)
        luaL_error(L, "require: %s cannot be read: %s", m->file, strerror(errno));
    if (s->text.len > SOURCE_MOST)
        luaL_error(L, "require: %s has more than 1 MB", m->file);
    m->path = arena_str(p->reads, text_of(real));
    m->source = arena_text(p->reads, buf_view(&s->text));
    m->next = p->modules;
    return p->modules = m;
}

/* The value on top of the stack becomes one that cannot be changed, and so do the tables in it. A table with a metatable of its own stays as it is.
 * `seen`: a table of those that are frozen. */
static void freeze(lua_State *L, int seen, const struct config_module *m, int depth)
{
    if (lua_type(L, -1) != LUA_TTABLE)
        return;
    luaL_checkstack(L, 12, "a module");
    if (depth > DEPTH_MOST)
        luaL_error(L, "%s: what it returns is nested too deeply", m->file);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, seen) == LUA_TTABLE) {
        lua_remove(L, -2);
        return;
    }
    lua_pop(L, 1);
    if (lua_getmetatable(L, -1)) {
        lua_pop(L, 1);
        return;
    }
    int real = lua_gettop(L);
    lua_pushvalue(L, real);
    api_freeze_data(L, m->name, false);
    lua_pushvalue(L, real);
    lua_pushvalue(L, -2);
    lua_rawset(L, seen);
    for (lua_pushnil(L); lua_next(L, real) != 0;) {
        state_spend(L, 1);
        freeze(L, seen, m, depth + 1);
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, real); /* the key is there: the walk goes on */
    }
    lua_remove(L, real);
}

/* An error without a place gets one, while what was called still stands. */
static int place_error(lua_State *L)
{
    const char *file, *text = lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : NULL;
    int line;
    if (text == NULL)
        text = lua_pushfstring(L, "error() was called with %s, not with a text", luaL_typename(L, 1));
    if (!state_is_placed(state_of(L), text) && state_place(L, &file, &line))
        text = lua_pushfstring(L, "%s:%d: %s", file, line, text);
    lua_pushstring(L, text);
    return 1;
}

/* Protected: the module -> what its file returns. */
static int run_file(lua_State *L)
{
    const struct config_module *m = lua_touserdata(L, 1);
    const char *chunk = lua_pushfstring(L, "=%s", m->file);
    if (luaL_loadbufferx(L, m->source.ptr, m->source.len, chunk, "t") != LUA_OK) {
        const char *why = lua_tostring(L, -1);
        return state_is_placed(state_of(L), why) ? lua_error(L) : luaL_error(L, "%s:1: %s", m->file, why);
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &globals_key);
    names_check(L, m->file, m->source);
    lua_setupvalue(L, -2, 1);
    lua_call(L, 0, 1);
    return 1;
}

/* What its file returns, on the stack, frozen. */
static void run_module(lua_State *L, struct script_state *s, const struct config_module *m)
{
    struct module_loading here = { s->loading, text_of(m->name) };
    lua_newtable(L);
    int seen = lua_gettop(L);
    lua_pushcfunction(L, place_error);
    lua_pushcfunction(L, run_file);
    lua_pushlightuserdata(L, (void *)(uintptr_t)m);
    s->loading = &here;
    int status = lua_pcall(L, 1, 1, seen + 1);
    s->loading = here.outer;
    if (status == LUA_ERRMEM)
        state_check(L, status);
    if (status != LUA_OK)
        lua_error(L);
    if (lua_isnil(L, -1))
        luaL_error(L, "require: %s returns nothing: it must end with `return`, a table of functions for example",
                   m->file);
    freeze(L, seen, m, 0);
}

int module_require(lua_State *L)
{
    struct script_state *s = state_of(L);
    struct text name = api_check_text(L, 1, "require", "the name of a module");
    if (s->run != NULL)
        return luaL_error(
            L,
            "require reads while the policy is loaded, not in a hook: write `local x = require \"%s\"` at the top "
            "of the file",
            name.ptr);
    lua_settop(L, 1);
    check_name(L, name);
    check_depth(L, s, name);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &modules_key);
    lua_pushvalue(L, 1);
    if (lua_rawget(L, 2) != LUA_TNIL)
        return 1;
    run_module(L, s, read_module(L, s, name));
    lua_pushvalue(L, 1);
    lua_pushvalue(L, -2);
    lua_rawset(L, 2);
    return 1;
}
