/* test_azure_build.c - where the azure provider sends a request, and with which header. */
#include <string.h>

#include "check.h"
#include "replay.h"

static struct replay r;
static struct gw_http http;

static gw_status build(uint32_t operation, uint32_t dialect, const char *base, const char *model, const char *body)
{
    const struct json *json = body == NULL ? NULL : json_parse(&r.keep, text_of(body), NULL);
    gw_request req = { .size = sizeof req,
                       .operation = operation,
                       .dialect = dialect,
                       .stream = body != NULL,
                       .model = call_str(text_of(model)),
                       .base_url = call_str(text_of(base)),
                       .secret = GW_LIT("k1"),
                       .path = GW_LIT("/images/generations?x=1"),
                       .body = call_json(json) };
    call_http_init(&http, &r.call, 1 << 20);
    return r.ops->build(r.instance, &r.call, &req, &http);
}

static void expect(const char *settings, uint32_t operation, uint32_t dialect, const char *base, const char *url)
{
    replay_begin(&r, gw_plugin_entry_azure(), settings);
    cr_assert_eq(build(operation, dialect, base, "my-gpt", NULL), GW_OK);
    cr_assert(text_is(http.url, url), "%.*s", TEXT_ARG(http.url));
    call_http_fini(&http);
    replay_end(&r);
}

static struct text header(const char *name)
{
    for (size_t i = 0; i < http.header_count; i++)
        if (text_is(http.headers[i].name, name))
            return http.headers[i].value;
    return TEXT_NONE;
}

#define DATED "{\"api_version\":\"2024-10-21\"}"
#define BASE "https://n.openai.azure.com"

Test(azure_build, a_dated_version_names_the_deployment_in_the_address)
{
    expect(DATED, GW_OP_CHAT, GW_DIALECT_CHAT, BASE,
           BASE "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21");
    expect(DATED, GW_OP_EMBEDDINGS, GW_DIALECT_EMBEDDINGS, BASE "/openai",
           BASE "/openai/deployments/my-gpt/embeddings?api-version=2024-10-21");
    expect(DATED, GW_OP_CHAT, GW_DIALECT_RESPONSES, BASE, BASE "/openai/responses?api-version=2024-10-21");
    expect(DATED, GW_OP_IMAGES, GW_DIALECT_OTHER, BASE,
           BASE "/openai/deployments/my-gpt/images/generations?x=1&api-version=2024-10-21");
}

Test(azure_build, the_v1_api_names_it_in_the_body)
{
    expect(NULL, GW_OP_CHAT, GW_DIALECT_CHAT, BASE, BASE "/openai/v1/chat/completions");
    expect(NULL, GW_OP_CHAT, GW_DIALECT_RESPONSES, BASE "/openai/v1", BASE "/openai/v1/responses");
    expect(NULL, GW_OP_COMPLETIONS, GW_DIALECT_COMPLETIONS, BASE "/openai", BASE "/openai/v1/completions");
    expect("{\"api_version\":\"v1\"}", GW_OP_CHAT, GW_DIALECT_CHAT, BASE, BASE "/openai/v1/chat/completions");
    expect("{\"api_version\":\"preview\"}", GW_OP_CHAT, GW_DIALECT_CHAT, BASE,
           BASE "/openai/v1/chat/completions?api-version=preview");
}

Test(azure_build, a_deployment_stays_one_segment_of_the_path)
{
    static const char *const refused[] = { "../a",  "..",  ".",   "a/b", "a/../b", "a\\b",
                                           "a%2Fb", "a?b", "a#b", "a b", "a:b",    "\xc3\xa9" };

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        replay_begin(&r, gw_plugin_entry_azure(), DATED);
        cr_assert_eq(build(GW_OP_CHAT, GW_DIALECT_CHAT, BASE, refused[i], NULL), GW_E_REQUEST, "%s", refused[i]);
        cr_assert_gt(r.call.explain.len, 0u);
        call_http_fini(&http);
        replay_end(&r);
    }
    replay_begin(&r, gw_plugin_entry_azure(), DATED);
    cr_assert_eq(build(GW_OP_CHAT, GW_DIALECT_CHAT, BASE, "my.gpt-4_O..1", NULL), GW_OK);
    cr_assert(text_is(http.url, BASE "/openai/deployments/my.gpt-4_O..1/chat/completions?api-version=2024-10-21"),
              "%.*s", TEXT_ARG(http.url));
    call_http_fini(&http);
    replay_end(&r);
}

