/* stream.c - a stream is a line of stages: bytes are cut into frames, a frame passes as it is (relay.c) or is read by the
 * provider (provider.c), and what the client gets of it goes to the sink (sink.c). */
#include "flow/stream.h"

#include "base/clock.h"
#include "flow/guard.h"
#include "flow/policy.h"
#include "flow/slow.h"
#include "flow/way.h"

unsigned stream_framing(const struct attempt *a)
{
    return a->http.framing != 0 ? a->http.framing : a->target->provider->plugin->provider.framing;
}

void stream_begin(struct attempt *a)
{
    unsigned kind = stream_framing(a);
    if (a->mode == MODE_RELAY || kind == GW_FRAMING_WHOLE) /* a stream where none was expected: of events */
        kind = GW_FRAMING_SSE;
    framing_init(&a->framing, kind, a->req->config->limits.event_bytes);
    a->form = FORM_FRAMES;
}

void stream_note_first(struct attempt *a)
{
    if (a->state == ATTEMPT_OPENING)
        attempt_turn(a, ATTEMPT_SPEAKING);
    a->req->first_token_ns = a->spoke_ns - a->req->started_ns;
}

void stream_flush(struct stream_run *run)
{
    struct request *req = run->attempt->req;
    if (run->bytes.len == 0)
        return;
    if (req->reply >= REPLY_RELAYING)
        sink_write(req, run->bytes);
    else if (buf_text(&run->attempt->out, run->bytes) <
             0) /* comments, and events that only open the answer: held with the head */
        attempt_overflow(run->attempt);
    run->bytes = TEXT_NONE;
}

void stream_pass(struct stream_run *run, struct text raw)
{
    if (run->bytes.len > 0 && run->bytes.ptr + run->bytes.len == raw.ptr) {
        run->bytes.len += raw.len;
        return;
    }
    stream_flush(run);
    run->bytes = raw;
    if (raw.ptr < run->fed.ptr || raw.ptr >= run->fed.ptr + run->fed.len)
        stream_flush(run); /* an event that came in pieces: the framing's own memory, gone after this call */
}

/* What the face wrote goes to the sink. False: nothing more is wanted. */
static bool write_out(struct attempt *a)
{
    struct request *req = a->req;
    if (attempt_has_failed(a) && req->reply < REPLY_RELAYING)
        return false;
    if (req->reply >= REPLY_RELAYING && a->out.len > 0) {
        sink_write(req, buf_view(&a->out));
        buf_free(&a->out);
    }
    return !attempt_has_failed(a) || !a->streams;
}

/* Does an answer of events begin now? */
static bool begins_now(struct attempt *a)
{
    bool begins = a->streams && a->state == ATTEMPT_SPEAKING && a->req->reply < REPLY_RELAYING;
    if (begins)
        stream_note_first(a);
    return begins;
}

bool stream_after_step(struct attempt *a)
{
    if (begins_now(a) && !policy_holds(a->req))
        wait_end(a->req, a->wait);
    return attempt_is_over(a) || write_out(a);
}

/* The stage of a stream that is translated. */
static int read_frame(struct attempt *a, const struct frame *frame)
{
    if (frame->comment || a->saw_end_mark) /* what follows the end mark is no part of the answer */
        return 0;
    if (!provider_read(a, a->framing.kind, false, frame) && !attempt_has_failed(a))
        attempt_fail(a, attempt_has_spoken(a) ? E_STREAM : E_UPSTREAM, OUTCOME_JUNK,
                     "sent an event that cannot be read");
    if (a->folded > a->req->config->limits.answer_bytes && !attempt_has_failed(a))
        attempt_fail(a, E_UPSTREAM, OUTCOME_TOO_LARGE, "answered with more than limits.answer_mb allows");
    if (begins_now(a) && !slow_holds(a) && !policy_holds(a->req))
        return STREAM_FIRST;
    bool over = !attempt_has_failed(a) && guard_is_over(a);
    if (over)
        guard_end(a, TEXT_NONE);
    return write_out(a) && !over ? 0 : STREAM_STOP;
}

static int on_frame(void *arg, const struct frame *frame)
{
    struct stream_run *run = arg;
    if (whose_is_off(run->attempt->req, &run->attempt->error) < 0) {
        struct attempt *a = run->attempt;
        attempt_turn(a, ATTEMPT_FAILED);
        a->error_from = ERROR_FROM_US;
        a->error_fault = GW_FAULT_REQUEST; /* and no other target is asked */
        a->error_status = a->error.status;
        a->outcome = OUTCOME_SWITCHED_OFF;
        return STREAM_STOP;
    }
    return run->attempt->mode == MODE_RELAY ? relay_frame(run, frame) : read_frame(run->attempt, frame);
}

/* An error that the upstream sent as an event of its own was passed on as one: what follows it passes, too. */
static bool is_stopped(const struct attempt *a)
{
    return attempt_has_failed(a) && a->error_from != ERROR_FROM_EVENT;
}

/* Frames, as many as there are; the way goes on where the answer begins. What the framing returned last; STREAM_STOP too where
 * the attempt has failed. */
static int run_frames(struct attempt *a, struct text bytes, bool end, bool counts)
{
    struct stream_run run = { .attempt = a, .fed = bytes, .end = end };
    int rc;
    do {
        rc =
            end ? framing_end(&a->framing, counts, on_frame, &run) : framing_feed(&a->framing, run.fed, on_frame, &run);
        stream_flush(&run);
        if (rc == 0 && is_stopped(a))
            rc = STREAM_STOP;
        run.fed = TEXT_NONE; /* what STREAM_FIRST stopped before is the framing's now */
        if (rc == STREAM_FIRST && !attempt_is_over(a) && !a->req->gone && !policy_holds(a->req)) {
            wait_end(a->req, a->wait); /* "attempt.judge", then "answer.relay" begins the answer */
            if (attempt_is_over(a))
                return 0; /* or ends it: the framing is gone */
        }
    } while (rc == STREAM_FIRST);
    return rc;
}

/* A frame that is none. */
static void fail_frame(struct attempt *a)
{
    bool damaged = framing_is_damaged(&a->framing);
    attempt_fail(
        a, E_UPSTREAM, damaged ? OUTCOME_PROTOCOL : OUTCOME_TOO_LARGE,
        damaged ? "sent a message of an event stream that is damaged: its checksum is wrong, or half of it is missing"
                : "sent an event larger than limits.event_mb allows");
    attempt_cancel(a);
    if (a->req->reply >= REPLY_RELAYING)
        a->error.code = "stream_interrupted";
}

void stream_feed(struct attempt *a, struct text bytes)
{
    int rc = run_frames(a, bytes, false, false);
    if (a->req->gone && a->state == ATTEMPT_SPEAKING) /* others listen */
        join_open(a);
    if (rc < 0)
        fail_frame(a);
    if (rc != 0) {
        attempt_cancel(a);
        attempt_complete(a);
    }
}

/* The plugin's last frame: empty, and the end. */
static void end_of_frames(struct attempt *a)
{
    if (!provider_read(a, a->framing.kind, true, &(struct frame){ .data = TEXT("") }) && !attempt_has_failed(a))
        attempt_fail(a, E_STREAM, OUTCOME_JUNK, "could not finish its answer");
    if (!begins_now(a)) /* else attempt_complete() begins it */
        write_out(a);
}

void stream_finish(struct attempt *a, bool counts)
{
    if (run_frames(a, TEXT_NONE, true, counts) < 0)
        fail_frame(a);
    if (a->mode == MODE_TRANSLATE && counts && !attempt_has_failed(a))
        end_of_frames(a);
}
