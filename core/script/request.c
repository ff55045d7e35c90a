/* request.c - the request as a policy sees it: a userdata whose fields are rows, read when they are asked for. */
#include <lauxlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "script/api.h"
#include "script/recorded.h"

#define OF "the request"

struct field {
    const char *name, *type; /* a type with ? at its end: it can be nil */
    void (*push)(lua_State *L, struct script_request *req);
    const char *help;
};

static void push_vars(lua_State *L, struct script_request *req);

#define TEXT_FIELD(member)                                                                                             \
    static void push_##member(lua_State *L, struct script_request *req)                                                \
    {                                                                                                                  \
        api_push(L, req->member);                                                                                      \
    }
TEXT_FIELD(id)
TEXT_FIELD(team)
TEXT_FIELD(key)
TEXT_FIELD(model)
TEXT_FIELD(asked_model)
TEXT_FIELD(address)
TEXT_FIELD(user)
TEXT_FIELD(project)
TEXT_FIELD(session)

static void push_kind(lua_State *L, struct script_request *req)
{
    lua_pushstring(L, script_kind_name(req->operation));
}

static void push_body(lua_State *L, struct script_request *req)
{
    body_push(L, req, 1); /* of index_of() */
}

static void push_client(lua_State *L, struct script_request *req)
{
    lua_pushstring(L, req->client);
}

static void push_stream(lua_State *L, struct script_request *req)
{
    lua_pushboolean(L, req->stream);
}

static void push_attempt(lua_State *L, struct script_request *req)
{
    lua_pushinteger(L, req->attempt);
}

static void push_day(lua_State *L, struct script_request *req)
{
    char stamp[32];
    clock_rfc3339(req->admitted_ms, stamp);
    lua_pushlstring(L, stamp, 10);
}

static void push_purpose(lua_State *L, struct script_request *req)
{
    lua_pushstring(L, purpose_of(L, req)); /* NULL: nil */
}

/* 3.5 bytes a token; a picture as what a large one costs. */
static void push_tokens(lua_State *L, struct script_request *req)
{
    if (req->recorded && !req->captured) {
        lua_pushinteger(L, req->recorded_tokens);
        return;
    }
    const struct talk *talk = read_talk(L, req);
    lua_pushinteger(L, (lua_Integer)(talk->text_bytes * 2 / 7 + 4 * talk->count + (size_t)talk->images * 1000));
}

static void push_images(lua_State *L, struct script_request *req)
{
    lua_pushinteger(L, read_talk(L, req)->images);
}

static void push_files(lua_State *L, struct script_request *req)
{
    lua_pushinteger(L, read_talk(L, req)->files);
}

static void push_wants_json(lua_State *L, struct script_request *req)
{
    lua_pushboolean(L, read_talk(L, req)->wants_json);
}

/* The texts of a turn in one. */
static void push_joined(lua_State *L, const struct talk_turn *turn)
{
    luaL_Buffer b;
    if (turn->text_count == 1) {
        api_push(L, turn->texts[0]);
        return;
    }
    luaL_buffinit(L, &b);
    for (size_t i = 0; i < turn->text_count; i++) {
        if (i > 0)
            luaL_addchar(&b, '\n');
        luaL_addlstring(&b, turn->texts[i].ptr, turn->texts[i].len);
    }
    luaL_pushresult(&b);
}

void request_push_text(lua_State *L, const struct talk_turn *turn)
{
    push_joined(L, turn);
}

static void push_system_text(lua_State *L, struct script_request *req)
{
    const struct talk *talk = read_talk(L, req);
    int n = 0;
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (size_t i = 0; i < talk->count; i++) {
        const struct talk_turn *turn = &talk->turns[i];
        for (size_t k = 0; strcmp(turn->role, "system") == 0 && k < turn->text_count; k++) {
            if (n++ > 0)
                luaL_addchar(&b, '\n');
            luaL_addlstring(&b, turn->texts[k].ptr, turn->texts[k].len);
        }
    }
    luaL_pushresult(&b);
}

