/* answer.c - what the client gets: the head of a stream, its bytes, a whole answer, or an error in its own shape. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/large.h"
#include "canon/error.h"
#include "flow/spend.h"
#include "flow/way.h"

#define HEADERS_MAX 20
#define TAIL_MOST (16u << 10) /* of a stream is kept back until it is settled */
#define AGAIN_NS (5 * CLOCK_MS)

struct headers {
    struct door_header all[HEADERS_MAX];
    size_t count;
};

static void add(struct headers *h, const char *name, const char *value)
{
    BUG_IF(h->count == HEADERS_MAX);
    h->all[h->count++] = (struct door_header){ name, value };
}

static void add_common(struct request *req, struct headers *h)
{
    add(h, "x-request-id", req->id);
    add(h, "request-id", req->id);
    add(h, "Cache-Control", "private, no-store");
}

enum { SHOWN_MOST = 512, NAMES_MOST = 2048 };

/* What others wrote, as a header's value: bytes that are not visible ASCII are percent-encoded, and a long text is cut. Arena. */
static const char *shown(struct request *req, struct text t)
{
    size_t len = t.len < SHOWN_MOST ? t.len : SHOWN_MOST, n = 0;
    char *out = arena_alloc(&req->arena, 3 * len + 1);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)t.ptr[i];
        if (c > 0x20 && c < 0x7f && c != '%')
            out[n++] = (char)c;
        else
            n += (size_t)snprintf(out + n, 4, "%%%02X", c);
    }
    out[n] = '\0';
    return out;
}

/* One more name of a list; those for which there is no room are "others". */
static void add_name(struct request *req, struct text member, struct buf *names)
{
    const char *name = shown(req, member);
    if (names->len + strlen(name) + 2 > NAMES_MOST)
        name = "others";
    if (text_ends(buf_view(names), TEXT(", others")))
        return;
    buf_printf(names, "%s%s", names->len > 0 ? ", " : "", name);
}

/* What was dropped on the way to this provider, as a header: "logit_bias, seed". */
static void add_dropped(struct request *req, const struct attempt *a, struct headers *h)
{
    struct buf names;
    if (a->call.dropped == NULL && attempt_left_out(a) == NULL && req->answer.unshown == NULL)
        return;
    buf_init(&names, NAMES_MOST + 64);
    for (const struct ask_dropped *d = attempt_left_out(a); d != NULL; d = d->next)
        add_name(req, d->member, &names);
    for (const struct ask_dropped *d = req->answer.unshown; d != NULL; d = d->next)
        add_name(req, d->member, &names);
    for (const struct call_dropped *d = a->call.dropped; d != NULL; d = d->next)
        add_name(req, d->member, &names);
    add(h, "x-gw-dropped", arena_str(&req->arena, buf_view(&names)));
    buf_free(&names);
}

static const char *attempts_text(struct request *req)
{
    return req->attempts_made == 1 ? "1" : arena_printf(&req->arena, "%u", req->attempts_made);
}

static void add_success(struct request *req, struct headers *h)
{
    const struct attempt *a = req->attempt;
    if (a == NULL)
        return;
    add(h, "x-gw-provider", a->target->provider->name.ptr);
    add(h, "x-gw-model", shown(req, a->target->model));
    add(h, "x-gw-attempts", attempts_text(req));
    if (a->request_id.len > 0)
        add(h, "x-gw-upstream-request-id", shown(req, a->request_id));
    add_dropped(req, a, h);
}

void answer_begin_stream(struct request *req)
{
    struct headers h = { .count = 0 };
    if (req->reply >= REPLY_BEGUN || req->gone)
        return;
    req->reply = REPLY_BEGUN;
    req->status = 200;
    add(&h, "Content-Type", "text/event-stream; charset=utf-8");
    add_common(req, &h);
    add(&h, "X-Accel-Buffering", "no");
    if (attempt_has_spoken(req->attempt)) /* else a ping begins it, and the target may still change */
        add_success(req, &h);
    req->door->begin(req->client, 200, h.all, h.count);
}

