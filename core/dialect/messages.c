/* messages.c - Anthropic's messages on the wire, and the answers that count tokens. */
#include <string.h>

#include "base/json.h"
#include "dialect/cut.h"
#include "dialect/look.h"
#include "dialect/messages.h"
#include "dialect/spoken.h"

static unsigned tap_usage(struct text data)
{
    return look_value_of(data, TEXT("\"usage\"")) == '{' ? DIALECT_TAP_USAGE : 0u;
}

static unsigned tap_named(struct text name, struct text data)
{
    if (text_is(name, "message_start"))
        return tap_usage(data);
    if (text_is(name, "message_delta"))
        return tap_usage(data) | (look_value_of(data, TEXT("\"stop_reason\"")) == '"' ? DIALECT_TAP_FINISH : 0u);
    if (text_is(name, "message_stop"))
        return DIALECT_TAP_DONE;
    return text_is(name, "error") ? DIALECT_TAP_ERROR : 0u;
}

static unsigned tap(struct arena *arena, struct text name, struct text data)
{
    struct scan scan;
    struct text type = TEXT_NONE;
    if (text_starts(name, TEXT("content_block_")) || text_is(name, "ping"))
        return 0; /* nearly all of them */
    if (name.len > 0 && !text_is(name, "message"))
        return tap_named(name, data);
    /* Some relays leave the names out. */
    if (scan_object(arena, data, SCAN_MAX_DEPTH, &scan) < 0)
        return 0;
    const struct scan_member *error = scan_get(&scan, "error");
    scan_string(arena, scan_get(&scan, "type"), &type);
    return tap_named(type, data) | (error != NULL && !scan_is_null(error) ? DIALECT_TAP_ERROR : 0u);
}

static size_t spoken(struct text name, struct text data)
{
    static const struct text names[] = { SPOKEN("text"), SPOKEN("thinking"), SPOKEN("partial_json"), { NULL, 0 } };
    static const struct text passed[] = { SPOKEN("citation"), { NULL, 0 } };
    bool named = name.len > 0 && !text_is(name, "message");
    if (named && !text_is(name, "content_block_delta"))
        return 0;
    return spoken_in(data, TEXT("\"delta\""), names, passed);
}

static bool is_opening(struct text name, const struct json *event)
{
    if (name.len == 0 || text_is(name, "message")) /* some relays leave the names out */
        name = json_str(json_member(event, "type"));
    if (text_is(name, "message_start"))
        return json_count(json_member(json_member(event, "message"), "content")) == 0;
    return text_is(name, "ping");
}

static bool is_type(struct arena *arena, const struct scan *scan, const char *type)
{
    struct text t;
    return scan_string(arena, scan_get(scan, "type"), &t) && text_is(t, type);
}

static unsigned tap_error(struct arena *arena, const struct scan *scan)
{
    const struct scan_member *error = scan_get(scan, "error");
    return is_type(arena, scan, "error") || (error != NULL && !scan_is_null(error)) ? DIALECT_TAP_ERROR : 0u;
}

static const char *const kept[] = { "id",    "type",  "model",      "stop_reason", "stop_sequence",
                                    "usage", "error", "request_id", NULL };

static unsigned extract(struct arena *arena, struct text body, struct text *out)
{
    struct scan scan;
    unsigned found = look_extract(arena, body, kept, &scan, out);
    if (found == DIALECT_TAP_BAD)
        return found;
    const struct scan_member *stop = scan_get(&scan, "stop_reason"), *content = scan_get(&scan, "content");
    found |= tap_error(arena, &scan);
    if (stop != NULL && stop->type == '"')
        found |= DIALECT_TAP_FINISH;
    bool is_message = is_type(arena, &scan, "message") || (content != NULL && content->type == '[');
    return is_message || (found & DIALECT_TAP_ERROR) != 0 ? found : found | DIALECT_TAP_BAD;
}

static unsigned extract_count(struct arena *arena, struct text body, struct text *out)
{
    struct scan scan;
    int64_t tokens;
    if (look_extract(arena, body, kept, &scan, out) == DIALECT_TAP_BAD)
        return DIALECT_TAP_BAD;
    unsigned found = tap_error(arena, &scan);
    return found == 0 && !scan_int(scan_get(&scan, "input_tokens"), &tokens) ? DIALECT_TAP_BAD : found;
}

static void splice(struct arena *arena, const struct ask *ask, struct text model, struct text **pieces, size_t *count)
{
    struct splice_edit *cuts, rename;
    size_t n = messages_strip(arena, ask, &cuts), renames = splice_model(arena, ask, model, &rename) ? 1 : 0;
    splice_pieces(arena, ask, splice_merge(arena, cuts, n, &rename, renames), n + renames, pieces, count);
}

#define PING "event: ping\ndata: {\"type\": \"ping\"}\n\n"
#define END "event: message_stop\ndata: {\"type\": \"message_stop\"}\n\n"
static const char *const headers[] = { "anthropic-*", NULL };
static const char *const limits[] = { "max_tokens", NULL };

#define BOTH                                                                                                           \
    .bit = GW_DIALECT_MESSAGES, .ping = { PING, sizeof PING - 1 }, .end = { END, sizeof END - 1 }, .marks_end = true,  \
    .waits_long = true, .quota = "anthropic-ratelimit-unified-", .user_in = "metadata", .limits = limits,              \
    .write_cut = cut_messages, .headers = headers, .splice = splice, .tap = tap, .spoken = spoken,                     \
    .is_opening = is_opening, .error_status = messages_error_status, .write_error = messages_error_write,              \
    .write_error_event = messages_error_event, .write_models = messages_models_write,                                  \
    .write_model = messages_models_write_one

const struct dialect dialect_messages = {
    .name = "messages", BOTH, .marked_by = "anthropic-version", .extract = extract
};
const struct dialect dialect_count_tokens = { .name = "count_tokens", BOTH, .extract = extract_count };
