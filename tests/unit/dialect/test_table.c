/* test_table.c - what the table has of each dialect, and what is found in it: request headers, and lists of models. */
#include <stdio.h>

#include "base/json.h"
#include "check.h"
#include "dialect/dialect.h"

#define OPENAI_KEPT ": keep-alive\n\n"
#define MESSAGES_KEPT "event: ping\ndata: {\"type\": \"ping\"}\n\n"
#define MESSAGES_END "event: message_stop\ndata: {\"type\": \"message_stop\"}\n\n"

/* The words of a list, each with a blank behind it. */
static const char *joined(const char *const *words)
{
    static char text[100];
    size_t len = 0;
    text[0] = '\0';
    for (; words != NULL && *words != NULL; words++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s ", *words);
    return text;
}

Test(table, has_what_clients_of_each_expect)
{
    static const struct {
        const struct dialect *dialect;
        const char *name;
        uint32_t bit;
        const char *ping, *end;
        bool marks_end, waits_long;
        const char *quota, *user_in, *limits, *headers, *marked_by;
    } rows[] = {
        { &dialect_chat, "chat", GW_DIALECT_CHAT, OPENAI_KEPT, "", true, false, NULL, NULL,
          "max_tokens max_completion_tokens ", "openai-beta content-type ", NULL },
        { &dialect_completions, "completions", GW_DIALECT_COMPLETIONS, OPENAI_KEPT, "", true, false, NULL, NULL,
          "max_tokens ", "", NULL },
        { &dialect_embeddings, "embeddings", GW_DIALECT_EMBEDDINGS, "", "", true, false, NULL, NULL, "", "", NULL },
        { &dialect_responses, "responses", GW_DIALECT_RESPONSES, OPENAI_KEPT, "", true, false, NULL, NULL,
          "max_output_tokens ", "", NULL },
        { &dialect_messages, "messages", GW_DIALECT_MESSAGES, MESSAGES_KEPT, MESSAGES_END, true, true,
          "anthropic-ratelimit-unified-", "metadata", "max_tokens ", "anthropic-* ", "anthropic-version" },
        { &dialect_count_tokens, "count_tokens", GW_DIALECT_MESSAGES, MESSAGES_KEPT, MESSAGES_END, true, true,
          "anthropic-ratelimit-unified-", "metadata", "max_tokens ", "anthropic-* ", NULL },
        { &dialect_other, "other", GW_DIALECT_OTHER, OPENAI_KEPT, "", false, false, NULL, NULL, "", "", NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct dialect *d = rows[i].dialect;
        cr_assert_str_eq(d->name, rows[i].name);
        cr_assert_eq(d->bit, rows[i].bit, "%s", d->name);
        cr_assert(text_is(d->ping, rows[i].ping), "%s", d->name);
        cr_assert(text_is(d->end, rows[i].end), "%s", d->name);
        cr_assert_eq(d->marks_end, rows[i].marks_end, "%s", d->name);
        cr_assert_eq(d->waits_long, rows[i].waits_long, "%s", d->name);
        cr_assert_str_eq(d->quota != NULL ? d->quota : "", rows[i].quota != NULL ? rows[i].quota : "");
        cr_assert_str_eq(d->user_in != NULL ? d->user_in : "", rows[i].user_in != NULL ? rows[i].user_in : "");
        cr_assert_str_eq(d->marked_by != NULL ? d->marked_by : "", rows[i].marked_by != NULL ? rows[i].marked_by : "");
        cr_assert_str_eq(joined(d->limits), rows[i].limits);
        cr_assert_str_eq(joined(d->headers), rows[i].headers);
    }
}

Test(table, knows_which_headers_go_to_upstreams)
{
    static const struct {
        const char *name;
        bool has;
    } rows[] = {
        { "OpenAI-Beta", true },    { "content-type", true },
        { "Anthropic-Beta", true }, { "anthropic-", true },
        { "anthropic", false },     { "x-anthropic-beta", false },
        { "openai-beta2", false },  { "openai", false },
        { "x-madeup", false },      { "", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(dialect_has_header(text_of(rows[i].name)), rows[i].has, "%s", rows[i].name);
    cr_assert_eq(dialect_marked_by(TEXT("Anthropic-Version")), &dialect_messages);
    cr_assert_null(dialect_marked_by(TEXT("anthropic-versions")));
    cr_assert_null(dialect_marked_by(TEXT("x-marked")));
}

Test(table, has_what_was_added)
{
    static const char *const headers[] = { "x-madeup", NULL };
    static const struct dialect more[8] = { { .name = "a" }, { .name = "b", .headers = headers },
                                            { .name = "c" }, { .name = "d" },
                                            { .name = "e" }, { .name = "f" },
                                            { .name = "g" }, { .name = "h", .marked_by = "x-marked" } };
    for (size_t i = 0; i < 8; i++)
        dialect_add(&more[i]);
    cr_assert(dialect_has_header(TEXT("X-Madeup")));
    cr_assert(dialect_has_header(TEXT("content-type")));
    cr_assert_not(dialect_has_header(TEXT("x-made")));
    cr_assert_eq(dialect_marked_by(TEXT("x-marked")), &more[7]);
    cr_assert_eq(dialect_marked_by(TEXT("anthropic-version")), &dialect_messages);
}

static void check_opening(const struct dialect *dialect, const char *name, const char *data, bool opens)
{
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 16);
    const struct json *event = json_parse(&arena, text_of(data), NULL);
    cr_assert_not_null(event, "%s", data);
    cr_assert_eq(dialect->is_opening(text_of(name), event), opens, "%s %s", name, data);
    arena_fini(&arena);
}

Test(table, knows_what_only_opens_a_chat)
{
    static const struct {
        const char *name, *data;
        bool opens;
    } rows[] = {
        { "", "{\"choices\":[]}", true },
        { "message", "{\"choices\":[]}", true },
        { "other", "{\"choices\":[]}", false },
        { "", "{\"choices\":{}}", false },
        { "", "{}", false },
        { "", "{\"choices\":[],\"usage\":null,\"error\":\"\"}", true },
        { "", "{\"choices\":[],\"usage\":{\"a\":1}}", false },
        { "", "{\"choices\":[],\"usage\":{}}", true },
        { "", "{\"choices\":[],\"error\":{\"a\":1}}", false },
        { "", "{\"choices\":[],\"error\":\"x\"}", false },
        { "", "{\"choices\":[],\"error\":false}", false },
        { "", "{\"choices\":[],\"error\":0}", false },
        { "", "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}", true },
        { "", "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[],\"x\":{}}}]}",
          true },
        { "", "{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}", false },
        { "", "{\"choices\":[{\"delta\":{\"tool_calls\":[1]}}]}", false },
        { "", "{\"choices\":[{\"delta\":{\"x\":{\"y\":1}}}]}", false },
        { "", "{\"choices\":[{\"delta\":{\"x\":1}}]}", false },
        { "", "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}", false },
        { "", "{\"choices\":[{\"delta\":{},\"error\":{\"a\":1}}]}", false },
        { "", "{\"choices\":[{\"delta\":null}]}", false },
        { "", "{\"choices\":[{\"delta\":{}},{\"delta\":{\"content\":\"a\"}}]}", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_opening(&dialect_chat, rows[i].name, rows[i].data, rows[i].opens);
}

Test(table, knows_what_only_opens_a_message)
{
    static const struct {
        const char *name, *data;
        bool opens;
    } rows[] = {
        { "message_start", "{}", true },
        { "message_start", "{\"message\":{\"content\":[]}}", true },
        { "message_start", "{\"message\":{\"content\":[{\"type\":\"text\"}]}}", false },
        { "ping", "{}", true },
        { "pings", "{}", false },
        { "content_block_start", "{\"type\":\"ping\"}", false },
        { "", "{\"type\":\"ping\"}", true },
        { "message", "{\"type\":\"message_start\"}", true },
        { "", "{\"type\":\"message_start\",\"message\":{\"content\":[0]}}", false },
        { "", "{\"type\":\"error\"}", false },
        { "", "{}", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_opening(&dialect_messages, rows[i].name, rows[i].data, rows[i].opens);
    cr_assert_null(dialect_completions.is_opening);
}

Test(table, knows_what_only_opens_a_response)
{
    static const struct {
        const char *name, *data;
        bool opens;
    } rows[] = {
        { "response.created", "{\"response\":{\"output\":[]}}", true },
        { "response.queued", "{}", true },
        { "response.in_progress", "{\"response\":{\"status\":\"in_progress\"}}", true },
        { "response.in_progress", "{\"response\":{\"output\":[{\"type\":\"message\"}]}}", false },
        { "keepalive", "{}", true },
        { "", "{\"type\":\"response.created\"}", true },
        { "response.failed", "{\"response\":{\"output\":[]}}", false },
        { "response.output_item.added", "{}", false },
        { "response.completed", "{}", false },
        { "", "{}", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_opening(&dialect_responses, rows[i].name, rows[i].data, rows[i].opens);
}
