/* decide.c - deny, answer, route, note: what a hook may decide, as values that it returns. */
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "script/api.h"

enum { REASON_MOST = 200, TEXT_MOST = 2000, NOTES_MOST = 16, RETRY_MOST_S = 60 };

static const char decision_key; /* its address: the metatable's place in the registry */

/* Where the innermost function of a file stands: "scripts/x.lua:3"; absent: in none. */
static struct text here(lua_State *L)
{
    static _Thread_local lua_Debug ar;
    char at[LUA_IDSIZE + 16];
    for (int level = 1; lua_getstack(L, level, &ar); level++)
        if (lua_getinfo(L, "Sl", &ar) && ar.currentline > 0) {
            snprintf(at, sizeof at, "%s:%d", ar.short_src, ar.currentline);
            return api_keep(L, text_of(at));
        }
    return TEXT_NONE;
}

static struct decision *push_decision(lua_State *L, const char *kind)
{
    struct decision *d = lua_newuserdatauv(L, sizeof *d, 0);
    memset(d, 0, sizeof *d);
    d->kind = kind;
    d->at = here(L);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &decision_key) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_createtable(L, 0, 1);
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &decision_key);
    }
    lua_setmetatable(L, -2);
    return d;
}

const struct decision *decide_at(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index))
        return NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &decision_key);
    bool is = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is ? lua_touserdata(L, index) : NULL;
}

static bool is_code(struct text t)
{
    bool good = t.len > 0 && t.len <= 64 && t.ptr[0] >= 'a' && t.ptr[0] <= 'z';
    for (size_t i = 0; i < t.len && good; i++)
        good = (t.ptr[i] >= 'a' && t.ptr[i] <= 'z') || (t.ptr[i] >= '0' && t.ptr[i] <= '9') || t.ptr[i] == '_';
    return good;
}

/* At most `most` bytes, cut between characters. */
static struct text cut(lua_State *L, struct text t, size_t most)
{
    if (t.ptr == NULL)
        return t;
    if (t.len > most) {
        t.len = most;
        while (t.len > 0 && ((unsigned char)t.ptr[t.len] & 0xc0) == 0x80)
            t.len--;
    }
    return api_keep(L, t);
}

static struct text reason_at(lua_State *L, int index, const char *word)
{
    if (lua_isnoneornil(L, index))
        return TEXT_NONE;
    return cut(L, api_check_text(L, index, word, "a reason"), REASON_MOST);
}

static int deny(lua_State *L)
{
    static const char *const options[] = { "retry_after_s", "reason", NULL };
    int whole = 0;
    lua_Integer status = lua_tointegerx(L, 1, &whole);
    struct text code = api_text(L, 2), text = api_text(L, 3);
    if (lua_type(L, 1) != LUA_TNUMBER || !whole || status < 400 || status > 599)
        return luaL_error(L, "gw.deny: the first value is a status from 400 to 599");
    if (!is_code(code))
        return luaL_error(L, "gw.deny: the second value is a code in snake_case, such as \"too_long\"");
    if (text.ptr == NULL)
        return luaL_error(L, "gw.deny: the third value is a text for a person, not %s", luaL_typename(L, 3));
    api_options(L, 4, "gw.deny", options);
    int64_t again = api_option_int(L, 4, "gw.deny", "retry_after_s", 1, RETRY_MOST_S, 0);
    struct text reason = api_option_text(L, 4, "gw.deny", "reason");
    struct decision *d = push_decision(L, "deny");
    d->refusal = (struct script_refusal){ (int)status, (int)again, api_keep(L, code), cut(L, text, TEXT_MOST) };
    d->reason = cut(L, reason, REASON_MOST);
    return 1;
}

static int answer(lua_State *L)
{
    static const char *const options[] = { "text", "finish", NULL };
    static const char *const finishes[] = { "stop", "length", "content_filter", "refusal", NULL };
    struct text text = api_text(L, 1), finish = TEXT_NONE;
    const char *name = "stop";
    if (text.ptr == NULL && lua_type(L, 1) == LUA_TTABLE && api_options(L, 1, "gw.answer", options)) {
        text = api_option_text(L, 1, "gw.answer", "text");
        finish = api_option_text(L, 1, "gw.answer", "finish");
    }
    if (text.ptr == NULL)
        return luaL_error(L, "gw.answer: a text is needed, not %s", luaL_typename(L, 1));
    if (!text_is_utf8(text))
        return luaL_error(L, "gw.answer: the text is not UTF-8");
    if (api_run(L)->req->operation != GW_OP_CHAT)
        return luaL_error(L, "gw.answer: only chat requests can be answered; look at req.kind first");
    if (finish.ptr != NULL) {
        size_t i = 0;
        while (finishes[i] != NULL && !text_is(finish, finishes[i]))
            i++;
        if (finishes[i] == NULL)
            api_unknown(L, "gw.answer", "finish", finish, finishes);
        name = finishes[i];
    }
    struct text reason = reason_at(L, 2, "gw.answer");
    struct decision *d = push_decision(L, "answer");
    d->answer = (struct script_reply){ api_keep(L, text), name };
    d->reason = reason;
    return 1;
}

