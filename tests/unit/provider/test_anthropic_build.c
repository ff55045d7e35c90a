/* test_anthropic_build.c - where a request of the anthropic provider goes, and with which headers. */
#include <stdio.h>

#include "anthropic_case.h"

#include <string.h>

#include "check.h"

static struct replay r;
static struct built built;

static struct text client_header(void *owner, struct text name)
{
    (void)owner;
    if (text_eq_nocase(name, TEXT("anthropic-version")))
        return TEXT("2026-10-21");
    return text_eq_nocase(name, TEXT("anthropic-beta")) ? TEXT("a-1,b-2") : TEXT_NONE;
}

/* Each once, behind those of the settings. Other tools of Anthropic's own need none. */
Test(anthropic_build, names_the_betas_that_tools_need)
{
    static const struct {
        const char *tools, *betas;
    } rows[] = {
        { "{\"type\":\"computer_20250124\",\"name\":\"computer\"}", "x,computer-use-2025-01-24" },
        { "{\"type\":\"computer_20241022\",\"name\":\"c\"},{\"type\":\"computer_20251124\",\"name\":\"d\"},"
          "{\"type\":\"computer_20251124\",\"name\":\"e\"}",
          "x,computer-use-2024-10-22,computer-use-2025-11-24" },
        { "{\"type\":\"computer_toolset_20260801\",\"name\":\"c\"},{\"type\":\"bash_20250124\",\"name\":\"bash\"}",
          "x" },
    };
    char chat[600];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(chat, sizeof chat, "{\"messages\":[{\"role\":\"user\",\"content\":\"1\"}],\"tools\":[%s]}",
                 rows[i].tools);
        replay_begin(&r, gw_plugin_entry_anthropic(), "{\"betas\":[\"x\"]}");
        built_begin(&built, &r, GW_OP_CHAT, "claude-haiku-4-5", case_parse(&r.keep, text_of(chat)), false);
        cr_assert_eq(built.status, GW_OK, "%.*s", TEXT_ARG(r.call.explain));
        cr_assert(text_is(built_header(&built, "anthropic-beta"), rows[i].betas), "%.*s",
                  TEXT_ARG(built_header(&built, "anthropic-beta")));
        built_end(&built);
        replay_end(&r);
    }
}

Test(anthropic_build, relays_with_the_version_and_betas_of_the_client)
{
    replay_begin(&r, gw_plugin_entry_anthropic(), "{\"betas\":[\"c-3\",\"d-4\"]}");
    r.call.client_header = client_header;
    built_begin(&built, &r, GW_OP_CHAT, "claude-opus-5", NULL, true);
    cr_assert_eq(built.status, GW_OK);
    cr_assert(text_is(built.http.method, "POST"));
    cr_assert(text_is(built.http.url, "http://127.0.0.1:1/v1/messages"));
    cr_assert(text_is(built_header(&built, "x-api-key"), "sk-ant-1"));
    cr_assert(text_is(built_header(&built, "anthropic-version"), "2026-10-21"));
    cr_assert(text_is(built_header(&built, "anthropic-beta"), "a-1,b-2,c-3,d-4"));
    cr_assert(text_is(built_header(&built, "Accept"), "text/event-stream"));
    cr_assert_null(built_header(&built, "Authorization").ptr);
    cr_assert_null(built.http.writer, "the core writes the body");
    built_end(&built);
    replay_end(&r);
}

Test(anthropic_build, translates_with_a_version_of_its_own)
{
    replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
    r.call.client_header = client_header;
    const struct json *chat = case_parse(&r.keep, TEXT("{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}"));
    built_begin(&built, &r, GW_OP_CHAT, "claude-opus-5", chat, false);
    cr_assert_eq(built.status, GW_OK);
    cr_assert(text_is(built_header(&built, "anthropic-version"), "2023-06-01"));
    cr_assert_null(built_header(&built, "anthropic-beta").ptr);
    cr_assert(text_is(built_header(&built, "Accept"), "application/json"));
    cr_assert(text_is(built_header(&built, "Content-Type"), "application/json"));
    built_end(&built);
    replay_end(&r);
}

