/* api_time.c - gw.time: the time of the admission, also by the clocks of a place. */
#include <lauxlib.h>
#include <string.h>

#include "base/clock.h"
#include "script/api.h"

static const char *const weekdays[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL };

struct moment {
    int64_t day; /* since 1970 */
    int weekday; /* 0: Monday */
    int minute;  /* of the day */
};

static struct moment at_zone(lua_State *L, int index, const char *word)
{
    struct script_request *req = api_run(L)->req;
    int64_t now = req->admitted_ms / 1000, east = 0;
    struct text zone = lua_isnoneornil(L, index) ? TEXT("UTC") : api_check_text(L, index, word, "a time zone");
    if (!text_is(zone, "UTC") &&
        (req->host == NULL || req->host->east == NULL || !req->host->east(req->owner, zone, now, &east)))
        luaL_error(L, "%s: the time zone \"%s\" is not known here: write one as \"Europe/Berlin\"", word,
                   lua_tostring(L, index));
    now += east;
    state_spend(L, 20);
    return (struct moment){ now / 86400, (int)((now / 86400 + 3) % 7), (int)(now % 86400 / 60) };
}

static int now(lua_State *L)
{
    lua_pushinteger(L, api_run(L)->req->admitted_ms / 1000);
    return 1;
}

static void push_day(lua_State *L, int64_t day)
{
    char stamp[32];
    clock_rfc3339(day * 86400000, stamp);
    lua_pushlstring(L, stamp, 10);
}

static int day(lua_State *L)
{
    push_day(L, at_zone(L, 1, "gw.time.day").day);
    return 1;
}

static int at(lua_State *L)
{
    struct moment m = at_zone(L, 1, "gw.time.at");
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, m.minute / 60);
    lua_setfield(L, -2, "hour");
    lua_pushinteger(L, m.minute % 60);
    lua_setfield(L, -2, "minute");
    push_day(L, m.day);
    lua_setfield(L, -2, "day");
    lua_pushstring(L, weekdays[m.weekday]);
    lua_setfield(L, -2, "weekday");
    api_freeze(L, "gw.time.at", "field", NULL);
    return 1;
}

static int weekday_of(struct text name)
{
    for (int i = 0; weekdays[i] != NULL; i++)
        if (text_is(name, weekdays[i]))
            return i;
    return -1;
}

/* "09:00" as minutes; -1: it is none. */
static int minutes_of(struct text t)
{
    int64_t hour, minute;
    struct text h = text_cut(&t, ':');
    if (h.len != 2 || t.len != 2 || text_parse_u63(h, &hour) < 0 || text_parse_u63(t, &minute) < 0 || hour > 24 ||
        minute > 59 || hour * 60 + minute > 24 * 60)
        return -1;
    return (int)(hour * 60 + minute);
}

static int within(lua_State *L)
{
    struct text span = api_check_text(L, 1, "gw.time.within", "a span such as \"mon-fri 09:00-18:00\""), times = span,
                days = TEXT_NONE;
    struct moment m = at_zone(L, 2, "gw.time.within");
    int first = 0, last = 6;
    if (text_find(span, TEXT(" ")) >= 0)
        days = text_cut(&times, ' ');
    if (days.ptr != NULL) {
        struct text to = days, from = text_cut(&to, '-');
        first = weekday_of(from);
        last = to.ptr != NULL ? weekday_of(to) : first;
    }
    struct text to = times, from = text_cut(&to, '-');
    int begin = minutes_of(from), end = to.ptr != NULL ? minutes_of(to) : -1;
    if (first < 0 || last < 0 || begin < 0 || end < 0)
        return luaL_error(L, "gw.time.within: a span looks like \"mon-fri 09:00-18:00\" or \"22:00-06:00\"");
    bool night = begin > end,
         late = night && m.minute < end; /* after midnight it is still the night of the day before */
    int day_of = late ? (m.weekday + 6) % 7 : m.weekday;
    bool on_day = first <= last ? day_of >= first && day_of <= last : day_of >= first || day_of <= last;
    bool in_time = night ? m.minute >= begin || m.minute < end : m.minute >= begin && m.minute < end;
    lua_pushboolean(L, on_day && in_time);
    return 1;
}

const struct api_row api_time_rows[] = {
    { "now", now, API_HOOKS, false, "", "integer", "Of the admission: seconds since 1970" },
    { "day", day, API_HOOKS, false, "zone?", "string", "2026-08-24; UTC unless a zone is given" },
    { "at", at, API_HOOKS, false, "zone", "gw.Moment",
      "hour, minute, day, weekday (mon ... sun) by the clocks of a zone as Europe/Berlin" },
    { "within", within, API_HOOKS, false, "span, zone?", "boolean",
      "\"mon-fri 09:00-18:00\"; a night belongs to the day it began on" },
    { .name = NULL },
};
