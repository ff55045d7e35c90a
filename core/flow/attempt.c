/* attempt.c - one try at one target: it is chosen, sent, called off; and what its state may become. */
#include "flow/attempt.h"
#include "flow/deadline.h"

#include "base/clock.h"
#include "base/large.h"
#include "flow/drain.h"
#include "flow/join.h"
#include "flow/retry.h"
#include "flow/silent.h"
#include "flow/spend.h"
#include "flow/stream.h"
#include "flow/way.h"

#define OVERTIME_NS (100 * CLOCK_MS) /* how long the end of the body may take after the end mark */

/* From where to where. */
static const bool turns[4][4] = {
    [ATTEMPT_OPENING] = { [ATTEMPT_SPEAKING] = true, [ATTEMPT_ENDED] = true, [ATTEMPT_FAILED] = true },
    [ATTEMPT_SPEAKING] = { [ATTEMPT_ENDED] = true, [ATTEMPT_FAILED] = true },
    [ATTEMPT_ENDED] = { [ATTEMPT_FAILED] = true },
    [ATTEMPT_FAILED] = { [ATTEMPT_FAILED] = true }, /* the last reason counts */
};

void attempt_turn(struct attempt *a, enum attempt_state state)
{
    BUG_IF(!turns[a->state][state]);
    a->state = state;
    if (state != ATTEMPT_SPEAKING)
        return;
    a->spoke_ns = clock_ns();
    silent_heard(a);
    deadline_spoke(a);
}

void attempt_end(struct attempt *a)
{
    if (a->state < ATTEMPT_ENDED)
        attempt_turn(a, ATTEMPT_ENDED);
}

const char *attempt_outcome_name(const struct attempt *a)
{
    switch (a->outcome) {
    case OUTCOME_NONE:
        return NULL;
    case OUTCOME_STATUS:
        return arena_printf(&a->req->arena, "status_%d", a->outcome_status);
    case OUTCOME_ERROR:
        return arena_printf(&a->req->arena, "error_%d", a->outcome_status);
    case OUTCOME_TRANSFER:
        return transfer_failure_name(a->failure);
    default:
        return outcome_name(a->outcome);
    }
}

void attempt_fail(struct attempt *a, enum error_case which, enum outcome outcome, const char *text)
{
    error_set(&a->error, which, "the provider \"%.*s\" %s", TEXT_ARG(a->target->provider->name), text);
    attempt_turn(a, ATTEMPT_FAILED);
    a->error_from = ERROR_FROM_US;
    a->error_status = 502;
    a->error_fault = GW_FAULT_SERVER;
    a->outcome = outcome;
}

void attempt_overflow(struct attempt *a)
{
    if (!attempt_has_failed(a))
        attempt_fail(a, a->req->reply >= REPLY_RELAYING ? E_STREAM : E_UPSTREAM, OUTCOME_TOO_LARGE,
                     "answered with more than limits.answer_mb and limits.memory_mb allow");
}

/* Row "attempt.choose". */
enum next attempt_choose(struct request *req)
{
    BUG_IF(req->target_next >= req->target_count);
    if (req->attempts_made == 0)
        req->secret_turn = req->worker->turn++;
    return choose_target(req);
}

/* Row "attempt.begin". */
enum next attempt_begin(struct request *req)
{
    if (slot_waited(req)) {
        enum next next = slot_result(req) == FAIL ? choose_give_up(req) : choose_target(req);
        if (next == WAIT)
            req->row--; /* this row comes again */
        if (next != NEXT)
            return next;
    }
    struct attempt *a = arena_new(&req->arena, struct attempt);
    a->req = req;
    a->previous = req->attempt;
    a->target = &req->targets[req->target_next++];
    if (a->previous == NULL) {
        price_ask(req);
        whose_ask(req);
    }
    a->retry_after_s = -1;
    a->should_retry = -1;
    a->times.connection_ns = -1;
    req->answer.state = NULL; /* what a failed attempt wrote is nothing of this one's */
    req->answer.model = req->ask.model;
    req->usage = (struct usage){ 0 };
    buf_free(&req->tail_bytes);
    a->streams = req->ask.stream;
    a->started_ns = clock_ns();
    choose_begin(a);
    req->slot.granted = false;
    req->attempt = a;
    req->attempts_made++;
    return NEXT;
}

const struct ask_dropped *attempt_left_out(const struct attempt *a)
{
    /* The canonical form is used by who translates only; a chat body may have been rewritten before. */
    return a->mode != MODE_RELAY || a->req->face->decode_drops ? a->req->ask.dropped : NULL;
}

