/* openai.c - the parts that OpenAI's chat and text completions have in common: every stream is asked for its usage, and
 * usage, finish reasons and errors are found in what passes. */
#include <string.h>

#include "face/common.h"
#include "face/spoken.h"

/* The member that asks for usage, put where it belongs: true when something must change. */
static bool usage_edit(struct arena *arena, const struct ask *ask, struct common_edit *edit)
{
    static const struct text whole = { "{\"include_usage\":true}", 22 };
    if (!ask->stream || ask->wants_usage)
        return false;
    const struct scan_member *m = scan_get(&ask->scan, "stream_options");
    size_t base = 0;
    if (m == NULL) {
        const struct scan_member *model = scan_get(&ask->scan, "model");
        *edit = (struct common_edit){ model->end, model->end, TEXT(",\"stream_options\":{\"include_usage\":true}") };
        return true;
    }
    base = (size_t)(m->value.ptr - ask->body.ptr);
    struct scan options;
    if (m->type != '{' || scan_object(arena, m->value, SCAN_MAX_DEPTH, &options) < 0 || options.count == 0) {
        *edit = (struct common_edit){ base, base + m->value.len, whole };
        return true;
    }
    const struct scan_member *include = scan_get(&options, "include_usage");
    if (include != NULL) {
        size_t at = (size_t)(include->value.ptr - ask->body.ptr);
        *edit = (struct common_edit){ at, at + include->value.len, TEXT("true") };
    } else {
        *edit = (struct common_edit){ base + 1, base + 1, TEXT("\"include_usage\":true,") };
    }
    return true;
}

size_t common_asking_edits(struct arena *arena, const struct ask *ask, struct text model, struct common_edit edits[2])
{
    struct common_edit usage;
    size_t n = common_model_edit(arena, ask, model, &edits[0]) ? 1 : 0;
    if (usage_edit(arena, ask, &usage)) {
        if (n == 1 && usage.start < edits[0].start) {
            edits[1] = edits[0];
            edits[0] = usage;
        } else {
            edits[n] = usage;
        }
        n++;
    }
    return n;
}

void common_splice_asking(struct arena *arena, const struct ask *ask, struct text model, struct text **pieces, size_t *count)
{
    struct common_edit edits[2];
    size_t n = common_asking_edits(arena, ask, model, edits);
    common_pieces(arena, ask, edits, n, pieces, count);
}

static bool is_empty_array(const struct scan_member *m)
{
    if (m == NULL || m->type != '[')
        return false;
    return text_trim((struct text){ m->value.ptr + 1, m->value.len - 2 }).len == 0;
}

unsigned common_tap(struct arena *arena, struct text name, struct text data)
{
    unsigned found = 0;
    if (data.len == 6 && memcmp(data.ptr, "[DONE]", 6) == 0)
        return FACE_TAP_DONE;
    if (text_is(name, "error"))
        found |= FACE_TAP_ERROR;
    if (common_value_of(data, TEXT("\"finish_reason\"")) == '"')
        found |= FACE_TAP_FINISH;
    bool usage = common_value_of(data, TEXT("\"usage\"")) == '{';
    bool error = common_value_of(data, TEXT("\"error\"")) != 0;
    if (!usage && !error)
        return found;
    /* Rare frames: look exactly. */
    struct scan scan;
    if (scan_object(arena, data, SCAN_MAX_DEPTH, &scan) < 0)
        return found | (error ? FACE_TAP_ERROR : 0u);
    const struct scan_member *m = scan_get(&scan, "error");
    if (m != NULL && !scan_is_null(m))
        found |= FACE_TAP_ERROR;
    m = scan_get(&scan, "usage");
    if ((m != NULL && m->type == '{') || scan_get(&scan, "x_groq") != NULL) {
        found |= FACE_TAP_USAGE;
        if (m != NULL && is_empty_array(scan_get(&scan, "choices")))
            found |= FACE_TAP_USAGE_ONLY;
    }
    return found;
}

static const struct text passed[] = { SPOKEN("annotations"), SPOKEN("logprobs"), { NULL, 0 } };

size_t common_spoken_chat(struct text name, struct text data)
{
    static const struct text names[] = { SPOKEN("content"),   SPOKEN("reasoning_content"), SPOKEN("reasoning"),
                                         SPOKEN("thinking"),  SPOKEN("refusal"),           SPOKEN("text"),
                                         SPOKEN("arguments"), SPOKEN("input"),             { NULL, 0 } };
    (void)name;
    return spoken_in(data, TEXT("\"delta\""), names, passed);
}

size_t common_spoken_text(struct text name, struct text data)
{
    static const struct text names[] = { SPOKEN("text"), SPOKEN("reasoning"), { NULL, 0 } };
    (void)name;
    return spoken_in(data, TEXT("\"choices\""), names, passed);
}

/* The finish reasons of the choices, as choices with nothing else in them. */
static unsigned digest_choices(struct text choices, struct buf *out)
{
    unsigned found = 0;
    buf_str(out, ",\"choices\":[");
    for (const char *hit; (hit = memmem(choices.ptr, choices.len, "\"finish_reason\"", 15)) != NULL;) {
        struct text tail = { hit, (size_t)(choices.ptr + choices.len - hit) };
        choices = (struct text){ hit + 15, tail.len - 15 };
        struct text value = common_value_of(tail, TEXT("\"finish_reason\"")) == '"' ? scan_peek(tail, "finish_reason") : TEXT_NONE;
        if (value.len == 0)
            continue;
        buf_str(out, found != 0 ? ",{\"index\":0,\"message\":{},\"finish_reason\":" : "{\"index\":0,\"message\":{},\"finish_reason\":");
        buf_text(out, value);
        buf_str(out, "}");
        found = FACE_TAP_FINISH;
    }
    buf_str(out, "]");
    return found;
}

unsigned common_digest(struct arena *arena, struct text body, struct text *digest)
{
    static const char *const of_errors[] = { "error", "object", "message", "detail", "code", "type", "id", "model" };
    struct scan scan;
    unsigned found = 0;
    struct buf out;
    *digest = TEXT_NONE;
    if (scan_object(arena, body, SCAN_MAX_DEPTH, &scan) < 0)
        return FACE_TAP_BAD;
    buf_init(&out, body.len + 4096);
    buf_str(&out, "{\"digest\":true");
    const struct scan_member *choices = scan_get(&scan, "choices"), *error = scan_get(&scan, "error"),
                             *usage = scan_get(&scan, "usage");
    if (usage != NULL && usage->type == '{') {
        found |= FACE_TAP_USAGE;
        common_keep(&scan, "usage", &out);
        common_keep(&scan, "service_tier", &out);
    }
    if (error != NULL && !scan_is_null(error))
        found |= FACE_TAP_ERROR;
    if (choices != NULL && choices->type == '[')
        found |= digest_choices(choices->value, &out);
    else if (error == NULL)
        found |= FACE_TAP_BAD; /* JSON, but neither an answer nor an error */
    for (size_t i = 0; (found & FACE_TAP_ERROR) != 0 && i < sizeof of_errors / sizeof *of_errors; i++)
        common_keep(&scan, of_errors[i], &out);
    buf_str(&out, "}");
    *digest = common_take(arena, &out);
    return found;
}
