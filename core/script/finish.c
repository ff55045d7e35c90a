/* finish.c - how a request ended, as on_finish sees it. */
#include <lauxlib.h>

#include "script/api.h"

static void put_int(lua_State *L, const char *name, int64_t n)
{
    lua_pushinteger(L, n);
    lua_setfield(L, -2, name);
}

static void put_text(lua_State *L, const char *name, struct text t)
{
    api_push(L, t);
    lua_setfield(L, -2, name);
}

void finish_push(lua_State *L, const struct script_done *done)
{
    static const char *const may[] = { "code", "target", "cost_usd", "first_token_ms", NULL };
    const struct usage *u = done->usage;
    lua_createtable(L, 0, 10);
    put_int(L, "status", done->status);
    put_text(L, "outcome", text_of(done->outcome));
    put_text(L, "code", done->code);
    put_text(L, "target", done->target);
    put_int(L, "attempts", done->attempts);
    put_int(L, "total_ms", done->total_ms);
    if (done->first_token_ms >= 0)
        put_int(L, "first_token_ms", done->first_token_ms);
    if (done->priced) {
        lua_pushnumber(L, (double)done->cost_nano / 1e9);
        lua_setfield(L, -2, "cost_usd");
    }
    lua_createtable(L, 0, 5);
    put_int(L, "input", usage_total_in(u));
    put_int(L, "output", usage_total_out(u));
    api_freeze(L, "done.usage", "field", NULL);
    lua_setfield(L, -2, "usage");
    api_freeze(L, "done", "field", may);
}
