/* edit.c - the methods of a request that change its body. Each makes another body in the client's own dialect, which the face reads again:
 * what follows sees it as if the client had sent it. */
#include <lauxlib.h>
#include <string.h>

#include "face/edit.h"
#include "script/api.h"

void edit_begin_hook(struct script_run *run)
{
    const struct script_request *req = run->req;
    run->before = (struct script_before){ .ask = req->ask,
                                          .talk = req->talk,
                                          .units = req->units,
                                          .unit_count = req->unit_count,
                                          .sends = req->sends,
                                          .replies = req->replies,
                                          .restores = req->restores,
                                          .restore_count = req->restore_count,
                                          .edited = req->edited };
    if (run->response != NULL)
        run->before.response = *run->response;
}

void edit_end_hook(struct script_run *run, bool keeps)
{
    struct script_request *req = run->req;
    const struct script_before *b = &run->before;
    if (keeps)
        return;
    if (req->ask != b->ask) {
        req->talk = b->talk;
        req->units = b->units;
        req->unit_count = b->unit_count;
    }
    req->ask = b->ask;
    req->sends = b->sends;
    req->replies = b->replies;
    req->restores = b->restores;
    req->restore_count = b->restore_count;
    req->edited = b->edited;
    if (run->response != NULL)
        *run->response = b->response;
}

void edit_note(lua_State *L, const char *word)
{
    struct script_trace *t = api_run(L)->trace;
    if (t->edits == NULL)
        t->edits = word;
    else if (strstr(t->edits, word) == NULL)
        t->edits = arena_printf(api_run(L)->req->arena, "%s, %s", t->edits, word);
}

/* A body that is no JSON is refused after the hooks, whatever they do with it. */
static bool is_unread(lua_State *L, struct script_request *req)
{
    read_talk(L, req);
    return req->unread != NULL;
}

/* The body that there is, for an edit of that name. */
static struct shape_body begin(lua_State *L, struct script_request *req, const char *word)
{
    if (req->ask->json == NULL)
        luaL_error(L, "req:%s: the request has no body that can be changed", word);
    state_spend(L, (int64_t)req->ask->body.len / 32);
    return (struct shape_body){ req->arena, req->face->shape, req->ask->json, req->ask->body };
}

/* The new body is the request's. `wrong`: why it could not be made. */
static void end(lua_State *L, struct script_request *req, const char *word, const struct shape_body *b,
                const char *wrong)
{
    struct fail fail = { 0 };
    if (wrong != NULL)
        luaL_error(L, "req:%s: %s", word, wrong);
    if (b->text.ptr == req->ask->body.ptr && b->text.len == req->ask->body.len)
        return;
    struct ask *ask = arena_new(req->arena, struct ask);
    ask->content_type = req->ask->content_type;
    ask->dropped = req->ask->dropped;
    bool good = req->face->decode(req->arena, b->text, ask, &fail) == 0;
    if (req->arena->full)
        luaL_error(L, "the request needs more memory than limits.memory_mb allows");
    if (!good) {
        lua_pushstring(L, fail.text);
        luaL_error(L, "req:%s: the request would be refused: %s", word, lua_tostring(L, -1));
    }
    req->ask = ask;
    req->talk = NULL;
    req->units = NULL;
    req->edited = true;
    edit_note(L, word);
}

/* What a setting takes. */
static const struct kind {
    const char *name;
    char type; /* 'i' whole number, 'n' number, 's' text, 'b' boolean */
    double least, most;
} kinds[] = {
    { "effort", 's', 0, 0 },
    { "max_tokens", 'i', 1, 1e9 },
    { "parallel_tool_calls", 'b', 0, 0 },
    { "seed", 'i', -9e15, 9e15 },
    { "service_tier", 's', 0, 0 },
    { "temperature", 'n', 0, 2 },
    { "thinking_tokens", 'i', 1, 1e9 },
    { "top_p", 'n', 0, 1 },
};

static const struct kind *kind_at(lua_State *L, int index, const char *word)
{
    struct text name = api_check_text(L, index, word, "a name");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (text_is(name, kinds[i].name))
            return &kinds[i];
    api_unknown(L, word, "name", name, shape_names);
}

