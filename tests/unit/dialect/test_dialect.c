/* test_dialect.c - errors in the shape of each dialect. */
#include "dialect/dialect.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "canon/error.h"
#include "check.h"

static const struct json *written(struct arena *arena, struct buf *out)
{
    struct fail fail;
    const struct json *v = json_parse(arena, buf_view(out), &fail);
    cr_assert_not_null(v);
    return v;
}

Test(dialect, has_the_openai_shape)
{
    struct arena arena;
    struct buf out;
    struct fail fail;
    arena_init(&arena, NULL, 0, 1 << 20);
    buf_init(&out, 4096);
    error_param(&fail, E_PARAMETER, TEXT("model"), "model is \"%s\"", "wrong");
    dialect_chat.write_error(&fail, TEXT("id-1"), &out);
    const struct json *e = json_member(written(&arena, &out), "error");
    cr_assert(text_is(json_str(json_member(e, "message")), "model is \"wrong\""));
    cr_assert(text_is(json_str(json_member(e, "type")), "invalid_request_error"));
    cr_assert(text_is(json_str(json_member(e, "param")), "model"));
    cr_assert(text_is(json_str(json_member(e, "code")), "invalid_parameter"));
    buf_free(&out);
    arena_fini(&arena);
}

Test(dialect, has_a_null_param_when_no_member_is_at_fault)
{
    struct arena arena;
    struct buf out;
    struct fail fail;
    arena_init(&arena, NULL, 0, 1 << 20);
    buf_init(&out, 4096);
    error_set(&fail, E_KEY, "no key");
    dialect_chat.write_error(&fail, TEXT("id-1"), &out);
    const struct json *e = json_member(written(&arena, &out), "error");
    cr_assert_eq(json_type(json_member(e, "param")), JSON_T_NULL);
    buf_free(&out);
    arena_fini(&arena);
}

Test(dialect, has_the_anthropic_shape_with_our_code_in_the_details)
{
    struct arena arena;
    struct buf out;
    struct fail fail;
    arena_init(&arena, NULL, 0, 1 << 20);
    buf_init(&out, 4096);
    error_set(&fail, E_OVERLOAD, "busy");
    dialect_messages.write_error(&fail, TEXT("id-2"), &out);
    const struct json *v = written(&arena, &out), *e = json_member(v, "error");
    cr_assert(text_is(json_str(json_member(v, "type")), "error"));
    cr_assert(text_is(json_str(json_member(v, "request_id")), "id-2"));
    cr_assert(text_is(json_str(json_member(e, "type")), "overloaded_error"));
    cr_assert(text_is(json_str(json_member(json_member(e, "details"), "error_code")), "server_is_overloaded"));
    cr_assert_eq(dialect_messages.error_status(&fail), 529);
    cr_assert_eq(dialect_chat.error_status(&fail), 503);
    buf_free(&out);
    arena_fini(&arena);
}

Test(dialect, says_that_a_prompt_is_too_long_in_the_words_anthropics_clients_know)
{
    static const struct {
        const struct dialect *dialect;
        const char *said, *code, *wanted;
    } rows[] = {
        { &dialect_messages, "maximum context length is 8", ERROR_CODE_CONTEXT,
          "prompt is too long: maximum context length is 8" },
        { &dialect_messages, "your prompt is too long", ERROR_CODE_CONTEXT, "your prompt is too long" },
        { &dialect_messages, "prompt is too long: 9", ERROR_CODE_CONTEXT, "prompt is too long: 9" },
        { &dialect_messages, "n is wrong", "invalid_request", "n is wrong" },
        { &dialect_chat, "maximum context length is 8", ERROR_CODE_CONTEXT, "maximum context length is 8" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena;
        struct buf out;
        struct fail fail;
        arena_init(&arena, NULL, 0, 1 << 20);
        buf_init(&out, 4096);
        error_set(&fail, E_UPSTREAM_REFUSED, "%s", rows[i].said);
        fail.code = rows[i].code;
        rows[i].dialect->write_error(&fail, TEXT("id"), &out);
        struct text message = json_str(json_member(json_member(written(&arena, &out), "error"), "message"));
        cr_assert(text_is(message, rows[i].wanted), "%.*s", TEXT_ARG(message));
        buf_free(&out);
        arena_fini(&arena);
    }
}

/* The most that is kept of an upstream's words fits behind them. */
Test(dialect, says_so_of_long_words_too)
{
    static char words[ERROR_TEXT_MOST + 1], wanted[ERROR_TEXT_MOST + 40];
    struct arena arena;
    struct buf out;
    struct fail fail;
    memset(words, 'w', ERROR_TEXT_MOST);
    snprintf(wanted, sizeof wanted, "prompt is too long: %s", words);
    arena_init(&arena, NULL, 0, 1 << 20);
    buf_init(&out, 1 << 16);
    error_set(&fail, E_UPSTREAM_REFUSED, "x");
    error_words(&fail, &arena, text_of(words));
    fail.code = ERROR_CODE_CONTEXT;
    dialect_messages.write_error(&fail, TEXT("id"), &out);
    struct text message = json_str(json_member(json_member(written(&arena, &out), "error"), "message"));
    cr_assert(text_is(message, wanted), "%.*s", TEXT_ARG(message));
    buf_free(&out);
    arena_fini(&arena);
}

Test(dialect, is_a_whole_event_in_a_stream)
{
    struct fail fail;
    struct buf out;
    buf_init(&out, 4096);
    error_set(&fail, E_STREAM, "broken");
    dialect_chat.write_error_event(&fail, TEXT("id"), &out);
    cr_assert(text_starts(buf_view(&out), TEXT("data: {\"error\":{")));
    cr_assert(text_ends(buf_view(&out), TEXT("}\n\n")));
    buf_free(&out);
    dialect_messages.write_error_event(&fail, TEXT("id"), &out);
    cr_assert(text_starts(buf_view(&out), TEXT("event: error\ndata: {")));
    buf_free(&out);
}
