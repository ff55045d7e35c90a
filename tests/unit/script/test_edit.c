/* What a policy changes of a request: in the client's own dialect, and nothing else of it. */
#include <string.h>

#include "base/log.h"
#include "check.h"
#include "fixture.h"

static const char chat[] =
    "{ \"model\":\"fast\",\"max_completion_tokens\":50, \"messages\":[{\"role\":\"developer\",\"content\":\"be short\"},"
    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"mail a@b.de\"}]},"
    "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
    "\"arguments\":\"{\\\"to\\\":\\\"a\\\\u0040b.de\\\",\\\"a@b.de\\\":[1]}\"}}]},"
    "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"a@b.de is in\"}],"
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}},{\"type\":\"function\",\"function\":{\"name\":\"g\"}}],"
    "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"g\"}},\"x\": 1.50 }";
static const char messages[] =
    "{\"model\":\"fast\",\"max_tokens\":5000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":3000},"
    "\"system\":[{\"type\":\"text\",\"text\":\"be short\",\"cache_control\":{\"type\":\"ephemeral\"}}],\"messages\":["
    "{\"role\":\"user\",\"content\":\"mail a@b.de\"},"
    "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"a@b.de\",\"signature\":\"S\"},"
    "{\"type\":\"tool_use\",\"id\":\"c1\",\"name\":\"f\",\"input\":{\"to\":\"a@b.de\",\"n\":7}}]},"
    "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c1\",\"content\":\"a@b.de is in\"}]}],"
    "\"tools\":[{\"name\":\"f\",\"input_schema\":{}},{\"name\":\"g\",\"input_schema\":{}}],\"tool_choice\":{\"type\":\"tool\",\"name\":\"g\"}}";
static const char responses[] =
    "{\"model\":\"fast\",\"max_output_tokens\":50,\"instructions\":\"be short\",\"input\":\"mail a@b.de\"}";
static const char completions[] = "{\"model\":\"fast\",\"prompt\":[\"mail a@b.de\"]}";
static const char embeddings[] = "{\"model\":\"fast\",\"input\":[\"mail a@b.de\",\"b\"]}";

#define MASK "req:map_text(function(t) return (t:gsub('a@b%.de', '[E]')) end)"

