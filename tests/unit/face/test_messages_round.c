/* test_messages_round.c - what an answer gave an Anthropic client comes back with its next request: the reasoning of
 * other upstreams, ids of tool calls, citations. Answers are streamed and whole; both are replayed. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "messages_help.h"

#define REQUEST "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

/* The assistant message of a request that replays the answer: as a client puts it together from a stream. */
static struct text replay_stream(const struct help_message *m)
{
    struct json_writer w;
    struct buf out;
    buf_init(&out, 16 << 20);
    json_writer_init(&w, &out);
    json_array(&w);
    for (size_t i = 0; i < m->count; i++) {
        const struct help_block *b = &m->blocks[i];
        bool thinking = strcmp(b->type, "thinking") == 0, call = strcmp(b->type, "tool_use") == 0;
        if (!thinking && !call && strcmp(b->type, "text") != 0) {
            json_put_raw(&w, b->raw);
            continue;
        }
        json_object(&w);
        json_name(&w, "type");
        json_put_str(&w, text_of(b->type));
        if (call) {
            json_name(&w, "id");
            json_put_str(&w, b->id);
            json_name(&w, "name");
            json_put_str(&w, b->name);
            json_name(&w, "input");
            json_put_raw(&w, b->text);
        } else {
            json_key(&w, text_of(thinking ? "thinking" : "text"));
            json_put_str(&w, b->text);
        }
        if (thinking) {
            json_name(&w, "signature");
            json_put_str(&w, b->signature);
        }
        json_close(&w);
    }
    json_close(&w);
    cr_assert_eq(json_end(&w), 0);
    struct text t = arena_text(&help.arena, buf_view(&out));
    buf_free(&out);
    return t;
}

/* The canonical assistant message of the next request, whose content is `content`. */
static const struct json *come_back(struct text content)
{
    const char *body =
        arena_printf(&help.arena,
                     "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"
                     "{\"role\":\"assistant\",\"content\":%.*s},{\"role\":\"user\",\"content\":\"on\"}]}",
                     TEXT_ARG(content));
    return json_at(json_member(help_translate(body), "messages"), 1);
}

static struct help_message said;

/* Streams the events, replays, and compares; the same with a whole answer. */
static void comes_back_as(const gw_event *events, size_t count, const char *want)
{
    struct buf stream, body;
    help_begin();
    buf_init(&stream, 16 << 20);
    buf_init(&body, 16 << 20);
    help_answer(REQUEST);
    struct face_answer whole = help.answer;
    for (size_t i = 0; i < count; i++) {
        face_messages.stream_event(&help.answer, &events[i], &stream);
        face_messages.fold_event(&whole, &events[i]);
    }
    face_messages.stream_end(&help.answer, &stream);
    face_messages.fold_end(&whole, &body);
    help_read_stream(arena_text(&help.arena, buf_view(&stream)), "stream", true, &said);
    struct text folded = arena_text(&help.arena, buf_view(&body));
    buf_free(&stream);
    buf_free(&body);

    const struct json *expected = help_json(text_of(want));
    const struct json *from_stream = come_back(replay_stream(&said));
    cr_assert(help_equal(from_stream, expected), "%.*s", TEXT_ARG(json_text(from_stream)));
    const struct json *from_whole = come_back(json_text(json_member(help_json(folded), "content")));
    cr_assert(help_equal(from_whole, expected), "%.*s", TEXT_ARG(json_text(from_whole)));
    help_end();
}

#define COMES_BACK(want, ...)                                                                                          \
    do {                                                                                                               \
        const gw_event events_[] = { __VA_ARGS__ };                                                                    \
        comes_back_as(events_, sizeof events_ / sizeof *events_, want);                                                \
    } while (0)

#define SAY(piece) help_event(GW_EVENT_TEXT, 0, NULL, piece, NULL)
#define THINK(item, id, piece) help_event(GW_EVENT_REASONING, item, id, piece, NULL)
#define SIGN(item, id, text, data) help_event(GW_EVENT_SIGNATURE, item, id, text, data)
#define STOP help_event(GW_EVENT_FINISH, 0, NULL, "stop", NULL)

