/* test_openai_build.c - the request that the openai provider sends. */
#include <string.h>

#include "check.h"
#include "replay.h"

static struct replay r;
static struct gw_http http;

static struct text client_header(void *owner, struct text name)
{
    (void)owner;
    return text_eq_nocase(name, TEXT("openai-beta")) ? TEXT("assistants=v2") : TEXT_NONE;
}

static gw_status build(const char *body, bool stream, const char *secret)
{
    const struct json *json = body == NULL ? NULL : json_parse(&r.keep, text_of(body), NULL);
    gw_request req = { .size = sizeof req,
                       .operation = GW_OP_CHAT,
                       .dialect = GW_DIALECT_CHAT,
                       .stream = stream,
                       .model = GW_LIT("up-model"),
                       .base_url = GW_LIT("http://127.0.0.1:1/v1"),
                       .secret = call_str(text_of(secret)),
                       .body = call_json(json) };
    call_http_init(&http, &r.call, 1 << 20);
    return r.ops->build(r.instance, &r.call, &req, &http);
}

static struct text header(const char *name)
{
    for (size_t i = 0; i < http.header_count; i++)
        if (text_is(http.headers[i].name, name))
            return http.headers[i].value;
    return TEXT_NONE;
}

Test(openai_build, names_the_headers_of_a_relayed_request_only)
{
    struct fail fail;
    replay_begin(&r, gw_plugin_entry_openai(), "{\"organization\":\"org-1\",\"project\":\"proj_2\"}");
    cr_assert_eq(build(NULL, false, "sk-1"), GW_OK);
    cr_assert_eq(call_http_check(&http, &fail), 0);
    cr_assert(text_is(http.method, "POST"));
    cr_assert(text_is(http.url, "http://127.0.0.1:1/v1/chat/completions"));
    cr_assert(text_is(header("Authorization"), "Bearer sk-1"));
    cr_assert(text_is(header("Content-Type"), "application/json"));
    cr_assert(text_is(header("Accept"), "application/json"));
    cr_assert(text_is(header("OpenAI-Organization"), "org-1"));
    cr_assert(text_is(header("OpenAI-Project"), "proj_2"));
    cr_assert_null(header("OpenAI-Beta").ptr);
    cr_assert_null(http.writer, "the core writes the body");
    call_http_fini(&http);
    replay_end(&r);
}

Test(openai_build, writes_the_canonical_body_with_model_and_usage)
{
    replay_begin(&r, gw_plugin_entry_openai(), NULL);
    r.call.client_header = client_header;
    cr_assert_eq(
        build("{\"model\":\"asked\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"\\u00e9\"}],"
              "\"stream_options\":{\"include_obfuscation\":false,\"include_usage\":false},\"seed\":1e2,\"x\":null}",
              true, NULL),
        GW_OK);
    cr_assert(text_is(buf_view(&http.body),
                      "{\"model\":\"up-model\",\"messages\":[{\"role\":\"user\",\"content\":\"\\u00e9\"}],\"seed\":1e2,"
                      "\"x\":null,\"stream\":true,\"stream_options\":{\"include_obfuscation\":false,"
                      "\"include_usage\":true}}"),
              "%.*s", TEXT_ARG(buf_view(&http.body)));
    cr_assert(text_is(header("Accept"), "text/event-stream"));
    cr_assert(text_is(header("OpenAI-Beta"), "assistants=v2"));
    cr_assert_null(header("Authorization").ptr, "no secret, no header");
    call_http_fini(&http);

    cr_assert_eq(build("{\"stream\":true,\"messages\":[],\"stream_options\":{}}", false, NULL), GW_OK);
    cr_assert(text_is(buf_view(&http.body), "{\"model\":\"up-model\",\"messages\":[]}"), "%.*s",
              TEXT_ARG(buf_view(&http.body)));
    call_http_fini(&http);
    replay_end(&r);
}

Test(openai_build, never_sends_a_secret_that_could_end_its_header)
{
    struct fail fail;
    replay_begin(&r, gw_plugin_entry_openai(), NULL);
    build(NULL, false, "sk-1\r\nX-Evil: 1");
    cr_assert_eq(call_http_check(&http, &fail), -1);
    cr_assert_null(strstr(fail.text, "sk-1"), "and does not tell it: %s", fail.text);
    call_http_fini(&http);
    replay_end(&r);
}

Test(openai_build, refuses_what_it_does_not_serve)
{
    replay_begin(&r, gw_plugin_entry_openai(), NULL);
    gw_request req = { .size = sizeof req, .operation = GW_OP_EMBEDDINGS, .base_url = GW_LIT("http://x") };
    call_http_init(&http, &r.call, 1 << 20);
    cr_assert_eq(r.ops->build(r.instance, &r.call, &req, &http), GW_E_REQUEST);
    cr_assert_gt(r.call.explain.len, 0u);
    call_http_fini(&http);
    replay_end(&r);
}

static struct text multipart(void *owner, struct text name)
{
    (void)owner;
    return text_eq_nocase(name, TEXT("content-type")) ? TEXT("multipart/form-data; boundary=x") : TEXT_NONE;
}

Test(openai_build, each_dialect_has_its_path)
{
    static const struct {
        uint32_t operation, dialect;
        const char *url;
    } cases[] = {
        { GW_OP_CHAT, GW_DIALECT_CHAT, "http://x/v1/chat/completions" },
        { GW_OP_CHAT, GW_DIALECT_RESPONSES, "http://x/v1/responses" },
        { GW_OP_EMBEDDINGS, GW_DIALECT_EMBEDDINGS, "http://x/v1/embeddings" },
        { GW_OP_COMPLETIONS, GW_DIALECT_COMPLETIONS, "http://x/v1/completions" },
        { GW_OP_MODERATIONS, GW_DIALECT_OTHER, "http://x/v1/audio/transcriptions?a" },
        { GW_OP_AUDIO, GW_DIALECT_OTHER, "http://x/v1/audio/transcriptions?a" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool other = cases[i].dialect == GW_DIALECT_OTHER;
        gw_request req = { .size = sizeof req,
                           .operation = cases[i].operation,
                           .dialect = cases[i].dialect,
                           .model = GW_LIT("m"),
                           .base_url = GW_LIT("http://x/v1"),
                           .path = GW_LIT("/audio/transcriptions?a") };
        replay_begin(&r, gw_plugin_entry_openai(), NULL);
        r.call.client_header = multipart;
        call_http_init(&http, &r.call, 1 << 20);
        cr_assert_eq(r.ops->build(r.instance, &r.call, &req, &http), GW_OK);
        cr_assert(text_is(http.url, cases[i].url), "%.*s", TEXT_ARG(http.url));
        cr_assert(text_is(header("Content-Type"), other ? "multipart/form-data; boundary=x" : "application/json"));
        cr_assert(text_is(header("Accept"), other ? "*/*" : "application/json"));
        call_http_fini(&http);
        replay_end(&r);
    }
}
