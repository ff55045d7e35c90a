/* api_llm.c - gw.llm: a policy asks a model that its block names, through the gateway itself, or several at once. */
#include <lauxlib.h>
#include <string.h>

#include "base/clock.h"
#include "script/api.h"
#include "script/llm_body.h"
#include "script/run.h"

enum { TOKENS_MOST = 1000000, TIMEOUT_MOST_MS = 600 * 1000 };

static const char *const chat_options[] = { "model", "messages", "request", "max_tokens", "timeout_ms", NULL };
static const char inner_why[] = "a request that a policy makes asks no model itself";

static void check_model(lua_State *L, const char *word, struct text model)
{
    const struct config_policy *p = state_of(L)->policy;
    for (size_t i = 0; i < p->llm_count; i++)
        if (text_eq(p->llms[i], model))
            return;
    api_check_model(L, word, model);
    luaL_error(L, "%s: the policy's block does not name the model: llm = { \"%s\" }", word, model.ptr);
}

static struct script_llm *new_llm(lua_State *L, const char *word, struct text model)
{
    struct script_llm *llm = arena_new(api_run(L)->req->arena, struct script_llm);
    check_model(L, word, model);
    *llm = (struct script_llm){ .model = api_keep(L, model), .policy = text_of(state_of(L)->policy->name) };
    return llm;
}

static int64_t timeout_at(lua_State *L, int index, const char *word)
{
    return api_option_int(L, index, word, "timeout_ms", 1, TIMEOUT_MOST_MS, 0);
}

/* The error text of a call that is over. */
static const char *why_of(lua_State *L, const struct script_llm *llm)
{
    const struct script_ask *ask = api_run(L)->ask;
    if (llm->came || llm->why != NULL)
        return llm->why;
    return ask->late ? "timeout" : "cancelled";
}

static bool note(lua_State *L, const struct script_llm *llm)
{
    const char *why = why_of(L, llm);
    api_note_call(L, "llm", llm->model.ptr, why == NULL || llm->status > 0 ? llm->status : 0, why);
    return why == NULL;
}

/* In the place of the function: nil and why. False: the answer is good. */
static bool push_failure(lua_State *L, const struct script_llm *llm)
{
    if (note(L, llm))
        return false;
    lua_pushnil(L);
    lua_pushstring(L, why_of(L, llm));
    return true;
}

static void push_answer(lua_State *L, const struct script_llm *llm)
{
    static const char *const may[] = { "cost_usd", "index", NULL };
    lua_createtable(L, 0, 6);
    api_push(L, llm->text);
    lua_setfield(L, -2, "text");
    read_push_call_list(L, llm->calls, llm->call_count, "answer.tool_calls");
    lua_setfield(L, -2, "tool_calls");
    api_push(L, llm->finish.len > 0 ? llm->finish : TEXT("stop"));
    lua_setfield(L, -2, "finish");
    if (llm->priced) {
        lua_pushnumber(L, (double)llm->cost_nano / 1e9);
        lua_setfield(L, -2, "cost_usd");
    }
    finish_push_usage(L, &llm->usage);
    lua_setfield(L, -2, "usage");
    if (llm->index > 0) {
        lua_pushinteger(L, llm->index);
        lua_setfield(L, -2, "index");
    }
    api_freeze(L, "the answer", "field", may);
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
    const struct script_llm *llm = api_run(L)->ask->llm;
    (void)status;
    (void)context;
    if (push_failure(L, llm))
        return 2;
    push_answer(L, llm);
    return 1;
}

