/* guard.c - a stream that goes on although its limit of output tokens was sent: it is ended as if it had kept the limit, in the client's own
 * dialect, and the upstream is called off. */
#include "flow/guard.h"

#include "flow/way.h"

/* Four bytes a token; half as much again, and some, is no matter of counting. */
enum { BYTES_PER_TOKEN = 6, BYTES_MORE = 1024 };

bool guard_is_over(const struct attempt *a)
{
    if (a->worst == NULL || a->outcome == OUTCOME_GUARDED || a->worst->bound.limit <= 0)
        return false;
    int64_t most = a->clamped > 0 ? a->clamped * a->worst->bound.choices : a->worst->bound.output;
    return a->spoken > BYTES_MORE && (a->spoken - BYTES_MORE) / BYTES_PER_TOKEN > (uint64_t)most;
}

void guard_end(struct attempt *a, struct text last)
{
    struct request *req = a->req;
    gw_event event = { .size = sizeof event, .type = GW_EVENT_FINISH, .text = { "length", 6 } };
    log_line(
        LOG_WARN,
        "request %s: the provider \"%.*s\" writes on beyond the limit of output tokens that it was sent: the stream is ended",
        req->id, TEXT_ARG(a->target->provider->name));
    a->finish = TEXT("length");
    a->finishes++;
    a->outcome = OUTCOME_GUARDED;
    a->saw_end_mark = true;
    if (a->mode != MODE_RELAY && a->streams)
        req->face->stream_event(&req->answer, &event, &a->out);
    else if (a->mode != MODE_RELAY)
        req->face->fold_event(&req->answer, &event);
    else if (req->face->dialect->write_cut != NULL)
        req->face->dialect->write_cut(
            &(struct dialect_cut){ text_of(req->id), req->ask.model, req->admitted_ms / 1000, last }, &req->tail_bytes);
}
