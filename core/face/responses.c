/* responses.c - OpenAI responses, relayed to upstreams that speak them. */
#include "face/responses.h"

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
    .talk = talk_responses,
    .shape = &shape_responses,
    .stream_event = responses_stream_event,
    .stream_end = responses_stream_end,
    .fold_event = responses_fold_event,
    .fold_end = responses_fold_end,
};
