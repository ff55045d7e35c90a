/* test_spoken.c - the bytes that a model writes in one relayed event, by face: decoded text, reasoning and arguments,
 * and nothing else. */
#include <string.h>

#include "check.h"
#include "face/face.h"

struct row {
    const char *name, *data;
    size_t bytes;
};

static void check(const struct face *face, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(face->dialect->spoken(text_of(rows[i].name), text_of(rows[i].data)), rows[i].bytes, "%s: %s",
                     face->name, rows[i].data);
}
#define CHECK_ROWS(face, rows) check(&(face), rows, sizeof(rows) / sizeof *(rows))

#define CHUNK(delta)                                                                                                   \
    "{\"id\":\"c1\",\"model\":\"content\",\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":null}]}"

Test(spoken, of_chat_is_text_reasoning_and_arguments)
{
    static const struct row rows[] = {
        { "", CHUNK("{\"content\":\"hello\"}"), 5 },
        { "", CHUNK("{ \"content\" : \"hello\" }"), 5 },
        { "", CHUNK("{\"role\":\"assistant\",\"content\":\"\"}"), 0 },
        { "", CHUNK("{\"content\":null,\"refusal\":\"no\"}"), 2 },
        { "", CHUNK("{\"reasoning_content\":\"abc\",\"content\":\"de\"}"), 5 },
        { "", CHUNK("{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"abc\"}]}]}"), 3 },
        { "",
          CHUNK(
              "{\"tool_calls\":[{\"index\":0,\"id\":\"x\",\"function\":{\"name\":\"name\",\"arguments\":\"{\\\"a\\\":1}\"}}]}"),
          7 },
        { "", CHUNK("{\"reasoning\":\"abc\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"abc\"}]}"),
          3 },
        { "", CHUNK("{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"abc\"}]}"), 3 },
        { "",
          CHUNK(
              "{\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"content\":\"long ]}\"}}],\"content\":\"a\"}"),
          1 },
        { "", CHUNK("{\"content\":\"a\"},\"logprobs\":{\"content\":[{\"token\":\"a\",\"text\":\"b\"}]}"), 1 },
        { "",
          "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}},{\"index\":1,\"delta\":{\"content\":\"bc\"}}]}",
          3 },
        { "", CHUNK("{\"content\":\"\\n\\\"\\\\\"}"), 3 },
        { "", CHUNK("{\"content\":\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"}"), 1 + 2 + 3 + 4 },
        { "", CHUNK("{\"content\":\"\xc3\xa9\"}"), 2 },
        { "", "{\"choices\":[],\"usage\":{\"prompt_tokens\":1}}", 0 },
        { "", "[DONE]", 0 },
        { "", "", 0 },
        { "", "{\"delta\":{\"content\":\"cut", 0 },
        { "", "{\"delta\":{\"content\":\"cut\\", 0 },
        { "", "{\"delta\":{\"content\":\"cut\\u00", 0 },
        { "", "{\"delta\":{\"content\"", 0 },
        { "", "{\"delta\":{\"content\":", 0 },
        { "", "{\"delta\":{\"annotations\":[\"", 0 },
    };
    /* What is cut inside a string counts for what is there, or for nothing: no more is asked of it than to end. */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t got = face_chat.dialect->spoken(TEXT_NONE, text_of(rows[i].data));
        if (strstr(rows[i].data, "\"cut") != NULL)
            cr_assert_leq(got, 8, "%s", rows[i].data);
        else
            cr_assert_eq(got, rows[i].bytes, "%zu of %s", got, rows[i].data);
    }
}

Test(spoken, of_text_completions_is_the_text)
{
    static const struct row rows[] = {
        { "",
          "{\"id\":\"c\",\"text\":\"no\",\"choices\":[{\"index\":0,\"text\":\"abc\",\"logprobs\":{\"text\":\"x\"}}]}",
          3 },
        { "", "{\"choices\":[]}", 0 },
    };
    CHECK_ROWS(face_completions, rows);
}

Test(spoken, of_messages_is_in_deltas_of_blocks)
{
    static const struct row rows[] = {
        { "content_block_delta",
          "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"abcd\"}}", 4 },
        { "", "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"abcd\"}}", 4 },
        { "message", "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"abcd\"}}", 4 },
        { "content_block_delta", "{\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}", 2 },
        { "content_block_delta", "{\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\"\"}}", 4 },
        { "content_block_delta", "{\"delta\":{\"type\":\"signature_delta\",\"signature\":\"AAAA\"}}", 0 },
        { "content_block_delta",
          "{\"delta\":{\"type\":\"citations_delta\",\"citation\":{\"cited_text\":\"x\",\"text\":\"y\"}}}", 0 },
        { "content_block_start", "{\"content_block\":{\"type\":\"text\",\"text\":\"abc\"}}", 0 },
        { "message_delta", "{\"delta\":{\"stop_reason\":\"end_turn\",\"text\":\"x\"}}", 0 },
        { "ping", "{\"type\":\"ping\"}", 0 },
    };
    CHECK_ROWS(face_messages, rows);
}

Test(spoken, of_responses_is_the_delta)
{
    static const struct row rows[] = {
        { "response.output_text.delta",
          "{\"type\":\"response.output_text.delta\",\"item_id\":\"i\",\"delta\":\"abc\",\"obfuscation\":\"xyzz\"}", 3 },
        { "response.function_call_arguments.delta", "{\"delta\":\"{\\\"a\"}", 3 },
        { "", "{\"type\":\"response.reasoning_text.delta\",\"delta\":\"abc\"}", 3 },
        { "response.audio.delta", "{\"type\":\"response.audio.delta\",\"delta\":\"QUJD\"}", 0 },
        { "response.output_text.done", "{\"text\":\"abc\",\"delta\":\"x\"}", 0 },
        { "response.created", "{\"response\":{\"id\":\"r\"}}", 0 },
    };
    CHECK_ROWS(face_responses, rows);
}