/* Row "attempt.build". */
enum next attempt_build(struct request *req)
{
    struct attempt *a = req->attempt;
    attempt_ask_describe(a);
    /* Only the bodies that pass can be large; what a failed attempt held is not needed any more. */
    buf_init(&a->whole, req->config->limits.answer_bytes);
    buf_init(&a->out, req->pending.max); /* a whole answer becomes events at once */
    a->charge = spend_charge(a);
    bool reads = a->mode != MODE_RELAY || a->charge != LEDGER_UNCHARGED; /* else a relay's body is not read again */
    return job_run(req, reads ? req->body.len : 0, attempt_ask_write);
}

bool attempt_call_off(struct request *req)
{
    if (!drain_wants(req->attempt))
        attempt_cancel(req->attempt);
    return true;
}

/* Ends the transfer, of which no event comes any more. */
static enum attempt_wire stop_transfer(struct attempt *a)
{
    if (a->transfer == NULL)
        return WIRE_UNSENT;
    enum attempt_wire over = transfer_was_sent(a->transfer) ? WIRE_OVER : WIRE_UNSENT;
    if (a->head_ns == 0)
        a->times = transfer_times(a->transfer);
    transfer_cancel(a->transfer);
    a->transfer = NULL;
    return over;
}

void attempt_cancel(struct attempt *a)
{
    enum attempt_wire over = stop_transfer(a);
    loop_timer_clear(&a->req->worker->loop, &a->timer);
    loop_timer_clear(&a->req->worker->loop, &a->late);
    join_leave(a);
    if (!attempt_is_over(a)) {
        join_done(a, false);
        a->wire = over;
        if (a->outcome == OUTCOME_NONE)
            a->outcome = OUTCOME_CANCELLED;
    }
    attempt_end(a);
    slot_give(a->req);
    if (a->ended_ns == 0)
        a->ended_ns = clock_ns();
}

void attempt_resume(struct attempt *a)
{
    if (a->transfer != NULL)
        transfer_resume(a->transfer);
    else if (a->mode == MODE_LOCAL && !attempt_is_over(a))
        loop_timer_set(&a->req->worker->loop, &a->timer, clock_ns());
    else
        join_resume(a);
}

void attempt_close(struct attempt *a)
{
    attempt_cancel(a);
    choose_end(a);
    if (a->form == FORM_FRAMES)
        framing_fini(&a->framing);
    if (a->http.call != NULL)
        call_http_fini(&a->http);
    a->http.call = NULL;
    buf_free(&a->whole);
    buf_free(&a->out);
}

void attempt_complete(struct attempt *a)
{
    a->wire = attempt_is_over(a) ? a->wire : WIRE_OVER;
    slot_give(a->req);
    if (a->ended_ns == 0)
        a->ended_ns = clock_ns();
    if (!attempt_is_unread(a))
        attempt_end(a);
    if (a->req->reply < REPLY_RELAYING || answer_end_stream(a))
        wait_end(a->req, a->wait);
}

static const struct wait_kind for_answer = { .name = "answer", .cancel = attempt_call_off };

/* Row "attempt.send". Waits for the first event of a stream, or for the whole answer. */
enum next attempt_send(struct request *req)
{
    struct attempt *a = req->attempt;
    if (attempt_has_failed(a) || req->arena.full)
        return NEXT;
    retry_sent(req);
    if (a->streams)
        answer_ping_start(req);
    a->wait = wait_begin(req, &for_answer);
    a->wire = WIRE_RUNS;
    if (attempt_is_joined(a)) {
        join_read(a);
        return WAIT;
    }
    if (a->clamped > 0 || a->mode == MODE_LOCAL) /* what it answers is for this client alone */
        join_abandon(req);
    if (attempt_is_hit(a)) {
        cached_replay(a); /* the wait is over with it */
        return WAIT;
    }
    if (a->mode == MODE_LOCAL) {
        local_start(a);
    } else {
        deadline_begin(a, clock_ns());
        a->transfer = transfer_start(req->worker->pool, &a->send, &attempt_arrivals, a);
    }
    silent_watch(a);
    return WAIT;
}

static void on_head(void *owner, int status, const struct transfer_header *headers, size_t count)
{
    struct attempt *a = owner;
    struct request *req = a->req;
    a->status = status;
    if (a->transfer != NULL)
        a->times = transfer_times(a->transfer);
    a->head_ns = clock_ns();
    bool plain = upstream_head_keep(a, headers, count);
    way_debug(req, "the provider \"%s\" answers with status %d", a->target->provider->name.ptr, status);
    if (!plain) {
        attempt_fail(a, E_UPSTREAM, OUTCOME_ENCODED, "compressed its answer though it was asked not to");
        attempt_cancel(a);
        wait_end(req, a->wait);
        return;
    }
    if (status < 200 || status > 299)
        return;
    bool events = text_starts_nocase(a->content_type, TEXT("text/event-stream"));
    uint32_t framing = stream_framing(a);
    if (events && req->face->canonical == NULL)
        a->streams = true; /* asked for in other words, or not at all: nobody could fold it, so it passes as it came */
    /* A whole answer in the place of messages shows by its type, and then by its first byte. */
    bool own = framing != GW_FRAMING_SSE && framing != GW_FRAMING_WHOLE &&
               !(framing == GW_FRAMING_EVENTSTREAM && text_starts_nocase(a->content_type, TEXT("application/json")));
    if (a->streams && (events || (a->mode == MODE_TRANSLATE && own)))
        stream_begin(a);
    else if (a->streams)
        a->form = FORM_UNDECIDED;
    else if (events) { /* not asked for as a stream: folded */
        a->mode = MODE_TRANSLATE;
        stream_begin(a);
    }
}

