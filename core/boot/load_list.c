/* load_list.c - the settings that are more than one value: lists, targets, secrets, headers, and what a
 * provider's plugin declares itself. */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>
#include <strings.h>

#include "base/field.h"
#include "boot/load_lua.h"
#include "config/labels.h"

enum { ITEMS_MAX = 100000 };

/* How many items stand at `index`: a value that is not a table is a list of one. */
static size_t item_count(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TTABLE)
        return 1;
    size_t count = lua_rawlen(L, index);
    return count > ITEMS_MAX ? ITEMS_MAX : count;
}

/* Pushes the i-th of them, from 1. */
static void push_item(lua_State *L, int index, size_t i)
{
    if (lua_type(L, index) == LUA_TTABLE)
        lua_rawgeti(L, index, (lua_Integer)i);
    else
        lua_pushvalue(L, index);
}

/* A list that is a setting's value has nothing but 1 to n; the braces of a word were looked at already. */
static void check_only_list(lua_State *L, int index, const struct load_place *place, const char *setting)
{
    if (setting == NULL || lua_type(L, index) != LUA_TTABLE)
        return;
    lua_Integer listed = (lua_Integer)lua_rawlen(L, index);
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1))
        if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) < 1 || lua_tointeger(L, -2) > listed) {
            load_complain(L, place, "%s takes a list: values without names, no holes", setting);
            lua_pop(L, 2);
            return;
        }
}

void load_read_list(lua_State *L, int index, const struct load_place *place, const char *setting,
                    struct declare_texts *out)
{
    size_t count = item_count(L, index);
    check_only_list(L, index, place, setting);
    out->given = true;
    out->items = arena_array(load_of(L)->declared->arena, struct text, count);
    for (size_t i = 1; i <= count; i++) {
        push_item(L, index, i);
        if (load_read_string(L, lua_gettop(L), place, setting == NULL ? "a name" : setting, &out->items[out->count]))
            out->count++;
        lua_pop(L, 1);
    }
}

/* { name = env "NAME" }: which names there are, the plugin knows. */
static void read_named_secrets(lua_State *L, int index, const struct load_place *place, const char *setting,
                               struct declare_secrets *out)
{
    struct arena *arena = load_of(L)->declared->arena;
    size_t count = 0;
    const char **names = load_keys(L, index, &count);

    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1))
        if (lua_type(L, -2) != LUA_TSTRING) {
            load_complain(L, place, "%s takes a list, or names with a secret each: not both, and no holes", setting);
            lua_pop(L, 2);
            return;
        }
    if (count == 0)
        return;
    out->names = arena_array(arena, const char *, count);
    out->items = arena_array(arena, struct declare_secret, count);
    for (size_t i = 0; i < count; i++) {
        lua_getfield(L, index, names[i]);
        if (load_get_secret(L, -1, &out->items[out->count]))
            out->names[out->count++] = arena_str(arena, text_of(names[i]));
        else if (!load_is_unknown(L, -1))
            load_complain(L, place, "%s: %s takes env \"NAME\" or file \"path\", not %s", setting, names[i],
                          lua_type(L, -1) == LUA_TSTRING ? "the secret itself" : load_type(L, -1));
        lua_pop(L, 1);
    }
    if (out->count < count)
        out->names = NULL; /* one complaint is enough: nobody looks for what is missing */
}

void load_read_secrets(lua_State *L, int index, const struct load_place *place, const char *setting,
                       struct declare_secrets *out)
{
    size_t count = item_count(L, index);
    out->given = true;
    if (count == 0) {
        read_named_secrets(L, index, place, setting, out);
        return;
    }
    check_only_list(L, index, place, setting);
    out->items = arena_array(load_of(L)->declared->arena, struct declare_secret, count);
    for (size_t i = 1; i <= count; i++) {
        push_item(L, index, i);
        if (load_get_secret(L, -1, &out->items[out->count]))
            out->count++;
        else if (lua_type(L, -1) == LUA_TSTRING)
            load_complain(L, place, "%s takes env \"NAME\" and file \"path\", not the secrets themselves", setting);
        else if (!load_is_unknown(L, -1))
            load_complain(L, place, "%s takes a list of env \"NAME\" and file \"path\", not %s", setting,
                          load_type(L, -1));
        lua_pop(L, 1);
    }
}

void load_read_targets(lua_State *L, int index, const struct load_place *place, const char *setting,
                       struct declare_targets *out)
{
    struct arena *arena = load_of(L)->declared->arena;
    size_t count = item_count(L, index);
    check_only_list(L, index, place, setting);
    out->items = arena_array(arena, struct declare_target, count);
    for (size_t i = 1; i <= count; i++) {
        const char *kind = setting == NULL ? "target" : setting;
        struct load_place inner = { place->line, arena_printf(arena, "%s: %s %zu", place->where, kind, i) };
        struct declare_target *target = &out->items[out->count];
        push_item(L, index, i);
        *target = (struct declare_target){ .weight = DECLARE_NO_WEIGHT };
        if (lua_type(L, -1) == LUA_TTABLE)
            load_read_settings(L, -1, &inner, "model.target", target);
        else
            load_read_string(L, lua_gettop(L), &inner, NULL, &target->name);
        if (target->name.ptr != NULL)
            out->count++;
        lua_pop(L, 1);
    }
}

