/* responses.c - OpenAI responses, relayed to upstreams that speak them. Usage stands inside the `response` of the last
 * event, and at the top of a whole answer. */
#include <string.h>

#include "face/common.h"
#include "face/spoken.h"

static int decode(struct arena *arena, struct text body, struct ask *ask, struct fail *fail)
{
    ask->wants_usage = true; /* it is part of every answer */
    return common_decode(arena, body, ask, fail);
}

static bool is_end(struct text name)
{
    return text_is(name, "response.completed") || text_is(name, "response.incomplete") || text_is(name, "response.failed");
}

static unsigned tap(struct arena *arena, struct text name, struct text data)
{
    struct scan scan;
    bool named = name.len > 0 && !text_is(name, "message");
    if (text_is(data, "[DONE]"))
        return FACE_TAP_DONE;
    if (text_is(name, "error"))
        return FACE_TAP_ERROR;
    if ((named && !is_end(name)) || scan_object(arena, data, SCAN_MAX_DEPTH, &scan) < 0)
        return 0;
    if (!named) { /* OpenRouter sends no event names: the type tells */
        const struct scan_member *error = scan_get(&scan, "error");
        bool typed = scan_string(arena, scan_get(&scan, "type"), &name);
        if (text_is(name, "error") || (!typed && error != NULL && !scan_is_null(error)))
            return FACE_TAP_ERROR;
    }
    if (!is_end(name))
        return 0;
    return FACE_TAP_FINISH | FACE_TAP_USAGE | FACE_TAP_DONE | (text_is(name, "response.failed") ? FACE_TAP_ERROR : 0u);
}

/* In every "….delta" event the member `delta` is a string: text, reasoning, arguments, code; of audio it is base64. */
static size_t spoken(struct text name, struct text data)
{
    static const struct text names[] = { SPOKEN("delta"), { NULL, 0 } }, passed[] = { SPOKEN("logprobs"), { NULL, 0 } };
    bool named = name.len > 0 && !text_is(name, "message");
    if ((named && !text_ends(name, TEXT(".delta"))) || text_find(data, TEXT("\"response.audio.delta\"")) >= 0)
        return 0;
    return spoken_in(data, TEXT("\"delta\""), names, passed);
}

static unsigned digest(struct arena *arena, struct text body, struct text *out)
{
    static const char *const kept[] = { "usage", "status", "error", "incomplete_details", "object", "message", "code", "type", "service_tier" };
    struct scan scan;
    struct buf b;
    unsigned found = 0;
    *out = TEXT_NONE;
    if (scan_object(arena, body, SCAN_MAX_DEPTH, &scan) < 0)
        return FACE_TAP_BAD;
    const struct scan_member *usage = scan_get(&scan, "usage"), *error = scan_get(&scan, "error");
    if (usage != NULL && usage->type == '{')
        found |= FACE_TAP_USAGE;
    if (error != NULL && !scan_is_null(error))
        found |= FACE_TAP_ERROR;
    else if (scan_get(&scan, "output") == NULL && scan_get(&scan, "status") == NULL && scan_get(&scan, "object") == NULL)
        found |= FACE_TAP_BAD;
    if (scan_get(&scan, "status") != NULL)
        found |= FACE_TAP_FINISH;
    buf_init(&b, body.len + 256);
    buf_str(&b, "{\"digest\":true");
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        common_keep(&scan, kept[i], &b);
    buf_str(&b, "}");
    *out = common_take(arena, &b);
    return found;
}

const struct face face_responses = {
    .name = "responses",
    .operation = GW_OP_CHAT,
    .dialect = GW_DIALECT_RESPONSES,
    .errors = ERROR_RESPONSES,
    .ping = { ": keep-alive\n\n", 14 },
    .decode = decode,
    .splice = common_splice,
    .tap = tap,
    .spoken = spoken,
    .digest = digest,
    .stream_event = common_no_stream_event,
    .stream_end = common_no_stream_end,
    .fold_event = common_body_event,
    .fold_end = common_body_end,
};
