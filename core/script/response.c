/* response.c - an answer, as on_response sees it before the client does. */
#include <lauxlib.h>

#include "script/api.h"

/* Upvalue: the text. Its value, or nil and why not. */
static int json(lua_State *L)
{
    struct fail fail = { 0 };
    const struct script_response *response = api_run(L)->response;
    struct text text = response != NULL ? response->said->text : api_text(L, lua_upvalueindex(1));
    state_spend(L, (int64_t)text.len / 16);
    const struct json *value = json_parse(api_run(L)->req->arena, text, &fail);
    if (value != NULL) {
        api_push_json(L, value);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, fail.text);
    return 2;
}

static void put_int(lua_State *L, const char *name, int64_t n)
{
    lua_pushinteger(L, n);
    lua_setfield(L, -2, name);
}

void response_push(lua_State *L, const struct script_response *response)
{
    static const char *const may[] = { "first_token_ms", NULL };
    const struct said *said = response->said;
    lua_createtable(L, 0, 11);
    api_push(L, said->text);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "text");
    lua_pushcclosure(L, json, 1);
    lua_setfield(L, -2, "json");
    lua_pushcfunction(L, answer_map_text);
    lua_setfield(L, -2, "map_text");
    read_push_call_list(L, said->calls, said->call_count, "resp.tool_calls");
    lua_setfield(L, -2, "tool_calls");
    lua_pushstring(L, response->finish);
    lua_setfield(L, -2, "finish");
    api_push(L, api_run(L)->req->model);
    lua_setfield(L, -2, "model");
    api_push(L, response->target);
    lua_setfield(L, -2, "target");
    finish_push_usage(L, response->usage);
    lua_setfield(L, -2, "usage");
    put_int(L, "total_ms", response->total_ms);
    put_int(L, "retries", api_run(L)->req->retries);
    if (response->first_token_ms >= 0)
        put_int(L, "first_token_ms", response->first_token_ms);
    api_freeze(L, "resp", "field", may);
}
