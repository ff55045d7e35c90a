/* match.c - Lua's patterns, with every step counted: a pattern can take a time that grows with a power of the text's length.
 *
 * After the matcher of Lua 5.4 (lstrlib.c), which has this licence:
 *
 * Copyright (C) 1994-2023 Lua.org, PUC-Rio.
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files
 * (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge,
 * publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do
 * so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
 * MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE
 * FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
 * CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE. */
#include "script/match.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

#include "script/state.h"

enum { DEPTH_MOST = 200 };
#define ESCAPE '%'

void match_init(struct match *m, lua_State *L, const char *s, size_t len, const char *pattern, size_t pattern_len)
{
    m->L = L;
    m->from = s;
    m->end = s + len;
    m->pattern_end = pattern + pattern_len;
    m->depth = DEPTH_MOST;
    m->level = 0;
}

static unsigned char byte(const char *s)
{
    return (unsigned char)*s;
}

static int capture_of(struct match *m, int digit)
{
    int l = digit - '1';
    if (l < 0 || l >= m->level || m->captures[l].len == MATCH_UNFINISHED)
        return luaL_error(m->L, "invalid capture index %%%d", l + 1);
    return l;
}

static int capture_to_close(struct match *m)
{
    int level = m->level;
    for (level--; level >= 0; level--)
        if (m->captures[level].len == MATCH_UNFINISHED)
            return level;
    return luaL_error(m->L, "invalid pattern capture");
}

/* After the class of one character that begins at p. */
static const char *class_end(struct match *m, const char *p)
{
    if (p == m->pattern_end)
        luaL_error(m->L, "malformed pattern (ends with '%%')");
    char c = *p++;
    if (c == ESCAPE) {
        if (p == m->pattern_end)
            luaL_error(m->L, "malformed pattern (ends with '%%')");
        return p + 1;
    }
    if (c != '[')
        return p;
    if (p < m->pattern_end && *p == '^')
        p++;
    do { /* the first ']' is one of the characters */
        if (p == m->pattern_end)
            luaL_error(m->L, "malformed pattern (missing ']')");
        c = *p++;
        if (c == ESCAPE && p < m->pattern_end)
            p++;
        if (p == m->pattern_end)
            luaL_error(m->L, "malformed pattern (missing ']')");
    } while (*p != ']');
    return p + 1;
}

static bool is_of_class(int c, int cl)
{
    bool is;
    switch (tolower(cl)) {
    case 'a':
        is = isalpha(c);
        break;
    case 'c':
        is = iscntrl(c);
        break;
    case 'd':
        is = isdigit(c);
        break;
    case 'g':
        is = isgraph(c);
        break;
    case 'l':
        is = islower(c);
        break;
    case 'p':
        is = ispunct(c);
        break;
    case 's':
        is = isspace(c);
        break;
    case 'u':
        is = isupper(c);
        break;
    case 'w':
        is = isalnum(c);
        break;
    case 'x':
        is = isxdigit(c);
        break;
    default:
        return cl == c;
    }
    return isupper(cl) ? !is : is;
}

/* p: '['; end: ']'. */
static bool is_of_set(int c, const char *p, const char *end)
{
    bool found = true;
    if (p[1] == '^') {
        found = false;
        p++;
    }
    while (++p < end) {
        if (*p == ESCAPE) {
            p++;
            if (is_of_class(c, byte(p)))
                return found;
        } else if (p[1] == '-' && p + 2 < end) {
            p += 2;
            if (byte(p - 2) <= c && c <= byte(p))
                return found;
        } else if (byte(p) == c) {
            return found;
        }
    }
    return !found;
}

static bool matches_one(struct match *m, const char *s, const char *p, const char *ep)
{
    if (s >= m->end)
        return false;
    int c = byte(s);
    switch (*p) {
    case '.':
        return true;
    case ESCAPE:
        return is_of_class(c, byte(p + 1));
    case '[':
        state_spend(m->L, (ep - p) / 8);
        return is_of_set(c, p, ep - 1);
    default:
        return byte(p) == c;
    }
}

static const char *balanced(struct match *m, const char *s, const char *p)
{
    if (p >= m->pattern_end - 1)
        luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
    if (s >= m->end || *s != *p)
        return NULL;
    int depth = 1;
    for (const char *at = s + 1; at < m->end; at++) {
        if (((at - s) & 63) == 0)
            state_spend(m->L, 64);
        if (*at == p[1]) {
            if (--depth == 0)
                return at + 1;
        } else if (*at == *p) {
            depth++;
        }
    }
    return NULL;
}

static const char *most(struct match *m, const char *s, const char *p, const char *ep)
{
    ptrdiff_t i = 0;
    while (matches_one(m, s + i, p, ep))
        if ((++i & 63) == 0)
            state_spend(m->L, 64);
    while (i >= 0) {
        const char *end = match_at(m, s + i, ep + 1);
        if (end != NULL)
            return end;
        i--;
    }
    return NULL;
}

static const char *least(struct match *m, const char *s, const char *p, const char *ep)
{
    for (;;) {
        const char *end = match_at(m, s, ep + 1);
        if (end != NULL)
            return end;
        if (!matches_one(m, s, p, ep))
            return NULL;
        s++;
    }
}

