/* world.c - what a case begins with, and what it declares: time, money, models and places that answer. */
#include "rehearsal/world.h"

#include <lauxlib.h>
#include <string.h>

#include "base/clock.h"
#include "flow/policy.h"

enum { FILE_MOST = 64 << 20, START_S = 1787000000 }; /* 2026-08-17 20:53:20 UTC, a Monday */

static const char world_key;

struct world *world_of(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &world_key);
    struct world *w = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return w;
}

struct text world_text(lua_State *L, int index, const char *name, struct arena *arena)
{
    struct text out = TEXT_NONE;
    size_t len;
    int type = lua_getfield(L, index, name);
    if (type != LUA_TNIL && type != LUA_TSTRING && type != LUA_TNUMBER)
        luaL_error(L, "%s: a text is needed, not %s", name, lua_typename(L, type));
    const char *ptr = lua_tolstring(L, -1, &len);
    if (ptr != NULL)
        out = arena_text(arena, (struct text){ ptr, len });
    lua_pop(L, 1);
    return out;
}

struct text world_or(struct text t, const char *literal)
{
    return t.ptr != NULL ? t : text_of(literal);
}

int64_t world_int(lua_State *L, int index, const char *name, int64_t otherwise)
{
    int whole = 1;
    if (lua_getfield(L, index, name) != LUA_TNIL)
        otherwise = lua_tointegerx(L, -1, &whole);
    if (!whole)
        luaL_error(L, "%s: a whole number is needed", name);
    lua_pop(L, 1);
    return otherwise;
}

int64_t world_nano(lua_State *L, int index, const char *name, int64_t otherwise)
{
    int number = 1;
    if (lua_getfield(L, index, name) != LUA_TNIL)
        otherwise = (int64_t)(lua_tonumberx(L, -1, &number) * 1e9);
    if (!number)
        luaL_error(L, "%s: a number is needed", name);
    lua_pop(L, 1);
    return otherwise;
}

void world_open(struct world *w, const struct config *base, const char *folder, lua_State *L)
{
    *w = (struct world){ .base = base, .folder = folder, .L = L, .answers = LUA_NOREF };
    arena_init(&w->arena, NULL, 0, FILE_MOST);
    arena_init(&w->of_case, NULL, 0, FILE_MOST);
    lua_pushlightuserdata(L, w);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &world_key);
    world_begin(w);
}

static void end_case(struct world *w)
{
    for (struct played *p = w->played, *next; p != NULL; p = next) {
        next = p->next;
        play_end(p);
    }
    w->played = NULL;
    for (struct stage *s = w->stages; s != NULL; s = s->next)
        stage_close(s);
    if (w->shared != NULL)
        script_shared_free(w->shared);
    w->shared = NULL;
}

void world_begin(struct world *w)
{
    end_case(w);
    arena_reset(&w->of_case);
    w->shared = script_shared_new();
    w->balances = NULL;
    w->llm_count = w->place_count = w->team_count = 0;
    w->now_ms = (int64_t)START_S * 1000;
}

void world_close(struct world *w)
{
    end_case(w);
    arena_fini(&w->of_case);
    arena_fini(&w->arena);
}

static int begin(lua_State *L)
{
    world_begin(world_of(L));
    return 0;
}

/* forget(): counters and cache are empty. */
static int forget(lua_State *L)
{
    script_shared_clear(world_of(L)->shared);
    return 0;
}

/* clock(seconds by the clocks of the zone, zone) */
static int set_clock(lua_State *L)
{
    struct world *w = world_of(L);
    int64_t local = luaL_checkinteger(L, 1), east = 0;
    struct text zone = text_of(luaL_optstring(L, 2, "UTC"));
    if (!text_is(zone, "UTC")) {
        if (!policy_host.east(NULL, zone, local, &east) || !policy_host.east(NULL, zone, local - east, &east))
            return luaL_error(L, "test.clock: there is no time zone \"%s\": Europe/Berlin is one", zone.ptr);
    }
    w->now_ms = (local - east) * 1000;
    return 0;
}

/* spend(whose, name, per, { spent_usd, held_usd, limit_usd }) */
static int set_spend(lua_State *L)
{
    static const char *const whose[] = { "team", "key", "user", "session", "project", NULL };
    static const char *const periods[] = { "day", "week", "month", "total", NULL };
    static const enum config_period of[] = { PERIOD_DAY, PERIOD_WEEK, PERIOD_MONTH, PERIOD_TOTAL };
    struct world *w = world_of(L);
    struct balance *b = arena_new(&w->of_case, struct balance);
    b->whose = (enum script_whose)luaL_checkoption(L, 1, NULL, whose);
    b->name = arena_text(&w->of_case, text_of(luaL_checkstring(L, 2)));
    b->per = of[luaL_checkoption(L, 3, NULL, periods)];
    b->sum = (struct script_spend){ world_nano(L, 4, "spent_usd", 0), world_nano(L, 4, "held_usd", 0),
                                    world_nano(L, 4, "limit_usd", -1) };
    b->next = w->balances;
    w->balances = b;
    return 0;
}

/* declare("llm" or "place" or "team", name) */
static int declare(lua_State *L)
{
    static const char *const kinds[] = { "llm", "place", "team", NULL };
    struct world *w = world_of(L);
    int kind = luaL_checkoption(L, 1, NULL, kinds);
    struct text name = arena_text(&w->of_case, text_of(luaL_checkstring(L, 2)));
    size_t *count = kind == 0 ? &w->llm_count : kind == 1 ? &w->place_count : &w->team_count;
    if (*count == (kind == 2 ? (size_t)WORLD_TEAMS : (size_t)WORLD_LLMS))
        return luaL_error(L, "a case has at most %d of them", (int)*count);
    if (kind == 1)
        w->places[w->place_count] = name.ptr;
    else
        (kind == 0 ? w->llms : w->teams)[*count] = name;
    ++*count;
    for (struct stage *s = w->stages; s != NULL; s = s->next) /* its next hook sees it */
        stage_declare(w, s);
    return 0;
}

/* answers(fn): fn(kind, name, request) stands for all places and models. */
static int set_answers(lua_State *L)
{
    lua_settop(L, 1);
    world_of(L)->answers = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

void world_push(struct world *w)
{
    static const luaL_Reg functions[] = { { "begin", begin },     { "clock", set_clock },     { "spend", set_spend },
                                          { "declare", declare }, { "answers", set_answers }, { "load", stage_load },
                                          { "forget", forget },   { "play", play },           { "json", write_json },
                                          { NULL, NULL } };
    lua_newtable(w->L);
    luaL_setfuncs(w->L, functions, 0);
}
