/* read.c - Gemini's answers as events: chunks of a stream, whole answers, errors. */
#include "gemini.h"

struct in { /* one frame */
    const gw_host *h;
    gw_call *call;
    gw_emit emit;
    struct gemini_state *state;
    gw_str id; /* of the answer */
};

static const gw_str none = { NULL, 0 };

static void say(const struct in *in, uint32_t type, uint32_t index, uint32_t item, gw_str id, gw_str text, gw_str data)
{
    in->emit(in->call, &(gw_event){ .size = sizeof(gw_event),
                                    .type = type,
                                    .index = index,
                                    .item = item,
                                    .id = id,
                                    .text = text,
                                    .data = data });
}

static int64_t count_of(const struct in *in, const gw_json *usage, const char *name)
{
    int64_t count = in->h->json->integer(gemini_get(in->h, usage, name), 0);
    return count > 0 ? count : 0;
}

/* Tokens of one modality in a list of details. */
static int64_t modality_of(const struct in *in, const gw_json *usage, const char *list, const char *modality)
{
    const gw_json *details = gemini_get(in->h, usage, list);
    for (size_t i = 0; i < in->h->json->count(details); i++)
        if (gemini_is(gemini_text(in->h, in->h->json->at(details, i), "modality"), modality))
            return count_of(in, in->h->json->at(details, i), "tokenCount");
    return 0;
}

/* The prompt contains what a cache had; thoughts and prompts of Google's own tools are in neither of the others. A count of
 * nothing is left out by the service. */
static void read_usage(const struct in *in, const gw_json *usage)
{
    if (gemini_get(in->h, usage, "promptTokenCount") == NULL)
        return;
    gw_tokens t = { .size = sizeof t, .total = in->h->json->integer(gemini_get(in->h, usage, "totalTokenCount"), -1) };
    int64_t prompt = count_of(in, usage, "promptTokenCount"), output = count_of(in, usage, "candidatesTokenCount");
    int64_t cached = count_of(in, usage, "cachedContentTokenCount");
    int64_t heard =
        modality_of(in, usage, "promptTokensDetails", "AUDIO") - modality_of(in, usage, "cacheTokensDetails", "AUDIO");
    int64_t spoken = modality_of(in, usage, "candidatesTokensDetails", "AUDIO");
    int64_t drawn = modality_of(in, usage, "candidatesTokensDetails", "IMAGE");
    t.cache_read = cached < prompt ? cached : prompt;
    t.audio_in = heard > 0 && heard <= prompt - t.cache_read ? heard : 0;
    t.input = prompt - t.cache_read - t.audio_in + count_of(in, usage, "toolUsePromptTokenCount");
    t.audio_out = spoken <= output ? spoken : 0;
    t.image_out = drawn <= output - t.audio_out ? drawn : 0;
    t.output = output - t.audio_out - t.image_out;
    t.reasoning = count_of(in, usage, "thoughtsTokenCount");
    if (t.total != t.input + t.cache_read + t.audio_in + t.output + t.audio_out + t.image_out + t.reasoning)
        t.total = -1; /* seen now and then: the parts are what is billed */
    t.raw = in->h->json->text(usage);
    in->emit(in->call, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_USAGE, .tokens = &t });
}

/* A signature of a block of reasoning, as an entry of reasoning_details; `id`: of the call that it came with, or absent. */
static void read_signature(const struct in *in, uint32_t index, gw_str id, gw_str signature)
{
    struct gemini_choice *choice = &in->state->choices[index];
    struct gemini_out o = { .h = in->h, .call = in->call, .w = in->h->writer(in->call) };
    if (signature.len == 0)
        return;
    o.h->write->object(o.w);
    gemini_str(&o, "type", GW_LIT("reasoning.encrypted"));
    gemini_str(&o, "format", GW_LIT(GEMINI_FORMAT));
    if (id.len > 0)
        gemini_str(&o, "id", id);
    gemini_str(&o, "data", signature);
    gemini_key(&o, "index");
    o.h->write->integer(o.w, choice->block);
    o.h->write->close(o.w);
    if (o.h->write->end(o.w) == GW_OK)
        say(in, GW_EVENT_SIGNATURE, index, choice->block++, GW_LIT(GEMINI_FORMAT), signature, o.h->write->text(o.w));
}