static const char *begin_capture(struct match *m, const char *s, const char *p, int what)
{
    if (m->level >= MATCH_CAPTURES)
        luaL_error(m->L, "too many captures");
    m->captures[m->level].at = s;
    m->captures[m->level].len = what;
    m->level++;
    const char *end = match_at(m, s, p);
    if (end == NULL)
        m->level--;
    return end;
}

static const char *end_capture(struct match *m, const char *s, const char *p)
{
    int l = capture_to_close(m);
    m->captures[l].len = s - m->captures[l].at;
    const char *end = match_at(m, s, p);
    if (end == NULL)
        m->captures[l].len = MATCH_UNFINISHED;
    return end;
}

static const char *same_as_capture(struct match *m, const char *s, int digit)
{
    int l = capture_of(m, digit);
    size_t len = (size_t)m->captures[l].len;
    state_spend(m->L, (int64_t)len / 16);
    if (m->captures[l].len >= 0 && (size_t)(m->end - s) >= len && memcmp(m->captures[l].at, s, len) == 0)
        return s + len;
    return NULL;
}

static const char *frontier(struct match *m, const char *s, const char **pattern)
{
    const char *p = *pattern + 2;
    if (p == m->pattern_end || *p != '[')
        luaL_error(m->L, "missing '[' after '%%f' in pattern");
    const char *ep = class_end(m, p);
    int before = s == m->from ? '\0' : byte(s - 1), now = s == m->end ? '\0' : byte(s);
    if (is_of_set(before, p, ep - 1) || !is_of_set(now, p, ep - 1))
        return NULL;
    *pattern = ep;
    return s;
}

/* One item of the pattern with what repeats it. *again: the rest is to be matched, at the returned place and *pattern. */
static const char *one_item(struct match *m, const char *s, const char **pattern, bool *again)
{
    const char *p = *pattern, *ep = class_end(m, p), *end;
    char suffix = ep < m->pattern_end ? *ep : '\0';
    bool fits = matches_one(m, s, p, ep);
    *again = false;
    if (suffix == '*' || (suffix == '+' && fits))
        return most(m, suffix == '+' ? s + 1 : s, p, ep);
    if (suffix == '+')
        return NULL;
    if (suffix == '-')
        return least(m, s, p, ep);
    if (suffix == '?') {
        end = fits ? match_at(m, s + 1, ep + 1) : NULL;
        if (end != NULL)
            return end;
        *again = true;
        *pattern = ep + 1;
        return s;
    }
    *again = fits;
    *pattern = ep;
    return fits ? s + 1 : NULL;
}

/* An item that begins with '%' and is no class. False: it is a class. */
static bool special(struct match *m, const char **s, const char **pattern, bool *again)
{
    const char *p = *pattern;
    char c = p + 1 < m->pattern_end ? p[1] : '\0';
    if (c == 'b') {
        *s = balanced(m, *s, p + 2);
        *pattern = p + 4;
    } else if (c == 'f') {
        *s = frontier(m, *s, pattern);
    } else if (isdigit((unsigned char)c)) {
        *s = same_as_capture(m, *s, c);
        *pattern = p + 2;
    } else {
        return false;
    }
    *again = *s != NULL;
    return true;
}

const char *match_at(struct match *m, const char *s, const char *pattern)
{
    const char *p = pattern;
    bool again = true;
    if (m->depth-- == 0)
        luaL_error(m->L, "pattern too complex");
    while (again && p != m->pattern_end) {
        state_spend(m->L, 1);
        again = false;
        if (*p == '(') {
            bool position = p + 1 < m->pattern_end && p[1] == ')';
            s = begin_capture(m, s, p + (position ? 2 : 1), position ? MATCH_POSITION : MATCH_UNFINISHED);
        } else if (*p == ')') {
            s = end_capture(m, s, p + 1);
        } else if (*p == '$' && p + 1 == m->pattern_end) {
            s = s == m->end ? s : NULL;
        } else if (*p != ESCAPE || !special(m, &s, &p, &again)) {
            s = one_item(m, s, &p, &again);
        }
    }
    m->depth++;
    return s;
}

void match_push(struct match *m, int i, const char *s, const char *e)
{
    if (i >= m->level) {
        if (i != 0)
            luaL_error(m->L, "invalid capture index %%%d", i + 1);
        lua_pushlstring(m->L, s, (size_t)(e - s));
        return;
    }
    ptrdiff_t len = m->captures[i].len;
    if (len == MATCH_UNFINISHED)
        luaL_error(m->L, "unfinished capture");
    if (len == MATCH_POSITION)
        lua_pushinteger(m->L, m->captures[i].at - m->from + 1);
    else
        lua_pushlstring(m->L, m->captures[i].at, (size_t)len);
}

int match_push_all(struct match *m, const char *s, const char *e)
{
    int n = m->level == 0 && s != NULL ? 1 : m->level;
    luaL_checkstack(m->L, n, "too many captures");
    for (int i = 0; i < n; i++)
        match_push(m, i, s, e);
    return n;
}
