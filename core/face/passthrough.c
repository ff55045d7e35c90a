/* passthrough.c - moderations, rerank, images and audio: relayed as they are to upstreams that have them, metered. The
 * body is JSON, or a multipart form (uploads) whose part "model" is read and replaced. */
#include "dialect/form.h"
#include "face/common.h"
#include "face/members.h"

static bool is_form(const struct ask *ask)
{
    return form_is_meant(ask->content_type, ask->body);
}

static int decode_form(struct arena *arena, struct ask *ask, struct fail *fail)
{
    struct form form;
    struct text name, value;
    ask->choices = 1;
    form_open(&form, ask->content_type, ask->body);
    while (form_next(&form, &name, &value)) {
        if (members_check_field(arena, ask, name, value, fail) < 0)
            return -1;
        if (text_is(name, "stream"))
            ask->stream = text_eq_nocase(value, TEXT("true")) || text_is(value, "1");
        if (!text_is(name, "model"))
            continue;
        if (ask->model.ptr != NULL)
            return error_param(fail, E_PARAMETER, name, "the form names its model twice");
        ask->model = arena_text(arena, value);
    }
    if (form.bad)
        return error_set(fail, E_PARAMETER,
                         "the body is not a multipart/form-data form with the boundary that its Content-Type names");
    if (ask->model.len == 0 || !text_is_utf8(ask->model))
        return error_param(fail, E_PARAMETER, TEXT("model"), "the form has no part \"model\": name the model to use");
    return 0;
}

static int decode(struct arena *arena, struct text body, struct ask *ask, struct fail *fail)
{
    ask->body = body;
    if (is_form(ask))
        return decode_form(arena, ask, fail);
    if (text_starts_nocase(ask->content_type, TEXT("application/x-www-form-urlencoded"))) /* it is passed on as it is */
        return error_set(fail, E_PARAMETER, "a JSON body needs the header Content-Type: application/json");
    return common_decode(arena, body, ask, fail);
}

#define PASSTHROUGH(label, op)                                                                                         \
    {                                                                                                                  \
        .name = label, .operation = op, .dialect = &dialect_other, .decode = decode, .talk = talk_prompt,              \
        .stream_event = common_no_stream_event, .stream_end = common_no_stream_end, .fold_event = common_body_event,   \
        .fold_end = common_body_end                                                                                    \
    }

const struct face face_moderations = PASSTHROUGH("moderations", GW_OP_MODERATIONS);
const struct face face_rerank = PASSTHROUGH("rerank", GW_OP_RERANK);
const struct face face_images = PASSTHROUGH("images", GW_OP_IMAGES);
const struct face face_audio = PASSTHROUGH("audio", GW_OP_AUDIO);
