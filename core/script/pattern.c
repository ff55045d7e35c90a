/* pattern.c - string.find, match, gmatch and gsub, on the matcher that counts its steps. */
#include <lauxlib.h>
#include <string.h>

#include "base/text.h"
#include "script/match.h"
#include "script/state.h"

/* Where a search begins: offset from 0, or past the end. */
static size_t begin_of(lua_State *L, int index, size_t len)
{
    lua_Integer init = luaL_optinteger(L, index, 1);
    if (init > 0)
        return (size_t)init - 1;
    if (init == 0 || init < -(lua_Integer)len)
        return 0;
    return len - (size_t)-init;
}

static bool is_plain(const char *pattern, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (memchr("^$*+?.([%-", pattern[i], 10) != NULL)
            return false;
    return true;
}

static int search(lua_State *L, bool find)
{
    size_t len, pattern_len;
    const char *s = luaL_checklstring(L, 1, &len), *p = luaL_checklstring(L, 2, &pattern_len);
    size_t init = begin_of(L, 3, len);
    struct match m;
    if (init > len) {
        lua_pushnil(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || is_plain(p, pattern_len))) {
        state_spend(L, (int64_t)(len - init) / 16);
        ptrdiff_t at = text_find((struct text){ s + init, len - init }, (struct text){ p, pattern_len });
        if (at < 0) {
            lua_pushnil(L);
            return 1;
        }
        lua_pushinteger(L, (lua_Integer)init + at + 1);
        lua_pushinteger(L, (lua_Integer)(init + (size_t)at + pattern_len));
        return 2;
    }
    bool anchor = pattern_len > 0 && *p == '^';
    match_init(&m, L, s, len, p, pattern_len);
    if (anchor)
        p++;
    const char *at = s + init;
    do {
        m.level = 0;
        const char *end = match_at(&m, at, p);
        if (end == NULL)
            continue;
        if (!find)
            return match_push_all(&m, at, end);
        lua_pushinteger(L, at - s + 1);
        lua_pushinteger(L, end - s);
        return match_push_all(&m, NULL, NULL) + 2;
    } while (at++ < m.end && !anchor);
    lua_pushnil(L);
    return 1;
}

static int find(lua_State *L)
{
    return search(L, true);
}

static int match(lua_State *L)
{
    return search(L, false);
}

/* Upvalues: the text, the pattern, where to go on, where the last match ended (-1: nowhere). */
static int next_match(lua_State *L)
{
    size_t len, pattern_len;
    const char *s = lua_tolstring(L, lua_upvalueindex(1), &len),
               *p = lua_tolstring(L, lua_upvalueindex(2), &pattern_len);
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    struct match m;
    match_init(&m, L, s, len, p, pattern_len);
    for (const char *at = s + lua_tointeger(L, lua_upvalueindex(3)); at <= m.end; at++) {
        m.level = 0;
        const char *end = match_at(&m, at, p);
        if (end == NULL || end - s == last)
            continue;
        lua_pushinteger(L, end - s);
        lua_pushvalue(L, -1);
        lua_replace(L, lua_upvalueindex(3));
        lua_replace(L, lua_upvalueindex(4));
        return match_push_all(&m, at, end);
    }
    return 0;
}

static int gmatch(lua_State *L)
{
    size_t len;
    luaL_checklstring(L, 1, &len);
    luaL_checkstring(L, 2);
    size_t init = begin_of(L, 3, len);
    lua_settop(L, 2);
    lua_pushinteger(L, (lua_Integer)(init > len ? len + 1 : init));
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, next_match, 4);
    return 1;
}

/* The text of a replacement, with %1 in it. */
static void add_text(struct match *m, luaL_Buffer *b, const char *s, const char *e)
{
    lua_State *L = m->L;
    size_t len;
    const char *text = lua_tolstring(L, 3, &len), *end = text + len, *p;
    while ((p = memchr(text, '%', (size_t)(end - text))) != NULL) {
        luaL_addlstring(b, text, (size_t)(p - text));
        p++;
        if (p < end && *p == '%') {
            luaL_addchar(b, '%');
        } else if (p < end && *p == '0') {
            luaL_addlstring(b, s, (size_t)(e - s));
        } else if (p < end && *p >= '1' && *p <= '9') {
            match_push(m, *p - '1', s, e);
            luaL_tolstring(L, -1, NULL);
            lua_remove(L, -2);
            luaL_addvalue(b);
        } else {
            luaL_error(L, "invalid use of '%%' in replacement string");
        }
        text = p + 1;
    }
    luaL_addlstring(b, text, (size_t)(end - text));
}

/* True: the match was replaced. */
static bool add_value(struct match *m, luaL_Buffer *b, const char *s, const char *e, int type)
{
    lua_State *L = m->L;
    if (type == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        lua_call(L, match_push_all(m, s, e), 1);
    } else if (type == LUA_TTABLE) {
        match_push(m, 0, s, e);
        lua_gettable(L, 3);
    } else {
        add_text(m, b, s, e);
        return true;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(b, s, (size_t)(e - s));
        return false;
    }
    if (!lua_isstring(L, -1))
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    luaL_addvalue(b);
    return true;
}

static int gsub(lua_State *L)
{
    size_t len, pattern_len;
    const char *s = luaL_checklstring(L, 1, &len), *p = luaL_checklstring(L, 2, &pattern_len), *last = NULL;
    int type = lua_type(L, 3);
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)len + 1), n = 0;
    bool anchor = pattern_len > 0 && *p == '^', changed = false;
    struct match m;
    luaL_Buffer b;
    luaL_argexpected(L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE, 3,
                     "string/function/table");
    luaL_buffinit(L, &b);
    match_init(&m, L, s, len, p, pattern_len);
    if (anchor)
        p++;
    while (n < most) {
        m.level = 0;
        const char *end = match_at(&m, s, p);
        if (end != NULL && end != last) {
            n++;
            changed = add_value(&m, &b, s, end, type) || changed;
            s = last = end;
        } else if (s < m.end) {
            luaL_addchar(&b, *s++);
        } else {
            break;
        }
        if (anchor)
            break;
    }
    if (!changed) {
        lua_pushvalue(L, 1);
    } else {
        luaL_addlstring(&b, s, (size_t)(m.end - s));
        luaL_pushresult(&b);
    }
    lua_pushinteger(L, n);
    return 2;
}

void pattern_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "find", find }, { "match", match }, { "gmatch", gmatch }, { "gsub", gsub }, { NULL, NULL }
    };
    luaL_setfuncs(L, functions, 0);
}