Test(azure_build, the_secret_is_a_key_unless_it_is_a_token)
{
    replay_begin(&r, gw_plugin_entry_azure(), NULL);
    build(GW_OP_CHAT, GW_DIALECT_CHAT, BASE, "m", NULL);
    cr_assert(text_is(header("api-key"), "k1"));
    cr_assert_null(header("Authorization").ptr);
    call_http_fini(&http);
    replay_end(&r);
    replay_begin(&r, gw_plugin_entry_azure(), "{\"auth\":\"bearer\"}");
    build(GW_OP_CHAT, GW_DIALECT_CHAT, BASE, "m", NULL);
    cr_assert(text_is(header("Authorization"), "Bearer k1"));
    cr_assert_null(header("api-key").ptr);
    call_http_fini(&http);
    replay_end(&r);
}

Test(azure_build, versions_of_before_2024_09_get_the_old_names)
{
    const char *body = "{\"messages\":[{\"role\":\"developer\",\"content\":\"x\"}],\"max_completion_tokens\":5}";
    replay_begin(&r, gw_plugin_entry_azure(), "{\"api_version\":\"2024-02-01\"}");
    cr_assert_eq(build(GW_OP_CHAT, GW_DIALECT_CHAT, BASE, "m", body), GW_OK);
    cr_assert(text_is(buf_view(&http.body), "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"x\"}],"
                                            "\"max_tokens\":5,\"stream\":true}"),
              "%.*s", TEXT_ARG(buf_view(&http.body)));
    call_http_fini(&http);
    replay_end(&r);
}

static bool opens(const char *settings)
{
    const gw_provider_ops *ops = gw_plugin_entry_azure()->ops;
    struct arena keep, scratch;
    struct gw_call call;
    void *instance = NULL;
    arena_init(&keep, NULL, 0, 1 << 20);
    arena_init(&scratch, NULL, 0, 1 << 20);
    call_begin(&call, &keep, &scratch, NULL);
    gw_status status = ops->open(call_host(), &call, call_json(json_parse(&keep, text_of(settings), NULL)), &instance);
    if (status == GW_OK)
        ops->close(instance);
    else
        cr_assert_gt(call.explain.len, 0u);
    arena_fini(&scratch);
    arena_fini(&keep);
    return status == GW_OK;
}

Test(azure_build, settings_are_checked_at_start)
{
    cr_assert(opens("{\"auth\":\"key\",\"api_version\":\"2025-04-01-preview\"}"));
    cr_assert_not(opens("{\"auth\":\"token\"}"));
    cr_assert_not(opens("{\"api_version\":\"2025&x=1\"}"));
}

Test(azure_build, a_name_that_no_deployment_has_is_refused)
{
    static char name[9001];
    memset(name, 'a', sizeof name - 1);
    replay_begin(&r, gw_plugin_entry_azure(), "{\"api_version\":\"2025-01-01-preview\"}");
    cr_assert_eq(build(GW_OP_CHAT, GW_DIALECT_CHAT, BASE, name, NULL), GW_E_REQUEST);
    cr_assert_gt(r.call.explain.len, 0u);
    call_http_fini(&http);
    name[256] = '\0';
    cr_assert_eq(build(GW_OP_CHAT, GW_DIALECT_CHAT, BASE, name, NULL), GW_OK);
    call_http_fini(&http);
    replay_end(&r);
    name[256] = 'a';
    replay_begin(&r, gw_plugin_entry_azure(), "{}"); /* the name is in the body: Azure judges it */
    cr_assert_eq(build(GW_OP_CHAT, GW_DIALECT_CHAT, BASE, name, NULL), GW_OK);
    call_http_fini(&http);
    replay_end(&r);
}
