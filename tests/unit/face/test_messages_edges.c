/* test_messages_edges.c - what of requests and answers of the messages API is seldom: odd orders, empty members, the last of a kind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "face/messages/messages_inside.h"
#include "messages_help.h"

#define TURN(role, blocks)                                                                                             \
    "{\"model\":\"m\",\"max_tokens\":100,\"messages\":[{\"role\":\"" role "\",\"content\":[" blocks "]}]}"
#define ASK(members)                                                                                                   \
    "{\"model\":\"m\",\"max_tokens\":100,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" members "}"
#define USE "{\"type\":\"tool_use\",\"id\":\"c0\",\"name\":\"f\",\"input\":{}}"
#define THOUGHT "{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"EqQB\"}"
#define SAID "{\"type\":\"text\",\"text\":\"a\"}"

/* A chat has the text of a turn before its calls: another order needs the blocks as they were. */
Test(messages_edges, a_text_behind_a_call_needs_the_order)
{
    help_begin();
    cr_assert_null(help_at(help_translate(TURN("assistant", SAID "," USE)), "messages.0.x_origin"));
    help_end();
    help_begin();
    cr_assert_not_null(help_at(help_translate(TURN("assistant", USE "," SAID)), "messages.0.x_origin"));
    help_end();
    help_begin();
    cr_assert_not_null(help_at(help_translate(TURN("assistant", SAID "," USE "," THOUGHT)), "messages.0.x_origin"));
    help_end();
    help_begin();
    cr_assert_null(help_at(help_translate(TURN("assistant", THOUGHT "," SAID "," USE)), "messages.0.x_origin"));
    help_end();
}

