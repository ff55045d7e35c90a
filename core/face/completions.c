/* completions.c - OpenAI's legacy text completions, relayed to upstreams that have them. */
#include "face/common.h"

static int decode(struct arena *arena, struct text body, struct ask *ask, struct fail *fail)
{
    if (common_decode(arena, body, ask, fail) < 0)
        return -1;
    const struct scan_member *m = scan_get(&ask->scan, "prompt");
    if (m == NULL || (m->type != '"' && m->type != '['))
        return error_param(fail, E_PARAMETER, TEXT("prompt"), "prompt must be a string or an array");
    return common_decode_options(arena, ask, fail);
}

const struct face face_completions = {
    .name = "completions",
    .operation = GW_OP_COMPLETIONS,
    .dialect = &dialect_completions,
    .decode = decode,
    .talk = talk_prompt,
    .shape = &shape_completions,
    .stream_event = common_no_stream_event,
    .stream_end = common_no_stream_end,
    .fold_event = common_body_event,
    .fold_end = common_body_end,
};
