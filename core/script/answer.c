/* answer.c - what a policy makes of an answer: the conversation that goes on after it. */
#include <lauxlib.h>

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