static void on_done(void *owner, enum transfer_failure failure, const char *why);

/* The answer is complete, and the upstream does not end the body. */
static void on_overtime(struct loop_timer *timer)
{
    struct attempt *a = (struct attempt *)(void *)((char *)timer - offsetof(struct attempt, timer));
    transfer_cancel(a->transfer);
    a->transfer = NULL;
    on_done(a, TRANSFER_OK, NULL);
}

static void on_body(void *owner, struct text bytes)
{
    struct attempt *a = owner;
    struct request *req = a->req;
    int64_t from = clock_ns();
    if (a->form == FORM_UNDECIDED) {
        struct text seen = text_trim(bytes);
        while (seen.len > 0 && (*seen.ptr == '\r' || *seen.ptr == '\n' || *seen.ptr == ' ')) {
            seen.ptr++;
            seen.len--;
        }
        if (seen.len > 0) {
            a->form = FORM_WHOLE;
            if (*seen.ptr != '{' && *seen.ptr != '[' && *seen.ptr != '<')
                stream_begin(a);
            else
                a->send.content_ns = 0; /* what comes is a whole answer */
        }
    }
    bool relaying = req->reply >= REPLY_RELAYING;
    cached_keep(a, bytes);
    if (a->form != FORM_FRAMES && a->whole.len == 0 &&
        a->announced >= LARGE_LEAST) { /* not by doubling, where it is known what comes */
        size_t room;
        buf_room(&a->whole, a->announced, &room);
    }
    if (a->form == FORM_FRAMES) {
        stream_feed(a, bytes);
    } else if (buf_text(&a->whole, bytes) < 0) {
        attempt_cancel(a);
        a->failure = TRANSFER_TOO_LARGE;
        attempt_complete(a);
    }
    if (a->saw_end_mark && a->transfer != NULL && !attempt_is_over(a) &&
        a->timer.slot == 0) { /* its last chunk is on the way, mostly; who shares an answer ends with who leads it */
        a->timer.on_time = on_overtime;
        loop_timer_set(&req->worker->loop, &a->timer, clock_ns() + OVERTIME_NS);
    }
    if (relaying && req->reply >= REPLY_RELAYING)
        req->relay_ns += clock_ns() - from;
}

/* Nothing more comes, by `failure`. */
static void end_transfer(struct attempt *a, enum attempt_wire wire, enum transfer_failure failure, const char *why)
{
    int64_t from = clock_ns();
    loop_timer_clear(&a->req->worker->loop, &a->timer);
    loop_timer_clear(&a->req->worker->loop, &a->late);
    join_leave(a);
    join_done(a, failure == TRANSFER_OK);
    if (a->head_ns == 0 && a->transfer != NULL)
        a->times = transfer_times(a->transfer);
    a->wire = wire;
    a->transfer = NULL;
    a->failure = failure;
    way_debug(a->req, "the answer has ended: %s%s%s", transfer_failure_name(failure), why != NULL ? ", " : "",
              why != NULL ? why : "");
    a->failure_text = why != NULL && !a->saw_end_mark ? arena_str(&a->req->arena, text_of(why)) : NULL;
    a->ended_ns = from;
    if (a->form == FORM_FRAMES)
        stream_finish(a, failure == TRANSFER_OK);
    attempt_complete(a);
}

static void on_done(void *owner, enum transfer_failure failure, const char *why)
{
    struct attempt *a = owner;
    if (a->saw_end_mark)
        failure = TRANSFER_OK; /* however it ended: all of the answer was there */
    /* NULL: all of the answer was there */
    bool sent = a->transfer == NULL || transfer_was_sent(a->transfer);
    end_transfer(a, sent ? WIRE_OVER : WIRE_UNSENT, failure, why);
}

void attempt_leave(struct attempt *a, enum transfer_failure why)
{
    end_transfer(a, stop_transfer(a), why, NULL);
}

const struct transfer_events attempt_arrivals = { .on_head = on_head, .on_body = on_body, .on_done = on_done };
