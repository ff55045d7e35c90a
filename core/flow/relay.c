/* relay.c - what arrives from the upstream, passed on as it comes: bytes where both sides speak the same dialect,
 * events through the face where they do not. */
#include "base/clock.h"
#include "base/large.h"
#include "flow/way.h"

#define OVERTIME_NS (100 * CLOCK_MS) /* how long the end of the body may take after the end mark */

enum {
    HELD_MOST = 64 << 10, /* bytes of events that say nothing yet */
    FIRST = 2,            /* said of the first event that says something: feed() lets the way go on */
};

/* Frames of one read that lie behind each other go out in one write. */
struct span {
    struct attempt *a;
    struct text fed; /* what this read brought: alive until feed() returns */
    struct text bytes;
    bool end; /* the body is over: this frame may be half a one */
};

/* How the provider has its streams cut: as build() asked for this answer, or as always. */
static uint32_t framing_of(const struct attempt *a)
{
    return a->http.framing != 0 ? a->http.framing : a->target->provider->plugin->provider.framing;
}

static void start_framing(struct attempt *a)
{
    uint32_t kind = framing_of(a);
    if (a->mode == MODE_RELAY || kind == GW_FRAMING_WHOLE) /* a stream where none was expected: of events */
        kind = GW_FRAMING_SSE;
    framing_init(&a->framing, kind, a->req->config->limits.event_bytes);
    a->form = FORM_FRAMES;
}

void relay_broken(struct attempt *a, enum error_case which, const char *outcome, const char *text)
{
    error_set(&a->error, which, "the provider \"%.*s\" %s", TEXT_ARG(a->target->provider->name), text);
    attempt_turn(a, ATTEMPT_FAILED);
    a->error_from = ERROR_FROM_US;
    a->error_status = 502;
    a->error_fault = GW_FAULT_SERVER;
    a->outcome = outcome;
}

static void fail_now(struct attempt *a, const char *outcome, const char *text)
{
    relay_broken(a, E_UPSTREAM, outcome, text);
    attempt_cancel(a);
}

/* Is all of a whole answer there, which row "attempt.read" reads? */
static bool is_unread(const struct attempt *a)
{
    return a->mode != MODE_LOCAL && a->form != FORM_FRAMES && a->wire == WIRE_OVER && a->failure == TRANSFER_OK &&
           a->state == ATTEMPT_OPENING;
}

void relay_complete(struct attempt *a)
{
    a->wire = attempt_is_over(a) ? a->wire : WIRE_OVER;
    if (a->ended_ns == 0)
        a->ended_ns = clock_ns();
    if (!is_unread(a))
        attempt_end(a);
    if (a->req->reply < REPLY_RELAYING || answer_end_stream(a))
        wait_end(a->req, a->wait);
}

static void note_first(struct attempt *a)
{
    if (a->state == ATTEMPT_OPENING)
        attempt_turn(a, ATTEMPT_SPEAKING);
    a->req->first_token_ns = a->spoke_ns - a->req->started_ns;
}

static void flush(struct span *span)
{
    struct request *req = span->a->req;
    if (span->bytes.len == 0)
        return;
    if (req->reply >= REPLY_RELAYING)
        answer_write(req, span->bytes);
    else if (buf_text(&span->a->out, span->bytes) < 0) /* comments, and events that say nothing yet: held with the head */
        relay_overflow(span->a);
    span->bytes = TEXT_NONE;
}

static void pass(struct span *span, struct text raw)
{
    if (span->bytes.len > 0 && span->bytes.ptr + span->bytes.len == raw.ptr) {
        span->bytes.len += raw.len;
        return;
    }
    flush(span);
    span->bytes = raw;
    if (raw.ptr < span->fed.ptr || raw.ptr >= span->fed.ptr + span->fed.len)
        flush(span); /* an event that came in pieces: the framing's own memory, gone after this call */
}

/* Does it only open the answer? Then it is held with the head: who fails after it has told the client nothing. */
static bool is_opening(const struct attempt *a, const struct frame *frame, const struct json *event)
{
    bool (*opens)(struct text, const struct json *) = a->req->face->opens;
    return !attempt_has_spoken(a) && opens != NULL && a->out.len + frame->raw.len <= HELD_MOST && opens(frame->name, event);
}

/* What the body ends without: the blank line after its last event. */
static struct text lacks(const struct span *span, struct text raw)
{
    bool whole = !span->end || text_ends(raw, TEXT("\n\n")) || text_ends(raw, TEXT("\r\r")) || text_ends(raw, TEXT("\r\n\r\n"));
    return whole ? TEXT_NONE : TEXT("\n\n");
}