/* The third argument of `word` as JSON; arena. */
static struct text value_of(lua_State *L, const char *word, const struct kind *kind)
{
    const int index = 3;
    struct script_request *req = api_run(L)->req;
    int type = lua_type(L, index);
    if (kind->type == 's') {
        if (type != LUA_TSTRING)
            luaL_error(L, "%s: %s takes a text, not %s", word, kind->name, luaL_typename(L, index));
        return edit_string(req->arena, api_text(L, index));
    }
    if (kind->type == 'b') {
        if (type != LUA_TBOOLEAN)
            luaL_error(L, "%s: %s is true or false, not %s", word, kind->name, luaL_typename(L, index));
        return lua_toboolean(L, index) ? TEXT("true") : TEXT("false");
    }
    int whole = 0;
    lua_Integer n = type == LUA_TNUMBER ? lua_tointegerx(L, index, &whole) : 0;
    lua_Number x = type == LUA_TNUMBER ? lua_tonumber(L, index) : 0;
    bool good = type == LUA_TNUMBER && x >= kind->least && x <= kind->most && (kind->type != 'i' || whole);
    if (!good)
        luaL_error(L, "%s: %s takes a %snumber from %I to %I", word, kind->name, kind->type == 'i' ? "whole " : "",
                   (LUAI_UACINT)kind->least, (LUAI_UACINT)kind->most);
    return text_of(whole ? arena_printf(req->arena, "%lld", (long long)n) : arena_printf(req->arena, "%.17g", x));
}

static int set(lua_State *L)
{
    struct script_request *req = request_check(L, "set");
    const struct kind *kind = kind_at(L, 2, "req:set");
    struct text value = lua_isnoneornil(L, 3) ? TEXT_NONE : value_of(L, "req:set", kind);
    if (is_unread(L, req))
        return 0;
    struct shape_body b = begin(L, req, "set");
    const char *wrong = shape_set(&b, text_of(kind->name), value);
    end(L, req, "set", &b, wrong);
    return 0;
}

/* Lower, or put in where there is none. An API without settings has nothing that could be over the limit. */
static int cap(lua_State *L)
{
    struct script_request *req = request_check(L, "cap");
    const struct kind *kind = kind_at(L, 2, "req:cap");
    if (kind->type != 'i' && kind->type != 'n')
        return luaL_error(L, "req:cap: %s is no number", kind->name);
    struct text value = value_of(L, "req:cap", kind);
    if (is_unread(L, req) || req->face->shape == NULL) {
        lua_pushboolean(L, false);
        return 1;
    }
    struct shape_body b = begin(L, req, "cap");
    const struct json *old = shape_get(&b, text_of(kind->name));
    double limit = lua_tonumber(L, 3);
    bool is_lower = json_type(old) == JSON_T_INT || json_type(old) == JSON_T_REAL;
    is_lower = is_lower && json_real(old, 0) <= limit && (kind->type != 'i' || json_int(old, 0) > 0);
    lua_pushboolean(L, !is_lower);
    if (!is_lower) {
        const char *wrong = shape_set(&b, text_of(kind->name), value);
        end(L, req, "cap", &b, wrong);
    }
    return 1;
}

static int add_system(lua_State *L)
{
    struct script_request *req = request_check(L, "add_system");
    struct text text = api_check_text(L, 2, "req:add_system", "a text");
    struct text where = lua_isnoneornil(L, 3) ? TEXT("end") : api_check_text(L, 3, "req:add_system", "a place");
    if (!text_is(where, "end") && !text_is(where, "start"))
        return luaL_error(L, "req:add_system: the place is \"end\" or \"start\"");
    if (is_unread(L, req))
        return 0;
    struct shape_body b = begin(L, req, "add_system");
    const char *wrong = shape_add_system(&b, text, text_is(where, "start"));
    end(L, req, "add_system", &b, wrong);
    return 0;
}

static int set_system(lua_State *L)
{
    struct script_request *req = request_check(L, "set_system");
    struct text text = api_check_text(L, 2, "req:set_system", "a text");
    if (is_unread(L, req))
        return 0;
    struct shape_body b = begin(L, req, "set_system");
    const char *wrong = shape_set_system(&b, text);
    end(L, req, "set_system", &b, wrong);
    return 0;
}

static void check_function(lua_State *L, const char *word, const char *such)
{
    if (lua_type(L, 2) != LUA_TFUNCTION)
        luaL_error(L, "req:%s takes a function, such as %s, not %s", word, such, luaL_typename(L, 2));
}

