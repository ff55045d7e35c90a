/* passthrough.c - moderations, rerank, images and audio: relayed as they are to upstreams that have them, metered. The
 * body is JSON, or a multipart form (uploads) whose part "model" is read and replaced. */
#include <string.h>

#include "face/common.h"

/* The value of the form's part called "model": where it stands in the body. */
static struct text form_model(struct text body)
{
    static const struct text field = { "name=\"model\"", 12 };
    ptrdiff_t at = text_find(body, field);
    if (at < 0)
        return TEXT_NONE;
    struct text rest = { body.ptr + at, body.len - (size_t)at };
    ptrdiff_t head = text_find(rest, TEXT("\r\n\r\n"));
    if (head < 0 || head > 512)
        return TEXT_NONE;
    rest = (struct text){ rest.ptr + head + 4, rest.len - (size_t)head - 4 };
    ptrdiff_t end = text_find(rest, TEXT("\r\n--"));
    return end <= 0 || end > 512 ? TEXT_NONE : (struct text){ rest.ptr, (size_t)end };
}

static int decode(struct arena *arena, struct text body, struct ask *ask, struct fail *fail)
{
    if (!text_starts(body, TEXT("--")))
        return common_decode(arena, body, ask, fail);
    ask->body = body;
    ask->choices = 1;
    ask->model = form_model(body);
    if (ask->model.len == 0 || !text_is_utf8(ask->model))
        return error_param(fail, E_PARAMETER, TEXT("model"), "the form has no part \"model\": name the model to use");
    return 0;
}

static void splice(struct arena *arena, const struct ask *ask, struct text model, struct text **pieces, size_t *count)
{
    if (ask->scan.count > 0) {
        common_splice(arena, ask, model, pieces, count);
        return;
    }
    size_t at = (size_t)(form_model(ask->body).ptr - ask->body.ptr);
    struct common_edit edit = { at, at + form_model(ask->body).len, model };
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
