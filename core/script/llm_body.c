/* llm_body.c - what a policy sends to a model: messages of its own as a chat completion, or the request itself in the client's API. */
#include "script/llm_body.h"

#include <lauxlib.h>
#include <stdio.h>

#include "face/edit.h"
#include "script/api.h"
#include "script/recorded.h"

enum { MESSAGES_MOST = 256 };

static void put_message(lua_State *L, struct json_writer *w, const char *word, struct text role, struct text text)
{
    static const char *const roles[] = { "system", "user", "assistant", NULL };
    size_t i = 0;
    while (roles[i] != NULL && !text_is(role, roles[i]))
        i++;
    if (roles[i] == NULL)
        api_unknown(L, word, "role", role.ptr != NULL ? role : TEXT("?"), roles);
    json_object(w);
    json_name(w, "role");
    json_put_str(w, role);
    json_name(w, "content");
    json_put_str(w, text);
    json_close(w);
}

/* { { role =, text = }, ... } on top of the stack. */
static void put_messages(lua_State *L, struct json_writer *w, const char *word)
{
    static const char *const options[] = { "role", "text", NULL };
    int list = lua_gettop(L);
    size_t count = lua_type(L, list) == LUA_TTABLE ? (size_t)luaL_len(L, list) : 0;
    if (count == 0 || count > MESSAGES_MOST)
        luaL_error(L, "%s: messages takes a list of { role = \"user\", text = \"...\" }, at most %d", word,
                   MESSAGES_MOST);
    for (size_t i = 1; i <= count; i++) {
        lua_geti(L, list, (lua_Integer)i);
        if (!api_options(L, lua_gettop(L), word, options))
            luaL_error(L, "%s: messages takes a list of { role = \"user\", text = \"...\" }", word);
        struct text text = api_option_text(L, lua_gettop(L), word, "text");
        if (text.ptr == NULL)
            luaL_error(L, "%s: message %d has no text", word, (int)i);
        put_message(L, w, word, api_option_text(L, lua_gettop(L), word, "role"), text);
        lua_pop(L, 1);
    }
}

static void begin(struct json_writer *w, struct script_state *s, struct text model, int64_t max_tokens)
{
    buf_truncate(&s->text, 0);
    json_writer_init(w, &s->text);
    json_object(w);
    json_name(w, "model");
    json_put_str(w, model);
    if (max_tokens > 0) {
        json_name(w, "max_tokens");
        json_put_int(w, max_tokens);
    }
    json_name(w, "messages");
    json_array(w);
}

static void end(lua_State *L, const char *word, struct json_writer *w, struct script_llm *llm)
{
    struct script_state *s = state_of(L);
    json_close(w);
    json_close(w);
    if (json_end(w) < 0)
        luaL_error(L, "%s: the messages are too large", word);
    state_spend(L, (int64_t)s->text.len / 16);
    llm->face = &face_chat;
    llm->body = api_keep(L, buf_view(&s->text));
}

void llm_body_question(lua_State *L, const char *word, struct script_llm *llm, struct text system, struct text text,
                       int64_t max_tokens)
{
    struct json_writer w;
    begin(&w, state_of(L), llm->model, max_tokens);
    if (system.ptr != NULL)
        put_message(L, &w, word, TEXT("system"), system);
    put_message(L, &w, word, TEXT("user"), text);
    end(L, word, &w, llm);
}

/* The client's own body with another model, and whole: an answer that a policy reads is no stream. */
static bool put_request(lua_State *L, const char *word, struct script_llm *llm, int64_t max_tokens)
{
    struct script_request *req = api_run(L)->req;
    struct fail fail;
    struct edit e;
    if (req->recorded && !req->captured)
        recorded_lacks(L, req, "the text of the request");
    read_talk(L, req); /* the body as JSON */
    const struct json *body = req->ask->json, *stream = json_member(body, "stream"),
                      *model = json_member(body, "model");
    if (req->operation != GW_OP_CHAT || req->face->shape == NULL)
        luaL_error(L, "%s: request = req is for chat requests alone; look at req.kind first", word);
    if (body == NULL || req->unread != NULL || req->ask->body.len == 0)
        return false;
    state_spend(L, (int64_t)req->ask->body.len / 16);
    edit_begin(&e, req->arena, req->ask->body);
    if (model != NULL)
        edit_put(&e, json_text(model), edit_string(req->arena, llm->model));
    else
        edit_add_member(&e, body, TEXT("model"), edit_string(req->arena, llm->model));
    if (stream != NULL)
        edit_put(&e, json_text(stream), TEXT("false"));
    if (json_member(body, "stream_options") != NULL)
        edit_remove_member(&e, body, TEXT("stream_options"));
    llm->face = req->face;
    llm->body = edit_end(&e);
    if (max_tokens > 0) {
        struct shape_body b = { req->arena, req->face->shape, json_parse(req->arena, llm->body, &fail), llm->body };
        const char *wrong = b.json != NULL ? shape_set(&b, TEXT("max_tokens"),
                                                       text_of(arena_printf(req->arena, "%lld", (long long)max_tokens)))
                                           : fail.text;
        if (wrong != NULL)
            luaL_error(L, "%s: %s", word, lua_pushstring(L, wrong));
        llm->body = b.text;
    }
    if (req->arena->full)
        luaL_error(L, "the request needs more memory than limits.memory_mb allows");
    return true;
}

bool llm_body_options(lua_State *L, int index, const char *word, struct script_llm *llm, int64_t max_tokens)
{
    struct json_writer w;
    int messages = lua_getfield(L, index, "messages"), request = lua_getfield(L, index, "request");
    if ((messages == LUA_TNIL) == (request == LUA_TNIL))
        luaL_error(L, "%s: messages = { ... } or request = req is needed", word);
    if (request != LUA_TNIL) {
        if (request != LUA_TUSERDATA || lua_touserdata(L, -1) != (void *)api_run(L)->at)
            luaL_error(L, "%s: request takes req, the first argument of the hook, not %s", word, luaL_typename(L, -1));
        lua_pop(L, 2);
        return put_request(L, word, llm, max_tokens);
    }
    lua_pop(L, 1);
    begin(&w, state_of(L), llm->model, max_tokens);
    put_messages(L, &w, word);
    end(L, word, &w, llm);
    lua_pop(L, 1);
    return true;
}
