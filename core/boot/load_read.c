/* load_read.c - reads one declaration's braces by the rows of words.c: what has no row is complained of,
 * what has one is checked and stored at its offset. */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "base/clock.h"
#include "boot/load_lua.h"
#include "boot/words.h"

enum { STRING_MAX = 4096 };

static void read_value(lua_State *L, const struct word_row *row, const struct load_place *place, void *into);
static void read_list_part(lua_State *L, int index, const struct load_place *place, const char *word, void *into);
static void read_other_names(lua_State *L, int index, const struct load_place *place, const char *word, void *into);
static void wrong_type(lua_State *L, int index, const struct word_row *row, const struct load_place *place);

void load_read_settings(lua_State *L, int index, const struct load_place *place, const char *word, void *into)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 8, "too deep");
    for (size_t i = 0; i < word_count; i++) {
        const struct word_row *row = &words[i];
        if (row->setting == NULL || strcmp(row->word, word) != 0 || strcmp(row->setting, WORD_LIST) == 0 ||
            strcmp(row->setting, WORD_OTHER) == 0)
            continue;
        lua_pushstring(L, row->setting);
        if (lua_rawget(L, index) != LUA_TNIL)
            read_value(L, row, place, into);
        else if (row->required)
            load_complain(L, place, "\"%s\" is missing", row->setting);
        lua_pop(L, 1);
    }
    read_list_part(L, index, place, word, into);
    read_other_names(L, index, place, word, into);
}

static void *at(void *into, const struct word_row *row)
{
    return (char *)into + row->offset;
}

static void read_number(lua_State *L, const struct word_row *row, const struct load_place *place, void *out)
{
    double value = lua_tonumber(L, -1);
    if (lua_type(L, -1) != LUA_TNUMBER || !(value >= row->least && value <= row->most)) {
        wrong_type(L, -1, row, place);
        return;
    }
    if (strcmp(row->unit, "s") == 0)
        *(int64_t *)out = (int64_t)(value * (double)CLOCK_S + 0.5);
    else if (strcmp(row->unit, "ms") == 0)
        *(int64_t *)out = (int64_t)(value * (double)CLOCK_MS + 0.5);
    else
        *(size_t *)out = (size_t)(value * (strcmp(row->unit, "MB") == 0 ? 0x1p20 : 0x1p10) + 0.5);
}

static void read_count(lua_State *L, const struct word_row *row, const struct load_place *place, unsigned *out)
{
    int whole = 0;
    lua_Integer value = lua_tointegerx(L, -1, &whole);
    if (lua_type(L, -1) != LUA_TNUMBER || !whole || (double)value < row->least || (double)value > row->most)
        wrong_type(L, -1, row, place);
    else
        *out = (unsigned)value;
}

static void read_share(lua_State *L, const struct word_row *row, const struct load_place *place, double *out)
{
    double value = lua_tonumber(L, -1);
    if (lua_type(L, -1) == LUA_TNUMBER && value >= row->least && value <= row->most)
        *out = value;
    else
        wrong_type(L, -1, row, place);
}

static void read_choice(lua_State *L, const struct word_row *row, const struct load_place *place, struct text *out)
{
    struct text value = load_text(L, -1);
    struct text rest = text_of(row->choices);
    while (value.ptr != NULL && rest.len > 0) {
        struct text choice = text_cut(&rest, ' ');
        if (text_eq(choice, value)) {
            *out = choice;
            return;
        }
    }
    wrong_type(L, -1, row, place);
}

static void read_secret(lua_State *L, const struct word_row *row, const struct load_place *place,
                        struct declare_secret **out)
{
    struct declare_secret *secret = arena_new(load_of(L)->declared->arena, struct declare_secret);
    if (load_get_secret(L, -1, secret))
        *out = secret;
    else if (lua_type(L, -1) == LUA_TSTRING)
        load_complain(L, place, "%s takes env \"NAME\" or file \"path\", not the secret itself", row->setting);
    else
        wrong_type(L, -1, row, place);
}

/* As JSON. */
static void read_args(lua_State *L, const struct word_row *row, const struct load_place *place, struct text *out)
{
    const char *wrong;
    if (lua_type(L, -1) != LUA_TTABLE) {
        wrong_type(L, -1, row, place);
        return;
    }
    *out = load_write_json(L, lua_gettop(L), &wrong);
    if (wrong != NULL)
        load_complain(L, place, "%s: it %s", row->setting, wrong);
}

