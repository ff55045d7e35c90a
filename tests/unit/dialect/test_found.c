/* test_found.c - what each dialect finds in what passes: in the frames of a stream, and in a whole answer, with its digest. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "check.h"
#include "dialect/dialect.h"
#include "dialect/look.h"

enum {
    USAGE = DIALECT_TAP_USAGE,
    FINISH = DIALECT_TAP_FINISH,
    ERROR = DIALECT_TAP_ERROR,
    DONE = DIALECT_TAP_DONE,
    ONLY = DIALECT_TAP_USAGE_ONLY,
    BAD = DIALECT_TAP_BAD
};

static struct arena arena;

static void begin(void)
{
    arena_init(&arena, NULL, 0, 1 << 20);
}

struct frame {
    const char *name, *data;
    unsigned found;
};

static void check_frames(const struct dialect *dialect, const struct frame *rows, size_t count)
{
    begin();
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(dialect->tap(&arena, text_of(rows[i].name), text_of(rows[i].data)), rows[i].found, "%s: %s %s",
                     dialect->name, rows[i].name, rows[i].data);
    arena_fini(&arena);
}
#define FRAMES(dialect, rows) check_frames(&(dialect), rows, sizeof(rows) / sizeof *(rows))

Test(found, in_frames_of_chats_and_completions)
{
    static const struct frame rows[] = {
        { "", "[DONE]", DONE },
        { "", "[DONE] ", 0 },
        { "", "[DONe]", 0 },
        { "", "{}", 0 },
        { "error", "{}", ERROR },
        { "message", "{\"error\":null}", 0 },
        { "", "{\"error\":\"x\"}", ERROR },
        { "", "{\"error\":{}}", ERROR },
        { "", "{\"a\":{\"error\":{}}}", 0 },
        { "", "{\"error\":{", ERROR },
        { "", "{\"usage\":{", 0 },
        { "", "{\"choices\":[{\"finish_reason\":\"stop\"}]}", FINISH },
        { "", "{\"choices\":[{\"finish_reason\" : \"stop\"}]}", FINISH },
        { "", "{\"choices\":[{\"finish_reason\":null}]}", 0 },
        { "", "{\"choices\":[{\"finish_reason\":null},{\"finish_reason\":\"stop\"}]}", FINISH },
        { "", "{\"choices\":[{\"finish_reason\":7}]}", 0 },
        { "", "{\"choices\":[{\"delta\":{\"content\":\"\\\"finish_reason\\\":\\\"stop\\\"\"}}]}", 0 },
        { "", "{\"usage\":{},\"choices\":[{\"finish_reason\":\"stop\"}]}", USAGE | FINISH },
        { "", "{\"usage\":{},\"choices\":[ ]}", USAGE | ONLY },
        { "", "{\"usage\":{},\"choices\":[0]}", USAGE },
        { "", "{\"usage\":{},\"choices\":{}}", USAGE },
        { "", "{\"usage\":{},\"choices\":\"\"}", USAGE },
        { "", "{\"usage\":{}}", USAGE },
        { "", "{\"usage\":null}", 0 },
        { "", "{\"usage\":[]}", 0 },
        { "", "{\"a\":{\"usage\":{}}}", 0 },
        { "", "{\"x_groq\":{\"usage\":{}},\"choices\":[]}", USAGE },
        { "", "{\"x_groq\":{\"id\":\"1\"},\"choices\":[]}", 0 },
        { "", "{\"usage\":null,\"x_groq\":{\"usage\":{}},\"choices\":[]}", USAGE | ONLY },
        { "", "{\"usage\":{},\"error\":{\"a\":1}}", USAGE | ERROR },
        { "error", "{\"usage\":{}}", USAGE | ERROR },
    };
    FRAMES(dialect_chat, rows);
    FRAMES(dialect_completions, rows);
}

Test(found, in_frames_of_responses)
{
    static const struct frame rows[] = {
        { "", "[DONE]", DONE },
        { "error", "x", ERROR },
        { "response.completed", "{}", FINISH | USAGE | DONE },
        { "response.incomplete", "{}", FINISH | USAGE | DONE },
        { "response.failed", "{}", FINISH | USAGE | DONE | ERROR },
        { "response.completed", "{", 0 },
        { "response.created", "{\"type\":\"response.completed\"}", 0 },
        { "", "{\"type\":\"response.completed\"}", FINISH | USAGE | DONE },
        { "message", "{\"type\":\"response.failed\"}", FINISH | USAGE | DONE | ERROR },
        { "", "{\"type\":\"response.created\",\"error\":{}}", 0 },
        { "", "{\"type\":\"error\"}", ERROR },
        { "", "{\"error\":{}}", ERROR },
        { "", "{\"error\":null}", 0 },
        { "", "{\"type\":7,\"error\":{}}", ERROR },
        { "", "{\"a\":1}", 0 },
        { "", "{\"error\":{}", 0 },
    };
    FRAMES(dialect_responses, rows);
}

Test(found, in_frames_of_messages)
{
    static const struct frame rows[] = {
        { "content_block_delta", "{\"usage\":{},\"error\":{}}", 0 },
        { "content_block_stop", "{\"type\":\"message_stop\"}", 0 },
        { "ping", "{\"type\":\"message_stop\"}", 0 },
        { "message_start", "{\"message\":{\"usage\":{\"a\":1}}}", USAGE },
        { "message_start", "{\"message\":{\"usage\":null,\"stop_reason\":\"x\"}}", 0 },
        { "message_delta", "{\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{}}", USAGE | FINISH },
        { "message_delta", "{\"delta\":{\"stop_reason\":null},\"usage\":{}}", USAGE },
        { "message_delta", "{\"delta\":{\"stop_reason\":\"end_turn\"}}", FINISH },
        { "message_stop", "{}", DONE },
        { "error", "{}", ERROR },
        { "other", "{\"usage\":{},\"error\":{}}", 0 },
        { "", "{\"type\":\"message_stop\"}", DONE },
        { "message", "{\"type\":\"message_start\",\"message\":{\"usage\":{}}}", USAGE },
        { "", "{\"type\":\"error\"}", ERROR },
        { "", "{\"error\":{}}", ERROR },
        { "", "{\"error\":null}", 0 },
        { "", "{\"type\":\"message_stop\",\"error\":7}", DONE | ERROR },
        { "", "{\"error\":{}", 0 },
    };
    FRAMES(dialect_messages, rows);
    FRAMES(dialect_count_tokens, rows);
}

Test(found, in_frames_of_what_is_relayed_otherwise)
{
    static const struct frame rows[] = {
        { "", "[DONE]", DONE },
        { "error", "{}", ERROR },
        { "error", "[DONE]", DONE | ERROR },
        { "", "{\"type\":\"speech.audio.done\",\"usage\":{}}", USAGE | FINISH },
        { "", "{\"usage\":null}", 0 },
        { "", "{\"error\":{}}", 0 },
    };
    static const struct frame nothing[] = { { "error", "[DONE]", 0 }, { "", "{\"usage\":{},\"error\":{}}", 0 } };
    FRAMES(dialect_other, rows);
    FRAMES(dialect_embeddings, nothing);
}

struct whole {
    const char *body;
    unsigned found;
    const char *digest;
};

static void check_wholes(const struct dialect *dialect, const struct whole *rows, size_t count)
{
    begin();
    for (size_t i = 0; i < count; i++) {
        struct text digest = TEXT("x");
        cr_assert_eq(dialect->extract(&arena, text_of(rows[i].body), &digest), rows[i].found, "%s: %s", dialect->name,
                     rows[i].body);
        cr_assert(text_is(digest, rows[i].digest), "%s: %s: %.*s", dialect->name, rows[i].body, TEXT_ARG(digest));
    }
    cr_assert_not(arena.full);
    arena_fini(&arena);
}
#define WHOLES(dialect, rows) check_wholes(&(dialect), rows, sizeof(rows) / sizeof *(rows))
#define DIGEST(members) "{\"digest\":true" members "}"

Test(found, in_whole_chats_and_completions)
{
    static const struct whole rows[] = {
        { "[]", BAD, "" },
        { "{", BAD, "" },
        { "{}", BAD, DIGEST("") },
        { "{\"choices\":{}}", BAD, DIGEST("") },
        { "{\"choices\":[]}", 0, DIGEST(",\"choices\":[]") },
        { "{\"id\":\"1\",\"model\":\"m\",\"usage\":{\"a\":1},\"service_tier\":\"flex\",\"choices\":[{\"finish_reason\":\"stop\"}]}",
          USAGE | FINISH,
          DIGEST(
              ",\"usage\":{\"a\":1},\"service_tier\":\"flex\",\"choices\":[{\"index\":0,\"message\":{},\"finish_reason\":\"stop\"}]") },
        { "{\"service_tier\":\"flex\",\"usage\":null,\"choices\":[{\"finish_reason\":\"a\"},{\"finish_reason\":\"b\"}]}",
          FINISH,
          DIGEST(
              ",\"choices\":[{\"index\":0,\"message\":{},\"finish_reason\":\"a\"},{\"index\":0,\"message\":{},\"finish_reason\":\"b\"}]") },
        { "{\"choices\":[{\"finish_reason\":null}]}", 0, DIGEST(",\"choices\":[]") },
        { "{\"choices\":[{\"finish_reason\":1}]}", 0, DIGEST(",\"choices\":[]") },
        { "{\"error\":null,\"choices\":[]}", 0, DIGEST(",\"choices\":[]") },
        { "{\"error\":null}", 0, DIGEST("") },
        { "{\"error\":{\"a\":1}}", ERROR, DIGEST(",\"error\":{\"a\":1}") },
        { "{\"model\":\"m\",\"id\":\"i\",\"type\":\"t\",\"code\":4,\"detail\":\"d\",\"message\":\"w\",\"object\":\"o\",\"error\":7,\"x\":1}",
          ERROR,
          DIGEST(
              ",\"error\":7,\"object\":\"o\",\"message\":\"w\",\"detail\":\"d\",\"code\":4,\"type\":\"t\",\"id\":\"i\",\"model\":\"m\"") },
        { "{\"error\":{},\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":{}}", ERROR | FINISH | USAGE,
          DIGEST(",\"usage\":{},\"choices\":[{\"index\":0,\"message\":{},\"finish_reason\":\"stop\"}],\"error\":{}") },
    };
    WHOLES(dialect_chat, rows);
    WHOLES(dialect_completions, rows);
}

Test(found, in_whole_responses)
{
    static const struct whole rows[] = {
        { "[", BAD, "" },
        { "{}", BAD, DIGEST("") },
        { "{\"output\":[]}", 0, DIGEST("") },
        { "{\"object\":\"response\"}", 0, DIGEST(",\"object\":\"response\"") },
        { "{\"status\":\"completed\"}", FINISH, DIGEST(",\"status\":\"completed\"") },
        { "{\"error\":{}}", ERROR, DIGEST(",\"error\":{}") },
        { "{\"error\":null}", BAD, DIGEST(",\"error\":null") },
        { "{\"service_tier\":\"t\",\"type\":\"y\",\"code\":1,\"message\":\"w\",\"object\":\"o\",\"incomplete_details\":{},\"error\":null,"
          "\"status\":\"s\",\"usage\":{\"a\":1},\"id\":\"i\"}",
          USAGE | FINISH,
          DIGEST(
              ",\"usage\":{\"a\":1},\"status\":\"s\",\"error\":null,\"incomplete_details\":{},\"object\":\"o\",\"message\":\"w\","
              "\"code\":1,\"type\":\"y\",\"service_tier\":\"t\"") },
    };
    WHOLES(dialect_responses, rows);
}

Test(found, in_whole_messages)
{
    static const struct whole rows[] = {
        { "[", BAD, "" },
        { "{}", BAD, DIGEST("") },
        { "{\"type\":\"message\"}", 0, DIGEST(",\"type\":\"message\"") },
        { "{\"content\":[]}", 0, DIGEST("") },
        { "{\"content\":\"x\"}", BAD, DIGEST("") },
        { "{\"type\":\"error\"}", ERROR, DIGEST(",\"type\":\"error\"") },
        { "{\"error\":{}}", ERROR, DIGEST(",\"error\":{}") },
        { "{\"error\":null}", BAD, DIGEST(",\"error\":null") },
        { "{\"request_id\":\"r\",\"usage\":{\"a\":1},\"stop_sequence\":null,\"stop_reason\":\"end_turn\",\"model\":\"m\",\"type\":\"message\","
          "\"id\":\"i\",\"content\":[{\"text\":\"long\"}]}",
          USAGE | FINISH,
          DIGEST(
              ",\"id\":\"i\",\"type\":\"message\",\"model\":\"m\",\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"
              "\"usage\":{\"a\":1},\"request_id\":\"r\"") },
        { "{\"type\":\"message\",\"stop_reason\":null}", 0, DIGEST(",\"type\":\"message\",\"stop_reason\":null") },
    };
    static const struct whole counts[] = {
        { "[", BAD, "" },
        { "{}", BAD, DIGEST("") },
        { "{\"input_tokens\":\"7\"}", BAD, DIGEST("") },
        { "{\"input_tokens\":7}", 0, DIGEST("") },
        { "{\"type\":\"error\",\"error\":{}}", ERROR, DIGEST(",\"type\":\"error\",\"error\":{}") },
        { "{\"input_tokens\":7,\"usage\":{}}", 0, DIGEST(",\"usage\":{}") },
    };
    WHOLES(dialect_messages, rows);
    WHOLES(dialect_count_tokens, counts);
}

Test(found, in_whole_answers_that_are_relayed_otherwise)
{
    static const struct whole embeddings[] = {
        { "[", BAD, "" },
        { "{}", BAD, DIGEST("") },
        { "{\"data\":[]}", 0, DIGEST("") },
        { "{\"embeddings\":[],\"usage\":{\"a\":1}}", USAGE, DIGEST(",\"usage\":{\"a\":1}") },
        { "{\"error\":\"x\"}", ERROR, DIGEST(",\"error\":\"x\"") },
        { "{\"data\":[],\"error\":null}", 0, DIGEST(",\"error\":null") },
    };
    static const struct whole other[] = {
        { "RIFF", 0, "" },
        { "{}", 0, DIGEST("") },
        { "{\"meta\":{\"a\":1},\"error\":null,\"x\":1}", USAGE, DIGEST(",\"meta\":{\"a\":1},\"error\":null") },
        { "{\"meta\":[],\"usage\":{\"a\":1}}", USAGE, DIGEST(",\"usage\":{\"a\":1},\"meta\":[]") },
        { "{\"error\":{}}", ERROR, DIGEST(",\"error\":{}") },
    };
    WHOLES(dialect_embeddings, embeddings);
    WHOLES(dialect_other, other);
}

Test(found, is_the_first_byte_of_a_value_that_is_not_null)
{
    static const struct {
        const char *data;
        char first;
    } rows[] = {
        { "{\"a\":{}}", '{' },
        { "{\"a\" \t\r\n: \t\r\n\"x\"}", '"' },
        { "{\"a\":null}", 0 },
        { "{\"a\":null,\"a\":1}", '1' },
        { "[\"a\",{\"a\":[]}]", '[' },
        { "{\"b\":\"a\"}", 0 },
        { "{\"b\":\"a\"},1", 0 },
        { "{\"b\":[\"a\"],\"c\":1}", 0 },
        { "{\"a\":", 0 },
        { "{\"a\"", 0 },
        { "\"a\"", 0 },
        { "\"a\":", 0 },
        { "{\"a\": ", 0 },
        { "{\"a\" ", 0 },
        { "{\"a\":t", 't' },
        { "", 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        /* In memory of its own size: a byte that is read behind its end is found by the address sanitizer. */
        size_t len = strlen(rows[i].data);
        char *data = memcpy(malloc(len + 1), rows[i].data, len);
        data = realloc(data, len > 0 ? len : 1);
        cr_assert_eq(look_value_of((struct text){ data, len }, TEXT("\"a\"")), rows[i].first, "%s", rows[i].data);
        free(data);
    }
}
