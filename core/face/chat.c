/* chat.c - OpenAI chat completions: what the client sent, and what passes by in a relayed answer.
 *
 * Writing answers from events is chat_write.c. */
#include "face/chat.h"

#include <string.h>

/* A caller may not choose where our credentials go (CVE-2024-6587 and its kin). */
static const char *const forbidden[] = { "api_base", "api_key", "base_url", "extra_headers", "organization" };

static int decode_stream(struct arena *arena, struct ask *ask, struct fail *fail)
{
    const struct scan_member *m = scan_get(&ask->scan, "stream");
    if (m != NULL && !scan_is_null(m) && !scan_bool(m, &ask->stream))
        return error_param(fail, E_PARAMETER, TEXT("stream"), "stream must be true or false");
    m = scan_get(&ask->scan, "stream_options");
    if (m == NULL || scan_is_null(m))
        return 0;
    struct scan options;
    if (m->type != '{' || scan_object(arena, m->value, SCAN_MAX_DEPTH, &options) < 0)
        return error_param(fail, E_PARAMETER, TEXT("stream_options"), "stream_options must be an object");
    m = scan_get(&options, "include_usage");
    if (m != NULL && !scan_is_null(m) && !scan_bool(m, &ask->wants_usage))
        return error_param(fail, E_PARAMETER, TEXT("stream_options"), "stream_options.include_usage must be true or false");
    return 0;
}

static int chat_decode(struct arena *arena, struct text body, struct ask *ask, struct fail *fail)
{
    ask->body = body;
    ask->choices = 1;
    if (scan_object(arena, body, SCAN_MAX_DEPTH, &ask->scan) < 0)
        return error_param(fail, E_JSON, ask->scan.at, "the request body is not valid JSON: %s", ask->scan.problem);
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
        if (scan_get(&ask->scan, forbidden[i]) != NULL)
            return error_param(fail, E_PARAMETER, text_of(forbidden[i]),
                               "%s is not accepted in a request: upstream addresses and credentials come from the gateway's "
                               "configuration",
                               forbidden[i]);
    const struct scan_member *m = scan_get(&ask->scan, "model");
    if (m == NULL)
        return error_param(fail, E_PARAMETER, TEXT("model"), "model is missing: name the model to use");
    if (!scan_string(arena, m, &ask->model) || ask->model.len == 0)
        return error_param(fail, E_PARAMETER, TEXT("model"), "model must be a string that is not empty");
    m = scan_get(&ask->scan, "messages");
    if (m == NULL)
        return error_param(fail, E_PARAMETER, TEXT("messages"), "messages is missing");
    if (m->type != '[')
        return error_param(fail, E_PARAMETER, TEXT("messages"), "messages must be an array");
    m = scan_get(&ask->scan, "n");
    if (m != NULL && !scan_is_null(m) && (!scan_int(m, &ask->choices) || ask->choices < 1 || ask->choices > 128))
        return error_param(fail, E_PARAMETER, TEXT("n"), "n must be a whole number from 1 to 128");
    return decode_stream(arena, ask, fail);
}

/* The chat shape is the canonical one. */
static const struct json *chat_canonical(struct arena *arena, struct ask *ask, struct fail *fail)
{
    return ask_json(ask, arena, fail);
}

/* One place of the body that is replaced. */
struct edit {
    size_t start, end; /* offsets in the body; equal: an insertion */
    struct text with;
};

static struct text model_literal(struct arena *arena, struct text model)
{
    struct buf b;
    buf_init(&b, 8 * model.len + 64);
    buf_str(&b, "\"");
    json_escape(&b, model);
    buf_str(&b, "\"");
    struct text t = arena_text(arena, buf_view(&b));
    buf_free(&b);
    return t;
}

/* The member that asks for usage, put where it belongs: true when something must change. */
static bool usage_edit(struct arena *arena, const struct ask *ask, struct edit *edit)
{
    static const struct text whole = { "{\"include_usage\":true}", 22 };
    if (!ask->stream || ask->wants_usage)
        return false;
    const struct scan_member *m = scan_get(&ask->scan, "stream_options");
    size_t base = 0;
    if (m == NULL) {
        const struct scan_member *model = scan_get(&ask->scan, "model");
        *edit = (struct edit){ model->end, model->end, TEXT(",\"stream_options\":{\"include_usage\":true}") };
        return true;
    }
    base = (size_t)(m->value.ptr - ask->body.ptr);
    struct scan options;
    if (m->type != '{' || scan_object(arena, m->value, SCAN_MAX_DEPTH, &options) < 0 || options.count == 0) {
        *edit = (struct edit){ base, base + m->value.len, whole };
        return true;
    }
    const struct scan_member *include = scan_get(&options, "include_usage");
    if (include != NULL) {
        size_t at = (size_t)(include->value.ptr - ask->body.ptr);
        *edit = (struct edit){ at, at + include->value.len, TEXT("true") };
    } else {
        *edit = (struct edit){ base + 1, base + 1, TEXT("\"include_usage\":true,") };
    }
    return true;
}