Test(anthropic_build, obeys_its_settings)
{
    replay_begin(&r, gw_plugin_entry_anthropic(),
                 "{\"auth\":\"bearer\",\"version\":\"2023-01-01\",\"max_tokens\":77,\"betas\":[\"x\"]}");
    const struct json *chat =
        case_parse(&r.keep, TEXT("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{"
                                 "\"file_id\":\"file_011\"}}]}]}"));
    built_begin(&built, &r, GW_OP_CHAT, "claude-opus-5", chat, false);
    cr_assert_eq(built.status, GW_OK);
    cr_assert(text_is(built_header(&built, "Authorization"), "Bearer sk-ant-1"));
    cr_assert_null(built_header(&built, "x-api-key").ptr);
    cr_assert(text_is(built_header(&built, "anthropic-version"), "2023-01-01"));
    cr_assert(text_is(built_header(&built, "anthropic-beta"), "x,files-api-2025-04-14"));
    cr_assert_eq(json_int(json_member(built.body, "max_tokens"), 0), 77);
    built_end(&built);
    replay_end(&r);
}

static void refuses(const char *settings)
{
    const gw_provider_ops *ops = gw_plugin_entry_anthropic()->ops;
    struct arena keep, scratch;
    struct gw_call call;
    void *instance = NULL;

    arena_init(&keep, NULL, 0, 1 << 20);
    arena_init(&scratch, NULL, 0, 1 << 20);
    call_begin(&call, &keep, &scratch, NULL);
    gw_status status = ops->open(call_host(), &call, call_json(case_parse(&keep, text_of(settings))), &instance);
    cr_assert_eq(status, GW_E_CONFIG, "%s", settings);
    cr_assert_gt(call.explain.len, 0u);
    arena_fini(&scratch);
    arena_fini(&keep);
}

Test(anthropic_build, refuses_settings_that_mean_nothing)
{
    refuses("{\"auth\":\"basic\"}");
    refuses("{\"max_tokens\":0}");
    refuses("{\"betas\":[\"a\",7]}");
}

Test(anthropic_build, counts_tokens_at_their_own_address)
{
    replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
    const struct json *chat = case_parse(
        &r.keep,
        TEXT("{\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\",\"content\":\"Hi\"}],"
             "\"temperature\":0.5,\"stop\":\"x\",\"user\":\"u1\",\"service_tier\":\"auto\",\"max_tokens\":9}"));
    built_begin(&built, &r, GW_OP_COUNT_TOKENS, "claude-haiku-4-5", chat, true);
    cr_assert_eq(built.status, GW_OK);
    cr_assert(text_is(built.http.url, "http://127.0.0.1:1/v1/messages/count_tokens"));
    cr_assert(text_is(built_header(&built, "Accept"), "application/json"));
    cr_assert(text_is(case_canonical(&r.keep, built.body),
                      "{\"messages\":[{\"content\":[{\"text\":\"Hi\",\"type\":\"text\"}],\"role\":\"user\"}],\"model\":"
                      "\"claude-haiku-4-5\",\"system\":[{\"text\":\"Be brief.\",\"type\":\"text\"}]}"),
              "%.*s", TEXT_ARG(case_canonical(&r.keep, built.body)));
    built_end(&built);
    replay_end(&r);
}

Test(anthropic_build, takes_a_base_url_with_its_version)
{
    replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
    gw_request req = { .size = sizeof req, .operation = GW_OP_CHAT, .base_url = GW_LIT("https://host/anthropic/v1") };
    call_http_init(&built.http, &r.call, 1 << 20);
    cr_assert_eq(r.ops->build(r.instance, &r.call, &req, &built.http), GW_OK);
    cr_assert(text_is(built.http.url, "https://host/anthropic/v1/messages"));
    cr_assert_null(built_header(&built, "x-api-key").ptr, "no secret, no header");
    built_end(&built);

    req.operation = GW_OP_EMBEDDINGS;
    call_http_init(&built.http, &r.call, 1 << 20);
    cr_assert_eq(r.ops->build(r.instance, &r.call, &req, &built.http), GW_E_REQUEST);
    cr_assert_gt(r.call.explain.len, 0u);
    built_end(&built);
    replay_end(&r);
}

Test(anthropic_build, never_sends_a_secret_that_could_end_its_header)
{
    struct fail fail;
    replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
    gw_request req = { .size = sizeof req,
                       .operation = GW_OP_CHAT,
                       .base_url = GW_LIT("https://host"),
                       .secret = GW_LIT("sk-1\r\nX-Evil: 1") };
    call_http_init(&built.http, &r.call, 1 << 20);
    r.ops->build(r.instance, &r.call, &req, &built.http);
    cr_assert_eq(call_http_check(&built.http, &fail), -1);
    cr_assert_null(strstr(fail.text, "sk-1"), "and does not tell it: %s", fail.text);
    built_end(&built);
    replay_end(&r);
}