/* As much as the client takes now. Returns what is left. */
static struct text give(struct request *req, struct text bytes)
{
    while (bytes.len > 0 && !req->paused) {
        size_t len = bytes.len < DOOR_HIGH_MARK ? bytes.len : DOOR_HIGH_MARK;
        size_t waiting = req->door->write(req->client, (struct text){ bytes.ptr, len });
        req->bytes_out += len;
        req->last_write_ns = req->worker->loop.now_ns;
        bytes = (struct text){ bytes.ptr + len, bytes.len - len };
        req->paused = waiting > DOOR_HIGH_MARK;
    }
    if (req->paused && req->attempt->transfer != NULL)
        transfer_pause(req->attempt->transfer);
    return bytes;
}

void answer_write(struct request *req, struct text bytes)
{
    if (req->gone || bytes.len == 0 || req->pending.failed)
        return;
    if (req->pending.len == 0)
        bytes = give(req, bytes);
    if (buf_text(&req->pending, bytes) < 0)
        relay_overflow(req->attempt);
}

void answer_drained(struct request *req)
{
    struct attempt *a = req->attempt;
    if (req->gone || a == NULL || req->finished)
        return;
    buf_consume(&req->pending, req->pending.len - give(req, buf_view(&req->pending)).len);
    if (req->paused)
        return;
    if (!attempt_is_over(a))
        attempt_resume(a);
    else if (req->reply >= REPLY_RELAYING)
        wait_end(req, a->wait); /* its end waited for this */
}

static void on_ping(struct loop_timer *timer)
{
    struct request *req = (struct request *)(void *)((char *)timer - offsetof(struct request, ping));
    int64_t due = req->last_write_ns + req->config->limits.ping_ns;
    int64_t now = clock_ns();
    if (job_is_out(req)) { /* the answer is the job's: a moment later, then */
        due = now + AGAIN_NS;
    } else if (now >= due && !req->paused) {
        answer_begin_stream(req);
        answer_write(req, req->face->ping);
        req->last_write_ns = now;
        due = now + req->config->limits.ping_ns;
    } else if (now >= due) {
        due = now + req->config->limits.ping_ns;
    }
    loop_timer_set(&req->worker->loop, timer, due);
}

void answer_ping_start(struct request *req)
{
    if (req->config->limits.ping_ns <= 0 || req->ping.slot != 0)
        return;
    req->ping.on_time = on_ping;
    req->last_write_ns = clock_ns();
    loop_timer_set(&req->worker->loop, &req->ping, req->last_write_ns + req->config->limits.ping_ns);
}

void answer_ping_stop(struct request *req)
{
    loop_timer_clear(&req->worker->loop, &req->ping);
}

enum next answer_own(struct request *req)
{
    if (req->body_out.failed) {
        error_set(&req->fail, E_OVERLOAD, "the answer needs more memory than limits.answer_mb allows");
        return FAIL;
    }
    req->body_type = "application/json";
    req->status = 200;
    return DONE;
}

/* The whole end cannot be held: an error in its place. */
static void end_short(struct attempt *a)
{
    struct request *req = a->req;
    relay_overflow(a);
    req->fail = a->error;
    req->reply = REPLY_BROKEN;
    buf_free(&req->tail_bytes);
    error_write_event(&req->fail, req->face->errors, text_of(req->id), &req->tail_bytes);
}