static void push_last_user(lua_State *L, struct script_request *req)
{
    const struct talk *talk = read_talk(L, req);
    for (size_t i = talk->count; i-- > 0;)
        if (strcmp(talk->turns[i].role, "user") == 0) {
            push_joined(L, &talk->turns[i]);
            return;
        }
    lua_pushliteral(L, "");
}

static void push_messages(lua_State *L, struct script_request *req)
{
    read_push_messages(L, read_talk(L, req));
}

static void push_calls(lua_State *L, struct script_request *req)
{
    read_push_calls(L, read_talk(L, req));
}

static void push_tools(lua_State *L, struct script_request *req)
{
    const struct talk *talk = read_talk(L, req);
    lua_createtable(L, (int)talk->tool_count, 0);
    for (size_t i = 0; i < talk->tool_count; i++) {
        api_push(L, talk->tools[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    api_freeze_data(L, "req.tools", false);
}

/* The session, else what stays the same from turn to turn. */
static void push_conversation(lua_State *L, struct script_request *req)
{
    uint8_t digest[CRYPTO_SHA256_LEN];
    char hex[33];
    if (req->session.ptr != NULL) {
        api_push(L, req->session);
        return;
    }
    if (req->conversation.ptr == NULL) {
        const struct talk *talk = read_talk(L, req);
        state_spend(L, (int64_t)talk->text_bytes / 16);
        talk_opening(talk, req->key, SIZE_MAX, digest);
        crypto_hex(digest, 16, hex);
        req->conversation = api_keep(L, text_of(hex));
    }
    api_push(L, req->conversation);
}

static void push_tags(lua_State *L, struct script_request *req)
{
    struct text rest = req->tags;
    lua_newtable(L);
    lua_newtable(L); /* their order */
    for (lua_Integer i = 1; rest.len > 0; i++) {
        struct text value = text_cut(&rest, ','), name = text_cut(&value, '=');
        api_push(L, name);
        lua_pushvalue(L, -1);
        lua_rawseti(L, -3, i);
        api_push(L, value.ptr != NULL ? value : TEXT(""));
        lua_rawset(L, -4);
    }
    api_freeze_data(L, "req.tags", true);
}

/* Names in any case. */
static int header_of(lua_State *L)
{
    struct script_request *req = api_run(L)->req;
    struct text name = api_check_text(L, 2, "req.headers", "a name");
    for (size_t i = 0; i < req->header_count; i++)
        if (text_eq_nocase(req->headers[i].name, name)) {
            api_push(L, req->headers[i].value);
            return 1;
        }
    return 0;
}

static void push_headers(lua_State *L, struct script_request *req)
{
    lua_createtable(L, 0, (int)req->header_count);
    lua_createtable(L, (int)req->header_count, 0);
    for (size_t i = 0; i < req->header_count; i++) {
        api_push(L, req->headers[i].name);
        lua_pushvalue(L, -1);
        lua_rawseti(L, -3, (lua_Integer)i + 1);
        api_push(L, req->headers[i].value);
        lua_rawset(L, -4);
    }
    lua_insert(L, -2); /* the order below, the names on top: names in other cases find their way by this */
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, header_of);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_insert(L, -2);
    api_freeze_data(L, "req.headers", true);
}

static const char *const error_may[] = { "status", "code", NULL };

static void push_last_error(lua_State *L, struct script_request *req)
{
    const struct script_error *e = req->last_error;
    if (e == NULL) {
        lua_pushnil(L);
        return;
    }
    lua_createtable(L, 0, 5);
    lua_pushstring(L, e->class);
    lua_setfield(L, -2, "class");
    if (e->status != 0) {
        lua_pushinteger(L, e->status);
        lua_setfield(L, -2, "status");
    }
    if (e->code.len > 0) {
        api_push(L, e->code);
        lua_setfield(L, -2, "code");
    }
    api_push(L, e->provider);
    lua_setfield(L, -2, "provider");
    api_push(L, e->target);
    lua_setfield(L, -2, "target");
    api_freeze(L, "req.last_error", "field", error_may);
}

/* In alphabetical order. */
static const struct field fields[] = {
    { "address", "string", push_address, "Where the client is" },
    { "asked_model", "string", push_asked_model, "The model's name as the client wrote it" },
    { "attempt", "integer", push_attempt, "1 for the first" },
    { "body", "table<string, any>", push_body, "The client's own JSON, as its API has it; not in on_finish" },
    { "client", "string", push_client, "claude-code, openai-python ... other" },
    { "conversation", "string", push_conversation, "The session, else a digest of key, system text and first message" },
    { "day", "string", push_day, "Of the admission, UTC: 2026-08-24" },
    { "estimated_input_tokens", "integer", push_tokens, "By the length of the texts" },
    { "files", "integer", push_files, "Documents and recordings in the messages" },
    { "headers", "table<string, string>", push_headers, "By name in any case; credentials are not among them" },
    { "id", "string", push_id, "Of this request, as in the log" },
    { "images", "integer", push_images, "In the messages" },
    { "key", "string?", push_key, "The key's name; nil without one" },
    { "kind", "string", push_kind, "chat completion embedding image audio rerank moderation" },
    { "last_error", "gw.Error?", push_last_error, "Why the attempt before failed" },
    { "last_user", "string", push_last_user, "The text of the last message of the user; \"\" without one" },
    { "messages", "gw.Message[]", push_messages, "All messages" },
    { "model", "string", push_model, "The model that will answer, by its name in gateway.lua" },
    { "project", "string?", push_project, "Who pays, where the client or the key names one" },
    { "purpose", "string?", push_purpose,
      "A chore of a coding agent: title topic quota_check compact subagent; nil: none that is known" },
    { "session", "string?", push_session, "As the client names it" },
    { "stream", "boolean", push_stream, "The answer comes in pieces" },
    { "system_text", "string", push_system_text, "All system texts; \"\" without one" },
    { "tags", "table<string, string>", push_tags, "Of the client, or of the key" },
    { "team", "string", push_team, "Whose key it is" },
    { "tool_calls", "gw.ToolCall[]", push_calls, "Calls of tools in the messages" },
    { "tools", "string[]", push_tools, "Names of the tools that are offered" },
    { "user", "string?", push_user, "The end user that the client claims" },
    { "vars", "table", push_vars, "This policy's own, from hook to hook of this request" },
    { "wants_json", "boolean", push_wants_json, "The answer must be JSON" },
};
enum { FIELDS = sizeof fields / sizeof *fields };

const struct api_row *const request_rows[] = { read_rows, edit_rows, header_rows, unmask_rows, NULL };

static const char request_key; /* the metatable's place in the registry */

/* Made when it is asked for first, kept until the request ends. */
static void push_vars(lua_State *L, struct script_request *req)
{
    struct script_state *s = state_of(L);
    if (req->vars == NULL) {
        req->vars = arena_array(req->arena, int, req->config->policy_count);
        req->vars_of = arena_array(req->arena, struct script_state *, req->config->policy_count);
    }
    size_t i = (size_t)(s->policy - req->config->policies);
    if (req->vars_of[i] == s) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, req->vars[i]);
        return;
    }
    lua_newtable(L);
    lua_pushvalue(L, -1);
    req->vars[i] = luaL_ref(L, LUA_REGISTRYINDEX);
    req->vars_of[i] = s;
    s->kept++;
}

