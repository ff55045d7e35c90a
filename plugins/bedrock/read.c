/* read.c - Converse's answers, whole and as messages of an event stream, as events; and its errors. */
#include "bedrock.h"

enum { BLOCKS_MAX = 1024 };
enum kind { KIND_NONE, KIND_TEXT, KIND_THOUGHT, KIND_CALL };

/* One answer. Memory of the call. */
struct answer {
    uint32_t began, over, failed, calls, thoughts;
    struct {
        uint8_t kind;
        uint16_t item;
    } blocks[BLOCKS_MAX]; /* by contentBlockIndex */
};

struct reader {
    const gw_host *h;
    gw_call *call;
    gw_emit emit;
    struct answer *a;
};

static void say(const struct reader *r, uint32_t type, uint32_t item, gw_str id, gw_str text)
{
    gw_say(r->call, r->emit, (gw_event){ .type = type, .item = item, .id = id, .text = text });
}

static const gw_str none = { NULL, 0 };

static void start(const struct reader *r)
{
    if (!r->a->began++)
        say(r, GW_EVENT_START, 0, r->h->answer_header(r->call, GW_LIT("x-amzn-requestid")), none);
}

static void read_call(const struct reader *r, int64_t index, const gw_json *use)
{
    gw_str name = gw_get_str(r->h, use, "name");
    if (index < 0 || index >= BLOCKS_MAX || name.len == 0 || r->a->blocks[index].kind != KIND_NONE)
        return;
    r->a->blocks[index].kind = KIND_CALL;
    r->a->blocks[index].item = (uint16_t)r->a->calls;
    say(r, GW_EVENT_TOOL_CALL, r->a->calls++, gw_get_str(r->h, use, "toolUseId"), name);
}

/* A piece of reasoning, in a stream or whole: text, its signature, or what is encrypted. */
static void read_thought(const struct reader *r, int64_t index, const gw_json *thought)
{
    gw_str text = gw_get_str(r->h, thought, "text"), signature = gw_get_str(r->h, thought, "signature");
    gw_str redacted = gw_get_str(r->h, thought, "redactedContent");
    if (index < 0 || index >= BLOCKS_MAX || text.len + signature.len + redacted.len == 0)
        return;
    if (r->a->blocks[index].kind == KIND_NONE) {
        r->a->blocks[index].kind = KIND_THOUGHT;
        r->a->blocks[index].item = (uint16_t)r->a->thoughts++;
    }
    if (r->a->blocks[index].kind != KIND_THOUGHT)
        return;
    if (text.len > 0)
        say(r, GW_EVENT_REASONING, r->a->blocks[index].item, GW_LIT(BEDROCK_FORMAT), text);
    if (signature.len > 0)
        say(r, GW_EVENT_SIGNATURE, r->a->blocks[index].item, GW_LIT(BEDROCK_FORMAT), signature);
    if (redacted.len > 0)
        say(r, GW_EVENT_SIGNATURE, r->a->blocks[index].item, GW_LIT(BEDROCK_REDACTED), redacted);
}

static void read_text(const struct reader *r, int64_t index, gw_str text)
{
    if (index >= 0 && index < BLOCKS_MAX && text.len > 0)
        say(r, GW_EVENT_TEXT, 0, none, text);
}

static void read_delta(const struct reader *r, int64_t index, const gw_json *delta)
{
    gw_str input = gw_get_str(r->h, gw_get(r->h, delta, "toolUse"), "input");
    read_text(r, index, gw_get_str(r->h, delta, "text"));
    read_thought(r, index, gw_get(r->h, delta, "reasoningContent"));
    if (input.len > 0 && index >= 0 && index < BLOCKS_MAX && r->a->blocks[index].kind == KIND_CALL)
        say(r, GW_EVENT_TOOL_ARGS, r->a->blocks[index].item, none, input);
}

/* docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, stopReason, 2026-11. */
static void read_stop(const struct reader *r, gw_str reason)
{
    static const struct {
        const char *reasons, *finish;
    } rows[] = {
        { "end_turn stop_sequence", "stop" },
        { "max_tokens model_context_window_exceeded", "length" },
        { "tool_use", "tool_calls" },
        { "guardrail_intervened content_filtered", "content_filter" },
    };
    const char *finish = "stop";
    if (reason.len == 0 || r->a->over++)
        return;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (gw_is_one_of(reason, rows[i].reasons))
            finish = rows[i].finish;
    int plain = gw_is_one_of(reason, "end_turn max_tokens tool_use");
    gw_say(r->call, r->emit,
           (gw_event){ .type = GW_EVENT_FINISH, .text = gw_of(finish), .code = plain ? none : reason });
}

/* Tokens of a cache stand beside inputTokens; reasoning is inside outputTokens, and its part is not counted. */
static void read_usage(const struct reader *r, const gw_json *usage)
{
    gw_tokens t = gw_no_tokens();
    const gw_json *details = gw_get(r->h, usage, "cacheDetails");
    if (r->h->json->type(usage) != GW_JSON_OBJECT)
        return;
    t.input = gw_get_int(r->h, usage, "inputTokens", -1);
    t.output = gw_get_int(r->h, usage, "outputTokens", -1);
    t.cache_read = gw_get_int(r->h, usage, "cacheReadInputTokens", 0);
    t.cache_write_5m = gw_get_int(r->h, usage, "cacheWriteInputTokens", 0);
    t.cache_write_1h = 0;
    for (size_t i = 0; i < r->h->json->count(details); i++) {
        const gw_json *row = r->h->json->at(details, i);
        int64_t count = gw_get_int(r->h, row, "inputTokens", 0);
        if (gw_is(gw_get_str(r->h, row, "ttl"), "1h") && count > 0 && count <= t.cache_write_5m) {
            t.cache_write_1h += count;
            t.cache_write_5m -= count;
        }
    }
    const int64_t most = INT64_C(1) << 50;
    if (t.input < 0 || t.output < 0 || t.cache_read < 0 || t.cache_write_5m < 0 || t.input > most || t.output > most ||
        t.cache_read > most || t.cache_write_5m > most)
        return;
    int64_t sum = t.input + t.output + t.cache_read + t.cache_write_5m + t.cache_write_1h;
    t.total = gw_get_int(r->h, usage, "totalTokens", -1) == sum ? sum : -1;
    t.raw = r->h->json->text(usage);
    gw_say(r->call, r->emit, (gw_event){ .type = GW_EVENT_USAGE, .tokens = &t });
}

/* Errors by name, where they come in a stream and have no status. API_runtime_ConverseStream.html, 2026-11. */
static void read_error(const struct reader *r, uint32_t status, gw_str code, gw_str message)
{
    static const struct {
        const char *name;
        uint32_t status, fault;
    } rows[] = {
        { "throttlingException", 429, GW_FAULT_RATE_LIMIT },
        { "serviceUnavailableException", 503, GW_FAULT_OVERLOADED },
        { "modelTimeoutException", 504, GW_FAULT_TIMEOUT },
        { "validationException", 400, GW_FAULT_REQUEST },
    };
    uint32_t fault = GW_FAULT_BY_STATUS;
    for (size_t i = 0; status < 400 && i < sizeof rows / sizeof *rows; i++)
        if (gw_is(code, rows[i].name)) {
            status = rows[i].status;
            fault = rows[i].fault;
        }
    if (gw_begins(message, "Input is too long") || gw_begins(message, "prompt is too long"))
        fault = GW_FAULT_CONTEXT;
    r->a->failed = 1;
    gw_say(r->call, r->emit,
           (gw_event){ .type = GW_EVENT_ERROR,
                       .status = status < 400 ? 502 : status,
                       .fault = fault,
                       .text = message,
                       .code = code });
}

