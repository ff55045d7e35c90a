/* test_whose.c - to whom a request is attributed: by headers, by its key, by its body; and whose address it has behind proxies. */
#include <stdio.h>
#include <string.h>

#include "base/cidr.h"
#include "check.h"
#include "flow/way.h"

static struct request req;
static struct gateway gateway;
static struct worker worker;
static struct config config;

static void begin(void)
{
    memset(&req, 0, sizeof req);
    memset(&config, 0, sizeof config);
    memset(&gateway, 0, sizeof gateway);
    arena_init(&req.arena, NULL, 0, 1 << 20);
    worker.gateway = &gateway;
    req.worker = &worker;
    req.config = &config;
    req.face = &face_chat;
}

static void end(void)
{
    arena_fini(&req.arena);
}

static bool header(const char *name, const char *value)
{
    return whose_header(&req, text_of(name), text_of(value));
}

Test(whose, knows_clients_by_their_user_agent)
{
    static const char *const rows[][2] = {
        { "claude-cli/2.0 (x)", "claude-code" },
        { "claude-code/1", "claude-code" },
        { "codex_cli_rs/0.1", "codex" },
        { "codex-tui", "codex" },
        { "OpenAI/Python 1.2", "openai-python" },
        { "AsyncOpenAI/Python 1.2", "openai-python" },
        { "openai/js 5", "openai-node" },
        { "AzureOpenAI/Python", "openai-azure" },
        { "Anthropic/Python 0.3", "anthropic-python" },
        { "AsyncAnthropic/Python 0.3", "anthropic-python" },
        { "Anthropic/JS 0.3", "anthropic-node" },
        { "google-genai-sdk/1", "google-genai" },
        { "ai-sdk/openai/1", "ai-sdk" },
        { "ai/5.0", "ai-sdk" },
        { "langchainjs", "langchain" },
        { "curl/8.1", "curl" },
        { "x claude-cli/2", "other" },
        { "claude-cli", "other" },
        { "", "other" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        cr_assert(header("User-Agent", rows[i][0]));
        cr_assert_str_eq(req.whose.client, rows[i][1], "%s", rows[i][0]);
        end();
    }
    begin();
    cr_assert_eq(whose_complete(&req), 0);
    cr_assert_str_eq(req.whose.client, "other", "none was sent");
    end();
}

Test(whose, takes_the_gateways_own_headers)
{
    begin();
    cr_assert(header("X-GW-Project", " web "));
    cr_assert(header("x-gw-user", " ann o "));
    cr_assert(header("x-gw-session", "s1"));
    cr_assert(header("x-gw-tags", "b=2, a=1"));
    cr_assert_not(header("x-gw-other", "1"));
    cr_assert_not(header("authorization", "1"));
    cr_assert(header("X-Claude-Code-Session-Id", " c1 "));
    cr_assert_eq(whose_complete(&req), 0, "%s", req.fail.text);
    cr_assert(text_is(req.whose.project, "web"));
    cr_assert(text_is(req.whose.user, "ann o"));
    cr_assert(text_is(req.whose.session, "s1"), "before Claude Code's own");
    cr_assert(text_is(req.whose.tags, "a=1,b=2"));
    end();
    begin();
    cr_assert(header("x-claude-code-session-id", "c1"));
    cr_assert(header("x-gw-project", ""));
    cr_assert_eq(whose_complete(&req), 0);
    cr_assert(text_is(req.whose.session, "c1"));
    cr_assert_null(req.whose.project.ptr, "an empty one names nothing");
    cr_assert_null(req.whose.tags.ptr);
    end();
}

Test(whose, falls_back_to_the_project_and_tags_of_the_key)
{
    static const struct config_key key = { .project = { "mobile", 6 }, .tags = { "a=0,c=3", 7 } };
    begin();
    req.key = &key;
    cr_assert_eq(whose_complete(&req), 0);
    cr_assert(text_is(req.whose.project, "mobile"));
    cr_assert(text_is(req.whose.tags, "a=0,c=3"));
    end();
    begin();
    req.key = &key;
    header("x-gw-project", "web");
    header("x-gw-tags", "b=2,a=1");
    cr_assert_eq(whose_complete(&req), 0);
    cr_assert(text_is(req.whose.project, "web"));
    cr_assert(text_is(req.whose.tags, "a=1,b=2,c=3"));
    end();
}

Test(whose, refuses_headers_that_are_wrong)
{
    static char most[257], over[258];
    static const struct {
        const char *name, *value, *again, *text;
    } rows[] = {
        { "x-gw-project", "a b", NULL,
          "the header x-gw-project takes a name of letters, digits and _ . : / @ + -, at most 64 bytes" },
        { "x-gw-user", over, NULL, "the header x-gw-user takes at most 256 bytes of UTF-8 without control characters" },
        { "X-GW-Session", over, NULL,
          "the header x-gw-session takes at most 256 bytes of UTF-8 without control characters" },
        { "x-gw-user", "a\x01", NULL,
          "the header x-gw-user takes at most 256 bytes of UTF-8 without control characters" },
        { "x-gw-user", "a\x7f", NULL,
          "the header x-gw-user takes at most 256 bytes of UTF-8 without control characters" },
        { "x-gw-user", "\xff", NULL,
          "the header x-gw-user takes at most 256 bytes of UTF-8 without control characters" },
        { "x-gw-user", "a", "b", "the header x-gw-user came twice" },
        { "x-gw-tags", "a=1", "b=2", "the header x-gw-tags came twice" },
        { "x-gw-user", "\xc3\xa9 \xe2\x82\xac", NULL, NULL },
        { "x-gw-user", most, NULL, NULL },
        { "x-gw-session", most, NULL, NULL },
        { "x-gw-user", "", "a", NULL },
    };
    memset(most, 'm', sizeof most - 1);
    memset(over, 'o', sizeof over - 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        cr_assert(header(rows[i].name, rows[i].value));
        if (rows[i].again != NULL)
            header(rows[i].name, rows[i].again);
        cr_assert_eq(whose_complete(&req), rows[i].text != NULL ? -1 : 0, "%zu: %s", i, req.fail.text);
        if (rows[i].text != NULL) {
            cr_assert_str_eq(req.fail.text, rows[i].text);
            cr_assert_eq(req.fail.status, 400);
            cr_assert(text_eq_nocase(text_of(req.fail.param), text_of(rows[i].name)));
        }
        end();
    }
    begin();
    header("x-gw-tags", "nonsense");
    header("x-gw-user", "\x01");
    cr_assert_eq(whose_complete(&req), -1);
    cr_assert_str_eq(req.fail.param, "x-gw-user", "the first that was found");
    end();
    begin();
    header("x-gw-tags", "nonsense");
    cr_assert_eq(whose_complete(&req), -1);
    cr_assert_str_eq(req.fail.param, "x-gw-tags");
    end();
}

/* Claude Code's own header is no claim to be refused: what is no name is left out, and a long one is cut. */
Test(whose, bounds_what_is_not_the_gateways_own)
{
    char value[300];
    begin();
    header("x-claude-code-session-id", "a\x01");
    cr_assert_eq(whose_complete(&req), 0);
    cr_assert_null(req.whose.session.ptr);
    memset(value, 'x', sizeof value);
    memcpy(value + 255, "\xc3\xa9", 3);
    header("x-claude-code-session-id", value);
    cr_assert_eq(req.whose.claude_session.len, 255u, "between characters");
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    header("x-claude-code-session-id", value);
    cr_assert_eq(req.whose.claude_session.len, 256u);
    end();
}

static const char *user_of(const struct face *face, const char *body)
{
    req.face = face;
    req.whose.user = TEXT_NONE;
    cr_assert_eq(scan_object(&req.arena, text_of(body), SCAN_MAX_DEPTH, &req.ask.scan), 0, "%s", body);
    whose_ask(&req);
    return req.whose.user.ptr != NULL ? arena_str(&req.arena, req.whose.user) : "-";
}

Test(whose, finds_the_end_user_in_the_body)
{
    begin();
    cr_assert_str_eq(user_of(&face_chat, "{\"user\":\" u1 \"}"), "u1");
    cr_assert_str_eq(user_of(&face_chat, "{\"user\":\"\"}"), "-");
    cr_assert_str_eq(user_of(&face_chat, "{\"user\":7}"), "-");
    cr_assert_str_eq(user_of(&face_chat, "{}"), "-");
    cr_assert_str_eq(user_of(&face_chat, "{\"user\":\"a\\u0001\"}"), "-");
    cr_assert_str_eq(user_of(&face_chat, "{\"metadata\":{\"user_id\":\"u2\"}}"), "-");
    cr_assert_str_eq(user_of(&face_messages, "{\"metadata\":{\"user_id\":\"u2\"},\"user\":\"u1\"}"), "u2");
    cr_assert_str_eq(user_of(&face_messages, "{\"metadata\":\"user_id\",\"user\":\"u1\"}"), "-");
    cr_assert_str_eq(user_of(&face_messages, "{\"metadata\":[{\"user_id\":\"u2\"}]}"), "-");
    cr_assert_str_eq(user_of(&face_messages, "{\"user\":\"u1\"}"), "-");
    header("x-gw-user", "h");
    whose_ask(&req);
    cr_assert(text_is(req.whose.user, "h"), "the header counts before");
    end();
}

/* ---- X-Forwarded-For ---- */

static const char *peer(const char *from, const struct door_header *headers, size_t count)
{
    struct request_head head = { .peer = text_of(from), .headers = headers, .header_count = count };
    return arena_str(&req.arena, forwarded_peer(&req, &head));
}

Test(forwarded, believes_as_far_as_trusted_proxies_have_written)
{
    static const struct {
        const char *peer, *header, *found;
    } rows[] = {
        { "10.0.0.1", "192.0.2.7", "192.0.2.7" },
        { "10.0.0.1", "198.51.100.1, 192.0.2.7", "192.0.2.7" },
        { "10.0.0.1", "198.51.100.1, 192.0.2.7,10.9.9.9", "192.0.2.7" },
        { "10.0.0.1", "198.51.100.1,192.0.2.7:443 , 10.9.9.9:80", "192.0.2.7" },
        { "10.0.0.1", "[2001:db8::1]:443", "2001:db8::1" },
        { "10.0.0.1", "2001:db8::1", "2001:db8::1" },
        { "10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2" },
        { "10.0.0.1", "10.0.0.2", "10.0.0.2" },
        { "10.0.0.1", "192.0.2.7, nonsense", "10.0.0.1" },
        { "10.0.0.1", "nonsense, 10.0.0.2", "10.0.0.2" },
        { "10.0.0.1", "192.0.2.0/24", "10.0.0.1" },
        { "10.0.0.1", "", "10.0.0.1" },
        { "10.0.0.1", ",", "10.0.0.1" },
        { "192.0.2.1", "192.0.2.7", "192.0.2.1" },
        { "local", "192.0.2.7", "local" },
        { "2001:db8:1::5", "192.0.2.7", "192.0.2.7" },
    };
    struct cidr proxies[2];
    begin();
    cr_assert_eq(cidr_parse(TEXT("10.0.0.0/8"), &proxies[0]), 0);
    cr_assert_eq(cidr_parse(TEXT("2001:db8:1::/48"), &proxies[1]), 0);
    config.listen.proxies = proxies;
    config.listen.proxy_count = 2;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct door_header one[] = { { "Host", "x" }, { "X-Forwarded-For", rows[i].header }, { "A", "b" } };
        cr_assert_str_eq(peer(rows[i].peer, one, 3), rows[i].found, "%s %s", rows[i].peer, rows[i].header);
    }
    const struct door_header two[] = { { "x-forwarded-for", "192.0.2.7, 192.0.2.8" },
                                       { "X-Forwarded-For", "10.0.0.4" } };
    cr_assert_str_eq(peer("10.0.0.1", two, 2), "192.0.2.8", "the last header was written last");
    cr_assert_str_eq(peer("10.0.0.1", two + 1, 1), "10.0.0.4");
    cr_assert_str_eq(peer("10.0.0.1", two, 0), "10.0.0.1");
    config.listen.proxy_count = 1;
    cr_assert_str_eq(peer("10.0.0.1", two, 2), "192.0.2.8", "one is enough");
    cr_assert_str_eq(peer("2001:db8:1::5", two, 2), "2001:db8:1::5", "and it is not the second");
    config.listen.proxy_count = 0;
    cr_assert_str_eq(peer("10.0.0.1", two, 2), "10.0.0.1", "nobody is trusted");
    end();
}