static _Noreturn void no_field(lua_State *L, struct text name)
{
    enum { METHODS_MOST = 32 };
    const char *names[FIELDS + METHODS_MOST + 1];
    size_t n = 0;
    for (size_t i = 0; i < FIELDS; i++)
        names[n++] = fields[i].name;
    for (size_t i = 0; request_rows[i] != NULL; i++)
        for (const struct api_row *row = request_rows[i]; row->name != NULL && n < FIELDS + METHODS_MOST; row++)
            names[n++] = row->name;
    names[n] = NULL;
    api_unknown(L, "req", "field", name, names);
}

/* Upvalue: names -> a field's number, or a method. */
static int index_of(lua_State *L)
{
    struct script_request **at = lua_touserdata(L, 1);
    if (*at == NULL)
        return luaL_error(L, "the request is over: req is no longer there");
    lua_pushvalue(L, 2);
    int type = lua_rawget(L, lua_upvalueindex(1));
    if (type == LUA_TNUMBER) {
        recorded_check_field(L, *at, fields[lua_tointeger(L, -1)].name);
        fields[lua_tointeger(L, -1)].push(L, *at);
    } else if (type == LUA_TNIL) {
        struct text name = api_text(L, 2);
        no_field(L, name.ptr != NULL ? name : TEXT("?"));
    }
    return 1;
}