/* The reasoning of another upstream comes back as it was sent; only a piece gets the whole text. */
Test(messages_edges, brings_entries_of_reasoning_back)
{
#define A "{\"type\":\"reasoning.text\",\"text\":\"a\"}"
#define B "{\"type\":\"reasoning.text\",\"text\":\"b\"}"
#define HIDDEN "{\"type\":\"reasoning.encrypted\",\"data\":\"x\"}"
    static const struct {
        const char *format, *entries, *details;
    } rows[] = {
        { "f1", A "," B, "[" A "," B "]" },
        { "f1", A, "[{\"type\":\"reasoning.text\",\"text\":\"ab\"}]" },
        { "f1", HIDDEN, "[{\"type\":\"reasoning.text\",\"text\":\"ab\",\"format\":\"f1\",\"index\":0}," HIDDEN "]" },
        { "openai-v1", HIDDEN,
          "[{\"type\":\"reasoning.summary\",\"summary\":\"ab\",\"format\":\"openai-v1\",\"index\":0}," HIDDEN "]" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        help_begin();
        struct text mark =
            messages_marker_write(&help.arena, text_of(rows[i].format), TEXT_NONE, text_of(rows[i].entries));
        const char *body = arena_printf(
            &help.arena, TURN("assistant", "{\"type\":\"thinking\",\"thinking\":\"ab\",\"signature\":\"%.*s\"}," SAID),
            TEXT_ARG(mark));
        const struct json *details = help_at(help_translate(body), "messages.0.reasoning_details");
        cr_assert(details != NULL && help_equal(details, help_json(text_of(rows[i].details))), "%zu: %.*s", i,
                  TEXT_ARG(json_text(details)));
        help_end();
    }
}

Test(messages_edges, a_title_alone_makes_a_document)
{
    help_begin();
    const struct json *v = help_translate(
        TURN("user", "{\"type\":\"document\",\"title\":\"the title\",\"source\":{\"type\":\"text\",\"data\":\"\"}}"));
    cr_assert_geq(text_find(json_text(help_at(v, "messages.0.content")), TEXT("the title")), 0);
    help_end();
}

Test(messages_edges, leaves_out_what_is_null)
{
    help_begin();
    const struct json *v = help_translate(
        ASK(",\"tools\":[{\"name\":\"f\",\"description\":null,\"input_schema\":{\"type\":\"object\"}}]"));
    cr_assert_str_eq(help_str(v, "tools.0.function.name"), "f");
    cr_assert_null(help_at(v, "tools.0.function.description"));
    help_end();
}

Test(messages_edges, names_the_roles_that_there_are)
{
    help_begin();
    cr_assert_null(help_canonical(&face_messages, TEXT(TURN("robot", SAID))));
    cr_assert_not_null(strstr(help.fail.text, "must be \"user\", \"assistant\" or \"system\""), "%s", help.fail.text);
    help_end();
}

/* What only looks like one of our ids or marks is passed as it is. */
Test(messages_edges, reads_no_mark_of_its_own_where_there_is_none)
{
    static const char *const ids[] = { "gw1-=", "gw1-YWJj=", "gw1-YWJjZ", "gw1-*", "call_1" };
    help_begin();
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        cr_assert(text_is(messages_id_back(&help.arena, text_of(ids[i])), ids[i]), "%s", ids[i]);
    cr_assert(text_is(messages_id_back(&help.arena, TEXT("gw1-YSBi")), "a b"));
    struct text out = messages_id_out(&help.arena, TEXT("a b"));
    cr_assert(text_is(messages_id_back(&help.arena, out), "a b"), "%.*s", TEXT_ARG(out));
    help_end();
}

static int64_t estimate_of(size_t length)
{
    static char data[200];
    memset(data, 'A', length);
    data[length] = '\0';
    help_begin();
    const char *body =
        arena_printf(&help.arena, TURN("user", "{\"type\":\"image\",\"source\":{\"data\":\"%s\"}}"), data);
    help.ask = (struct ask){ .body = text_of(body) };
    cr_assert_eq(scan_object(&help.arena, text_of(body), SCAN_MAX_DEPTH, &help.ask.scan), 0);
    int64_t tokens = messages_estimate(&help.ask);
    help_end();
    return tokens;
}

/* From 64 characters on a string called "data" is base64, and no text. */
Test(messages_edges, estimates_no_text_of_base64)
{
    cr_assert_lt(estimate_of(64), estimate_of(63));
    cr_assert_eq(estimate_of(64), estimate_of(65));
    cr_assert_lt(estimate_of(20), estimate_of(63));
}

/* Base64 of a PDF counts by its pages, 60,000 characters each. */
Test(messages_edges, estimates_a_pdf_by_its_pages)
{
    static const size_t lengths[] = { 1000, 59999, 60000, 120000, 7000000 };
    static const int64_t pages[] = { 1, 1, 2, 3, 100 };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char *data = malloc(lengths[i] + 1);
        cr_assert_not_null(data);
        int64_t tokens[2];
        for (int pdf = 0; pdf < 2; pdf++) {
            memset(data, 'A', lengths[i]);
            data[lengths[i]] = '\0';
            memcpy(data, pdf ? "JVBER" : "IVBER", 5);
            help_begin();
            const char *body = arena_printf(
                &help.arena, TURN("user", "{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"data\":\"%s\"}}"),
                data);
            help.ask = (struct ask){ .body = text_of(body) };
            cr_assert_eq(scan_object(&help.arena, text_of(body), SCAN_MAX_DEPTH, &help.ask.scan), 0);
            tokens[pdf] = messages_estimate(&help.ask);
            help_end();
        }
        cr_assert_eq(tokens[1] - tokens[0], pages[i] * 3000, "%zu: %lld", lengths[i],
                     (long long)(tokens[1] - tokens[0]));
        free(data);
    }
}

Test(messages_edges, drops_only_a_tier_that_is_none)
{
    static const char *const rows[][2] = { { "auto", "auto" }, { "standard_only", "default" }, { "odd", "" } };
    for (size_t i = 0; i < 3; i++) {
        help_begin();
        const char *body = arena_printf(&help.arena, ASK(",\"service_tier\":\"%s\""), rows[i][0]);
        cr_assert_str_eq(help_str(help_translate(body), "service_tier"), rows[i][1]);
        cr_assert_eq(help_dropped("service_tier"), i == 2, "%s", rows[i][0]);
        help_end();
    }
}

