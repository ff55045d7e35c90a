/* openai.c - a provider for any server that speaks OpenAI chat completions: its settings and the request.
 * The answer is read in read.c. */
#include "openai.h"

#include <gateway/plugin.h>
#include <stdlib.h>
#include <string.h>

bool openai_is(gw_str s, const char *word)
{
    return s.len == strlen(word) && memcmp(s.len > 0 ? s.ptr : "", word, s.len) == 0;
}

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool openai_has(gw_str s, const char *part)
{
    size_t len = strlen(part);
    for (size_t at = 0; at + len <= s.len; at++) {
        size_t same = 0;
        while (same < len && fold(s.ptr[at + same]) == fold(part[same]))
            same++;
        if (same == len)
            return true;
    }
    return false;
}

gw_str openai_keep(const struct reader *r, gw_str s)
{
    char *copy = r->h->alloc(r->call, s.len + 1, 1);
    if (copy == NULL)
        return GW_LIT("");
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return (gw_str){copy, s.len};
}

/* Also NULL when the setting is absent or empty. */
static char *setting(const gw_host *host, const gw_json *config, gw_str name)
{
    gw_str value = host->json->str(host->json->get(config, name));
    return value.len > 0 ? strndup(value.ptr, value.len) : NULL;
}

static void openai_close(void *instance)
{
    struct openai *openai = instance;
    free(openai->organization);
    free(openai->project);
    free(openai);
}

static gw_status openai_open(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    (void)call;
    struct openai *openai = calloc(1, sizeof *openai);
    if (openai == NULL)
        return GW_E_NOMEM;
    openai->host = host;
    openai->organization = setting(host, config, GW_LIT("organization"));
    openai->project = setting(host, config, GW_LIT("project"));
    *instance = openai;
    return GW_OK;
}

/* `a` and `b` one after another in memory of the call. */
static gw_str join(const gw_host *host, gw_call *call, gw_str a, gw_str b)
{
    char *out = host->alloc(call, a.len + b.len + 1, 1);
    if (out == NULL)
        return (gw_str){NULL, 0};
    if (a.len > 0)
        memcpy(out, a.ptr, a.len);
    if (b.len > 0)
        memcpy(out + a.len, b.ptr, b.len);
    return (gw_str){out, a.len + b.len};
}

static void header(const gw_host *host, gw_http *out, gw_str name, const char *value)
{
    if (value != NULL)
        host->http_header(out, name, (gw_str){value, strlen(value)});
}

/* Asks for usage in a stream, beside whatever else the client's stream_options say. */
static void write_stream_options(const gw_host *h, gw_writer *w, const gw_json *options)
{
    h->write->key(w, GW_LIT("stream_options"));
    h->write->object(w);
    for (size_t i = 0; i < h->json->count(options); i++) {
        gw_str name = h->json->key_at(options, i);
        if (openai_is(name, "include_usage"))
            continue;
        h->write->key(w, name);
        h->write->copy(w, h->json->at(options, i));
    }
    h->write->key(w, GW_LIT("include_usage"));
    h->write->boolean(w, 1);
    h->write->close(w);
}

/* The canonical body is what these servers take: all of it, but for the model and how the answer comes. */
static gw_status write_body(const gw_host *h, const gw_request *req, gw_http *out)
{
    gw_writer *w = h->http_json_body(out);

    h->write->object(w);
    h->write->key(w, GW_LIT("model"));
    h->write->str(w, req->model);
    for (size_t i = 0; i < h->json->count(req->body); i++) {
        gw_str name = h->json->key_at(req->body, i);
        if (openai_is(name, "model") || openai_is(name, "stream") || openai_is(name, "stream_options"))
            continue;
        h->write->key(w, name);
        h->write->copy(w, h->json->at(req->body, i));
    }
    if (req->stream) {
        h->write->key(w, GW_LIT("stream"));
        h->write->boolean(w, 1);
        write_stream_options(h, w, h->json->get(req->body, GW_LIT("stream_options")));
    }
    h->write->close(w);
    return h->write->end(w);
}

static gw_status openai_build(void *instance, gw_call *call, const gw_request *req, gw_http *out)
{
    const struct openai *openai = instance;
    const gw_host *h = openai->host;

    if (req->operation != GW_OP_CHAT) {
        h->explain(call, GW_LIT("the openai provider serves chat completions only"));
        return GW_E_REQUEST;
    }
    h->http_method(out, GW_LIT("POST"));
    h->http_url(out, join(h, call, req->base_url, GW_LIT("/chat/completions")));
    h->http_header(out, GW_LIT("Content-Type"), GW_LIT("application/json"));
    h->http_header(out, GW_LIT("Accept"), req->stream ? GW_LIT("text/event-stream") : GW_LIT("application/json"));
    if (req->secret.len > 0)
        h->http_header(out, GW_LIT("Authorization"), join(h, call, GW_LIT("Bearer "), req->secret));
    header(h, out, GW_LIT("OpenAI-Organization"), openai->organization);
    header(h, out, GW_LIT("OpenAI-Project"), openai->project);
    gw_str beta = h->client_header(call, GW_LIT("openai-beta"));
    if (beta.ptr != NULL)
        h->http_header(out, GW_LIT("OpenAI-Beta"), beta);
    return req->body != NULL ? write_body(h, req, out) : GW_OK;
}

static const gw_option options[] = {
    {"organization", "sent as OpenAI-Organization: who is billed when the key belongs to several", GW_JSON_STR, 0},
    {"project",      "sent as OpenAI-Project",                                                     GW_JSON_STR, 0},
    {NULL,           NULL,                                                                         0,           0},
};

static const gw_provider_ops ops = {
    .size = sizeof ops,
    .operations = GW_OP_CHAT,
    .dialects = GW_DIALECT_CHAT,
    .framing = GW_FRAMING_SSE,
    .open = openai_open,
    .close = openai_close,
    .build = openai_build,
    .read = openai_read,
    .base_url = "https://api.openai.com/v1",
    .secret_env = "OPENAI_API_KEY",
    .models = "gpt-* o1* o3* o4* chatgpt-*",
};

GW_PLUGIN(.kind = GW_KIND_PROVIDER, .name = "openai", .version = "1.0.0", .license = "Apache-2.0", .ops = &ops,
          .options = options);
