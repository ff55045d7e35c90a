/* anthropic.c - a provider for Anthropic's Messages API and for services that speak it: its settings, and where a
 * request goes with which headers. Its body is written by request.c, the answer is read by read.c. */
#include "anthropic.h"

#include <gateway/plugin.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* What sampling parameters still work with; the next one, 2026-10-21, refuses them. */
#define VERSION_WE_CHOOSE "2023-06-01"
/* Needed where a request names a file that was uploaded to Anthropic. */
#define BETA_FILES "files-api-2025-04-14"

void anthropic_refuse(struct request_writer *b, const char *format, ...)
{
    char text[400];
    va_list args;

    if (b->status != GW_OK)
        return;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    b->status = GW_E_REQUEST;
    if (len > 0)
        b->h->explain(b->call, (gw_str){ text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1 });
}

static void anthropic_close(void *instance)
{
    struct anthropic *anthropic = instance;
    free(anthropic->version);
    free(anthropic->betas);
    free(anthropic);
}

/* The names in `list`, comma-separated; NULL when there is none or no memory. */
static char *join_betas(const gw_host *host, const gw_json *list)
{
    size_t len = 0, count = length(host, list);
    for (size_t i = 0; i < count; i++)
        len += host->json->str(host->json->at(list, i)).len + 1;
    char *out = len > 0 ? malloc(len + 1) : NULL;
    if (out == NULL)
        return NULL;
    len = 0;
    for (size_t i = 0; i < count; i++) {
        gw_str beta = host->json->str(host->json->at(list, i));
        if (beta.len == 0)
            continue;
        if (len > 0)
            out[len++] = ',';
        memcpy(out + len, beta.ptr, beta.len);
        len += beta.len;
    }
    out[len] = '\0';
    return out;
}

static gw_status refuse_setting(const gw_host *host, gw_call *call, void *instance, gw_str why)
{
    host->explain(call, why);
    anthropic_close(instance);
    return GW_E_CONFIG;
}

