/* answer.c - what a policy makes of an answer: other texts, or the conversation that goes on after it. */
#include <lauxlib.h>
#include <string.h>

#include "face/reword.h"
#include "script/api.h"

struct ask *answer_say(lua_State *L, struct text say)
{
    struct script_request *req = api_run(L)->req;
    struct fail fail = { 0 };
    if (!text_is_utf8(say) || text_trim(say).len == 0)
        luaL_error(L, "gw.retry: say is a text in UTF-8 with something in it");
    read_talk(L, req);
    if (req->unread != NULL || req->ask->json == NULL)
        luaL_error(L, "gw.retry: the request has no body to which a turn could be added");
    state_spend(L, (int64_t)(req->ask->body.len / 16 + api_run(L)->response->said->text.len / 8));
    struct shape_body b = { req->arena, req->face->shape, req->ask->json, req->ask->body };
    const char *wrong = shape_say(&b, api_run(L)->response->said, say);
    if (wrong != NULL)
        luaL_error(L, "gw.retry: %s", wrong);
    struct ask *ask = arena_new(req->arena, struct ask);
    ask->content_type = req->ask->content_type;
    ask->dropped = req->ask->dropped;
    bool good = req->face->decode(req->arena, b.text, ask, &fail) == 0;
    if (req->arena->full)
        luaL_error(L, "the request needs more memory than limits.memory_mb allows");
    if (!good) {
        lua_pushstring(L, fail.text);
        luaL_error(L, "gw.retry: the request would be refused: %s", lua_tostring(L, -1));
    }
    return ask;
}

static bool read_answer(struct arena *arena, const struct script_response *response, struct said *said)
{
    struct text all = response->parts[0], tail = response->parts[1];
    if (memchr(tail.len > 0 ? tail.ptr : "", '"', tail.len) != NULL) {
        char *both = arena_alloc(arena, all.len + tail.len + 1);
        if (all.len > 0)
            memcpy(both, all.ptr, all.len);
        memcpy(both + all.len, tail.ptr, tail.len);
        all = (struct text){ both, all.len + tail.len };
    }
    return said_read(arena, all, response->streams, said);
}

/* What the client gets: each text becomes what the function returns. */
int answer_map_text(lua_State *L)
{
    struct script_run *run = api_run(L);
    struct script_request *req = run->req;
    struct script_response *response = run->response;
    struct reword r;
    bool changed = false;
    if (response == NULL)
        return luaL_error(L, "resp:map_text: the answer has gone: only in on_response");
    if (lua_type(L, 1) != LUA_TTABLE || lua_type(L, 2) != LUA_TFUNCTION)
        return luaL_error(L,
                          "resp:map_text takes a function, such as function(text, i) return text:upper() end, not %s",
                          luaL_typename(L, 2));
    state_spend(L, (int64_t)(response->parts[0].len + response->parts[1].len) / 16);
    reword_read(req->arena, response->parts, response->streams, &r);
    for (size_t i = 0; i < r.count; i++) {
        if (r.texts[i].text.len == 0)
            continue;
        lua_pushvalue(L, 2);
        api_push(L, r.texts[i].text);
        lua_pushinteger(L, (lua_Integer)i + 1);
        lua_call(L, 2, 1);
        struct text text = api_text(L, -1);
        if (text.ptr == NULL && !lua_isnil(L, -1))
            return luaL_error(L, "resp:map_text: the function returns a text or nothing, not %s", luaL_typename(L, -1));
        if (text.ptr != NULL && !text_is_utf8(text))
            return luaL_error(L, "resp:map_text: the text is not UTF-8");
        if (text.ptr != NULL && !text_eq(text, r.texts[i].text)) {
            r.texts[i].with = api_keep(L, text);
            changed = true;
        }
        lua_pop(L, 1);
    }
    if (!changed)
        return 0;
    struct said *said = arena_new(req->arena, struct said);
    for (size_t i = 0; i < REWORD_PARTS; i++)
        response->parts[i] = reword_write(&r, i);
    if (req->arena->full || !read_answer(req->arena, response, said))
        return luaL_error(L, "the answer needs more memory than limits.memory_mb allows");
    response->said = said;
    response->edited = true;
    edit_note(L, "map_text");
    api_push_real(L, 1);
    api_push(L, said->text);
    lua_setfield(L, -2, "text"); /* later reads see it */
    return 0;
}

bool script_answer(struct arena *arena, struct script_response *response)
{
    struct said *said = arena_new(arena, struct said);
    response->said = said;
    return read_answer(arena, response, said);
}