bool answer_end_stream(struct attempt *a)
{
    struct request *req = a->req;
    struct text id = text_of(req->id);
    if (a->saw_end_mark) /* its readers wait for the blank line, and what we add must be an event of its own */
        buf_text(&req->tail_bytes, a->lacks);
    else
        answer_write(req, a->lacks);
    if (attempt_has_failed(a)) {
        req->fail = a->error;
        req->reply = REPLY_BROKEN;
        if (a->mode != MODE_RELAY || a->error_from != ERROR_FROM_EVENT) /* else its own event was passed on */
            error_write_event(&req->fail, req->face->errors, id, &req->tail_bytes);
    } else if (a->failure != TRANSFER_OK) {
        error_set(&req->fail, E_STREAM, "the provider \"%.*s\" broke off in the middle of its answer (%s)",
                  TEXT_ARG(a->target->provider->name), transfer_failure_text(a->failure));
        a->outcome = transfer_failure_name(a->failure);
        req->reply = REPLY_BROKEN;
        buf_free(&req->tail_bytes);
        error_write_event(&req->fail, req->face->errors, id, &req->tail_bytes);
    } else if (!a->saw_end_mark && a->finishes == 0 && req->face->dialect != GW_DIALECT_OTHER) {
        error_set(&req->fail, E_STREAM_INCOMPLETE, "the provider \"%.*s\" ended its answer without saying that it was complete",
                  TEXT_ARG(a->target->provider->name));
        a->outcome = "incomplete";
        req->reply = REPLY_BROKEN;
        error_write_event(&req->fail, req->face->errors, id, &req->tail_bytes);
    } else if (a->mode != MODE_RELAY) {
        req->face->stream_end(&req->answer, &req->tail_bytes);
    } else if (!a->saw_end_mark) { /* it did say why the model stopped: all that is missing is the mark */
        buf_text(&req->tail_bytes, req->face->end);
    }
    if (req->reply != REPLY_BROKEN && (req->tail_bytes.failed || req->pending.failed || req->arena.full))
        end_short(a);
    if (req->tail_bytes.len > TAIL_MOST) { /* blocks that were not complete before */
        size_t front = req->tail_bytes.len - TAIL_MOST;
        answer_write(req, (struct text){ buf_view(&req->tail_bytes).ptr, front });
        buf_consume(&req->tail_bytes, front);
    }
    return req->gone || req->pending.len == 0;
}

static enum next too_large(struct attempt *a, struct fail *fail)
{
    struct request *req = a->req;
    buf_free(&req->body_out);
    a->outcome = "too_large";
    error_set(fail, E_UPSTREAM, "the provider \"%.*s\" answered with more than limits.answer_mb allows",
              TEXT_ARG(a->target->provider->name));
    return FAIL;
}

/* A whole answer as it came, or as the client asked for it. */
static enum next take_whole(struct attempt *a, struct fail *fail)
{
    struct request *req = a->req;
    req->body_type = a->content_type.len > 0 ? arena_str(&req->arena, a->content_type) : "application/json";
    if (req->face->convert != NULL && req->face->convert(&req->arena, &req->ask, buf_view(&a->whole), &req->body_out))
        return NEXT;
    if (req->body_out.failed)
        return too_large(a, fail);
    buf_free(&req->body_out);
    req->body_out = a->whole;
    buf_init(&a->whole, 0);
    return NEXT;
}

/* A whole answer from events. */
static enum next fold_whole(struct attempt *a, struct fail *fail)
{
    struct request *req = a->req;
    struct buf other;
    req->body_type = "application/json";
    if (a->folded > req->config->limits.answer_bytes || !req->face->fold_end(&req->answer, &req->body_out))
        return too_large(a, fail);
    buf_init(&other, req->config->limits.answer_bytes);
    if (req->face->convert != NULL && req->face->convert(&req->arena, &req->ask, buf_view(&req->body_out), &other)) {
        buf_free(&req->body_out);
        req->body_out = other;
        return NEXT;
    }
    bool failed = other.failed;
    buf_free(&other);
    return failed ? too_large(a, fail) : NEXT;
}

/* May be a job. */
static enum next fold(struct request *req, struct arena *scratch, struct fail *fail)
{
    struct attempt *a = req->attempt;
    (void)scratch;
    req->status = a->status;
    return a->mode == MODE_RELAY ? take_whole(a, fail) : fold_whole(a, fail);
}

/* Row "answer.fold": the attempt is good. A whole answer is made ready. */
enum next answer_fold(struct request *req)
{
    const struct attempt *a = req->attempt;
    if (req->ask.stream)
        return NEXT;
    size_t passes = req->face->convert != NULL ? a->whole.len : 0;
    return job_run(req, a->mode == MODE_RELAY ? passes : a->folded, fold);
}

static const struct wait_kind for_end = { .name = "end", .cancel = attempt_call_off };

