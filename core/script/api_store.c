/* api_store.c - gw.counter and gw.cache: numbers and values that live from request to request, on this gateway. */
#include <lauxlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "script/api.h"
#include "script/recorded.h"

enum { NAME_MOST = 512, VALUE_MOST = 64 << 10, TTL_MOST_S = 366 * 86400 };

/* The name, kept apart from those of other policies and teams, as "counter\0policy\0team\0name\0period". */
static struct text full_name(lua_State *L, const char *word, struct text scope, struct text zone, int64_t period)
{
    static const char *const scopes[] = { "team", "policy", "gateway", NULL };
    struct script_state *s = state_of(L);
    struct text name = api_check_text(L, 1, word, "a name");
    size_t which = 0;
    char hex[2 * CRYPTO_SHA256_LEN + 1];
    if (name.len > NAME_MOST) { /* a client wrote it, as a rule */
        uint8_t digest[CRYPTO_SHA256_LEN];
        state_spend(L, (int64_t)name.len / 16);
        crypto_sha256(name, digest);
        crypto_hex(digest, sizeof digest, hex);
        name = text_of(hex);
    }
    while (scope.ptr != NULL && scopes[which] != NULL && !text_is(scope, scopes[which]))
        which++;
    if (scopes[which] == NULL)
        api_unknown(L, word, "scope", scope, scopes);
    if (which > 0 && s->policy->team != NULL)
        luaL_error(L, "%s: a team's own policy has the scope \"team\" alone", word);
    buf_truncate(&s->text, 0);
    buf_printf(&s->text, "%s%c%.*s%c%lld%.*s%c", which < 2 ? s->policy->name : "", '\0',
               which == 0 ? (int)api_run(L)->req->team.len : 0, api_run(L)->req->team.ptr, '\0', (long long)period,
               TEXT_ARG(zone), '\0');
    buf_text(&s->text, name);
    lua_pushlstring(L, buf_view(&s->text).ptr, s->text.len); /* the buffer is used again */
    return api_text(L, -1);
}

/* Days since 1970 of the first of the month that `day` is in. */
static int64_t month_of(int64_t day)
{
    char stamp[32];
    clock_rfc3339(day * 86400000, stamp);
    return day - ((stamp[8] - '0') * 10 + stamp[9] - '0') + 1;
}

struct window {
    int64_t begins_s, ttl_ms; /* by the clocks of the zone */
    int64_t now_s;
    struct text scope, zone;
};

/* How far the clocks of a zone are from UTC, in seconds; 0 where none is named. */
static int64_t east_of(lua_State *L, const char *word, struct text zone)
{
    const struct script_request *req = api_run(L)->req;
    int64_t east = 0;
    if (zone.ptr != NULL && !text_is(zone, "UTC") &&
        (req->host == NULL || req->host->east == NULL ||
         !req->host->east(req->owner, zone, req->admitted_ms / 1000, &east)))
        luaL_error(L, "%s: there is no time zone \"%s\": Europe/Berlin is one", word, zone.ptr);
    return east;
}

