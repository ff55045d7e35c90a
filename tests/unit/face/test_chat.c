/* test_chat.c - what the chat face reads, splices and finds in what passes. */
#include "check.h"
#include "face/face.h"

static struct arena arena;
static struct ask ask;
static struct fail fail;

static int decode(const char *body)
{
    arena_fini(&arena);
    arena_init(&arena, NULL, 0, 1 << 20);
    ask = (struct ask){ 0 };
    fail = (struct fail){ 0 };
    return face_chat.decode(&arena, text_of(body), &ask, &fail);
}

static struct text spliced(const char *model)
{
    struct text *pieces;
    size_t count;
    struct buf out;
    buf_init(&out, 1 << 20);
    face_chat.dialect->splice(&arena, &ask, text_of(model), &pieces, &count);
    for (size_t i = 0; i < count; i++)
        buf_text(&out, pieces[i]);
    struct text t = arena_text(&arena, buf_view(&out));
    buf_free(&out);
    return t;
}

static void splices_to(const char *body, const char *model, const char *want)
{
    cr_assert_eq(decode(body), 0);
    struct text got = spliced(model);
    cr_assert(text_is(got, want));
    arena_fini(&arena);
}

Test(chat, reads_what_the_gateway_must_know)
{
    cr_assert_eq(
        decode("{\"model\":\"m\",\"messages\":[],\"stream\":true,\"stream_options\":{\"include_usage\":true},\"n\":3}"),
        0);
    cr_assert(text_is(ask.model, "m"));
    cr_assert(ask.stream);
    cr_assert(ask.wants_usage);
    cr_assert_eq(ask.choices, 3);
    arena_fini(&arena);
}

