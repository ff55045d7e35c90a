/* test_messages.c - what the messages face reads, splices, cuts and finds in what passes; estimates. */
#include <string.h>

#include "check.h"
#include "dialect/models.h"
#include "messages_help.h"

static int decode(const struct face *face, const char *body)
{
    help.ask = (struct ask){ 0 };
    help.fail = (struct fail){ .kind = FAIL_NONE };
    return face->decode(&help.arena, text_of(body), &help.ask, &help.fail);
}

Test(messages, reads_what_the_gateway_must_know)
{
    help_begin();
    cr_assert_eq(
        decode(&face_messages, "{\"model\":\"m\",\"max_tokens\":0,\"messages\":[],\"stream\":true,\"new\":{}}"), 0);
    cr_assert(text_is(help.ask.model, "m"));
    cr_assert(help.ask.stream);
    cr_assert(help.ask.wants_usage);
    cr_assert_eq(help.ask.choices, 1);
    cr_assert_eq(decode(&face_count_tokens, "{\"model\":\"m\",\"messages\":[]}"), 0);
    cr_assert_not(help.ask.stream);
    help_end();
}

Test(messages, refuses_what_is_wrong_and_names_the_member)
{
    static const struct {
        const char *body, *code, *param;
    } rows[] = {
        { "", "invalid_json", "" },
        { "[]", "invalid_json", "" },
        { "{\"model\":\"m\",\"model\":\"n\"}", "invalid_json", "model" },
        { "{\"max_tokens\":1,\"messages\":[]}", "invalid_parameter", "model" },
        { "{\"model\":7,\"max_tokens\":1,\"messages\":[]}", "invalid_parameter", "model" },
        { "{\"model\":\"m\",\"max_tokens\":1}", "invalid_parameter", "messages" },
        { "{\"model\":\"m\",\"max_tokens\":1,\"messages\":\"hi\"}", "invalid_parameter", "messages" },
        { "{\"model\":\"m\",\"messages\":[]}", "invalid_parameter", "max_tokens" },
        { "{\"model\":\"m\",\"max_tokens\":null,\"messages\":[]}", "invalid_parameter", "max_tokens" },
        { "{\"model\":\"m\",\"max_tokens\":-1,\"messages\":[]}", "invalid_parameter", "max_tokens" },
        { "{\"model\":\"m\",\"max_tokens\":1.5,\"messages\":[]}", "invalid_parameter", "max_tokens" },
        { "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[],\"stream\":\"yes\"}", "invalid_parameter", "stream" },
        { "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[],\"base_url\":\"x\"}", "invalid_parameter", "base_url" },
    };
    help_begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert_eq(decode(&face_messages, rows[i].body), -1, "%s", rows[i].body);
        cr_assert_eq(help.fail.status, 400, "%s", rows[i].body);
        cr_assert_str_eq(help.fail.code, rows[i].code, "%s", rows[i].body);
        cr_assert_str_eq(help.fail.param, rows[i].param, "%s", rows[i].body);
    }
    cr_assert_eq(decode(&face_count_tokens, "{\"model\":\"m\"}"), -1);
    help_end();
}

static void splices_to(const char *body, const char *model, const char *want)
{
    struct text *pieces;
    size_t count;
    struct buf out;
    cr_assert_eq(decode(&face_messages, body), 0, "%s", body);
    buf_init(&out, 1 << 20);
    face_messages.dialect->splice(&help.arena, &help.ask, text_of(model), &pieces, &count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_gt(pieces[i].len, 0u);
        buf_text(&out, pieces[i]);
    }
    cr_assert(text_is(buf_view(&out), want), "%.*s", TEXT_ARG(buf_view(&out)));
    buf_free(&out);
}

