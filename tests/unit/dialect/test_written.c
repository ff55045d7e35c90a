/* test_written.c - what each dialect writes, byte for byte: errors, the events that end a stream, lists of models. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "canon/error.h"
#include "check.h"
#include "dialect/dialect.h"

static struct buf out;
static struct fail fail;

/* What was written since the last call. */
static const char *written(void)
{
    static char text[4096];
    struct text view = buf_view(&out);
    cr_assert_lt(view.len, sizeof text);
    memcpy(text, view.ptr, view.len);
    text[view.len] = '\0';
    buf_free(&out);
    buf_init(&out, 1 << 16);
    return text;
}

static const char *error_of(const struct dialect *dialect)
{
    dialect->write_error(&fail, TEXT("id-1"), &out);
    return written();
}

static const char *event_of(const struct dialect *dialect)
{
    dialect->write_error_event(&fail, TEXT("id-1"), &out);
    return written();
}

static void begin(void)
{
    buf_init(&out, 1 << 16);
}

Test(written, errors_of_openai)
{
    static const struct dialect *const all[] = { &dialect_chat, &dialect_completions, &dialect_embeddings,
                                                 &dialect_responses, &dialect_other };
    begin();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        error_param(&fail, E_PARAMETER, TEXT("model"), "model is \"%s\"", "wrong");
        cr_assert_str_eq(error_of(all[i]),
                         "{\"error\":{\"message\":\"model is \\\"wrong\\\"\",\"type\":\"invalid_request_error\","
                         "\"param\":\"model\",\"code\":\"invalid_parameter\"}}");
        error_set(&fail, E_STREAM, "broken");
        cr_assert_str_eq(error_of(all[i]),
                         "{\"error\":{\"message\":\"broken\",\"type\":\"upstream_error\",\"param\":null,"
                         "\"code\":\"stream_interrupted\"}}");
        cr_assert_eq(all[i]->error_status(&fail), 502);
        fail.status = 529;
        cr_assert_eq(all[i]->error_status(&fail), 503);
        cr_assert_str_eq(
            event_of(all[i]),
            all[i] == &dialect_responses
                ? "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"id\":\"resp_id-1\","
                  "\"object\":\"response\",\"status\":\"failed\",\"error\":{\"code\":\"stream_interrupted\","
                  "\"message\":\"broken\"},\"output\":[]}}\n\n"
                : "data: {\"error\":{\"message\":\"broken\",\"type\":\"upstream_error\",\"param\":null,"
                  "\"code\":\"stream_interrupted\"}}\n\n");
    }
    buf_free(&out);
}

Test(written, errors_of_anthropic)
{
    static const struct dialect *const all[] = { &dialect_messages, &dialect_count_tokens };
    begin();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        error_set(&fail, E_KEY, "no key");
        cr_assert_str_eq(
            error_of(all[i]),
            "{\"type\":\"error\",\"error\":{\"type\":\"authentication_error\",\"message\":\"no key\",\"details\":{"
            "\"error_code\":\"invalid_api_key\"}},\"request_id\":\"id-1\"}");
        cr_assert_str_eq(
            event_of(all[i]),
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"authentication_error\",\"message\":\"no "
            "key\",\"details\":{\"error_code\":\"invalid_api_key\"}},\"request_id\":\"id-1\"}\n\n");
        error_set(&fail, E_PARAMETER, "far too long");
        fail.code = ERROR_CODE_CONTEXT;
        cr_assert_str_eq(
            error_of(all[i]),
            "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt is too long: "
            "far too long\",\"details\":{\"error_code\":\"context_length_exceeded\"}},\"request_id\":\"id-1\"}");
    }
    buf_free(&out);
}

