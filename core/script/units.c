/* units.c - the texts of a request one by one: of messages, and of the arguments of tools every string, key and number, decoded. What
 * texts(), find() and map_text() have is the same list. */
#include <lauxlib.h>
#include <string.h>

#include "face/edit.h"
#include "script/api.h"

struct listing {
    struct script_request *req;
    size_t room;
    const char *role;
    const struct json *inside;
};

static void add(struct listing *l, struct text text, const struct json *place, bool is_key, bool is_plain)
{
    struct script_request *req = l->req;
    if (req->unit_count == l->room) {
        size_t room = l->room == 0 ? 16 : 2 * l->room;
        struct script_unit *more = arena_array(req->arena, struct script_unit, room);
        if (req->unit_count > 0)
            memcpy(more, req->units, req->unit_count * sizeof *more);
        req->units = more;
        l->room = room;
    }
    req->units[req->unit_count++] = (struct script_unit){ text, l->role, place, l->inside, is_key, is_plain };
}

static void add_value(struct listing *l, const struct json *v)
{
    enum json_type type = json_type(v);
    if (type == JSON_T_STR && json_str(v).len > 0)
        add(l, json_str(v), v, false, false);
    else if (type == JSON_T_INT || type == JSON_T_REAL)
        add(l, json_text(v), v, false, true);
    for (size_t i = 0; (type == JSON_T_ARRAY || type == JSON_T_OBJECT) && i < json_count(v); i++) {
        if (type == JSON_T_OBJECT)
            add(l, json_key_at(v, i), json_at(v, i), true, false);
        add_value(l, json_at(v, i));
    }
}

static void add_arguments(struct listing *l, const struct json *place)
{
    if (json_type(place) != JSON_T_STR) {
        add_value(l, place);
        return;
    }
    const struct json *value = json_parse_quick(l->req->arena, json_str(place));
    if (json_type(value) == JSON_T_OBJECT || json_type(value) == JSON_T_ARRAY) {
        l->inside = place;
        add_value(l, value);
        l->inside = NULL;
    } else if (json_str(place).len > 0) { /* of a custom tool: a text */
        add(l, json_str(place), place, false, false);
    }
}

struct script_unit *read_units(lua_State *L, struct script_request *req, size_t *count)
{
    const struct talk *talk = read_talk(L, req);
    struct listing l = { .req = req };
    if (req->units == NULL) {
        req->unit_count = 0;
        for (size_t i = 0; i < talk->count; i++) {
            const struct talk_turn *turn = &talk->turns[i];
            l.role = turn->role;
            for (size_t k = 0; k < turn->text_count; k++)
                add(&l, turn->texts[k], turn->places[k], false, false);
            for (size_t k = 0; k < turn->call_count; k++)
                add_arguments(&l, turn->calls[k].place);
        }
        state_spend(L, (int64_t)req->unit_count * 4);
        if (req->arena->full)
            luaL_error(L, "the request needs more memory than limits.memory_mb allows");
    }
    *count = req->unit_count;
    return req->units;
}