#define BODY(content) "{\"max_tokens\":1,\"messages\":[" content "],\"model\":\"m\"}"
#define OURS "{\"type\":\"thinking\",\"thinking\":\"x\",\"signature\":\"gw1.e30\"}"
#define THEIRS "{\"type\":\"thinking\",\"thinking\":\"x\",\"signature\":\"EqQB\"}"
#define HI "{\"type\":\"text\",\"text\":\"hi\"}"
#define SAID(blocks) "{\"role\":\"assistant\",\"content\":[" blocks "]}"

Test(messages, leaves_the_body_alone_but_for_the_model)
{
    help_begin();
    splices_to("{ \"messages\":[ 1.50 ], \"model\" : \"m\",\"max_tokens\":1}", "n",
               "{ \"messages\":[ 1.50 ], \"model\" : \"n\",\"max_tokens\":1}");
    splices_to(BODY(SAID(THEIRS "," HI)), "m", BODY(SAID(THEIRS "," HI)));
    help_end();
}

Test(messages, cuts_what_anthropic_did_not_sign)
{
#define FOUR(word) word word word word
    help_begin();
    splices_to(BODY(SAID(OURS "," HI FOUR(FOUR("," OURS "," HI)) FOUR("," OURS "," HI))), "m",
               BODY(SAID(" " HI FOUR(FOUR(" ," HI)) FOUR(" ," HI))));
    splices_to(BODY(SAID(OURS "," HI)), "m", BODY(SAID(" " HI)));
    splices_to(BODY(SAID(OURS "," OURS "," HI "," OURS)), "m", BODY(SAID(" " HI " ")));
    splices_to(BODY(SAID(HI "," OURS "," OURS)), "m", BODY(SAID(HI " ")));
    splices_to(BODY(SAID(OURS "," OURS "," HI)), "m", BODY(SAID(" " HI)));
    splices_to(BODY(SAID(HI "," OURS "," HI)), "m", BODY(SAID(HI " ," HI)));
    splices_to(BODY(SAID(HI) "," SAID(OURS) "," SAID(THEIRS)), "m", BODY(SAID(HI) " ," SAID(THEIRS)));
    splices_to(BODY("{\"role\":\"user\",\"content\":\"gw1. \\\"gw1.\"}"), "m",
               BODY("{\"role\":\"user\",\"content\":\"gw1. \\\"gw1.\"}"));
    splices_to(
        BODY(SAID(
            "{\"type\":\"text\",\"text\":\"a\",\"citations\":[{\"type\":\"web_search_result_location\",\"encrypted_"
            "index\":\"gw1.\"}]}")),
        "m", BODY(SAID("{\"type\":\"text\",\"text\":\"a\",\"citations\":[ ]}")));
    splices_to("{\"model\":\"m\",\"max_tokens\":1,\"messages\":[" SAID(OURS "," HI) "]}", "n",
               "{\"model\":\"n\",\"max_tokens\":1,\"messages\":[" SAID(" " HI) "]}");
    help_end();
}

Test(messages, knows_what_only_opens_an_answer)
{
    static const struct {
        const char *name, *data;
        bool want;
    } rows[] = {
        { "message_start", "{\"type\":\"message_start\",\"message\":{\"content\":[],\"usage\":{}}}", true },
        { "message_start", "{\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}}", false },
        { "ping", "{}", true },
        { "", "{\"type\":\"message_start\",\"message\":{}}", true },
        { "message", "{\"type\":\"ping\"}", true },
        { "", "{\"type\":\"error\"}", false },
        { "error", "{\"type\":\"ping\"}", false },
        { "content_block_start", "{}", false },
        { "message_delta", "{}", false },
        { "new_event", "{}", false },
    };
    help_begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(face_messages.dialect->is_opening(text_of(rows[i].name),
                                                       json_parse(&help.arena, text_of(rows[i].data), NULL)),
                     rows[i].want, "%s %s", rows[i].name, rows[i].data);
    help_end();
}