enum { HEADER_NAME_MOST = 100 };

static bool is_credential(const char *name)
{
    static const char *const parts[] = { "auth", "cookie", "key", "password", "secret", "token", NULL };
    for (size_t i = 0; parts[i] != NULL; i++)
        if (strcasestr(name, parts[i]) != NULL)
            return true;
    return false;
}

static void read_header(lua_State *L, const struct load_place *place, const char *name, struct declare_headers *out)
{
    struct arena *arena = load_of(L)->declared->arena;
    struct declare_header *header = &out->items[out->count];
    struct load_place inner = { place->line, arena_printf(arena, "%s: headers", place->where) };
    const char *shown = load_name(L, text_of(name));

    if (!field_is_name(text_of(name)) || strlen(name) > HEADER_NAME_MOST) {
        load_complain(L, &inner, "\"%s\" is not a header's name", shown);
    } else if (field_is_framing(text_of(name))) {
        load_complain(L, &inner, "\"%s\" is written by the gateway itself", shown);
    } else if (load_get_secret(L, -1, &header->secret)) {
        header->name = arena_text(arena, text_of(name));
        out->count++;
    } else if (lua_type(L, -1) == LUA_TSTRING && is_credential(name)) {
        load_complain(L, &inner, "\"%s\" takes env \"NAME\" or file \"path\", not the secret itself", shown);
    } else if (load_read_string(L, lua_gettop(L), &inner, shown, &header->value)) {
        header->name = arena_text(arena, text_of(name));
        out->count++;
    }
}

void load_read_headers(lua_State *L, int index, const struct load_place *place, struct declare_headers *out)
{
    size_t count = 0;
    const char **names = load_keys(L, index, &count);
    if (lua_rawlen(L, index) > 0)
        load_complain(L, place, "headers takes { [\"Name\"] = \"value\" }, not a list");
    out->items = arena_array(load_of(L)->declared->arena, struct declare_header, count);
    for (size_t i = 0; i < count; i++) {
        lua_getfield(L, index, names[i]);
        read_header(L, place, names[i], out);
        lua_pop(L, 1);
    }
}

void load_read_places(lua_State *L, int index, const struct load_place *place, struct declare_places *out)
{
    struct arena *arena = load_of(L)->declared->arena;
    size_t count = 0;
    const char **names = load_keys(L, index, &count);
    out->items = arena_array(arena, struct declare_place, count);
    for (size_t i = 0; i < count; i++) {
        struct load_place inner = { place->line, arena_printf(arena, "%s: http: %s", place->where,
                                                              load_name(L, text_of(names[i]))) };
        lua_getfield(L, index, names[i]);
        if (lua_type(L, -1) != LUA_TTABLE) {
            load_complain(L, &inner, "it takes { url = \"https://...\" }, not %s", load_type(L, -1));
        } else {
            struct declare_place *to = &out->items[out->count++];
            to->name = arena_text(arena, text_of(names[i]));
            load_read_settings(L, lua_gettop(L), &inner, "policy.http", to);
        }
        lua_pop(L, 1);
    }
}

static bool is_empty_table(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TTABLE)
        return false;
    lua_pushnil(L);
    if (lua_next(L, index) == 0)
        return true;
    lua_pop(L, 2);
    return false;
}

void load_read_extras(lua_State *L, int index, const char **names, size_t count, struct declare_extras *out)
{
    struct arena *arena = load_of(L)->declared->arena;
    out->items = arena_array(arena, struct declare_extra, count);
    for (size_t i = 0; i < count; i++) {
        struct declare_extra *extra = &out->items[out->count];
        extra->name = arena_str(arena, text_of(names[i]));
        lua_getfield(L, index, names[i]);
        bool complained = load_is_unknown(L, -1);
        if (!complained && !load_get_secret(L, -1, &extra->secret)) {
            extra->empty_table = is_empty_table(L, lua_gettop(L));
            extra->json = load_write_json(L, lua_gettop(L), &extra->wrong);
        }
        out->count += !complained;
        lua_pop(L, 1);
    }
}

void load_read_tags(lua_State *L, int index, const struct load_place *place, struct text *out)
{
    struct arena *arena = load_of(L)->declared->arena;
    size_t count = 0;
    const char **names = load_keys(L, index, &count);
    const char *list = "";

    if (lua_rawlen(L, index) > 0 || count > LABELS_TAGS_MOST)
        load_complain(L, place, "tags takes { name = \"value\" }: at most %u tags", LABELS_TAGS_MOST);
    for (size_t i = 0; i < count && i < LABELS_TAGS_MOST; i++) {
        struct text name = text_of(names[i]), value;
        lua_getfield(L, index, names[i]);
        value = load_text(L, -1);
        if (labels_is_tag(name, value))
            list = arena_printf(arena, "%s%s%s=%.*s", list, list[0] != '\0' ? "," : "", names[i], TEXT_ARG(value));
        else if (!load_is_unknown(L, -1))
            load_complain(
                L, place,
                "tags: \"%s\": a name has letters, digits, _ . and -, at most 32 bytes; a value is a string of at most 64 without commas",
                load_name(L, name));
        lua_pop(L, 1);
    }
    *out = text_of(list);
    if (out->len > LABELS_BYTES_MOST)
        load_complain(L, place, "tags has more than %u bytes", LABELS_BYTES_MOST);
}
