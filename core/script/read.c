/* read.c - the methods of a request that read it, and its messages as lists. */
#include <lauxlib.h>
#include <string.h>

#include "canon/error.h"
#include "config/labels.h"
#include "script/api.h"

const struct talk *read_talk(lua_State *L, struct script_request *req)
{
    static const struct talk nothing;
    struct fail fail = { 0 };
    if (req->talk != NULL)
        return req->talk;
    if (req->ask->body.len == 0)
        return &nothing; /* on_finish of a stream: the body is gone */
    state_spend(L, (int64_t)req->ask->body.len / 64);
    if (req->face->talk != NULL) {
        req->talk = req->face->talk(req->arena, req->ask, &fail);
    } else if (req->face->canonical != NULL) { /* in the shape of chat */
        struct ask canonical = { .json = req->face->canonical(req->arena, req->ask, &fail) };
        req->talk = canonical.json != NULL ? talk_chat(req->arena, &canonical, &fail) : NULL;
    } else {
        req->talk = &nothing;
    }
    if (req->arena->full)
        luaL_error(L, "the request needs more memory than limits.memory_mb allows");
    if (req->talk == NULL) { /* a relay would pass it on: what no policy can read goes nowhere */
        struct fail *why = arena_new(req->arena, struct fail);
        *why = fail;
        req->unread = why;
        req->talk = &nothing;
    }
    return req->talk;
}

static void push_call(lua_State *L, const struct talk_call *call)
{
    lua_createtable(L, 0, 3);
    api_push(L, call->id.ptr != NULL ? call->id : TEXT(""));
    lua_setfield(L, -2, "id");
    api_push(L, call->name.ptr != NULL ? call->name : TEXT(""));
    lua_setfield(L, -2, "name");
    api_push(L, call->arguments.ptr != NULL ? call->arguments : TEXT(""));
    lua_setfield(L, -2, "arguments");
    api_freeze(L, "a tool call", "field", NULL);
}

static void push_calls_of(lua_State *L, const struct talk_turn *turn, lua_Integer *n)
{
    for (size_t i = 0; i < turn->call_count; i++) {
        push_call(L, &turn->calls[i]);
        lua_rawseti(L, -2, ++*n);
    }
}

