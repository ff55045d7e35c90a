/* answer_end.c - how a stream to the client ends: complete, or with an error in its place. */
#include "flow/attempt.h"
#include "flow/deadline.h"
#include "flow/sink.h"
#include "flow/way.h"

#define TAIL_MOST (16u << 10) /* of a stream is kept back until it is settled */

/* The whole end cannot be held: an error in its place. */
static void end_short(struct attempt *a)
{
    struct request *req = a->req;
    attempt_overflow(a);
    req->fail = a->error;
    req->reply = REPLY_BROKEN;
    buf_free(&req->tail_bytes);
    req->face->dialect->write_error_event(&req->fail, text_of(req->id), &req->tail_bytes);
}

bool answer_end_stream(struct attempt *a)
{
    struct request *req = a->req;
    struct text id = text_of(req->id);
    if (a->saw_end_mark) /* its readers wait for the blank line, and what we add must be an event of its own */
        buf_text(&req->tail_bytes, a->lacks);
    else
        sink_write(req, a->lacks);
    if (attempt_has_failed(a)) {
        req->fail = a->error;
        req->reply = REPLY_BROKEN;
        if (a->mode != MODE_RELAY || a->error_from != ERROR_FROM_EVENT) /* else its own event was passed on */
            req->face->dialect->write_error_event(&req->fail, id, &req->tail_bytes);
    } else if (a->failure != TRANSFER_OK) {
        error_set(&req->fail, E_STREAM, "the provider \"%.*s\" broke off in the middle of its answer (%s)",
                  TEXT_ARG(a->target->provider->name), deadline_text(a));
        a->outcome = OUTCOME_TRANSFER;
        req->reply = REPLY_BROKEN;
        buf_free(&req->tail_bytes);
        req->face->dialect->write_error_event(&req->fail, id, &req->tail_bytes);
    } else if (!a->saw_end_mark && a->finishes == 0 && req->face->dialect->marks_end) {
        error_set(&req->fail, E_STREAM_INCOMPLETE,
                  "the provider \"%.*s\" ended its answer without saying that it was complete",
                  TEXT_ARG(a->target->provider->name));
        a->outcome = OUTCOME_INCOMPLETE;
        req->reply = REPLY_BROKEN;
        req->face->dialect->write_error_event(&req->fail, id, &req->tail_bytes);
    } else if (a->mode != MODE_RELAY && req->shown == NULL) { /* else it was written before its policies saw it */
        req->face->stream_end(&req->answer, &req->tail_bytes);
    } else if (a->mode == MODE_RELAY &&
               !a->saw_end_mark) { /* it gave the finish reason: only the end mark is missing */
        buf_text(&req->tail_bytes, req->face->dialect->end);
    }
    if (req->restoring != NULL)
        sink_restore_end(req);
    if (req->reply != REPLY_BROKEN && (req->tail_bytes.failed || req->pending.failed || req->arena.full))
        end_short(a);
    if (req->tail_bytes.len > TAIL_MOST) { /* blocks that were not complete before */
        size_t front = req->tail_bytes.len - TAIL_MOST;
        sink_write(req, (struct text){ buf_view(&req->tail_bytes).ptr, front });
        buf_consume(&req->tail_bytes, front);
    }
    sink_end(req, req->reply != REPLY_BROKEN);
    return req->gone || req->pending.len == 0;
}
