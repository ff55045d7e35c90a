/* test_spoken_in.c - how many bytes are counted of one event: which members, at which depth, and what an escape stands for. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "dialect/dialect.h"
#include "dialect/splice.h"
#include "dialect/spoken.h"

static const struct text names[] = { SPOKEN("a"), SPOKEN("bc"), { NULL, 0 } };
static const struct text passed[] = { SPOKEN("skip"), { NULL, 0 } };

static void check_row(const char *data, size_t bytes)
{
    /* In memory of just its size, so that a read behind its end is seen. */
    size_t len = strlen(data);
    char exact[400];
    cr_assert_leq(len, sizeof exact);
    char *copy = exact + sizeof exact - len;
    memcpy(copy, data, len);
    size_t got = spoken_in((struct text){ copy, len }, TEXT("\"d\""), names, passed);
    cr_assert_eq(got, bytes, "%zu and not %zu of %s", got, bytes, data);
}

Test(spoken_in, counts_members_by_their_names)
{
    check_row("{\"d\":{\"a\":\"xyz\"}}", 3);
    check_row("{\"d\":{\"bc\":\"xyz\"}}", 3);
    check_row("{\"d\":{\"ba\":\"xyz\",\"bb\":\"xyz\"}}", 0);
    check_row("{\"d\":{\"b\":\"xyz\",\"ac\":\"xyz\",\"bd\":\"xyz\",\"\":\"xyz\",\"bcd\":\"xyz\"}}", 0);
    check_row("{\"d\":{\"a\":\"x\",\"bc\":\"yz\"}}", 3);
    check_row("{\"d\":{\"a\":1,\"bc\":null,\"x\":\"a\",\"y\":true}}", 0);
    check_row("{\"d\":{\"x\":{\"a\":\"xy\"},\"y\":[[{\"bc\":\"z\"}]]}}", 3);
    check_row("{\"d\":[{\"a\":\"xy\"},{\"a\":\"z\"}]}", 3);
    check_row("{\"d\":[\"a\",\"bc\",\"a\"]}", 0);
    check_row("{\"d\":{}}", 0);
    check_row("{\"a\":\"xyz\"}", 0);
    check_row("{\"d\":{\"a\":\"x\"},\"a\":\"yz\"}", 1);
    check_row("{\"d\":{\"a\":\"x\"},\"e\":{\"a\":\"yz\"}}", 1);
    check_row("{\"d\":{\"a\":\"x\"},\"e\":{\"d\":{\"a\":\"yz\"}}}", 3);
    check_row("{\"x\":\"d\",\"y\":{\"d\":{\"a\":\"yz\"}}}", 2);
    check_row("{\"d\" \t\r\n: \t\r\n{ \t\r\n\"a\" \t\r\n: \t\r\n\"x y\" }}", 3);
    check_row("{\"d\":7,\"e\":{\"d\":{\"a\":\"yz\"}}}", 2);
}