/* What a client of chats sends back in the call: where Google's own compatible API has it. */
static gw_str extra_of(const struct in *in, gw_str signature)
{
    struct gemini_out o = { .h = in->h, .call = in->call, .w = in->h->writer(in->call) };
    if (signature.len == 0)
        return none;
    o.h->write->object(o.w);
    gemini_key(&o, "extra_content");
    o.h->write->object(o.w);
    gemini_key(&o, "google");
    o.h->write->object(o.w);
    gemini_str(&o, "thought_signature", signature);
    for (int i = 0; i < 3; i++)
        o.h->write->close(o.w);
    return o.h->write->end(o.w) == GW_OK ? o.h->write->text(o.w) : none;
}

/* call_ANSWER_NUMBER: unique among the answers of a conversation too. */
static gw_str id_new(const struct in *in)
{
    char digits[10], *id = in->h->alloc(in->call, in->id.len + 6 + sizeof digits, 1);
    size_t len = 0, at = 5;
    if (id == NULL)
        return none;
    memcpy(id, "call_", 5);
    if (in->id.len > 0) {
        memcpy(id + at, in->id.ptr, in->id.len);
        at += in->id.len;
        id[at++] = '_';
    }
    for (uint32_t n = in->state->calls; n > 0 || len == 0; n /= 10)
        digits[len++] = (char)('0' + n % 10);
    while (len > 0)
        id[at++] = digits[--len];
    return (gw_str){ id, at };
}

static void read_call(const struct in *in, uint32_t index, const gw_json *function, gw_str signature)
{
    gw_str id = gemini_text(in->h, function, "id"), args = in->h->json->text(gemini_get(in->h, function, "args"));
    gw_str name = names_back(in->h, in->call, in->state, gemini_text(in->h, function, "name"));
    uint32_t item = in->state->choices[index].calls++;
    if (id.len == 0)
        id = id_new(in);
    in->state->calls++;
    read_signature(in, index, id, signature);
    say(in, GW_EVENT_TOOL_CALL, index, item, id, name, extra_of(in, signature));
    say(in, GW_EVENT_TOOL_ARGS, index, item, none, args.len > 0 ? args : GW_LIT("{}"), none);
}

/* An image or a sound that the model made. */
static void read_media(const struct in *in, uint32_t index, const gw_json *media)
{
    struct gemini_out o = { .h = in->h, .call = in->call, .w = in->h->writer(in->call) };
    gw_str type = gemini_text(in->h, media, "mimeType"), data = gemini_text(in->h, media, "data");
    int audio = gemini_begins(type, "audio/");
    char *url = in->h->alloc(in->call, type.len + data.len + 16, 1), *at = url;
    if (type.len == 0 || data.len == 0 || url == NULL)
        return;
    const gw_str pieces[] = { GW_LIT("data:"), type, GW_LIT(";base64,"), data };
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; at += pieces[i++].len)
        memcpy(at, pieces[i].ptr, pieces[i].len);
    o.h->write->object(o.w);
    gemini_str(&o, "type", audio ? GW_LIT("audio") : GW_LIT("image_url"));
    gemini_key(&o, audio ? "audio" : "image_url");
    o.h->write->object(o.w);
    gemini_str(&o, audio ? "data" : "url", audio ? data : (gw_str){ url, (size_t)(at - url) });
    o.h->write->close(o.w);
    o.h->write->close(o.w);
    if (o.h->write->end(o.w) == GW_OK)
        say(in, GW_EVENT_MEDIA, index, 0, none, none, o.h->write->text(o.w));
}

