/* api_llm.c - gw.llm: a policy asks a model that its block names, through the gateway itself. */
#include <lauxlib.h>
#include <string.h>

#include "base/clock.h"
#include "script/api.h"
#include "script/run.h"

enum { MESSAGES_MOST = 256, TOKENS_MOST = 1000000, TIMEOUT_MOST_MS = 600 * 1000 };

static void check_model(lua_State *L, const char *word, struct text model)
{
    const struct config_policy *p = state_of(L)->policy;
    for (size_t i = 0; i < p->llm_count; i++)
        if (text_eq(p->llms[i], model))
            return;
    api_check_model(L, word, model);
    luaL_error(L, "%s: the policy's block does not name the model: llm = { \"%s\" }", word, model.ptr);
}

static void put_message(lua_State *L, struct json_writer *w, const char *word, struct text role, struct text text)
{
    static const char *const roles[] = { "system", "user", "assistant", NULL };
    size_t i = 0;
    while (roles[i] != NULL && !text_is(role, roles[i]))
        i++;
    if (roles[i] == NULL)
        api_unknown(L, word, "role", role, roles);
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

static void begin_body(struct json_writer *w, struct script_state *s, struct text model, int64_t max_tokens)
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

/* In the place of the function: nil and why. False: the answer is good. */
static bool push_failure(lua_State *L, const struct script_llm *llm)
{
    const char *why = api_run(L)->ask->late ? "timeout" : llm->why;
    api_note_call(L, "llm", llm->model.ptr, why == NULL || llm->status > 0 ? llm->status : 0, why);
    if (why == NULL)
        return false;
    lua_pushnil(L);
    lua_pushstring(L, why);
    return true;
}

static int answered_text(lua_State *L, int status, lua_KContext context)
{
    const struct script_llm *llm = api_run(L)->ask->llm;
    (void)status;
    (void)context;
    if (push_failure(L, llm))
        return 2;
    api_push(L, llm->text);
    return 1;
}

static int answered_chat(lua_State *L, int status, lua_KContext context)
{
    static const char *const may[] = { "cost_usd", NULL };
    const struct script_llm *llm = api_run(L)->ask->llm;
    (void)status;
    (void)context;
    if (push_failure(L, llm))
        return 2;
    lua_createtable(L, 0, 4);
    api_push(L, llm->text);
    lua_setfield(L, -2, "text");
    api_push(L, llm->finish.ptr != NULL ? llm->finish : TEXT("stop"));
    lua_setfield(L, -2, "finish");
    if (llm->priced) {
        lua_pushnumber(L, (double)llm->cost_nano / 1e9);
        lua_setfield(L, -2, "cost_usd");
    }
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, llm->input);
    lua_setfield(L, -2, "input");
    lua_pushinteger(L, llm->output);
    lua_setfield(L, -2, "output");
    api_freeze(L, "usage", "field", NULL);
    lua_setfield(L, -2, "usage");
    api_freeze(L, "the answer", "field", may);
    return 1;
}

/* The body is in s->text. */
static int send_body(lua_State *L, const char *word, struct json_writer *w, struct text model, int64_t timeout_ms,
                     lua_KFunction after)
{
    struct script_state *s = state_of(L);
    struct script_run *run = api_run(L);
    json_close(w);
    json_close(w);
    if (json_end(w) < 0)
        luaL_error(L, "%s: the messages are too large", word);
    state_spend(L, (int64_t)s->text.len / 16);
    api_count_call(L, word);
    struct script_llm *llm = arena_new(run->req->arena, struct script_llm);
    struct script_ask *ask = arena_new(run->req->arena, struct script_ask);
    *llm = (struct script_llm){ .model = api_keep(L, model),
                                .policy = text_of(s->policy->name),
                                .body = api_keep(L, buf_view(&s->text)) };
    *ask = (struct script_ask){ .kind = SCRIPT_ASK_LLM, .llm = llm };
    ask->until_ns = timeout_ms > 0 ? clock_ns() + timeout_ms * CLOCK_MS : 0;
    if (run->req->inner) {
        lua_pushnil(L);
        lua_pushliteral(L, "a request that a policy makes asks no model itself");
        return 2;
    }
    return run_wait(L, ask, after);
}

static int ask(lua_State *L)
{
    static const char *const options[] = { "system", "max_tokens", "timeout_ms", NULL }, word[] = "gw.llm.ask";
    struct json_writer w;
    struct text model = api_check_text(L, 1, word, "a model's name"), text = api_check_text(L, 2, word, "a text");
    lua_settop(L, 3);
    check_model(L, word, model);
    api_options(L, 3, word, options);
    struct text system = api_option_text(L, 3, word, "system");
    int64_t tokens = api_option_int(L, 3, word, "max_tokens", 1, TOKENS_MOST, 0),
            timeout_ms = api_option_int(L, 3, word, "timeout_ms", 1, TIMEOUT_MOST_MS, 0);
    begin_body(&w, state_of(L), model, tokens);
    if (system.ptr != NULL)
        put_message(L, &w, word, TEXT("system"), system);
    put_message(L, &w, word, TEXT("user"), text);
    return send_body(L, word, &w, model, timeout_ms, answered_text);
}

static int chat(lua_State *L)
{
    static const char *const options[] = { "model", "messages", "max_tokens", "timeout_ms", NULL },
                             word[] = "gw.llm.chat";
    struct json_writer w;
    lua_settop(L, 1);
    if (!api_options(L, 1, word, options))
        luaL_error(L, "gw.llm.chat takes { model = \"...\", messages = { ... } }");
    struct text model = api_option_text(L, 1, word, "model");
    if (model.ptr == NULL)
        luaL_error(L, "gw.llm.chat: model is missing");
    check_model(L, word, model);
    int64_t tokens = api_option_int(L, 1, word, "max_tokens", 1, TOKENS_MOST, 0),
            timeout_ms = api_option_int(L, 1, word, "timeout_ms", 1, TIMEOUT_MOST_MS, 0);
    begin_body(&w, state_of(L), model, tokens);
    lua_getfield(L, 1, "messages");
    put_messages(L, &w, word);
    return send_body(L, word, &w, model, timeout_ms, answered_chat);
}

const struct api_row api_llm_rows[] = {
    { "ask", ask, API_WAITS, true, "model, text, options?", "string?, string?",
      "Asks a model that the policy's block names: { system?, max_tokens?, timeout_ms? }; its text, or nil and why" },
    { "chat", chat, API_WAITS, true, "options", "gw.Answer?, string?",
      "The same with { model =, messages = { { role =, text = } }, max_tokens?, timeout_ms? }; { text, finish, usage, cost_usd? }" },
    { .name = NULL },
};
