/* read.c - reads an answer, whole or event by event, as events of the gateway. When bytes are relayed it is a tap:
 * it gets only the frames where the core saw usage, a stop reason or an error, or a digest of a whole answer, and
 * must make of each what there is to make. Nothing that is missing or null is an error. */
#include "anthropic.h"

/* An answer begins with its START, also one without an id. */
static void hand_on(struct reader *r, const gw_event *event)
{
    if (!r->state->started) {
        r->state->started = true;
        r->emit(r->call, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_START });
    }
    r->emit(r->call, event);
}

void anthropic_emit(struct reader *r, uint32_t type, uint32_t item, gw_str id, gw_str text, gw_str data)
{
    hand_on(r,
            &(gw_event){ .size = sizeof(gw_event), .type = type, .item = item, .id = id, .text = text, .data = data });
}

void anthropic_emit_text(struct reader *r, uint32_t item, gw_str text)
{
    if (text.len == 0)
        return;
    for (size_t i = 0; i < text.len; i++)
        r->state->chars += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    anthropic_emit(r, GW_EVENT_TEXT, item, (gw_str){ NULL, 0 }, text, (gw_str){ NULL, 0 });
}

bool anthropic_is_json(struct reader *r, gw_str json)
{
    gw_writer *w = r->h->writer(r->call);
    r->h->write->raw(w, json);
    return r->h->write->end(w) == GW_OK;
}

static void read_start(struct reader *r, const gw_json *message)
{
    gw_str id = get_str(r->h, message, "id"), model = get_str(r->h, message, "model");

    if (r->state->started || (id.len == 0 && model.len == 0))
        return;
    r->state->started = true;
    anthropic_emit(r, GW_EVENT_START, 0, id, model, (gw_str){ NULL, 0 });
}

/* The gateway's word for a stop reason. Strict clients know four words only. */
struct reason {
    const char *theirs, *ours;
    bool says_more;     /* than our word: then Anthropic's own goes with it */
    const char *detail; /* the member that goes with it too */
};

static const struct reason *reason_of(gw_str word)
{
    static const struct reason reasons[] = {
        { "end_turn", "stop", false, NULL },
        { "max_tokens", "length", false, NULL },
        { "tool_use", "tool_calls", false, NULL },
        { "model_context_window_exceeded", "length", true, NULL },
        { "refusal", "content_filter", true, "stop_details" },
        { "stop_sequence", "stop", true, "stop_sequence" },
        { NULL, "stop", true, NULL }, /* pause_turn, and new ones */
    };
    size_t i = 0;
    while (reasons[i].theirs != NULL && !anthropic_is(word, reasons[i].theirs))
        i++;
    return &reasons[i];
}

/* Where its code ran: the next request names it, or finds neither its files nor the calls that code waits for. */
static void read_container(struct reader *r, const gw_json *container)
{
    if (!is_type(r->h, container, GW_JSON_OBJECT))
        return;
    gw_event event = {
        .size = sizeof event, .type = GW_EVENT_ORIGIN, .id = GW_LIT(ANTHROPIC_DIALECT), .code = GW_LIT("container")
    };
    event.data = anthropic_one_line(r, r->h->json->text(container));
    if (anthropic_is_json(r, event.data))
        hand_on(r, &event);
}

/* `holder` has stop_reason: the message, or the delta at a stream's end. */
static void read_finish(struct reader *r, const gw_json *holder)
{
    gw_str reason = get_str(r->h, holder, "stop_reason");
    gw_str why = get_str(r->h, get(r->h, holder, "stop_details"), "explanation");
    const struct reason *known = reason_of(reason);
    const char *word = known->ours;

    if (reason.len == 0 || r->state->finished)
        return;
    anthropic_close_blocks(r);
    r->state->finished = true;
    read_container(r, get(r->h, holder, "container"));
    if (anthropic_is(reason, "refusal") && why.len > 0)
        anthropic_emit(r, GW_EVENT_REFUSAL, 0, (gw_str){ NULL, 0 }, why, (gw_str){ NULL, 0 });
    if (!strcmp(word, "tool_calls") && r->state->tools == 0 && r->state->output_name.len > 0)
        word = "stop"; /* the tool that was called is ours: its arguments are the answer */
    else if (anthropic_is(reason, "end_turn") && r->state->tools > 0)
        word = "tool_calls"; /* servers that only look like Anthropic */
    gw_event event = { .size = sizeof event, .type = GW_EVENT_FINISH, .text = words(word) };
    const gw_json *detail = known->detail != NULL ? get(r->h, holder, known->detail) : NULL;
    if (known->says_more)
        event.code = reason;
    if (!is_null(r->h, detail))
        event.data = anthropic_one_line(r, r->h->json->text(detail));
    if (event.data.len > 0 && !anthropic_is_json(r, event.data))
        event.data = (gw_str){ NULL, 0 };
    hand_on(r, &event);
}

