/* provider.c - frames go to the provider's read(), and what it emits to the face: one wrapper around what a plugin does. */
#include "flow/attempt.h"
#include "flow/metrics.h"
#include "flow/way.h"
#include "plugin/watch.h"

/* The longest piece of text that becomes one event of a stream: an upstream may send all at once. */
#define PIECE_MOST ((size_t)64 << 10)

/* Does its text come in pieces, or is it one thing, as an id is? */
static bool is_in_pieces(uint32_t type)
{
    return type == GW_EVENT_TEXT || type == GW_EVENT_REFUSAL || type == GW_EVENT_REASONING ||
           type == GW_EVENT_TOOL_ARGS || type == GW_EVENT_CUSTOM_ARGS;
}

/* The event as one or several that a client takes easily. */
static void stream(struct attempt *a, const gw_event *event)
{
    struct request *req = a->req;
    gw_event piece = *event;
    while (is_in_pieces(event->type) && piece.text.len > PIECE_MOST && !a->out.failed) {
        gw_str rest = piece.text;
        size_t len = PIECE_MOST;
        while (len > PIECE_MOST - 3 && ((unsigned char)rest.ptr[len] & 0xc0) == 0x80) /* not within a character */
            len--;
        piece.text.len = len;
        req->face->stream_event(&req->answer, &piece, &a->out);
        piece.text = (gw_str){ rest.ptr + len, rest.len - len };
    }
    req->face->stream_event(&req->answer, &piece, &a->out);
}

/* Takes over what the plugin hands in, into *event and *tokens. False: nothing of it counts. */
static bool take(struct attempt *a, const gw_event *given, gw_event *event, gw_tokens *tokens)
{
    const char *why = event_copy(given, event, tokens);
    if (why != NULL) {
        defect_refused(a, why);
        return false;
    }
    if (a->mode == MODE_RELAY && event->type != GW_EVENT_USAGE && event->type != GW_EVENT_FINISH &&
        event->type != GW_EVENT_ERROR)
        return false; /* it is only asked about these */
    switch (event_take(&a->order, &a->req->arena, a->req->operation, event, &why)) {
    case EVENT_TAKEN:
        break;
    case EVENT_MENDED:
        defect_mended(a, why);
        break;
    case EVENT_SKIPPED:
        if (why != NULL)
            defect_mended(a, why);
        return false;
    case EVENT_REFUSED:
        defect_refused(a, why);
        return false;
    }
    if (event->type == GW_EVENT_ERROR || event->type == GW_EVENT_FINISH || event->type == GW_EVENT_START)
        *event = mask_event(a, event);
    return true;
}

void provider_emit(gw_call *call, const gw_event *given)
{
    if ((call = call_given(call, "emit()")) == NULL)
        return; /* no step runs: there is nobody to whom it could belong */
    struct attempt *a = call->owner;
    struct request *req = a->req;
    gw_event taken;
    const gw_event *event = &taken;
    gw_tokens tokens;
    if (!take(a, given, &taken, &tokens))
        return;
    switch (event->type) {
    case GW_EVENT_USAGE:
        a->usages++;
        if (!usage_take(&req->usage, &tokens, &req->arena)) {
            metrics_count_event(req->worker->gateway->metrics, req->worker->index, "usage_refused");
            defect_mended(
                a,
                "a usage that cannot be right (its buckets do not sum to its total, or are more than a billion), which is left out");
        }
        break;
    case GW_EVENT_FINISH:
        a->finishes++;
        a->finish = arena_text(&req->arena, call_text(event->text));
        break;
    case GW_EVENT_ERROR:
        failure_from_event(a, event);
        return;
    case GW_EVENT_START:
        break;
    default:
        a->frames++;
        a->spoken += is_in_pieces(event->type) ? event->text.len : 0;
        break;
    }
    if (a->mode == MODE_RELAY || attempt_has_failed(a))
        return;
    if (event->type != GW_EVENT_START && event->type != GW_EVENT_USAGE && a->state == ATTEMPT_OPENING)
        attempt_turn(a, ATTEMPT_SPEAKING);
    if (a->streams) {
        stream(a, event);
    } else {
        a->folded += event->text.len + event->data.len;
        if (a->folded <= req->config->limits.answer_bytes)
            req->face->fold_event(&req->answer, event);
    }
    if (a->out.failed || req->arena.full)
        attempt_overflow(a);
}

/* Behind its finish nothing of an answer goes to the client. The model has written it all the same, and it may be charged. */
static void count_unread(struct attempt *a, const struct frame *frame)
{
    size_t bytes = dialect_spoken(way_dialects(a->target->provider), frame->name, frame->data);
    a->frames += bytes > 0;
    a->spoken += bytes;
}

bool provider_read(struct attempt *a, uint32_t framing, bool end, const struct frame *given)
{
    const struct config_provider *p = a->target->provider;
    struct text data = given->data;
    struct buf joined;
    buf_init(&joined, 2 * data.len + 64);
    if (a->mode == MODE_TRANSLATE && a->form == FORM_FRAMES)
        data = pair_join(&a->pair, data, &joined);
    gw_frame frame = { .size = sizeof frame,
                       .end = end,
                       .status = (uint32_t)a->status,
                       .framing = framing,
                       .name = call_str(given->name),
                       .data = call_str(data),
                       .headers = call_str(given->headers) };
    a->call.explain = TEXT_NONE;
    unsigned usages = a->usages, finishes = a->finishes;
    int64_t frames = a->frames;
    struct watch_seat *seat = watch_begin(p->plugin->name, "read()");
    call_step_begin(&a->call);
    gw_status status = call_status(&a->call, p->plugin->provider.read(p->instance, &a->call, &frame, provider_emit));
    watch_end(seat);
    if (a->call.misused != NULL && !attempt_has_failed(a))
        defect_status(a, "read()", status);
    else if (status < 0)
        defect_unread(a, status);
    if (a->usages != usages)
        usage_take_tier(&a->req->usage, data, &a->req->arena);
    bool full = call_is_full(&a->call) || joined.failed;
    buf_free(&joined);
    if (full) /* what was read may lack something */
        attempt_overflow(a);
    call_step_end(&a->call);
    if (finishes > 0 && frames == a->frames && a->mode == MODE_TRANSLATE && a->form == FORM_FRAMES)
        count_unread(a, given);
    if (status == GW_MISS && a->mode == MODE_TRANSLATE && a->form == FORM_FRAMES)
        a->saw_end_mark = true;
    return status >= 0 && !full;
}