/* One frame of a relayed stream. */
static int on_relay_frame(void *arg, const struct frame *frame)
{
    struct span *span = arg;
    struct attempt *a = span->a;
    struct request *req = a->req;
    struct text raw = frame->raw;
    if (frame->comment) {
        a->lacks = a->saw_end_mark ? TEXT_NONE : lacks(span, raw);
        raw = mask_text(a, raw);
        if (a->saw_end_mark)
            buf_text(&req->tail_bytes, raw);
        else
            pass(span, raw);
        return 0;
    }
    unsigned found = req->face->tap(&req->worker->scratch, frame->name, frame->data);
    if (req->worker->scratch.full) {
        arena_reset(&req->worker->scratch);
        relay_overflow(a);
        return 1;
    }
    bool is_json = text_starts(text_trim(frame->data), TEXT("{")); /* or looks so */
    if ((found & FACE_TAP_ERROR) != 0 || !is_json)
        raw = mask_text(a, raw); /* what is no part of an answer may repeat what it was sent */
    /* The first event and one without its blank line are looked at: what is not JSON is no answer, but may be an end mark. */
    bool opening = false, is_mark = (found & FACE_TAP_DONE) != 0 && text_starts(frame->data, TEXT("["));
    if ((!attempt_has_spoken(a) || span->end) && !is_mark) {
        const struct json *event = json_parse_quick(&req->worker->scratch, frame->data);
        bool is_object = json_type(event) == JSON_T_OBJECT;
        opening = is_object && is_opening(a, frame, event);
        if (!is_object || found == 0)
            arena_reset(&req->worker->scratch);
        if (!is_object && attempt_has_spoken(a))
            return 0; /* half an event: dropped, the stream's end says what that means */
        if (!is_object) {
            relay_broken(a, E_UPSTREAM, "junk", "sent an event that is not JSON");
            return 1;
        }
    }
    a->lacks = lacks(span, frame->raw);
    if (found != 0) {
        if ((found & FACE_TAP_READ) != 0) {
            bool was_bad = attempt_has_failed(a);
            bool ok = relay_read(a, GW_FRAMING_SSE, false, frame);
            if ((found & FACE_TAP_ERROR) != 0 && !attempt_has_failed(a) && !ok)
                failure_from_event(a, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_ERROR, .status = 502 });
            if (attempt_has_failed(a) && !was_bad && (!attempt_has_spoken(a) || a->error_from != ERROR_FROM_EVENT))
                return 1; /* the client has seen nothing yet, or what it has seen cannot go on */
        }
        arena_reset(&req->worker->scratch);
        if ((found & FACE_TAP_USAGE_ONLY) != 0 && !req->ask.wants_usage) {
            flush(span); /* asked for by us, not by the client */
            return 0;
        }
        if ((found & FACE_TAP_DONE) != 0)
            a->saw_end_mark = true;
    }
    if (a->saw_end_mark) { /* the end: held until the request is settled */
        bool begins = !attempt_has_spoken(a) && (a->opening > 0 || (found & FACE_TAP_READ) != 0); /* nothing was said, but all of it */
        if (begins)
            note_first(a);
        flush(span);
        buf_text(&req->tail_bytes, raw);
        return begins ? FIRST : 0;
    }
    if (opening) {
        a->opening += raw.len;
        pass(span, raw);
        return 0;
    }
    if (is_json) { /* else it passes and counts for nothing */
        a->frames++;
        a->spoken += req->face->spoken != NULL ? req->face->spoken(frame->name, frame->data) : 0;
    }
    bool begins = !attempt_has_spoken(a);
    if (begins)
        note_first(a);
    pass(span, raw);
    return begins ? FIRST : 0;
}

/* False: nothing more is wanted. */
static bool write_out(struct attempt *a)
{
    struct request *req = a->req;
    if (attempt_has_failed(a) && req->reply < REPLY_RELAYING)
        return false;
    if (req->reply >= REPLY_RELAYING && a->out.len > 0) {
        answer_write(req, buf_view(&a->out));
        buf_free(&a->out);
    }
    return !attempt_has_failed(a) || !req->ask.stream;
}

/* Does an answer of events begin now? */
static bool begins_now(struct attempt *a)
{
    bool begins = a->req->ask.stream && a->state == ATTEMPT_SPEAKING && a->req->reply < REPLY_RELAYING;
    if (begins)
        note_first(a);
    return begins;
}

