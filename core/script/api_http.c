/* api_http.c - gw.http: a policy asks a place that its block names. What can happen is returned; what is a mistake raises. */
#include <lauxlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/field.h"
#include "script/api.h"
#include "script/run.h"

enum { HEADERS_MOST = 16, HEADER_NAME_MOST = 100, TIMEOUT_MOST_MS = 600 * 1000 };

static const struct config_place *place_of(lua_State *L, const char *word)
{
    const struct config_policy *p = state_of(L)->policy;
    struct text name = api_check_text(L, 1, word, "the name of a place");
    for (size_t i = 0; i < p->place_count; i++)
        if (text_is(name, p->places[i].name))
            return &p->places[i];
    if (text_find(name, TEXT("://")) >= 0)
        luaL_error(
            L,
            "%s asks a place that the policy's block names, not an address: http = { name = { url = \"https://...\" } }",
            word);
    if (p->place_count == 0)
        luaL_error(L, "%s: the policy's block names no place: http = { %s = { url = \"https://...\" } }", word,
                   name.ptr);
    const char **names = lua_newuserdatauv(L, (p->place_count + 1) * sizeof *names, 0);
    for (size_t i = 0; i < p->place_count; i++)
        names[i] = p->places[i].name;
    names[p->place_count] = NULL;
    api_unknown(L, word, "place", name, names);
}

/* Nothing in it leads to another host or above the place's own path. */
static bool is_escaped(char c)
{
    return c <= ' ' || c > '~' || c == '#' || c == '\\';
}

/* What an address cannot hold as it is, as %20: it comes from a client, as a rule. */
static struct text escape(lua_State *L, struct text path)
{
    struct buf *out = &state_of(L)->text;
    buf_truncate(out, 0);
    for (size_t i = 0; i < path.len; i++) {
        if (is_escaped(path.ptr[i]))
            buf_printf(out, "%%%02X", (unsigned char)path.ptr[i]);
        else
            buf_append(out, &path.ptr[i], 1);
    }
    return api_keep(L, buf_view(out));
}

static bool is_path(struct text path)
{
    if (path.len > 0 && path.ptr[0] != '/' && path.ptr[0] != '?')
        return false;
    for (size_t i = 0; i < path.len; i++)
        if (is_escaped(path.ptr[i]))
            return false;
    struct text rest = path, before = text_cut(&rest, '?');
    while (before.len > 0) {
        struct text part = text_cut(&before, '/');
        if (text_is(part, "..") || text_is(part, ".") || text_find(part, TEXT("%2e")) >= 0 ||
            text_find(part, TEXT("%2E")) >= 0)
            return false;
    }
    return true;
}

/* The message's frame is the gateway's, and what the block sets is the operator's. */
static bool is_taken(const struct config_place *place, struct text name)
{
    if (field_is_framing(name))
        return true;
    for (size_t i = 0; i < place->header_count; i++)
        if (text_eq_nocase(name, place->headers[i].name))
            return true;
    return false;
}

static void read_headers(lua_State *L, const char *word, struct script_http *http)
{
    struct script_header *list = arena_array(api_run(L)->req->arena, struct script_header, HEADERS_MOST);
    if (lua_getfield(L, 2, "headers") == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    if (lua_type(L, -1) != LUA_TTABLE)
        luaL_error(L, "%s: headers takes { [\"name\"] = \"value\" }, not %s", word, luaL_typename(L, -1));
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        struct text name = lua_type(L, -2) == LUA_TSTRING ? api_text(L, -2) : TEXT(""), value = api_text(L, -1);
        if (!field_is_name(name) || name.len > HEADER_NAME_MOST || value.ptr == NULL)
            luaL_error(L, "%s: headers takes { [\"name\"] = \"value\" }", word);
        if (is_taken(http->place, name))
            luaL_error(L, "%s: the header %s is set by the gateway or by the policy's block", word, name.ptr);
        if (http->header_count == HEADERS_MOST)
            luaL_error(L, "%s: at most %d headers", word, HEADERS_MOST);
        list[http->header_count++] = (struct script_header){ api_keep(L, name), header_value(L, value) };
    }
    lua_pop(L, 1);
    http->headers = list;
}

