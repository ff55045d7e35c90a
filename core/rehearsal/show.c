/* show.c - what a hook has decided and done, as a table for the test. */
#include <lauxlib.h>

#include "base/json.h"
#include "rehearsal/world.h"

enum { JSON_MOST = 32 << 20 };

static void put_text(lua_State *L, const char *name, struct text t)
{
    if (t.ptr == NULL)
        return;
    lua_pushlstring(L, t.ptr, t.len);
    lua_setfield(L, -2, name);
}

static void put_int(lua_State *L, const char *name, int64_t n)
{
    lua_pushinteger(L, n);
    lua_setfield(L, -2, name);
}

/* Appends to the list `name` of the table on top. */
static void append(lua_State *L, const char *name, struct text t)
{
    if (lua_getfield(L, -1, name) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setfield(L, -3, name);
    }
    lua_pushlstring(L, t.ptr, t.len);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1);
}

static void put_trace(lua_State *L, const struct script_trace *t)
{
    put_text(L, "policy", text_of(t->policy->name));
    put_text(L, "hook", text_of(script_hook_name(t->hook)));
    put_text(L, "decision", text_of(t->decision != NULL ? t->decision : "none"));
    put_text(L, "model", t->model);
    put_text(L, "code", t->code);
    put_text(L, "reason", t->reason);
    put_text(L, "why", t->why);
    put_text(L, "at", t->at);
    put_text(L, "edits", text_of(t->edits != NULL ? t->edits : ""));
    lua_newtable(L);
    lua_setfield(L, -2, "notes");
    for (const struct script_note *n = t->notes; n != NULL; n = n->next)
        append(L, "notes", n->text);
    lua_newtable(L);
    for (const struct script_call *c = t->calls; c != NULL; c = c->next) {
        lua_newtable(L);
        put_text(L, "word", text_of(c->word));
        put_text(L, "what", text_of(c->what));
        put_int(L, "status", c->status);
        put_text(L, "why", text_of(c->why));
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    }
    lua_setfield(L, -2, "calls");
}

static void put_map(lua_State *L, const char *name, const struct script_put *list)
{
    lua_newtable(L);
    for (; list != NULL; list = list->next) { /* the newest comes first */
        if (lua_getfield(L, -1, list->name.ptr) == LUA_TNIL) {
            if (list->value.ptr != NULL)
                lua_pushlstring(L, list->value.ptr, list->value.len);
            else
                lua_pushboolean(L, false);
            lua_setfield(L, -3, list->name.ptr);
        }
        lua_pop(L, 1);
    }
    lua_setfield(L, -2, name);
}

static void put_tags(lua_State *L, struct text rest)
{
    lua_newtable(L);
    while (rest.len > 0) {
        struct text value = text_cut(&rest, ','), name = text_cut(&value, '=');
        lua_pushlstring(L, name.ptr, name.len);
        lua_pushlstring(L, value.ptr != NULL ? value.ptr : "", value.len);
        lua_rawset(L, -3);
    }
    lua_setfield(L, -2, "tags");
}

/* The request after the hook, in words of no API: "system: be short". */
static void put_talk(lua_State *L, struct played *p)
{
    struct fail fail;
    struct ask *ask = p->req.ask;
    put_text(L, "body", ask->body);
    lua_newtable(L);
    lua_setfield(L, -2, "texts");
    lua_newtable(L);
    lua_setfield(L, -2, "tools");
    talk_reader *read = p->req.face->talk;
    const struct talk *talk = read != NULL ? read(&p->arena, ask, &fail) : NULL;
    for (size_t i = 0; talk != NULL && i < talk->count; i++)
        for (size_t k = 0; k < talk->turns[i].text_count; k++)
            append(
                L, "texts",
                text_of(arena_printf(&p->arena, "%s: %.*s", talk->turns[i].role, TEXT_ARG(talk->turns[i].texts[k]))));
    for (size_t i = 0; talk != NULL && i < talk->tool_count; i++)
        append(L, "tools", talk->tools[i]);
}