static const struct edit_case {
    const struct face *face;
    const char *body, *lua;
    const char *old[6], *with[6]; /* what of the body becomes what, all else stays */
    const char *error;            /* instead of that */
} cases[] = {
    { &face_chat,
      chat,
      "assert(req:cap('max_tokens', 20)) assert(not req:cap('max_tokens', 30))",
      { ":50," },
      { ":20," },
      NULL },
    { &face_chat,
      chat,
      "req:set('temperature', 0) req:set('max_tokens', nil)",
      { "{ \"model\"", "\"max_completion_tokens\":50," },
      { "{\"temperature\":0, \"model\"", "" },
      NULL },
    { &face_chat,
      chat,
      "req:set('effort', 'low') assert(req:get('effort') == 'low')",
      { "{ \"model\"" },
      { "{\"reasoning_effort\":\"low\", \"model\"" },
      NULL },
    { &face_chat,
      chat,
      "req:set('thinking_tokens', 5)",
      { NULL },
      { NULL },
      "req:set: the chat API has no \"thinking_tokens\"" },
    { &face_chat, chat, "req:set('max_tokens', 0)", { NULL }, { NULL }, "max_tokens takes a whole number" },
    { &face_chat, chat, "req:set('max_token', 0)", { NULL }, { NULL }, "did you mean \"max_tokens\"" },
    { &face_chat,
      chat,
      "req:add_system('no \"x\"') assert(req.system_text:find('no \"x\"', 1, true))",
      { "be short" },
      { "be short\\n\\nno \\\"x\\\"" },
      NULL },
    { &face_chat, chat, "req:add_system('first', 'start')", { "be short" }, { "first\\n\\nbe short" }, NULL },
    { &face_chat,
      chat,
      "req:set_system('new')",
      { "[{\"role\":\"developer\",\"content\":\"be short\"}" },
      { "[{\"role\":\"system\",\"content\":\"new\"}" },
      NULL },
    { &face_chat,
      chat,
      MASK,
      { "mail a@b.de", "{\\\"to\\\":\\\"a\\\\u0040b.de\\\",\\\"a@b.de\\\":[1]}", "a@b.de is in" },
      { "mail [E]", "{\\\"to\\\":\\\"[E]\\\",\\\"[E]\\\":[1]}", "[E] is in" },
      NULL },
    { &face_chat,
      chat,
      "local gone = req:keep_tools(function(n) return n == 'f' end) assert(#gone == 1 and gone[1] == 'g' and #req.tools == 1)",
      { ",{\"type\":\"function\",\"function\":{\"name\":\"g\"}}",
        "{\"type\":\"function\",\"function\":{\"name\":\"g\"}}" },
      { "", "\"auto\"" },
      NULL },
    { &face_chat,
      chat,
      "local a = req:texts() local n = 0 req:map_text(function(t, role, i) n = n + 1 assert(a[i] == t, t) end) assert(n == #a)",
      { NULL },
      { NULL },
      NULL },
    { &face_messages,
      messages,
      MASK,
      { "mail a@b.de", "\"to\":\"a@b.de\"", "a@b.de is in" },
      { "mail [E]", "\"to\":\"[E]\"", "[E] is in" },
      NULL },
    { &face_messages, messages, "req:cap('max_tokens', 2000)", { "5000", "3000" }, { "2000", "1999" }, NULL },
    { &face_messages,
      messages,
      "req:cap('max_tokens', 500)",
      { "5000", "{\"type\":\"enabled\",\"budget_tokens\":3000}" },
      { "500", "{\"type\":\"disabled\"}" },
      NULL },
    { &face_messages, messages, "req:cap('thinking_tokens', 1500)", { "3000" }, { "1500" }, NULL },
    { &face_messages,
      messages,
      "req:set('thinking_tokens', nil)",
      { "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":3000}," },
      { "" },
      NULL },
    { &face_messages,
      messages,
      "req:add_system('more')",
      { "\"ephemeral\"}}]" },
      { "\"ephemeral\"}},{\"type\":\"text\",\"text\":\"more\"}]" },
      NULL },
    { &face_messages, messages, "req:set('seed', 1)", { NULL }, { NULL }, "the messages API has no \"seed\"" },
    { &face_messages,
      messages,
      "req:set('max_tokens', nil)",
      { NULL },
      { NULL },
      "would be refused: max_tokens is missing" },
    { &face_messages,
      messages,
      "req:keep_tools(function(n) return false end)",
      { "\"tools\":[{\"name\":\"f\",\"input_schema\":{}},{\"name\":\"g\",\"input_schema\":{}}],\"tool_choice\":{\"type\":\"tool\",\"name\":\"g\"}}",
        "is in\"}]}]," },
      { "}", "is in\"}]}]" },
      NULL },
    { &face_responses,
      responses,
      MASK " req:add_system('x') req:cap('max_tokens', 5)",
      { "a@b.de", "short", "50" },
      { "[E]", "short\\n\\nx", "5" },
      NULL },
    { &face_completions, completions, MASK, { "a@b.de" }, { "[E]" }, NULL },
    { &face_completions, completions, "req:cap('max_tokens', 5)", { "{" }, { "{\"max_tokens\":5," }, NULL },
    { &face_completions,
      completions,
      "req:add_system('x')",
      { NULL },
      { NULL },
      "the completions API has no system text" },
    { &face_embeddings, embeddings, MASK, { "a@b.de" }, { "[E]" }, NULL },
    { &face_chat, chat, "req:cap('max_tokens', 'x')", { NULL }, { NULL }, "req:cap: max_tokens takes a whole number" },
    { &face_embeddings, embeddings, "req:set('max_tokens', 5)", { NULL }, { NULL }, "this API has no \"max_tokens\"" },
    { &face_embeddings, embeddings, "if req:cap('max_tokens', 5) then error('changed') end", { NULL }, { NULL }, NULL },
    { &face_embeddings,
      embeddings,
      "assert(#req:keep_tools(function() return false end) == 0)",
      { NULL },
      { NULL },
      NULL },
};