static void read_body(lua_State *L, const char *word, struct script_http *http)
{
    struct script_state *s = state_of(L);
    struct text text = api_option_text(L, 2, word, "text");
    bool json = lua_getfield(L, 2, "json") != LUA_TNIL;
    if (json && text.ptr != NULL)
        luaL_error(L, "%s: text or json, not both", word);
    if (json) {
        buf_truncate(&s->text, 0);
        api_write_json(L, lua_gettop(L), word, &s->text);
        text = buf_view(&s->text);
    }
    if (text.len > SCRIPT_HTTP_MOST)
        luaL_error(L, "%s: a body has at most 1 MB", word);
    state_spend(L, (int64_t)text.len / 16);
    if (text.ptr != NULL)
        http->body = api_keep(L, text);
    http->body_type = json               ? TEXT("application/json")
                      : text.ptr != NULL ? TEXT("text/plain; charset=utf-8")
                                         : TEXT_NONE;
    lua_pop(L, 1);
}

/* What the header has of that name, in lower case. */
static struct text header_of(const struct script_http *http, const char *name)
{
    for (size_t i = 0; i < http->got_count; i++)
        if (text_is(http->got[i].name, name))
            return http->got[i].value;
    return TEXT_NONE;
}

static void push_answer(lua_State *L, const struct script_http *http)
{
    static const char *const may[] = { "json", NULL };
    struct script_state *s = state_of(L);
    struct fail fail;
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, http->status);
    lua_setfield(L, -2, "status");
    api_push(L, http->text);
    lua_setfield(L, -2, "text");
    lua_createtable(L, 0, (int)http->got_count);
    for (size_t i = 0; i < http->got_count; i++) {
        api_push(L, http->got[i].name);
        api_push(L, http->got[i].value);
        lua_rawset(L, -3);
    }
    lua_setfield(L, -2, "headers");
    if (text_find(header_of(http, "content-type"), TEXT("json")) >= 0) {
        state_spend(L, (int64_t)http->text.len / 16);
        arena_reset(&s->scratch);
        const struct json *value = json_parse(&s->scratch, http->text, &fail);
        if (value != NULL && !s->scratch.full) {
            api_push_json(L, value);
            lua_setfield(L, -2, "json");
        }
    }
    api_freeze(L, "the answer", "field", may);
}

/* In the place of the function, when the answer is there. */
static int answered(lua_State *L, int status, lua_KContext context)
{
    struct script_run *run = api_run(L);
    const struct script_http *http = run->ask->http;
    (void)status;
    (void)context;
    const char *why = run->ask->late ? "timeout" : http->status == 0 ? http->why : NULL;
    api_note_call(L, "http", http->place->name, http->status, why);
    if (why != NULL) {
        lua_pushnil(L);
        lua_pushstring(L, why);
        return 2;
    }
    push_answer(L, http);
    return 1;
}

static int ask(lua_State *L, const char *word, bool post)
{
    static const char *const options[] = { "path", "json", "text", "headers", "timeout_ms", NULL };
    struct script_run *run = api_run(L);
    struct script_http *http = arena_new(run->req->arena, struct script_http);
    struct script_ask *ask = arena_new(run->req->arena, struct script_ask);
    *http = (struct script_http){ .place = place_of(L, word), .post = post, .path = TEXT("") };
    *ask = (struct script_ask){ .kind = SCRIPT_ASK_HTTP, .http = http };
    lua_settop(L, 2);
    if (api_options(L, 2, word, options)) {
        struct text path = api_option_text(L, 2, word, "path");
        state_spend(L, (int64_t)path.len);
        path = path.len > 0 ? escape(L, path) : TEXT("");
        if (!is_path(path))
            luaL_error(L, "%s: path begins with / or ?, and has no ..", word);
        http->path = path;
        read_headers(L, word, http);
        read_body(L, word, http);
        int64_t ms = api_option_int(L, 2, word, "timeout_ms", 1, TIMEOUT_MOST_MS, 0);
        ask->until_ns = ms > 0 ? clock_ns() + ms * CLOCK_MS : 0;
    }
    if (!post && http->body.ptr != NULL)
        luaL_error(L, "gw.http.get sends no body: gw.http.post does");
    api_count_call(L, word);
    return run_wait(L, ask, answered);
}

static int get(lua_State *L)
{
    return ask(L, "gw.http.get", false);
}

static int post(lua_State *L)
{
    return ask(L, "gw.http.post", true);
}

const struct api_row api_http_rows[] = {
    { "get", get, API_WAITS, true, "place, options?", "gw.Reply?, string?",
      "Asks a place that the policy's block names: { path?, headers?, timeout_ms? }; { status, text, json?, headers }, or nil and why" },
    { "post", post, API_WAITS, true, "place, options?", "gw.Reply?, string?",
      "The same with a body: { json = or text =, path?, headers?, timeout_ms? }" },
    { .name = NULL },
};