/* The options at `index`: per or ttl_s. */
static struct window window_at(lua_State *L, int index, const char *word, bool takes)
{
    static const char *const options[] = { "per", "ttl_s", "scope", "zone", NULL };
    static const char *const of_take[] = { "per", "ttl_s", "scope", "zone", "limit", "n", NULL };
    static const char *const periods[] = { "minute", "hour", "day", "week", "month", NULL };
    static const int64_t lengths[] = { 60, 3600, 86400, 7 * 86400, 31 * 86400 };
    struct window w = { .zone = TEXT("") };
    api_options(L, index, word, takes ? of_take : options);
    struct text per = api_option_text(L, index, word, "per");
    int64_t ttl_s = api_option_int(L, index, word, "ttl_s", 1, TTL_MOST_S, 0),
            now_s = api_run(L)->req->admitted_ms / 1000;
    w.scope = api_option_text(L, index, word, "scope");
    if (per.ptr == NULL && ttl_s == 0)
        luaL_error(L, "%s: how long is it kept? { per = \"day\" } or { ttl_s = 3600 }", word);
    w.ttl_ms = ttl_s * 1000;
    struct text zone = api_option_text(L, index, word, "zone");
    if (zone.ptr != NULL && per.ptr == NULL)
        luaL_error(L, "%s: zone is for per: whose day, week or month it is", word);
    w.now_s = now_s;
    if (per.ptr == NULL)
        return w;
    now_s = w.now_s = now_s + east_of(L, word, zone);
    w.zone = zone.ptr != NULL ? zone : w.zone;
    size_t i = 0;
    while (periods[i] != NULL && !text_is(per, periods[i]))
        i++;
    if (periods[i] == NULL)
        api_unknown(L, word, "period", per, periods);
    int64_t day = now_s / 86400;
    w.begins_s = i == 4   ? month_of(day) * 86400
                 : i == 3 ? (day - (day + 3) % 7) * 86400 /* 1970-01-01 was a Thursday */
                          : now_s - now_s % lengths[i];
    w.ttl_ms = (lengths[i] + 60) * 1000;
    return w;
}

/* *name: under which it is counted, on the stack. */
static int64_t add_to(lua_State *L, const char *word, int64_t delta, int64_t most, const struct window *w, bool *took,
                      struct text *key)
{
    struct script_state *s = state_of(L);
    struct text name = full_name(L, word, w->scope, w->zone, w->begins_s);
    if (key != NULL)
        *key = name;
    state_spend(L, 50);
    return store_add(s->shared->numbers, name, delta, most, recorded_now_ms(api_run(L)->req), w->ttl_ms, took);
}

static int counter_get(lua_State *L)
{
    struct window w = window_at(L, 2, "gw.counter.get", false);
    bool took;
    lua_pushinteger(L, add_to(L, "gw.counter.get", 0, INT64_MAX, &w, &took, NULL));
    return 1;
}

static int counter_add(lua_State *L)
{
    int whole = 0;
    lua_Integer n = lua_tointegerx(L, 2, &whole);
    struct window w = window_at(L, 3, "gw.counter.add", false);
    bool took;
    if (lua_type(L, 2) != LUA_TNUMBER || !whole)
        return luaL_error(L, "gw.counter.add: a whole number is needed, not %s", luaL_typename(L, 2));
    lua_pushinteger(L, add_to(L, "gw.counter.add", n, INT64_MAX, &w, &took, NULL));
    return 1;
}

static int counter_take(lua_State *L)
{
    struct window w = window_at(L, 2, "gw.counter.take", true);
    int64_t limit = api_option_int(L, 2, "gw.counter.take", "limit", 0, INT64_MAX / 2, -1),
            n = api_option_int(L, 2, "gw.counter.take", "n", 0, INT64_MAX / 2, 1);
    bool took;
    if (limit < 0)
        return luaL_error(L, "gw.counter.take: limit = ... is needed");
    struct script_request *req = api_run(L)->req;
    struct script_taken *taken = arena_new(req->arena, struct script_taken); /* first: what is taken is known */
    struct text key;
    int64_t sum = add_to(L, "gw.counter.take", n, limit, &w, &took, &key);
    if (took && !req->arena->full) {
        *taken = (struct script_taken){ req->taken, arena_text(req->arena, key), n };
        req->taken = taken;
    }
    int64_t resets = w.begins_s == 0 ? w.ttl_ms / 1000 : w.begins_s + w.ttl_ms / 1000 - 60 - w.now_s;
    lua_pushboolean(L, took);
    lua_pushinteger(L, limit > sum ? limit - sum : 0);
    lua_pushinteger(L, resets > 0 ? resets : 1);
    return 3;
}