/* With a NUL; NULL without memory. */
static char *copy_of(gw_str s)
{
    char *copy = malloc(s.len + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

static gw_status anthropic_open(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    struct anthropic *anthropic = calloc(1, sizeof *anthropic);
    gw_str auth = get_str(host, config, "auth"), version = get_str(host, config, "version");
    const gw_json *betas = get(host, config, "betas"), *most = get(host, config, "max_tokens");

    if (anthropic == NULL)
        return GW_E_NOMEM;
    anthropic->host = host;
    anthropic->bearer = anthropic_is(auth, "bearer");
    anthropic->max_tokens = host->json->integer(most, 0);
    if (auth.ptr != NULL && !anthropic->bearer && !anthropic_is(auth, "x-api-key"))
        return refuse_setting(host, call, anthropic, GW_LIT("auth is \"x-api-key\" or \"bearer\""));
    if (!is_null(host, most) && anthropic->max_tokens < 1)
        return refuse_setting(host, call, anthropic, GW_LIT("max_tokens is a whole number, 1 or more"));
    for (size_t i = 0; i < length(host, betas); i++)
        if (host->json->str(host->json->at(betas, i)).len == 0)
            return refuse_setting(host, call, anthropic, GW_LIT("betas is a list of names"));
    anthropic->version = copy_of(version.len > 0 ? version : words(VERSION_WE_CHOOSE));
    anthropic->betas = join_betas(host, betas);
    if (anthropic->version == NULL || (length(host, betas) > 0 && anthropic->betas == NULL)) {
        anthropic_close(anthropic);
        return GW_E_NOMEM;
    }
    *instance = anthropic;
    return GW_OK;
}

/* People write base_url with /v1 or without. */
static gw_str url_of(const gw_host *h, gw_call *call, const gw_request *req)
{
    gw_str base = req->base_url;
    bool has_version = base.len >= 3 && memcmp(base.ptr + base.len - 3, "/v1", 3) == 0;
    gw_str parts[] = { base, has_version ? GW_LIT("") : GW_LIT("/v1"),
                       req->operation == GW_OP_COUNT_TOKENS ? GW_LIT("/messages/count_tokens") : GW_LIT("/messages") };
    return anthropic_join(h, call, parts, sizeof parts / sizeof *parts);
}

/* Betas that tools of the chat need, each once; how many of the `most`. */
static size_t betas_of_tools(const gw_host *h, const gw_json *body, const char **betas, size_t most)
{
    const gw_json *tools = get(h, body, "tools");
    size_t count = 0;

    for (size_t i = 0; i < length(h, tools); i++) {
        const char *beta = anthropic_beta_of(get_str(h, h->json->at(tools, i), "type"));
        bool is_new = beta != NULL;
        for (size_t k = 0; k < count && is_new; k++)
            is_new = strcmp(betas[k], beta) != 0;
        if (is_new && count < most)
            betas[count++] = beta;
    }
    return count;
}

/* A message of the chat may name a file of Anthropic's: then the beta that knows files is needed. */
static bool names_file(const gw_host *h, const gw_json *body)
{
    const gw_json *messages = get(h, body, "messages");
    for (size_t i = 0; i < length(h, messages); i++) {
        const gw_json *content = get(h, h->json->at(messages, i), "content");
        for (size_t k = 0; k < length(h, content); k++)
            if (anthropic_starts(get_str(h, get(h, h->json->at(content, k), "file"), "file_id"), "file_"))
                return true;
    }
    return false;
}

/* "a,b": of the client, of the settings, and what the chat needs. */
static void write_betas(const struct anthropic *a, gw_call *call, const gw_request *req, gw_http *out)
{
    const gw_host *h = a->host;
    enum { TOOLS_MOST = 4 };
    const char *tools[TOOLS_MOST];
    gw_str names[3 + TOOLS_MOST], parts[2 * (3 + TOOLS_MOST)];
    size_t count = 0, len = 0;
    gw_str client = req->body == NULL ? h->client_header(call, GW_LIT("anthropic-beta")) : (gw_str){ NULL, 0 };

    if (client.len > 0)
        names[count++] = client;
    if (a->betas != NULL)
        names[count++] = words(a->betas);
    if (req->body != NULL && names_file(h, req->body))
        names[count++] = GW_LIT(BETA_FILES);
    for (size_t i = 0, needed = betas_of_tools(h, req->body, tools, TOOLS_MOST); i < needed; i++)
        names[count++] = words(tools[i]);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            parts[len++] = GW_LIT(",");
        parts[len++] = names[i];
    }
    gw_str all = anthropic_join(h, call, parts, len);
    if (all.len > 0)
        h->http_header(out, GW_LIT("anthropic-beta"), all);
}

static void write_headers(const struct anthropic *a, gw_call *call, const gw_request *req, gw_http *out)
{
    const gw_host *h = a->host;
    gw_str version = req->body == NULL ? h->client_header(call, GW_LIT("anthropic-version")) : (gw_str){ NULL, 0 };
    bool streams = req->stream && req->operation == GW_OP_CHAT;

    h->http_header(out, GW_LIT("Content-Type"), GW_LIT("application/json"));
    h->http_header(out, GW_LIT("Accept"), streams ? GW_LIT("text/event-stream") : GW_LIT("application/json"));
    h->http_header(out, GW_LIT("anthropic-version"), version.len > 0 ? version : words(a->version));
    write_betas(a, call, req, out);
    if (req->secret.len == 0)
        return;
    if (a->bearer) {
        gw_str parts[] = { GW_LIT("Bearer "), req->secret };
        h->http_header(out, GW_LIT("Authorization"), anthropic_join(h, call, parts, 2));
    } else {
        h->http_header(out, GW_LIT("x-api-key"), req->secret);
    }
}

static gw_status build_body(const struct anthropic *a, gw_call *call, const gw_request *req, gw_http *out)
{
    const gw_host *h = a->host;
    struct request_writer b = {
        .anthropic = a, .h = h, .call = call, .req = req, .body = req->body, .model = anthropic_model(req->model)
    };

    b.state = h->alloc(call, sizeof *b.state, _Alignof(struct answer_state));
    if (b.state == NULL)
        return GW_E_NOMEM;
    h->set_state(call, b.state);
    anthropic_plan(&b);
    if (b.status != GW_OK)
        return b.status;
    b.w = h->http_json_body(out);
    anthropic_write(&b);
    gw_status written = h->write->end(b.w);
    return b.status != GW_OK ? b.status : written;
}

static gw_status anthropic_build(void *instance, gw_call *call, const gw_request *req, gw_http *out)
{
    const struct anthropic *a = instance;
    const gw_host *h = a->host;

    if (req->operation != GW_OP_CHAT && req->operation != GW_OP_COUNT_TOKENS) {
        h->explain(call, GW_LIT("Anthropic serves chats and token counts only"));
        return GW_E_REQUEST;
    }
    gw_str url = url_of(h, call, req);
    if (url.len == 0)
        return GW_E_NOMEM;
    h->http_method(out, GW_LIT("POST"));
    h->http_url(out, url);
    write_headers(a, call, req, out);
    return req->body != NULL ? build_body(a, call, req, out) : GW_OK;
}

static const gw_option options[] = {
    { "auth", "how the key is sent: \"x-api-key\" (as Anthropic wants it) or \"bearer\"", GW_JSON_STR, 0 },
    { "version", "anthropic-version of translated requests and of clients that send none; \"2023-06-01\" unless said",
      GW_JSON_STR, 0 },
    { "betas", "names for anthropic-beta, sent beside those of the client", GW_JSON_ARRAY, 0 },
    { "max_tokens", "for requests that give none, which Anthropic refuses; unless said the model's own, at most 20000",
      GW_JSON_INT, 0 },
    { NULL, NULL, 0, 0 },
};

static const gw_provider_ops ops = {
    .size = sizeof ops,
    .operations = GW_OP_CHAT | GW_OP_COUNT_TOKENS,
    .dialects = GW_DIALECT_MESSAGES,
    .framing = GW_FRAMING_SSE,
    .open = anthropic_open,
    .close = anthropic_close,
    .build = anthropic_build,
    .read = anthropic_read,
    .base_url = "https://api.anthropic.com",
    .secret_env = "ANTHROPIC_API_KEY",
    .models = "claude-*",
    .capability = anthropic_capability,
};

GW_PLUGIN(.kind = GW_KIND_PROVIDER, .name = "anthropic", .version = "1.0.0", .license = "Apache-2.0", .ops = &ops,
          .options = options);
