/* test_error.c - the table of errors. */
#include "canon/error.h"

#include "check.h"

Test(error, keeps_the_table_of_the_design)
{
    static const struct {
        enum error_case which;
        int status;
        const char *type, *code;
        int should_retry;
        bool close;
    } rows[] = {
        { E_KEY, 401, "invalid_request_error", "invalid_api_key", 0, false },
        { E_MODEL, 404, "invalid_request_error", "model_not_found", 0, false },
        { E_JSON, 400, "invalid_request_error", "invalid_json", 0, false },
        { E_PARAMETER, 400, "invalid_request_error", "invalid_parameter", 0, false },
        { E_BODY_TOO_LARGE, 413, "invalid_request_error", "request_too_large", 0, true },
        { E_HEAD_TOO_LARGE, 431, "invalid_request_error", "request_too_large", 0, true },
        { E_FRAMING, 400, "invalid_request_error", "bad_request", 0, true },
        { E_TOO_SLOW, 408, "invalid_request_error", "request_timeout", 0, true },
        { E_OVERLOAD, 503, "service_unavailable_error", "server_is_overloaded", 1, false },
        { E_UPSTREAM, 502, "upstream_error", "upstream_unavailable", 1, false },
        { E_UPSTREAM_TIMEOUT, 504, "upstream_error", "upstream_timeout", 0, false },
        { E_UPSTREAM_AUTH, 502, "upstream_error", "upstream_auth", 0, false },
        { E_UPSTREAM_RATE, 429, "rate_limit_error", "upstream_rate_limited", 1, false },
        { E_UPSTREAM_QUOTA, 429, "insufficient_quota", "insufficient_quota", 0, false },
        { E_INTERNAL, 500, "server_error", "internal_error", 0, false },
        { E_PATH, 404, "invalid_request_error", "not_found", 0, false },
        { E_METHOD, 405, "invalid_request_error", "method_not_allowed", 0, false },
        { E_LOOP, 508, "upstream_error", "loop_detected", 0, false },
        { E_FORBIDDEN, 403, "invalid_request_error", "forbidden", 0, false },
        { E_MEDIA_TYPE, 415, "invalid_request_error", "unsupported_media_type", 0, false },
        { E_LOSSY, 400, "invalid_request_error", "unsupported_parameter", 0, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fail fail;
        error_set(&fail, rows[i].which, "x");
        cr_assert_eq(fail.status, rows[i].status);
        cr_assert_str_eq(fail.type, rows[i].type);
        cr_assert_str_eq(fail.code, rows[i].code);
        cr_assert_eq(fail.should_retry, rows[i].should_retry);
        cr_assert_eq(fail.close, rows[i].close);
    }
}
