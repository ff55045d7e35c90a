/* answer.c - answers of Ollama's own API: lines of JSON, or one; embeddings; errors, which may stand in a line. */
#include "ollama.h"

static void emit_calls(const gw_host *h, gw_call *call, struct ollama_state *state, const gw_json *calls, gw_emit emit)
{
    for (size_t i = 0; i < h->json->count(calls); i++) {
        const gw_json *one = h->json->at(calls, i), *function = gw_get(h, one, "function");
        gw_str id = gw_get_str(h, one, "id");
        char *own = id.len == 0 ? h->alloc(call, 8, 1) : NULL; /* older servers give none */
        if (own != NULL) {
            memcpy(own, "call_00", 8);
            own[5] = (char)('0' + state->calls / 10 % 10), own[6] = (char)('0' + state->calls % 10);
            id = gw_of(own);
        }
        gw_say(
            call, emit,
            (gw_event){
                .type = GW_EVENT_TOOL_CALL, .item = state->calls, .id = id, .text = gw_get_str(h, function, "name") });
        gw_say(call, emit,
               (gw_event){ .type = GW_EVENT_TOOL_ARGS,
                           .item = state->calls++,
                           .text = h->json->text(gw_get(h, function, "arguments")) });
    }
}

static void emit_usage(const gw_host *h, gw_call *call, const gw_json *json, gw_emit emit)
{
    gw_tokens tokens = gw_no_tokens();
    tokens.input =
        gw_get_int(h, json, "prompt_eval_count", 0); /* left out where all of the prompt was still in memory */
    tokens.output = gw_get_int(h, json, "eval_count", 0);
    tokens.raw = h->json->text(json);
    if (gw_get(h, json, "eval_count") != NULL || gw_get(h, json, "prompt_eval_count") != NULL)
        gw_say(call, emit, (gw_event){ .type = GW_EVENT_USAGE, .tokens = &tokens });
}

static void emit_embeddings(const gw_host *h, gw_call *call, const gw_json *json, gw_emit emit)
{
    const gw_json *rows = gw_get(h, json, "embeddings");
    gw_writer *w = h->writer(call);
    h->write->object(w);
    gw_put_str(h, w, "object", GW_LIT("list"));
    gw_put_key(h, w, "data");
    h->write->array(w);
    for (size_t i = 0; i < h->json->count(rows); i++) {
        h->write->object(w);
        gw_put_str(h, w, "object", GW_LIT("embedding"));
        gw_put_key(h, w, "index");
        h->write->integer(w, (int64_t)i);
        gw_put_key(h, w, "embedding");
        h->write->copy(w, h->json->at(rows, i));
        h->write->close(w);
    }
    h->write->close(w);
    gw_put_str(h, w, "model", gw_get_str(h, json, "model"));
    gw_put_key(h, w, "usage");
    h->write->object(w);
    for (int i = 0; i < 2; i++) {
        gw_put_key(h, w, i == 0 ? "prompt_tokens" : "total_tokens");
        h->write->integer(w, gw_get_int(h, json, "prompt_eval_count", 0));
    }
    h->write->close(w);
    h->write->close(w);
    if (h->write->end(w) == GW_OK)
        gw_say(call, emit, (gw_event){ .type = GW_EVENT_BODY, .data = h->write->text(w) });
    emit_usage(h, call, json, emit);
}

static void emit_error(const gw_host *h, gw_call *call, uint32_t status, const gw_json *json, gw_emit emit)
{
    gw_say(call, emit,
           (gw_event){
               .type = GW_EVENT_ERROR, .status = status >= 400 ? status : 502, .text = gw_get_str(h, json, "error") });
}

static gw_status read_line(const gw_host *h, gw_call *call, struct ollama_state *state, gw_str line, gw_emit emit,
                           gw_status complete)
{
    const gw_json *json;
    if (h->json->parse(call, line, &json) != GW_OK)
        return GW_E_PROTOCOL;
    const gw_json *message = gw_get(h, json, "message");
    gw_str thinking = gw_get_str(h, message, "thinking"), text = gw_get_str(h, message, "content"),
           why = gw_get_str(h, json, "done_reason");
    state->ended = gw_get(h, json, "error") != NULL || h->json->boolean(gw_get(h, json, "done"), 0);
    if (gw_get(h, json, "error") != NULL) {
        emit_error(h, call, 200, json, emit);
        return GW_OK;
    }
    if (thinking.len > 0)
        gw_say(call, emit, (gw_event){ .type = GW_EVENT_REASONING, .text = thinking });
    if (text.len > 0)
        gw_say(call, emit, (gw_event){ .type = GW_EVENT_TEXT, .text = text });
    emit_calls(h, call, state, gw_get(h, message, "tool_calls"), emit);
    if (!state->ended)
        return GW_OK;
    emit_usage(h, call, json, emit);
    why = gw_is(why, "length") ? why : state->calls > 0 ? GW_LIT("tool_calls") : GW_LIT("stop");
    gw_say(call, emit, (gw_event){ .type = GW_EVENT_FINISH, .text = why });
    return complete;
}

gw_status answer_read(const gw_host *h, gw_call *call, const gw_frame *frame, gw_emit emit)
{
    struct ollama_state *state = h->state(call);
    const gw_json *json;
    if (state == NULL && (state = h->alloc(call, sizeof *state, sizeof(void *))) == NULL)
        return GW_E_NOMEM;
    h->set_state(call, state);
    if (frame->status >= 400) {
        h->json->parse(call, frame->data, &json); /* NULL where a proxy answers */
        emit_error(h, call, frame->status, json, emit);
        return GW_OK;
    }
    gw_status status = GW_OK;
    for (gw_str rest = frame->data;
         state->operation != GW_OP_EMBEDDINGS && status == GW_OK && rest.len > 0 && !state->ended;) {
        const char *end =
            memchr(rest.ptr, '\n', rest.len); /* in a whole answer, too, where the server streams unasked */
        gw_str line = { rest.ptr, end != NULL ? (size_t)(end - rest.ptr) : rest.len };
        rest = (gw_str){ line.ptr + line.len + (end != NULL), rest.len - line.len - (end != NULL) };
        if (line.len > 0)
            status = read_line(h, call, state, line, emit, frame->framing == GW_FRAMING_WHOLE ? GW_OK : GW_MISS);
    }
    if (state->operation != GW_OP_EMBEDDINGS || frame->data.len == 0)
        return status;
    if (h->json->parse(call, frame->data, &json) != GW_OK)
        return GW_E_PROTOCOL;
    emit_embeddings(h, call, json, emit);
    return GW_OK;
}