/* A whole answer, what a digest has left of it, or the start of a stream: that is empty nearly always, but where
 * code of the model's calls tools one after another each answer comes whole in it, with its stop reason. */
static void read_message(struct reader *r, const gw_json *message, bool is_start)
{
    const gw_json *content = get(r->h, message, "content"), *usage = get(r->h, message, "usage");
    bool more = is_start && is_null(r->h, get(r->h, message, "stop_reason"));

    read_start(r, message);
    for (size_t i = 0; !r->state->finished && i < length(r->h, content); i++) {
        anthropic_block_start(r, (int64_t)i, r->h->json->at(content, i));
        anthropic_block_stop(r, (int64_t)i);
    }
    if (is_type(r->h, usage, GW_JSON_OBJECT))
        anthropic_usage(r, usage, more);
    read_finish(r, message);
}

/* Some servers begin twice. A second message within the first cannot be joined to it. */
static void read_message_start(struct reader *r, const gw_json *message)
{
    const struct answer_state *s = r->state;

    if (s->started && (s->blocks != NULL || s->chars > 0 || s->tools > 0 || s->thoughts > 0 || s->finished))
        anthropic_fail(r, GW_LIT("the upstream began a second message within its answer"));
    else
        read_message(r, message, true);
}

/* Nothing is emitted after the finish. */
static void read_block_event(struct reader *r, gw_str type, const gw_json *root)
{
    int64_t index = r->h->json->integer(get(r->h, root, "index"), 0);

    if (r->state->finished)
        return;
    if (anthropic_is(type, "content_block_delta"))
        anthropic_block_delta(r, index, get(r->h, root, "delta"));
    else if (anthropic_is(type, "content_block_start"))
        anthropic_block_start(r, index, get(r->h, root, "content_block"));
    else if (anthropic_is(type, "content_block_stop"))
        anthropic_block_stop(r, index);
}

/* {"input_tokens":n}: the answer to a question that costs nothing. */
static void read_count(struct reader *r, const gw_json *root)
{
    gw_str json = r->h->json->text(root);
    if (anthropic_is_json(r, json))
        anthropic_emit(r, GW_EVENT_BODY, 0, (gw_str){ NULL, 0 }, (gw_str){ NULL, 0 }, json);
}

static void read_event(struct reader *r, const gw_json *root)
{
    gw_str type = get_str(r->h, root, "type");

    if (anthropic_starts(type, "content_block_")) {
        read_block_event(r, type, root);
    } else if (anthropic_is(type, "message_start")) {
        read_message_start(r, get(r->h, root, "message"));
    } else if (anthropic_is(type, "message_delta")) {
        if (is_type(r->h, get(r->h, root, "usage"), GW_JSON_OBJECT))
            anthropic_usage(r, get(r->h, root, "usage"), false);
        read_finish(r, get(r->h, root, "delta"));
    } else if (anthropic_is(type, "message_stop")) {
        anthropic_close_blocks(r); /* of an answer without a stop reason */
        r->complete = true;
    } else if (anthropic_is(type, "message")) {
        read_message(r, root, false);
    } else if (anthropic_is(type, "error") || !is_null(r->h, get(r->h, root, "error"))) {
        anthropic_error(r, root);
    } else if (type.len == 0 && is_type(r->h, get(r->h, root, "input_tokens"), GW_JSON_INT)) {
        read_count(r, root);
    } else if (type.len == 0) {
        read_message(r, root, false);
    } /* else ping, and what will come one day */
}

gw_status anthropic_read(void *instance, gw_call *call, const gw_frame *frame, gw_emit emit)
{
    const struct anthropic *anthropic = instance;
    struct reader r = { .anthropic = anthropic, .h = anthropic->host, .call = call, .emit = emit, .frame = frame };
    const gw_json *root = NULL;
    bool refused = frame->status >= 400;

    if (frame->data.len == 0 && !(refused && frame->end))
        return GW_OK;
    if (anthropic_is(frame->data, "[DONE]")) /* of some relays */
        return GW_MISS;
    r.state = r.h->state(call);
    if (r.state == NULL) {
        r.state = r.h->alloc(call, sizeof *r.state, _Alignof(struct answer_state));
        if (r.state == NULL)
            return GW_E_NOMEM;
        r.h->set_state(call, r.state);
    }
    gw_status status = frame->data.len > 0 ? r.h->json->parse(call, frame->data, &root) : GW_OK;
    if (refused) {
        anthropic_error(&r, status == GW_OK ? root : NULL);
        return GW_OK;
    }
    if (status != GW_OK)
        return status;
    if (!is_type(r.h, root, GW_JSON_OBJECT)) {
        r.h->explain(call, GW_LIT("the upstream's answer is JSON but not an object"));
        return GW_E_PROTOCOL;
    }
    if (!r.state->failed)
        read_event(&r, root);
    return r.status == GW_OK && r.complete ? GW_MISS : r.status;
}
