/* play.c - one hook of one request: the request is built, the hook runs in its sandbox, and what it asks is answered by the test. */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "config/labels.h"
#include "flow/policy.h"
#include "rehearsal/rehearsal.h"
#include "rehearsal/world.h"

enum { REQUEST_MOST = 64 << 20, TARGETS_MOST = 64, HEADERS_MOST = 64 };

static void start(void *owner, struct script_ask *ask)
{
    struct played *p = owner;
    p->asks = ask;
}

static void wake(void *owner)
{
    (void)owner;
}

static bool spend(void *owner, enum script_whose whose, struct text name, enum config_period per,
                  struct script_spend *out)
{
    const struct played *p = owner;
    for (const struct balance *b = p->world->balances; b != NULL; b = b->next)
        if (b->whose == whose && b->per == per && text_eq(b->name, name)) {
            *out = b->sum;
            return true;
        }
    return false;
}

static bool east(void *owner, struct text zone, int64_t unix_s, int64_t *out)
{
    return policy_host.east(owner, zone, unix_s, out);
}

static void count(void *owner, const char *policy, struct text event)
{
    struct played *p = owner;
    struct script_note *note = arena_new(&p->arena, struct script_note);
    (void)policy;
    note->text = arena_text(&p->arena, event);
    *p->last_event = note;
    p->last_event = &note->next;
}

static const char *tag(void *owner, struct text name, struct text value)
{
    struct played *p = owner;
    const char *why = NULL;
    struct text sent = text_of(arena_printf(&p->arena, "%.*s=%.*s", TEXT_ARG(name), TEXT_ARG(value)));
    return labels_merge(&p->arena, sent, p->req.tags, &p->req.tags, &why) < 0 ? why : NULL;
}

static const struct script_host host = {
    .start = start, .wake = wake, .spend = spend, .east = east, .count = count, .tag = tag
};

const struct face *rehearsal_face(struct text name)
{
    static const struct face *const faces[] = { &face_chat,        &face_messages,   &face_responses,
                                                &face_completions, &face_embeddings, &face_moderations,
                                                &face_rerank,      &face_images,     &face_audio };
    for (size_t i = 0; i < sizeof faces / sizeof *faces; i++)
        if (text_is(name, faces[i]->name))
            return faces[i];
    return NULL;
}

static const struct face *face_named(lua_State *L, struct text name)
{
    const struct face *face = rehearsal_face(name);
    if (face == NULL)
        luaL_error(L, "there is no client API \"%s\": chat, messages, responses, completions, embeddings", name.ptr);
    return face;
}

static void read_headers(lua_State *L, int index, struct played *p)
{
    struct script_header *headers = arena_array(&p->arena, struct script_header, HEADERS_MOST);
    p->req.headers = headers;
    if (lua_getfield(L, index, "headers") == LUA_TTABLE)
        for (lua_pushnil(L); lua_next(L, -2) != 0 && p->req.header_count < HEADERS_MOST; lua_pop(L, 1)) {
            lua_pushvalue(L, -2);
            headers[p->req.header_count++] =
                (struct script_header){ arena_text(&p->arena, text_of(lua_tostring(L, -1))),
                                        arena_text(&p->arena, text_of(luaL_checkstring(L, -2))) };
            lua_pop(L, 1);
        }
    lua_pop(L, 1);
}

static void read_error(lua_State *L, int index, struct played *p)
{
    p->req.last_error = NULL;
    if (lua_getfield(L, index, "last_error") == LUA_TTABLE) {
        struct script_error *e = arena_new(&p->arena, struct script_error);
        int at = lua_gettop(L);
        e->class = world_text(L, at, "class", &p->arena).ptr;
        e->status = (int)world_int(L, at, "status", 0);
        e->code = world_text(L, at, "code", &p->arena);
        e->provider = world_text(L, at, "provider", &p->arena);
        e->target = world_text(L, at, "target", &p->arena);
        if (e->class == NULL)
            luaL_error(L, "last_error: class is missing: \"rate_limited\"");
        p->req.last_error = e;
    }
    lua_pop(L, 1);
}

