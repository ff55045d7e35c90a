/* test_messages_stream.c - Anthropic answers from events, streamed and whole. Every stream is read by the checker of
 * messages_grammar.c. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "messages_help.h"

static struct help_message got;

#define RUN(...)                                                                                                       \
    do {                                                                                                               \
        const gw_event events_[] = { __VA_ARGS__ };                                                                    \
        help_answer(HELP_REQUEST);                                                                                     \
        help_run(events_, sizeof events_ / sizeof *events_, __func__, true, &got);                                     \
    } while (0)

#define START help_event(GW_EVENT_START, 0, "up-1", "real-model", NULL)
#define SAY(piece) help_event(GW_EVENT_TEXT, 0, NULL, piece, NULL)
#define THINK(item, id, piece) help_event(GW_EVENT_REASONING, item, id, piece, NULL)
#define SIGN(item, id, text, data) help_event(GW_EVENT_SIGNATURE, item, id, text, data)
#define CALL(item, id, name) help_event(GW_EVENT_TOOL_CALL, item, id, name, NULL)
#define ARGS(item, piece) help_event(GW_EVENT_TOOL_ARGS, item, NULL, piece, NULL)
#define FINISH(why) help_event(GW_EVENT_FINISH, 0, NULL, why, NULL)

static void block_is(size_t at, const char *type, const char *text)
{
    cr_assert_lt(at, got.count);
    cr_assert_str_eq(got.blocks[at].type, type, "block %zu", at);
    cr_assert(text_is(got.blocks[at].text, text), "block %zu is %.*s", at, TEXT_ARG(got.blocks[at].text));
}

static void stopped_by(const char *reason)
{
    cr_assert(text_is(got.stop_reason, reason), "%.*s", TEXT_ARG(got.stop_reason));
}

Test(messages_stream, says_text_in_one_block)
{
    help_begin();
    RUN(START, SAY("Hel"), SAY(""), SAY("lo \"x\"\n"), FINISH("stop"));
    cr_assert_eq(got.count, 1u);
    block_is(0, "text", "Hello \"x\"\n");
    stopped_by("end_turn");
    cr_assert(text_is(got.id, "msg_0199aabb"));
    cr_assert(text_is(got.model, "asked-for"), "the name the client knows");
    help_end();
}

Test(messages_stream, says_nothing_before_something_was_said)
{
    struct buf out;
    help_begin();
    help_answer(HELP_REQUEST);
    buf_init(&out, 1 << 16);
    const gw_event start = START, usage = help_event(GW_EVENT_USAGE, 0, NULL, NULL, NULL);
    face_messages.stream_event(&help.answer, &start, &out);
    face_messages.stream_event(&help.answer, &usage, &out);
    cr_assert_eq(out.len, 0u, "an attempt that says no more may be given up for another");
    buf_free(&out);
    RUN(FINISH("stop"));
    cr_assert_eq(got.count, 0u);
    help_end();
}

Test(messages_stream, keeps_parallel_calls_apart_though_they_interleave)
{
    help_begin();
    RUN(START, SAY("look"), CALL(0, "call_a", "f"), ARGS(0, "{\"a\":\"}"), CALL(1, "call_b", "g"), ARGS(1, "{\"b"),
        ARGS(0, "{\""), ARGS(1, "\":2}"), ARGS(0, "}"), CALL(2, "call_c", "h"), ARGS(2, "{}"), FINISH("tool_calls"));
    cr_assert_eq(got.count, 4u);
    block_is(0, "text", "look");
    block_is(1, "tool_use", "{\"a\":\"}{\"}");
    block_is(2, "tool_use", "{\"b\":2}");
    block_is(3, "tool_use", "{}");
    cr_assert(text_is(got.blocks[2].id, "call_b") && text_is(got.blocks[2].name, "g"));
    stopped_by("tool_use");
    help_end();
}

Test(messages_stream, sends_a_complete_call_on_when_the_next_begins)
{
    struct buf out;
    help_begin();
    help_answer(HELP_REQUEST);
    buf_init(&out, 1 << 16);
    const gw_event events[] = { CALL(0, "a", "f"), ARGS(0, "{\"x\":[1]}"), CALL(1, "b", "g"), ARGS(1, "{\"y\":") };
    for (size_t i = 0; i < 4; i++)
        face_messages.stream_event(&help.answer, &events[i], &out);
    cr_assert_geq(text_find(buf_view(&out), TEXT("{\\\"y\\\":")), 0, "it does not wait for the end");
    buf_free(&out);
    help_end();
}

Test(messages_stream, gives_calls_without_arguments_empty_ones)
{
    help_begin();
    RUN(CALL(0, "a", "f"), CALL(1, "b", "g"), ARGS(1, ""), ARGS(0, ""), FINISH("stop"));
    cr_assert_eq(got.count, 2u);
    block_is(0, "tool_use", "{}");
    block_is(1, "tool_use", "{}");
    stopped_by("tool_use");
    help_end();
}

Test(messages_stream, waits_for_a_name_that_comes_late)
{
    help_begin();
    RUN(ARGS(0, "{\"a\""), CALL(0, "x", ""), ARGS(0, ":1}"), SAY("after"), CALL(0, "", "late"), FINISH("tool_calls"));
    cr_assert_eq(got.count, 2u);
    block_is(0, "tool_use", "{\"a\":1}");
    cr_assert(text_is(got.blocks[0].name, "late") && text_is(got.blocks[0].id, "x"));
    block_is(1, "text", "after");
    help_end();
}

Test(messages_stream, ignores_arguments_that_are_said_again)
{
    help_begin();
    RUN(CALL(0, "a", "f"), ARGS(0, "{\"a\":1}"), ARGS(0, "{\"a\":1}"), SAY("x"), ARGS(0, "}"), FINISH("tool_calls"));
    block_is(0, "tool_use", "{\"a\":1}");
    block_is(1, "text", "x");
    help_end();
}

Test(messages_stream, makes_ids_legal)
{
    help_begin();
    RUN(CALL(0, "functions.f:0", "f"), CALL(1, "", "g"), CALL(2, "gw1-x", "h"), FINISH("tool_calls"));
    cr_assert(text_is(got.blocks[0].id, "gw1-ZnVuY3Rpb25zLmY6MA"));
    cr_assert_gt(got.blocks[1].id.len, 0u);
    help_end();
}

Test(messages_stream, passes_what_anthropic_signed)
{
    help_begin();
    RUN(START, THINK(0, "anthropic-claude-v1", "h"), THINK(0, "anthropic-claude-v1", "m"),
        SIGN(0, "anthropic-claude-v1", "EqQB", NULL), SIGN(1, "anthropic-claude-v1", "Omitted", NULL),
        SIGN(2, "anthropic-claude-v1:redacted", "zz", "{\"type\":\"redacted_thinking\",\"data\":\"zz\"}"), SAY("a"),
        FINISH("stop"));
    cr_assert_eq(got.count, 4u);
    block_is(0, "thinking", "hm");
    cr_assert(text_is(got.blocks[0].signature, "EqQB"));
    block_is(1, "thinking", "");
    cr_assert(text_is(got.blocks[1].signature, "Omitted"));
    cr_assert_str_eq(got.blocks[2].type, "redacted_thinking");
    block_is(3, "text", "a");
    RUN(SIGN(0, "anthropic-claude-v1", "zz",
             "{\"type\":\"reasoning.encrypted\",\"data\":\"zz\",\"format\":\"anthropic-claude-v1\"}"),
        SAY("a"), FINISH("stop"));
    cr_assert(
        help_equal(help_json(got.blocks[0].raw), help_json(TEXT("{\"type\":\"redacted_thinking\",\"data\":\"zz\"}"))));
    help_end();
}

Test(messages_stream, marks_what_anthropic_did_not_sign)
{
    help_begin();
    RUN(THINK(0, NULL, "foreign"), SAY("a"), THINK(0, NULL, "more"), FINISH("stop"));
    cr_assert_eq(got.count, 3u);
    block_is(0, "thinking", "foreign");
    block_is(2, "thinking", "more");
    cr_assert(text_starts(got.blocks[0].signature, TEXT("gw1.")));
    help_end();
}

Test(messages_stream, carries_blocks_and_citations_of_its_own_dialect)
{
    static const char search[] =
        "{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{\"query\":\"q\"}}";
    static const char own[] = "{\"type\":\"char_location\",\"cited_text\":\"c\"}";
    static const char theirs[] = "{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"https://x\",\"title\":\"X\"}}";
    static const char kept[] =
        "{\"type\":\"url_citation\",\"x_origin\":{\"dialect\":\"messages\",\"content\":{\"type\":\"page_location\"}}}";
    gw_event before = help_event(GW_EVENT_CITATION, 1, NULL, NULL, own), text = SAY("cited");
    text.item = 1;
    help_begin();
    RUN(SAY("a"), help_event(GW_EVENT_ORIGIN, 0, "messages", NULL, search),
        help_event(GW_EVENT_ORIGIN, 0, "gemini", NULL, "{}"), SAY("b"),
        help_event(GW_EVENT_CITATION, 0, NULL, NULL, theirs), help_event(GW_EVENT_CITATION, 0, NULL, NULL, kept),
        before, text, FINISH("stop"));
    cr_assert_eq(got.count, 4u);
    block_is(0, "text", "a");
    cr_assert(help_equal(help_json(got.blocks[1].raw), help_json(text_of(search))));
    block_is(2, "text", "b");
    cr_assert_eq(got.blocks[2].citations, 2u);
    block_is(3, "text", "cited");
    cr_assert_eq(got.blocks[3].citations, 1u);
    help_end();
}

Test(messages_stream, says_why_it_stopped)
{
    help_begin();
    RUN(SAY("a"), FINISH("length"));
    stopped_by("max_tokens");
    RUN(SAY("a"), CALL(0, "c", "f"), FINISH("length"));
    stopped_by("max_tokens");
    RUN(SAY("a"), FINISH("tool_calls"));
    stopped_by("end_turn");
    RUN(SAY("a"), FINISH("content_filter"));
    stopped_by("refusal");
    RUN(help_event(GW_EVENT_REFUSAL, 0, NULL, "I will not.", NULL), FINISH("stop"));
    stopped_by("refusal");
    block_is(0, "text", "I will not.");
    RUN(SAY("a"), FINISH("something new"));
    stopped_by("end_turn");
    RUN(SAY("a"), FINISH("pause_turn"));
    stopped_by("pause_turn");
    help_end();
}

Test(messages_stream, tells_usage_in_disjoint_numbers)
{
    help_begin();
    help_answer(HELP_REQUEST);
    help.usage = (struct usage){ .source = USAGE_REPORTED,
                                 .input = 10,
                                 .cache_read = 20,
                                 .cache_write_5m = 3,
                                 .cache_write_1h = 4,
                                 .output = 5,
                                 .reasoning = 6,
                                 .server_tool_calls = 2 };
    const gw_event events[] = { SAY("a"), FINISH("stop") };
    help_run(events, 2, "usage", true, &got);
    cr_assert(help_equal(
        got.usage, help_json(TEXT("{\"input_tokens\":10,\"cache_creation_input_tokens\":7,"
                                  "\"cache_read_input_tokens\":20,\"cache_creation\":{\"ephemeral_5m_input_tokens\":3,"
                                  "\"ephemeral_1h_input_tokens\":4},\"output_tokens\":11,\"output_tokens_details\":"
                                  "{\"thinking_tokens\":6},\"server_tool_use\":{\"web_search_requests\":2}}"))));
    RUN(SAY("twelve bytes"), FINISH("stop"));
    cr_assert_gt(json_int(json_member(got.usage, "input_tokens"), 0), 0, "estimated");
    cr_assert_gt(json_int(json_member(got.usage, "output_tokens"), 0), 0, "estimated");
    help_end();
}

Test(messages_stream, folds_arguments_that_are_no_object_without_losing_them)
{
    struct buf body;
    help_begin();
    help_answer(HELP_REQUEST);
    buf_init(&body, 1 << 16);
    const gw_event events[] = { CALL(0, "a", "f"), ARGS(0, "{\"cut"), CALL(1, "b", "g"),
                                help_event(GW_EVENT_CUSTOM_ARGS, 1, NULL, "free \"text\"", NULL), FINISH("length") };
    for (size_t i = 0; i < 5; i++)
        face_messages.fold_event(&help.answer, &events[i]);
    face_messages.fold_end(&help.answer, &body);
    const struct json *v = help_json(arena_text(&help.arena, buf_view(&body)));
    cr_assert_str_eq(help_str(v, "content.0.input._raw_arguments"), "{\"cut");
    cr_assert_str_eq(help_str(v, "content.1.input.input"), "free \"text\"");
    buf_free(&body);
    RUN(CALL(1, "b", "g"), help_event(GW_EVENT_CUSTOM_ARGS, 1, NULL, "free ", NULL),
        help_event(GW_EVENT_CUSTOM_ARGS, 1, NULL, "text", NULL), FINISH("stop"));
    block_is(0, "tool_use", "{\"input\":\"free text\"}");
    help_end();
}

Test(messages_stream, says_once_that_media_cannot_be_shown)
{
    help_begin();
    RUN(help_event(GW_EVENT_MEDIA, 0, NULL, NULL, "{}"), help_event(GW_EVENT_MEDIA, 0, NULL, NULL, "{}"),
        FINISH("stop"));
    cr_assert_eq(got.count, 1u);
    cr_assert_gt(got.blocks[0].text.len, 10u);
    help_end();
}

/* An upstream's own JSON may stand on many lines; an event of a stream is one. */
Test(messages_stream, keeps_each_event_on_its_line)
{
    help_begin();
    RUN(SAY("a"), help_event(GW_EVENT_CITATION, 0, NULL, NULL, "{\n\"type\":\r\n\"char_location\"}"),
        help_event(GW_EVENT_ORIGIN, 0, "messages", NULL, "{\n  \"type\": \"server_tool_use\"\r\n}"),
        SIGN(1, "anthropic-claude-v1:redacted", "z", "{\"type\":\n\"redacted_thinking\",\"data\":\"z\"}"),
        FINISH("stop"));
    cr_assert_eq(got.count, 3u);
    cr_assert_eq(got.blocks[0].citations, 1u);
    cr_assert_str_eq(got.blocks[1].type, "server_tool_use");
    help_end();
}

