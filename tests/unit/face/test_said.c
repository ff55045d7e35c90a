/* test_said.c - what a model has answered, and other texts in the place of its own, in each API, whole and as a stream. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "check.h"
#include "face/reword.h"
#include "face/said.h"

static struct arena arena;

/* "text|id name arguments|...|finish"; "nothing" where it is no answer. */
static const char *said_as(const char *bytes, bool streamed)
{
    static char out[4000];
    struct said said;
    size_t n = 0;
    arena_init(&arena, NULL, 0, 64 << 20);
    if (!said_read(&arena, text_of(bytes), streamed, &said)) {
        arena_fini(&arena);
        return "nothing";
    }
    n += (size_t)snprintf(out, sizeof out, "%.*s|", TEXT_ARG(said.text));
    for (size_t i = 0; i < said.call_count && n < sizeof out - 300; i++)
        n += (size_t)snprintf(out + n, sizeof out - n, "%.*s %.*s %.*s|", TEXT_ARG(said.calls[i].id),
                              TEXT_ARG(said.calls[i].name), TEXT_ARG(said.calls[i].arguments));
    snprintf(out + n, sizeof out - n, "%s", said.finish);
    arena_fini(&arena);
    return out;
}

#define CALL(index, rest) "{\"index\":" index "," rest "}"
Test(said, reads_a_whole_answer)
{
    static const struct {
        const char *body, *said;
    } rows[] = {
        { "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"a\"},\"finish_reason\":\"stop\"},{\"index\":1,\"message\":{"
          "\"content\":\"b\"},\"finish_reason\":\"length\"}]}",
          "ab|length" },
        { "{\"choices\":[{\"message\":{\"tool_calls\":[{\"id\":\"c0\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":"
          "\"c1\",\"custom\":{\"name\":\"g\",\"input\":\"x\"}}]},\"finish_reason\":\"tool_calls\"}]}",
          "|c0 f {}|c1 g x|tool_calls" },
        /* sixteen are kept apart, in their order; what is beyond goes to the last of them */
        { "{\"choices\":[{\"index\":16,\"text\":\"x\"},{\"index\":15,\"text\":\"p\"},{\"index\":14,\"text\":\"o\"}]}",
          "oxp|" },
        { "{\"choices\":[{\"message\":{\"refusal\":\"no\"},\"finish_reason\":\"stop\"}]}", "no|refusal" },
        { "{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"tool_use\",\"id\":\"c0\",\"name\":\"f\",\"input\":{\"k\":1}},{"
          "\"type\":\"tool_use\",\"id\":\"c1\",\"name\":\"g\",\"input\":{}}],\"stop_reason\":\"tool_use\"}",
          "a|c0 f {\"k\":1}|c1 g {}|tool_calls" },
        { "{\"output\":[{\"type\":\"function_call\",\"call_id\":\"c0\",\"name\":\"f\",\"arguments\":\"{}\"},{\"type\":\"message\","
          "\"content\":[{\"type\":\"output_text\",\"text\":\"a\"},{\"type\":\"output_text\",\"text\":\"b\"}]}],\"status\":"
          "\"completed\"}",
          "ab|c0 f {}|tool_calls" },
        { "{\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"a\"}]}],\"status\":\"incomplete\","
          "\"incomplete_details\":{\"reason\":\"max_output_tokens\"}}",
          "a|length" },
        { "{\"content\":[{\"type\":\"text\",\"text\":\"a\"}],\"stop_reason\":\"end_turn\"}", "a|stop" },
        { "{\"content\":[],\"stop_reason\":\"stop_sequence\"}", "|stop" },
        { "{\"content\":[],\"stop_reason\":\"max_tokens\"}", "|length" },
        { "{\"content\":[],\"stop_reason\":\"model_context_window_exceeded\"}", "|length" },
        { "{\"content\":[],\"stop_reason\":\"refusal\"}", "|refusal" },
        { "{\"choices\":[{\"message\":{},\"finish_reason\":\"content_filter\"}]}", "|content_filter" },
        { "{\"choices\":[{\"message\":{},\"finish_reason\":\"function_call\"}]}", "|tool_calls" },
        { "{\"choices\":[{\"message\":{},\"finish_reason\":\"length\"}]}", "|length" },
        { "{\"x\":1}", "nothing" },
        { "no", "nothing" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_str_eq(said_as(rows[i].body, false), rows[i].said, "%zu", i);
}

#define CHUNK(delta) "data: {\"choices\":[{\"index\":0,\"delta\":" delta "}]}\n\n"
#define CHUNK_1(delta) "data: {\"choices\":[{\"index\":1,\"delta\":" delta "}]}\n\n"
#define CLAUDE(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"," rest "}\n\n"
Test(said, reads_a_stream)
{
    static const struct {
        const char *bytes, *said;
    } rows[] = {
        { CHUNK("{\"content\":\"a\"}") CHUNK_1("{\"content\":\"c\"}") CHUNK(
              "{\"content\":\"b\"}") "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
          "abc|stop" },
        /* the id and the name come once, the arguments in pieces; calls of two choices are not the same */
        { CHUNK("{\"tool_calls\":[" CALL("0", "\"id\":\"c0\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}") "]}")
              CHUNK(
                  "{\"tool_calls\":[" CALL("1", "\"id\":\"c1\",\"function\":{\"name\":\"g\",\"arguments\":\"\"}") "]}")
                  CHUNK_1("{\"tool_calls\":[" CALL(
                      "0", "\"id\":\"d0\",\"function\":{\"name\":\"h\",\"arguments\":\"\"}") "]}")
                      CHUNK("{\"tool_calls\":[" CALL(
                          "1", "\"id\":\"\",\"function\":{\"name\":\"\",\"arguments\":\"{1\"}") "]}")
                          CHUNK("{\"tool_calls\":[" CALL("0", "\"function\":{\"arguments\":\"{0}\"}") "]}")
                              CHUNK("{\"tool_calls\":[" CALL("1", "\"function\":{\"arguments\":\"}\"}") "]}"),
          "|c0 f {0}|c1 g {1}|d0 h |" },
        { CLAUDE("content_block_start", "\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
              CLAUDE("content_block_delta", "\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}") CLAUDE(
                  "content_block_start",
                  "\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"c0\",\"name\":\"f\",\"input\":{}}")
                  CLAUDE("content_block_delta",
                         "\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"k\\\"\"}")
                      CLAUDE("content_block_delta",
                             "\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\":1}\"}")
                          CLAUDE("message_delta", "\"delta\":{\"stop_reason\":\"max_tokens\"}"),
          "a|c0 f {\"k\":1}|length" },
        { CLAUDE("response.output_text.delta", "\"delta\":\"a\"") CLAUDE("response.output_text.delta",
                                                                         "\"delta\":\"b\"")
              CLAUDE("response.output_item.done", "\"item\":{\"type\":\"message\",\"content\":[{\"text\":\"ab\"}]}")
                  CLAUDE("response.output_item.done",
                         "\"item\":{\"type\":\"function_call\",\"call_id\":\"c0\",\"name\":\"f\",\"arguments\":\"{}\"}")
                      CLAUDE("response.completed", "\"response\":{\"status\":\"completed\"}"),
          "ab|c0 f {}|tool_calls" },
        { CLAUDE("response.refusal.delta", "\"delta\":\"no\""), "no|refusal" },
        { "data: [DONE]\n\n", "nothing" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_str_eq(said_as(rows[i].bytes, true), rows[i].said, "%zu", i);
}

/* What is beyond the most calls goes to the last one: the first ones stay what they are. */
Test(said, keeps_the_first_of_too_many_calls)
{
    struct buf all;
    struct said said;
    arena_init(&arena, NULL, 0, 64 << 20);
    buf_init(&all, 1 << 20);
    for (int i = 0; i < 260; i++)
        buf_printf(
            &all,
            CHUNK(
                "{\"tool_calls\":[{\"index\":%d,\"id\":\"c%d\",\"function\":{\"name\":\"f\",\"arguments\":\"%d\"}}]}"),
            i, i, i);
    cr_assert(said_read(&arena, buf_view(&all), true, &said));
    cr_assert_eq(said.call_count, 256u);
    cr_assert(text_is(said.calls[0].id, "c0") && text_is(said.calls[0].arguments, "0"));
    cr_assert(text_is(said.calls[255].id, "c259"));
    buf_free(&all);
    arena_fini(&arena);
}

/* ---- other texts in their place ---- */

/* The texts, separated by |, when `with` is NULL; else the answer in which each text became `with` and its number. */
static const char *reworded(const char *one, const char *two, bool streamed, const char *with)
{
    static char out[8000];
    struct text parts[REWORD_PARTS] = { text_of(one), text_of(two) };
    struct reword r;
    size_t n = 0;
    out[0] = '\0';
    arena_init(&arena, NULL, 0, 64 << 20);
    reword_read(&arena, parts, streamed, &r);
    for (size_t i = 0; i < r.count && with == NULL; i++)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%.*s", i > 0 ? "|" : "", TEXT_ARG(r.texts[i].text));
    for (size_t i = 0; i < r.count && with != NULL; i++)
        r.texts[i].with = text_of(arena_printf(&arena, "%s%zu", with, i));
    for (size_t i = 0; i < REWORD_PARTS && with != NULL; i++)
        n += (size_t)snprintf(out + n, sizeof out - n, "%.*s", TEXT_ARG(reword_write(&r, i)));
    arena_fini(&arena);
    return out;
}

Test(reword, puts_other_texts_into_a_whole_answer)
{
    static const struct {
        const char *body, *texts, *with;
    } rows[] = {
        { "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"a\",\"refusal\":\"b\"},\"logprobs\":{\"content\":[]}},{\"index\":1,"
          "\"message\":{\"content\":\"c\"}},{\"message\":{\"content\":null}}]}",
          "a|b|c",
          "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"n0\",\"refusal\":\"n1\"},\"logprobs\":null},{\"index\":1,"
          "\"message\":{\"content\":\"n2\"}},{\"message\":{\"content\":null}}]}" },
        { "{\"choices\":[{\"text\":\"a\"}]}", "a", "{\"choices\":[{\"text\":\"n0\"}]}" },
        { "{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"thinking\",\"text\":\"t\"},{\"type\":\"text\",\"text\":\"b\"}]}",
          "a|b",
          "{\"content\":[{\"type\":\"text\",\"text\":\"n0\"},{\"type\":\"thinking\",\"text\":\"t\"},{\"type\":\"text\",\"text\":\"n1\"}]}" },
        { "{\"output\":[{\"type\":\"reasoning\",\"content\":[{\"text\":\"t\"}]},{\"type\":\"message\",\"content\":[{\"text\":\"a\","
          "\"logprobs\":[1]},{\"refusal\":\"b\"}]},{\"type\":\"message\",\"content\":[{\"text\":\"c\"}]}]}",
          "a|b|c",
          "{\"output\":[{\"type\":\"reasoning\",\"content\":[{\"text\":\"t\"}]},{\"type\":\"message\",\"content\":[{\"text\":\"n0\","
          "\"logprobs\":[]},{\"refusal\":\"n1\"}]},{\"type\":\"message\",\"content\":[{\"text\":\"n2\"}]}]}" },
        { "{\"choices\":[{\"message\":{\"content\":null},\"logprobs\":{}}]}", "",
          "{\"choices\":[{\"message\":{\"content\":null},\"logprobs\":null}]}" },
        { "no", "", "no" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert_str_eq(reworded(rows[i].body, "", false, NULL), rows[i].texts, "%zu", i);
        cr_assert_str_eq(reworded(rows[i].body, "", false, "n"), rows[i].with, "%zu", i);
    }
}

/* The first event of a text has all of it; what repeats the whole text has it, too; the end is a part of its own. */
Test(reword, puts_other_texts_into_a_stream)
{
#define OUT(type, rest) "data: {\"type\":\"response." type "\",\"output_index\":1,\"content_index\":2," rest "}\n\n"
    static const struct {
        const char *one, *two, *texts, *with;
    } rows[] = {
        { CHUNK("{\"content\":\"a\"}") CHUNK_1("{\"content\":\"c\"}") CHUNK("{\"content\":\"b\"}"), "data: [DONE]\n\n",
          "ab|c",
          CHUNK("{\"content\":\"n0\"}") CHUNK_1("{\"content\":\"n1\"}")
              CHUNK("{\"content\":\"\"}") "data: [DONE]\n\n" },
        { "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n" CHUNK("{\"content\":\"b\"}"), "", "ab",
          "data: {\"choices\":[{\"delta\":{\"content\":\"n0\"}}]}\n\n" CHUNK("{\"content\":\"\"}") },
        { CLAUDE("content_block_start", "\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"a\"}"),
          CLAUDE("content_block_delta", "\"index\":1,\"delta\":{\"text\":\"b\"}"), "ab",
          CLAUDE("content_block_start", "\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"n0\"}")
              CLAUDE("content_block_delta", "\"index\":1,\"delta\":{\"text\":\"\"}") },
        { OUT("output_text.delta", "\"delta\":\"a\",\"logprobs\":[1]") OUT("refusal.delta", "\"delta\":\"r\"")
              OUT("output_text.delta", "\"delta\":\"b\"") OUT("output_text.done", "\"text\":\"ab\",\"logprobs\":[1]")
                  OUT("refusal.done", "\"refusal\":\"r\"") OUT("content_part.done", "\"part\":{\"text\":\"ab\"}"),
          OUT("output_item.done",
              "\"item\":{\"type\":\"message\",\"content\":[{},{},{\"text\":\"ab\",\"refusal\":\"r\"}]}")
              OUT("completed",
                  "\"response\":{\"output\":[{},{\"type\":\"message\",\"content\":[{},{},{\"text\":\"ab\"}]}]}"),
          "ab|r",
          OUT("output_text.delta", "\"delta\":\"n0\",\"logprobs\":[]") OUT("refusal.delta", "\"delta\":\"n1\"") OUT(
              "output_text.delta", "\"delta\":\"\"") OUT("output_text.done", "\"text\":\"n0\",\"logprobs\":[]")
              OUT("refusal.done", "\"refusal\":\"n1\"") OUT("content_part.done", "\"part\":{\"text\":\"n0\"}") OUT(
                  "output_item.done",
                  "\"item\":{\"type\":\"message\",\"content\":[{},{},{\"text\":\"n0\",\"refusal\":\"n1\"}]}")
                  OUT("completed",
                      "\"response\":{\"output\":[{},{\"type\":\"message\",\"content\":[{},{},{\"text\":\"n0\"}]}]}") },
        /* a text of which only a copy is there */
        { OUT("content_part.done", "\"part\":{\"text\":\"ab\"}") OUT("output_text.done", "\"text\":\"ab\""), "", "ab",
          OUT("content_part.done", "\"part\":{\"text\":\"n0\"}") OUT("output_text.done", "\"text\":\"n0\"") },
        { OUT("content_part.done", "\"part\":{\"type\":\"reasoning_text\",\"text\":\"ab\"}"), "", "",
          OUT("content_part.done", "\"part\":{\"type\":\"reasoning_text\",\"text\":\"ab\"}") },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert_str_eq(reworded(rows[i].one, rows[i].two, true, NULL), rows[i].texts, "%zu", i);
        cr_assert_str_eq(reworded(rows[i].one, rows[i].two, true, "n"), rows[i].with, "%zu", i);
    }
}

/* Texts are kept apart, however many there are. */
Test(reword, keeps_many_texts_apart)
{
    struct buf all, want;
    struct reword r;
    arena_init(&arena, NULL, 0, 64 << 20);
    buf_init(&all, 1 << 20);
    buf_init(&want, 1 << 20);
    for (int turn = 0; turn < 2; turn++)
        for (int i = 0; i < 70; i++) {
            buf_printf(&all, "data: {\"choices\":[{\"index\":%d,\"delta\":{\"content\":\"%d;\"}}]}\n\n", i, i);
            buf_printf(&want, "data: {\"choices\":[{\"index\":%d,\"delta\":{\"content\":\"%.*s\"}}]}\n\n", i,
                       turn == 0 ? 3 : 0, "new");
        }
    struct text parts[REWORD_PARTS] = { buf_view(&all), TEXT("") };
    reword_read(&arena, parts, true, &r);
    cr_assert_eq(r.count, 70u);
    for (size_t i = 0; i < r.count; i++) {
        char text[60];
        snprintf(text, sizeof text, "%zu;%zu;", i, i);
        cr_assert(text_is(r.texts[i].text, text), "%zu: %.*s", i, TEXT_ARG(r.texts[i].text));
        r.texts[i].with = TEXT("new");
    }
    cr_assert(text_eq(reword_write(&r, 0), buf_view(&want)));
    buf_free(&want);
    buf_free(&all);
    arena_fini(&arena);
}
