/* settle.c - the end of a request in the books: usage, counters, the line of the access log. It runs before the
 * client sees the end, so that who reads the log after an answer finds the request there. */
#include "base/clock.h"
#include "flow/access.h"
#include "flow/metrics.h"
#include "flow/way.h"

/* Where nobody told the usage: from what passed. About four bytes of JSON text a token in; one frame a token out. */
static void estimate(struct request *req)
{
    const struct attempt *a = req->attempt;
    if (a == NULL || !a->has_event)
        return;
    if (req->usage.source == USAGE_TOLD && req->usage.partial && a->frames > 0) {
        req->usage.source = USAGE_COUNTED; /* the input was told at the start, the end with the output never came */
        req->usage.output = a->frames;
    }
    if (req->usage.source != USAGE_NONE)
        return;
    req->usage.source = a->streamed || a->mode == MODE_LOCAL ? USAGE_COUNTED : USAGE_ESTIMATED;
    req->usage.input = (int64_t)(req->bytes_in + 3) / 4;
    req->usage.output = a->streamed || a->mode == MODE_LOCAL ? a->frames : (int64_t)(req->body_out.len + 3) / 4;
}

static void put(struct json_writer *w, const char *name, struct text value)
{
    json_key_plain(w, text_of(name));
    if (value.ptr != NULL)
        json_put_str(w, value);
    else
        json_put_null(w);
}

static void put_int(struct json_writer *w, const char *name, int64_t value)
{
    json_key_plain(w, text_of(name));
    json_put_int(w, value);
}

static void write_attempts(const struct request *req, struct json_writer *w)
{
    const struct attempt *list[16];
    size_t n = 0;
    for (const struct attempt *a = req->attempt; a != NULL && n < 16; a = a->previous)
        list[n++] = a;
    json_name(w, "attempts");
    json_array(w);
    while (n > 0) {
        const struct attempt *a = list[--n];
        int64_t end = a->ended_ns != 0 ? a->ended_ns : clock_ns();
        json_object(w);
        put(w, "provider", a->target->provider->name);
        put(w, "model", a->target->model);
        put_int(w, "status", a->status);
        put(w, "outcome", text_of(a->outcome != NULL ? a->outcome : "ok"));
        put_int(w, "ms", (end - a->started_ns) / CLOCK_MS);
        if (a->failure_text != NULL)
            put(w, "why", text_of(a->failure_text));
        if (a->request_id.len > 0)
            put(w, "upstream_id", a->request_id);
        json_close(w);
    }
    json_close(w);
}

static void write_line(struct request *req, int status, int64_t now, int64_t overhead_ns)
{
    struct buf line;
    struct json_writer w;
    char stamp[32];
    const struct attempt *a = req->attempt;
    bool bad = req->failed || req->broken;

    clock_rfc3339(clock_unix_ms(), stamp);
    buf_init(&line, 64u << 10);
    json_writer_init(&w, &line);
    json_object(&w);
    put(&w, "time", text_of(stamp));
    put(&w, "id", text_of(req->id));
    if (req->client_id.len > 0)
        put(&w, "client_id", req->client_id);
    put(&w, "key", req->key != NULL ? req->key->name : TEXT_NONE);
    put(&w, "team", req->team->name);
    put(&w, "peer", req->peer);
    put(&w, "face", text_of(req->face->name));
    put(&w, "operation", text_of(plugin_operation_name(req->operation)));
    put(&w, "model", req->ask.model.len > 256 ? (struct text){ req->ask.model.ptr, 256 } : req->ask.model);
    json_name(&w, "stream");
    json_put_bool(&w, req->ask.stream);
    put_int(&w, "status", status);
    if (bad) {
        json_name(&w, "error");
        json_object(&w);
        put(&w, "code", text_of(req->fail.code));
        put(&w, "text", text_of(req->fail.text));
        json_close(&w);
    }
    write_attempts(req, &w);
    json_name(&w, "fallback");
    json_put_bool(&w, req->target_next > 1);
    json_name(&w, "usage");
    usage_write_log(&req->usage, &w);
    put(&w, "finish", a != NULL ? a->finish : TEXT_NONE);
    json_name(&w, "first_token_ms");
    if (req->first_token_ns >= 0)
        json_put_int(&w, req->first_token_ns / CLOCK_MS);
    else
        json_put_null(&w);
    put_int(&w, "duration_ms", (now - req->started_ns) / CLOCK_MS);
    put_int(&w, "overhead_us", overhead_ns / 1000);
    put_int(&w, "bytes_in", (int64_t)req->bytes_in);
    put_int(&w, "bytes_out", (int64_t)(req->bytes_out + req->body_out.len + req->tail_bytes.len));
    put(&w, "row", text_of(req->failed_row != NULL ? req->failed_row : "finish"));
    if (a != NULL && (a->call.dropped != NULL || attempt_left_out(a) != NULL || req->answer.unshown != NULL)) {
        json_name(&w, "dropped");
        json_array(&w);
        for (const struct ask_dropped *d = attempt_left_out(a); d != NULL; d = d->next)
            json_put_str(&w, d->member);
        for (const struct ask_dropped *d = req->answer.unshown; d != NULL; d = d->next)
            json_put_str(&w, d->member);
        for (const struct call_dropped *d = a->call.dropped; d != NULL; d = d->next)
            json_put_str(&w, d->member);
        json_close(&w);
    }
    json_close(&w);
    if (json_end(&w) == 0)
        access_line(req->worker->gateway->access, req->worker->index, buf_view(&line));
    buf_free(&line);
}

/* Row "settle". */
enum next settle_run(struct request *req)
{
    struct gateway *gateway = req->worker->gateway;
    struct attempt *a = req->attempt;
    int64_t now = clock_ns();
    int status = req->gone ? req->fail.status : !req->failed ? req->status : req->begun ? 200 : error_status(&req->fail, req->face->errors);

    answer_ping_stop(req);
    if (a != NULL) {
        if (a->ended_ns == 0)
            a->ended_ns = now;
        if (a->outcome == NULL)
            a->outcome = !req->failed ? "ok" : req->gone ? "cancelled" : "failed";
        if (!a->counted) /* a judged failure was counted when it was judged */
            metrics_count_attempt(gateway->metrics, req->worker->index, a->target->provider->name, a->outcome);
        attempt_close(a);
    }
    estimate(req);
    int64_t overhead = now - req->begun_ns - req->waited_ns + req->relay_ns;
    metrics_count_request(gateway->metrics, req->worker->index,
                          &(struct metrics_request){
                              .face = req->face->name,
                              .provider = a != NULL ? a->target->provider->name : TEXT(""),
                              .model = req->model_label.len > 0 ? req->model_label : TEXT("other"),
                              .team = req->team->name,
                              .status = status,
                              .streamed = req->ask.stream,
                              .duration_ns = now - req->started_ns,
                              .overhead_ns = overhead,
                              .first_token_ns = req->first_token_ns,
                              .usage = &req->usage,
                              .attempts = req->attempts_made,
                              .fell_back = req->target_next > 1,
                          });
    write_line(req, status, now, overhead);
    if (req->counted)
        atomic_fetch_sub_explicit(&gateway->in_flight, 1, memory_order_relaxed);
    req->counted = false;
    return NEXT;
}