void show(lua_State *L, struct played *p, enum script_verdict verdict)
{
    const struct script_trace *last = NULL, *from = p->shown != NULL ? p->shown->next : p->req.traces;
    lua_newtable(L);
    lua_newtable(L);
    for (struct script_trace *t = (struct script_trace *)(uintptr_t)from; t != NULL; t = t->next) {
        lua_newtable(L);
        put_trace(L, t);
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
        p->shown = t;
        if (t->decision != NULL || last == NULL)
            last = t;
    }
    lua_setfield(L, -2, "trace");
    if (last != NULL)
        put_trace(L, last);
    else
        put_text(L, "decision", TEXT("none"));
    put_text(L, "verdict",
             text_of(verdict == SCRIPT_DENY     ? "deny"
                     : verdict == SCRIPT_ANSWER ? "answer"
                     : verdict == SCRIPT_RETRY  ? "retry"
                     : verdict == SCRIPT_FAILED ? "error"
                                                : "pass"));
    put_text(L, "serves", p->req.model);
    if (verdict == SCRIPT_DENY) {
        put_int(L, "status", p->req.refusal.status);
        put_text(L, "text", p->req.refusal.text);
        if (p->req.refusal.retry_after_s > 0)
            put_int(L, "retry_after_s", p->req.refusal.retry_after_s);
    } else if (verdict == SCRIPT_ANSWER) {
        put_text(L, "text", p->req.answer.text);
        put_text(L, "finish", text_of(p->req.answer.finish));
    } else if (verdict == SCRIPT_RETRY) {
        put_text(L, "say", p->req.retry.say);
    }
    put_int(L, "retries", p->req.retries);
    if (p->response != NULL)
        put_text(L, "answer", p->response->said->text);
    put_tags(L, p->req.tags);
    put_map(L, "sends", p->req.sends);
    put_map(L, "replies", p->req.replies);
    lua_newtable(L);
    for (const struct script_restore *r = p->req.restores; r != NULL; r = r->next) { /* the newest comes first */
        if (lua_getfield(L, -1, r->text.key.ptr) == LUA_TNIL) {
            lua_pushlstring(L, r->text.with.ptr, r->text.with.len);
            lua_setfield(L, -3, r->text.key.ptr);
        }
        lua_pop(L, 1);
    }
    lua_setfield(L, -2, "restores");
    lua_newtable(L);
    lua_setfield(L, -2, "events");
    for (const struct script_note *n = p->events; n != NULL; n = n->next)
        append(L, "events", n->text);
    lua_newtable(L);
    lua_setfield(L, -2, "targets");
    for (size_t i = 0; i < p->targets.count; i++) {
        const struct script_target *t = &p->targets.items[i];
        append(L, "targets", text_of(arena_printf(&p->arena, "%.*s/%.*s", TEXT_ARG(t->provider), TEXT_ARG(t->model))));
    }
    put_talk(L, p);
}

static void write_value(lua_State *L, int index, struct json_writer *w)
{
    size_t len;
    const char *ptr;
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        json_put_bool(w, lua_toboolean(L, index));
        return;
    case LUA_TNUMBER:
        if (lua_isinteger(L, index))
            json_put_int(w, lua_tointeger(L, index));
        else
            json_put_real(w, lua_tonumber(L, index));
        return;
    case LUA_TSTRING:
        ptr = lua_tolstring(L, index, &len);
        json_put_str(w, (struct text){ ptr, len });
        return;
    default:
        luaL_error(L, "JSON has no %s", luaL_typename(L, index));
    }
}

/* The JSON of a text, a number or a boolean. */
int write_json(lua_State *L)
{
    struct json_writer w;
    struct world *world = world_of(L);
    struct buf *out = arena_new(&world->arena, struct buf);
    luaL_checkany(L, 1);
    buf_init(out, JSON_MOST);
    arena_defer(&world->arena, buf_free_any, out); /* also after an error */
    json_writer_init(&w, out);
    write_value(L, 1, &w);
    if (json_end(&w) < 0)
        return luaL_error(L, "the JSON is too large");
    lua_pushlstring(L, buf_view(out).ptr, out->len);
    buf_free(out);
    return 1;
}
