/* names.c - names that a file misspells, found while it is loaded: gw.NAME.NAME, the libraries of Lua, and NAME of the request in
 * the hooks. It reads tokens, no grammar: a name that the file uses for a thing of its own is not looked at. */
#include <lauxlib.h>
#include <string.h>

#include "script/api.h"

enum kind { END, NAME, SIGN, OTHER }; /* OTHER: texts and numbers */

struct token {
    enum kind kind;
    struct text text; /* of a sign: "..", "==", "::" and one byte else */
    int line;
};

struct reader {
    const char *at, *end;
    int line;
};

enum { OWN_MOST = 256, PARAMETERS_MOST = 8 };

struct names {
    struct text own[OWN_MOST];             /* used for things of the file's own */
    struct text requests[PARAMETERS_MOST]; /* the first parameter of a hook */
    size_t own_count, request_count;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9');
}

/* At "[[" or "[==[": moves behind its end, else stays. */
static bool skip_long(struct reader *r)
{
    const char *p = r->at + 1;
    while (p < r->end && *p == '=')
        p++;
    size_t level = (size_t)(p - r->at) - 1;
    if (p == r->end || *p != '[')
        return false;
    for (; p < r->end; p++) {
        size_t n = 0;
        r->line += *p == '\n';
        if (*p != ']')
            continue;
        while (n < level && p + 1 + n < r->end && p[1 + n] == '=')
            n++;
        if (n == level && p + 1 + n < r->end && p[1 + n] == ']') {
            r->at = p + 2 + n;
            return true;
        }
    }
    r->at = r->end;
    return true;
}

static void skip_quoted(struct reader *r)
{
    char quote = *r->at++;
    while (r->at < r->end && *r->at != quote) {
        if (*r->at == '\\' && r->at + 1 < r->end)
            r->at++;
        r->line += *r->at == '\n';
        r->at++;
    }
    r->at += r->at < r->end;
}

static void skip_blank(struct reader *r)
{
    while (r->at < r->end) {
        if (*r->at == '-' && r->at + 1 < r->end && r->at[1] == '-') {
            r->at += 2;
            if (r->at < r->end && *r->at == '[' && skip_long(r))
                continue;
            while (r->at < r->end && *r->at != '\n')
                r->at++;
        } else if (*r->at == '\n') {
            r->line++;
            r->at++;
        } else if (*r->at == ' ' || *r->at == '\t' || *r->at == '\r') {
            r->at++;
        } else {
            return;
        }
    }
}

static struct token next_token(struct reader *r)
{
    skip_blank(r);
    struct token t = { END, { r->at, 0 }, r->line };
    if (r->at >= r->end)
        return t;
    char c = *r->at;
    if (is_name(c)) {
        t.kind = is_letter(c) ? NAME : OTHER;
        while (r->at < r->end && is_name(*r->at))
            r->at++;
    } else if (c == '"' || c == '\'') {
        t.kind = OTHER;
        skip_quoted(r);
    } else if (c == '[' && skip_long(r)) {
        t.kind = OTHER;
    } else {
        t.kind = SIGN;
        r->at++;
        if ((c == '.' || c == '=' || c == ':') && r->at < r->end && *r->at == c)
            r->at++;
    }
    t.text.len = (size_t)(r->at - t.text.ptr);
    return t;
}

static bool is_in(const struct text *names, size_t count, struct text name)
{
    for (size_t i = 0; i < count; i++)
        if (text_eq(names[i], name))
            return true;
    return false;
}

static void put(struct text *names, size_t *count, size_t most, struct text name)
{
    if (*count < most && !is_in(names, *count, name))
        names[(*count)++] = name;
}

static void put_own(struct names *n, struct text name)
{
    put(n->own, &n->own_count, OWN_MOST, name);
}

/* The parameters of a function, from its "(" on: the first of a hook is the request. */
static void read_parameters(struct reader *r, struct names *n, bool of_hook)
{
    struct token t = next_token(r);
    for (int i = 0; t.kind == NAME || text_is(t.text, ","); t = next_token(r)) {
        if (t.kind != NAME)
            continue;
        if (i++ == 0 && of_hook)
            put(n->requests, &n->request_count, PARAMETERS_MOST, t.text);
        else
            put_own(n, t.text);
    }
}

static bool is_hook(struct text name)
{
    return text_is(name, "on_request") || text_is(name, "on_route") || text_is(name, "on_response") ||
           text_is(name, "on_finish");
}