Test(messages_stream, makes_an_object_of_arguments_that_are_none)
{
    help_begin();
    RUN(CALL(0, "a", "f"), ARGS(0, " null"), CALL(1, "b", "g"), ARGS(1, "[1,"), ARGS(1, "2]"), CALL(2, "c", "h"),
        ARGS(2, " \n"), ARGS(2, "{\"x\":1}"), FINISH("tool_calls"));
    cr_assert_eq(got.count, 3u);
    block_is(0, "tool_use", "{\"_raw_arguments\":\"null\"}");
    block_is(1, "tool_use", "{\"_raw_arguments\":\"[1,2]\"}");
    cr_assert(help_equal(help_json(got.blocks[2].text), help_json(TEXT("{\"x\":1}"))));
    help_end();
}

/* A result must name the call that it answers. */
Test(messages_stream, gives_calls_without_an_id_one_each)
{
    help_begin();
    RUN(CALL(0, "", "f"), CALL(1, "", "g"), FINISH("tool_calls"));
    cr_assert(text_starts(got.blocks[0].id, TEXT("toolu_")), "%.*s", TEXT_ARG(got.blocks[0].id));
    cr_assert_not(text_eq(got.blocks[0].id, got.blocks[1].id));
    help_end();
}

Test(messages_stream, counts_the_output_that_nobody_told)
{
    help_begin();
    help_answer(HELP_REQUEST);
    help.usage = (struct usage){ .source = USAGE_REPORTED, .input = 10, .partial = true };
    const gw_event events[] = { SAY("twelve bytes"), FINISH("stop") };
    help_run(events, 2, "usage", true, &got);
    cr_assert_eq(json_int(json_member(got.usage, "input_tokens"), 0), 10);
    cr_assert_gt(json_int(json_member(got.usage, "output_tokens"), 0), 0);
    RUN(SAY("a"), FINISH("stop"));
    cr_assert_gt(json_int(json_member(got.usage, "output_tokens"), 0), 0, "a byte is a token too");
    help_end();
}

