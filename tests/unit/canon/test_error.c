/* test_error.c - the table of errors in its three shapes. */
#include "canon/error.h"

#include "base/json.h"
#include "check.h"

static const struct json *written(struct arena *arena, struct buf *out)
{
    struct fail fail;
    const struct json *v = json_parse(arena, buf_view(out), &fail);
    cr_assert_not_null(v);
    return v;
}

Test(error, has_the_openai_shape)
{
    struct arena arena;
    struct buf out;
    struct fail fail;
    arena_init(&arena, NULL, 0, 1 << 20);
    buf_init(&out, 4096);
    error_param(&fail, E_PARAMETER, TEXT("model"), "model is \"%s\"", "wrong");
    error_write(&fail, ERROR_OPENAI, TEXT("id-1"), &out);
    const struct json *e = json_member(written(&arena, &out), "error");
    cr_assert(text_is(json_str(json_member(e, "message")), "model is \"wrong\""));
    cr_assert(text_is(json_str(json_member(e, "type")), "invalid_request_error"));
    cr_assert(text_is(json_str(json_member(e, "param")), "model"));
    cr_assert(text_is(json_str(json_member(e, "code")), "invalid_parameter"));
    buf_free(&out);
    arena_fini(&arena);
}

Test(error, has_a_null_param_when_no_member_is_at_fault)
{
    struct arena arena;
    struct buf out;
    struct fail fail;
    arena_init(&arena, NULL, 0, 1 << 20);
    buf_init(&out, 4096);
    error_set(&fail, E_KEY, "no key");
    error_write(&fail, ERROR_OPENAI, TEXT("id-1"), &out);
    const struct json *e = json_member(written(&arena, &out), "error");
    cr_assert_eq(json_type(json_member(e, "param")), JSON_T_NULL);
    buf_free(&out);
    arena_fini(&arena);
}

Test(error, has_the_anthropic_shape_with_our_code_in_the_details)
{
    struct arena arena;
    struct buf out;
    struct fail fail;
    arena_init(&arena, NULL, 0, 1 << 20);
    buf_init(&out, 4096);
    error_set(&fail, E_OVERLOAD, "busy");
    error_write(&fail, ERROR_ANTHROPIC, TEXT("id-2"), &out);
    const struct json *v = written(&arena, &out), *e = json_member(v, "error");
    cr_assert(text_is(json_str(json_member(v, "type")), "error"));
    cr_assert(text_is(json_str(json_member(v, "request_id")), "id-2"));
    cr_assert(text_is(json_str(json_member(e, "type")), "overloaded_error"));
    cr_assert(text_is(json_str(json_member(json_member(e, "details"), "error_code")), "server_is_overloaded"));
    cr_assert_eq(error_status(&fail, ERROR_ANTHROPIC), 529);
    cr_assert_eq(error_status(&fail, ERROR_OPENAI), 503);
    buf_free(&out);
    arena_fini(&arena);
}

Test(error, says_that_a_prompt_is_too_long_in_the_words_anthropics_clients_know)
{
    static const struct {
        enum error_shape shape;
        const char *said, *code, *wanted;
    } rows[] = {
        { ERROR_ANTHROPIC, "maximum context length is 8", ERROR_CODE_CONTEXT, "prompt is too long: maximum context length is 8" },
        { ERROR_ANTHROPIC, "your prompt is too long", ERROR_CODE_CONTEXT, "your prompt is too long" },
        { ERROR_ANTHROPIC, "n is wrong", "invalid_request", "n is wrong" },
        { ERROR_OPENAI, "maximum context length is 8", ERROR_CODE_CONTEXT, "maximum context length is 8" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena;
        struct buf out;
        struct fail fail;
        arena_init(&arena, NULL, 0, 1 << 20);
        buf_init(&out, 4096);
        error_set(&fail, E_UPSTREAM_REFUSED, "%s", rows[i].said);
        fail.code = rows[i].code;
        error_write(&fail, rows[i].shape, TEXT("id"), &out);
        struct text message = json_str(json_member(json_member(written(&arena, &out), "error"), "message"));
        cr_assert(text_is(message, rows[i].wanted), "%.*s", TEXT_ARG(message));
        buf_free(&out);
        arena_fini(&arena);
    }
}

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

Test(error, is_a_whole_event_in_a_stream)
{
    struct fail fail;
    struct buf out;
    buf_init(&out, 4096);
    error_set(&fail, E_STREAM, "broken");
    error_write_event(&fail, ERROR_OPENAI, TEXT("id"), &out);
    cr_assert(text_starts(buf_view(&out), TEXT("data: {\"error\":{")));
    cr_assert(text_ends(buf_view(&out), TEXT("}\n\n")));
    buf_free(&out);
    error_write_event(&fail, ERROR_ANTHROPIC, TEXT("id"), &out);
    cr_assert(text_starts(buf_view(&out), TEXT("event: error\ndata: {")));
    buf_free(&out);
}