/* Raises where the policy may not name it. */
static void check_model(lua_State *L, const char *word, struct text model)
{
    const struct config_team *team = state_of(L)->policy->team;
    api_check_model(L, word, model);
    if (team != NULL && !config_team_may(team, model))
        luaL_error(L, "%s: the team \"%s\" may not use the model \"%s\", and this is its own policy", word,
                   team->name.ptr, model.ptr);
}

static int route(lua_State *L)
{
    struct text model = api_check_text(L, 1, "gw.route", "a model's name");
    check_model(L, "gw.route", model);
    struct text reason = reason_at(L, 2, "gw.route");
    struct decision *d = push_decision(L, "route");
    d->model = api_keep(L, model);
    d->reason = reason;
    return 1;
}

static int retry(lua_State *L)
{
    static const char *const options[] = { "model", "say", "reason", NULL };
    struct script_retry *r = arena_new(api_run(L)->req->arena, struct script_retry);
    if (!api_options(L, 1, "gw.retry", options))
        return luaL_error(L, "gw.retry takes a table: gw.retry { model = \"smart\", reason = \"too short\" }");
    struct text model = api_option_text(L, 1, "gw.retry", "model"), say = api_option_text(L, 1, "gw.retry", "say");
    if (model.ptr == NULL && say.ptr == NULL)
        return luaL_error(L, "gw.retry: a model, or a text to say: the same once more costs money and changes nothing");
    if (model.ptr != NULL) {
        check_model(L, "gw.retry", model);
        r->model = api_keep(L, model);
    }
    if (say.ptr != NULL) {
        r->say = api_keep(L, say);
        r->ask = answer_say(L, r->say);
    }
    struct text reason = api_option_text(L, 1, "gw.retry", "reason");
    struct decision *d = push_decision(L, "retry");
    d->retry = r;
    d->model = r->model;
    d->reason = cut(L, reason, REASON_MOST);
    return 1;
}

static int note(lua_State *L)
{
    struct script_run *run = api_run(L);
    struct text text = api_check_text(L, 1, "gw.note", "a text");
    if (run->trace->note_count == NOTES_MOST)
        return 0;
    struct script_note *n = arena_new(run->req->arena, struct script_note);
    n->text = cut(L, text, REASON_MOST);
    *run->trace->last_note = n;
    run->trace->last_note = &n->next;
    run->trace->note_count++;
    return 0;
}

static int count(lua_State *L)
{
    struct script_state *s = state_of(L);
    struct script_request *req = api_run(L)->req;
    struct text event = api_check_text(L, 1, "gw.count", "the name of an event");
    size_t i = 0;
    if (!is_code(event))
        return luaL_error(L, "gw.count: an event has a name in snake_case, such as \"too_long\", at most 64 bytes");
    while (i < s->event_count && !text_is(event, s->events[i]))
        i++;
    if (i == STATE_EVENTS)
        return luaL_error(L, "gw.count: at most %d events of a policy: \"%s\" is one more", (int)STATE_EVENTS,
                          event.ptr);
    if (i == s->event_count) {
        s->events[i] = strndup(event.ptr, event.len);
        s->event_count += s->events[i] != NULL;
    }
    state_spend(L, 20);
    if (req->host != NULL && req->host->count != NULL)
        req->host->count(req->owner, s->policy->name, event);
    return 0;
}

const struct api_row decide_rows[] = {
    { "deny", deny, SCRIPT_ON_REQUEST | SCRIPT_ON_ROUTE | SCRIPT_ON_RESPONSE, false, "status, code, text, options?",
      "gw.Decision",
      "Refuses the request: status 400 to 599, a code in snake_case, a text for a person; { retry_after_s?, reason? }" },
    { "answer", answer, SCRIPT_ON_REQUEST | SCRIPT_ON_RESPONSE, false, "text, reason?", "gw.Decision",
      "Answers in the place of a model, chat only: a text, or { text =, finish =? }" },
    { "route", route, SCRIPT_ON_REQUEST, false, "model, reason?", "gw.Decision",
      "Another model answers: the first route of a request counts" },
    { "retry", retry, SCRIPT_ON_RESPONSE, false, "options", "gw.Decision",
      "Drops this answer and asks again: { model =?, say =?, reason =? }; both are paid for" },
    { "count", count, API_HOOKS, false, "event", "",
      "Counts it in gw_policy_events_total{policy,event}: at most 32 names of a policy" },
    { "note", note, API_HOOKS, false, "text", "", "A line of the access log: at most 16 of 200 bytes" },
    { .name = NULL },
};
