/* responses.c - OpenAI responses, relayed to upstreams that speak them. */
#include "face/common.h"

static int decode(struct arena *arena, struct text body, struct ask *ask, struct fail *fail)
{
    ask->wants_usage = true; /* it is part of every answer */
    return common_decode(arena, body, ask, fail);
}

const struct face face_responses = {
    .name = "responses",
    .operation = GW_OP_CHAT,
    .dialect = &dialect_responses,
    .decode = decode,
    .stream_event = common_no_stream_event,
    .stream_end = common_no_stream_end,
    .fold_event = common_body_event,
    .fold_end = common_body_end,
};