Test(messages_round, bare_reasoning)
{
    COMES_BACK("{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"because\"}", THINK(0, NULL, "beca"),
               THINK(0, NULL, "use"), SAY("a"), STOP);
}

Test(messages_round, a_signature_with_its_format)
{
    COMES_BACK(
        "{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"hm\",\"reasoning_details\":[{\"type\":"
        "\"reasoning.text\",\"text\":\"hm\",\"signature\":\"s+/\\u00e9\",\"format\":\"other-v1\",\"index\":0}]}",
        THINK(0, "other-v1", "hm"), SIGN(0, "other-v1", "s+/\xc3\xa9", NULL), SAY("a"), STOP);
}

Test(messages_round, details_as_the_upstream_told_them)
{
    /* OpenAI behind OpenRouter: a summary, and the encrypted form of the same block */
    COMES_BACK("{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"sum\",\"reasoning_details\":["
               "{\"type\":\"reasoning.summary\",\"summary\":\"sum\",\"id\":\"rs_1\",\"format\":\"openai-responses-v1\","
               "\"index\":0},"
               "{\"type\":\"reasoning.encrypted\",\"data\":\"gAAA\",\"id\":\"rs_1\",\"format\":\"openai-responses-v1\","
               "\"index\":0}],"
               "\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{"
               "\\\"a\\\":1}\"}}]}",
               THINK(0, "openai-responses-v1", "sum"),
               SIGN(0, "openai-responses-v1", "gAAA",
                    "{\"type\":\"reasoning.encrypted\",\"data\":\"gAAA\",\"id\":\"rs_1\",\"format\":\"openai-responses-"
                    "v1\",\"index\":0}"),
               help_event(GW_EVENT_TOOL_CALL, 0, "c", "f", NULL),
               help_event(GW_EVENT_TOOL_ARGS, 0, NULL, "{\"a\":1}", NULL), STOP);
    /* the last piece of a stream, with the signature: the text is put in */
    COMES_BACK(
        "{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"long text\",\"reasoning_details\":["
        "{\"type\":\"reasoning.text\",\"text\":\"long text\",\"signature\":\"S\",\"format\":\"f-v1\",\"index\":3}]}",
        THINK(3, "f-v1", "long "), THINK(3, "f-v1", "text"),
        SIGN(3, "f-v1", "S",
             "{\"type\":\"reasoning.text\",\"text\":\"\",\"signature\":\"S\",\"format\":\"f-v1\",\"index\":3}"),
        SAY("a"), STOP);
    /* the same, and the entry holds only its own piece */
    COMES_BACK(
        "{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"long text\",\"reasoning_details\":["
        "{\"type\":\"reasoning.text\",\"text\":\"long text\",\"signature\":\"S\",\"format\":\"f-v1\",\"index\":3}]}",
        THINK(3, "f-v1", "long "), THINK(3, "f-v1", "text"),
        SIGN(3, "f-v1", "S",
             "{\"type\":\"reasoning.text\",\"text\":\"text\",\"signature\":\"S\",\"format\":\"f-v1\",\"index\":3}"),
        SAY("a"), STOP);
    /* encrypted only, after the text */
    COMES_BACK("{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_details\":["
               "{\"type\":\"reasoning.encrypted\",\"data\":\"E\",\"format\":\"google-gemini-v1\",\"index\":0}]}",
               SAY("a"),
               SIGN(0, "google-gemini-v1", "E",
                    "{\"type\":\"reasoning.encrypted\",\"data\":\"E\",\"format\":\"google-gemini-v1\",\"index\":0}"),
               STOP);
    /* two entries of one block */
    COMES_BACK("{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"t\",\"reasoning_details\":["
               "{\"type\":\"reasoning.text\",\"text\":\"t\",\"index\":0},{\"type\":\"reasoning.encrypted\",\"data\":"
               "\"E\",\"index\":0}]}",
               THINK(0, "f", "t"), SIGN(0, "f", NULL, "{\"type\":\"reasoning.text\",\"index\":0}"),
               SIGN(0, "f", NULL, "{\"type\":\"reasoning.encrypted\",\"data\":\"E\",\"index\":0}"), SAY("a"), STOP);
}

