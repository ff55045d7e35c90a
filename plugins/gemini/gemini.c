/* gemini.c - a provider for Google's Gemini API: generateContent, batchEmbedContents, countTokens. */
#include "gemini.h"

#include <stdlib.h>

struct gemini { /* an instance: read-only after open() */
    const gw_host *host;
};

static gw_status gemini_open(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    struct gemini *gemini = *instance = calloc(1, sizeof *gemini);
    (void)call, (void)config;
    if (gemini == NULL)
        return GW_E_NOMEM;
    gemini->host = host;
    return GW_OK;
}

static void gemini_close(void *instance)
{
    free(instance);
}

static int is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~@", c) != NULL;
}

/* base_url/models/NAME:METHOD. The name comes from a client: what is not plain in it is escaped. */
static gw_status write_url(const struct gemini_out *o, gw_http *out, const char *method)
{
    static const char hex[] = "0123456789ABCDEF";
    gw_str base = o->req->base_url, model = o->req->model;
    const char *folder = gemini_begins(model, "tunedModels/") ? "/tunedModels/" : "/models/";
    size_t skip = gemini_begins(model, folder + 1) ? strlen(folder) - 1 : 0;
    char *url = o->h->alloc(o->call, base.len + 3 * model.len + strlen(folder) + strlen(method), 1), *at = url;
    if (url == NULL)
        return GW_E_NOMEM;
    memcpy(at, base.ptr, base.len);
    at += base.len;
    memcpy(at, folder, strlen(folder));
    at += strlen(folder);
    for (size_t i = skip; i < model.len; i++) {
        unsigned char c = (unsigned char)model.ptr[i];
        if (c != 0 && is_plain((char)c)) {
            *at++ = (char)c;
            continue;
        }
        *at++ = '%';
        *at++ = hex[c >> 4];
        *at++ = hex[c & 15];
    }
    memcpy(at, method, strlen(method));
    o->h->http_url(out, (gw_str){ url, (size_t)(at - url) + strlen(method) });
    return GW_OK;
}

static gw_status write_chat(struct gemini_out *o)
{
    gw_status status = contents_write(o);
    return status == GW_OK ? settings_write(o) : status;
}

static gw_status build(struct gemini_out *o, gw_http *out)
{
    const char *method = o->req->stream ? ":streamGenerateContent?alt=sse" : ":generateContent";
    gw_status (*write)(struct gemini_out * o) = write_chat;
    gw_status status;
    if (o->req->operation == GW_OP_EMBEDDINGS) {
        method = ":batchEmbedContents";
        write = services_embeddings;
    } else if (o->req->operation == GW_OP_COUNT_TOKENS) {
        method = ":countTokens";
        write = services_count;
    }
    o->state->operation = o->req->operation;
    if ((status = write_url(o, out, method)) != GW_OK)
        return status;
    o->h->write->object(o->w);
    if ((status = write(o)) != GW_OK)
        return status;
    o->h->write->close(o->w);
    return o->h->write->end(o->w);
}

static gw_status gemini_build(void *instance, gw_call *call, const gw_request *req, gw_http *out)
{
    const gw_host *h = ((const struct gemini *)instance)->host;
    struct gemini_out o = { .h = h, .call = call, .w = h->http_json_body(out), .req = req };
    if ((o.state = h->alloc(call, sizeof *o.state, sizeof(void *))) == NULL)
        return GW_E_NOMEM;
    o.state->tools = gemini_get(h, req->body, "tools");
    h->set_state(call, o.state);
    h->http_header(out, GW_LIT("Content-Type"), GW_LIT("application/json"));
    if (req->secret.len > 0)
        h->http_header(out, GW_LIT("x-goog-api-key"), req->secret);
    return build(&o, out);
}

static gw_status gemini_read(void *instance, gw_call *call, const gw_frame *frame, gw_emit emit)
{
    return read_answer(((const struct gemini *)instance)->host, call, frame, emit);
}

static const gw_capability *gemini_capability(void *instance, const gw_request *req, uint32_t index)
{
    (void)instance, (void)req;
    return index < gemini_row_count ? &gemini_rows[index] : NULL;
}

static const gw_provider_ops ops = { .size = sizeof ops,
                                     .operations = GW_OP_CHAT | GW_OP_EMBEDDINGS | GW_OP_COUNT_TOKENS,
                                     .framing = GW_FRAMING_SSE,
                                     .open = gemini_open,
                                     .close = gemini_close,
                                     .build = gemini_build,
                                     .read = gemini_read,
                                     .base_url = "https://generativelanguage.googleapis.com/v1beta",
                                     .secret_env = "GEMINI_API_KEY",
                                     .models = "gemini-*",
                                     .capability = gemini_capability };
GW_PLUGIN(.kind = GW_KIND_PROVIDER, .name = "gemini", .version = "1.0.0", .license = "MIT", .ops = &ops);
