/* read.c - frames go to the provider's read(), and what it emits to the face. */
#include "flow/metrics.h"
#include "flow/way.h"

void relay_emit(gw_call *call, const gw_event *event)
{
    CHECK(call, CALL);
    struct attempt *a = call->owner;
    struct request *req = a->req;
    gw_event masked;
    if (event->type == GW_EVENT_ERROR || event->type == GW_EVENT_FINISH || event->type == GW_EVENT_START) {
        masked = mask_event(a, event);
        event = &masked;
    }
    switch (event->type) {
    case GW_EVENT_USAGE:
        if (event->tokens != NULL && !usage_take(&req->usage, event->tokens, &req->arena))
            metrics_count_event(req->worker->gateway->metrics, req->worker->index, "usage_refused");
        break;
    case GW_EVENT_FINISH:
        a->has_finish = true;
        a->finish = arena_text(&req->arena, call_text(event->text));
        break;
    case GW_EVENT_ERROR:
        failure_from_event(a, event);
        return;
    case GW_EVENT_START:
        break;
    default:
        a->frames++;
        break;
    }
    if (a->mode == MODE_RELAY || a->has_error)
        return;
    if (event->type != GW_EVENT_START && event->type != GW_EVENT_USAGE)
        a->has_event = true;
    if (req->ask.stream) {
        req->face->stream_event(&req->answer, event, &a->out);
        return;
    }
    a->folded += event->text.len + event->data.len;
    if (a->folded <= req->config->limits.answer_bytes)
        req->face->fold_event(&req->answer, event);
}

bool relay_read(struct attempt *a, uint32_t framing, bool end, struct text name, struct text data)
{
    const struct config_provider *p = a->target->provider;
    gw_frame frame = { .size = sizeof frame,
                       .end = end,
                       .status = (uint32_t)a->status,
                       .framing = framing,
                       .name = call_str(name),
                       .data = call_str(data) };
    gw_status status = p->plugin->provider.read(p->instance, &a->call, &frame, relay_emit);
    bool full = call_is_full(&a->call); /* past a limit of memory: what was read may lack something */
    call_step_end(&a->call);
    if (status == GW_MISS && a->mode == MODE_TRANSLATE && a->streamed)
        a->has_done = true;
    return status >= 0 && !full;
}
