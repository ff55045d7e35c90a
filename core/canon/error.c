/* error.c - the table of errors and the three shapes they are written in. */
#include "canon/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

struct error_row {
    enum fail_kind kind;
    int status;
    const char *type, *code;
    int8_t should_retry; /* 1, 0, -1: no header */
    bool close;
    int retry_after_s;
};

#define INVALID "invalid_request_error"

/* reliability, the table of cases: status, type, code, x-should-retry, Retry-After. */
static const struct error_row rows[E_CASES] = {
    [E_NONE] = { FAIL_US, 500, "server_error", "internal_error", 0, false, 0 },
    [E_KEY] = { FAIL_CLIENT, 401, INVALID, "invalid_api_key", 0, false, 0 },
    [E_MODEL] = { FAIL_CLIENT, 404, INVALID, "model_not_found", 0, false, 0 },
    [E_JSON] = { FAIL_CLIENT, 400, INVALID, "invalid_json", 0, false, 0 },
    [E_PARAMETER] = { FAIL_CLIENT, 400, INVALID, "invalid_parameter", 0, false, 0 },
    [E_BODY_TOO_LARGE] = { FAIL_CLIENT, 413, INVALID, "request_too_large", 0, true, 0 },
    [E_HEAD_TOO_LARGE] = { FAIL_CLIENT, 431, INVALID, "request_too_large", 0, true, 0 },
    [E_FRAMING] = { FAIL_CLIENT, 400, INVALID, "bad_request", 0, true, 0 },
    [E_TOO_SLOW] = { FAIL_CLIENT, 408, INVALID, "request_timeout", 0, true, 0 },
    [E_OVERLOAD] = { FAIL_US, 503, "service_unavailable_error", "server_is_overloaded", 1, false, 2 },
    [E_UPSTREAM] = { FAIL_UPSTREAM, 502, "upstream_error", "upstream_unavailable", 1, false, 0 },
    [E_SHUTTING_DOWN] = { FAIL_US, 502, "upstream_error", "shutting_down", 1, true, 0 },
    [E_UPSTREAM_TIMEOUT] = { FAIL_UPSTREAM, 504, "upstream_error", "upstream_timeout", 0, false, 0 },
    [E_UPSTREAM_AUTH] = { FAIL_OPERATOR, 502, "upstream_error", "upstream_auth", 0, false, 0 },
    [E_UPSTREAM_RATE] = { FAIL_UPSTREAM, 429, "rate_limit_error", "upstream_rate_limited", 1, false, 0 },
    [E_UPSTREAM_QUOTA] = { FAIL_OPERATOR, 429, "insufficient_quota", "insufficient_quota", 0, false, 0 },
    [E_UPSTREAM_REFUSED] = { FAIL_CLIENT, 400, INVALID, "invalid_request", 0, false, 0 },
    [E_UPSTREAM_BUSY] = { FAIL_UPSTREAM, 503, "service_unavailable_error", "server_is_overloaded", 1, false, 2 },
    [E_INTERNAL] = { FAIL_US, 500, "server_error", "internal_error", 0, false, 0 },
    [E_PATH] = { FAIL_CLIENT, 404, INVALID, "not_found", 0, false, 0 },
    [E_METHOD] = { FAIL_CLIENT, 405, INVALID, "method_not_allowed", 0, false, 0 },
    [E_FORBIDDEN] = { FAIL_CLIENT, 403, INVALID, "forbidden", 0, false, 0 },
    [E_MEDIA_TYPE] = { FAIL_CLIENT, 415, INVALID, "unsupported_media_type", 0, false, 0 },
    [E_UPGRADE] = { FAIL_CLIENT, 426, INVALID, "upgrade_required", 0, false, 0 },
    [E_BUDGET] = { FAIL_CLIENT, 429, "insufficient_quota", "project_spend_limit_exceeded", 0, false, 0 },
    [E_BUDGET_REQUEST] = { FAIL_CLIENT, 429, "insufficient_quota", "request_exceeds_budget", 0, false, 0 },
    [E_BUDGET_IN_FLIGHT] = { FAIL_CLIENT, 429, "rate_limit_error", "budget_in_flight", 1, false, 2 },
    [E_NOT_PRICED] = { FAIL_OPERATOR, 404, INVALID, "model_not_priced", 0, false, 0 },
    [E_LEDGER] = { FAIL_OPERATOR, 503, "service_unavailable_error", "ledger_unavailable", 1, false, 5 },
    [E_LOOP] = { FAIL_OPERATOR, 508, "upstream_error", "loop_detected", 0, false, 0 },
    [E_LOSSY] = { FAIL_CLIENT, 400, INVALID, "unsupported_parameter", 0, false, 0 },
    [E_STREAM] = { FAIL_UPSTREAM, 502, "upstream_error", "stream_interrupted", -1, false, 0 },
    [E_STREAM_INCOMPLETE] = { FAIL_UPSTREAM, 502, "upstream_error", "stream_incomplete", -1, false, 0 },
};