/* ---- the query ---- */

Test(query, passes_on_what_the_route_lists)
{
    static const struct {
        const char *query, *names, *kept, *dropped;
    } rows[] = {
        { "beta=true", "beta", "beta=true", "" },
        { "a=1&beta=true&b=2", "a beta", "a=1&beta=true", "query.b" },
        { "beta=true", "", "", "query.beta" },
        { "bet=1&betas=1", "beta", "", "query.bet query.betas" },
        { "beta=a%20b", "beta", "", "query.beta" },
        { "beta=a b", "beta", "", "query.beta" },
        { "beta=Az09-._~", "beta", "beta=Az09-._~", "" },
        { "beta=@&beta=[&beta={&beta=`&beta=/&beta=:", "beta", "", "query.beta" },
        { "beta", "beta", "beta", "" },
        { "beta=", "beta", "beta=", "" },
        { "=1&&beta=1", "beta", "beta=1", "" },
        { "api-version=2024&beta=1", "beta", "beta=1", "" },
        { "api-version=2024", "api-version", "api-version=2024", "" },
        { "", "beta", "", "" },
        { "beta=1234567890123456789012345678901234567890123456789012345678901234", "beta",
          "beta=1234567890123456789012345678901234567890123456789012345678901234", "" },
        { "beta=12345678901234567890123456789012345678901234567890123456789012345", "beta", "", "query.beta" },
        { "x123456789012345678901234567890123456789012345678901234567890=1", "beta", "",
          "query.x12345678901234567890123456789012345678901234567890123456789" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char dropped[300] = "";
        size_t n = 0;
        begin();
        query_read(&req, text_of(rows[i].query), rows[i].names);
        cr_assert(text_is(req.query, rows[i].kept), "%s: %.*s", rows[i].query, TEXT_ARG(req.query));
        for (const struct ask_dropped *d = req.query_dropped; d != NULL; d = d->next) {
            n += (size_t)snprintf(dropped + n, sizeof dropped - n, "%s%.*s", n > 0 ? " " : "", TEXT_ARG(d->member));
            cr_assert_str_eq(d->why, "the query parameter is not passed on");
        }
        cr_assert_str_eq(dropped, rows[i].dropped, "%s", rows[i].query);
        end();
    }
}