/* The list's own name, where the member is a string itself. */
Test(spoken_in, counts_a_string_where_it_is_asked_for)
{
    static const struct text itself[] = { SPOKEN("d"), { NULL, 0 } };
    static const struct {
        const char *data;
        size_t bytes;
    } rows[] = {
        { "{\"d\":\"xyz\"}", 3 },
        { "{\"d\" : \"x\\ny\"}", 3 },
        { "{\"e\":\"xyz\"}", 0 },
        { "{\"d\":\"xy", 0 },
        { "{\"d\":\"x\",\"o\":{\"d\":\"yz\"}}", 3 },
        { "{\"d\":{\"d\":\"x\"}}", 1 },
        { "{\"d\":\"\"}", 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(spoken_in(text_of(rows[i].data), TEXT("\"d\""), itself, passed), rows[i].bytes, "%s",
                     rows[i].data);
    check_row("{\"d\":\"xyz\"}", 0);
}

Test(spoken_in, passes_over_what_is_no_part_of_it)
{
    check_row("{\"d\":{\"skip\":{\"a\":\"x\"},\"a\":\"y\"}}", 1);
    check_row("{\"d\":{\"skip\":[{\"a\":\"x\"},[\"}\"]],\"a\":\"y\"}}", 1);
    check_row("{\"d\":{\"skip\":7,\"a\":\"y\"}}", 1);
    check_row("{\"d\":{\"skip\":{\"x\":true,\"a\":\"y\"},\"a\":\"z\"}}", 1);
    check_row("{\"d\":{\"skip\":{\"x\":[1,null],\"a\":\"y\"},\"a\":\"z\"}}", 1);
    check_row("{\"d\":{\"a\":\"y\",\"skip\":7}}", 1);
    check_row("{\"d\":{\"a\":\"y\",\"skip\":7},\"d\":{\"a\":\"z\"}}", 2);
    check_row("{\"d\":{\"a\":\"y\",\"skip\":{\"x\":\"]}\\\"\",\"a\":\"z\"}},\"d\":{\"a\":\"z\"}}", 2);
    check_row("{\"d\":[{\"skip\":[]},{\"a\":\"z\"}]}", 1);
    check_row("{\"d\":{\"skip\":\"a\",\"a\":\"y\"}}", 1);
    check_row("{\"d\":{\"skip\":{\"a\":\"x\"", 0);
    check_row("{\"d\":{\"a\"", 0);
    check_row("{\"d\":{\"a\" ", 0);
    check_row("{\"d\":{\"a\":", 0);
    check_row("{\"d\":{\"skip\":\"", 0);
    check_row("{\"d\":{\"skip\":[\"", 0);
    check_row("{\"d\":{\"reasoning_details\":[{\"a\":\"xy\"}]}}", 2);
    check_row("{\"d\":{\"a\":\"xy\",\"reasoning_details\":[{\"a\":\"xy\"}],\"bc\":\"z\"}}", 3);
}

Test(spoken_in, counts_an_escape_for_what_it_stands_for)
{
    check_row("{\"d\":{\"a\":\"\\n\\\"\\\\\\/\"}}", 4);
    check_row("{\"d\":{\"a\":\"x\\\"y\",\"bc\":\"z\"}}", 4);
    check_row("{\"d\":{\"a\":\"\\u0000\"}}", 1);
    check_row("{\"d\":{\"a\":\"\\u007f\"}}", 1);
    check_row("{\"d\":{\"a\":\"\\u0080\"}}", 2);
    check_row("{\"d\":{\"a\":\"\\u07ff\"}}", 2);
    check_row("{\"d\":{\"a\":\"\\u07FF\"}}", 2);
    check_row("{\"d\":{\"a\":\"\\u0800\"}}", 3);
    check_row("{\"d\":{\"a\":\"\\ud7ff\"}}", 3);
    check_row("{\"d\":{\"a\":\"\\ud800\\udfff\"}}", 4);
    check_row("{\"d\":{\"a\":\"\\uD83D\\uDE00\"}}", 4);
    check_row("{\"d\":{\"a\":\"\\ue000\\uFFFF\"}}", 6);
    check_row("{\"d\":{\"a\":\"x\\u0041y\"}}", 3);
    check_row("{\"d\":{\"\\u0061\":\"xyz\"}}", 0);
}

/* Whatever is cut anywhere ends, and never counts more than the whole. */
Test(spoken_in, ends_wherever_an_event_is_cut)
{
    static const char data[] =
        "{\"d\":{\"skip\":[{\"a\":\"x\"}],\"a\":\"y\\u00e9\\n\",\"x\":[1,{\"bc\":\"zz\"}]},\"e\":{\"d\" : [\"a\",{\"a\":\"w\"}]}}";
    char cut[200];

    check_row(data, 1 + 2 + 1 + 2 + 1);
    for (size_t len = 0; len < sizeof data - 1; len++) {
        memcpy(cut, data, len);
        size_t got = spoken_in((struct text){ cut, len }, TEXT("\"d\""), names, passed);
        cr_assert_leq(got, 7, "%zu", len);
    }
}

/* Each dialect's own lists: the same member elsewhere in its event is not spoken. */
Test(spoken_in, counts_for_each_dialect_where_its_model_speaks)
{
    static const char *const members[] = { "content", "reasoning_content", "reasoning", "thinking",     "refusal",
                                           "text",    "arguments",         "input",     "partial_json", "delta",
                                           "other" };
    static const struct {
        const struct dialect *dialect;
        const char *name, *data, *spoken;
    } rows[] = {
        { &dialect_chat, "", "{\"x\":{\"%s\":\"zz\"},\"choices\":[{\"y\":{\"%s\":\"zz\"},\"delta\":{\"%s\":\"abc\"}}]}",
          "content reasoning_content reasoning thinking refusal text arguments input" },
        { &dialect_completions, "", "{\"x\":{\"%s\":\"zz\"},\"y\":{\"%s\":\"zz\"},\"choices\":[{\"%s\":\"abc\"}]}",
          "reasoning text" },
        { &dialect_messages, "content_block_delta",
          "{\"x\":{\"%s\":\"zz\"},\"y\":{\"%s\":\"zz\"},\"delta\":{\"%s\":\"abc\"}}", "thinking text partial_json" },
        { &dialect_messages, "", "{\"x\":{\"%s\":\"zz\"},\"y\":{\"%s\":\"zz\"},\"delta\":{\"%s\":\"abc\"}}",
          "thinking text partial_json" },
        { &dialect_messages, "message", "{\"x\":{\"%s\":\"zz\"},\"y\":{\"%s\":\"zz\"},\"delta\":{\"%s\":\"abc\"}}",
          "thinking text partial_json" },
        { &dialect_messages, "content_block_start",
          "{\"x\":{\"%s\":\"zz\"},\"y\":{\"%s\":\"zz\"},\"delta\":{\"%s\":\"abc\"}}", "" },
        { &dialect_responses, "response.output_text.delta", "{\"x\":\"%s\",\"y\":\"%s\",\"%s\":\"abc\"}", "delta" },
        { &dialect_responses, "", "{\"type\":\"response.audio.delta\",\"x\":\"%s\",\"y\":\"%s\",\"%s\":\"abc\"}", "" },
        { &dialect_responses, "message", "{\"x\":\"%s\",\"y\":\"%s\",\"%s\":\"abc\"}", "delta" },
        { &dialect_responses, "response.output_text.done", "{\"x\":\"%s\",\"y\":\"%s\",\"%s\":\"abc\"}", "" },
    };
    char data[300];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; k < sizeof members / sizeof *members; k++) {
            struct text list = text_of(rows[i].spoken);
            size_t want = 0;
            while (list.len > 0)
                want += text_is(text_cut(&list, ' '), members[k]) ? 3 : 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(data, sizeof data, rows[i].data, members[k], members[k], members[k]);
#pragma GCC diagnostic pop
            cr_assert_eq(rows[i].dialect->spoken(text_of(rows[i].name), text_of(data)), want, "%s: %s", rows[i].name,
                         data);
        }
}

/* Of several dialects the first one that finds something counts. */
Test(spoken_in, asks_the_dialects_that_a_provider_speaks)
{
    static const char chat[] = "{\"choices\":[{\"delta\":{\"content\":\"abc\"}}]}";
    static const char block[] = "{\"type\":\"content_block_delta\",\"delta\":{\"text\":\"abcd\"}}";
    cr_assert_eq(dialect_spoken(GW_DIALECT_CHAT, TEXT(""), text_of(chat)), 3u);
    cr_assert_eq(dialect_spoken(GW_DIALECT_MESSAGES, TEXT("content_block_delta"), text_of(block)), 4u);
    cr_assert_eq(dialect_spoken(GW_DIALECT_CHAT | GW_DIALECT_MESSAGES, TEXT("content_block_delta"), text_of(block)),
                 4u);
    cr_assert_eq(dialect_spoken(GW_DIALECT_EMBEDDINGS, TEXT(""), text_of(chat)), 0u);
    cr_assert_eq(dialect_spoken(0, TEXT(""), text_of(chat)), 0u);
}

/* ---- a body with changes ---- */

static const char *merged(const struct splice_edit *a, size_t count_a, const struct splice_edit *b, size_t count_b)
{
    static char text[200];
    struct arena arena;
    struct text *pieces;
    size_t count, len = 0;
    struct ask ask = { .body = TEXT("0123456789") };

    arena_init(&arena, NULL, 0, 1 << 16);
    splice_pieces(&arena, &ask, splice_merge(&arena, a, count_a, b, count_b), count_a + count_b, &pieces, &count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_gt(pieces[i].len, 0u, "no piece is empty");
        memcpy(text + len, pieces[i].ptr, pieces[i].len);
        len += pieces[i].len;
    }
    text[len] = '\0';
    arena_fini(&arena);
    return text;
}

Test(splice, merges_edits_by_where_they_begin)
{
    static const struct splice_edit a[] = { { 2, 3, { "A", 1 } }, { 6, 8, { "B", 1 } } };
    static const struct splice_edit b[] = { { 0, 1, { "x", 1 } }, { 3, 3, { "y", 1 } }, { 9, 10, { "z", 1 } } };

    cr_assert_str_eq(merged(a, 2, b, 3), "x1Ay345B8z");
    cr_assert_str_eq(merged(b, 3, a, 2), "x1Ay345B8z");
    cr_assert_str_eq(merged(a, 2, NULL, 0), "01A345B89");
    cr_assert_str_eq(merged(NULL, 0, b, 2), "x12y3456789");
    cr_assert_str_eq(merged(NULL, 0, NULL, 0), "0123456789");
    cr_assert_str_eq(merged(&(struct splice_edit){ 0, 10, { "q", 1 } }, 1, NULL, 0), "q");
}

/* What counts is the name in the body: a policy's route is another, and may be the upstream's own. */
Test(splice, the_name_in_the_body_is_replaced)
{
    struct arena arena;
    struct splice_edit edit;
    struct ask ask = { .body = TEXT("{\"model\":\"m\",\"n\":1}"), .model = TEXT("fast") };

    arena_init(&arena, NULL, 0, 1 << 16);
    cr_assert_eq(scan_object(&arena, ask.body, 8, &ask.scan), 0);
    cr_assert(splice_model(&arena, &ask, TEXT("fast"), &edit));
    cr_assert(edit.start == 9 && edit.end == 12 && text_is(edit.with, "\"fast\""));
    cr_assert(!splice_model(&arena, &ask, TEXT("m"), &edit));
    for (size_t len = 1; len < 40; len++) { /* a name of any length */
        const struct text name = { "abcdefghijklmnopqrstuvwxyz-0123456789.ABC", len };
        cr_assert(splice_model(&arena, &ask, name, &edit));
        cr_assert_eq(edit.with.len, len + 2);
    }
    arena_fini(&arena);
}
