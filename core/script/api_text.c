/* api_text.c - gw.text: questions about texts, answered in C. */
#include <lauxlib.h>
#include <string.h>

#include "base/crypto.h"
#include "script/api.h"

static struct text one(lua_State *L, int index, const char *word)
{
    struct text t = api_check_text(L, index, word, "a text");
    state_spend(L, 1 + (int64_t)t.len / 16);
    return t;
}

static int contains(lua_State *L)
{
    struct text t = one(L, 1, "gw.text.contains"), part = one(L, 2, "gw.text.contains");
    lua_pushboolean(L, text_find(t, part) >= 0);
    return 1;
}

static int starts(lua_State *L)
{
    struct text t = one(L, 1, "gw.text.starts"), part = one(L, 2, "gw.text.starts");
    lua_pushboolean(L, text_starts(t, part));
    return 1;
}

static int ends(lua_State *L)
{
    struct text t = one(L, 1, "gw.text.ends"), part = one(L, 2, "gw.text.ends");
    lua_pushboolean(L, text_ends(t, part));
    return 1;
}

static char small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static int lower(lua_State *L)
{
    struct text t = one(L, 1, "gw.text.lower");
    luaL_Buffer b;
    char *out = luaL_buffinitsize(L, &b, t.len);
    for (size_t i = 0; i < t.len; i++)
        out[i] = small(t.ptr[i]);
    luaL_pushresultsize(&b, t.len);
    return 1;
}

/* `*` is any text. Each star goes back to where it was at most once for each byte: len * pattern steps. */
static int like(lua_State *L)
{
    struct text t = one(L, 1, "gw.text.like"), p = one(L, 2, "gw.text.like");
    size_t i = 0, k = 0, star = SIZE_MAX, from = 0;
    while (i < t.len) {
        if (k < p.len && p.ptr[k] == '*') {
            star = k++;
            from = i;
        } else if (k < p.len && p.ptr[k] == t.ptr[i]) {
            k++;
            i++;
        } else if (star != SIZE_MAX) {
            k = star + 1;
            i = ++from;
            state_spend(L, 1);
        } else {
            break;
        }
    }
    while (k < p.len && p.ptr[k] == '*')
        k++;
    lua_pushboolean(L, i == t.len && k == p.len);
    return 1;
}

static int digest(lua_State *L)
{
    uint8_t bytes[CRYPTO_SHA256_LEN];
    char hex[33];
    crypto_sha256(one(L, 1, "gw.text.digest"), bytes);
    state_spend(L, 20);
    crypto_hex(bytes, 16, hex);
    lua_pushlstring(L, hex, 32);
    return 1;
}

static int fill(lua_State *L)
{
    struct text rest = one(L, 1, "gw.text.fill");
    luaL_Buffer b;
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_buffinit(L, &b);
    for (;;) {
        ptrdiff_t at = text_find(rest, TEXT("{{")),
                  end = at < 0 ? -1 : text_find((struct text){ rest.ptr + at, rest.len - (size_t)at }, TEXT("}}"));
        if (end < 0)
            break;
        luaL_addlstring(&b, rest.ptr, (size_t)at);
        struct text name = text_trim((struct text){ rest.ptr + at + 2, (size_t)end - 2 });
        lua_pushlstring(L, name.ptr, name.len);
        lua_pushvalue(L, -1);
        if (lua_gettable(L, 2) == LUA_TNIL)
            return luaL_error(L, "gw.text.fill: nothing is given for {{%s}}", lua_tostring(L, -2));
        luaL_tolstring(L, -1, NULL);
        lua_replace(L, -3);
        lua_pop(L, 1);
        luaL_addvalue(&b);
        rest.ptr += at + end + 2;
        rest.len -= (size_t)(at + end + 2);
    }
    luaL_addlstring(&b, rest.ptr, rest.len);
    luaL_pushresult(&b);
    return 1;
}

/* The first of each script's letters, and the one behind the last. In order. */
static const struct {
    uint32_t from, to;
    const char *name;
} scripts[] = {
    { 'A', 'Z' + 1, "latin" },    { 'a', 'z' + 1, "latin" },    { 0xc0, 0x250, "latin" },
    { 0x370, 0x400, "greek" },    { 0x400, 0x530, "cyrillic" }, { 0x531, 0x590, "armenian" },
    { 0x5d0, 0x600, "hebrew" },   { 0x620, 0x780, "arabic" },   { 0x900, 0x980, "devanagari" },
    { 0x980, 0xe00, "other" },    { 0xe01, 0xe80, "thai" },     { 0xe80, 0x1100, "other" },
    { 0x1100, 0x1200, "hangul" }, { 0x1200, 0x1e00, "other" },  { 0x1e00, 0x1f00, "latin" },
    { 0x1f00, 0x2000, "greek" },  { 0x3041, 0x3100, "kana" },   { 0x3400, 0xa000, "han" },
    { 0xa000, 0xac00, "other" },  { 0xac00, 0xd7b0, "hangul" }, { 0xf900, 0xfb00, "han" },
    { 0xfb50, 0xfe00, "arabic" }, { 0xfe70, 0xff00, "arabic" }, { 0xff66, 0xffa0, "kana" },
    { 0x20000, 0x32000, "han" },
};
enum { SCRIPTS = sizeof scripts / sizeof *scripts };