static void fill(struct fail *fail, enum error_case which)
{
    const struct error_row *row = &rows[which];
    memset(fail, 0, sizeof *fail);
    fail->kind = row->kind;
    fail->status = row->status;
    fail->type = row->type;
    fail->code = row->code;
    fail->should_retry = row->should_retry;
    fail->close = row->close;
    fail->retry_after_s = row->retry_after_s;
}

int error_set(struct fail *fail, enum error_case which, const char *format, ...)
{
    va_list args;
    fill(fail, which);
    va_start(args, format);
    fail_vtext(fail, format, args);
    va_end(args);
    return -1;
}

int error_param(struct fail *fail, enum error_case which, struct text param, const char *format, ...)
{
    va_list args;
    fill(fail, which);
    size_t len = param.len < sizeof fail->param ? param.len : sizeof fail->param - 1;
    if (len > 0)
        memcpy(fail->param, param.ptr, len);
    fail->param[len] = '\0';
    va_start(args, format);
    fail_vtext(fail, format, args);
    va_end(args);
    return -1;
}

static void set_text(struct fail *fail, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail_vtext(fail, format, args);
    va_end(args);
}

void error_words(struct fail *fail, struct arena *arena, struct text words)
{
    static const char mark[] = "...";
    size_t len = words.len;
    bool cut = len > ERROR_TEXT_MOST;

    if (cut) {
        len = ERROR_TEXT_MOST - (sizeof mark - 1);
        while (len > 0 && ((unsigned char)words.ptr[len] & 0xc0) == 0x80)
            len--;
    }
    if (len >= sizeof fail->text)
        fail->words = arena_printf(arena, "%.*s%s", (int)len, words.ptr, cut ? mark : "");
    set_text(fail, "%.*s", TEXT_ARG(words));
}

static bool is_overload(const struct fail *fail)
{
    return strcmp(fail->code, "server_is_overloaded") == 0;
}

static bool is_budget(const struct fail *fail)
{
    return fail->code == rows[E_BUDGET].code || fail->code == rows[E_BUDGET_REQUEST].code;
}

int error_status(const struct fail *fail, enum error_shape shape)
{
    if (shape == ERROR_ANTHROPIC && is_overload(fail))
        return 529;
    if (shape != ERROR_ANTHROPIC && fail->status == 529)
        return 503;
    return fail->status;
}

static const char *anthropic_type(int status)
{
    switch (status) {
    case 401:
        return "authentication_error";
    case 403:
        return "permission_error";
    case 404:
        return "not_found_error";
    case 413:
        return "request_too_large";
    case 429:
        return "rate_limit_error";
    case 504:
        return "timeout_error";
    case 529:
        return "overloaded_error";
    default:
        return status >= 500 ? "api_error" : "invalid_request_error";
    }
}

static const char *gemini_status(int status)
{
    switch (status) {
    case 401:
        return "UNAUTHENTICATED";
    case 403:
        return "PERMISSION_DENIED";
    case 404:
        return "NOT_FOUND";
    case 429:
        return "RESOURCE_EXHAUSTED";
    case 503:
        return "UNAVAILABLE";
    case 504:
        return "DEADLINE_EXCEEDED";
    default:
        return status >= 500 ? "INTERNAL" : "INVALID_ARGUMENT";
    }
}

/* What is wrong, in the upstream's own words where they have no room in `text`. */
static struct text text_in(const struct fail *fail)
{
    return text_of(fail->words != NULL ? fail->words : fail->text);
}

/* An upstream that says "code": null is repeated so. */
static void put_code(const struct fail *fail, struct json_writer *w)
{
    if (fail->code[0] != '\0')
        json_put_str(w, text_of(fail->code));
    else
        json_put_null(w);
}

