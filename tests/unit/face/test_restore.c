/* test_restore.c - masked texts come back in an answer of each API, whole and as events; and the places in a body that are edited. */
#include <string.h>

#include "check.h"
#include "face/edit.h"
#include "face/restore.h"

#define KEY "[NAME_1]"
#define WITH "Ann"

static struct arena arena, scratch;
static struct restore *restore;
static struct buf out;

static void begin(void)
{
    static const struct restore_text texts[] = { { { KEY, 8 }, { WITH, 3 }, true } };
    arena_init(&arena, NULL, 0, 16 << 20);
    arena_init(&scratch, NULL, 0, 16 << 20);
    buf_init(&out, 1 << 20);
    restore = restore_new(&arena, texts, 1);
    cr_assert_not_null(restore);
}

static void end(void)
{
    cr_assert_not(restore_has_failed(restore));
    buf_free(&out);
    arena_fini(&scratch);
    arena_fini(&arena);
}

/* An event goes on; what must come before it is before it. */
static void goes(const char *data)
{
    struct buf before;
    buf_init(&before, 1 << 20);
    struct text with = restore_event(restore, &scratch, text_of(data), &before);
    buf_text(&out, buf_view(&before));
    buf_printf(&out, "data: %.*s\n\n", TEXT_ARG(with));
    buf_free(&before);
}

static void becomes(const char *want)
{
    cr_assert(text_is(buf_view(&out), want), "%.*s\nis not\n%s", TEXT_ARG(buf_view(&out)), want);
    end();
}