/* The table at `index` has been made by the prelude: `body` is JSON, `tags` "a=1,b=2". */
static struct played *build(lua_State *L, int index, struct stage *stage)
{
    struct world *w = world_of(L);
    struct played *p = calloc(1, sizeof *p);
    struct fail fail;
    if (p == NULL)
        luaL_error(L, "there is no memory for a request");
    p->world = w;
    p->stage = stage;
    p->last_event = &p->events;
    arena_init(&p->arena, NULL, 0, REQUEST_MOST);
    p->next = w->played;
    w->played = p;
    struct arena *arena = &p->arena;
    const struct face *face = face_named(L, world_or(world_text(L, index, "face", arena), "chat"));
    if (face->decode(arena, world_text(L, index, "body", arena), &p->ask, &fail) < 0)
        luaL_error(L, "the client API \"%s\" refuses this request: %s", face->name, fail.text);
    p->req = (struct script_request){ .arena = arena,
                                      .config = &stage->config,
                                      .face = face,
                                      .ask = &p->ask,
                                      .host = &host,
                                      .owner = p,
                                      .operation = face->operation,
                                      .id = TEXT("test"),
                                      .team = world_or(world_text(L, index, "team", arena), "default"),
                                      .key = world_text(L, index, "key", arena),
                                      .model = p->ask.model,
                                      .asked_model = p->ask.model,
                                      .address = world_or(world_text(L, index, "address", arena), "127.0.0.1"),
                                      .user = world_text(L, index, "user", arena),
                                      .project = world_text(L, index, "project", arena),
                                      .session = world_text(L, index, "session", arena),
                                      .tags = world_text(L, index, "tags", arena),
                                      .client = world_or(world_text(L, index, "client", arena), "other").ptr,
                                      .stream = p->ask.stream,
                                      .admitted_ms = w->now_ms,
                                      .attempt = 1 };
    read_headers(L, index, p);
    return p;
}

/* On the test's stack: the answer of the test's function for what the hook asks. */
static void ask_test(lua_State *L, struct world *w, const char *kind, const char *name)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, w->answers);
    lua_pushstring(L, kind);
    lua_pushstring(L, name);
}

static struct text kept(lua_State *L, int index, struct played *p)
{
    size_t len;
    const char *ptr = lua_tolstring(L, index, &len);
    return ptr != NULL ? arena_text(&p->arena, (struct text){ ptr, len }) : TEXT_NONE;
}

static const char *why_at(lua_State *L, int index, struct played *p)
{
    struct text why = kept(L, index, p);
    return why.ptr != NULL ? why.ptr : "the test has no answer for it";
}

/* -> status, text, type; or nil, why */
static void answer_http(lua_State *L, struct played *p, struct script_http *http)
{
    int top = lua_gettop(L);
    ask_test(L, p->world, "http", http->place->name);
    lua_newtable(L);
    lua_pushlstring(L, http->path.ptr, http->path.len);
    lua_setfield(L, -2, "path");
    if (http->body.ptr != NULL) {
        lua_pushlstring(L, http->body.ptr, http->body.len);
        lua_setfield(L, -2, "text");
    }
    lua_pushstring(L, http->post ? "POST" : "GET");
    lua_setfield(L, -2, "method");
    lua_call(L, 3, 3);
    http->status = (int)lua_tointeger(L, top + 1);
    if (http->status == 0)
        http->why = why_at(L, top + 2, p);
    http->text = world_or(kept(L, top + 2, p), "");
    struct script_header *type = arena_new(&p->arena, struct script_header);
    *type = (struct script_header){ TEXT("content-type"), world_or(kept(L, top + 3, p), "text/plain") };
    http->got = type;
    http->got_count = 1;
    lua_settop(L, top);
}

/* -> text, finish, input, output; or nil, why */
static void answer_llm(lua_State *L, struct played *p, struct script_llm *llm)
{
    int top = lua_gettop(L);
    ask_test(L, p->world, "llm", llm->model.ptr);
    lua_pushlstring(L, llm->body.ptr, llm->body.len);
    lua_call(L, 3, 4);
    llm->text = kept(L, top + 1, p);
    llm->why = llm->text.ptr == NULL ? why_at(L, top + 2, p) : NULL;
    llm->came = llm->text.ptr != NULL;
    llm->status = llm->came ? 200 : 0;
    llm->finish = llm->text.ptr != NULL ? world_or(kept(L, top + 2, p), "stop") : TEXT_NONE;
    llm->usage.input = lua_tointeger(L, top + 3);
    llm->usage.output = lua_tointeger(L, top + 4);
    lua_settop(L, top);
}

/* One after the other, until there are enough: the others are as those that are cancelled. */
static void answer_llms(lua_State *L, struct played *p, struct script_ask *ask)
{
    unsigned came = 0;
    for (struct script_llm *llm = ask->llm; llm != NULL && (ask->want == 0 || came < ask->want); llm = llm->next) {
        answer_llm(L, p, llm);
        came += llm->came;
    }
}

static enum script_verdict go_on(lua_State *L, struct played *p, enum script_verdict verdict)
{
    while (verdict == SCRIPT_WAIT) {
        if (p->asks->kind == SCRIPT_ASK_HTTP)
            answer_http(L, p, p->asks->http);
        else if (p->asks->kind == SCRIPT_ASK_LLM)
            answer_llms(L, p, p->asks);
        else
            p->asks->late = true;
        verdict = script_resume(p->stage->worker, &p->req);
    }
    return verdict;
}