Test(written, errors_of_anthropic_have_a_type_for_each_status)
{
    static const struct {
        int status;
        const char *type;
    } rows[] = {
        { 400, "invalid_request_error" },
        { 401, "authentication_error" },
        { 402, "invalid_request_error" },
        { 403, "permission_error" },
        { 404, "not_found_error" },
        { 405, "invalid_request_error" },
        { 413, "request_too_large" },
        { 422, "invalid_request_error" },
        { 429, "rate_limit_error" },
        { 499, "invalid_request_error" },
        { 500, "api_error" },
        { 502, "api_error" },
        { 503, "api_error" },
        { 504, "timeout_error" },
        { 529, "overloaded_error" },
    };
    char text[200];
    begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        error_set(&fail, E_UPSTREAM_REFUSED, "no");
        fail.status = rows[i].status;
        cr_assert_eq(dialect_messages.error_status(&fail), rows[i].status);
        snprintf(text, sizeof text,
                 "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"no\",\"details\":{\"error_code\":"
                 "\"invalid_request\"}},\"request_id\":\"id-1\"}",
                 rows[i].type);
        cr_assert_str_eq(error_of(&dialect_messages), text);
    }
    error_set(&fail, E_OVERLOAD, "busy");
    cr_assert_eq(dialect_messages.error_status(&fail), 529);
    cr_assert_eq(dialect_chat.error_status(&fail), 503);
    cr_assert_not_null(strstr(error_of(&dialect_messages), "\"type\":\"overloaded_error\""));
    error_set(&fail, E_BUDGET, "spent");
    cr_assert_not_null(strstr(error_of(&dialect_messages), "{\"type\":\"billing_error\",\"message\":\"spent\""));
    buf_free(&out);
}

Test(written, the_end_of_a_stream_that_is_cut)
{
    static const struct {
        const struct dialect *dialect;
        const char *last, *text;
    } rows[] = {
        { &dialect_chat, "",
          "data: {\"id\":\"chatcmpl-id-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"m\\\"1\","
          "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n" },
        { &dialect_completions, "",
          "data: {\"id\":\"chatcmpl-id-1\",\"object\":\"text_completion\",\"created\":1700000000,\"model\":\"m\\\"1\","
          "\"choices\":[{\"index\":0,\"text\":\"\",\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n" },
        { &dialect_responses, "",
          "event: response.incomplete\ndata: {\"type\":\"response.incomplete\",\"response\":{\"id\":\"resp_id-1\",\"object\":"
          "\"response\",\"created_at\":1700000000,\"status\":\"incomplete\",\"error\":null,\"incomplete_details\":{\"reason\":"
          "\"max_output_tokens\"},\"output\":[],\"model\":\"m\\\"1\"}}\n\n" },
        { &dialect_messages, "{\"type\":\"content_block_delta\",\"index\":3,\"delta\":{}}",
          "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":3}\n\n"
          "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\",\"stop_sequence\":"
          "null},\"usage\":{\"output_tokens\":0}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n" },
        { &dialect_messages, "{\"type\":\"message_start\"}",
          "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\",\"stop_sequence\":"
          "null},\"usage\":{\"output_tokens\":0}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n" },
    };
    begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dialect_cut cut = { TEXT("id-1"), TEXT("m\"1"), 1700000000, text_of(rows[i].last) };
        rows[i].dialect->write_cut(&cut, &out);
        cr_assert_str_eq(written(), rows[i].text);
    }
    cr_assert_null(dialect_embeddings.write_cut);
    cr_assert_null(dialect_other.write_cut);
    buf_free(&out);
}

static const struct models_row models[] = {
    { { "a", 1 }, { "up", 2 } },
    { { "b\"", 2 }, { "up", 2 } },
    { { "c", 1 }, { "other", 5 } },
    { { "d", 1 }, { "up", 2 } },
};

Test(written, models_of_openai)
{
    begin();
    dialect_chat.write_models(models, 2, (struct models_page){ .limit = 1 }, 1700000000, &out);
    cr_assert_str_eq(written(),
                     "{\"object\":\"list\",\"data\":[{\"id\":\"a\",\"object\":\"model\",\"created\":1700000000,"
                     "\"owned_by\":\"up\"},{\"id\":\"b\\\"\",\"object\":\"model\",\"created\":1700000000,"
                     "\"owned_by\":\"up\"}]}");
    dialect_chat.write_models(models, 0, (struct models_page){ .limit = 0 }, 0, &out);
    cr_assert_str_eq(written(), "{\"object\":\"list\",\"data\":[]}");
    dialect_chat.write_model(&models[2], 5, &out);
    cr_assert_str_eq(written(), "{\"id\":\"c\",\"object\":\"model\",\"created\":5,\"owned_by\":\"other\"}");
    buf_free(&out);
}

#define ROW(id)                                                                                                        \
    "{\"type\":\"model\",\"id\":\"" id "\",\"display_name\":\"" id "\",\"created_at\":\"2023-11-14T22:13:20Z\"}"

