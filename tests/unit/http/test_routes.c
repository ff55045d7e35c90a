/* test_routes.c - paths and methods, and where they lead. */
#include <string.h>

#include "check.h"
#include "http/health.h"
#include "http/routes.h"

static char scratch[256];

static struct match find(const char *method, const char *path)
{
    struct text t = text_of(path);
    ptrdiff_t slash = text_find(t, TEXT("%2F"));

    return routes_find(text_of(method), t, slash < 0 ? t.len : (size_t)slash, scratch);
}

Test(routes, finds_the_apis_with_and_without_prefixes)
{
    static const char *const paths[] = { "/v1/chat/completions", "/chat/completions", "/openai/v1/chat/completions",
                                         "/openai/chat/completions", "/v1/chat/completions/" };

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct match m = find("POST", paths[i]);

        cr_assert_eq(m.refuse, E_NONE, "%s", paths[i]);
        cr_assert_eq(m.route->operation, GW_OP_CHAT, "%s", paths[i]);
        cr_assert_eq(m.route->face, &face_chat);
        cr_assert_null(m.serve);
    }
    cr_assert_eq(find("GET", "/v1/models").route->operation, GW_OP_MODELS);
    cr_assert_eq(find("GET", "/v1/models/").route->operation, GW_OP_MODELS);
    cr_assert_eq(find("GET", "/v1/models/").tail.len, 0u);
}

Test(routes, gives_the_tail_decoded)
{
    cr_assert(text_is(find("GET", "/v1/models/gpt-4o").tail, "gpt-4o"));
    cr_assert(text_is(find("GET", "/models/openai/gpt-4o").tail, "openai/gpt-4o"));
    cr_assert(text_is(find("GET", "/openai/v1/models/openai%2Fgpt%3A4o").tail, "openai/gpt:4o"));
}

Test(routes, refuses_an_encoded_slash_elsewhere)
{
    cr_assert_eq(find("GET", "/v1%2Fmodels/x").refuse, E_FRAMING);
    cr_assert_eq(find("GET", "/v1/nothing%2Fx").refuse, E_FRAMING);
}

Test(routes, names_what_a_path_allows)
{
    struct match m = find("GET", "/v1/chat/completions");

    cr_assert_eq(m.refuse, E_METHOD);
    cr_assert_str_eq(m.route->allow, "POST, OPTIONS");
    cr_assert_eq(find("DELETE", "/v1/models").refuse, E_METHOD);
    cr_assert_eq(find("get", "/livez").refuse, E_METHOD);
    cr_assert_eq(find("POST", "/metrics").refuse, E_METHOD);
    m = find("OPTIONS", "/v1/chat/completions");
    cr_assert_eq(m.refuse, E_NONE);
    cr_assert_eq(m.serve, health_options);
    cr_assert_eq(find("OPTIONS", "*").serve, health_options);
}

Test(routes, knows_no_other_path)
{
    static const char *const paths[] = { "/v2/models", "/v1", "/v1/", "/openai", "//v1/models", "/v1//models",
                                         "/V1/models", "/v1/chat", "/v1/chat/completions/x", "/livezz", "/v1/livez" };

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct match m = find("GET", paths[i]);

        cr_assert_eq(m.refuse, E_PATH, "%s", paths[i]);
        cr_assert_null(m.route);
    }
}

Test(routes, answers_for_its_health)
{
    cr_assert_eq(find("GET", "/livez").serve, health_live);
    cr_assert_eq(find("HEAD", "/health/liveliness").serve, health_live);
    cr_assert_eq(find("GET", "/readyz/").serve, health_ready);
    cr_assert_eq(find("GET", "/health").serve, health_ready);
    cr_assert_eq(find("GET", "/health/readiness").serve, health_ready);
    cr_assert_eq(find("GET", "/metrics").serve, health_metrics);
#ifndef GW_TEST_BUILD
    cr_assert_eq(find("GET", "/").serve, health_hello);
    cr_assert_eq(find("GET", "/echo").refuse, E_PATH);
#endif
}
