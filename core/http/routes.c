/* routes.c - the table of paths, and how a path is looked up in it.
 *
 * Nothing is decoded but the id of a model and the name of a deployment, and neither becomes part of a path upstream. A
 * base URL that is written with /v1 where the client adds its own, or with a slash at its end, finds its API all the same. */
#include "http/routes.h"

#include "http/echo.h"
#include "http/health.h"

#define PATH(literal)                                                                                                  \
    {                                                                                                                  \
        "" literal, sizeof(literal) - 1                                                                                \
    }
#define LOOK (ROUTE_GET | ROUTE_HEAD)
#define LOOK_ALLOW "GET, HEAD, OPTIONS"
#define POSTED(literal, face_, operation_)                                                                             \
    .path = PATH(literal), .methods = ROUTE_POST, .allow = "POST, OPTIONS", .face = &face_, .operation = operation_

/* Paths of the client APIs, below their roots. Images and audio: the paths of OpenAI's API reference that take a body with a
 * model (platform.openai.com/docs/api-reference, 2026-11). */
static const struct route apis[] = {
    { POSTED("/chat/completions", face_chat, GW_OP_CHAT) },
    { POSTED("/completions", face_completions, GW_OP_COMPLETIONS) },
    { POSTED("/embeddings", face_embeddings, GW_OP_EMBEDDINGS) },
    { POSTED("/responses", face_responses, GW_OP_CHAT), .refuse_get = E_UPGRADE },
    { POSTED("/moderations", face_moderations, GW_OP_MODERATIONS) },
    { POSTED("/rerank", face_rerank, GW_OP_RERANK) },
    { POSTED("/images/generations", face_images, GW_OP_IMAGES), .uploads = true },
    { POSTED("/images/edits", face_images, GW_OP_IMAGES), .uploads = true },
    { POSTED("/images/variations", face_images, GW_OP_IMAGES), .uploads = true },
    { POSTED("/audio/speech", face_audio, GW_OP_AUDIO), .uploads = true },
    { POSTED("/audio/transcriptions", face_audio, GW_OP_AUDIO), .uploads = true },
    { POSTED("/audio/translations", face_audio, GW_OP_AUDIO), .uploads = true },
    { POSTED("/messages", face_messages, GW_OP_CHAT), .query = "beta", .not_deployed = true },
    { POSTED("/messages/count_tokens", face_count_tokens, GW_OP_COUNT_TOKENS), .query = "beta", .not_deployed = true },
    { .path = PATH("/models"), .methods = LOOK, .allow = LOOK_ALLOW, .face = &face_chat, .operation = GW_OP_MODELS },
    { .path = PATH("/models/"),
      .tail = true,
      .methods = LOOK,
      .allow = LOOK_ALLOW,
      .face = &face_chat,
      .operation = GW_OP_MODELS }
};

enum { ADDED_MOST = 8 };
static struct route added[ADDED_MOST];
static size_t added_count;

void routes_add(const struct route *route)
{
    BUG_IF(added_count == ADDED_MOST || route->face == NULL);
    added[added_count++] = *route;
}

const struct text routes_served = PATH(
    "OpenAI: POST /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/responses, /v1/moderations, /v1/rerank, "
    "/v1/images/generations, edits, variations, /v1/audio/speech, transcriptions, translations; Anthropic: POST "
    "/v1/messages, /v1/messages/count_tokens; both: GET /v1/models");

static const struct route own[] = {
#ifdef GW_TEST_BUILD
    { .path = PATH("/"), .methods = ROUTE_ANY, .allow = LOOK_ALLOW, .serve = echo_serve, .collects = true },
    { .path = PATH("/echo"), .methods = ROUTE_ANY, .allow = LOOK_ALLOW, .serve = echo_serve, .collects = true },
#endif
    { .path = PATH("/"), .methods = LOOK, .allow = LOOK_ALLOW, .serve = health_hello },
    { .path = PATH("/health"), .methods = LOOK, .allow = LOOK_ALLOW, .serve = health_ready },
    { .path = PATH("/health/liveliness"), .methods = LOOK, .allow = LOOK_ALLOW, .serve = health_live },
    { .path = PATH("/health/readiness"), .methods = LOOK, .allow = LOOK_ALLOW, .serve = health_ready },
    { .path = PATH("/livez"), .methods = LOOK, .allow = LOOK_ALLOW, .serve = health_live },
    { .path = PATH("/metrics"), .methods = LOOK, .allow = LOOK_ALLOW, .serve = health_metrics },
    { .path = PATH("/readyz"), .methods = LOOK, .allow = LOOK_ALLOW, .serve = health_ready },
};