void read_push_call_list(lua_State *L, const struct talk_call *calls, size_t count, const char *of)
{
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        push_call(L, &calls[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    api_freeze_data(L, of, false);
}

void read_push_calls(lua_State *L, const struct talk *talk)
{
    lua_Integer n = 0;
    lua_newtable(L);
    for (size_t i = 0; i < talk->count; i++)
        push_calls_of(L, &talk->turns[i], &n);
    api_freeze_data(L, "req.tool_calls", false);
}

void read_push_messages(lua_State *L, const struct talk *talk)
{
    lua_createtable(L, (int)talk->count, 0);
    for (size_t i = 0; i < talk->count; i++) {
        const struct talk_turn *turn = &talk->turns[i];
        lua_Integer n = 0;
        lua_createtable(L, 0, 5);
        lua_pushstring(L, turn->role);
        lua_setfield(L, -2, "role");
        request_push_text(L, turn);
        lua_setfield(L, -2, "text");
        lua_pushinteger(L, turn->images);
        lua_setfield(L, -2, "images");
        lua_pushinteger(L, turn->files);
        lua_setfield(L, -2, "files");
        lua_newtable(L);
        push_calls_of(L, turn, &n);
        api_freeze_data(L, "message.tool_calls", false);
        lua_setfield(L, -2, "tool_calls");
        api_freeze(L, "a message", "field", NULL);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    api_freeze_data(L, "req.messages", false);
}

static const char *const role_names[] = { "system", "user", "assistant", "tool", NULL };

/* The roles of the options at `index`, a bit each. */
unsigned read_roles(lua_State *L, int index, const char *word)
{
    static const char *const options[] = { "roles", NULL };
    unsigned roles = 0;
    if (!api_options(L, index, word, options) || lua_getfield(L, index, "roles") == LUA_TNIL)
        return ~0u;
    if (lua_type(L, -1) != LUA_TTABLE)
        luaL_error(L, "%s: roles is a list, { \"user\" }, not %s", word, luaL_typename(L, -1));
    for (lua_Integer i = 1; lua_geti(L, -1, i) != LUA_TNIL; i++) {
        size_t r = 0;
        struct text name = api_text(L, -1);
        while (role_names[r] != NULL && !text_is(name, role_names[r]))
            r++;
        if (role_names[r] == NULL)
            api_unknown(L, word, "role", name.ptr != NULL ? name : TEXT("?"), role_names);
        roles |= 1u << r;
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
    return roles;
}

bool read_has_role(unsigned roles, const char *role)
{
    for (size_t r = 0; role_names[r] != NULL; r++)
        if (strcmp(role_names[r], role) == 0)
            return (roles & (1u << r)) != 0;
    return false;
}

static int texts(lua_State *L)
{
    size_t count;
    const struct script_unit *units = read_units(L, request_check(L, "texts"), &count);
    unsigned roles = read_roles(L, 2, "req:texts");
    lua_Integer n = 0;
    lua_newtable(L);
    for (size_t i = 0; i < count; i++) {
        if (!read_has_role(roles, units[i].role))
            continue;
        api_push(L, units[i].text);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

/* The matcher at 2: a text, which is looked for in C; else an object whose find() is called. True: hit and role are pushed. */
static bool find_in(lua_State *L, struct text text, const char *role)
{
    struct text plain = api_text(L, 2);
    if (plain.ptr != NULL) {
        state_spend(L, (int64_t)text.len / 16);
        if (text_find(text, plain) < 0)
            return false;
        lua_pushvalue(L, 2);
    } else {
        if (lua_getfield(L, 2, "find") != LUA_TFUNCTION)
            luaL_error(L,
                       "req:find: a text, gw.text.words{...} or gw.regex(...) is needed, not a table of another kind");
        lua_pushvalue(L, 2);
        api_push(L, text);
        lua_call(L, 2, 1);
        if (!lua_toboolean(L, -1)) {
            lua_pop(L, 1);
            return false;
        }
    }
    lua_pushstring(L, role);
    return true;
}

static int find(lua_State *L)
{
    size_t count;
    const struct script_unit *units = read_units(L, request_check(L, "find"), &count);
    int type = lua_type(L, 2);
    if (type != LUA_TSTRING && type != LUA_TTABLE && type != LUA_TUSERDATA)
        return luaL_error(L, "req:find: a text, gw.text.words{...} or gw.regex(...) is needed, not %s",
                          luaL_typename(L, 2));
    unsigned roles = read_roles(L, 3, "req:find");
    for (size_t i = 0; i < count; i++)
        if (read_has_role(roles, units[i].role) && find_in(L, units[i].text, units[i].role))
            return 2;
    lua_pushnil(L);
    return 1;
}

/* Equal calls at the end of the history. */
static int repeated_call(lua_State *L)
{
    const struct talk *talk = read_talk(L, request_check(L, "repeated_call"));
    const struct talk_call *last = NULL;
    lua_Integer n = 0;
    for (size_t i = talk->count; i-- > 0;)
        for (size_t k = talk->turns[i].call_count; k-- > 0;) {
            const struct talk_call *call = &talk->turns[i].calls[k];
            state_spend(L, (int64_t)call->arguments.len / 16);
            if (last != NULL && (!text_eq(last->name, call->name) || !text_eq(last->arguments, call->arguments)))
                goto counted;
            last = call;
            n++;
        }
counted:
    lua_pushinteger(L, n);
    if (last == NULL)
        return 1;
    api_push(L, last->name);
    return 2;
}

static int get(lua_State *L)
{
    struct script_request *req = request_check(L, "get");
    struct text name = api_check_text(L, 2, "req:get", "a name");
    size_t i = 0;
    while (shape_names[i] != NULL && !text_is(name, shape_names[i]))
        i++;
    if (shape_names[i] == NULL)
        api_unknown(L, "req:get", "name", name, shape_names);
    read_talk(L, req); /* the body as JSON */
    const struct shape_body body = { .shape = req->face->shape, .json = req->ask->json };
    const struct json *v = shape_get(&body, name);
    if (v == NULL || json_type(v) == JSON_T_OBJECT)
        lua_pushnil(L);
    else
        api_push_json(L, v);
    return 1;
}

/* Of the client's there are so many that the policy's has no room: the client is refused, and learns why. */
static void refuse_tags(lua_State *L, struct script_request *req, const char *wrong)
{
    bool sent = false;
    for (size_t i = 0; i < req->header_count && !sent; i++)
        sent = text_eq_nocase(req->headers[i].name, TEXT("x-gw-tags"));
    if (!sent)
        luaL_error(L, "req:tag: the request %s", wrong);
    if (api_run(L)->hook != SCRIPT_ON_REQUEST || req->unread != NULL)
        return;
    struct fail *fail = arena_new(req->arena, struct fail);
    error_param(fail, E_PARAMETER, TEXT("x-gw-tags"),
                "the request %s, together with those that the gateway sets: send fewer in x-gw-tags", wrong);
    req->unread = fail;
}

/* What a client wrote may be in the value: it is made one. The name is the policy's. */
static int tag(lua_State *L)
{
    char room[LABELS_VALUE_MOST];
    struct script_request *req = request_check(L, "tag");
    struct text name = api_check_text(L, 2, "req:tag", "a name"),
                value = labels_value(api_check_text(L, 3, "req:tag", "a value"), room);
    if (!labels_is_tag(name, TEXT("x")))
        return luaL_error(L, "req:tag: a name has letters, digits, _ . and -, at most 32 bytes");
    if (value.len == 0)
        return 0;
    api_push(L, value);
    if (req->host == NULL || req->host->tag == NULL || state_of(L)->policy->observe)
        return 1;
    const char *wrong = req->host->tag(req->owner, name, value);
    if (wrong == NULL)
        return 1;
    refuse_tags(L, req, wrong);
    return 0;
}

static int skip(lua_State *L)
{
    static const char *const names[] = { "on_route", "on_response", "on_finish", NULL };
    static const enum script_hook hooks[] = { SCRIPT_ON_ROUTE, SCRIPT_ON_RESPONSE, SCRIPT_ON_FINISH };
    struct script_request *req = request_check(L, "skip");
    struct text name = api_check_text(L, 2, "req:skip", "a hook's name");
    size_t i = 0;
    while (names[i] != NULL && !text_is(name, names[i]))
        i++;
    if (names[i] == NULL)
        api_unknown(L, "req:skip", "later hook", name, names);
    if (req->skips == NULL)
        req->skips = arena_array(req->arena, uint8_t, req->config->policy_count);
    req->skips[state_of(L)->policy - req->config->policies] |= (uint8_t)hooks[i];
    return 0;
}

const struct api_row read_rows[] = {
    { "texts", texts, API_HOOKS, false, "options?", "string[]",
      "All text that the provider would see; { roles = { \"user\" } }" },
    { "find", find, API_HOOKS, false, "matcher, options?", "string?, string?",
      "The first hit of a text, of gw.text.words{...} or of gw.regex(...), and whose text it is in" },
    { "repeated_call", repeated_call, API_HOOKS, false, "", "integer, string?",
      "How many equal tool calls end the history, and of which tool" },
    { "get", get, API_HOOKS, false, "name", "any?",
      "temperature top_p max_tokens thinking_tokens effort seed service_tier parallel_tool_calls" },
    { "skip", skip, API_HOOKS, false, "hook", "", "This policy's later hook is not called for this request" },
    { "tag", tag, API_HOOKS, false, "name, value", "string?",
      "A tag of the request, for the ledger and the log: the value as it is there, of at most 64 bytes without commas" },
    { .name = NULL },
};