Test(messages, finds_usage_finish_and_errors_in_frames)
{
    static const struct {
        const char *name, *data;
        unsigned want;
    } rows[] = {
        { "message_start", "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":3}}}",
          DIALECT_TAP_USAGE },
        { "message_start", "{\"type\":\"message_start\",\"message\":{\"usage\":null}}", 0 },
        { "ping", "{\"type\": \"ping\"}", 0 },
        { "content_block_delta", "{\"type\":\"content_block_delta\",\"delta\":{\"text\":\"error usage\"}}", 0 },
        { "message_delta",
          "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":1}}",
          DIALECT_TAP_USAGE | DIALECT_TAP_FINISH },
        { "message_delta", "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":null},\"usage\":{}}",
          DIALECT_TAP_USAGE },
        { "message_stop", "{\"type\":\"message_stop\"}", DIALECT_TAP_DONE },
        { "error", "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}", DIALECT_TAP_ERROR },
        { "", "{\"type\":\"message_stop\"}", DIALECT_TAP_DONE },
        { "message", "{\"error\":{\"message\":\"x\"}}", DIALECT_TAP_ERROR },
        { "", "{\"delta\":{\"stop_reason\":\"end_turn\"},\"type\":\"message_delta\"}", DIALECT_TAP_FINISH },
        { "", "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"message_stop\"}}", 0 },
        { "", "not json", 0 },
        { "new_event", "{\"type\":\"new_event\"}", 0 },
    };
    help_begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(face_messages.dialect->tap(&help.arena, text_of(rows[i].name), text_of(rows[i].data)),
                     rows[i].want, "%s", rows[i].data);
    help_end();
}

Test(messages, extracts_from_a_whole_answer)
{
    struct text digest;
    help_begin();
    unsigned found =
        face_messages.dialect->extract(&help.arena,
                                       TEXT("{\"id\":\"msg_1\",\"type\":\"message\",\"content\":[{\"text\":\"long\"}],"
                                            "\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":3}}"),
                                       &digest);
    cr_assert_eq(found, DIALECT_TAP_USAGE | DIALECT_TAP_FINISH);
    cr_assert_geq(text_find(digest, TEXT("\"stop_reason\":\"end_turn\"")), 0);
    cr_assert_lt(text_find(digest, TEXT("long")), 0);
    help_json(digest);
    found = face_messages.dialect->extract(&help.arena, TEXT("{\"type\":\"error\",\"error\":{\"message\":\"m\"}}"),
                                           &digest);
    cr_assert_eq(found, DIALECT_TAP_ERROR);
    cr_assert_eq(face_messages.dialect->extract(&help.arena, TEXT("<html>"), &digest), DIALECT_TAP_BAD);
    cr_assert(face_messages.dialect->extract(&help.arena, TEXT("{\"a\":1}"), &digest) & DIALECT_TAP_BAD);
    cr_assert_eq(face_count_tokens.dialect->extract(&help.arena, TEXT("{\"input_tokens\":12}"), &digest), 0u);
    cr_assert_eq(face_count_tokens.dialect->extract(&help.arena, TEXT("{\"output\":12}"), &digest), DIALECT_TAP_BAD);
    cr_assert_eq(face_count_tokens.dialect->extract(&help.arena, TEXT("{\"error\":{\"message\":\"m\"}}"), &digest),
                 DIALECT_TAP_ERROR);
    help_end();
}

static int64_t estimate(const char *body)
{
    cr_assert_eq(decode(&face_count_tokens, body), 0, "%s", body);
    return messages_estimate(&help.ask);
}