static struct text whole_body(const gw_event *events, size_t count)
{
    struct buf body;
    help_answer(HELP_REQUEST);
    buf_init(&body, 1 << 16);
    for (size_t i = 0; i < count; i++)
        face_messages.fold_event(&help.answer, &events[i]);
    face_messages.fold_end(&help.answer, &body);
    struct text t = arena_text(&help.arena, buf_view(&body));
    buf_free(&body);
    return t;
}

Test(messages_stream, has_details_of_a_refusal_and_of_nothing_else)
{
    struct buf out;
    const gw_event refusal[] = { help_event(GW_EVENT_REFUSAL, 0, NULL, "No.", NULL), FINISH("stop") };
    const gw_event text[] = { SAY("a"), FINISH("stop") };
    static const char details[] = "\"stop_details\":{\"type\":\"refusal\",\"category\":null,\"explanation\":\"No.\"}";
    help_begin();
    cr_assert_geq(text_find(whole_body(refusal, 2), text_of(details)), 0);
    cr_assert_geq(text_find(whole_body(text, 2), TEXT("\"stop_details\":null")), 0);
    help_answer(HELP_REQUEST);
    buf_init(&out, 1 << 16);
    for (size_t i = 0; i < 2; i++)
        face_messages.stream_event(&help.answer, &refusal[i], &out);
    face_messages.stream_end(&help.answer, &out);
    cr_assert_geq(text_find(buf_view(&out), text_of(details)), 0);
    buf_free(&out);
    help_end();
}