/* The value is on top of the stack, and stays. */
static void read_value(lua_State *L, const struct word_row *row, const struct load_place *place, void *into)
{
    int top = lua_gettop(L);
    void *out = at(into, row);

    switch (row->type) {
    case WORD_STRING:
        if (lua_type(L, -1) != LUA_TSTRING)
            wrong_type(L, -1, row, place);
        else
            load_read_string(L, top, place, row->setting, out);
        break;
    case WORD_NUMBER:
        read_number(L, row, place, out);
        break;
    case WORD_COUNT:
        read_count(L, row, place, out);
        break;
    case WORD_SHARE:
        read_share(L, row, place, out);
        break;
    case WORD_BOOL:
        if (lua_type(L, -1) != LUA_TBOOLEAN)
            wrong_type(L, -1, row, place);
        else
            *(bool *)out = lua_toboolean(L, -1);
        break;
    case WORD_CHOICE:
        read_choice(L, row, place, out);
        break;
    case WORD_WORKERS:
        if (!text_is(load_text(L, -1), "auto"))
            read_count(L, row, place, out);
        break;
    case WORD_LIMIT:
        if (text_is(load_text(L, -1), "adaptive"))
            *(unsigned *)out = UINT32_MAX;
        else
            read_count(L, row, place, out);
        break;
    case WORD_PATHS:
    case WORD_STRINGS:
        if (lua_type(L, -1) == LUA_TTABLE || (row->type == WORD_PATHS && lua_type(L, -1) == LUA_TSTRING))
            load_read_list(L, top, place, row->setting, out);
        else
            wrong_type(L, -1, row, place);
        break;
    case WORD_SECRET:
        read_secret(L, row, place, out);
        break;
    case WORD_SECRETS:
        load_read_secrets(L, top, place, row->setting, out);
        break;
    case WORD_HEADERS:
        if (lua_type(L, -1) != LUA_TTABLE)
            wrong_type(L, -1, row, place);
        else
            load_read_headers(L, top, place, out);
        break;
    case WORD_USD:
        load_read_usd(L, place, row->setting, out);
        break;
    case WORD_TAGS:
        if (lua_type(L, -1) != LUA_TTABLE)
            wrong_type(L, -1, row, place);
        else
            load_read_tags(L, top, place, out);
        break;
    case WORD_ARGS:
        read_args(L, row, place, out);
        break;
    case WORD_BUDGETS:
        if (lua_type(L, -1) != LUA_TTABLE)
            wrong_type(L, -1, row, place);
        else
            load_read_budgets(L, top, place, row->setting, out);
        break;
    case WORD_PRICE:
        load_read_price(L, top, place, out);
        break;
    case WORD_TARGETS:
        if (lua_type(L, -1) != LUA_TTABLE && lua_type(L, -1) != LUA_TSTRING)
            wrong_type(L, -1, row, place);
        else
            load_read_targets(L, top, place, row->setting, out);
        break;
    case WORD_SETTINGS:
        if (lua_type(L, -1) != LUA_TTABLE) {
            wrong_type(L, -1, row, place);
        } else {
            struct arena *arena = load_of(L)->declared->arena;
            struct load_place inner = { place->line, arena_printf(arena, "%s: %s", place->where, row->setting) };
            load_read_settings(L, top, &inner, arena_printf(arena, "%s.%s", row->word, row->setting), out);
        }
        break;
    case WORD_PLACES:
        if (lua_type(L, -1) != LUA_TTABLE || lua_rawlen(L, -1) > 0)
            wrong_type(L, -1, row, place);
        else
            load_read_places(L, top, place, out);
        break;
    case WORD_EXTRAS:
    case WORD_FUNCTION:
        break;
    }
    lua_settop(L, top);
}

static void wrong_type(lua_State *L, int index, const struct word_row *row, const struct load_place *place)
{
    char memory[400];
    struct buf wanted;

    if (load_is_unknown(L, index))
        return; /* it was complained of by its name */
    buf_init(&wanted, sizeof memory - 1);
    words_write_wanted(row, &wanted);
    struct text text = buf_view(&wanted);
    memcpy(memory, text.ptr, text.len);
    memory[text.len] = '\0';
    buf_free(&wanted); /* before anything of Lua can leave this function */

    bool either = row->type == WORD_WORKERS || row->type == WORD_LIMIT;
    bool right_kind = lua_type(L, index) == LUA_TNUMBER &&
                      (row->type == WORD_NUMBER || row->type == WORD_COUNT || row->type == WORD_SHARE || either);
    bool right_text = lua_type(L, index) == LUA_TSTRING && (row->type == WORD_CHOICE || either);
    if (right_kind)
        load_complain(L, place, "%s takes %s, not %.12g", row->setting, memory, lua_tonumber(L, index));
    else if (right_text)
        load_complain(L, place, "%s takes %s, not \"%s\"", row->setting, memory, load_name(L, load_text(L, index)));
    else
        load_complain(L, place, "%s takes %s, not %s", row->setting, memory, load_type(L, index));
}

