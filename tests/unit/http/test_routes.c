/* test_routes.c - paths and methods, and where they lead. */
#include <stdio.h>
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
    static const char *const paths[] = { "/v1/chat/completions",        "/chat/completions",
                                         "/openai/v1/chat/completions", "/openai/chat/completions",
                                         "/v1/chat/completions/",       "/v1/v1/chat/completions",
                                         "//v1/chat/completions",       "/v1//chat/completions",
                                         "//v1//v1//chat/completions" };

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct match m = find("POST", paths[i]);

        cr_assert_eq(m.refuse, E_NONE, "%s", paths[i]);
        cr_assert_eq(m.route->operation, GW_OP_CHAT, "%s", paths[i]);
        cr_assert_eq(m.route->face, &face_chat);
        cr_assert_null(m.serve);
        cr_assert_null(m.deployment.ptr);
    }
    cr_assert_eq(find("POST", "/anthropic/v1/v1/messages").route->face, &face_messages);
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

Test(routes, finds_the_model_that_an_azure_path_names)
{
    struct match m = find("POST", "/openai/deployments/gpt%3A4/chat/completions");

    cr_assert(text_is(m.deployment, "gpt:4"));
    cr_assert(text_is(m.route->path, "/chat/completions"));
    cr_assert_null(m.tail.ptr);
    cr_assert(text_is(find("POST", "/openai/deployments/up%2Fx/completions").deployment, "up/x"));
    cr_assert(text_is(find("POST", "/openai/deployments/up/x/audio/speech/").deployment, "up/x"));
    cr_assert_eq(find("GET", "/openai/deployments/x/chat/completions").refuse, E_METHOD);
    cr_assert_eq(find("POST", "/openai/deployments/x/messages").refuse, E_PATH);
    cr_assert_eq(find("POST", "/openai/deployments//chat/completions").refuse, E_PATH);
    cr_assert_eq(find("GET", "/openai/deployments/x/models").refuse, E_PATH);
}

Test(routes, relays_to_paths_of_its_own_only)
{
    static const char *const served[] = { "/images/generations", "/images/edits",         "/images/variations",
                                          "/audio/speech",       "/audio/transcriptions", "/audio/translations" };
    static const char *const others[] = { "/v1/images/",        "/v1/images",        "/v1/images/admin",
                                          "/v1/images/edits/x", "/v1/audio/voices",  "/v1/images;/edits",
                                          "/v1/audio/speech;a", "/v1/audio//speech", "/v1/images/%65dits" };
    char path[64];

    for (size_t i = 0; i < sizeof served / sizeof *served; i++) {
        snprintf(path, sizeof path, "/v1%s/", served[i]);
        cr_assert_eq(find("POST", path).refuse, E_NONE, "%s", path);
        cr_assert(text_is(find("POST", path).route->path, served[i]));
        cr_assert_null(find("POST", path).route->query);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_assert_eq(find("POST", others[i]).refuse, E_PATH, "%s", others[i]);
    cr_assert_eq(find("POST", "/v1/images/..%2fadmin").refuse, E_PATH); /* head_check.c refuses it before */
    cr_assert_eq(find("POST", "/v1/images/..%2Fadmin").refuse, E_FRAMING);
}

Test(routes, names_every_path_that_it_serves)
{
    static const struct text ends = { "/ ,;", 4 };
    struct text rest = routes_served;
    unsigned found = 0;

    for (; rest.len > 0; rest = (struct text){ rest.ptr + 1, rest.len - 1 }) {
        char path[64];
        size_t len = 0;

        if (!text_starts(rest, TEXT("/v1/")))
            continue;
        while (len < rest.len && memchr(ends.ptr + 1, rest.ptr[len], 3) == NULL)
            len++;
        snprintf(path, sizeof path, "%.*s", (int)len, rest.ptr);
        cr_assert(find("POST", path).route != NULL, "%s", path);
        found++;
    }
    cr_assert_eq(found, 11u);
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
    static const char *const paths[] = { "/v2/models",     "/v1",
                                         "/v1/",           "/openai",
                                         "//livez",        "/v1/chat//completions",
                                         "/v1/models//",   "/openai/deployments/x/nothing",
                                         "/deployments/x", "/V1/models",
                                         "/v1/chat",       "/v1/chat/completions/x",
                                         "/livezz",        "/v1/livez" };

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
