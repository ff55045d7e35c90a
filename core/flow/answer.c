/* answer.c - what the client gets: a stream that begins, a whole answer, or an error in its own shape; and its last byte. */
#include <stdlib.h>

#include "base/large.h"
#include "canon/error.h"
#include "flow/answer_head.h"
#include "flow/attempt.h"
#include "flow/shadow.h"
#include "flow/sink.h"
#include "flow/spend.h"
#include "flow/way.h"

void answer_begin_stream(struct request *req, bool decided)
{
    struct answer_head h = { .count = 0 };
    if (req->reply >= REPLY_BEGUN || req->gone)
        return;
    req->reply = REPLY_BEGUN;
    req->status = 200;
    answer_head_add(&h, "Content-Type", "text/event-stream; charset=utf-8");
    answer_head_common(req, &h);
    throttle_head(req, &h);
    answer_head_add(&h, "X-Accel-Buffering", "no");
    if (decided && attempt_has_spoken(req->attempt)) { /* else a ping begins it, and the target may still change */
        answer_head_success(req, &h);
        cached_head(req, &h);
        budget_head(req, &h);
    }
    req->door->begin(req->client, 200, h.all, h.count);
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

enum next answer_own_stream(struct request *req)
{
    struct answer_head h = { .count = 0 };
    if (req->tail_bytes.failed) {
        error_set(&req->fail, E_OVERLOAD, "the answer needs more memory than limits.answer_mb allows");
        return FAIL;
    }
    if (req->attempt != NULL) { /* in the place of its answer; a ping may have begun the stream */
        answer_begin_stream(req, true);
        req->reply = REPLY_RELAYING;
        return DONE;
    }
    answer_head_add(&h, "Content-Type", "text/event-stream; charset=utf-8");
    answer_head_common(req, &h);
    throttle_head(req, &h);
    answer_head_add(&h, "X-Accel-Buffering", "no");
    req->door->begin(req->client, 200, h.all, h.count);
    req->reply = REPLY_RELAYING;
    req->status = 200;
    return DONE;
}

static enum next too_large(struct attempt *a, struct fail *fail)
{
    struct request *req = a->req;
    buf_free(&req->body_out);
    a->outcome = OUTCOME_TOO_LARGE;
    error_set(fail, E_UPSTREAM, "the provider \"%.*s\" answered with more than limits.answer_mb allows",
              TEXT_ARG(a->target->provider->name));
    return FAIL;
}

/* A whole answer as it came, or as the client asked for it. */
static enum next take_whole(struct attempt *a, struct fail *fail)
{
    struct request *req = a->req;
    req->body_type = a->content_type.len > 0 ? arena_str(&req->arena, a->content_type) : "application/json";
    if (req->face->fix_encoding != NULL &&
        req->face->fix_encoding(&req->arena, &req->ask, buf_view(&a->whole), &req->body_out))
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
    if (req->face->fix_encoding != NULL &&
        req->face->fix_encoding(&req->arena, &req->ask, buf_view(&req->body_out), &other)) {
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
    if (a->streams)
        return NEXT;
    size_t passes = req->face->fix_encoding != NULL ? a->whole.len : 0;
    return job_run(req, a->mode == MODE_RELAY ? passes : a->folded, fold);
}

static const struct wait_kind for_end = { .name = "end", .cancel = attempt_call_off };

/* Row "answer.relay": a stream begins, and ends when its end came. */
enum next answer_relay(struct request *req)
{
    struct attempt *a = req->attempt;
    shadow_take(req);
    if (!a->streams)
        return req->restoring != NULL ? job_result(req) : NEXT;
    answer_begin_stream(req, true);
    req->reply = REPLY_RELAYING;
    sink_open(req);
    sink_write(req, buf_view(&a->out));
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
    struct answer_head h = { .count = 0 };
    struct fail *fail = &req->fail;
    struct buf out;
    size_t len;
    buf_init(&out, 64u << 10);
    if (req->reply >= REPLY_BEGUN) { /* a 200 was sent with a keep-alive comment */
        req->face->dialect->write_error_event(fail, text_of(req->id), &out);
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
    req->face->dialect->write_error(fail, text_of(req->id), &out);
    req->status = req->face->dialect->error_status(fail);
    answer_head_add(&h, "Content-Type", "application/json");
    answer_head_common(req, &h);
    throttle_head(req, &h);
    if (fail->should_retry >= 0)
        answer_head_add(&h, "x-should-retry", fail->should_retry ? "true" : "false");
    if (fail->retry_after_s > 0)
        answer_head_add(&h, "Retry-After", arena_printf(&req->arena, "%d", fail->retry_after_s));
    budget_head_spent(req, &h);
    if (req->status == 405)
        answer_head_add(&h, "Allow", arena_str(&req->arena, req->allow));
    if (req->attempts_made > 0)
        answer_head_add(&h, "x-gw-attempts", answer_head_attempts(req));
    if (out.failed) /* the status is all that there is memory for */
        buf_free(&out);
    char *body = buf_take(&out, &len);
    req->bytes_out = len;
    req->door->answer(req->client, req->status, h.all, h.count, (struct text){ body, len }, free, body, fail->close);
}

static void finish_whole(struct request *req)
{
    struct answer_head h = { .count = 0 };
    size_t len;
    answer_head_add(&h, "Content-Type", req->body_type);
    answer_head_common(req, &h);
    throttle_head(req, &h);
    answer_head_success(req, &h);
    cached_head(req, &h);
    if (req->body_note != NULL)
        answer_head_add(&h, req->body_note->name, req->body_note->value);
    const char *cost = price_header(req);
    if (cost != NULL)
        answer_head_add(&h, "x-gw-cost", cost);
    budget_head(req, &h);
    char *body = buf_take(&req->body_out, &len);
    req->door->answer(req->client, req->status, h.all, h.count, (struct text){ body, len }, large_free_any, body,
                      false);
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
