/* finish.c - how a request ended, as on_finish sees it; what was used. */
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

void finish_push_usage(lua_State *L, const struct usage *u)
{
    lua_createtable(L, 0, 5);
    put_int(L, "input", usage_total_in(u));
    put_int(L, "output", usage_total_out(u));
    put_int(L, "cache_read", u->cache_read);
    put_int(L, "cache_write", u->cache_write_5m + u->cache_write_1h);
    put_int(L, "reasoning", u->reasoning);
    api_freeze(L, "usage", "field", NULL);
}

void finish_push(lua_State *L, const struct script_done *done)
{
    static const char *const may[] = { "code", "target", "cost_usd", "first_token_ms", NULL };
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
    finish_push_usage(L, done->usage);
    lua_setfield(L, -2, "usage");
    api_freeze(L, "done", "field", may);
}
