/* test_messages_stream.c - Anthropic answers from events, streamed and whole. Every stream is read by the checker of
 * messages_grammar.c. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "messages_help.h"

#define REQUEST "{\"model\":\"asked-for\",\"max_tokens\":9,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

/* Streams the events and folds them; both must say the same. */
static void run(const gw_event *events, size_t count, const char *what, bool json, struct help_message *out)
{
    static struct help_message whole;
    struct buf stream, body;
    struct face_answer folded = help.answer;
    buf_init(&stream, 64 << 20);
    buf_init(&body, 64 << 20);
    for (size_t i = 0; i < count; i++) {
        face_messages.stream_event(&help.answer, &events[i], &stream);
        face_messages.fold_event(&folded, &events[i]);
    }
    face_messages.stream_end(&help.answer, &stream);
    face_messages.fold_end(&folded, &body);
    help_read_stream(arena_text(&help.arena, buf_view(&stream)), what, json, out);
    help_read_whole(arena_text(&help.arena, buf_view(&body)), what, &whole);
    if (json)
        help_same(out, &whole, what);
    buf_free(&stream);
    buf_free(&body);
}

static struct help_message got;

#define RUN(...)                                                                                                       \
    do {                                                                                                               \
        const gw_event events_[] = { __VA_ARGS__ };                                                                    \
        help_answer(REQUEST);                                                                                          \
        run(events_, sizeof events_ / sizeof *events_, __func__, true, &got);                                          \
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
    help_answer(REQUEST);
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
    RUN(START, SAY("look"), CALL(0, "call_a", "f"), ARGS(0, "{\"a\":\"}"), CALL(1, "call_b", "g"), ARGS(1, "{\"b"), ARGS(0, "{\""),
        ARGS(1, "\":2}"), ARGS(0, "}"), CALL(2, "call_c", "h"), ARGS(2, "{}"), FINISH("tool_calls"));
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
    help_answer(REQUEST);
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
        SIGN(2, "anthropic-claude-v1:redacted", "zz", "{\"type\":\"redacted_thinking\",\"data\":\"zz\"}"), SAY("a"), FINISH("stop"));
    cr_assert_eq(got.count, 4u);
    block_is(0, "thinking", "hm");
    cr_assert(text_is(got.blocks[0].signature, "EqQB"));
    block_is(1, "thinking", "");
    cr_assert(text_is(got.blocks[1].signature, "Omitted"));
    cr_assert_str_eq(got.blocks[2].type, "redacted_thinking");
    block_is(3, "text", "a");
    RUN(SIGN(0, "anthropic-claude-v1", "zz", "{\"type\":\"reasoning.encrypted\",\"data\":\"zz\",\"format\":\"anthropic-claude-v1\"}"),
        SAY("a"), FINISH("stop"));
    cr_assert(help_equal(help_json(got.blocks[0].raw), help_json(TEXT("{\"type\":\"redacted_thinking\",\"data\":\"zz\"}"))));
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
    static const char search[] = "{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{\"query\":\"q\"}}";
    static const char own[] = "{\"type\":\"char_location\",\"cited_text\":\"c\"}";
    static const char theirs[] = "{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"https://x\",\"title\":\"X\"}}";
    static const char kept[] = "{\"type\":\"url_citation\",\"x_origin\":{\"dialect\":\"messages\",\"content\":{\"type\":\"page_location\"}}}";
    gw_event before = help_event(GW_EVENT_CITATION, 1, NULL, NULL, own), text = SAY("cited");
    text.item = 1;
    help_begin();
    RUN(SAY("a"), help_event(GW_EVENT_ORIGIN, 0, "messages", NULL, search), help_event(GW_EVENT_ORIGIN, 0, "gemini", NULL, "{}"),
        SAY("b"), help_event(GW_EVENT_CITATION, 0, NULL, NULL, theirs), help_event(GW_EVENT_CITATION, 0, NULL, NULL, kept), before, text,
        FINISH("stop"));
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
    help_answer(REQUEST);
    help.usage = (struct usage){ .source = USAGE_TOLD, .input = 10, .cache_read = 20, .cache_write_5m = 3, .cache_write_1h = 4,
                                 .output = 5, .reasoning = 6, .server_tool_calls = 2 };
    const gw_event events[] = { SAY("a"), FINISH("stop") };
    run(events, 2, "usage", true, &got);
    cr_assert(help_equal(got.usage, help_json(TEXT("{\"input_tokens\":10,\"cache_creation_input_tokens\":7,"
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
    help_answer(REQUEST);
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
    RUN(help_event(GW_EVENT_MEDIA, 0, NULL, NULL, "{}"), help_event(GW_EVENT_MEDIA, 0, NULL, NULL, "{}"), FINISH("stop"));
    cr_assert_eq(got.count, 1u);
    cr_assert_gt(got.blocks[0].text.len, 10u);
    help_end();
}

/* Random answers. What they say is kept beside, in a simpler way than the face does it. */
enum { ITEMS = 5, EVENTS = 60 };

struct script {
    gw_event events[EVENTS * 4];
    size_t count;
    struct buf text, thinking;
    char args[ITEMS][64];
    bool opened[ITEMS];
};

static uint64_t below(uint64_t *state, uint64_t n)
{
    return help_random(state) % n;
}

static const char *piece_of(const char *s, size_t from, size_t len)
{
    return arena_str(&help.arena, (struct text){ s + from, len });
}

/* Calls with arguments that come in pieces, among text, thinking, blocks and citations, in any order. */
static void write_script(struct script *s, uint64_t *state)
{
    static const char *const all_args[] = { "", "{}", "{\"a\":\"}\\\"{\"}", "{\"list\":[1,[2,{}],\"]\"],\"b\":{\"c\":null}}", " {\"x\": 1}" };
    size_t sent[ITEMS] = { 0 };
    for (size_t i = 0; i < ITEMS; i++)
        snprintf(s->args[i], sizeof s->args[i], "%s", all_args[below(state, sizeof all_args / sizeof *all_args)]);
    for (size_t n = below(state, EVENTS); n > 0; n--) {
        uint32_t item = (uint32_t)below(state, ITEMS);
        char word[32];
        snprintf(word, sizeof word, "w%llu ", (unsigned long long)below(state, 1000));
        const char *piece = arena_str(&help.arena, text_of(word));
        gw_event e = SAY(piece);
        switch (below(state, 10)) {
        case 0:
        case 1:
            buf_str(&s->text, piece);
            break;
        case 2:
            e = THINK(below(state, 2) ? 0 : 1, below(state, 2) ? "deepseek" : NULL, piece);
            buf_str(&s->thinking, piece);
            break;
        case 3:
            e = SIGN((uint32_t)below(state, 2), below(state, 2) ? "anthropic-claude-v1" : "other", "sig", NULL);
            break;
        case 4:
            e = help_event(GW_EVENT_ORIGIN, 0, "messages", NULL, "{\"type\":\"web_search_tool_result\",\"content\":[]}");
            break;
        case 5:
            e = help_event(GW_EVENT_CITATION, (uint32_t)below(state, 3), NULL, NULL,
                           "{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"u\"}}");
            break;
        default:
            if (!s->opened[item]) {
                s->opened[item] = true;
                e = CALL(item, arena_printf(&help.arena, "id_%u", item), below(state, 4) ? "name" : "");
            } else {
                size_t left = strlen(s->args[item]) - sent[item], len = left == 0 ? 0 : 1 + below(state, left);
                e = ARGS(item, piece_of(s->args[item], sent[item], len));
                sent[item] += len;
            }
        }
        s->events[s->count++] = e;
    }
    for (uint32_t i = 0; i < ITEMS; i++) { /* what is still missing */
        if (!s->opened[i])
            continue;
        if (below(state, 2))
            s->events[s->count++] = CALL(i, "", "name");
        s->events[s->count++] = ARGS(i, piece_of(s->args[i], sent[i], strlen(s->args[i]) - sent[i]));
        s->events[s->count++] = CALL(i, "", "name");
    }
    if (below(state, 8) > 0)
        s->events[s->count++] = FINISH(below(state, 2) ? "stop" : "tool_calls");
}

/* All of it was said: texts in order, each call once, with its arguments. */
static void check_script(const struct script *s, const char *what)
{
    struct buf text, thinking;
    unsigned calls = 0, opened = 0;
    buf_init(&text, 1 << 20);
    buf_init(&thinking, 1 << 20);
    for (size_t i = 0; i < got.count; i++) {
        const struct help_block *b = &got.blocks[i];
        uint32_t item;
        if (strcmp(b->type, "text") == 0)
            buf_text(&text, b->text);
        if (strcmp(b->type, "thinking") == 0)
            buf_text(&thinking, b->text);
        if (strcmp(b->type, "tool_use") != 0)
            continue;
        calls++;
        cr_assert_eq(sscanf(arena_str(&help.arena, b->id), "id_%u", &item), 1, "%s", what);
        cr_assert_lt(item, (uint32_t)ITEMS, "%s", what);
        cr_assert(text_is(b->name, "name"), "%s", what);
        cr_assert(help_equal(help_json(b->text), help_json(text_of(s->args[item][0] != '\0' ? s->args[item] : "{}"))), "%s", what);
    }
    for (size_t i = 0; i < ITEMS; i++)
        opened += s->opened[i];
    cr_assert_eq(calls, opened, "%s", what);
    cr_assert(text_eq(buf_view(&text), buf_view(&s->text)), "%s", what);
    cr_assert(text_eq(buf_view(&thinking), buf_view(&s->thinking)), "%s", what);
    buf_free(&text);
    buf_free(&thinking);
}

Test(messages_stream, two_thousand_random_answers_keep_the_grammar_and_lose_nothing)
{
    static struct script script;
    uint64_t state = 0x5eed;
    for (int round = 0; round < 2000; round++) {
        char what[32];
        snprintf(what, sizeof what, "round %d", round);
        help_begin();
        memset(&script, 0, sizeof script);
        buf_init(&script.text, 1 << 20);
        buf_init(&script.thinking, 1 << 20);
        help_answer(REQUEST);
        write_script(&script, &state);
        run(script.events, script.count, what, true, &got);
        check_script(&script, what);
        buf_free(&script.text);
        buf_free(&script.thinking);
        help_end();
    }
}

Test(messages_stream, two_thousand_answers_of_nonsense_keep_the_grammar)
{
    static const char *const texts[] = { "", "x", "}", "{", "\"", "[1", "\\", "stop", "\xc3\xa9", "\xff", NULL };
    static const char *const ids[] = { NULL, "", "a.b:c", "anthropic-claude-v1", "anthropic-claude-v1:redacted", "messages", "f" };
    static const char *const datas[] = { NULL, "", "{}", "{\"type\":\"reasoning.encrypted\",\"data\":\"d\"}", "[", "7",
                                         "{\"type\":\"fallback\"}", "{\"type\":\"url_citation\",\"url_citation\":{}}" };
    uint64_t state = 0xbad5eed;
    for (int round = 0; round < 2000; round++) {
        static gw_event events[EVENTS];
        size_t count = below(&state, EVENTS);
        char what[32];
        snprintf(what, sizeof what, "round %d", round);
        help_begin();
        help_answer(REQUEST);
        for (size_t i = 0; i < count; i++) {
            uint32_t type = (uint32_t)below(&state, 20);
            const char *data = datas[below(&state, sizeof datas / sizeof *datas)];
            events[i] = help_event(type, (uint32_t)below(&state, 3), ids[below(&state, sizeof ids / sizeof *ids)],
                                   texts[below(&state, sizeof texts / sizeof *texts)], data);
            events[i].index = (uint32_t)(below(&state, 10) == 0);
        }
        run(events, count, what, false, &got);
        help_end();
    }
}