static void read_part(const struct in *in, uint32_t index, const gw_json *part)
{
    const gw_json *function = gemini_get(in->h, part, "functionCall"), *media = gemini_get(in->h, part, "inlineData");
    gw_str text = gemini_text(in->h, part, "text"), signature = gemini_text(in->h, part, "thoughtSignature");
    int thought = in->h->json->boolean(gemini_get(in->h, part, "thought"), 0);
    if (in->h->json->type(function) == GW_JSON_OBJECT) {
        read_call(in, index, function, signature);
        return;
    }
    if (media != NULL)
        read_media(in, index, media);
    if (text.len > 0)
        say(in, thought ? GW_EVENT_REASONING : GW_EVENT_TEXT, index, thought ? in->state->choices[index].block : 0,
            none, text, none);
    read_signature(in, index, none, signature);
}

static gw_str finish_of(const struct in *in, gw_str reason, uint32_t index)
{
    static const char *const filters[] = { "SAFETY",
                                           "RECITATION",
                                           "LANGUAGE",
                                           "BLOCKLIST",
                                           "SPII",
                                           "PROHIBITED_CONTENT",
                                           "IMAGE_SAFETY",
                                           "MODEL_ARMOR",
                                           "IMAGE_PROHIBITED_CONTENT",
                                           "JAILBREAK",
                                           "IMAGE_RECITATION" };
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        if (gemini_is(reason, filters[i]))
            return GW_LIT("content_filter");
    if (gemini_is(reason, "MAX_TOKENS"))
        return GW_LIT("length");
    return in->state->choices[index].calls > 0 ? GW_LIT("tool_calls") : GW_LIT("stop");
}

/* `more`: a text of the service's about the reason. */
static void finish(const struct in *in, uint32_t index, gw_str word, gw_str reason, const gw_json *more)
{
    int plain = gemini_is(reason, "STOP") || gemini_is(reason, "MAX_TOKENS");
    gw_event event = { .size = sizeof event, .type = GW_EVENT_FINISH, .index = index, .text = word };
    if (!plain) {
        event.code = reason;
        event.data = in->h->json->text(more);
    }
    in->state->choices[index].finished = 1;
    in->emit(in->call, &event);
}

static void read_candidate(const struct in *in, const gw_json *candidate)
{
    /* one interface of Vertex writes enumerations as numbers */
    static const char *const numbered[] = {
        "",      "STOP",      "MAX_TOKENS",         "SAFETY", "RECITATION",
        "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",   "MALFORMED_FUNCTION_CALL"
    };
    const gw_json *parts = gemini_get(in->h, gemini_get(in->h, candidate, "content"), "parts");
    const gw_json *told = gemini_get(in->h, candidate, "finishReason");
    gw_str reason = in->h->json->str(told);
    int64_t index = in->h->json->integer(gemini_get(in->h, candidate, "index"), 0);
    int64_t number = in->h->json->integer(told, 0);
    if (index < 0 || index >= GEMINI_CHOICES || in->state->choices[index].finished)
        return;
    if (number > 0 && number < (int64_t)(sizeof numbered / sizeof *numbered))
        reason = (gw_str){ numbered[number], strlen(numbered[number]) };
    for (size_t i = 0; i < in->h->json->count(parts); i++)
        read_part(in, (uint32_t)index, in->h->json->at(parts, i));
    if (reason.len > 0)
        finish(in, (uint32_t)index, finish_of(in, reason, (uint32_t)index), reason,
               gemini_get(in->h, candidate, "finishMessage"));
}

static int contains(gw_str text, const char *word)
{
    for (size_t i = 0; i + strlen(word) <= text.len; i++)
        if (memcmp(text.ptr + i, word, strlen(word)) == 0)
            return 1;
    return 0;
}