static int answered_all(lua_State *L, int status, lua_KContext context)
{
    lua_Integer n = 0;
    (void)status;
    (void)context;
    lua_newtable(L);
    for (const struct script_llm *llm = api_run(L)->ask->llm; llm != NULL; llm = llm->next) {
        if (!note(L, llm))
            continue;
        push_answer(L, llm);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

/* `llm` and what hangs on it is asked; `want` answers are enough, 0: all. */
static int send(lua_State *L, struct script_llm *llm, unsigned want, int64_t timeout_ms, lua_KFunction after)
{
    struct script_ask *ask = arena_new(api_run(L)->req->arena, struct script_ask);
    *ask = (struct script_ask){ .kind = SCRIPT_ASK_LLM, .llm = llm, .want = want };
    ask->until_ns = timeout_ms > 0 ? clock_ns() + timeout_ms * CLOCK_MS : 0;
    return run_wait(L, ask, after);
}

static int refuse(lua_State *L, const char *why)
{
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
}

static int ask(lua_State *L)
{
    static const char *const options[] = { "system", "max_tokens", "timeout_ms", NULL }, word[] = "gw.llm.ask";
    struct text model = api_check_text(L, 1, word, "a model's name"), text = api_check_text(L, 2, word, "a text");
    lua_settop(L, 3);
    struct script_llm *llm = new_llm(L, word, model);
    api_options(L, 3, word, options);
    int64_t tokens = api_option_int(L, 3, word, "max_tokens", 1, TOKENS_MOST, 0), timeout_ms = timeout_at(L, 3, word);
    llm_body_question(L, word, llm, api_option_text(L, 3, word, "system"), text, tokens);
    api_count_call(L, word);
    return api_run(L)->req->inner ? refuse(L, inner_why) : send(L, llm, 1, timeout_ms, answered_text);
}

/* The options at `index`. NULL: the request's own body cannot be sent. */
static struct script_llm *read_chat(lua_State *L, int index, const char *word)
{
    if (!api_options(L, index, word, chat_options))
        luaL_error(L, "%s takes { model = \"...\", messages = { ... } } or { model = \"...\", request = req }", word);
    struct text model = api_option_text(L, index, word, "model");
    if (model.ptr == NULL)
        luaL_error(L, "%s: model is missing", word);
    struct script_llm *llm = new_llm(L, word, model);
    bool there = llm_body_options(L, index, word, llm, api_option_int(L, index, word, "max_tokens", 1, TOKENS_MOST, 0));
    api_count_call(L, word);
    return there ? llm : NULL;
}

static const char no_body[] = "the request has no body that can be read";

static int chat(lua_State *L)
{
    lua_settop(L, 1);
    struct script_llm *llm = read_chat(L, 1, "gw.llm.chat");
    int64_t timeout_ms = timeout_at(L, 1, "gw.llm.chat");
    if (api_run(L)->req->inner || llm == NULL)
        return refuse(L, llm == NULL ? no_body : inner_why);
    return send(L, llm, 1, timeout_ms, answered_chat);
}

static int chat_all(lua_State *L)
{
    static const char *const options[] = { "first", "timeout_ms", NULL }, word[] = "gw.llm.chat_all";
    struct script_llm *list = NULL, **end = &list;
    bool there = true;
    lua_settop(L, 2);
    size_t count = lua_type(L, 1) == LUA_TTABLE ? (size_t)luaL_len(L, 1) : 0;
    if (count == 0 || count > SCRIPT_LLM_MOST)
        return luaL_error(L, "%s takes a list of 1 to %d questions, each as gw.llm.chat takes it", word,
                          SCRIPT_LLM_MOST);
    api_options(L, 2, word, options);
    int64_t first = api_option_int(L, 2, word, "first", 1, (int64_t)count, 0), timeout_ms = timeout_at(L, 2, word);
    for (size_t i = 1; i <= count && there; i++) {
        lua_geti(L, 1, (lua_Integer)i);
        if (lua_type(L, 3) == LUA_TTABLE && lua_getfield(L, 3, "timeout_ms") != LUA_TNIL)
            return luaL_error(L, "%s: timeout_ms is for all of them: it stands behind the list", word);
        lua_settop(L, 3);
        struct script_llm *llm = read_chat(L, 3, word);
        lua_settop(L, 2);
        there = llm != NULL;
        if (there) {
            llm->index = (unsigned)i;
            *end = llm;
            end = &llm->next;
        }
    }
    if (!there || api_run(L)->req->inner) {
        lua_newtable(L); /* none came */
        lua_pushstring(L, !there ? no_body : inner_why);
        return 2;
    }
    return send(L, list, (unsigned)first, timeout_ms, answered_all);
}

const struct api_row api_llm_rows[] = {
    { "ask", ask, API_WAITS, true, "model, text, options?", "string?, string?",
      "Asks a model that the policy's block names: { system?, max_tokens?, timeout_ms? }; its text, or nil and why" },
    { "chat", chat, API_WAITS, true, "options", "gw.Answer?, string?",
      "The same with { model =, messages = { { role =, text = } } or request = req, max_tokens?, timeout_ms? }; { text, tool_calls, finish, usage, cost_usd? }" },
    { "chat_all", chat_all, API_WAITS, true, "questions, options?", "gw.Answer[], string?",
      "At most 8 at once, each as of gw.llm.chat; { first = 1 }: so many answers are enough, the others are cancelled; { timeout_ms? }. What came, in the order of the list, each with its index" },
    { .name = NULL },
};