Test(restore, puts_texts_back_into_a_whole_answer)
{
    static const char *const rows[][2] = {
        { "{\"choices\":[{\"message\":{\"content\":\"Hi " KEY
          "\",\"tool_calls\":[{\"function\":{\"arguments\":\"{\\\"a\\\":\\\"" KEY "\\\"}\"}}]}}]}",
          "{\"choices\":[{\"message\":{\"content\":\"Hi " WITH
          "\",\"tool_calls\":[{\"function\":{\"arguments\":\"{\\\"a\\\":\\\"" WITH "\\\"}\"}}]}}]}" },
        { "{\"content\":[{\"type\":\"tool_use\",\"input\":{\"" KEY "\" : [\"" KEY "\",{\"b\":[\"x\",\"" KEY
          "\"]},\"y\"]}}]}",
          "{\"content\":[{\"type\":\"tool_use\",\"input\":{\"" WITH "\" : [\"" WITH "\",{\"b\":[\"x\",\"" WITH
          "\"]},\"y\"]}}]}" },
        { "{\"choices\":[{\"text\":\"Hi " KEY "\"},{\"text\":\"" KEY "\"}]}",
          "{\"choices\":[{\"text\":\"Hi " WITH "\"},{\"text\":\"" WITH "\"}]}" },
        { "{\"choices\":[{\"message\":{\"content\":\"Hi\"}}]}", NULL },
        { "{\"content\":[{\"type\":\"tool_use\",\"input\":{\"a\":[\"b\"]}}]}", NULL },
        { "no", NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        struct text body = text_of(rows[i][0]), with = restore_whole(restore, &scratch, body);
        if (rows[i][1] != NULL)
            cr_assert(text_is(with, rows[i][1]), "%zu: %.*s", i, TEXT_ARG(with));
        else
            cr_assert_eq(with.ptr, body.ptr, "%zu: it is the same text", i);
        end();
    }
}

/* Where it was not asked for, arguments keep what they have. */
Test(restore, leaves_arguments_alone_unless_it_is_asked_for)
{
    static const struct restore_text texts[] = { { { KEY, 8 }, { WITH, 3 }, false } };
    begin();
    restore = restore_new(&arena, texts, 1);
    cr_assert_not_null(restore);
    struct text with = restore_whole(restore, &scratch,
                                     TEXT("{\"choices\":[{\"message\":{\"content\":\"" KEY
                                          "\",\"tool_calls\":[{\"function\":{\"arguments\":\"" KEY "\"}}]}}]}"));
    cr_assert(text_is(with, "{\"choices\":[{\"message\":{\"content\":\"" WITH
                            "\",\"tool_calls\":[{\"function\":{\"arguments\":\"" KEY "\"}}]}}]}"),
              "%.*s", TEXT_ARG(with));
    end();
}

Test(restore, writes_what_it_holds_when_a_part_of_a_response_ends)
{
#define OUT(type, rest) "{\"type\":\"response." type "\",\"output_index\":1," rest "}"
    begin();
    goes(OUT("output_text.delta", "\"content_index\":0,\"item_id\":\"i\",\"sequence_number\":4,\"delta\":\"Hi [NA\""));
    goes(OUT("output_text.delta",
             "\"content_index\":0,\"item_id\":\"i\",\"sequence_number\":5,\"delta\":\"ME_1] and [NA\""));
    goes(OUT("output_text.done",
             "\"content_index\":0,\"item_id\":\"i\",\"sequence_number\":6,\"text\":\"Hi " KEY " and [NA\""));
    goes(OUT(
        "output_item.done",
        "\"sequence_number\":7,\"item\":{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"Hi " KEY
        " and [NA\"}]}"));
    becomes("data: " OUT(
        "output_text.delta",
        "\"content_index\":0,\"item_id\":\"i\",\"sequence_number\":4,\"delta\":\"Hi \"") "\n\n"
                                                                                         "data: " OUT(
                                                                                             "output_text.delta",
                                                                                             "\"content_index\":0,\"item_id\":\"i\",\"sequence_number\":5,\"delta\":\"" WITH
                                                                                             " and \"") "\n\n"
                                                                                                        "event: response.output_text.delta\n"
                                                                                                        "data: {\"type\":\"response.output_text.delta\",\"output_index\":1,\"content_index\":0,\"item_id\":\"i\",\"sequence_number\":6,"
                                                                                                        "\"delta\":\"[NA\",\"logprobs\":[]}\n\n"
                                                                                                        "data: " OUT(
                                                                                                            "output_text.done",
                                                                                                            "\"content_index\":0,\"item_id\":\"i\",\"sequence_number\":7,\"text\":\"Hi " WITH
                                                                                                            " and [NA\"") "\n\n"
                                                                                                                          "data: " OUT(
                                                                                                                              "output_item.done",
                                                                                                                              "\"sequence_number\":8,\"item\":{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"Hi " WITH
                                                                                                                              " and [NA\"}]}") "\n\n");
}

/* An event that says something else lets nothing go: what is held may still become a masked text. */
Test(restore, holds_a_beginning_over_other_events)
{
    begin();
    goes(OUT("output_text.delta", "\"content_index\":0,\"delta\":\"[NAME\""));
    goes(OUT("in_progress.of_something", "\"x\":\"1\""));
    goes(OUT("output_text.delta", "\"content_index\":0,\"delta\":\"_1]\""));
    becomes("data: " OUT(
        "output_text.delta",
        "\"content_index\":0,\"delta\":\"\"") "\n\n"
                                              "data: " OUT("in_progress.of_something",
                                                           "\"x\":\"1\"") "\n\n"
                                                                          "data: " OUT(
                                                                              "output_text.delta",
                                                                              "\"content_index\":0,\"delta\":\"" WITH
                                                                              "\"") "\n\n");
}

/* What was thought keeps its bytes; what names no place is of the first item. */
Test(restore, touches_no_reasoning)
{
    begin();
    goes("{\"type\":\"response.content_part.done\",\"part\":{\"type\":\"reasoning_text\",\"text\":\"" KEY "\"}}");
    goes("{\"type\":\"response.content_part.done\",\"part\":{\"type\":\"output_text\",\"text\":\"" KEY "\"}}");
    goes("{\"type\":\"response.output_text.delta\",\"delta\":\"[NA\"}");
    restore_end(restore, &out);
    becomes("data: {\"type\":\"response.content_part.done\",\"part\":{\"type\":\"reasoning_text\",\"text\":\"" KEY
            "\"}}\n\n"
            "data: {\"type\":\"response.content_part.done\",\"part\":{\"type\":\"output_text\",\"text\":\"" WITH
            "\"}}\n\n"
            "data: {\"type\":\"response.output_text.delta\",\"delta\":\"\"}\n\n"
            "event: response.output_text.delta\n"
            "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"[NA\",\"logprobs\":[]}\n\n");
}

/* The input of a custom tool is a text: what stands in it is no JSON. */
Test(restore, knows_arguments_and_free_input_of_a_chat)
{
    static const struct restore_text texts[] = { { { "[Q]", 3 }, { "\"", 1 }, true } };
    begin();
    restore = restore_new(&arena, texts, 1);
    goes(
        "{\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"[Q]\"}}]}}]}");
    goes(
        "{\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":1,\"custom\":{\"input\":\"[Q] [\"}}]}}]}");
    restore_end(restore, &out);
    becomes(
        "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"\\\\\\\"\"}}]}}]}\n\n"
        "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":1,\"custom\":{\"input\":\"\\\" \"}}]}}]}\n\n"
        "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":1,\"custom\":{\"input\":\"[\"}}]},\"finish_reason\":null}]}\n\n");
}

/* The older calls of functions, too. */
Test(restore, ends_what_it_holds_of_a_function_call)
{
    begin();
    goes("{\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"function_call\":{\"arguments\":\"{[NA\"}}}]}");
    restore_end(restore, &out);
    becomes(
        "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"function_call\":{\"arguments\":\"{\"}}}]}\n\n"
        "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"function_call\":{\"arguments\":\"[NA\"}},\"finish_reason\":null}]}\n\n");
}

/* ---- edit ---- */

Test(edit, finds_the_key_of_a_value_whatever_stands_between)
{
    static const struct {
        const char *body, *with;
    } rows[] = {
        { "{\"abc\" \n : 1 , \"d\":2}", "{ \"d\":2}" },
        { "{\"d\":2 , \"abc\":1}", "{\"d\":2 }" },
        { "{\"a\\\"b\" : 3,\"abc\"  :\t1}", "{\"a\\\"b\" : 3}" },
        { "{\"abc\":1}", "{}" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct edit e;
        arena_init(&arena, NULL, 0, 1 << 20);
        const struct json *v = json_parse_quick(&arena, text_of(rows[i].body));
        cr_assert_not_null(v);
        edit_begin(&e, &arena, text_of(rows[i].body));
        edit_remove_member(&e, v, TEXT("abc"));
        struct text with = edit_end(&e);
        cr_assert(text_is(with, rows[i].with), "%zu: %.*s", i, TEXT_ARG(with));
        arena_fini(&arena);
    }
}

Test(edit, makes_a_string_of_any_text)
{
    static char bytes[1000];
    arena_init(&arena, NULL, 0, 1 << 20);
    cr_assert(text_is(edit_string(&arena, TEXT("")), "\"\""));
    memset(bytes, 1, sizeof bytes); /* each of them takes six */
    cr_assert_eq(edit_string(&arena, (struct text){ bytes, sizeof bytes }).len, 6 * sizeof bytes + 2);
    cr_assert_not(arena.full);
    arena_fini(&arena);
}