Test(messages_round, what_anthropic_signed)
{
    COMES_BACK("{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"hm\",\"reasoning_details\":["
               "{\"type\":\"reasoning.text\",\"text\":\"hm\",\"signature\":\"EqQB\",\"format\":\"anthropic-claude-v1\","
               "\"index\":0},"
               "{\"type\":\"reasoning.encrypted\",\"data\":\"zz\",\"format\":\"anthropic-claude-v1\",\"index\":1}]}",
               THINK(0, "anthropic-claude-v1", "hm"), SIGN(0, "anthropic-claude-v1", "EqQB", NULL),
               SIGN(1, "anthropic-claude-v1:redacted", "zz", "{\"type\":\"redacted_thinking\",\"data\":\"zz\"}"),
               SAY("a"), STOP);
}

Test(messages_round, ids_that_anthropic_would_refuse)
{
    COMES_BACK("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"functions.f:0\",\"type\":"
               "\"function\",\"function\":"
               "{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"toolu_1_0199aabb\",\"type\":\"function\","
               "\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]}",
               help_event(GW_EVENT_TOOL_CALL, 0, "functions.f:0", "f", NULL),
               help_event(GW_EVENT_TOOL_CALL, 1, "", "g", NULL), STOP);
}

Test(messages_round, five_turns_with_tools)
{
    struct buf turns;
    help_begin();
    buf_init(&turns, 1 << 20);
    buf_str(&turns, "{\"role\":\"user\",\"content\":\"go\"}");
    for (int turn = 0; turn < 5; turn++) {
        char id[32], thought[32];
        struct buf body;
        snprintf(id, sizeof id, "call:%d", turn);
        snprintf(thought, sizeof thought, "thought %d", turn);
        help_answer(REQUEST);
        const gw_event events[] = { THINK(0, "f-v1", thought), SIGN(0, "f-v1", id, NULL),
                                    help_event(GW_EVENT_TOOL_CALL, 0, id, "f", NULL),
                                    help_event(GW_EVENT_TOOL_ARGS, 0, NULL, "{}", NULL), STOP };
        for (size_t i = 0; i < 5; i++)
            face_messages.fold_event(&help.answer, &events[i]);
        buf_init(&body, 1 << 20);
        face_messages.fold_end(&help.answer, &body);
        const struct json *content = json_member(help_json(arena_text(&help.arena, buf_view(&body))), "content");
        buf_free(&body);
        buf_printf(
            &turns,
            ",{\"role\":\"assistant\",\"content\":%.*s},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
            "\"tool_use_id\":\"%s\",\"content\":\"r%d\"}]}",
            TEXT_ARG(json_text(content)), help_str(content, "1.id"), turn);
    }
    const struct json *v = help_translate(arena_printf(
        &help.arena, "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[%.*s]}", TEXT_ARG(buf_view(&turns))));
    const struct json *messages = json_member(v, "messages");
    cr_assert_eq(json_count(messages), 11u);
    for (int turn = 0; turn < 5; turn++) {
        const struct json *reply = json_at(messages, (size_t)(2 * turn + 1)),
                          *result = json_at(messages, (size_t)(2 * turn + 2));
        char id[32], thought[32];
        snprintf(id, sizeof id, "call:%d", turn);
        snprintf(thought, sizeof thought, "thought %d", turn);
        cr_assert_str_eq(help_str(reply, "reasoning_content"), thought);
        cr_assert_str_eq(help_str(reply, "reasoning_details.0.signature"), id);
        cr_assert_str_eq(help_str(reply, "reasoning_details.0.format"), "f-v1");
        cr_assert_str_eq(help_str(reply, "tool_calls.0.id"), id);
        cr_assert_str_eq(help_str(result, "tool_call_id"), id);
    }
    buf_free(&turns);
    help_end();
}
