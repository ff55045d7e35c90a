/* fuzz_build.c - a provider's build() for any canonical request: the same bytes twice, and JSON. A local provider's
 * produce() instead: it comes to an end. */
#include <string.h>

#include "provider.h"

enum { PRODUCE_MOST = 200000 };

static gw_request request(const gw_provider_ops *ops, uint8_t mode, const struct json *body)
{
    static const uint32_t operations[] = { GW_OP_CHAT,        GW_OP_CHAT,         GW_OP_CHAT,   GW_OP_EMBEDDINGS,
                                           GW_OP_COMPLETIONS, GW_OP_COUNT_TOKENS, GW_OP_MODELS, GW_OP_IMAGES };
    gw_request req = { .size = sizeof req,
                       .operation = operations[mode & 7],
                       .dialect = GW_DIALECT_CHAT,
                       .stream = mode >> 3 & 1,
                       .model = GW_LIT("some-model"),
                       .base_url = GW_LIT("http://127.0.0.1:1/v1"),
                       .secret = GW_LIT("sk-1"),
                       .path = GW_LIT("/images/generations?a=b"),
                       .body = call_json(body) };
    if ((mode & 16) != 0 && ops->dialects != 0) { /* relayed */
        for (req.dialect = 1u << (mode >> 5); (req.dialect & ops->dialects) == 0;)
            req.dialect = req.dialect >= GW_DIALECT_OTHER ? 1 : req.dialect << 1;
        req.body = NULL;
    }
    return req;
}

static void put_request(struct buf *out, const struct gw_http *http)
{
    buf_text(out, http->method);
    buf_str(out, " ");
    buf_text(out, http->url);
    buf_str(out, "\n");
    for (size_t i = 0; i < http->header_count; i++) {
        buf_text(out, http->headers[i].name);
        buf_str(out, ": ");
        buf_text(out, http->headers[i].value);
        buf_str(out, "\n");
    }
    buf_text(out, buf_view(&http->body));
}

static struct buf build(struct provider *p, uint8_t mode, struct text t)
{
    struct gw_http http;
    struct fail fail;
    struct buf out;

    buf_init(&out, 256 << 20);
    provider_begin(p);
    const struct json *body = json_parse(&p->keep, t, NULL);
    gw_request req = request(&p->plugin->provider, mode, body);
    call_http_init(&http, &p->call, 64 << 20);
    gw_status status = p->plugin->provider.build(p->instance, &p->call, &req, &http);
    bool full = call_is_full(&p->call);
    if (status == GW_OK && !full) {
        MUST(call_http_check(&http, &fail) == 0, "%s", fail.text);
        MUST(http.writer == NULL || json_check(buf_view(&http.body), NULL) == 0, "%.*s",
             TEXT_ARG(buf_view(&http.body)));
        MUST(req.body == NULL || http.writer != NULL || text_is(http.method, "GET"), "a request without a body");
        put_request(&out, &http);
    } else if (status == GW_E_REQUEST) {
        MUST(p->call.explain.len > 0, "refused without a reason");
    }
    provider_step(p, status);
    call_http_fini(&http);
    provider_end(p);
    return out;
}

static void produce(struct provider *p, uint8_t mode, struct text t)
{
    provider_begin(p);
    const struct json *body = json_parse(&p->keep, t, NULL);
    gw_request req = request(&p->plugin->provider, mode & 15, body);
    gw_status status = GW_OK;
    unsigned calls = 0;

    while (status == GW_OK && calls++ < PRODUCE_MOST && !call_is_full(&p->call) && !p->check.has_error) {
        uint32_t wait_ms = 0;
        status = p->plugin->provider.produce(p->instance, &p->call, &req, provider_emit, &wait_ms);
        provider_step(p, status == GW_MISS ? GW_OK : status);
        p->now_ms += wait_ms;
        buf_truncate(&p->lines, 0);
    }
    MUST(calls < PRODUCE_MOST, "it does not come to an end");
    provider_end(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct provider *p = provider_get();
    struct fuzz f = fuzz_begin(data, size);
    uint8_t mode = fuzz_byte(&f);
    struct text t = fuzz_rest(&f);

    if (json_check(t, NULL) < 0)
        return -1; /* canonical requests are strict JSON: not for the corpus */
    if ((p->plugin->provider.flags & GW_PROVIDER_LOCAL) != 0) {
        produce(p, mode, t);
        return 0;
    }
    struct buf once = build(p, mode, t), again = build(p, mode, t);
    MUST(text_eq(buf_view(&once), buf_view(&again)), "\n%.*s\nand\n%.*s", TEXT_ARG(buf_view(&once)),
         TEXT_ARG(buf_view(&again)));
    buf_free(&once);
    buf_free(&again);
    return 0;
}
