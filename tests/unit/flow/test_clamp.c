/* test_clamp.c - a lower limit of output tokens, put into a body that is relayed: the numbers change and nothing else. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "flow/hold.h"
#include "flow/way.h"

static struct request req;
static struct attempt attempt;
static struct route_target target;
static struct config_provider provider;
static struct plugin plugin;

static char sent[2000];

/* The body with the limit, cut into `pieces` pieces; NULL: it cannot be lowered. */
static const char *clamped(const struct face *face, const char *seller, const char *body, int64_t limit, size_t pieces)
{
    struct text whole[4], left = text_of(body);
    memset(&req, 0, sizeof req);
    memset(&attempt, 0, sizeof attempt);
    arena_init(&req.arena, NULL, 0, 1 << 20);
    plugin.name = seller;
    provider = (struct config_provider){ .name = TEXT("p"), .plugin = &plugin };
    target = (struct route_target){ .provider = &provider, .model = TEXT("m") };
    req.face = face;
    cr_assert_eq(scan_object(&req.arena, left, SCAN_MAX_DEPTH, &req.ask.scan), 0, "%s", body);
    for (size_t i = 0; i < pieces; i++) {
        size_t len = i + 1 < pieces ? 1 : left.len;
        whole[i] = (struct text){ left.ptr, len };
        left = (struct text){ left.ptr + len, left.len - len };
    }
    req.pieces = whole;
    req.piece_count = pieces;
    attempt.req = &req;
    attempt.target = &target;
    attempt.mode = MODE_RELAY;
    bool fine = clamp_to(&attempt, limit);
    size_t n = 0;
    sent[0] = '\0';
    for (size_t i = 0; fine && i < attempt.send.body_count; i++)
        n += (size_t)snprintf(sent + n, sizeof sent - n, "%.*s", TEXT_ARG(attempt.send.body[i]));
    cr_assert_eq(attempt.clamped, fine ? limit : 0);
    arena_fini(&req.arena);
    return fine ? sent : NULL;
}

Test(clamp, lowers_the_limit_of_each_api)
{
    static const struct {
        const struct face *face;
        const char *seller, *body, *sent;
    } rows[] = {
        { &face_chat, "openai", "{\"model\":\"m\",\"max_tokens\":500}", "{\"model\":\"m\",\"max_tokens\":100}" },
        { &face_chat, "openai", "{\"max_completion_tokens\" : 500 ,\"model\":\"m\"}",
          "{\"max_completion_tokens\" : 100 ,\"model\":\"m\"}" },
        { &face_chat, "openai", "{\"max_tokens\":500,\"max_completion_tokens\":101}",
          "{\"max_tokens\":100,\"max_completion_tokens\":100}" },
        { &face_chat, "openai", "{\"model\":\"m\"}", "{\"max_completion_tokens\":100,\"model\":\"m\"}" },
        { &face_chat, "mistral", "{\"model\":\"m\"}", "{\"max_tokens\":100,\"model\":\"m\"}" },
        { &face_chat, "mistral", " { }", " {\"max_tokens\":100 }" },
        { &face_chat, "openai", "{\"max_tokens\":\"500\"}", "{\"max_tokens\":100}" },
        { &face_chat, "openai", "{\"max_tokens\":-1}", "{\"max_tokens\":100}" },
        { &face_chat, "openai", "{\"max_tokens\":0}", "{\"max_tokens\":100}" },
        { &face_chat, "openai", "{\"max_tokens\":5e3}", "{\"max_tokens\":100}" },
        { &face_chat, "openai", "{\"max_tokens\":null}", "{\"max_tokens\":100}" },
        { &face_chat, "openai", "{\"max_tokens\":100}", NULL },
        { &face_chat, "openai", "{\"max_tokens\":99}", NULL },
        { &face_completions, "vllm", "{\"prompt\":\"x\"}", "{\"max_tokens\":100,\"prompt\":\"x\"}" },
        { &face_responses, "openai", "{\"input\":\"x\"}", "{\"max_output_tokens\":100,\"input\":\"x\"}" },
        { &face_messages, "anthropic", "{\"max_tokens\":5000}", "{\"max_tokens\":100}" },
        { &face_embeddings, "openai", "{\"max_tokens\":5000}", NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t pieces = 1; pieces <= 2; pieces++) {
            if (i == 5 && pieces == 2)
                continue; /* its brace is in the second piece */
            const char *got = clamped(rows[i].face, rows[i].seller, rows[i].body, 100, pieces);
            cr_assert_str_eq(got != NULL ? got : "-", rows[i].sent != NULL ? rows[i].sent : "-", "%s", rows[i].body);
        }
}

/* What a model thinks gets half of it, and no less than the least that an API takes. */
Test(clamp, lowers_what_the_model_may_think)
{
    static const struct {
        int64_t limit;
        const char *body, *sent;
    } rows[] = {
        { 10000, "{\"max_tokens\":20000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":9000}}",
          "{\"max_tokens\":10000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":5000}}" },
        { 10000, "{\"thinking\":{\"budget_tokens\":5000},\"max_tokens\":20000}",
          "{\"thinking\":{\"budget_tokens\":5000},\"max_tokens\":10000}" },
        { 10000, "{\"thinking\":{\"budget_tokens\":5001},\"max_tokens\":20000}",
          "{\"thinking\":{\"budget_tokens\":5000},\"max_tokens\":10000}" },
        { 1500, "{\"max_tokens\":20000,\"thinking\":{\"budget_tokens\":9000}}",
          "{\"max_tokens\":1500,\"thinking\":{\"budget_tokens\":1024}}" },
        { 10000, "{\"max_tokens\":20000,\"reasoning\":{\"max_tokens\":9000}}",
          "{\"max_tokens\":10000,\"reasoning\":{\"max_tokens\":5000}}" },
        { 10000, "{\"max_tokens\":20000,\"reasoning\":{\"effort\":\"low\"},\"thinking\":true}",
          "{\"max_tokens\":10000,\"reasoning\":{\"effort\":\"low\"},\"thinking\":true}" },
        { 10000, "{\"max_tokens\":20000,\"thinking\":{\"budget_tokens\":\"9000\"}}",
          "{\"max_tokens\":10000,\"thinking\":{\"budget_tokens\":\"9000\"}}" },
        { 10000, "{\"max_tokens\":9000,\"thinking\":{\"budget_tokens\":8000}}",
          "{\"max_tokens\":9000,\"thinking\":{\"budget_tokens\":5000}}" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *got = clamped(&face_messages, "anthropic", rows[i].body, rows[i].limit, 1);
        cr_assert_str_eq(got != NULL ? got : "-", rows[i].sent, "%s", rows[i].body);
    }
}