/* An answer of Anthropic that was folded or cut up on the way has the content that Anthropic sent. */
Test(messages_stream, gives_back_anthropics_own_reason)
{
    static const struct {
        const char *word, *code, *data, *reason, *sequence, *details;
    } rows[] = {
        { "stop", "pause_turn", NULL, "pause_turn", "null", "null" },
        { "length", "model_context_window_exceeded", NULL, "model_context_window_exceeded", "null", "null" },
        { "stop", "stop_sequence", "\"END\"", "stop_sequence", "\"END\"", "null" },
        { "stop", "stop_sequence", "{\"a\":", "stop_sequence", "null", "null" },
        { "content_filter", "refusal", " {\"type\":\"refusal\",\n\"category\":\"cyber\"}", "refusal", "null",
          "{\"type\":\"refusal\", \"category\":\"cyber\"}" },
        { "length", "SOMETHING_ELSE", "\"x\"", "max_tokens", "null", "null" },
    };
    help_begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gw_event events[] = { SAY("a"), help_event(GW_EVENT_FINISH, 0, NULL, rows[i].word, rows[i].data) };
        char wanted[200];
        events[1].code = (gw_str){ rows[i].code, strlen(rows[i].code) };
        snprintf(wanted, sizeof wanted, "\"stop_reason\":\"%s\",\"stop_sequence\":%s,\"stop_details\":%s",
                 rows[i].reason, rows[i].sequence, rows[i].details);
        struct text body = whole_body(events, 2);
        cr_assert_geq(text_find(body, text_of(wanted)), 0, "%s in %.*s", wanted, TEXT_ARG(body));
    }
    help_end();
}
