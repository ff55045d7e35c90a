/* api_log.c - gw.log, and print. */
#include "base/log.h"

#include <lauxlib.h>

#include "script/api.h"
#include "script/run.h"

enum { TEXT_MOST = 1000 };

static int write_line(lua_State *L, enum log_level level, const char *word)
{
    struct text text = api_check_text(L, 1, word, "a text");
    state_spend(L, 200);
    const struct script_run *run = state_of(L)->run; /* NULL: the file is loaded */
    if (run == NULL || !run->req->recorded)
        log_line(level, "policy \"%s\": %.*s", state_of(L)->policy->name,
                 (int)(text.len < TEXT_MOST ? text.len : TEXT_MOST), text.ptr);
    return 0;
}

static int debug(lua_State *L)
{
    return write_line(L, LOG_DEBUG, "gw.log.debug");
}

static int info(lua_State *L)
{
    return write_line(L, LOG_INFO, "gw.log.info");
}

static int warn(lua_State *L)
{
    return write_line(L, LOG_WARN, "gw.log.warn");
}

static int error(lua_State *L)
{
    return write_line(L, LOG_ERROR, "gw.log.error");
}

static int print(lua_State *L)
{
    int n = lua_gettop(L);
    lua_pushliteral(L, "");
    for (int i = 1; i <= n; i++) {
        if (i > 1)
            lua_pushliteral(L, " ");
        luaL_tolstring(L, i, NULL);
        lua_concat(L, i > 1 ? 3 : 2);
    }
    lua_replace(L, 1);
    return write_line(L, LOG_INFO, "print");
}

void api_push_print(lua_State *L)
{
    lua_pushcfunction(L, print);
}

const struct api_row api_log_rows[] = {
    { "debug", debug, API_ALWAYS, false, "text", "", "A line on stderr, with --log-level debug" },
    { "info", info, API_ALWAYS, false, "text", "", "A line on stderr" },
    { "warn", warn, API_ALWAYS, false, "text", "", "A warning on stderr" },
    { "error", error, API_ALWAYS, false, "text", "", "An error on stderr" },
    { .name = NULL },
};
