/* error.c - the table of errors, and what is written of one in every shape. */
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
    [E_UNBOUNDED] = { FAIL_CLIENT, 400, INVALID, "cost_unbounded", 0, false, 0 },
    [E_NOT_PRICED] = { FAIL_OPERATOR, 404, INVALID, "model_not_priced", 0, false, 0 },
    [E_SWITCHED_OFF] = { FAIL_CLIENT, 429, "insufficient_quota", "switched_off", 0, false, 0 },
    [E_RATE] = { FAIL_CLIENT, 429, "rate_limit_error", "rate_limit_exceeded", 1, false, 1 },
    [E_SLOW_DOWN] = { FAIL_CLIENT, 429, "rate_limit_error", "slow_down", 1, false, 1 },
    [E_LEDGER] = { FAIL_OPERATOR, 503, "service_unavailable_error", "ledger_unavailable", 1, false, 5 },
    [E_NOT_CACHED] = { FAIL_CLIENT, 504, INVALID, "not_cached", 0, false, 0 },
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

bool error_is_overload(const struct fail *fail)
{
    return strcmp(fail->code, "server_is_overloaded") == 0;
}

bool error_is_budget(const struct fail *fail)
{
    return fail->code == rows[E_BUDGET].code || fail->code == rows[E_BUDGET_REQUEST].code;
}

/* What is wrong, in the upstream's own words where they have no room in `text`. */
struct text error_text(const struct fail *fail)
{
    return text_of(fail->words != NULL ? fail->words : fail->text);
}

/* An upstream that states "code": null is repeated so. */
void error_put_code(const struct fail *fail, struct json_writer *w)
{
    if (fail->code[0] != '\0')
        json_put_str(w, text_of(fail->code));
    else
        json_put_null(w);
}

/* What the upstream's error has beside the members that are written anyway. */
void error_put_more(const struct fail *fail, struct json_writer *w)
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