/* The values without a name: 1 to n. */
static void read_list_part(lua_State *L, int index, const struct load_place *place, const char *word, void *into)
{
    const struct word_row *row = words_find(word, WORD_LIST);
    size_t count = lua_rawlen(L, index);

    if (row == NULL) {
        if (count > 0)
            load_complain(L, place, "a value without a name: settings are written name = value");
    } else if (row->type == WORD_TARGETS) {
        load_read_targets(L, index, place, NULL, at(into, row));
        if (row->required && ((struct declare_targets *)at(into, row))->count == 0)
            load_complain(L, place, "it has no target: { \"provider/model\" }");
    } else if (row->type == WORD_STRINGS) {
        load_read_list(L, index, place, NULL, at(into, row));
    } else if (count != 1) { /* WORD_STRING: exactly one */
        load_complain(L, place, "it takes one string: { \"provider/model\" }");
    } else {
        lua_rawgeti(L, index, 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            load_complain(L, place, "it takes one string, not %s: { \"provider/model\" }", load_type(L, -1));
        else
            load_read_string(L, lua_gettop(L), place, NULL, at(into, row));
        lua_pop(L, 1);
    }
}

static void unknown_setting(lua_State *L, const struct load_place *place, const char *word, const char *name)
{
    const char *shown = load_name(L, text_of(name));
    const char *nearest = words_nearest(word, name, NULL);

    static const char *const keys[] = { "key", "api_key", "secret", "token", "value", NULL };
    for (size_t i = 0; strcmp(word, "key") == 0 && keys[i] != NULL; i++)
        if (strcmp(name, keys[i]) == 0) {
            load_complain(L, place,
                          "unknown setting \"%s\": a key is written as the 64 hex digits of its digest, sha256 = "
                          "\"...\": printf %%s KEY | sha256sum",
                          shown);
            return;
        }
    if (words_is_later(word, name))
        load_complain(L, place, "the setting \"%s\" is not in this version", shown);
    else if (nearest != NULL)
        load_complain(L, place, "unknown setting \"%s\" (did you mean \"%s\"?)", shown, nearest);
    else
        load_complain(L, place, "unknown setting \"%s\" (llm-gateway check --words lists them)", shown);
}

static void read_other_names(lua_State *L, int index, const struct load_place *place, const char *word, void *into)
{
    const struct word_row *extras = words_find(word, WORD_OTHER);
    size_t count = 0, others = 0;
    const char **names = load_keys(L, index, &count);

    for (size_t i = 0; i < count; i++) {
        if (words_find(word, names[i]) != NULL && names[i][0] != WORD_LIST[0] && names[i][0] != WORD_OTHER[0])
            continue;
        if (extras != NULL && !words_is_later(word, names[i]))
            names[others++] = names[i];
        else
            unknown_setting(L, place, word, names[i]);
    }
    if (extras != NULL)
        load_read_extras(L, index, names, others, at(into, extras));

    lua_Integer listed = (lua_Integer)lua_rawlen(L, index);
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        bool in_list = lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1 && lua_tointeger(L, -2) <= listed;
        if (lua_type(L, -2) == LUA_TSTRING || in_list)
            continue;
        load_complain(L, place, "a setting's name is a string, and a list has no holes");
        lua_pop(L, 2);
        break;
    }
}

bool load_read_string(lua_State *L, int index, const struct load_place *place, const char *setting, struct text *out)
{
    struct text value = load_text(L, index);
    const char *name = setting == NULL ? "it" : setting;

    if (value.ptr == NULL) {
        if (!load_is_unknown(L, index))
            load_complain(L, place, "%s takes a string, not %s", name, load_type(L, index));
        return false;
    }
    if (value.len == 0 || value.len > STRING_MAX) {
        load_complain(L, place, value.len == 0 ? "%s is empty" : "%s is too long", name);
        return false;
    }
    bool clean = text_is_utf8(value);
    for (size_t i = 0; i < value.len && clean; i++)
        clean = (unsigned char)value.ptr[i] >= ' ' && value.ptr[i] != 127;
    if (!clean) {
        load_complain(L, place, "%s holds a control character or is not UTF-8", name);
        return false;
    }
    *out = arena_text(load_of(L)->declared->arena, value);
    return true;
}