static void read_targets(lua_State *L, int index, struct played *p)
{
    size_t n = lua_rawlen(L, index);
    if (n == 0 || n > TARGETS_MOST)
        luaL_error(L, "on_route gets a list of 1 to %d targets: { name = \"openai/gpt-4o\" }", TARGETS_MOST);
    p->targets = (struct script_targets){ arena_array(&p->arena, struct script_target, n), n, false };
    for (size_t i = 0; i < n; i++) {
        struct script_target *t = &p->targets.items[i];
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        int at = lua_gettop(L);
        if (lua_type(L, at) != LUA_TTABLE)
            luaL_error(L, "a target is a table: { name = \"openai/gpt-4o\", region = \"eu\" }");
        struct text name = world_text(L, at, "name", &p->arena);
        t->provider = text_cut(&name, '/');
        t->model = name.len > 0 ? name : TEXT("model");
        t->role = world_or(world_text(L, at, "role", &p->arena), "target").ptr;
        t->region = world_text(L, at, "region", &p->arena);
        t->retention = world_text(L, at, "retention", &p->arena);
        t->cost_nano = world_nano(L, at, "cost_usd", -1);
        t->context_tokens = world_int(L, at, "context_tokens", 0);
        t->in_flight = (unsigned)world_int(L, at, "in_flight", 0);
        t->cooling_ms = world_nano(L, at, "cooling_s", 0) / 1000000;
        t->first_token_ms = (double)world_nano(L, at, "first_token_ms", 0) / 1e9;
        t->tokens_per_s = (double)world_nano(L, at, "tokens_per_s", 0) / 1e9;
        t->ejected = lua_getfield(L, at, "healthy") == LUA_TBOOLEAN && !lua_toboolean(L, -1);
        t->index = (unsigned)i;
        lua_settop(L, at - 1);
    }
}

static void finish(lua_State *L, int index, struct played *p)
{
    struct script_done *d = arena_new(&p->arena, struct script_done);
    int64_t cost = world_nano(L, index, "cost_usd", -1);
    *d = (struct script_done){ .status = (int)world_int(L, index, "status", 200),
                               .outcome = world_or(world_text(L, index, "outcome", &p->arena), "ok").ptr,
                               .code = world_text(L, index, "code", &p->arena),
                               .target = world_text(L, index, "target", &p->arena),
                               .attempts = (unsigned)world_int(L, index, "attempts", 1),
                               .usage = answer_usage(L, index, p),
                               .priced = cost >= 0,
                               .cost_nano = cost,
                               .first_token_ms = world_int(L, index, "first_token_ms", -1),
                               .total_ms = world_int(L, index, "total_ms", 0) };
    d->refused = strcmp(d->outcome, "denied") == 0 && d->usage->source == USAGE_NONE;
    p->finished = true;
    script_on_finish(p->stage->worker, &p->req, d);
}

static enum script_verdict run(lua_State *L, struct played *p, const char *hook)
{
    struct script_worker *worker = p->stage->worker;
    p->req.admitted_ms = p->world->now_ms;
    p->req.refusal = (struct script_refusal){ 0 };
    p->req.answer = (struct script_reply){ 0 };
    if (p->finished)
        luaL_error(L, "on_finish has run for this request: write it anew");
    if (strcmp(hook, "on_request") == 0)
        return script_on_request(worker, &p->req);
    if (strcmp(hook, "on_response") == 0)
        return answer_show(L, 4, p);
    if (strcmp(hook, "on_finish") == 0) {
        finish(L, 4, p);
        return SCRIPT_PASS;
    }
    p->req.attempt = (unsigned)world_int(L, 2, "attempt", 1);
    read_error(L, 2, p);
    read_targets(L, 4, p);
    return script_on_route(worker, &p->req, &p->targets);
}

int play(lua_State *L)
{
    struct stage *stage = lua_touserdata(L, 1);
    const char *hook = luaL_checkstring(L, 3);
    lua_settop(L, 5); /* 5: what was played of this request before */
    luaL_checktype(L, 2, LUA_TTABLE);
    if (lua_type(L, 4) != LUA_TTABLE) {
        lua_newtable(L);
        lua_replace(L, 4);
    }
    stage_open(L, stage);
    struct played *p = lua_touserdata(L, 5);
    if (p == NULL)
        p = build(L, 2, stage);
    enum script_verdict verdict = go_on(L, p, run(L, p, hook));
    if (verdict == SCRIPT_RETRY)
        answer_retry(p);
    lua_settop(L, 5);
    show(L, p, verdict);
    lua_pushlightuserdata(L, p);
    return 2;
}

void play_end(struct played *p)
{
    static const struct usage nothing;
    const struct script_done done = { .outcome = "ok", .usage = &nothing };
    p->req.inner = true; /* no hook runs: what policies keep of it goes */
    if (p->stage->worker != NULL && p->req.arena != NULL && !p->finished) {
        script_cancel(p->stage->worker, &p->req);
        script_on_finish(p->stage->worker, &p->req, &done);
    }
    arena_fini(&p->arena);
    free(p);
}
