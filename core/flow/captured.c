/* captured.c - a request and its answer as one record each: a line of JSON, and the bytes behind it. rehearsal/replay_captured.c reads them. */
#include "flow/captured.h"

#include "capture/capture.h"
#include "flow/policy.h"
#include "flow/way.h"
#include "health/chance.h"

enum { HEAD_MOST = 256 << 10 };

void captured_begin(struct request *req, const struct request_head *head)
{
    struct captured *c = arena_new(&req->arena, struct captured);
    c->headers = policy_headers(&req->arena, head, &c->header_count);
    req->captured = c;
}

/* Is it one of those? */
static bool is_wanted(const struct request *req)
{
    const struct config_capture *of = &req->config->capture;
    bool named = false;
    for (size_t i = 0; i < of->team_count && !named; i++)
        named = text_matches(req->team->name, of->teams[i]);
    return named && req->worker->gateway->capture != NULL && req->operation != GW_OP_MODELS &&
           req->operation != GW_OP_COUNT_TOKENS && !policy_asks(req) && !req->wish.no_store &&
           chance_next(&req->worker->chance) < of->share;
}

static void put_text(struct json_writer *w, struct text name, struct text value)
{
    if (value.ptr == NULL)
        return;
    json_key_plain(w, name);
    json_put_str(w, value);
}

static void put_int(struct json_writer *w, struct text name, int64_t value)
{
    json_key_plain(w, name);
    json_put_int(w, value);
}

static void put_headers(struct json_writer *w, const struct captured *c)
{
    json_name(w, "headers");
    json_array(w);
    for (size_t i = 0; i < c->header_count; i++) {
        json_array(w);
        json_put_str(w, c->headers[i].name);
        json_put_str(w, c->headers[i].value);
        json_close(w);
    }
    json_close(w);
}

/* Hands it over; a line that is not whole counts as lost. */
static void put(struct request *req, enum sealed_kind kind, struct json_writer *w, struct text first, struct text rest)
{
    const struct config_capture *of = &req->config->capture;
    struct buf *out = w->out;
    if (json_end(w) < 0 || buf_str(out, "\n") < 0 || buf_text(out, first) < 0 || buf_text(out, rest) < 0)
        out->failed = true;
    capture_put(req->worker->gateway->capture, kind, text_of(req->id), out, of->days, of->mb);
}

void captured_request(struct request *req)
{
    struct captured *c = req->captured;
    struct json_writer w;
    struct buf out;
    if (c == NULL || c->looked)
        return;
    c->looked = true;
    c->wanted = is_wanted(req);
    if (c->wanted && req->body.len > SEALED_MOST - HEAD_MOST) {
        capture_lost(req->worker->gateway->capture, CAPTURE_LARGE);
        c->wanted = false;
    }
    if (!c->wanted)
        return;
    buf_init(&out, SEALED_MOST);
    json_writer_init(&w, &out);
    json_object(&w);
    put_int(&w, TEXT("operation"), req->operation);
    put_text(&w, TEXT("model"), req->ask.model);
    put_text(&w, TEXT("content_type"), req->ask.content_type);
    put_text(&w, TEXT("address"), req->peer);
    put_headers(&w, c);
    json_close(&w);
    put(req, SEALED_REQUEST, &w, buf_view(&req->body), TEXT_NONE);
}

bool captured_is(const struct request *req)
{
    return req->captured != NULL && req->captured->wanted;
}

static void put_real(struct json_writer *w, struct text name, double value)
{
    json_key_plain(w, name);
    json_put_real(w, value);
}

static void put_target(struct json_writer *w, const struct script_target *t)
{
    json_object(w);
    put_text(w, TEXT("provider"), t->provider);
    put_text(w, TEXT("model"), t->model);
    put_text(w, TEXT("role"), text_of(t->role));
    put_text(w, TEXT("region"), t->region);
    put_text(w, TEXT("retention"), t->retention);
    put_int(w, TEXT("cost_nano"), t->cost_nano);
    put_int(w, TEXT("context_tokens"), t->context_tokens);
    put_int(w, TEXT("in_flight"), t->in_flight);
    put_int(w, TEXT("ejected"), t->ejected);
    put_int(w, TEXT("cooling_ms"), t->cooling_ms);
    put_real(w, TEXT("first_token_ms"), t->first_token_ms);
    put_real(w, TEXT("tokens_per_s"), t->tokens_per_s);
    json_close(w);
}

static void put_error(struct json_writer *w, const struct script_error *e)
{
    json_name(w, "error");
    json_object(w);
    put_text(w, TEXT("class"), text_of(e->class));
    put_int(w, TEXT("status"), e->status);
    put_text(w, TEXT("code"), e->code);
    put_text(w, TEXT("provider"), e->provider);
    put_text(w, TEXT("target"), e->target);
    json_close(w);
}

void captured_route(struct request *req, unsigned attempt, const struct script_targets *targets,
                    const struct script_error *error)
{
    struct json_writer w;
    struct buf out;
    if (attempt > SEALED_ROUTES)
        return;
    buf_init(&out, SEALED_MOST);
    json_writer_init(&w, &out);
    json_object(&w);
    if (error != NULL)
        put_error(&w, error);
    json_name(&w, "targets");
    json_array(&w);
    for (size_t i = 0; i < targets->count; i++)
        put_target(&w, &targets->items[i]);
    json_close(&w);
    json_close(&w);
    put(req, (enum sealed_kind)(SEALED_ROUTE + attempt - 1), &w, TEXT_NONE, TEXT_NONE);
}

static void put_usage(struct json_writer *w, const struct usage *u)
{
    json_name(w, "usage");
    json_object(w);
    put_int(w, TEXT("input"), u->input);
    put_int(w, TEXT("cache_read"), u->cache_read);
    put_int(w, TEXT("cache_write_5m"), u->cache_write_5m);
    put_int(w, TEXT("cache_write_1h"), u->cache_write_1h);
    put_int(w, TEXT("output"), u->output);
    put_int(w, TEXT("reasoning"), u->reasoning);
    json_close(w);
}

void captured_answer(struct request *req, const struct script_response *shown)
{
    struct captured *c = req->captured;
    struct json_writer w;
    struct buf out;
    if (c == NULL || !c->wanted || c->answered)
        return;
    c->answered = true; /* of those that are dropped the first */
    if (shown->parts[0].len + shown->parts[1].len > SEALED_MOST - HEAD_MOST) {
        capture_lost(req->worker->gateway->capture, CAPTURE_LARGE);
        return;
    }
    buf_init(&out, SEALED_MOST);
    json_writer_init(&w, &out);
    json_object(&w);
    json_name(&w, "streams");
    json_put_bool(&w, shown->streams);
    put_text(&w, TEXT("finish"), text_of(shown->finish));
    put_text(&w, TEXT("target"), shown->target);
    put_text(&w, TEXT("model"), req->ask.model);
    put_int(&w, TEXT("first_token_ms"), shown->first_token_ms);
    put_int(&w, TEXT("total_ms"), shown->total_ms);
    put_usage(&w, shown->usage);
    put_int(&w, TEXT("first"), (int64_t)shown->parts[0].len);
    json_close(&w);
    put(req, SEALED_ANSWER, &w, shown->parts[0], shown->parts[1]);
}