static bool is_declaring(struct text word)
{
    return text_is(word, "local") || text_is(word, "for");
}

/* Which names mean what, in the whole file. */
static void read_names(struct text source, struct names *n)
{
    struct reader r = { source.ptr, source.ptr + source.len, 1 };
    struct token before = { END, TEXT_NONE, 0 }, last = before;
    for (struct token t = next_token(&r); t.kind != END; t = next_token(&r)) {
        if (text_is(t.text, "function")) {
            bool of_hook = text_is(last.text, "=") && is_hook(before.text), local = text_is(last.text, "local");
            for (t = next_token(&r); t.kind != END && !text_is(t.text, "("); t = next_token(&r)) {
                of_hook = is_hook(t.text);
                if (local)
                    put_own(n, t.text);
            }
            read_parameters(&r, n, of_hook);
            before = last = (struct token){ END, TEXT_NONE, 0 };
            continue;
        }
        if (t.kind == NAME && (is_declaring(last.text) || (text_is(last.text, ",") && is_declaring(before.text))))
            put_own(n, t.text);
        bool goes_on = is_declaring(before.text) && (t.kind == NAME || text_is(t.text, ","));
        before = goes_on ? before : last;
        last = t;
    }
}

static int lookup(lua_State *L)
{
    lua_gettable(L, 1);
    return 1;
}

/* The value of a name takes the place of the table on top of the stack: raises where there is none. */
static void look(lua_State *L, const char *file, const struct token *name)
{
    lua_pushcfunction(L, lookup);
    lua_insert(L, -2);
    lua_pushlstring(L, name->text.ptr, name->text.len);
    if (lua_pcall(L, 2, 1, 0) != LUA_OK)
        luaL_error(L, "%s:%d: %s", file, name->line, lua_tostring(L, -1));
}

/* `first` and all that follows with a dot. The table of globals is at `globals`. */
static void check_chain(lua_State *L, const char *file, int globals, struct reader r, struct token first)
{
    lua_pushvalue(L, globals);
    look(L, file, &first);
    for (struct token dot = next_token(&r); text_is(dot.text, ".") && lua_type(L, -1) == LUA_TTABLE;
         dot = next_token(&r)) {
        struct token name = next_token(&r);
        if (name.kind == NAME)
            look(L, file, &name);
    }
    lua_settop(L, globals);
}

static void check_request(lua_State *L, const char *file, struct reader r)
{
    struct token sign = next_token(&r), name = next_token(&r), then = next_token(&r);
    bool dot = text_is(sign.text, ".");
    if (name.kind != NAME || (!dot && !text_is(sign.text, ":")))
        return;
    int top = lua_gettop(L);
    const char *wrong =
        request_wrong_name(L, name.text, dot, text_is(then.text, "(") || text_is(then.text, "{") || then.kind == OTHER,
                           text_is(then.text, "="));
    if (wrong != NULL)
        luaL_error(L, "%s:%d: %s", file, name.line, wrong);
    lua_settop(L, top);
}

/* Is the name before it called, or asked for a field? */
static bool is_used(struct reader r)
{
    struct token t = next_token(&r);
    return text_is(t.text, ".") || text_is(t.text, "(") || text_is(t.text, "[");
}

void names_check(lua_State *L, const char *file, struct text source)
{
    static const char *const libraries[] = { "gw", "string", "table", "math", "utf8", NULL };
    struct names n = { .own_count = 0 };
    int globals = lua_gettop(L);
    read_names(source, &n);
    if (n.own_count == OWN_MOST) /* it may have more of its own */
        return;
    struct reader r = { source.ptr, source.ptr + source.len, 1 };
    struct token last = { END, TEXT_NONE, 0 };
    for (struct token t = next_token(&r); t.kind != END; last = t, t = next_token(&r)) {
        bool member = text_is(last.text, ".") || text_is(last.text, ":");
        if (t.kind != NAME || member || is_in(n.own, n.own_count, t.text))
            continue;
        if (is_in(n.requests, n.request_count, t.text))
            check_request(L, file, r);
        else if (hint_of("the policy's globals", t.text) != NULL && is_used(r))
            check_chain(L, file, globals, r, t);
        for (size_t i = 0; libraries[i] != NULL; i++)
            if (text_is(t.text, libraries[i]))
                check_chain(L, file, globals, r, t);
    }
}