/* Of which script are most of the letters? */
static int script(lua_State *L)
{
    struct text t = one(L, 1, "gw.text.script");
    size_t counts[SCRIPTS] = { 0 }, best = SCRIPTS, most = 0;
    bool valid;
    state_spend(L, (int64_t)t.len / 4);
    for (size_t at = 0, len; at < t.len; at += len) {
        len = text_utf8_step(t, at, &valid);
        static const unsigned char first[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
        uint32_t c = (unsigned char)t.ptr[at] & first[len];
        for (size_t i = 1; i < len; i++)
            c = c << 6 | ((unsigned char)t.ptr[at + i] & 0x3f);
        for (size_t i = 0; valid && i < SCRIPTS && scripts[i].from <= c; i++)
            counts[i] += c < scripts[i].to && c != 0xd7 && c != 0xf7; /* signs among the letters */
    }
    for (size_t i = 0; i < SCRIPTS; i++) {
        size_t sum = 0;
        for (size_t k = 0; k < SCRIPTS; k++)
            sum += strcmp(scripts[i].name, scripts[k].name) == 0 ? counts[k] : 0;
        if (sum > most) {
            most = sum;
            best = i;
        }
    }
    lua_pushstring(L, best < SCRIPTS ? scripts[best].name : "");
    return 1;
}

/* Upvalue: the words. find(self, text): the first of the list that is in it, in any case of ASCII letters. */
static int find_word(lua_State *L)
{
    struct script_state *s = state_of(L);
    struct text t = one(L, 2, "words:find");
    buf_truncate(&s->text, 0);
    char *copy = t.len > 0 ? buf_extend(&s->text, t.len) : NULL;
    if (t.len > 0 && copy == NULL)
        return luaL_error(L, "words:find: the text is too long");
    for (size_t i = 0; i < t.len; i++)
        copy[i] = small(t.ptr[i]);
    lua_Integer n = (lua_Integer)lua_rawlen(L, lua_upvalueindex(1));
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, lua_upvalueindex(1), i);
        state_spend(L, (int64_t)t.len / 32);
        if (text_find(buf_view(&s->text), api_text(L, -1)) >= 0)
            return 1;
        lua_pop(L, 1);
    }
    lua_pushnil(L);
    return 1;
}

static int words(lua_State *L)
{
    if (lua_type(L, 1) != LUA_TTABLE)
        return luaL_error(L, "gw.text.words takes a list of texts, { \"a\", \"b\" }, not %s", luaL_typename(L, 1));
    lua_Integer n = luaL_len(L, 1);
    lua_newtable(L);
    lua_newtable(L);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_pushcfunction(L, lower);
        if (lua_geti(L, 1, i) != LUA_TSTRING)
            return luaL_error(L, "gw.text.words: a list of texts is needed");
        lua_call(L, 1, 1);
        lua_rawseti(L, 3, i);
    }
    lua_pushcclosure(L, find_word, 1);
    lua_setfield(L, 2, "find");
    api_freeze(L, "gw.text.words", "function", NULL);
    return 1;
}

const struct api_row api_text_rows[] = {
    { "contains", contains, API_ALWAYS, false, "text, part", "boolean", "Is the part in it?" },
    { "starts", starts, API_ALWAYS, false, "text, part", "boolean", "Does it begin with the part?" },
    { "ends", ends, API_ALWAYS, false, "text, part", "boolean", "Does it end with the part?" },
    { "lower", lower, API_ALWAYS, false, "text", "string", "ASCII letters become small" },
    { "like", like, API_ALWAYS, false, "text, pattern", "boolean", "The whole text; * is any text" },
    { "digest", digest, API_ALWAYS, false, "text", "string", "32 hex digits of its SHA-256" },
    { "fill", fill, API_ALWAYS, false, "text, values", "string",
      "{{name}} becomes values.name; raises where there is none" },
    { "script", script, API_ALWAYS, false, "text", "string",
      "Of most of its letters: latin cyrillic greek armenian hebrew arabic devanagari thai hangul kana han, or other; \"\" without letters" },
    { "words", words, API_ALWAYS, false, "list", "gw.Words",
      ":find(text) is the first of the words in it, in any case; for req:find" },
    { .name = NULL },
};