static void read_whole(const struct reader *r, const gw_json *root)
{
    const gw_json *content = gw_get(r->h, gw_get(r->h, gw_get(r->h, root, "output"), "message"), "content");
    start(r);
    for (size_t i = 0; i < r->h->json->count(content) && i < BLOCKS_MAX; i++) {
        const gw_json *block = r->h->json->at(content, i), *use = gw_get(r->h, block, "toolUse");
        const gw_json *thought = gw_get(r->h, block, "reasoningContent"),
                      *cited = gw_get(r->h, block, "citationsContent");
        const gw_json *texts = gw_get(r->h, cited, "content"), *plain = gw_get(r->h, thought, "reasoningText");
        read_text(r, (int64_t)i, gw_get_str(r->h, block, "text"));
        for (size_t k = 0; k < r->h->json->count(texts); k++)
            read_text(r, (int64_t)i, gw_get_str(r->h, r->h->json->at(texts, k), "text"));
        read_thought(r, (int64_t)i, plain != NULL ? plain : thought);
        read_call(r, (int64_t)i, use);
        if (r->a->blocks[i].kind == KIND_CALL && gw_get(r->h, use, "input") != NULL)
            say(r, GW_EVENT_TOOL_ARGS, r->a->blocks[i].item, none, r->h->json->text(gw_get(r->h, use, "input")));
    }
    read_stop(r, gw_get_str(r->h, root, "stopReason"));
    read_usage(r, gw_get(r->h, root, "usage"));
}

static void read_message(const struct reader *r, const gw_frame *frame, const gw_json *json)
{
    int64_t index = gw_get_int(r->h, json, "contentBlockIndex", -1);
    gw_str type = r->h->frame_header(frame, GW_LIT(":message-type"));
    if (gw_is(type, "exception")) {
        read_error(r, 0, frame->name, gw_get_str(r->h, json, "message"));
        return;
    }
    if (gw_is(type, "error")) {
        read_error(r, 0, frame->name, r->h->frame_header(frame, GW_LIT(":error-message")));
        return;
    }
    start(r);
    if (gw_is(frame->name, "metadata"))
        read_usage(r, gw_get(r->h, json, "usage"));
    else if (gw_is(frame->name, "messageStop"))
        read_stop(r, gw_get_str(r->h, json, "stopReason"));
    else if (gw_is(frame->name, "contentBlockStart") && !r->a->over)
        read_call(r, index, gw_get(r->h, gw_get(r->h, json, "start"), "toolUse"));
    else if (gw_is(frame->name, "contentBlockDelta") && !r->a->over)
        read_delta(r, index, gw_get(r->h, json, "delta"));
}

gw_status read_answer(const gw_host *h, gw_call *call, const gw_frame *frame, gw_emit emit)
{
    struct reader r = { h, call, emit, h->state(call) };
    const gw_json *json = NULL;
    if (r.a == NULL && (r.a = h->alloc(call, sizeof *r.a, _Alignof(struct answer))) == NULL)
        return GW_E_NOMEM;
    h->set_state(call, r.a);
    if (frame->status >= 400) {
        gw_str code = h->answer_header(call, GW_LIT("x-amzn-errortype"));
        const char *colon = code.len > 0 ? memchr(code.ptr, ':', code.len) : NULL;
        if (colon != NULL) /* "ValidationException:http://internal.amazon.com/..." */
            code.len = (size_t)(colon - code.ptr);
        h->json->parse(call, frame->data, &json);
        read_error(&r, frame->status, code, gw_get_str(h, json, "message"));
        return GW_OK;
    }
    if (r.a->failed || (frame->data.len == 0 && frame->framing != GW_FRAMING_WHOLE && frame->name.len == 0))
        return GW_OK;
    if (frame->data.len > 0 && h->json->parse(call, frame->data, &json) != GW_OK)
        return GW_E_PROTOCOL; /* and parse() has given the reason */
    if (frame->framing == GW_FRAMING_WHOLE)
        read_whole(&r, json);
    else
        read_message(&r, frame, json);
    return GW_OK;
}