bool relay_after_step(struct attempt *a)
{
    if (begins_now(a))
        wait_end(a->req, a->wait);
    return attempt_is_over(a) || write_out(a);
}

/* One frame of a translated stream. */
static int on_translated_frame(void *arg, const struct frame *frame)
{
    struct attempt *a = ((struct span *)arg)->a;
    if (frame->comment || a->saw_end_mark) /* what follows the end mark is no part of the answer */
        return 0;
    if (!relay_read(a, a->framing.kind, false, frame) && !attempt_has_failed(a))
        relay_broken(a, attempt_has_spoken(a) ? E_STREAM : E_UPSTREAM, "junk", "sent an event that cannot be read");
    if (a->folded > a->req->config->limits.answer_bytes && !attempt_has_failed(a))
        relay_broken(a, E_UPSTREAM, "too_large", "answered with more than limits.answer_mb allows");
    return begins_now(a) ? FIRST : write_out(a) ? 0 : 1;
}

static void on_head(void *owner, int status, const struct transfer_header *headers, size_t count)
{
    struct attempt *a = owner;
    struct request *req = a->req;
    a->status = status;
    a->times = transfer_times(a->transfer);
    a->head_ns = clock_ns();
    bool plain = head_keep(a, headers, count);
    way_debug(req, "the provider \"%s\" answers with status %d", a->target->provider->name.ptr, status);
    if (!plain) {
        fail_now(a, "encoded", "compressed its answer though it was asked not to");
        wait_end(req, a->wait);
        return;
    }
    if (status < 200 || status > 299)
        return;
    bool events = text_starts_nocase(a->content_type, TEXT("text/event-stream"));
    uint32_t framing = framing_of(a);
    if (events && req->face->canonical == NULL)
        req->ask.stream = true; /* asked for in other words, or not at all: nobody could fold it, so it passes as it came */
    /* A whole answer in the place of messages shows by its type, and then by its first byte. */
    bool own = framing != GW_FRAMING_SSE && framing != GW_FRAMING_WHOLE &&
               !(framing == GW_FRAMING_EVENTSTREAM && text_starts_nocase(a->content_type, TEXT("application/json")));
    if (req->ask.stream && (events || (a->mode == MODE_TRANSLATE && own)))
        start_framing(a);
    else if (req->ask.stream)
        a->form = FORM_UNDECIDED;
    else if (events) { /* not asked for as a stream: folded */
        a->mode = MODE_TRANSLATE;
        start_framing(a);
    }
}

static void feed(struct attempt *a, struct text bytes, bool end, bool last_counts)
{
    struct span span = { .a = a, .fed = bytes, .end = end };
    int (*on_frame)(void *, const struct frame *) = a->mode == MODE_RELAY ? on_relay_frame : on_translated_frame;
    int rc;
    do {
        rc = end ? framing_end(&a->framing, last_counts, on_frame, &span) : framing_feed(&a->framing, span.fed, on_frame, &span);
        flush(&span);
        if (rc == 0 && attempt_has_failed(a) && a->error_from != ERROR_FROM_EVENT)
            rc = 1;
        span.fed = TEXT_NONE; /* what FIRST stopped before is the framing's now */
        if (rc == FIRST && !attempt_is_over(a)) {
            wait_end(a->req, a->wait); /* "attempt.judge", then "answer.relay" begins the answer */
            if (attempt_is_over(a))
                return; /* or ends it: the framing is gone */
        }
    } while (rc == FIRST);
    if (rc < 0) {
        if (framing_is_damaged(&a->framing))
            fail_now(a, "protocol", "sent a message of an event stream that is damaged: its checksum is wrong, or half of it is missing");
        else
            fail_now(a, "too_large", "sent an event larger than limits.event_mb allows");
        if (a->req->reply >= REPLY_RELAYING)
            a->error.code = "stream_interrupted";
    }
    if (rc != 0 && !end) {
        attempt_cancel(a);
        relay_complete(a);
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
                start_framing(a);
        }
    }
    bool relaying = req->reply >= REPLY_RELAYING;
    if (a->form != FORM_FRAMES && a->whole.len == 0 && a->announced >= LARGE_LEAST) { /* not by doubling, where it is known what comes */
        size_t room;
        buf_room(&a->whole, a->announced, &room);
    }
    if (a->form == FORM_FRAMES) {
        feed(a, bytes, false, false);
    } else if (buf_text(&a->whole, bytes) < 0) {
        attempt_cancel(a);
        a->failure = TRANSFER_TOO_LARGE;
        relay_complete(a);
    }
    if (a->saw_end_mark && !attempt_is_over(a) && a->timer.slot == 0) { /* its last chunk is on the way, mostly */
        a->timer.on_time = on_overtime;
        loop_timer_set(&req->worker->loop, &a->timer, clock_ns() + OVERTIME_NS);
    }
    if (relaying && req->reply >= REPLY_RELAYING)
        req->relay_ns += clock_ns() - from;
}