/* A google.rpc.Status; `status`: of the answer, under 400 inside a 200. */
static void read_error(const struct in *in, uint32_t status, const gw_json *error)
{
    const gw_json *details = gemini_get(in->h, error, "details");
    struct gemini_out o = { .h = in->h, .call = in->call, .w = in->h->writer(in->call) };
    int64_t code = in->h->json->integer(gemini_get(in->h, error, "code"), 0);
    gw_event event = { .size = sizeof event, .type = GW_EVENT_ERROR, .status = status };
    event.text = gemini_text(in->h, error, "message");
    event.code = gemini_text(in->h, error, "status");
    if (status < 400)
        event.status = code >= 400 && code <= 599 ? (uint32_t)code : 502;
    for (size_t i = 0; i < in->h->json->count(details); i++)
        if (gemini_is(gemini_text(in->h, in->h->json->at(details, i), "reason"), "API_KEY_INVALID"))
            event.fault = GW_FAULT_AUTH;
    /* 400 too, and the fault of neither: another target may serve it */
    if (contains(event.text, "location is not supported") || (event.status == 403 && contains(event.text, " model"))) {
        event.status = 403;
        event.fault = GW_FAULT_REQUEST;
    }
    if (contains(event.text, "exceeds the maximum number of tokens"))
        event.fault = GW_FAULT_CONTEXT;
    if (in->h->json->count(details) > 0) { /* RetryInfo, QuotaFailure ... */
        o.h->write->object(o.w);
        gemini_key(&o, "details");
        o.h->write->copy(o.w, details);
        o.h->write->close(o.w);
        event.data = o.h->write->end(o.w) == GW_OK ? o.h->write->text(o.w) : none;
    }
    in->state->over = 1;
    in->emit(in->call, &event);
}

static void read_chunk(struct in *in, uint32_t status, const gw_json *chunk)
{
    const gw_json *error = gemini_get(in->h, chunk, "error"), *candidates = gemini_get(in->h, chunk, "candidates");
    const gw_json *feedback = gemini_get(in->h, chunk, "promptFeedback");
    gw_str blocked = gemini_text(in->h, feedback, "blockReason");
    if (in->state->over)
        return;
    if (error != NULL || status >= 400) {
        read_error(in, status, error);
        return;
    }
    if (in->state->operation == GW_OP_EMBEDDINGS || in->state->operation == GW_OP_COUNT_TOKENS) {
        services_read(in->h, in->call, chunk, in->emit);
        return;
    }
    in->id = gemini_text(in->h, chunk, "responseId");
    if (!in->state->began++)
        say(in, GW_EVENT_START, 0, 0, in->id, gemini_text(in->h, chunk, "modelVersion"), none);
    for (size_t i = 0; i < in->h->json->count(candidates); i++)
        read_candidate(in, in->h->json->at(candidates, i));
    if (blocked.len > 0 && !in->state->choices[0].finished) /* the prompt was: there is no candidate */
        finish(in, 0, GW_LIT("content_filter"), blocked, gemini_get(in->h, feedback, "blockReasonMessage"));
    read_usage(in, gemini_get(in->h, chunk, "usageMetadata"));
}

gw_status read_answer(const gw_host *h, gw_call *call, const gw_frame *frame, gw_emit emit)
{
    struct in in = { .h = h, .call = call, .emit = emit, .state = h->state(call) };
    const gw_json *json = NULL;
    if (in.state == NULL && (in.state = h->alloc(call, sizeof *in.state, sizeof(void *))) == NULL)
        return GW_E_NOMEM;
    h->set_state(call, in.state);
    if (frame->status < 400 && frame->data.len == 0)
        return GW_OK;
    if (h->json->parse(call, frame->data, &json) != GW_OK && frame->status < 400)
        return GW_E_PROTOCOL; /* and parse() gave the reason */
    if (h->json->type(json) != GW_JSON_ARRAY || h->json->count(json) == 0) {
        read_chunk(&in, frame->status, json);
        return GW_OK;
    }
    for (size_t i = 0; i < h->json->count(json); i++) /* a stream that came as one array; an error in a list */
        read_chunk(&in, frame->status, h->json->at(json, i));
    return GW_OK;
}
