/* azure.c - OpenAI's models at Azure: which address a request goes to, and with which header. What is
 * asked and answered there is OpenAI's, and the same files write and read it. A model's name is a deployment's. */
#include "openai.h"

#include <gateway/plugin.h>
#include <stdlib.h>
#include <string.h>

/* An instance. `openai` is first: the other files take it for theirs. */
struct azure {
    struct openai openai;
    char *api_version; /* NULL: the v1 API, which needs none */
    bool dated;        /* the version is a date: addresses name the deployment */
    bool bearer;
};

static void azure_close(void *instance)
{
    struct azure *azure = instance;
    free(azure->api_version);
    free(azure);
}

static bool is_version(const char *s)
{
    for (; *s != '\0'; s++)
        if (!((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') || *s == '-' || *s == '.'))
            return false;
    return true;
}

/* Versions of before that month know max_tokens only, and no stream_options. */
static gw_str service_of(const struct azure *azure)
{
    bool old = azure->dated && strcmp(azure->api_version, "2024-09") < 0;
    return old ? GW_LIT("azure-2023") : GW_LIT("azure");
}

static gw_status azure_open(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    gw_str auth = host->json->str(host->json->get(config, GW_LIT("auth")));

    if (auth.len > 0 && !openai_is(auth, "key") && !openai_is(auth, "bearer")) {
        host->explain(call, GW_LIT("auth is \"key\" (sent as api-key) or \"bearer\" (an Entra token)"));
        return GW_E_CONFIG;
    }
    struct azure *azure = calloc(1, sizeof *azure);
    if (azure == NULL)
        return GW_E_NOMEM;
    azure->openai.host = host;
    azure->bearer = openai_is(auth, "bearer");
    azure->api_version = openai_setting(host, config, GW_LIT("api_version"));
    if (azure->api_version != NULL && !is_version(azure->api_version)) {
        host->explain(call,
                      GW_LIT("api_version is a date such as 2024-10-21 or 2025-04-01-preview, or, for the v1 API, "
                             "\"v1\" or \"preview\""));
        azure_close(azure);
        return GW_E_CONFIG;
    }
    azure->dated = azure->api_version != NULL && azure->api_version[0] >= '0' && azure->api_version[0] <= '9';
    azure->openai.service = openai_service(service_of(azure));
    *instance = azure;
    return GW_OK;
}

static gw_str drop_end(gw_str s, const char *end)
{
    size_t len = strlen(end);
    if (s.len >= len && memcmp(s.ptr + s.len - len, end, len) == 0)
        s.len -= len;
    return s;
}

/* `base` is what the portal shows, https://NAME.openai.azure.com, with or without what both forms add to it. */
static gw_str url_of(const struct azure *azure, gw_call *call, const gw_request *req, gw_str path)
{
    const gw_host *h = azure->openai.host;
    gw_str base = drop_end(drop_end(req->base_url, "/v1"), "/openai");
    gw_str url;

    if (!azure->dated)
        url = openai_join(h, call, openai_join(h, call, base, GW_LIT("/openai/v1")), path);
    else if (req->dialect == GW_DIALECT_RESPONSES) /* the deployment is in the body */
        url = openai_join(h, call, openai_join(h, call, base, GW_LIT("/openai")), path);
    else
        url = openai_join(h, call,
                          openai_join(h, call, openai_join(h, call, base, GW_LIT("/openai/deployments/")), req->model),
                          path);
    if (azure->api_version == NULL || openai_is(openai_lit(azure->api_version), "v1"))
        return url;
    bool has_query = url.len > 0 && memchr(url.ptr, '?', url.len) != NULL;
    url = openai_join(h, call, url, has_query ? GW_LIT("&api-version=") : GW_LIT("?api-version="));
    return openai_join(h, call, url, openai_lit(azure->api_version));
}

/* A deployment's name has 2 to 64 letters, digits, '-', '_' and '.' (learn.microsoft.com/azure/ai-services/openai,
 * 2026-11). It becomes a part of the address: with a slash or dots alone it would lead to another place. */
static bool is_deployment(const struct azure *azure, const gw_request *req)
{
    enum { NAME_MOST = 256 };
    bool has_word = false;

    if (!azure->dated)
        return true;
    for (size_t i = 0; i < req->model.len; i++) {
        char c = req->model.ptr[i];
        bool is_word =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!is_word && c != '.')
            return false;
        has_word = has_word || is_word;
    }
    return has_word && req->model.len <= NAME_MOST;
}

static gw_status azure_build(void *instance, gw_call *call, const gw_request *req, gw_http *out)
{
    const struct azure *azure = instance;
    const struct openai *openai = &azure->openai;
    gw_str path = openai_path(openai, openai->service, call, req);

    if (path.ptr == NULL)
        return GW_E_REQUEST;
    if (!is_deployment(azure, req)) {
        openai->host->explain(
            call, GW_LIT("the model is no deployment: their names have at most 64 letters, digits, '-', '_' and '.'"));
        return GW_E_REQUEST;
    }
    if (!openai_note(openai, openai->service, call, req))
        return GW_E_NOMEM;
    openai->host->http_url(out, url_of(azure, call, req, path));
    openai_headers(openai, call, req, out);
    if (azure->bearer)
        openai_bearer(openai, call, req, out);
    else if (req->secret.len > 0)
        openai->host->http_header(out, GW_LIT("api-key"), req->secret);
    return req->body != NULL ? openai_write_body(openai, openai->service, call, req, out) : GW_OK;
}

static const gw_option options[] = {
    { "api_version", "2024-10-21: addresses name the deployment; without it the v1 API", GW_JSON_STR, 0 },
    { "auth", "key: the secret is a key, sent as api-key; bearer: it is an Entra token (key)", GW_JSON_STR, 0 },
    { NULL, NULL, 0, 0 },
};

static const gw_provider_ops ops = {
    .size = sizeof ops,
    .operations = GW_OP_CHAT | GW_OP_COMPLETIONS | GW_OP_EMBEDDINGS | GW_OP_IMAGES | GW_OP_AUDIO,
    .dialects =
        GW_DIALECT_CHAT | GW_DIALECT_RESPONSES | GW_DIALECT_EMBEDDINGS | GW_DIALECT_COMPLETIONS | GW_DIALECT_OTHER,
    .framing = GW_FRAMING_SSE,
    .open = azure_open,
    .close = azure_close,
    .build = azure_build,
    .read = openai_read,
    .secret_env = "AZURE_OPENAI_API_KEY",
    .base_url_form = "https://NAME.openai.azure.com",
    .capability = openai_capability,
};

GW_PLUGIN(.kind = GW_KIND_PROVIDER, .name = "azure", .version = "1.0.0", .license = "Apache-2.0", .ops = &ops,
          .options = options);
