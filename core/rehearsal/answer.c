/* answer.c - an answer that a test gives, as on_response sees it; and what is asked where that drops it. */
#include <lauxlib.h>

#include "base/json.h"
#include "rehearsal/world.h"

enum { CALLS_MOST = 64, BODY_MOST = 32 << 20 };

const struct usage *answer_usage(lua_State *L, int index, struct played *p)
{
    struct usage *u = arena_new(&p->arena, struct usage);
    if (lua_getfield(L, index, "usage") == LUA_TTABLE) {
        u->source = USAGE_REPORTED;
        u->cache_read = world_int(L, lua_gettop(L), "cache_read", 0);
        u->cache_write_5m = world_int(L, lua_gettop(L), "cache_write", 0);
        u->reasoning = world_int(L, lua_gettop(L), "reasoning", 0);
        u->input =
            world_int(L, lua_gettop(L), "input", 0) - u->cache_read - u->cache_write_5m; /* which are parts of it */
        u->output = world_int(L, lua_gettop(L), "output", 0) - u->reasoning;
    }
    lua_pop(L, 1);
    return u;
}

static void read_calls(lua_State *L, int index, struct played *p, struct said *said)
{
    said->calls = arena_array(&p->arena, struct talk_call, CALLS_MOST);
    if (lua_getfield(L, index, "tool_calls") == LUA_TTABLE)
        for (lua_Integer i = 1; i <= CALLS_MOST && lua_rawgeti(L, -1, i) == LUA_TTABLE; i++, lua_pop(L, 1)) {
            int at = lua_gettop(L);
            said->calls[said->call_count++] =
                (struct talk_call){ .id = world_or(world_text(L, at, "id", &p->arena), "call_1"),
                                    .name = world_or(world_text(L, at, "name", &p->arena), ""),
                                    .arguments = world_or(world_text(L, at, "arguments", &p->arena), "{}") };
        }
    lua_settop(L, index);
}

static void put(struct json_writer *w, const char *name, struct text value)
{
    json_key_plain(w, text_of(name));
    json_put_str(w, value);
}

/* As bytes that a policy may change: in the shape of chat, whichever API the request came by. Arena. */
static struct text write_body(struct arena *arena, const struct said *said)
{
    struct json_writer w;
    struct buf out;
    buf_init(&out, BODY_MOST);
    json_writer_init(&w, &out);
    json_object(&w);
    json_name(&w, "choices");
    json_array(&w);
    json_object(&w);
    put(&w, "finish_reason", text_of(said->finish));
    json_name(&w, "message");
    json_object(&w);
    put(&w, "content", said->text);
    json_name(&w, "tool_calls");
    json_array(&w);
    for (size_t i = 0; i < said->call_count; i++) {
        json_object(&w);
        put(&w, "id", said->calls[i].id);
        json_name(&w, "function");
        json_object(&w);
        put(&w, "name", said->calls[i].name);
        put(&w, "arguments", said->calls[i].arguments);
        json_close(&w);
        json_close(&w);
    }
    while (w.depth > 0)
        json_close(&w);
    struct text body = json_end(&w) == 0 ? arena_text(arena, buf_view(&out)) : TEXT_NONE;
    buf_free(&out);
    return body;
}

/* The test names how many answers were dropped before: each policy has dropped as many. */
static void set_retries(struct played *p, unsigned retries)
{
    const struct config *config = &p->stage->config;
    p->req.retries = retries;
    p->req.retried = arena_array(&p->arena, uint8_t, config->policy_count);
    for (size_t i = 0; i < config->policy_count; i++)
        p->req.retried[i] = (uint8_t)retries;
}

enum script_verdict answer_show(lua_State *L, int index, struct played *p)
{
    struct said *said = arena_new(&p->arena, struct said);
    struct script_response *r = arena_new(&p->arena, struct script_response);
    int64_t retries = world_int(L, index, "retries", -1);
    if (retries >= 0)
        set_retries(p, (unsigned)retries);
    said->text = world_or(world_text(L, index, "text", &p->arena), "");
    read_calls(L, index, p, said);
    said->finish =
        world_or(world_text(L, index, "finish", &p->arena), said->call_count > 0 ? "tool_calls" : "stop").ptr;
    *r = (struct script_response){ .said = said,
                                   .finish = said->finish,
                                   .target = world_or(world_text(L, index, "target", &p->arena), "demo/demo"),
                                   .usage = answer_usage(L, index, p),
                                   .first_token_ms = world_int(L, index, "first_token_ms", -1),
                                   .total_ms = world_int(L, index, "total_ms", 0) };
    r->parts[0] = write_body(&p->arena, said);
    p->response = r;
    return script_on_response(p->stage->worker, &p->req, r);
}

void answer_retry(struct played *p)
{
    struct script_request *req = &p->req;
    const struct script_retry *retry = &req->retry;
    script_retried(req);
    if (retry->model.ptr != NULL) {
        req->model = retry->model;
        req->routed_by = retry->policy->name;
    }
    if (retry->ask == NULL)
        return;
    req->ask = retry->ask;
    req->talk = NULL;
    req->units = NULL;
}
