/* responses.c - OpenAI's responses on the wire. Usage stands inside the `response` of the last event, and at the top of a whole
 * answer. */
#include <stdio.h>

#include "base/json.h"
#include "canon/error.h"
#include "dialect/cut.h"
#include "dialect/look.h"
#include "dialect/openai.h"
#include "dialect/spoken.h"

static bool is_end(struct text name)
{
    return text_is(name, "response.completed") || text_is(name, "response.incomplete") ||
           text_is(name, "response.failed");
}

static unsigned tap(struct arena *arena, struct text name, struct text data)
{
    struct scan scan;
    bool named = name.len > 0 && !text_is(name, "message");
    if (text_is(data, "[DONE]"))
        return DIALECT_TAP_DONE;
    if (text_is(name, "error"))
        return DIALECT_TAP_ERROR;
    if ((named && !is_end(name)) || scan_object(arena, data, SCAN_MAX_DEPTH, &scan) < 0)
        return 0;
    if (!named) { /* OpenRouter sends no event names: the type is used */
        const struct scan_member *error = scan_get(&scan, "error");
        bool typed = scan_string(arena, scan_get(&scan, "type"), &name);
        if (text_is(name, "error") || (!typed && error != NULL && !scan_is_null(error)))
            return DIALECT_TAP_ERROR;
    }
    if (!is_end(name))
        return 0;
    return DIALECT_TAP_FINISH | DIALECT_TAP_USAGE | DIALECT_TAP_DONE |
           (text_is(name, "response.failed") ? DIALECT_TAP_ERROR : 0u);
}

/* In every "….delta" event the member `delta` is a string: text, reasoning, arguments, code; of audio it is base64. */
static size_t spoken(struct text name, struct text data)
{
    static const struct text names[] = { SPOKEN("delta"), { NULL, 0 } }, passed[] = { SPOKEN("logprobs"), { NULL, 0 } };
    bool named = name.len > 0 && !text_is(name, "message");
    if ((named && !text_ends(name, TEXT(".delta"))) || text_find(data, TEXT("\"response.audio.delta\"")) >= 0)
        return 0;
    return spoken_in(data, TEXT("\"delta\""), names, passed);
}

static unsigned extract(struct arena *arena, struct text body, struct text *out)
{
    static const char *const kept[] = { "usage",   "status", "error", "incomplete_details", "object",
                                        "message", "code",   "type",  "service_tier",       NULL };
    struct scan scan;
    unsigned found = look_extract(arena, body, kept, &scan, out);
    if ((found & DIALECT_TAP_BAD) != 0)
        return found;
    bool has_status = scan_get(&scan, "status") != NULL;
    if ((found & DIALECT_TAP_ERROR) == 0 && !has_status && scan_get(&scan, "output") == NULL &&
        scan_get(&scan, "object") == NULL)
        found |= DIALECT_TAP_BAD;
    return found | (has_status ? DIALECT_TAP_FINISH : 0u);
}

/* OpenAI's responses have no other event that ends one badly: Codex reads on past a bare error. */
static void write_failed(const struct fail *fail, struct text request_id, struct buf *out)
{
    char id[80];
    struct json_writer w;
    snprintf(id, sizeof id, "resp_%.*s", TEXT_ARG(request_id));
    buf_str(out, "event: response.failed\ndata: ");
    json_writer_init(&w, out);
    json_object(&w);
    json_name(&w, "type");
    json_put_str(&w, TEXT("response.failed"));
    json_name(&w, "response");
    json_object(&w);
    json_name(&w, "id");
    json_put_str(&w, text_of(id));
    json_name(&w, "object");
    json_put_str(&w, TEXT("response"));
    json_name(&w, "status");
    json_put_str(&w, TEXT("failed"));
    json_name(&w, "error");
    json_object(&w);
    json_name(&w, "code");
    error_put_code(fail, &w);
    json_name(&w, "message");
    json_put_str(&w, error_text(fail));
    json_close(&w);
    json_name(&w, "output");
    json_array(&w);
    json_close(&w);
    json_close(&w);
    json_close(&w);
    json_end(&w);
    buf_str(out, "\n\n");
}

/* An event that announces the answer and has no output yet. */
static bool is_opening(struct text name, const struct json *event)
{
    static const char *const opening[] = { "response.created", "response.queued", "response.in_progress", "keepalive" };
    if (name.len == 0 || text_is(name, "message")) /* some relays leave the names out */
        name = json_str(json_member(event, "type"));
    for (size_t i = 0; i < sizeof opening / sizeof *opening; i++)
        if (text_is(name, opening[i]))
            return json_count(json_member(json_member(event, "response"), "output")) == 0;
    return false;
}

static const char *const limits[] = { "max_output_tokens", NULL };

const struct dialect dialect_responses = {
    .name = "responses",
    .bit = GW_DIALECT_RESPONSES,
    OPENAI_COMMON,
    .write_error_event = write_failed,
    .limits = limits,
    .write_cut = cut_responses,
    .ping = OPENAI_PING,
    .marks_end = true,
    .is_opening = is_opening,
    .splice = splice_rename,
    .tap = tap,
    .spoken = spoken,
    .extract = extract,
};
