/* routes.c - the table of paths, and how a path is looked up in it.
 *
 * A path is matched as it was sent: nothing is decoded but the tail, so no two spellings of a path can
 * be told apart here and confused elsewhere. */
#include "http/routes.h"

#include "http/echo.h"
#include "http/health.h"

#define PATH(literal) { "" literal, sizeof(literal) - 1 }
#define LOOK (ROUTE_GET | ROUTE_HEAD)
#define LOOK_ALLOW "GET, HEAD, OPTIONS"

/* Paths of the client APIs are found with and without /v1, and below /openai and /anthropic. */
static const struct route apis[] = {
    { .path = PATH("/chat/completions"), .methods = ROUTE_POST, .allow = "POST, OPTIONS",
      .face = &face_chat, .operation = GW_OP_CHAT },
    { .path = PATH("/completions"), .methods = ROUTE_POST, .allow = "POST, OPTIONS",
      .face = &face_completions, .operation = GW_OP_COMPLETIONS },
    { .path = PATH("/embeddings"), .methods = ROUTE_POST, .allow = "POST, OPTIONS",
      .face = &face_embeddings, .operation = GW_OP_EMBEDDINGS },
    { .path = PATH("/responses"), .methods = ROUTE_POST, .allow = "POST, OPTIONS", .refuse_get = E_UPGRADE,
      .face = &face_responses, .operation = GW_OP_CHAT },
    { .path = PATH("/moderations"), .methods = ROUTE_POST, .allow = "POST, OPTIONS",
      .face = &face_moderations, .operation = GW_OP_MODERATIONS },
    { .path = PATH("/rerank"), .methods = ROUTE_POST, .allow = "POST, OPTIONS",
      .face = &face_rerank, .operation = GW_OP_RERANK },
    { .path = PATH("/images/"), .tail = true, .methods = ROUTE_POST, .allow = "POST, OPTIONS",
      .face = &face_images, .operation = GW_OP_IMAGES },
    { .path = PATH("/audio/"), .tail = true, .methods = ROUTE_POST, .allow = "POST, OPTIONS",
      .face = &face_audio, .operation = GW_OP_AUDIO },
    { .path = PATH("/messages"), .methods = ROUTE_POST, .allow = "POST, OPTIONS",
      .face = &face_messages, .operation = GW_OP_CHAT },
    { .path = PATH("/messages/count_tokens"), .methods = ROUTE_POST, .allow = "POST, OPTIONS",
      .face = &face_count_tokens, .operation = GW_OP_COUNT_TOKENS },
    { .path = PATH("/models"), .methods = LOOK, .allow = LOOK_ALLOW,
      .face = &face_chat, .operation = GW_OP_MODELS },
    { .path = PATH("/models/"), .tail = true, .methods = LOOK, .allow = LOOK_ALLOW,
      .face = &face_chat, .operation = GW_OP_MODELS },
};

static const struct route own[] = {
#ifdef GW_TEST_BUILD
    { .path = PATH("/"),     .methods = ROUTE_ANY, .allow = LOOK_ALLOW, .serve = echo_serve, .collects = true },
    { .path = PATH("/echo"), .methods = ROUTE_ANY, .allow = LOOK_ALLOW, .serve = echo_serve, .collects = true },
#endif
    { .path = PATH("/"),                  .methods = LOOK,      .allow = LOOK_ALLOW, .serve = health_hello   },
    { .path = PATH("/health"),            .methods = LOOK,      .allow = LOOK_ALLOW, .serve = health_ready   },
    { .path = PATH("/health/liveliness"), .methods = LOOK,      .allow = LOOK_ALLOW, .serve = health_live    },
    { .path = PATH("/health/readiness"),  .methods = LOOK,      .allow = LOOK_ALLOW, .serve = health_ready   },
    { .path = PATH("/livez"),             .methods = LOOK,      .allow = LOOK_ALLOW, .serve = health_live    },
    { .path = PATH("/metrics"),           .methods = LOOK,      .allow = LOOK_ALLOW, .serve = health_metrics },
    { .path = PATH("/readyz"),            .methods = LOOK,      .allow = LOOK_ALLOW, .serve = health_ready   },
};

/* OPTIONS on any path that exists, and on the server as a whole. */
static const struct route options = { .path = PATH("*"), .methods = ROUTE_OPTIONS,
                                      .allow = "GET, HEAD, POST, OPTIONS", .serve = health_options };

static unsigned method_bit(struct text method)
{
    if (text_is(method, "POST"))
        return ROUTE_POST;
    if (text_is(method, "GET"))
        return ROUTE_GET;
    if (text_is(method, "HEAD"))
        return ROUTE_HEAD;
    return text_is(method, "OPTIONS") ? ROUTE_OPTIONS : 0;
}

static bool is_on(const struct route *route, struct text path)
{
    return route->tail ? path.len > route->path.len && text_starts(path, route->path) : text_eq(path, route->path);
}

static const struct route *look_up(const struct route *routes, size_t count, struct text path)
{
    for (size_t i = 0; i < count; i++)
        if (is_on(&routes[i], path))
            return &routes[i];
    return NULL;
}

/* Cuts `prefix` off a path when it ends at a slash. */
static struct text without(struct text path, struct text prefix)
{
    if (path.len > prefix.len && text_starts(path, prefix) && path.ptr[prefix.len] == '/')
        return (struct text){ path.ptr + prefix.len, path.len - prefix.len };
    return path;
}

static int digit(char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; }

/* Percent signs were checked to be followed by two digits. */
static struct text decode(struct text t, char *out)
{
    size_t len = 0;

    for (size_t i = 0; i < t.len; i++) {
        char c = t.ptr[i];

        if (c == '%') {
            c = (char)(digit(t.ptr[i + 1]) * 16 + digit(t.ptr[i + 2]));
            i += 2;
        }
        out[len++] = c;
    }
    return (struct text){ out, len };
}

static struct match judge(const struct route *route, unsigned method)
{
    if (method == ROUTE_OPTIONS)
        return (struct match){ .route = route, .serve = health_options };
    if ((route->methods & (method | ROUTE_ANY)) != 0)
        return (struct match){ .route = route, .serve = route->serve };
    return (struct match){ .route = route, .refuse = method == ROUTE_GET && route->refuse_get != E_NONE ? route->refuse_get : E_METHOD };
}

struct match routes_find(struct text method, struct text path, size_t encoded_slash, char *scratch)
{
    const char *start = path.ptr;
    unsigned bit = method_bit(method);
    const struct route *route;
    struct match match;

    if (text_is(path, "*"))
        return judge(&options, bit);
    encoded_slash = encoded_slash < path.len ? encoded_slash : SIZE_MAX;
    if (path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    route = look_up(own, sizeof own / sizeof own[0], path);
    if (route == NULL) {
        path = without(without(without(path, TEXT("/openai")), TEXT("/anthropic")), TEXT("/v1"));
        route = look_up(apis, sizeof apis / sizeof apis[0], path);
    }
    if (route == NULL)
        return (struct match){ .refuse = encoded_slash != SIZE_MAX ? E_FRAMING : E_PATH };
    match = judge(route, bit);
    if (route->tail) {
        struct text tail = { path.ptr + route->path.len, path.len - route->path.len };

        if (encoded_slash < (size_t)(tail.ptr - start))
            return (struct match){ .refuse = E_FRAMING };
        match.tail = decode(tail, scratch);
    }
    return match;
}
