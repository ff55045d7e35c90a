/* line.c - the line of the access log: one JSON object for a request, with each of its attempts. README.md names its members. */
#include "base/clock.h"
#include "flow/access.h"
#include "flow/policy.h"
#include "flow/way.h"
#include "money/nano.h"

enum {
    ATTEMPTS_MOST = 16,
    MODEL_MOST = 256,
    LINE_MOSTLY = 1024, /* bytes: hardly a line is longer */
};

static void put(struct json_writer *w, struct text name, struct text value)
{
    json_key_plain(w, name);
    if (value.ptr != NULL)
        json_put_str(w, value);
    else
        json_put_null(w);
}

static void put_some(struct json_writer *w, struct text name, struct text value)
{
    if (value.len > 0)
        put(w, name, value);
}

static void put_int(struct json_writer *w, struct text name, int64_t value)
{
    json_key_plain(w, name);
    json_put_int(w, value);
}

static void put_bool(struct json_writer *w, struct text name, bool value)
{
    json_key_plain(w, name);
    json_put_bool(w, value);
}

/* Where the time of an attempt went. A connection that was there is no wait at all. */
static void write_times(const struct attempt *a, struct json_writer *w)
{
    int64_t wait = a->times.connection_ns, end = a->ended_ns != 0 ? a->ended_ns : clock_ns();
    put_int(w, TEXT("ms"), (end - a->started_ns) / CLOCK_MS);
    if (wait < 0)
        return;
    put_int(w, TEXT("connect_ms"), a->times.fresh ? wait / CLOCK_MS : 0);
    put_int(w, TEXT("queue_ms"), a->times.fresh ? 0 : wait / CLOCK_MS);
    if (a->head_ns != 0)
        put_int(w, TEXT("first_byte_ms"), (a->head_ns - a->started_ns - wait) / CLOCK_MS);
}

/* Exact dollars, as text: a number of JSON may be read as a double. null: the cost is not known. */
static void put_cost(struct json_writer *w, const struct price *price)
{
    char usd[NANO_TEXT];
    put(w, TEXT("cost_usd"), price->known ? text_of(nano_write(price->nano, 0, usd)) : TEXT_NONE);
    put_some(w, TEXT("price"), price->entry);
}

/* What is no matter of course: an attempt that is free, or may cost more than its usage states. */
static struct text ending_name(enum attempt_ending ending)
{
    return ending == ATTEMPT_FREE ? TEXT("free") : ending == ATTEMPT_DOUBT ? TEXT("doubt") : TEXT_NONE;
}

static void write_attempt(const struct attempt *a, struct json_writer *w)
{
    json_object(w);
    put(w, TEXT("provider"), a->target->provider->name);
    put(w, TEXT("model"), a->target->model);
    put_some(w, TEXT("url"), a->url);
    put_some(w, TEXT("secret"), text_of(a->secret_from));
    put_some(w, TEXT("chosen"), text_of(a->chosen));
    put_int(w, TEXT("status"),
            a->mode == MODE_LOCAL && attempt_has_failed(a) && a->error_status != 0 ? a->error_status : a->status);
    put(w, TEXT("outcome"), text_of(a->outcome != OUTCOME_NONE ? attempt_outcome_name(a) : "ok"));
    write_times(a, w);
    if (a->usage.source != USAGE_NONE && a != a->req->attempt) { /* the last one's are the request's */
        json_name(w, "usage");
        usage_write_log(&a->usage, w);
        put_cost(w, &a->price);
    }
    put_some(w, TEXT("ending"), ending_name(a->ending));
    put_some(w, TEXT("why"), text_of(a->failure_text));
    put_some(w, TEXT("said"), a->said);
    put_some(w, TEXT("code"), a->said_code);
    put_some(w, TEXT("upstream_id"), a->request_id);
    json_close(w);
}

static void write_attempts(const struct request *req, struct json_writer *w)
{
    const struct attempt *list[ATTEMPTS_MOST];
    size_t n = 0;
    for (const struct attempt *a = req->attempt; a != NULL && n < ATTEMPTS_MOST; a = a->previous)
        list[n++] = a;
    json_name(w, "attempts");
    json_array(w);
    while (n > 0)
        write_attempt(list[--n], w);
    json_close(w);
}

/* Whose it is. A key that was refused is named too: only the client is not reported which of the reasons it was. */
static void write_who(const struct request *req, struct json_writer *w)
{
    const struct config_key *key = req->key != NULL ? req->key : req->refused_key;
    put(w, TEXT("key"), key != NULL ? key->name : TEXT_NONE);
    put_some(w, TEXT("key_refused"), text_of(req->key_refused));
    put(w, TEXT("team"), req->team->name);
    put_some(w, TEXT("project"), req->whose.project);
    put_some(w, TEXT("tags"), req->whose.tags);
    put_some(w, TEXT("user"), req->whose.user);
    put_some(w, TEXT("session"), req->whose.session);
    put_some(w, TEXT("client"), text_of(req->whose.client));
    put(w, TEXT("peer"), req->peer);
}

