/* load_sandbox.c - the names gateway.lua sees: harmless functions of Lua's own, the words, nothing else. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <string.h>

#include "base/log.h"
#include "boot/load_lua.h"
#include "boot/words.h"

enum { REP_MAX = 1 << 20 };

static const char unknown_kind; /* its address marks values of unknown names */

static const char *const base_names[] = { "assert", "error",    "ipairs",   "next", "pairs",
                                          "select", "tonumber", "tostring", "type", NULL };
/* What runs long inside C code, where no hook can stop it, or gives out byte code. */
static const char *const string_refused[] = { "dump", NULL };
static const char *const table_refused[] = { "move", NULL };

static void add_library(lua_State *L, const char *name, lua_CFunction open, const char *const *refused);
static void push_unknown(lua_State *L);
static int globals_index(lua_State *L);
static int globals_newindex(lua_State *L);
static int print(lua_State *L);
static int string_rep(lua_State *L);

void load_open_globals(lua_State *L)
{
    lua_newtable(L); /* what may be used */
    luaL_requiref(L, "_G", luaopen_base, 0);
    for (size_t i = 0; base_names[i] != NULL; i++) {
        lua_getfield(L, -1, base_names[i]);
        lua_setfield(L, -3, base_names[i]);
    }
    lua_pop(L, 1);
    add_library(L, LUA_STRLIBNAME, luaopen_string, string_refused);
    add_library(L, LUA_TABLIBNAME, luaopen_table, table_refused);
    add_library(L, LUA_MATHLIBNAME, luaopen_math, NULL);
    lua_pushcfunction(L, print);
    lua_setfield(L, -2, "print");
    load_open_secrets(L);
    load_open_words(L);

    lua_newtable(L); /* the globals: always empty, so that every look-up comes by */
    lua_createtable(L, 0, 3);
    lua_pushvalue(L, -3);
    push_unknown(L);
    lua_pushcclosure(L, globals_index, 2);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, globals_newindex);
    lua_setfield(L, -2, "__newindex");
    lua_setmetatable(L, -2);
    lua_remove(L, -2);
}

static void add_library(lua_State *L, const char *name, lua_CFunction open, const char *const *refused)
{
    luaL_requiref(L, name, open, 0);
    for (size_t i = 0; refused != NULL && refused[i] != NULL; i++) {
        lua_pushnil(L);
        lua_setfield(L, -2, refused[i]);
    }
    if (open == luaopen_string) {
        lua_getfield(L, -1, "rep");
        lua_pushcclosure(L, string_rep, 1);
        lua_setfield(L, -2, "rep");
    }
    lua_setfield(L, -2, name);
}

static int string_rep(lua_State *L)
{
    size_t len;
    luaL_checklstring(L, 1, &len);
    lua_Integer times = luaL_checkinteger(L, 2);
    if (times > REP_MAX || (times > 0 && len > (size_t)(REP_MAX / times)))
        return luaL_error(L, "string.rep: more than %d bytes", REP_MAX);
    lua_settop(L, 3);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 3, 1);
    return 1;
}

/* For somebody who wants to see what a loop does; a secret is shown as <secret>. */
static int print(lua_State *L)
{
    int count = lua_gettop(L);
    lua_pushliteral(L, "");
    for (int i = 1; i <= count; i++) {
        if (i > 1)
            lua_pushliteral(L, " ");
        luaL_tolstring(L, i, NULL);
        lua_concat(L, i > 1 ? 3 : 2);
    }
    const struct load_lua *l = load_of(L);
    log_line(LOG_INFO, "%s:%d: %s", l->complaints->file, load_line(L), lua_tostring(L, -1));
    return 0;
}

/* An unknown name was complained of; what follows it is swallowed, so that the rest is checked too. */
static int unknown_itself(lua_State *L)
{
    lua_settop(L, 1);
    return 1;
}

static int unknown_ignore(lua_State *L)
{
    (void)L;
    return 0;
}

static void push_unknown(lua_State *L)
{
    const void **mark = lua_newuserdatauv(L, sizeof *mark, 0);
    *mark = &unknown_kind;
    lua_createtable(L, 0, 4);
    lua_pushcfunction(L, unknown_itself);
    lua_setfield(L, -2, "__call");
    lua_pushcfunction(L, unknown_itself);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, unknown_ignore);
    lua_setfield(L, -2, "__newindex");
    lua_pushliteral(L, "unknown word");
    lua_setfield(L, -2, "__name");
    lua_setmetatable(L, -2);
}

bool load_is_unknown(lua_State *L, int index)
{
    struct declare_secret secret;
    return lua_type(L, index) == LUA_TUSERDATA && !load_get_secret(L, index, &secret);
}

/* Names people reach for, and what to use instead. */
static const struct {
    const char *name, *instead;
} hints[] = {
    { "os", "there is no os here: secrets come from env \"NAME\" or file \"path\"" },
    { "io", "there is no io here: secrets come from env \"NAME\" or file \"path\"" },
    { "require", "there is no require here: the configuration is one file" },
    { "dofile", "there is no dofile here: the configuration is one file" },
};

static int globals_index(lua_State *L)
{
    struct load_lua *l = load_of(L);
    int line = load_line(L);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
        return 1;

    struct text name = load_text(L, 2);
    const char *shown = load_name(L, name);
    const char *hint = NULL;
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
        if (text_is(name, hints[i].name))
            hint = hints[i].instead;
    const char *nearest = text_nearest(name, words_names());
    if (hint != NULL)
        complain(l->complaints, line, "%s", hint);
    else if (words_is_later(NULL, shown))
        complain(l->complaints, line, "the word \"%s\" is not in this version", shown);
    else if (nearest != NULL)
        complain(l->complaints, line, "unknown word \"%s\" (did you mean \"%s\"?)", shown, nearest);
    else
        complain(l->complaints, line, "unknown word \"%s\"", shown);
    lua_pushvalue(L, lua_upvalueindex(2));
    return 1;
}

static int globals_newindex(lua_State *L)
{
    struct load_lua *l = load_of(L);
    struct text name = load_text(L, 2);
    const char *shown = load_name(L, name);
    bool is_word = false;
    for (size_t i = 0; words_names()[i] != NULL; i++)
        is_word = is_word || text_is(name, words_names()[i]);
    if (is_word)
        complain(l->complaints, load_line(L), "\"%s\" is a word, not a variable: write it without \"=\"", shown);
    else
        complain(l->complaints, load_line(L), "a variable must be local: local %s = ...", shown);
    return 0;
}