const struct api_row api_counter_rows[] = {
    { "get", counter_get, API_HOOKS, false, "name, options", "integer",
      "A counter of this policy and team; 0 where it is not there. { per = \"day\", zone = \"Europe/Berlin\" } or { ttl_s = 60 }; scope = \"team\", \"policy\", \"gateway\"" },
    { "add", counter_add, API_HOOKS, false, "name, n, options", "integer", "Adds, and returns the sum" },
    { "take", counter_take, API_HOOKS, false, "name, options", "boolean, integer, integer",
      "Adds n (1) where the sum stays within limit: whether it did, what is left, and the seconds until it begins anew; given back where the request is refused later" },
    { .name = NULL },
};

static int cache_get(lua_State *L)
{
    struct script_state *s = state_of(L);
    static const char *const options[] = { "scope", NULL };
    api_options(L, 2, "gw.cache.get", options);
    struct text name = full_name(L, "gw.cache.get", api_option_text(L, 2, "gw.cache.get", "scope"), TEXT(""), 0);
    struct fail fail;
    buf_truncate(&s->text, 0);
    if (!store_get(s->shared->texts, name, recorded_now_ms(api_run(L)->req), &s->text) || s->text.len == 0) {
        lua_pushnil(L);
        return 1;
    }
    struct text value = buf_view(&s->text);
    state_spend(L, 50 + (int64_t)value.len / 16);
    if (value.ptr[0] == 's') {
        lua_pushlstring(L, value.ptr + 1, value.len - 1);
        return 1;
    }
    arena_reset(&s->scratch);
    const struct json *v = json_parse(&s->scratch, (struct text){ value.ptr + 1, value.len - 1 }, &fail);
    api_push_json(L, v);
    return 1;
}

static int cache_set(lua_State *L)
{
    struct script_state *s = state_of(L);
    static const char *const options[] = { "ttl_s", "scope", NULL };
    api_options(L, 3, "gw.cache.set", options);
    int64_t ttl_s = api_option_int(L, 3, "gw.cache.set", "ttl_s", 1, TTL_MOST_S, 0);
    if (ttl_s == 0)
        return luaL_error(L, "gw.cache.set: ttl_s = ... is needed: how many seconds it is kept");
    int type = lua_type(L, 2);
    if (type != LUA_TSTRING && type != LUA_TTABLE)
        return luaL_error(L, "gw.cache.set: a text or a table is needed, not %s", luaL_typename(L, 2));
    struct text name = full_name(L, "gw.cache.set", api_option_text(L, 3, "gw.cache.set", "scope"), TEXT(""), 0);
    buf_truncate(&s->text, 0);
    buf_str(&s->text, type == LUA_TSTRING ? "s" : "j");
    if (type == LUA_TSTRING)
        buf_text(&s->text, api_text(L, 2));
    else
        api_write_json(L, 2, "gw.cache.set", &s->text);
    if (s->text.len > VALUE_MOST)
        return luaL_error(L, "gw.cache.set: at most %d bytes", VALUE_MOST);
    state_spend(L, 50 + (int64_t)s->text.len / 16);
    store_set(s->shared->texts, name, buf_view(&s->text), recorded_now_ms(api_run(L)->req), ttl_s * 1000);
    return 0;
}

static int cache_del(lua_State *L)
{
    static const char *const options[] = { "scope", NULL };
    api_options(L, 2, "gw.cache.del", options);
    store_del(state_of(L)->shared->texts,
              full_name(L, "gw.cache.del", api_option_text(L, 2, "gw.cache.del", "scope"), TEXT(""), 0));
    return 0;
}

const struct api_row api_cache_rows[] = {
    { "get", cache_get, API_HOOKS, false, "key, options?", "any?",
      "A value of this policy and team; nil where it is not there" },
    { "set", cache_set, API_HOOKS, false, "key, value, options", "",
      "Keeps a text or a table, at most 64 KB: { ttl_s = 3600 }; scope as of a counter" },
    { "del", cache_del, API_HOOKS, false, "key, options?", "", "Forgets it" },
    { .name = NULL },
};