static int no_assignment(lua_State *L)
{
    struct text name = api_text(L, 2);
    if (text_is(name, "model"))
        return luaL_error(L, "req.model cannot be assigned: return gw.route(model)");
    return luaL_error(L, "req is read-only: \"%s\" cannot be assigned; keep it in req.vars",
                      name.ptr != NULL ? name.ptr : "?");
}

/* As functions of Lua, whose error is caught: the name is the first, the second argument. */
static int raise_no_field(lua_State *L)
{
    no_field(L, api_text(L, 1));
}

const char *request_wrong_name(lua_State *L, struct text name, bool dot, bool called, bool assigned)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &request_key);
    lua_getfield(L, -1, "__index");
    if (lua_getupvalue(L, -1, 1) == NULL)
        return NULL;
    api_push(L, name);
    int type = lua_rawget(L, -2);
    if (type == LUA_TFUNCTION && dot && called)
        return lua_pushfstring(L, "write req:%s(...), with a colon", (api_push(L, name), lua_tostring(L, -1)));
    if (type == LUA_TNUMBER && !dot && called)
        return lua_pushfstring(L, "req.%s is a field: write it with a dot, and without (...)",
                               (api_push(L, name), lua_tostring(L, -1)));
    if (type != LUA_TNIL && !(dot && assigned))
        return NULL;
    lua_pushcfunction(L, type == LUA_TNIL ? raise_no_field : no_assignment);
    if (type != LUA_TNIL)
        lua_pushnil(L);
    api_push(L, name);
    lua_pcall(L, type == LUA_TNIL ? 1 : 2, 0, 0);
    return lua_tostring(L, -1);
}

void request_open(lua_State *L)
{
    body_open(L);
    lua_createtable(L, 0, 3);
    lua_createtable(L, 0, FIELDS + 8);
    for (size_t i = 0; i < FIELDS; i++) {
        lua_pushinteger(L, (lua_Integer)i);
        lua_setfield(L, -2, fields[i].name);
    }
    for (size_t i = 0; request_rows[i] != NULL; i++)
        for (const struct api_row *row = request_rows[i]; row->name != NULL; row++) {
            api_push_row(L, "req:", row);
            lua_setfield(L, -2, row->name);
        }
    lua_pushcclosure(L, index_of, 1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, no_assignment);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &request_key);
}

struct script_request **request_push(lua_State *L, struct script_request *req)
{
    struct script_request **at = lua_newuserdatauv(L, sizeof(struct script_request *), 0);
    *at = req;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &request_key);
    lua_setmetatable(L, -2);
    return at;
}

struct script_request *request_check(lua_State *L, const char *word)
{
    bool is = lua_type(L, 1) == LUA_TUSERDATA && lua_getmetatable(L, 1);
    if (is) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &request_key);
        is = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
    }
    if (!is)
        luaL_error(L, "write req:%s(...), with a colon", word);
    struct script_request **at = lua_touserdata(L, 1);
    if (*at == NULL)
        luaL_error(L, "the request is over: req is no longer there");
    recorded_check_method(L, *at, word);
    return *at;
}

void request_write_fields(struct buf *out)
{
    for (size_t i = 0; i < FIELDS; i++) {
        size_t len = strlen(fields[i].type);
        bool may = fields[i].type[len - 1] == '?';
        buf_printf(out, "---@field %s%s %.*s # %s\n", fields[i].name, may ? "?" : "", (int)(len - may), fields[i].type,
                   fields[i].help);
    }
}

void request_write_words(struct buf *out)
{
    for (size_t i = 0; i < FIELDS; i++)
        buf_printf(out, "req.%s -> %s\n", fields[i].name, fields[i].type);
}