/* The body with the pieces replaced, each where it stands first. */
static void expect(const struct edit_case *c, char *out, size_t room)
{
    snprintf(out, room, "%s", c->body);
    for (size_t i = 0; i < 6 && c->old[i] != NULL; i++) {
        char rest[4096], *at = strstr(out, c->old[i]);
        cr_assert(at != NULL, "%s", c->old[i]);
        snprintf(rest, sizeof rest, "%s", at + strlen(c->old[i]));
        snprintf(at, room - (size_t)(at - out), "%s%s", c->with[i], rest);
    }
}

Test(edit, changes_what_it_names_and_nothing_else)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct edit_case *c = &cases[i];
        struct fixture f;
        char source[1024], want[4096];
        snprintf(source, sizeof source, "return { on_request = function(req) %s end }", c->lua);
        fixture_open(&f, source, NULL);
        cr_assert_str_eq(f.wrong, "");
        fixture_ask(&f, c->face, c->body);
        enum script_verdict verdict = script_on_request(f.worker, &f.req);
        if (c->error != NULL) {
            cr_assert_eq(verdict, SCRIPT_FAILED, "%s", c->lua);
            cr_assert(strstr(fixture_error(&f), c->error) != NULL, "%s: %s", c->lua, fixture_error(&f));
            cr_assert_eq(f.req.ask, &f.ask);
        } else {
            cr_assert_eq(verdict, SCRIPT_PASS, "%s: %s", c->lua, fixture_error(&f));
            expect(c, want, sizeof want);
            struct text got = f.req.ask->body;
            cr_assert(text_is(got, want), "%s:\n%.*s\n%s", c->lua, TEXT_ARG(got), want);
        }
        fixture_close(&f);
    }
}

Test(edit, all_or_none)
{
    struct fixture f;
    fixture_open(
        &f, "return { on_request = function(req) req:add_system('x') req:send_header('a', 'b') error('slip') end }",
        NULL);
    f.config->policies[0].skip = true;
    fixture_ask(&f, &face_chat, chat);
    cr_assert_eq(script_on_request(f.worker, &f.req), SCRIPT_PASS);
    cr_assert(text_is(f.req.ask->body, chat));
    cr_assert(!f.req.edited && f.req.sends == NULL);
    fixture_close(&f);
    fixture_open(&f, "return { on_request = function(req) req:add_system('x') end }", NULL);
    f.config->policies[0].observe = true;
    fixture_ask(&f, &face_chat, chat);
    cr_assert_eq(script_on_request(f.worker, &f.req), SCRIPT_PASS);
    cr_assert(text_is(f.req.ask->body, chat));
    cr_assert(f.req.traces->observed && strcmp(f.req.traces->edits, "add_system") == 0);
    fixture_close(&f);
}

Test(edit, headers_that_are_not_a_policys)
{
    static const char *const names[] = { "Authorization",        "x-api-key", "Host", "Content-Length",
                                         "x-amz-security-token", "x-gw-hop",  "a b",  "" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct fixture f;
        char source[256];
        snprintf(source, sizeof source, "return { on_request = function(req) req:send_header('%s', 'v') end }",
                 names[i]);
        fixture_open(&f, source, NULL);
        fixture_ask(&f, &face_chat, chat);
        cr_assert_eq(script_on_request(f.worker, &f.req), SCRIPT_FAILED, "%s", names[i]);
        fixture_close(&f);
    }
}

Test(edit, what_cannot_be_read_is_noticed)
{
    struct fixture f;
    fixture_open(
        &f, "return { on_request = function(req) if req:find('secret') then return gw.deny(403, 'x', 'y') end end }",
        NULL);
    fixture_ask(&f, &face_chat,
                "{\"model\":\"fast\",\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"content\":\"secret\"}]}");
    cr_assert_eq(script_on_request(f.worker, &f.req), SCRIPT_PASS);
    cr_assert(f.req.unread != NULL);
    fixture_close(&f);
}