Test(messages, estimates_tokens_without_the_bytes_of_images)
{
    struct buf body;
    help_begin();
    int64_t least = estimate("{\"model\":\"m\",\"messages\":[]}");
    cr_assert_gt(least, 0);
    cr_assert_lt(least, 20);
    cr_assert_eq(messages_estimate(&(struct ask){ .model = TEXT("m") }), 1);
    cr_assert_gt(estimate("{\"model\":\"m\",\"messages\":[],\"tools\":[{\"name\":\"t\"}]}"), 500);

    buf_init(&body, 1 << 20);
    buf_str(&body, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":"
                   "{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"");
    for (int i = 0; i < 20000; i++)
        buf_str(&body, "iVBORw0KGgo");
    buf_str(&body, "\"}}]}]}");
    int64_t image = estimate(arena_str(&help.arena, buf_view(&body)));
    cr_assert_gt(image, 1500);
    cr_assert_lt(image, 1800);
    buf_free(&body);

    buf_str(&body, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"");
    for (int i = 0; i < 1000; i++)
        buf_str(&body, "\xe6\xbc\xa2 word ");
    buf_str(&body, "\"}]}");
    cr_assert_gt(estimate(arena_str(&help.arena, buf_view(&body))), 2500);
    buf_free(&body);
    help_end();
}

/* What the estimate is made of, counted byte by byte; `media`: images and documents that are in the body. */
static void expect_estimate(const char *body, int media)
{
    struct text t = text_of(body);
    size_t high = 0;
    for (size_t i = 0; i < t.len; i++)
        high += (unsigned char)t.ptr[i] > 0x7f;
    cr_assert_eq(estimate(body), 1 + (int64_t)((t.len - high) * 10 / 33) + (int64_t)(high / 2) + 1600 * media, "%s",
                 body);
}

Test(messages, an_estimate_finds_images_wherever_they_stand)
{
    static const char filling[] = "\xc3\xa9 words \xe6\xbc\xa2 and \xf0\x9f\x98\x80 more";
    help_begin();
    for (size_t at = 0; at < 24; at++) {
        char *body =
            arena_printf(&help.arena,
                         "{\"model\":\"m\",\"messages\":[%*s{\"a\":\"%s\",\"type\" :\"image\",\"s\":[%*s{\"type\":"
                         "\"document\"}]}]%*s}",
                         (int)at, "", filling, (int)(at / 3), "", (int)(23 - at), "");
        expect_estimate(body, 2);
    }
    expect_estimate("{\"model\":\"m\",\"messages\":[\"type\",\"image\"]}", 0);
    expect_estimate("{\"model\":\"m\",\"messages\":[],\"type\":\"image\"}", 1); /* among the last bytes */
    expect_estimate("{\"model\":\"m\",\"messages\":[],\"x\":{\"data\":\"type\",\"type\":\"image_url\"}}", 0);
    help_end();
}

Test(messages, count_tokens_passes_the_count_or_says_its_own)
{
    struct buf out;
    help_begin();
    buf_init(&out, 1 << 16);
    cr_assert_eq(decode(&face_count_tokens, "{\"model\":\"m\",\"messages\":[]}"), 0);
    struct face_answer answer = { .arena = &help.arena, .ask = &help.ask, .usage = &help.usage };
    gw_event body = help_event(GW_EVENT_BODY, 0, NULL, NULL, "{ \"input_tokens\": 7 }");
    face_count_tokens.fold_event(&answer, &body);
    face_count_tokens.fold_end(&answer, &out);
    cr_assert(text_is(buf_view(&out), "{ \"input_tokens\": 7 }"));
    buf_free(&out);
    answer.state = NULL;
    face_count_tokens.fold_end(&answer, &out);
    cr_assert_eq(json_int(json_member(help_json(buf_view(&out)), "input_tokens"), 0), messages_estimate(&help.ask));
    buf_free(&out);
    help_end();
}

Test(messages, lists_models_as_anthropic_does)
{
    static const struct models_row rows[] = { { TEXT("claude-a"), TEXT("p") }, { TEXT("gpt"), TEXT("q") } };
    struct buf out;
    help_begin();
    buf_init(&out, 1 << 16);
    dialect_messages.write_models(rows, 2, (struct models_page){ .limit = 1000 }, 1700000000, &out);
    cr_assert(
        text_is(buf_view(&out),
                "{\"data\":[{\"type\":\"model\",\"id\":\"claude-a\",\"display_name\":\"claude-a\",\"created_at\":"
                "\"2023-11-14T22:13:20Z\"},{\"type\":\"model\",\"id\":\"gpt\",\"display_name\":\"gpt\",\"created_at\":"
                "\"2023-11-14T22:13:20Z\"}],\"has_more\":false,\"first_id\":\"claude-a\",\"last_id\":\"gpt\"}"));
    buf_free(&out);
    dialect_messages.write_models(rows, 2, (struct models_page){ .limit = 1 }, 0, &out);
    const struct json *v = help_json(buf_view(&out));
    cr_assert(json_bool(json_member(v, "has_more"), false));
    cr_assert_str_eq(help_str(v, "last_id"), "claude-a");
    buf_free(&out);
    dialect_messages.write_models(NULL, 0, (struct models_page){ .limit = 10 }, 0, &out);
    cr_assert(text_is(buf_view(&out), "{\"data\":[],\"has_more\":false,\"first_id\":null,\"last_id\":null}"));
    buf_free(&out);
    help_end();
}

/* The ids of the page, and "+" when there are more. */
static void page_is(size_t limit, const char *after, const char *before, const char *want)
{
    static const struct models_row rows[] = { { TEXT("a"), TEXT("p") },
                                              { TEXT("b"), TEXT("p") },
                                              { TEXT("c"), TEXT("p") } };
    struct buf out, ids;
    help_begin();
    buf_init(&out, 1 << 16);
    buf_init(&ids, 1 << 16);
    dialect_messages.write_models(rows, 3, (struct models_page){ limit, text_of(after), text_of(before) }, 0, &out);
    const struct json *v = help_json(buf_view(&out)), *data = json_member(v, "data");
    for (size_t i = 0; i < json_count(data); i++)
        buf_text(&ids, json_str(json_member(json_at(data, i), "id")));
    if (json_bool(json_member(v, "has_more"), false))
        buf_str(&ids, "+");
    cr_assert(text_is(buf_view(&ids), want), "%.*s instead of %s", TEXT_ARG(buf_view(&ids)), want);
    buf_free(&out);
    buf_free(&ids);
    help_end();
}

Test(messages, lists_models_page_by_page)
{
    page_is(0, NULL, NULL, "abc");
    page_is(1, NULL, NULL, "a+");
    page_is(1, "a", NULL, "b+");
    page_is(1, "b", NULL, "c");
    page_is(1, "c", NULL, "");
    page_is(2, "a", NULL, "bc");
    page_is(2, "unknown", NULL, "");
    page_is(1, NULL, "c", "b+");
    page_is(1, NULL, "b", "a");
    page_is(2, NULL, "a", "");
    page_is(2, NULL, "unknown", "");
}

Test(messages, shows_one_model_as_anthropic_does)
{
    static const struct models_row row = { TEXT("claude-a"), TEXT("p") };
    struct buf out;
    buf_init(&out, 1 << 16);
    dialect_messages.write_model(&row, 0, &out);
    cr_assert(text_is(buf_view(&out), "{\"type\":\"model\",\"id\":\"claude-a\",\"display_name\":\"claude-a\","
                                      "\"created_at\":\"1970-01-01T00:00:00Z\"}"));
    buf_free(&out);
}

Test(messages, reads_which_page_is_asked_for)
{
    help_begin();
    struct models_page page = models_page_of(&help.arena, TEXT("/v1/models?limit=2&x&after_id=up%2Fa%zz&before_id="));
    cr_assert_eq(page.limit, 2u);
    cr_assert(text_is(page.after, "up/a%zz"));
    cr_assert_eq(page.before.len, 0u);
    page = models_page_of(&help.arena, TEXT("/v1/models?limit=-1&before_id=%41%4"));
    cr_assert_eq(page.limit, 0u);
    cr_assert(text_is(page.before, "A%4"));
    cr_assert_eq(models_page_of(&help.arena, TEXT("/v1/models")).limit, 0u);
    help_end();
}
