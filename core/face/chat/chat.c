/* chat.c - OpenAI chat completions: what the client sent. What passes by is dialect/chat.c; answers are written from events in
 * chat_write.c. */
#include "face/chat/chat.h"

#include "face/common.h"

static int chat_decode(struct arena *arena, struct text body, struct ask *ask, struct fail *fail)
{
    const struct scan_member *m;
    if (common_decode(arena, body, ask, fail) < 0)
        return -1;
    m = scan_get(&ask->scan, "messages");
    if (m == NULL && scan_get(&ask->scan, "input") != NULL) {
        if (responses_request_to_chat(arena, ask, fail) < 0)
            return -1;
        m = scan_get(&ask->scan, "messages");
    }
    if (m == NULL)
        return error_param(fail, E_PARAMETER, TEXT("messages"), "messages is missing");
    if (m->type != '[')
        return error_param(fail, E_PARAMETER, TEXT("messages"), "messages must be an array");
    m = scan_get(&ask->scan, "n");
    if (m != NULL && !scan_is_null(m) && (!scan_int(m, &ask->choices) || ask->choices < 1 || ask->choices > 128))
        return error_param(fail, E_PARAMETER, TEXT("n"), "n must be a whole number from 1 to 128");
    return common_decode_options(arena, ask, fail);
}

const struct face face_chat = {
    .name = "chat",
    .operation = GW_OP_CHAT,
    .dialect = &dialect_chat,
    .canonical_dialect = GW_DIALECT_CHAT,
    .decode_drops = true,
    .decode = chat_decode,
    .talk = talk_chat,
    .shape = &shape_chat,
    .canonical = ask_json, /* the chat shape is the canonical one */
    .stream_event = chat_stream_event,
    .stream_end = chat_stream_end,
    .fold_event = chat_fold_event,
    .fold_end = chat_fold_end,
};