static void write_dropped(const struct request *req, struct json_writer *w)
{
    const struct attempt *a = req->attempt;
    if (a == NULL || (a->call.dropped == NULL && attempt_left_out(a) == NULL && req->answer.unshown == NULL))
        return;
    json_name(w, "dropped");
    json_array(w);
    for (const struct ask_dropped *d = attempt_left_out(a); d != NULL; d = d->next)
        json_put_str(w, d->member);
    for (const struct ask_dropped *d = req->answer.unshown; d != NULL; d = d->next)
        json_put_str(w, d->member);
    for (const struct call_dropped *d = a->call.dropped; d != NULL; d = d->next)
        json_put_str(w, d->member);
    json_close(w);
}

static void write_error(const struct request *req, struct json_writer *w)
{
    if (req->failed_row == NULL && req->reply != REPLY_BROKEN)
        return;
    json_name(w, "error");
    json_object(w);
    put(w, TEXT("code"), text_of(req->fail.code));
    put(w, TEXT("text"), text_of(req->fail.text));
    json_close(w);
}

/* What a budget was asked and had, so that a reader of the ledger can do the sum again. */
static void write_refusal(const struct request *req, struct json_writer *w)
{
    const struct request_refusal *r = &req->refusal;
    char usd[NANO_TEXT];
    if (r->of == NULL)
        return;
    json_name(w, "budget");
    json_object(w);
    put(w, TEXT("of"), text_of(r->of));
    put(w, TEXT("most_usd"), text_of(nano_write(r->hard, 0, usd)));
    put(w, TEXT("left_usd"), text_of(nano_write(r->left, 0, usd)));
    put_int(w, TEXT("after_record"), (int64_t)r->after);
    json_close(w);
}

static void write_cache(const struct cached *c, const char *word, struct json_writer *w)
{
    char usd[NANO_TEXT];
    put(w, TEXT("cache"), text_of(word));
    put_some(w, TEXT("cache_bars"), text_of(c->bars));
    if (c->key[0] != '\0')
        put(w, TEXT("cache_entry"), (struct text){ c->key, CACHE_KEY_NAME });
    if (c->state >= CACHED_HIT && c->saved_known)
        put(w, TEXT("saved_usd"), text_of(nano_write(c->saved, 0, usd)));
}

static void write_answer(const struct request *req, const struct line_sums *sums, struct json_writer *w)
{
    const struct attempt *a = req->attempt;
    put_bool(w, TEXT("fallback"), sums->fallback);
    json_name(w, "usage");
    usage_write_log(&req->usage, w);
    put_cost(w, &req->cost);
    put(w, TEXT("finish"), a != NULL ? a->finish : TEXT_NONE);
    if (a != NULL && a->cached != NULL)
        write_cache(a->cached, cached_word(a), w);
    json_name(w, "first_token_ms");
    if (req->first_token_ns >= 0)
        json_put_int(w, req->first_token_ns / CLOCK_MS);
    else
        json_put_null(w);
    put_int(w, TEXT("duration_ms"), sums->duration_ns / CLOCK_MS);
    if (req->queued_ns > 0)
        put_int(w, TEXT("queued_ms"), req->queued_ns / CLOCK_MS);
    put_int(w, TEXT("overhead_us"), sums->overhead_ns / 1000);
    put_int(w, TEXT("bytes_in"), (int64_t)req->bytes_in);
    put_int(w, TEXT("bytes_out"), (int64_t)(req->bytes_out + req->body_out.len + req->tail_bytes.len));
}

void line_write(struct request *req, const struct line_sums *sums)
{
    struct text model = req->ask.model;
    struct buf line;
    struct json_writer w;
    char stamp[32];
    size_t room;

    if (model.len > MODEL_MOST)
        model.len = MODEL_MOST;
    clock_rfc3339(clock_unix_ms(), stamp);
    buf_init(&line, 64u << 10);
    buf_room(&line, LINE_MOSTLY, &room);
    json_writer_init(&w, &line);
    json_object(&w);
    put(&w, TEXT("time"), text_of(stamp));
    put(&w, TEXT("id"), text_of(req->id));
    put_some(&w, TEXT("client_id"), req->client_id);
    put_some(&w, TEXT("parent"), text_of(req->parent_id));
    write_who(req, &w);
    put(&w, TEXT("face"), text_of(req->face->name));
    put(&w, TEXT("operation"), text_of(plugin_operation_name(req->operation)));
    put(&w, TEXT("model"), model);
    put_bool(&w, TEXT("stream"), req->attempt != NULL ? req->attempt->streams : req->ask.stream);
    put_int(&w, TEXT("status"), sums->status);
    write_error(req, &w);
    write_refusal(req, &w);
    write_attempts(req, &w);
    write_answer(req, sums, &w);
    if (req->policy != NULL)
        policy_line(req, &w);
    put(&w, TEXT("config"), (struct text){ req->config->digest, CONFIG_DIGEST_SHOWN });
    put(&w, TEXT("row"), text_of(req->failed_row != NULL ? req->failed_row : "finish"));
    write_dropped(req, &w);
    json_close(&w);
    if (json_end(&w) == 0)
        access_line(req->worker->gateway->access, req->worker->index, buf_view(&line));
    buf_free(&line);
}
