/* passthrough.c - moderations, rerank, images and audio: relayed as they are to upstreams that have them, metered. The
 * body is JSON, or a multipart form (uploads) whose part "model" is read and replaced. */
#include "face/common.h"
#include "face/form.h"
#include "face/members.h"

static bool is_form(const struct ask *ask)
{
    return form_is_meant(ask->content_type, ask->body);
}

/* The value of the form's part "model": where it stands in the body. */
static struct text form_model(const struct ask *ask)
{
    struct form form;
    struct text name, value;
    if (form_open(&form, ask->content_type, ask->body))
        while (form_next(&form, &name, &value))
            if (text_is(name, "model"))
                return value;
    return TEXT_NONE;
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

static void splice(struct arena *arena, const struct ask *ask, struct text model, struct text **pieces, size_t *count)
{
    if (!is_form(ask)) {
        common_splice(arena, ask, model, pieces, count);
        return;
    }
    struct text old = form_model(ask);
    size_t at = (size_t)(old.ptr - ask->body.ptr);
    struct common_edit edit = { at, at + old.len, model };
    common_pieces(arena, ask, &edit, 1, pieces, count);
}

static unsigned tap(struct arena *arena, struct text name, struct text data)
{
    (void)arena;
    unsigned found = text_is(data, "[DONE]") ? FACE_TAP_DONE : 0;
    if (text_is(name, "error"))
        found |= FACE_TAP_ERROR;
    if (common_value_of(data, TEXT("\"usage\"")) == '{')
        found |= FACE_TAP_USAGE | FACE_TAP_FINISH; /* the last event of image and speech streams */
    return found;
}

static unsigned digest(struct arena *arena, struct text body, struct text *out)
{
    struct scan scan;
    struct buf b;
    unsigned found = 0;
    *out = TEXT_NONE;
    if (scan_object(arena, body, SCAN_MAX_DEPTH, &scan) < 0)
        return 0; /* audio, text, subtitles: whatever it is, it is the answer */
    const struct scan_member *usage = scan_get(&scan, "usage"), *meta = scan_get(&scan, "meta"),
                             *error = scan_get(&scan, "error");
    if ((usage != NULL && usage->type == '{') || (meta != NULL && meta->type == '{'))
        found |= FACE_TAP_USAGE;
    if (error != NULL && !scan_is_null(error))
        found |= FACE_TAP_ERROR;
    buf_init(&b, body.len + 256);
    buf_str(&b, "{\"digest\":true");
    common_keep(&scan, "usage", &b);
    common_keep(&scan, "meta", &b);
    common_keep(&scan, "error", &b);
    buf_str(&b, "}");
    *out = common_take(arena, &b);
    return found;
}

#define PASSTHROUGH(label, op)                                                                                         \
    {                                                                                                                  \
        .name = label, .operation = op, .dialect = GW_DIALECT_OTHER, .errors = ERROR_OPENAI,                           \
        .ping = { ": keep-alive\n\n", 14 }, .decode = decode, .splice = splice, .tap = tap, .digest = digest,          \
        .stream_event = common_no_stream_event, .stream_end = common_no_stream_end, .fold_event = common_body_event,   \
        .fold_end = common_body_end                                                                                    \
    }

const struct face face_moderations = PASSTHROUGH("moderations", GW_OP_MODERATIONS);
const struct face face_rerank = PASSTHROUGH("rerank", GW_OP_RERANK);
const struct face face_images = PASSTHROUGH("images", GW_OP_IMAGES);
const struct face face_audio = PASSTHROUGH("audio", GW_OP_AUDIO);