/* Row "answer.relay": a stream begins, and ends when its end came. */
enum next answer_relay(struct request *req)
{
    struct attempt *a = req->attempt;
    if (!req->ask.stream)
        return job_result(req);
    answer_begin_stream(req);
    req->reply = REPLY_RELAYING;
    answer_write(req, buf_view(&a->out));
    buf_free(&a->out);
    if (attempt_is_over(a) && answer_end_stream(a))
        return NEXT;
    a->wait = wait_begin(req, &for_end);
    /* The request's body is kept no longer than a replay may need it: not after the first event. */
    if (a->mode == MODE_RELAY && a->transfer != NULL && transfer_body_done(a->transfer)) {
        body_drop(req);
        req->ask.body = TEXT_NONE;
        req->ask.scan.count = 0; /* its members were lent from the body */
    }
    return WAIT;
}

static void finish_error(struct request *req)
{
    struct headers h = { .count = 0 };
    struct fail *fail = &req->fail;
    struct buf out;
    size_t len;
    buf_init(&out, 64u << 10);
    if (req->reply >= REPLY_BEGUN) { /* a 200 was sent with a keep-alive comment */
        error_write_event(fail, req->face->errors, text_of(req->id), &out);
        if (out.failed || req->pending.len > 0 || req->pending.failed) {
            req->door->abort(req->client); /* nothing can follow what is missing */
        } else {
            req->door->write(req->client, buf_view(&out));
            req->bytes_out += out.len;
            req->door->end(req->client);
        }
        buf_free(&out);
        return;
    }
    error_write(fail, req->face->errors, text_of(req->id), &out);
    req->status = error_status(fail, req->face->errors);
    add(&h, "Content-Type", "application/json");
    add_common(req, &h);
    if (fail->should_retry >= 0)
        add(&h, "x-should-retry", fail->should_retry ? "true" : "false");
    if (fail->retry_after_s > 0)
        add(&h, "Retry-After", arena_printf(&req->arena, "%d", fail->retry_after_s));
    if (req->status == 405)
        add(&h, "Allow", arena_str(&req->arena, req->allow));
    if (req->attempts_made > 0)
        add(&h, "x-gw-attempts", attempts_text(req));
    if (out.failed) /* the status is all that there is memory for */
        buf_free(&out);
    char *body = buf_take(&out, &len);
    req->bytes_out = len;
    req->door->answer(req->client, req->status, h.all, h.count, (struct text){ body, len }, free, body, fail->close);
}

static void finish_whole(struct request *req)
{
    struct headers h = { .count = 0 };
    size_t len;
    add(&h, "Content-Type", req->body_type);
    add_common(req, &h);
    add_success(req, &h);
    if (req->body_note != NULL)
        add(&h, req->body_note->name, req->body_note->value);
    const char *cost = price_header(req);
    if (cost != NULL)
        add(&h, "x-gw-cost", cost);
    const char *left = spend_left(req);
    if (left != NULL)
        add(&h, "x-gw-budget-remaining", left);
    char *body = buf_take(&req->body_out, &len);
    req->door->answer(req->client, req->status, h.all, h.count, (struct text){ body, len }, large_free_any, body, false);
}

/* The end of a stream; where it could not be held, not even the error that takes its place, the connection is cut. */
static void end_body(struct request *req)
{
    bool complete = !req->tail_bytes.failed && !req->pending.failed;
    struct text tail = buf_view(&req->tail_bytes);
    if (complete && tail.len > 0)
        req->door->write(req->client, tail);
    req->bytes_out += tail.len;
    if (complete)
        req->door->end(req->client);
    else
        req->door->abort(req->client);
}

/* Row "finish": the last byte. Everything is settled. */
enum next answer_finish(struct request *req)
{
    req->finished = true;
    if (!req->gone) {
        if (req->failed_row != NULL) {
            finish_error(req);
        } else if (req->reply >= REPLY_RELAYING) {
            end_body(req);
        } else {
            finish_whole(req);
        }
    }
    body_drop(req);
    buf_free(&req->pending);
    buf_free(&req->tail_bytes);
    request_free(req);
    return NEXT;
}