/* Nothing is asked for by an empty object. */
Test(messages_edges, does_not_mind_metadata_without_a_user)
{
    help_begin();
    cr_assert_null(help_at(help_translate(ASK(",\"metadata\":{}")), "safety_identifier"));
    cr_assert_null(help_at(help_translate(ASK(",\"metadata\":{\"user_id\":null}")), "safety_identifier"));
    cr_assert_str_eq(help_str(help_translate(ASK(",\"metadata\":{\"user_id\":\"u\"}")), "safety_identifier"), "u");
    help_end();
}

/* ---- answers ---- */

static const struct json *folded(const gw_event *events, size_t count)
{
    struct buf out;
    help_begin();
    help_answer(HELP_REQUEST);
    for (size_t i = 0; i < count; i++)
        face_messages.fold_event(&help.answer, &events[i]);
    buf_init(&out, 1 << 20);
    cr_assert(face_messages.fold_end(&help.answer, &out));
    const struct json *v = help_json(arena_text(&help.arena, buf_view(&out)));
    buf_free(&out);
    return v;
}

Test(messages_edges, a_block_behind_the_finish_changes_no_reason)
{
    const gw_event events[] = { help_event(GW_EVENT_TEXT, 0, NULL, "a", NULL),
                                help_event(GW_EVENT_FINISH, 0, NULL, "length", NULL),
                                help_event(GW_EVENT_ORIGIN, 0, "messages", NULL, "{\"type\":\"odd\"}") };
    cr_assert_str_eq(help_str(folded(events, 3), "stop_reason"), "max_tokens");
    help_end();
}

Test(messages_edges, a_text_of_an_earlier_item_is_a_block_of_its_own)
{
    const gw_event events[] = { help_event(GW_EVENT_TEXT, 2, NULL, "a", NULL),
                                help_event(GW_EVENT_TEXT, 1, NULL, "b", NULL),
                                help_event(GW_EVENT_FINISH, 0, NULL, "stop", NULL) };
    const struct json *v = folded(events, 3);
    cr_assert_str_eq(help_str(v, "content.0.text"), "a");
    cr_assert_str_eq(help_str(v, "content.1.text"), "b");
    help_end();
}

/* SDKs add what comes to what the start has: each member must be there. */
Test(messages_edges, opens_thinking_with_an_empty_signature)
{
    struct buf out;
    help_begin();
    help_answer(HELP_REQUEST);
    gw_event e = help_event(GW_EVENT_REASONING, 0, NULL, "Hm", NULL);
    buf_init(&out, 1 << 20);
    face_messages.stream_event(&help.answer, &e, &out);
    cr_assert_geq(text_find(buf_view(&out),
                            TEXT("\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}")),
                  0, "%.*s", TEXT_ARG(buf_view(&out)));
    buf_free(&out);
    help_end();
}

/* The id and the name of a call come whole, once; others of the same call are none. */
Test(messages_edges, keeps_the_first_name_of_a_call)
{
    const gw_event events[] = { help_event(GW_EVENT_TOOL_CALL, 0, "c0", "", NULL),
                                help_event(GW_EVENT_TOOL_CALL, 0, "c1", "f", NULL),
                                help_event(GW_EVENT_TOOL_CALL, 0, "c2", "g", NULL),
                                help_event(GW_EVENT_TOOL_ARGS, 0, NULL, "{}", NULL),
                                help_event(GW_EVENT_FINISH, 0, NULL, "tool_calls", NULL) };
    const struct json *v = folded(events, 5);
    cr_assert_str_eq(help_str(v, "content.0.id"), "c0");
    cr_assert_str_eq(help_str(v, "content.0.name"), "f");
    help_end();
}
