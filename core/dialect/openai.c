/* openai.c - the parts that OpenAI's chat and text completions have in common: every stream is asked for its usage, and
 * usage, finish reasons and errors are found in what passes. */
#include "dialect/openai.h"

#include <string.h>

#include "dialect/look.h"

/* The member that asks for usage, put where it belongs: true when something must change. */
static bool usage_edit(struct arena *arena, const struct ask *ask, struct splice_edit *edit)
{
    static const struct text whole = { "{\"include_usage\":true}", 22 };
    if (!ask->stream || ask->wants_usage)
        return false;
    const struct scan_member *m = scan_get(&ask->scan, "stream_options");
    size_t base = 0;
    if (m == NULL) {
        const struct scan_member *model = scan_get(&ask->scan, "model");
        *edit = (struct splice_edit){ model->end, model->end, TEXT(",\"stream_options\":{\"include_usage\":true}") };
        return true;
    }
    base = (size_t)(m->value.ptr - ask->body.ptr);
    struct scan options;
    if (m->type != '{' || scan_object(arena, m->value, SCAN_MAX_DEPTH, &options) < 0 || options.count == 0) {
        *edit = (struct splice_edit){ base, base + m->value.len, whole };
        return true;
    }
    const struct scan_member *include = scan_get(&options, "include_usage");
    if (include != NULL) {
        size_t at = (size_t)(include->value.ptr - ask->body.ptr);
        *edit = (struct splice_edit){ at, at + include->value.len, TEXT("true") };
    } else {
        *edit = (struct splice_edit){ base + 1, base + 1, TEXT("\"include_usage\":true,") };
    }
    return true;
}

size_t openai_asking_edits(struct arena *arena, const struct ask *ask, struct text model, struct splice_edit edits[2])
{
    struct splice_edit usage;
    size_t n = splice_model(arena, ask, model, &edits[0]) ? 1 : 0;
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

void openai_splice(struct arena *arena, const struct ask *ask, struct text model, struct text **pieces, size_t *count)
{
    struct splice_edit edits[2];
    size_t n = openai_asking_edits(arena, ask, model, edits);
    splice_pieces(arena, ask, edits, n, pieces, count);
}

static bool is_empty_array(const struct scan_member *m)
{
    if (m == NULL || m->type != '[')
        return false;
    return text_trim((struct text){ m->value.ptr + 1, m->value.len - 2 }).len == 0;
}

unsigned openai_tap(struct arena *arena, struct text name, struct text data)
{
    unsigned found = 0;
    if (data.len == 6 && memcmp(data.ptr, "[DONE]", 6) == 0)
        return DIALECT_TAP_DONE;
    if (text_is(name, "error"))
        found |= DIALECT_TAP_ERROR;
    if (look_value_of(data, TEXT("\"finish_reason\"")) == '"')
        found |= DIALECT_TAP_FINISH;
    bool usage = look_value_of(data, TEXT("\"usage\"")) == '{';
    bool error = look_value_of(data, TEXT("\"error\"")) != 0;
    if (!usage && !error)
        return found;
    /* Rare frames: look exactly. */
    struct scan scan;
    if (scan_object(arena, data, SCAN_MAX_DEPTH, &scan) < 0)
        return found | (error ? DIALECT_TAP_ERROR : 0u);
    const struct scan_member *m = scan_get(&scan, "error");
    if (m != NULL && !scan_is_null(m))
        found |= DIALECT_TAP_ERROR;
    m = scan_get(&scan, "usage");
    if ((m != NULL && m->type == '{') || scan_get(&scan, "x_groq") != NULL) {
        found |= DIALECT_TAP_USAGE;
        if (m != NULL && is_empty_array(scan_get(&scan, "choices")))
            found |= DIALECT_TAP_USAGE_ONLY;
    }
    return found;
}

/* The finish reasons of the choices, as choices with nothing else in them. */
static unsigned extract_choices(struct text choices, struct buf *out)
{
    unsigned found = 0;
    buf_str(out, ",\"choices\":[");
    for (const char *hit; (hit = memmem(choices.ptr, choices.len, "\"finish_reason\"", 15)) != NULL;) {
        struct text tail = { hit, (size_t)(choices.ptr + choices.len - hit) };
        choices = (struct text){ hit + 15, tail.len - 15 };
        struct text value =
            look_value_of(tail, TEXT("\"finish_reason\"")) == '"' ? scan_peek(tail, "finish_reason") : TEXT_NONE;
        if (value.len == 0)
            continue;
        buf_str(out, found != 0 ? ",{\"index\":0,\"message\":{},\"finish_reason\":"
                                : "{\"index\":0,\"message\":{},\"finish_reason\":");
        buf_text(out, value);
        buf_str(out, "}");
        found = DIALECT_TAP_FINISH;
    }
    buf_str(out, "]");
    return found;
}

unsigned openai_extract(struct arena *arena, struct text body, struct text *digest)
{
    static const char *const of_errors[] = { "error", "object", "message", "detail", "code", "type", "id", "model" };
    struct scan scan;
    unsigned found = 0;
    struct buf out;
    *digest = TEXT_NONE;
    if (scan_object(arena, body, SCAN_MAX_DEPTH, &scan) < 0)
        return DIALECT_TAP_BAD;
    buf_init(&out, body.len + 4096);
    buf_str(&out, "{\"digest\":true");
    const struct scan_member *choices = scan_get(&scan, "choices"), *error = scan_get(&scan, "error"),
                             *usage = scan_get(&scan, "usage");
    if (usage != NULL && usage->type == '{') {
        found |= DIALECT_TAP_USAGE;
        look_keep(&scan, "usage", &out);
        look_keep(&scan, "service_tier", &out);
    }
    if (error != NULL && !scan_is_null(error))
        found |= DIALECT_TAP_ERROR;
    if (choices != NULL && choices->type == '[')
        found |= extract_choices(choices->value, &out);
    else if (error == NULL)
        found |= DIALECT_TAP_BAD; /* JSON, but neither an answer nor an error */
    for (size_t i = 0; (found & DIALECT_TAP_ERROR) != 0 && i < sizeof of_errors / sizeof *of_errors; i++)
        look_keep(&scan, of_errors[i], &out);
    buf_str(&out, "}");
    *digest = look_take(arena, &out);
    return found;
}
