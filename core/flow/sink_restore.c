/* sink_restore.c - what policies have masked comes back on the last way to the client: in the events of a stream as they go to the sink, in the end
 * that is held until the request is settled, or in a whole answer. What the gateway counts, and what policies see, is before that. */
#include "base/buf.h"
#include "face/restore.h"
#include "flow/attempt.h"
#include "flow/job.h"
#include "flow/sink.h"
#include "flow/way.h"
#include "upstream/framing.h"

struct sink_restoring {
    struct request *req;
    struct restore *restore;
    struct framing framing;
    struct buf out;
    bool ended;
};

static void free_restoring(void *arg)
{
    struct sink_restoring *s = arg;
    framing_fini(&s->framing);
    buf_free(&s->out);
}

void sink_restore_begin(struct request *req, const struct restore_text *texts, size_t count)
{
    struct restore *restore = restore_new(&req->arena, texts, count);
    if (restore == NULL)
        return;
    struct sink_restoring *s = arena_new(&req->arena, struct sink_restoring);
    s->req = req;
    s->restore = restore;
    framing_init(&s->framing, GW_FRAMING_SSE, 2 * req->config->limits.event_bytes);
    buf_init(&s->out, req->config->limits.answer_bytes);
    arena_defer(&req->arena, free_restoring, s);
    req->restoring = s;
}

/* The event with other data. Data of several lines is in the framing's memory, and becomes one line. */
static void write_event(struct buf *out, const struct frame *frame, struct text data)
{
    const char *end = frame->raw.ptr + frame->raw.len;
    bool is_inside = frame->data.ptr >= frame->raw.ptr && frame->data.ptr + frame->data.len <= end;
    if (is_inside) {
        buf_text(out, (struct text){ frame->raw.ptr, (size_t)(frame->data.ptr - frame->raw.ptr) });
        buf_text(out, data);
        buf_text(out, (struct text){ frame->data.ptr + frame->data.len,
                                     (size_t)(end - (frame->data.ptr + frame->data.len)) });
        return;
    }
    if (frame->raw.ptr[0] == '\n') /* of a CRLF that was cut: it ends the event before */
        buf_str(out, "\n");
    if (frame->name.len > 0)
        buf_printf(out, "event: %.*s\n", TEXT_ARG(frame->name));
    buf_str(out, "data: ");
    for (size_t i = 0; i < data.len; i++) /* between values: a string has none */
        buf_append(out, data.ptr[i] == '\n' || data.ptr[i] == '\r' ? " " : &data.ptr[i], 1);
    buf_str(out, "\n\n");
}

static int on_frame(void *arg, const struct frame *frame)
{
    struct sink_restoring *s = arg;
    struct arena *scratch = &s->req->worker->scratch;
    if (frame->comment) {
        buf_text(&s->out, frame->raw);
        return 0;
    }
    struct text data = restore_event(s->restore, scratch, frame->data, &s->out);
    if (data.ptr == frame->data.ptr)
        buf_text(&s->out, frame->raw);
    else
        write_event(&s->out, frame, data);
    arena_reset(scratch);
    return 0;
}

/* False: it is not all of it. */
static bool is_good(const struct sink_restoring *s)
{
    return !s->out.failed && !restore_has_failed(s->restore);
}

struct text sink_restore(struct request *req, struct text bytes)
{
    struct sink_restoring *s = req->restoring;
    if (s->ended)
        return bytes;
    buf_truncate(&s->out, 0);
    if (framing_feed(&s->framing, bytes, on_frame, s) < 0 || !is_good(s))
        attempt_overflow(req->attempt);
    return s->out.len > 0 ? buf_view(&s->out) : TEXT("");
}

void sink_restore_end(struct request *req)
{
    struct sink_restoring *s = req->restoring;
    struct buf tail;
    if (s->ended)
        return;
    buf_truncate(&s->out, 0);
    bool good = framing_feed(&s->framing, buf_view(&req->tail_bytes), on_frame, s) >= 0 &&
                framing_end(&s->framing, true, on_frame, s) >= 0;
    restore_end(s->restore, &s->out);
    s->ended = true;
    tail = s->out;
    if (!good || !is_good(s))
        tail.failed = true;
    buf_init(&s->out, 0);
    buf_free(&req->tail_bytes);
    req->tail_bytes = tail;
}

static enum next restore_body(struct request *req, struct arena *scratch, struct fail *fail)
{
    struct sink_restoring *s = req->restoring;
    struct text body = buf_view(&req->body_out), restored = restore_whole(s->restore, scratch, body);
    if (restored.ptr != body.ptr) {
        buf_text(&s->out, restored);
        buf_free(&req->body_out);
        req->body_out = s->out;
        buf_init(&s->out, 0);
    }
    arena_reset(scratch);
    if (!restore_has_failed(s->restore) && !req->body_out.failed)
        return NEXT;
    error_set(fail, E_OVERLOAD, "the answer needs more memory than limits.answer_mb allows");
    return FAIL;
}

/* Row "answer.restore": the texts of a whole answer. */
enum next sink_restore_whole(struct request *req)
{
    if (req->restoring == NULL || req->attempt->streams)
        return NEXT;
    return job_run(req, req->body_out.len, restore_body);
}