static void chat_splice(struct arena *arena, const struct ask *ask, struct text model, struct text **pieces, size_t *count)
{
    struct edit edits[2];
    size_t n = 0;
    const struct scan_member *m = scan_get(&ask->scan, "model");
    if (!text_eq(model, ask->model)) {
        size_t at = (size_t)(m->value.ptr - ask->body.ptr);
        edits[n++] = (struct edit){ at, at + m->value.len, model_literal(arena, model) };
    }
    struct edit usage;
    if (usage_edit(arena, ask, &usage)) {
        if (n == 1 && usage.start < edits[0].start) {
            edits[1] = edits[0];
            edits[0] = usage;
        } else {
            edits[n] = usage;
        }
        n++;
    }
    struct text *out = arena_array(arena, struct text, 2 * n + 1);
    size_t at = 0, k = 0;
    for (size_t i = 0; i < n; i++) {
        if (edits[i].start > at)
            out[k++] = (struct text){ ask->body.ptr + at, edits[i].start - at };
        out[k++] = edits[i].with;
        at = edits[i].end;
    }
    if (at < ask->body.len)
        out[k++] = (struct text){ ask->body.ptr + at, ask->body.len - at };
    *pieces = out;
    *count = k;
}

/* The first byte of the value of a member called `quoted` ("\"usage\"", with its quotes), 0 when there is none. Inside
 * a string the quotes would be escaped, so the quoted name followed by a colon is a member, at some depth. */
static char value_of(struct text data, struct text quoted)
{
    while (data.len > quoted.len) {
        const char *hit = memmem(data.ptr, data.len, quoted.ptr, quoted.len);
        if (hit == NULL)
            return 0;
        const char *p = hit + quoted.len, *end = data.ptr + data.len;
        data = (struct text){ p, (size_t)(end - p) };
        while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
            p++;
        if (p == end || *p != ':')
            continue;
        p++;
        while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
            p++;
        if (p < end && *p != 'n') /* null is nothing */
            return *p;
    }
    return 0;
}

static bool is_empty_array(const struct scan_member *m)
{
    if (m == NULL || m->type != '[')
        return false;
    return text_trim((struct text){ m->value.ptr + 1, m->value.len - 2 }).len == 0;
}

static unsigned chat_tap(struct arena *arena, struct text name, struct text data)
{
    unsigned found = 0;
    if (data.len == 6 && memcmp(data.ptr, "[DONE]", 6) == 0)
        return FACE_TAP_DONE;
    if (text_is(name, "error"))
        found |= FACE_TAP_ERROR;
    if (value_of(data, TEXT("\"finish_reason\"")) == '"')
        found |= FACE_TAP_FINISH;
    bool usage = value_of(data, TEXT("\"usage\"")) == '{';
    bool error = value_of(data, TEXT("\"error\"")) != 0;
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

/* The finish reasons of the choices, as choices with nothing else in them. */
static unsigned digest_choices(struct text choices, struct buf *out)
{
    unsigned found = 0;
    buf_str(out, ",\"choices\":[");
    for (const char *hit; (hit = memmem(choices.ptr, choices.len, "\"finish_reason\"", 15)) != NULL;) {
        struct text tail = { hit, (size_t)(choices.ptr + choices.len - hit) };
        choices = (struct text){ hit + 15, tail.len - 15 };
        struct text value = value_of(tail, TEXT("\"finish_reason\"")) == '"' ? scan_peek(tail, "finish_reason") : TEXT_NONE;
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

static void keep_member(const struct scan *scan, const char *name, struct buf *out)
{
    const struct scan_member *m = scan_get(scan, name);
    if (m == NULL)
        return;
    buf_str(out, ",\"");
    buf_str(out, name);
    buf_str(out, "\":");
    buf_text(out, m->value);
}

static unsigned chat_digest(struct arena *arena, struct text body, struct text *digest)
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
        keep_member(&scan, "usage", &out);
    }
    if (error != NULL && !scan_is_null(error))
        found |= FACE_TAP_ERROR;
    if (choices != NULL && choices->type == '[')
        found |= digest_choices(choices->value, &out);
    else if (error == NULL)
        found |= FACE_TAP_BAD; /* JSON, but neither an answer nor an error */
    for (size_t i = 0; (found & FACE_TAP_ERROR) != 0 && i < sizeof of_errors / sizeof *of_errors; i++)
        keep_member(&scan, of_errors[i], &out);
    buf_str(&out, "}");
    *digest = arena_text(arena, buf_view(&out));
    buf_free(&out);
    return found;
}

const struct face face_chat = {
    .name = "chat",
    .operation = GW_OP_CHAT,
    .dialect = GW_DIALECT_CHAT,
    .errors = ERROR_OPENAI,
    .ping = { ": keep-alive\n\n", 14 },
    .decode = chat_decode,
    .canonical = chat_canonical,
    .splice = chat_splice,
    .tap = chat_tap,
    .digest = chat_digest,
    .stream_event = chat_stream_event,
    .stream_end = chat_stream_end,
    .fold_event = chat_fold_event,
    .fold_end = chat_fold_end,
};
