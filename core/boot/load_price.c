/* load_price.c - reads money of gateway.lua: a price ("free", or a table of US dollars), and budgets. */
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>

#include "boot/load_lua.h"
#include "money/nano.h"
#include "money/tariff.h"

/* A number as decimal text, exactly; a string as it is; absent: it is neither, or has digits that nano-dollars do not. */
static struct text amount_of(lua_State *L, char memory[64])
{
    if (lua_type(L, -1) == LUA_TSTRING)
        return load_text(L, -1);
    if (lua_type(L, -1) != LUA_TNUMBER)
        return TEXT_NONE;
    double value = lua_tonumber(L, -1);
    if (!(value >= 0 && value < 1e12))
        return TEXT_NONE;
    snprintf(memory, 64, "%.9f", value);
    return strtod(memory, NULL) == value ? text_of(memory) : TEXT_NONE;
}

void load_read_usd(lua_State *L, const struct load_place *place, const char *setting, int64_t *out)
{
    char memory[64];
    struct text amount = amount_of(L, memory);
    if (amount.ptr != NULL && nano_parse(amount, out) == 0)
        return;
    if (!load_is_unknown(L, -1))
        load_complain(L, place,
                      "%s takes US dollars as a number or a string with at most 9 digits after the point: 20, \"0.5\"",
                      setting);
}

static void read_amount(lua_State *L, const struct load_place *place, const char *name, struct tariff *tariff)
{
    char memory[64];
    const char *nearest = text_nearest(text_of(name), tariff_names());
    const char *wrong = tariff_set(tariff, text_of(name), amount_of(L, memory));

    if (wrong == NULL || load_is_unknown(L, -1))
        return;
    if (nearest != NULL && !text_is(text_of(name), nearest))
        load_complain(L, place, "price: \"%s\" %s (did you mean \"%s\"?)", load_name(L, text_of(name)), wrong, nearest);
    else
        load_complain(L, place, "price: \"%s\" %s", load_name(L, text_of(name)), wrong);
}

void load_read_price(lua_State *L, int index, const struct load_place *place, const struct tariff **out)
{
    struct tariff *tariff = arena_new(load_of(L)->declared->arena, struct tariff);
    size_t count = 0;

    *out = tariff;
    tariff->free = text_is(load_text(L, index), "free");
    if (tariff->free)
        return;
    if (lua_type(L, index) != LUA_TTABLE) {
        if (!load_is_unknown(L, index))
            load_complain(L, place, "price takes \"free\" or { input_usd_per_mtok = 2.5, ... }");
        return;
    }
    const char **names = load_keys(L, index, &count);
    if (count == 0 || lua_rawlen(L, index) > 0)
        load_complain(L, place,
                      "price has names and US dollars: { input_usd_per_mtok = 2.5, output_usd_per_mtok = 10 }");
    for (size_t i = 0; i < count; i++) {
        lua_getfield(L, index, names[i]);
        read_amount(L, place, names[i], tariff);
        lua_pop(L, 1);
    }
}

void load_read_budgets(lua_State *L, int index, const struct load_place *place, const char *setting,
                       struct declare_budgets *out)
{
    struct arena *arena = load_of(L)->declared->arena;
    size_t count = lua_rawlen(L, index), most = CONFIG_BUDGETS_MOST;
    struct load_place inner = { place->line,
                                setting == NULL ? place->where : arena_printf(arena, "%s: %s", place->where, setting) };
    static const struct declare_budget none = DECLARE_BUDGET;

    out->given = true;
    if (count > most)
        load_complain(L, &inner, "it takes %u budgets at most: one for each period", (unsigned)most);
    size_t held = count == 0 ? 1 : count < most ? count : most;
    out->items = arena_array(arena, struct declare_budget, held);
    for (; out->count < held; out->count++) {
        out->items[out->count] = none;
        if (count > 0)
            lua_rawgeti(L, index, (lua_Integer)out->count + 1);
        else
            lua_pushvalue(L, index);
        if (lua_type(L, -1) != LUA_TTABLE)
            load_complain(L, &inner, "a list of budgets has settings in braces, not %s", load_type(L, -1));
        else
            load_read_settings(L, -1, &inner, "budget", &out->items[out->count]);
        lua_pop(L, 1);
    }
    size_t names = 0;
    if (count > 0 && load_keys(L, index, &names) != NULL && names > 0)
        load_complain(L, &inner, "it takes either settings or a list of budgets, not both");
}
