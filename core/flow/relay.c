/* relay.c - a frame of a stream that passes as it is, because client and upstream speak the same dialect: the dialect looks at it,
 * the provider reads what was found, and what it is decides where its bytes go. */
#include "base/clock.h"
#include "flow/guard.h"
#include "flow/policy.h"
#include "flow/slow.h"
#include "flow/stream.h"
#include "flow/way.h"

enum {
    HELD_MOST = 64 << 10, /* bytes of events that only open the answer */
    ON = -1,              /* a stage: the next one is to look at it */
};

/* One frame, and what is known of it. */
struct passing {
    struct stream_run *run;
    struct attempt *a;
    const struct frame *frame;
    struct text raw; /* what the client gets of it */
    unsigned found;  /* DIALECT_TAP_* */
    bool is_json;    /* or looks so */
    bool is_opening;
};

/* Does it only open the answer? Then it is held with the head: who fails after it has sent the client nothing. */
static bool is_opening(const struct attempt *a, const struct frame *frame, const struct json *event)
{
    bool (*opens)(struct text, const struct json *) = a->req->face->dialect->is_opening;
    return !attempt_has_spoken(a) && opens != NULL && a->out.len + frame->raw.len <= HELD_MOST &&
           opens(frame->name, event);
}

/* What the body ends without: the blank line after its last event. */
static struct text lacks(const struct stream_run *run, struct text raw)
{
    bool whole =
        !run->end || text_ends(raw, TEXT("\n\n")) || text_ends(raw, TEXT("\r\r")) || text_ends(raw, TEXT("\r\n\r\n"));
    return whole ? TEXT_NONE : TEXT("\n\n");
}

/* It passes, where the end mark has not been seen; else it belongs to the end, which is held until the request is settled. */
static int pass_comment(struct stream_run *run, struct text raw)
{
    struct attempt *a = run->attempt;
    a->lacks = a->saw_end_mark ? TEXT_NONE : lacks(run, raw);
    raw = mask_text(a, raw);
    if (a->saw_end_mark)
        buf_text(&a->req->tail_bytes, raw);
    else
        stream_pass(run, raw);
    return 0;
}

/* The dialect looks for usage, finish reasons, errors and the end mark. */
static int tap(struct passing *p)
{
    struct arena *scratch = &p->a->req->worker->scratch;
    p->found = p->a->req->face->dialect->tap(scratch, p->frame->name, p->frame->data);
    if (scratch->full) {
        arena_reset(scratch);
        attempt_overflow(p->a);
        return STREAM_STOP;
    }
    p->is_json = text_starts(text_trim(p->frame->data), TEXT("{"));
    if ((p->found & DIALECT_TAP_ERROR) != 0 || !p->is_json)
        p->raw = mask_text(p->a, p->raw); /* what is no part of an answer may repeat what it was sent */
    return ON;
}

/* The first event and one without its blank line are parsed: what is not JSON is no answer, but may be an end mark. */
static int look(struct passing *p)
{
    struct attempt *a = p->a;
    struct arena *scratch = &a->req->worker->scratch;
    bool is_mark =
        (p->found & DIALECT_TAP_DONE) != 0 && !p->is_json && p->frame->data.len > 0; /* a name alone is half an event */
    if ((!attempt_has_spoken(a) || p->run->end) && !is_mark) {
        const struct json *event = json_parse_quick(scratch, p->frame->data);
        bool is_object = json_type(event) == JSON_T_OBJECT;
        p->is_opening = is_object && is_opening(a, p->frame, event);
        if (!is_object || p->found == 0)
            arena_reset(scratch);
        if (!is_object && attempt_has_spoken(a))
            return 0; /* half an event: dropped, the stream's end decides what that means */
        if (!is_object) {
            attempt_fail(a, E_UPSTREAM, OUTCOME_JUNK, "sent an event that is not JSON");
            return STREAM_STOP;
        }
    }
    a->lacks = lacks(p->run, p->frame->raw);
    return ON;
}

/* The provider reads what was found. */
static int read_found(struct passing *p)
{
    struct attempt *a = p->a;
    bool was_bad = attempt_has_failed(a), is_error = (p->found & DIALECT_TAP_ERROR) != 0;
    if ((p->found & DIALECT_TAP_READ) == 0)
        return ON;
    bool ok = provider_read(a, GW_FRAMING_SSE, false, p->frame);
    if (is_error && !attempt_has_failed(a) && !ok)
        failure_from_event(a, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_ERROR, .status = 502 });
    if (attempt_has_failed(a) && !was_bad && (!attempt_has_spoken(a) || a->error_from != ERROR_FROM_EVENT))
        return STREAM_STOP; /* the client has seen nothing yet, or what it has seen cannot go on */
    return ON;
}

/* What was found decides. */
static int take_found(struct passing *p)
{
    int rc = read_found(p);
    if (rc != ON)
        return rc;
    arena_reset(&p->a->req->worker->scratch);
    if ((p->found & DIALECT_TAP_USAGE_ONLY) != 0 && !p->a->req->ask.wants_usage) {
        stream_flush(p->run); /* asked for by us, not by the client */
        return 0;
    }
    p->a->saw_end_mark = p->a->saw_end_mark || (p->found & DIALECT_TAP_DONE) != 0;
    return ON;
}

/* The end mark, and what follows it: held until the request is settled. */
static int hold_end(struct passing *p)
{
    struct attempt *a = p->a;
    bool begins = !attempt_has_spoken(a) &&
                  (a->opening > 0 || (p->found & DIALECT_TAP_READ) != 0); /* an empty answer, but all of it */
    if (begins)
        stream_note_first(a);
    stream_flush(p->run);
    buf_text(&a->req->tail_bytes, p->raw);
    return begins ? STREAM_FIRST : 0;
}

/* A frame of the answer. */
static int pass(struct passing *p)
{
    struct attempt *a = p->a;
    size_t (*spoken)(struct text, struct text) = a->req->face->dialect->spoken;
    if (p->is_opening) {
        a->opening += p->raw.len;
        stream_pass(p->run, p->raw);
        return 0;
    }
    if (p->is_json) { /* else it passes and counts for nothing */
        a->frames++;
        a->spoken += spoken != NULL ? spoken(p->frame->name, p->frame->data) : 0;
    }
    bool begins = !attempt_has_spoken(a), was_held = a->slow.state == SLOW_HOLDS;
    if (begins)
        stream_note_first(a);
    stream_pass(p->run, p->raw);
    bool first = (begins || was_held) && !slow_holds(a);
    if (first || !guard_is_over(a) || (a->req->reply < REPLY_RELAYING && !policy_holds(a->req)))
        return first ? STREAM_FIRST : 0;
    stream_flush(p->run);
    guard_end(a, p->frame->data);
    return STREAM_STOP;
}

int relay_frame(struct stream_run *run, const struct frame *frame)
{
    struct passing p = { .run = run, .a = run->attempt, .frame = frame, .raw = frame->raw };
    int rc;
    if (frame->comment)
        return pass_comment(run, frame->raw);
    pin_learn(p.a, &p.a->req->worker->scratch, true, frame->name, frame->data);
    if ((rc = tap(&p)) != ON || (rc = look(&p)) != ON || (p.found != 0 && (rc = take_found(&p)) != ON))
        return rc;
    return p.a->saw_end_mark ? hold_end(&p) : pass(&p);
}