/* OPTIONS on any path that exists, and on the server as a whole. */
static const struct route options = {
    .path = PATH("*"), .methods = ROUTE_OPTIONS, .allow = "GET, HEAD, POST, OPTIONS", .serve = health_options
};

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

static struct text after(struct text t, size_t len)
{
    return (struct text){ t.ptr + len, t.len - len };
}

/* What is left of a path when the roots of the APIs are cut off, and the slashes that a base URL brought. */
static struct text below_root(struct text path)
{
    static const struct text roots[] = { PATH("/v1"), PATH("/openai"), PATH("/anthropic") };

    for (size_t i = 0; i < sizeof roots / sizeof *roots;) {
        size_t cut = text_starts(path, TEXT("//"))                                                      ? 1
                     : text_starts(path, roots[i]) && text_starts(after(path, roots[i].len), TEXT("/")) ? roots[i].len
                                                                                                        : 0;
        path = after(path, cut);
        i = cut > 0 ? 0 : i + 1;
    }
    return path;
}

/* Percent signs were checked to be followed by two digits. */
static struct text decode(struct text t, char *out)
{
    size_t len = 0;

    for (size_t i = 0; i < t.len; i++) {
        char c = t.ptr[i];

        if (c == '%') {
            c = (char)(text_hex(t.ptr[i + 1]) * 16 + text_hex(t.ptr[i + 2]));
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
    return (struct match){ .route = route,
                           .refuse =
                               method == ROUTE_GET && route->refuse_get != E_NONE ? route->refuse_get : E_METHOD };
}

/* Azure's SDKs put the model into the path: /openai/deployments/NAME/chat/completions. NAME, still encoded, or absent. */
static struct text cut_deployment(struct text *path)
{
    static const struct text root = PATH("/deployments/");
    const struct route *route = NULL;
    struct text name;

    if (!text_starts(*path, root))
        return TEXT_NONE;
    name = after(*path, root.len);
    for (size_t i = 0; i < sizeof apis / sizeof apis[0] && route == NULL; i++)
        if (apis[i].methods == ROUTE_POST && !apis[i].not_deployed && text_ends(name, apis[i].path))
            route = &apis[i];
    if (route == NULL || name.len == route->path.len)
        return TEXT_NONE;
    name.len -= route->path.len;
    *path = route->path;
    return name;
}

struct match routes_find(struct text method, struct text path, size_t encoded_slash, char *scratch)
{
    unsigned bit = method_bit(method);
    const struct route *route;
    struct text decoded = TEXT_NONE, deployment = TEXT_NONE;
    struct match match;

    if (text_is(path, "*"))
        return judge(&options, bit);
    encoded_slash = encoded_slash < path.len ? encoded_slash : SIZE_MAX;
    if (path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    route = look_up(own, sizeof own / sizeof own[0], path);
    if (route == NULL) {
        path = below_root(path);
        deployment = cut_deployment(&path);
        route = look_up(apis, sizeof apis / sizeof apis[0], path);
        route = route != NULL ? route : look_up(added, added_count, path);
    }
    if (route == NULL)
        return (struct match){ .refuse = encoded_slash != SIZE_MAX ? E_FRAMING : E_PATH };
    match = judge(route, bit);
    decoded = deployment.len > 0 ? deployment : route->tail ? after(path, route->path.len) : TEXT_NONE;
    *(deployment.len > 0 ? &match.deployment : &match.tail) = decode(decoded, scratch);
    return match;
}