/* What of a whole answer that passes as it is counts: usage, finish reasons, errors. */
static void read_relayed(struct attempt *a, struct text body, struct arena *scratch)
{
    struct text digest;
    unsigned found = a->req->face->digest(scratch, body, &digest);
    if (scratch->full)
        relay_overflow(a);
    else if ((found & FACE_TAP_BAD) == 0) {
        if ((found & FACE_TAP_READ) != 0)
            relay_read(a, GW_FRAMING_WHOLE, true, &(struct frame){ .data = digest });
        if (!attempt_has_failed(a))
            attempt_turn(a, ATTEMPT_SPEAKING);
        a->frames = 1;
    }
    arena_reset(scratch);
}

static void read_whole(struct attempt *a, struct arena *scratch)
{
    struct request *req = a->req;
    struct text body = buf_view(&a->whole);
    if (a->status < 200 || a->status > 299) {
        if (a->status >= 400)
            relay_read(a, GW_FRAMING_WHOLE, true, &(struct frame){ .data = body });
        return;
    }
    if (req->ask.stream && req->face->canonical == NULL) {
        if (req->reply >= REPLY_BEGUN)
            return; /* a ping has promised events */
        req->ask.stream = false; /* passes as it came */
    }
    if (req->ask.stream)
        a->mode = MODE_TRANSLATE; /* a plain answer to who asked for a stream */
    if (a->mode == MODE_RELAY) {
        read_relayed(a, body, scratch);
        return;
    }
    if (!relay_read(a, GW_FRAMING_WHOLE, true, &(struct frame){ .data = body }) && !attempt_has_failed(a)) {
        relay_broken(a, E_UPSTREAM, "junk", "answered with nothing that is an answer");
        a->spoke_ns = 0; /* what was read does not count */
    }
    buf_free(&a->whole);
}

/* May be a job. */
static enum next read_answer(struct request *req, struct arena *scratch, struct fail *fail)
{
    struct attempt *a = req->attempt;
    (void)fail;
    a->call.scratch = scratch;
    read_whole(a, scratch);
    a->call.scratch = &req->worker->scratch;
    attempt_end(a);
    return NEXT;
}

/* Row "attempt.read": a whole answer or error is there. */
enum next attempt_read(struct request *req)
{
    struct attempt *a = req->attempt;
    return is_unread(a) ? job_run(req, a->whole.len, read_answer) : NEXT;
}

/* The plugin's last frame: empty, and the end. */
static void end_of_frames(struct attempt *a)
{
    if (!relay_read(a, a->framing.kind, true, &(struct frame){ .data = TEXT("") }) && !attempt_has_failed(a))
        relay_broken(a, E_STREAM, "junk", "could not finish its answer");
    if (!begins_now(a)) /* else relay_complete() begins it */
        write_out(a);
}

static void on_done(void *owner, enum transfer_failure failure, const char *why)
{
    struct attempt *a = owner;
    int64_t from = clock_ns();
    loop_timer_clear(&a->req->worker->loop, &a->timer);
    if (a->saw_end_mark)
        failure = TRANSFER_OK; /* however it ended: all of the answer was there */
    if (a->head_ns == 0 && a->transfer != NULL)
        a->times = transfer_times(a->transfer);
    a->wire = a->transfer == NULL || transfer_was_sent(a->transfer) ? WIRE_OVER : WIRE_UNSENT; /* NULL: all of the answer was there */
    a->transfer = NULL;
    a->failure = failure;
    way_debug(a->req, "the answer has ended: %s%s%s", transfer_failure_name(failure), why != NULL ? ", " : "",
              why != NULL ? why : "");
    a->failure_text = why != NULL && !a->saw_end_mark ? arena_str(&a->req->arena, text_of(why)) : NULL;
    a->ended_ns = from;
    if (a->form == FORM_FRAMES) {
        feed(a, TEXT_NONE, true, failure == TRANSFER_OK);
        if (a->mode == MODE_TRANSLATE && failure == TRANSFER_OK && !attempt_has_failed(a))
            end_of_frames(a);
    }
    relay_complete(a);
}

const struct transfer_events relay_events = { .on_head = on_head, .on_body = on_body, .on_done = on_done };
