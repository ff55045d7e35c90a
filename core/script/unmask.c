/* unmask.c - req:replace_in_answer: what a policy has masked in the request comes back in the answer. */
#include <lauxlib.h>
#include <string.h>

#include "script/api.h"

enum { WITH_MOST = 64 << 10 };

/* The text at `index`: raises where it is none that can stand in an answer. */
static struct text text_at(lua_State *L, int index, const char *what, size_t most)
{
    if (lua_type(L, index) != LUA_TSTRING)
        luaL_error(L, "req:replace_in_answer: %s is a text, not %s", what, luaL_typename(L, index));
    struct text t = api_text(L, index);
    if (t.len > most)
        luaL_error(L, "req:replace_in_answer: %s has at most %d bytes", what, (int)most);
    if (!text_is_utf8(t))
        luaL_error(L, "req:replace_in_answer: %s is no UTF-8", what);
    return t;
}

static int replace_in_answer(lua_State *L)
{
    static const char *const names[] = { "arguments", NULL };
    struct script_request *req = request_check(L, "replace_in_answer");
    bool in_arguments = true;
    if (api_options(L, 3, "req:replace_in_answer", names) && lua_getfield(L, 3, "arguments") != LUA_TNIL) {
        if (lua_type(L, -1) != LUA_TBOOLEAN)
            return luaL_error(L, "req:replace_in_answer: arguments is true or false, not %s", luaL_typename(L, -1));
        in_arguments = lua_toboolean(L, -1);
    }
    if (lua_type(L, 2) != LUA_TTABLE)
        return luaL_error(L, "req:replace_in_answer takes a table of texts, { [\"[EMAIL_1]\"] = \"a@b.de\" }, not %s",
                          luaL_typename(L, 2));
    api_push_real(L, 2);
    int table = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1)) {
        struct text key = text_at(L, table + 1, "a key", REPLACE_KEY_MOST),
                    with = text_at(L, table + 2, "a value", WITH_MOST);
        if (key.len == 0)
            return luaL_error(L, "req:replace_in_answer: a key has at least one byte");
        if (req->restore_count == SCRIPT_RESTORES_MOST)
            return luaL_error(L, "req:replace_in_answer: a request has at most %d keys", (int)SCRIPT_RESTORES_MOST);
        state_spend(L, 1 + (int64_t)(key.len + with.len) / 32);
        struct script_restore *r = arena_new(req->arena, struct script_restore);
        r->text = (struct restore_text){ api_keep(L, key), api_keep(L, with), in_arguments };
        r->next = req->restores;
        req->restores = r;
        req->restore_count++;
        edit_note(L, "replace_in_answer");
    }
    return 0;
}

const struct api_row unmask_rows[] = {
    { "replace_in_answer", replace_in_answer, SCRIPT_ON_REQUEST, false, "texts, options?", "",
      "Each key becomes its value in the answer, streams too; { arguments = false }: not in those of tools" },
    { .name = NULL },
};