Test(written, models_of_anthropic_page_by_page)
{
    static const struct {
        struct models_page page;
        const char *text;
    } rows[] = {
        { { 0, TEXT_NONE, TEXT_NONE },
          "{\"data\":[" ROW("a") "," ROW("b\\\"") "," ROW("c") "," ROW(
              "d") "],\"has_more\":false,\"first_id\":\"a\",\"last_id\":\"d\"}" },
        { { 4, TEXT_NONE, TEXT_NONE },
          "{\"data\":[" ROW("a") "," ROW("b\\\"") "," ROW("c") "," ROW(
              "d") "],\"has_more\":false,\"first_id\":\"a\",\"last_id\":\"d\"}" },
        { { 1, TEXT_NONE, TEXT_NONE },
          "{\"data\":[" ROW("a") "],\"has_more\":true,\"first_id\":\"a\",\"last_id\":\"a\"}" },
        { { 1, { "b\"", 2 }, TEXT_NONE },
          "{\"data\":[" ROW("c") "],\"has_more\":true,\"first_id\":\"c\",\"last_id\":\"c\"}" },
        { { 1, { "c", 1 }, TEXT_NONE },
          "{\"data\":[" ROW("d") "],\"has_more\":false,\"first_id\":\"d\",\"last_id\":\"d\"}" },
        { { 1, { "d", 1 }, TEXT_NONE }, "{\"data\":[],\"has_more\":false,\"first_id\":null,\"last_id\":null}" },
        { { 0, { "x", 1 }, TEXT_NONE }, "{\"data\":[],\"has_more\":false,\"first_id\":null,\"last_id\":null}" },
        { { 2, TEXT_NONE, { "d", 1 } },
          "{\"data\":[" ROW("b\\\"") "," ROW("c") "],\"has_more\":true,\"first_id\":\"b\\\"\",\"last_id\":\"c\"}" },
        { { 3, TEXT_NONE, { "c", 1 } },
          "{\"data\":[" ROW("a") "," ROW("b\\\"") "],\"has_more\":false,\"first_id\":\"a\",\"last_id\":\"b\\\"\"}" },
        { { 0, TEXT_NONE, { "x", 1 } }, "{\"data\":[],\"has_more\":false,\"first_id\":null,\"last_id\":null}" },
        { { 1, { "a", 1 }, { "d", 1 } },
          "{\"data\":[" ROW("b\\\"") "],\"has_more\":true,\"first_id\":\"b\\\"\",\"last_id\":\"b\\\"\"}" },
    };
    begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dialect_messages.write_models(models, 4, rows[i].page, 1700000000, &out);
        cr_assert_str_eq(written(), rows[i].text, "%zu", i);
    }
    dialect_messages.write_model(&models[3], 1700000000, &out);
    cr_assert_str_eq(written(), ROW("d"));
    buf_free(&out);
}

Test(written, which_page_is_asked_for)
{
    static const struct {
        const char *target;
        size_t limit;
        const char *after, *before;
    } rows[] = {
        { "/v1/models", 0, "", "" },
        { "/v1/models?limit=20", 20, "", "" },
        { "/v1/models?limit=x", 0, "", "" },
        { "/v1/models?limit=", 0, "", "" },
        { "/v1/models?after_id=a&limit=3", 3, "a", "" },
        { "/v1/models?before_id=b%2Fc&after_id=d", 0, "d", "b/c" },
        { "/v1/models?after_id=a%2fB%41%", 0, "a/BA%", "" },
        { "/v1/models?after_id=%4", 0, "%4", "" },
        { "/v1/models?after_id=%4g%g4%41", 0, "%4g%g4A", "" },
        { "/v1/models?after_id=%%41%fF", 0, "%A\xff", "" },
        { "/v1/models?after=a&limits=3&x", 0, "", "" },
    };
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 16);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        /* In memory of its own size: a byte that is read behind its end is found by the address sanitizer. */
        size_t len = strlen(rows[i].target);
        char *target = memcpy(malloc(len), rows[i].target, len);
        struct models_page page = models_page_of(&arena, (struct text){ target, len });
        cr_assert_eq(page.limit, rows[i].limit, "%s", rows[i].target);
        cr_assert(text_is(page.after, rows[i].after), "%s: %.*s", rows[i].target, TEXT_ARG(page.after));
        cr_assert(text_is(page.before, rows[i].before), "%s", rows[i].target);
        free(target);
    }
    arena_fini(&arena);
}
