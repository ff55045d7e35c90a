/* messages.c - Anthropic messages and count_tokens: what the client sent, and what goes to Anthropic as it is. What
 * passes by in a relayed answer is messages_tap.c; the canonical form begins in messages_request.c, answers from events
 * in messages_block.c. */
#include "face/messages.h"

#include "face/common.h"
#include "face/messages_inside.h"

#define PING "event: ping\ndata: {\"type\": \"ping\"}\n\n"
#define END "event: message_stop\ndata: {\"type\": \"message_stop\"}\n\n"

/* What both faces read. */
static int decode(struct arena *arena, struct text body, struct ask *ask, struct fail *fail)
{
    ask->wants_usage = true; /* Anthropic's answers always tell it */
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

static void messages_splice(struct arena *arena, const struct ask *ask, struct text model, struct text **pieces,
                            size_t *count)
{
    struct common_edit *cuts, rename;
    size_t n = messages_strip(arena, ask, &cuts), k = 0;
    struct common_edit *edits = arena_array(arena, struct common_edit, n + 1);
    bool renamed = common_model_edit(arena, ask, model, &rename);
    for (size_t i = 0; i < n; i++) { /* both by rising offset */
        if (renamed && rename.start < cuts[i].start) {
            edits[k++] = rename;
            renamed = false;
        }
        edits[k++] = cuts[i];
    }
    if (renamed)
        edits[k++] = rename;
    common_pieces(arena, ask, edits, k, pieces, count);
}

/* What the upstream counted, or the estimate where it cannot count. */
static bool count_fold_end(struct face_answer *answer, struct buf *out)
{
    if (answer->state != NULL)
        return common_body_end(answer, out);
    return buf_printf(out, "{\"input_tokens\":%lld}", (long long)messages_estimate(answer->ask)) == 0;
}

#define BOTH                                                                                                           \
    .dialect = GW_DIALECT_MESSAGES, .errors = ERROR_ANTHROPIC, .ping = { PING, sizeof PING - 1 },                      \
    .end = { END, sizeof END - 1 },                                                                                    \
    .canonical = messages_canonical, .splice = messages_splice, .tap = messages_tap, .opens = messages_opens,   \
    .spoken = messages_spoken

const struct face face_messages = {
    .name = "messages",
    .operation = GW_OP_CHAT,
    BOTH,
    .decode = messages_decode,
    .digest = messages_digest,
    .stream_event = messages_stream_event,
    .stream_end = messages_stream_end,
    .fold_event = messages_fold_event,
    .fold_end = messages_fold_end,
};

const struct face face_count_tokens = {
    .name = "count_tokens",
    .operation = GW_OP_COUNT_TOKENS,
    BOTH,
    .decode = count_decode,
    .digest = messages_digest_count,
    .stream_event = common_no_stream_event,
    .stream_end = common_no_stream_end,
    .fold_event = common_body_event,
    .fold_end = count_fold_end,
};
