/* test_responses.c - the relayed responses face: what it finds in what passes, and how it reports that an answer broke
 * off. */
#include "check.h"
#include "messages_help.h"

Test(responses, says_a_failure_in_the_words_its_clients_read)
{
    struct fail fail;
    struct buf out;
    help_begin();
    buf_init(&out, 1 << 16);
    error_set(&fail, E_STREAM, "it \"broke\" off");
    face_responses.dialect->write_error_event(&fail, TEXT("0199-aa"), &out);
    struct text event = buf_view(&out), name = text_cut(&event, '\n');
    cr_assert(text_is(name, "event: response.failed"), "%.*s", TEXT_ARG(name));
    cr_assert(text_starts(event, TEXT("data: ")) && text_ends(event, TEXT("}\n\n")));
    const struct json *v = help_json((struct text){ event.ptr + 6, event.len - 8 });
    cr_assert_str_eq(help_str(v, "type"), "response.failed");
    cr_assert_str_eq(help_str(v, "response.status"), "failed");
    cr_assert_str_eq(help_str(v, "response.object"), "response");
    cr_assert_str_eq(help_str(v, "response.id"), "resp_0199-aa");
    cr_assert_str_eq(help_str(v, "response.error.code"), "stream_interrupted");
    cr_assert_str_eq(help_str(v, "response.error.message"), "it \"broke\" off");
    cr_assert_eq(json_type(help_at(v, "response.output")), JSON_T_ARRAY);
    buf_free(&out);
    /* before a stream began it is an error like OpenAI's others */
    face_responses.dialect->write_error(&fail, TEXT("0199-aa"), &out);
    cr_assert_str_eq(help_str(help_json(buf_view(&out)), "error.code"), "stream_interrupted");
    cr_assert_eq(face_responses.dialect->error_status(&fail), 502);
    buf_free(&out);
    help_end();
}

Test(responses, finds_the_end_and_errors_in_frames)
{
    enum { END = DIALECT_TAP_FINISH | DIALECT_TAP_USAGE | DIALECT_TAP_DONE };
    static const struct {
        const char *name, *data;
        unsigned want;
    } rows[] = {
        { "response.output_text.delta", "{\"type\":\"response.output_text.delta\",\"delta\":\"x\"}", 0 },
        { "response.completed", "{\"type\":\"response.completed\",\"response\":{\"usage\":{}}}", END },
        { "response.failed", "{\"type\":\"response.failed\",\"response\":{\"error\":{}}}", END | DIALECT_TAP_ERROR },
        { "error", "{\"type\":\"error\",\"message\":\"x\"}", DIALECT_TAP_ERROR },
        { "", "{\"type\":\"response.incomplete\",\"response\":{}}", END },
        { "", "{\"type\":\"error\",\"code\":\"x\",\"message\":\"y\"}", DIALECT_TAP_ERROR },
        { "", "{\"error\":{\"message\":\"x\"}}", DIALECT_TAP_ERROR },
        { "message", "{\"type\":\"response.completed\",\"response\":{}}", END },
        { "", "{\"response\":{\"type\":\"x\"},\"type\":\"response.completed\"}", END },
        { "", "[DONE]", DIALECT_TAP_DONE },
        { "", "not json", 0 },
    };
    help_begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(face_responses.dialect->tap(&help.arena, text_of(rows[i].name), text_of(rows[i].data)),
                     rows[i].want, "row %zu", i);
    help_end();
}