static int keep_tools(lua_State *L)
{
    struct script_request *req = request_check(L, "keep_tools");
    check_function(L, "keep_tools", "function(name) return name ~= \"shell\" end");
    if (is_unread(L, req) || req->ask->json == NULL) { /* a form has no tools */
        lua_newtable(L);
        return 1;
    }
    struct shape_body b = begin(L, req, "keep_tools");
    const struct talk *talk = read_talk(L, req);
    bool *keeps = arena_array(req->arena, bool, talk->tool_count + 1);
    lua_Integer n = 0;
    lua_newtable(L);
    for (size_t i = 0; i < talk->tool_count; i++) {
        lua_pushvalue(L, 2);
        api_push(L, talk->tools[i]);
        lua_call(L, 1, 1);
        keeps[i] = lua_toboolean(L, -1);
        lua_pop(L, 1);
        if (keeps[i])
            continue;
        api_push(L, talk->tools[i]);
        lua_rawseti(L, -2, ++n);
    }
    if (n > 0) {
        const char *wrong = shape_keep_tools(&b, keeps, talk->tool_count);
        end(L, req, "keep_tools", &b, wrong);
    }
    return 1;
}

/* What one string of arguments becomes; its units begin at `from`. Returns the first behind them. */
static size_t map_inside(struct script_request *req, struct edit *e, const struct script_unit *units,
                         const struct text *with, size_t from, size_t count)
{
    const struct json *string = units[from].inside;
    struct edit inner;
    size_t i = from;
    edit_begin(&inner, req->arena, json_str(string));
    for (; i < count && units[i].inside == string; i++) {
        struct text old = units[i].is_key ? edit_key_of(inner.body, units[i].place) : json_text(units[i].place);
        if (with[i].ptr != NULL)
            edit_put(&inner, old, edit_string(req->arena, with[i]));
    }
    if (inner.count > 0)
        edit_put(e, json_text(string), edit_string(req->arena, edit_end(&inner)));
    return i;
}

static int map_text(lua_State *L)
{
    struct script_request *req = request_check(L, "map_text");
    size_t count;
    lua_Integer n = 0;
    check_function(L, "map_text", "function(text, role, i) return text:upper() end");
    unsigned roles = read_roles(L, 3, "req:map_text");
    if (is_unread(L, req))
        return 0;
    struct shape_body b = begin(L, req, "map_text");
    const struct script_unit *units = read_units(L, req, &count);
    struct text *with = arena_array(req->arena, struct text, count + 1);
    struct edit e;
    for (size_t i = 0; i < count; i++) {
        if (!read_has_role(roles, units[i].role))
            continue;
        lua_pushvalue(L, 2);
        api_push(L, units[i].text);
        lua_pushstring(L, units[i].role);
        lua_pushinteger(L, ++n);
        lua_call(L, 3, 1);
        struct text text = api_text(L, -1);
        if (text.ptr == NULL && !lua_isnil(L, -1))
            return luaL_error(L, "req:map_text: the function returns a text or nothing, not %s", luaL_typename(L, -1));
        if (text.ptr != NULL && !text_eq(text, units[i].text))
            with[i] = api_keep(L, text);
        lua_pop(L, 1);
    }
    edit_begin(&e, req->arena, b.text);
    for (size_t i = 0; i < count;) {
        if (units[i].inside != NULL) {
            i = map_inside(req, &e, units, with, i, count);
            continue;
        }
        struct text old = units[i].is_key ? edit_key_of(b.text, units[i].place) : json_text(units[i].place);
        if (with[i].ptr != NULL)
            edit_put(&e, old, edit_string(req->arena, with[i]));
        i++;
    }
    b.text = edit_end(&e);
    end(L, req, "map_text", &b, NULL);
    return 0;
}

const struct api_row edit_rows[] = {
    { "set", set, SCRIPT_ON_REQUEST, false, "name, value?", "", "A setting, as req:get() names it; nil removes it" },
    { "cap", cap, SCRIPT_ON_REQUEST, false, "name, n", "boolean",
      "At most that, also where there was no limit; true: it was changed" },
    { "add_system", add_system, SCRIPT_ON_REQUEST, false, "text, place?", "",
      "A system text, behind that of the client, or \"start\"" },
    { "set_system", set_system, SCRIPT_ON_REQUEST, false, "text", "", "The system text, in the place of the client's" },
    { "map_text", map_text, SCRIPT_ON_REQUEST, false, "fn, options?", "",
      "Each text becomes what fn(text, role, i) returns, if anything; { roles = { \"user\" } }" },
    { "keep_tools", keep_tools, SCRIPT_ON_REQUEST, false, "fn", "string[]",
      "Tools for which fn(name) is false are not offered: their names" },
    { .name = NULL },
};