Test(chat, refuses_what_is_wrong_and_names_the_member)
{
    static const struct {
        const char *body, *code, *param;
    } rows[] = {
        { "", "invalid_json", "" },
        { "[]", "invalid_json", "" },
        { "{\"model\":\"m\",\"messages\":[]", "invalid_json", "" },
        { "{\"model\":\"m\",\"model\":\"n\",\"messages\":[]}", "invalid_json", "model" },
        { "{\"messages\":[]}", "invalid_parameter", "model" },
        { "{\"model\":7,\"messages\":[]}", "invalid_parameter", "model" },
        { "{\"model\":\"\",\"messages\":[]}", "invalid_parameter", "model" },
        { "{\"model\":\"m\"}", "invalid_parameter", "messages" },
        { "{\"model\":\"m\",\"messages\":{}}", "invalid_parameter", "messages" },
        { "{\"model\":\"m\",\"messages\":[],\"stream\":1}", "invalid_parameter", "stream" },
        { "{\"model\":\"m\",\"messages\":[],\"stream_options\":[]}", "invalid_parameter", "stream_options" },
        { "{\"model\":\"m\",\"messages\":[],\"n\":0}", "invalid_parameter", "n" },
        { "{\"model\":\"m\",\"messages\":[],\"n\":1.5}", "invalid_parameter", "n" },
        { "{\"model\":\"m\",\"messages\":[],\"api_base\":\"http://evil\"}", "invalid_parameter", "api_base" },
        { "{\"model\":\"m\",\"messages\":[],\"base_url\":\"http://evil\"}", "invalid_parameter", "base_url" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert_eq(decode(rows[i].body), -1);
        cr_assert_eq(fail.status, 400);
        cr_assert_str_eq(fail.code, rows[i].code);
        cr_assert_str_eq(fail.param, rows[i].param);
    }
    arena_fini(&arena);
}

Test(chat, leaves_the_body_alone_but_for_the_model)
{
    splices_to("{ \"messages\" : [1.50e3,\"\\u0041\"] , \"model\":\"m\" }", "up/x",
               "{ \"messages\" : [1.50e3,\"\\u0041\"] , \"model\":\"up/x\" }");
    splices_to("{\"model\":\"m\",\"messages\":[]}", "m", "{\"model\":\"m\",\"messages\":[]}");
    splices_to("{\"model\":\"m\",\"messages\":[]}", "a\"b", "{\"model\":\"a\\\"b\",\"messages\":[]}");
}

Test(chat, asks_every_stream_for_its_usage)
{
    splices_to("{\"model\":\"m\",\"messages\":[],\"stream\":true}", "n",
               "{\"model\":\"n\",\"stream_options\":{\"include_usage\":true},\"messages\":[],\"stream\":true}");
    splices_to("{\"stream\":true,\"stream_options\":null,\"model\":\"m\",\"messages\":[]}", "n",
               "{\"stream\":true,\"stream_options\":{\"include_usage\":true},\"model\":\"n\",\"messages\":[]}");
    splices_to("{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":false,\"x\":1},\"messages\":[]}",
               "m",
               "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true,\"x\":1},\"messages\":[]}");
    splices_to(
        "{\"model\":\"m\",\"stream\":true,\"stream_options\":{ \"x\":1},\"messages\":[]}", "m",
        "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true, \"x\":1},\"messages\":[]}");
    splices_to("{\"model\":\"m\",\"stream\":true,\"stream_options\":{},\"messages\":[]}", "m",
               "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"messages\":[]}");
    splices_to("{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"messages\":[]}", "m",
               "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"messages\":[]}");
}

Test(chat, knows_what_only_opens_an_answer)
{
    static const struct {
        const char *data;
        bool want;
    } rows[] = {
        { "{\"choices\":[]}", true },
        { "{\"choices\":[],\"usage\":null,\"error\":null,\"prompt_filter_results\":[{}]}", true },
        { "{\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}", true },
        { "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null,\"tool_calls\":[]},"
          "\"logprobs\":null,\"finish_reason\":null}]}",
          true },
        { "{\"choices\":[{\"delta\":{},\"content_filter_results\":{\"hate\":{}},\"finish_reason\":\"\"}]}", true },
        { "{\"choices\":[{\"delta\":{\"role\":\"assistant\"}},{\"delta\":{\"content\":\"x\"}}]}", false },
        { "{\"choices\":[{\"delta\":{\"content\":\" \"}}]}", false },
        { "{\"choices\":[{\"delta\":{\"reasoning\":\"x\"}}]}", false },
        { "{\"choices\":[{\"delta\":{\"tool_calls\":[{}]}}]}", false },
        { "{\"choices\":[{\"delta\":{\"content\":0}}]}", false },
        { "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}", false },
        { "{\"choices\":[{\"delta\":{},\"error\":{\"code\":502}}]}", false },
        { "{\"choices\":[{\"message\":{\"content\":\"x\"}}]}", false },
        { "{\"choices\":[{\"text\":\"x\"}]}", false },
        { "{\"choices\":[],\"usage\":{\"total_tokens\":1}}", false },
        { "{\"choices\":[],\"error\":{}}", true },
        { "{\"choices\":[],\"error\":\"x\"}", false },
        { "{\"choices\":null}", false },
        { "{}", false },
    };
    arena_init(&arena, NULL, 0, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(face_chat.dialect->is_opening(TEXT_NONE, json_parse(&arena, text_of(rows[i].data), NULL)),
                     rows[i].want, "%s", rows[i].data);
    cr_assert_not(face_chat.dialect->is_opening(TEXT("error"), json_parse(&arena, TEXT("{\"choices\":[]}"), NULL)));
    arena_fini(&arena);
}

Test(chat, finds_usage_finish_and_errors_in_frames)
{
    static const struct {
        const char *data;
        unsigned want;
    } rows[] = {
        { "[DONE]", DIALECT_TAP_DONE },
        { "{\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null}],\"usage\":null}", 0 },
        { "{\"choices\":[{\"delta\":{},\"finish_reason\": \"stop\"}]}", DIALECT_TAP_FINISH },
        { "{\"choices\":[],\"usage\":{\"total_tokens\":1}}", DIALECT_TAP_USAGE | DIALECT_TAP_USAGE_ONLY },
        { "{\"choices\":[ ],\"usage\" : {\"total_tokens\":1}}", DIALECT_TAP_USAGE | DIALECT_TAP_USAGE_ONLY },
        { "{\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":{}}", DIALECT_TAP_USAGE | DIALECT_TAP_FINISH },
        { "{\"error\":{\"message\":\"x\"}}", DIALECT_TAP_ERROR },
        { "{\"error\":null,\"choices\":[]}", 0 },
        { "{\"choices\":[{\"delta\":{\"content\":\"say \\\"usage\\\":{ and \\\"error\\\":1\"}}]}", 0 },
        { "{\"choices\":[{\"delta\":{\"error\":{\"nested\":1}}}]}", 0 },
    };
    arena_init(&arena, NULL, 0, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(face_chat.dialect->tap(&arena, TEXT_NONE, text_of(rows[i].data)), rows[i].want, "a row differs");
    cr_assert_eq(face_chat.dialect->tap(&arena, TEXT("error"), TEXT("{}")), DIALECT_TAP_ERROR);
    arena_fini(&arena);
}

Test(chat, extracts_from_a_whole_answer)
{
    struct text digest;
    arena_init(&arena, NULL, 0, 1 << 20);
    unsigned found =
        face_chat.dialect->extract(&arena,
                                   TEXT("{\"id\":\"x\",\"choices\":[{\"index\":0,\"message\":{\"content\":\"long\"},"
                                        "\"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":3}}"),
                                   &digest);
    cr_assert_eq(found, DIALECT_TAP_USAGE | DIALECT_TAP_FINISH);
    cr_assert_geq(text_find(digest, TEXT("\"finish_reason\":\"length\"")), 0);
    cr_assert_geq(text_find(digest, TEXT("\"usage\":{\"prompt_tokens\":3}")), 0);
    cr_assert_lt(text_find(digest, TEXT("long")), 0);
    cr_assert_eq(face_chat.dialect->extract(&arena, TEXT("<html>"), &digest), DIALECT_TAP_BAD);
    cr_assert(face_chat.dialect->extract(&arena, TEXT("{\"hello\":1}"), &digest) & DIALECT_TAP_BAD);
    cr_assert(face_chat.dialect->extract(&arena, TEXT("{\"error\":{\"message\":\"m\"}}"), &digest) & DIALECT_TAP_ERROR);
    arena_fini(&arena);
}

Test(chat, takes_the_body_that_cursor_sends)
{
    cr_assert_eq(
        decode(
            "{\"model\":\"m\",\"instructions\":\"be brief\",\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\","
            "\"text\":\"hi\"}]},{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"f\",\"arguments\":\"{}\"},"
            "{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":\"7\"}],\"tools\":[{\"type\":\"function\","
            "\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}],\"max_output_tokens\":9,\"truncation\":\"auto\"}"),
        0);
    cr_assert(text_is(
        spliced("m"),
        "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"be brief\"},{\"role\":\"user\",\"content\":"
        "[{\"type\":\"text\",\"text\":\"hi\"}]},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\","
        "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":"
        "\"c1\",\"content\":\"7\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":"
        "{\"type\":\"object\"}}}],\"max_completion_tokens\":9}"));
    cr_assert_not_null(ask.dropped);
    cr_assert(text_is(ask.dropped->member, "truncation"));
    arena_fini(&arena);
}

/* A conversation that Anthropic took part in goes on at a service that refuses members that it does not know; a server of the
 * operator's own, which may be a gateway, gets all of it. */
Test(chat, cuts_what_the_gateway_gave_out_of_what_a_service_gets)
{
#define ORIGIN                                                                                                         \
    "\"x_origin\":{\"dialect\":\"messages\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"\\\"x_origin\\\":{\"}]}"
    static const struct {
        const char *sent, *got;
    } rows[] = {
        { "{\"role\":\"assistant\",\"content\":\"a\"," ORIGIN "}", "{\"role\":\"assistant\",\"content\":\"a\" }" },
        { "{" ORIGIN " , \"role\":\"assistant\",\"content\":\"a\"}", "{ \"role\":\"assistant\",\"content\":\"a\"}" },
        { "{\"role\":\"assistant\", " ORIGIN ",\"content\":\"a\"}", "{\"role\":\"assistant\",  \"content\":\"a\"}" },
        { "{" ORIGIN "}", "{ }" },
        { "{\"role\":\"user\",\"content\":\"\\\"x_origin\\\":\"}",
          "{\"role\":\"user\",\"content\":\"\\\"x_origin\\\":\"}" },
        { "{\"role\":\"tool\",\"content\":[{\"type\":\"text\",\"x_origin\":1}]}",
          "{\"role\":\"tool\",\"content\":[{\"type\":\"text\",\"x_origin\":1}]}" },
    };
    char body[2000], want[2000];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int service = 0; service < 2; service++) {
            snprintf(body, sizeof body, "{\"model\":\"m\",\"messages\":[%s,{},%s],\"stream\":true}", rows[i].sent,
                     rows[i].sent);
            const char *kept = service ? rows[i].got : rows[i].sent;
            snprintf(
                want, sizeof want,
                "{\"model\":\"n\",\"stream_options\":{\"include_usage\":true},\"messages\":[%s,{},%s],\"stream\":true}",
                kept, kept);
            cr_assert_eq(decode(body), 0);
            ask.to_service = service;
            struct text got = spliced("n");
            cr_assert(text_is(got, want), "row %zu: %.*s", i, TEXT_ARG(got));
            arena_fini(&arena);
        }
#undef ORIGIN
}
