/* api.c - makes Lua functions of the rows, and looks before each call whether it is its time. */
#include "script/api.h"
#include "script/run.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#ifdef GW_TEST_BUILD
static int after_wait(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    lua_pushboolean(L, api_run(L)->ask->late);
    return 1;
}

/* For tests: a function that waits, and nothing else. */
static int wait_ms(lua_State *L)
{
    struct script_ask *ask = arena_new(api_run(L)->req->arena, struct script_ask);
    *ask = (struct script_ask){ .kind = SCRIPT_ASK_TIME, .until_ns = clock_ns() + luaL_checkinteger(L, 1) * CLOCK_MS };
    return run_wait(L, ask, after_wait);
}

static const struct api_row api_wait_rows[] = {
    { "test_wait", wait_ms, API_WAITS, true, "ms", "boolean", "Waits that long. In builds for tests alone" },
    { .name = NULL },
};
#endif

const struct api_library api_libraries[] = {
    { "gw", decide_rows },
    { "gw", api_spend_rows },
    { "gw", api_regex_rows },
    { "gw.cache", api_cache_rows },
    { "gw.counter", api_counter_rows },
    { "gw.text", api_text_rows },
    { "gw.time", api_time_rows },
    { "gw.json", api_json_rows },
    { "gw.http", api_http_rows },
    { "gw.llm", api_llm_rows },
    { "gw.log", api_log_rows },
#ifdef GW_TEST_BUILD
    { "gw", api_wait_rows },
#endif
    { NULL, NULL },
};

static const char *hook_name(unsigned hook)
{
    return hook == SCRIPT_ON_REQUEST    ? "on_request"
           : hook == SCRIPT_ON_ROUTE    ? "on_route"
           : hook == SCRIPT_ON_RESPONSE ? "on_response"
           : hook == SCRIPT_ON_FINISH   ? "on_finish"
                                        : "the file while it is loaded";
}

static _Noreturn void not_now(lua_State *L, const char *of, const struct api_row *row, unsigned now)
{
    char where[96] = "";
    size_t len = 0;
    for (unsigned bit = 1; bit <= API_LOAD; bit <<= 1)
        if ((row->when & bit) != 0)
            len += (size_t)snprintf(where + len, sizeof where - len, "%s%s", len > 0 ? ", " : "", hook_name(bit));
    char word[64];
    snprintf(word, sizeof word, "%s%s", of, row->name);
    const char *right = hint_of(word, text_of(hook_name(now)));
    if (row->waits && now == SCRIPT_ON_FINISH)
        luaL_error(
            L, "%s is not available in on_finish, only in %s: on_finish cannot wait, so keep what it needs in req.vars",
            word, where);
    luaL_error(L, "%s is not available in %s, only in %s%s%s%s", word, hook_name(now), where,
               right != NULL ? " (did you mean " : "", right != NULL ? right : "", right != NULL ? "?)" : "");
    __builtin_unreachable();
}

/* Upvalues: the row, its prefix. */
static int call_row(lua_State *L)
{
    const struct api_row *row = lua_touserdata(L, lua_upvalueindex(1));
    struct script_state *s = state_of(L);
    unsigned now = s->run != NULL ? s->run->hook : API_LOAD;
    if ((row->when & now) == 0)
        not_now(L, lua_touserdata(L, lua_upvalueindex(2)), row, now);
    if (row->waits)
        run_may_wait(L, lua_touserdata(L, lua_upvalueindex(2)), row->name);
    return row->call(L);
}

void api_push_row(lua_State *L, const char *of, const struct api_row *row)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)row);
    lua_pushlightuserdata(L, (void *)(uintptr_t)of);
    lua_pushcclosure(L, call_row, 2);
}

/* A library that is called: gw.log("x"). Upvalue: the library. */
static int no_function(lua_State *L)
{
    const struct api_library *library = lua_touserdata(L, lua_upvalueindex(1));
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (const struct api_row *row = library->rows; row->name != NULL; row++) {
        luaL_addchar(&b, ' ');
        luaL_addstring(&b, row->name);
    }
    luaL_pushresult(&b);
    return luaL_error(L, "%s is no function: write %s.%s(...); it has%s", library->name, library->name,
                      library->rows == api_log_rows ? "info" : library->rows->name, lua_tostring(L, -1));
}

/* Into the table on top of the stack. */
static void add_library(lua_State *L, const struct api_library *library)
{
    const char *of = lua_pushfstring(L, "%s.", library->name); /* an upvalue must be static: anchored below */
    lua_setfield(L, LUA_REGISTRYINDEX, of);
    lua_pushstring(L, of);
    lua_rawsetp(L, LUA_REGISTRYINDEX, library);
    lua_rawgetp(L, LUA_REGISTRYINDEX, library);
    of = lua_tostring(L, -1);
    lua_pop(L, 1);
    for (const struct api_row *row = library->rows; row->name != NULL; row++) {
        api_push_row(L, of, row);
        lua_setfield(L, -2, row->name);
    }
}

void api_open(lua_State *L)
{
    lua_newtable(L);
    args_open(L);
    for (const struct api_library *library = api_libraries; library->name != NULL; library++) {
        if (strcmp(library->name, "gw") == 0) {
            add_library(L, library);
            continue;
        }
        lua_newtable(L);
        add_library(L, library);
        if (library->rows == api_json_rows) {
            lua_pushlightuserdata(L, NULL);
            lua_setfield(L, -2, "null");
        }
        api_freeze(L, library->name, "function", NULL);
        lua_getmetatable(L, -1);
        lua_pushlightuserdata(L, (void *)(uintptr_t)library);
        lua_pushcclosure(L, no_function, 1);
        lua_setfield(L, -2, "__call");
        lua_pop(L, 1);
        lua_setfield(L, -2, library->name + sizeof "gw." - 1);
    }
    api_freeze(L, "gw", "function", NULL);
}

int api_new_thread(lua_State *L)
{
    lua_newthread(L);
    lua_pushinteger(L, luaL_ref(L, LUA_REGISTRYINDEX));
    return 1;
}

struct script_run *api_run(lua_State *L)
{
    struct script_run *run = state_of(L)->run;
    if (run == NULL)
        luaL_error(L, "there is no request while the file is loaded");
    return run;
}

struct text api_keep(lua_State *L, struct text t)
{
    struct script_request *req = api_run(L)->req;
    char *copy = arena_try(req->arena, t.len + 1);
    if (copy == NULL)
        luaL_error(L, "the request needs more memory than limits.memory_mb allows");
    if (t.len > 0)
        memcpy(copy, t.ptr, t.len);
    copy[t.len] = '\0';
    return (struct text){ copy, t.len };
}

/* A row as sdk/lua/gw.lua has it. */
static void write_row(const char *of, const struct api_row *row, struct buf *out)
{
    buf_printf(out, "%s%s(%s)%s%s\n", of, row->name, row->arguments, row->result[0] != '\0' ? " -> " : "", row->result);
}

void script_write_words(struct buf *out)
{
    char of[32];
    for (const struct api_library *library = api_libraries; library->name != NULL; library++) {
        snprintf(of, sizeof of, "%s.", library->name);
        for (const struct api_row *row = library->rows; row->name != NULL; row++)
            write_row(of, row, out);
    }
    request_write_words(out);
    for (size_t i = 0; request_rows[i] != NULL; i++)
        for (const struct api_row *row = request_rows[i]; row->name != NULL; row++)
            write_row("req:", row, out);
}
