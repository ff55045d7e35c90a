/* attempt_read.c - a whole answer, or an error, when all of it is there. */
#include "flow/attempt.h"
#include "flow/way.h"

bool attempt_is_unread(const struct attempt *a)
{
    return a->mode != MODE_LOCAL && a->form != FORM_FRAMES && a->wire == WIRE_OVER && a->failure == TRANSFER_OK &&
           a->state == ATTEMPT_OPENING;
}

/* What of a whole answer that passes as it is counts: usage, finish reasons, errors. */
static void read_relayed(struct attempt *a, struct text body, struct arena *scratch)
{
    struct text digest;
    pin_learn(a, scratch, false, TEXT_NONE, body);
    unsigned found = a->req->face->dialect->extract(scratch, body, &digest);
    if (scratch->full)
        attempt_overflow(a);
    else if ((found & DIALECT_TAP_BAD) == 0) {
        if ((found & DIALECT_TAP_READ) != 0)
            provider_read(a, GW_FRAMING_WHOLE, true, &(struct frame){ .data = digest });
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
            provider_read(a, GW_FRAMING_WHOLE, true, &(struct frame){ .data = body });
        return;
    }
    if (a->streams && req->face->canonical == NULL) {
        if (req->reply >= REPLY_BEGUN)
            return;         /* a ping has promised events */
        a->streams = false; /* passes as it came */
    }
    if (a->streams)
        a->mode = MODE_TRANSLATE; /* a plain answer to who asked for a stream */
    if (a->mode == MODE_RELAY) {
        read_relayed(a, body, scratch);
        return;
    }
    if (!provider_read(a, GW_FRAMING_WHOLE, true, &(struct frame){ .data = body }) && !attempt_has_failed(a)) {
        attempt_fail(a, E_UPSTREAM, OUTCOME_JUNK, "answered with nothing that is an answer");
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
    return attempt_is_unread(a) ? job_run(req, a->whole.len, read_answer) : NEXT;
}
