/* messages.c - Anthropic messages and count_tokens: what the client sent, and what goes to Anthropic as it is. What
 * passes by in a relayed answer is dialect/messages.c; the canonical form begins in messages_request.c, answers from events
 * in messages_block.c. */
#include "face/messages/messages.h"

#include "face/common.h"
#include "face/messages/messages_inside.h"

/* What both faces read. */
static int decode(struct arena *arena, struct text body, struct ask *ask, struct fail *fail)
{
    ask->wants_usage = true; /* Anthropic's answers always have it */
    if (common_decode(arena, body, ask, fail) < 0)
        return -1;
    const struct scan_member *m = scan_get(&ask->scan, "messages");
    if (m == NULL)
        return error_param(fail, E_PARAMETER, TEXT("messages"), "messages is missing");
    if (m->type != '[')
        return error_param(fail, E_PARAMETER, TEXT("messages"), "messages must be an array");
    return 0;
}

static int messages_decode(struct arena *arena, struct text body, struct ask *ask, struct fail *fail)
{
    int64_t max_tokens;
    if (decode(arena, body, ask, fail) < 0)
        return -1;
    const struct scan_member *m = scan_get(&ask->scan, "max_tokens");
    if (m == NULL)
        return error_param(fail, E_PARAMETER, TEXT("max_tokens"),
                           "max_tokens is missing: say how many tokens the answer may have");
    if (!scan_int(m, &max_tokens) || max_tokens < 0)
        return error_param(fail, E_PARAMETER, TEXT("max_tokens"), "max_tokens must be a whole number, 0 or more");
    return 0;
}

static int count_decode(struct arena *arena, struct text body, struct ask *ask, struct fail *fail)
{
    if (decode(arena, body, ask, fail) < 0)
        return -1;
    ask->stream = false; /* there is nothing to stream */
    return 0;
}

/* What the upstream counted, or the estimate where it cannot count. */
static bool count_fold_end(struct face_answer *answer, struct buf *out)
{
    if (answer->state != NULL)
        return common_body_end(answer, out);
    return buf_printf(out, "{\"input_tokens\":%lld}", (long long)messages_estimate(answer->ask)) == 0;
}

const struct face face_messages = {
    .name = "messages",
    .operation = GW_OP_CHAT,
    .dialect = &dialect_messages,
    .canonical_dialect = GW_DIALECT_CHAT,
    .decode = messages_decode,
    .talk = talk_messages,
    .shape = &shape_messages,
    .canonical = messages_canonical,
    .stream_event = messages_stream_event,
    .stream_end = messages_stream_end,
    .fold_event = messages_fold_event,
    .fold_end = messages_fold_end,
};

const struct face face_count_tokens = {
    .name = "count_tokens",
    .operation = GW_OP_COUNT_TOKENS,
    .dialect = &dialect_count_tokens,
    .canonical_dialect = GW_DIALECT_CHAT,
    .decode = count_decode,
    .canonical = messages_canonical,
    .stream_event = common_no_stream_event,
    .stream_end = common_no_stream_end,
    .fold_event = common_body_event,
    .fold_end = count_fold_end,
};