/* What the upstream's error has beside the members that are written anyway. */
static void put_more(const struct fail *fail, struct json_writer *w)
{
    static const char *const ours[] = { "message", "type", "param", "code", "error_code" };
    for (size_t i = 0; i < json_count(fail->more); i++) {
        struct text name = json_key_at(fail->more, i);
        size_t k = 0;
        while (k < sizeof ours / sizeof *ours && !text_is(name, ours[k]))
            k++;
        if (k < sizeof ours / sizeof *ours)
            continue;
        json_key(w, name);
        json_put_json(w, json_at(fail->more, i));
    }
}

static void write_openai(const struct fail *fail, struct json_writer *w)
{
    json_object(w);
    json_name(w, "error");
    json_object(w);
    json_name(w, "message");
    json_put_str(w, text_in(fail));
    json_name(w, "type");
    json_put_str(w, text_of(fail->type));
    json_name(w, "param");
    if (fail->param[0] != '\0')
        json_put_str(w, text_of(fail->param));
    else
        json_put_null(w);
    json_name(w, "code");
    put_code(fail, w);
    put_more(fail, w);
    json_close(w);
    json_close(w);
}

/* Anthropic's clients know a prompt that does not fit by these words, not by a code. */
static void put_anthropic_text(const struct fail *fail, struct json_writer *w)
{
    static const struct text words = { "prompt is too long", 18 };
    struct text text = text_in(fail);
    char both[ERROR_TEXT_MOST + 32];

    if (strcmp(fail->code, ERROR_CODE_CONTEXT) != 0 || text_find(text, words) >= 0) {
        json_put_str(w, text);
        return;
    }
    snprintf(both, sizeof both, "%s: %.*s", words.ptr, TEXT_ARG(text));
    json_put_str(w, text_of(both));
}

static void write_anthropic(const struct fail *fail, struct text request_id, struct json_writer *w)
{
    json_object(w);
    json_name(w, "type");
    json_put_str(w, TEXT("error"));
    json_name(w, "error");
    json_object(w);
    json_name(w, "type");
    json_put_str(w, text_of(is_budget(fail) ? "billing_error" : anthropic_type(error_status(fail, ERROR_ANTHROPIC))));
    json_name(w, "message");
    put_anthropic_text(fail, w);
    json_name(w, "details");
    json_object(w);
    json_name(w, "error_code");
    put_code(fail, w);
    put_more(fail, w);
    json_close(w);
    json_close(w);
    json_name(w, "request_id");
    json_put_str(w, request_id);
    json_close(w);
}

static void write_gemini(const struct fail *fail, struct json_writer *w)
{
    json_object(w);
    json_name(w, "error");
    json_object(w);
    json_name(w, "code");
    json_put_int(w, error_status(fail, ERROR_GEMINI));
    json_name(w, "message");
    json_put_str(w, text_in(fail));
    json_name(w, "status");
    json_put_str(w, text_of(gemini_status(fail->status)));
    json_close(w);
    json_close(w);
}

void error_write(const struct fail *fail, enum error_shape shape, struct text request_id, struct buf *out)
{
    struct json_writer w;
    BUG_IF(fail->code == NULL || fail->type == NULL); /* a failure for a client comes from the table */
    json_writer_init(&w, out);
    if (shape == ERROR_ANTHROPIC)
        write_anthropic(fail, request_id, &w);
    else if (shape == ERROR_GEMINI)
        write_gemini(fail, &w);
    else
        write_openai(fail, &w);
    json_end(&w);
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
    put_code(fail, &w);
    json_name(&w, "message");
    json_put_str(&w, text_in(fail));
    json_close(&w);
    json_name(&w, "output");
    json_array(&w);
    json_close(&w);
    json_close(&w);
    json_close(&w);
    json_end(&w);
    buf_str(out, "\n\n");
}

void error_write_event(const struct fail *fail, enum error_shape shape, struct text request_id, struct buf *out)
{
    if (shape == ERROR_RESPONSES) {
        write_failed(fail, request_id, out);
        return;
    }
    buf_str(out, shape == ERROR_ANTHROPIC ? "event: error\ndata: " : "data: ");
    error_write(fail, shape, request_id, out);
    buf_str(out, "\n\n");
}
