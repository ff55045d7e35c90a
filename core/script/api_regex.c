/* api_regex.c - gw.regex: patterns of PCRE2, compiled while the file is loaded. */
#include <lauxlib.h>
#include <string.h>

#include "script/api.h"
#include "script/regex.h"

enum { WHY_LEN = 320 };

static const char regex_key; /* its address: the metatable's place in the registry */

static int collect(lua_State *L)
{
    regex_fini(lua_touserdata(L, 1));
    return 0;
}

/* The pattern at 1. */
static struct regex *regex_at(lua_State *L, const char *word)
{
    bool is = false;
    if (lua_type(L, 1) == LUA_TUSERDATA && lua_getmetatable(L, 1)) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &regex_key);
        is = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
    }
    if (!is)
        luaL_error(L, "%s: write it with a colon, pattern:%s(text)", word, word + sizeof "regex:" - 1);
    return lua_touserdata(L, 1);
}

static struct text subject_at(lua_State *L, const char *word)
{
    struct text t = api_check_text(L, 2, word, "a text");
    state_spend(L, 1 + (int64_t)t.len / 64);
    if (!text_is_utf8(t))
        luaL_error(L, "%s: the text is not UTF-8", word);
    return t;
}

/* True: it was found. */
static bool search(lua_State *L, struct regex *r, const char *word, struct text t, size_t from, bool moves,
                   struct regex_hit *hit)
{
    char why[WHY_LEN];
    enum regex_end end = regex_find(r, t, from, moves, hit, why, sizeof why);
    if (end == REGEX_STOPPED)
        state_spend(L, 0); /* raises */
    if (end == REGEX_WRONG)
        luaL_error(L, "%s: %s", word, why);
    return end == REGEX_FOUND;
}

static void push_part(lua_State *L, struct text t, const size_t at[2])
{
    if (at[0] == SIZE_MAX)
        lua_pushnil(L);
    else
        lua_pushlstring(L, t.ptr + at[0], at[1] - at[0]);
}

static int find(lua_State *L)
{
    struct regex *r = regex_at(L, "regex:find");
    struct text t = subject_at(L, "regex:find");
    struct regex_hit hit;
    if (search(L, r, "regex:find", t, 0, false, &hit))
        push_part(L, t, hit.at);
    else
        lua_pushnil(L);
    return 1;
}

/* The replacement is the text at 3, in which %1 is a capture, %0 the match and %% a percent sign. */
static void add_text(lua_State *L, luaL_Buffer *b, const struct regex *r, struct text t, const struct regex_hit *hit)
{
    struct text with = api_text(L, 3);
    for (size_t i = 0; i < with.len; i++) {
        char c = with.ptr[i];
        if (c != '%') {
            luaL_addchar(b, c);
            continue;
        }
        c = ++i < with.len ? with.ptr[i] : '\0';
        unsigned n = c >= '0' && c <= '9' ? (unsigned)(c - '0') : REGEX_CAPTURES;
        if (c == '%')
            luaL_addchar(b, '%');
        else if (n > r->captures)
            luaL_error(L, "regex:gsub: %%0 to %%%d are the match and its captures, %%%% is a percent sign",
                       (int)(r->captures < 9 ? r->captures : 9));
        else if (hit->at[2 * n] != SIZE_MAX)
            luaL_addlstring(b, t.ptr + hit->at[2 * n], hit->at[2 * n + 1] - hit->at[2 * n]);
    }
    state_spend(L, 1 + (int64_t)with.len / 8);
}

/* It is what the function at 3 returns of the captures, or of the match where the pattern has none. */
static void add_returned(lua_State *L, luaL_Buffer *b, const struct regex *r, struct text t,
                         const struct regex_hit *hit)
{
    unsigned first = r->captures > 0 ? 1 : 0;
    luaL_checkstack(L, REGEX_CAPTURES + 2, NULL);
    lua_pushvalue(L, 3);
    for (unsigned i = first; i <= r->captures; i++)
        push_part(L, t, &hit->at[2 * i]);
    lua_call(L, (int)(r->captures - first + 1), 1);
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(b, t.ptr + hit->at[0], hit->at[1] - hit->at[0]);
    } else if (!lua_isstring(L, -1)) {
        luaL_error(L, "regex:gsub: the function returns a text or nothing, not %s", luaL_typename(L, -1));
    } else {
        luaL_addvalue(b);
    }
}

static int gsub(lua_State *L)
{
    struct regex *r = regex_at(L, "regex:gsub");
    struct text t = subject_at(L, "regex:gsub");
    struct regex_hit hit;
    luaL_Buffer b;
    size_t done = 0;
    bool called = lua_type(L, 3) == LUA_TFUNCTION;
    lua_settop(L, 3);
    if (!called)
        api_check_text(L, 3, "regex:gsub", "a text or a function");
    luaL_buffinit(L, &b);
    for (bool moves = false; search(L, r, "regex:gsub", t, done, moves, &hit); moves = true) {
        luaL_addlstring(&b, t.ptr + done, hit.at[0] - done);
        if (called)
            add_returned(L, &b, r, t, &hit);
        else
            add_text(L, &b, r, t, &hit);
        done = hit.at[1];
    }
    luaL_addlstring(&b, t.ptr + done, t.len - done);
    luaL_pushresult(&b);
    return 1;
}

const struct api_row api_regex_methods[] = {
    { "find", find, API_ALWAYS, false, "text", "string?", "The first part of the text that it matches" },
    { "gsub", gsub, API_ALWAYS, false, "text, with", "string",
      "The text with each match replaced: by a text, in which %1 is a capture and %0 the match, or by what a function returns of the captures; where that is nil it stays" },
    { .name = NULL },
};

static void push_metatable(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &regex_key) != LUA_TNIL)
        return;
    lua_pop(L, 1);
    lua_createtable(L, 0, 3);
    lua_newtable(L);
    for (const struct api_row *row = api_regex_methods; row->name != NULL; row++) {
        lua_pushcfunction(L, row->call); /* they may be called always */
        lua_setfield(L, -2, row->name);
    }
    api_freeze(L, "a regex", "function", NULL);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushcfunction(L, collect); /* of C: it runs no policy's code */
    lua_setfield(L, -2, "__gc");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &regex_key);
}

static int regex(lua_State *L)
{
    struct text pattern = api_check_text(L, 1, "gw.regex", "a pattern");
    char why[WHY_LEN];
    struct regex *r = lua_newuserdatauv(L, sizeof *r, 0);
    memset(r, 0, sizeof *r);
    push_metatable(L);
    lua_setmetatable(L, -2);
    if (!regex_compile(r, state_of(L), pattern, why, sizeof why))
        return luaL_error(L, "gw.regex: %s", why);
    return 1;
}

const struct api_row api_regex_rows[] = {
    { "regex", regex, API_LOAD, false, "pattern", "gw.Regex",
      "A pattern of PCRE2, in UTF-8, compiled at the top of the file; for req:find" },
    { .name = NULL },
};
