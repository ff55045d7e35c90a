/* mirror.c - a provider that answers by itself with the canonical request that it got, as text. */
#include <gateway/plugin.h>
#include <gateway/provider.h>

static const gw_host *h;

static gw_status mirror_open(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    (void)call, (void)config;
    h = host;
    *instance = NULL;
    return GW_OK;
}

static void mirror_close(void *instance)
{
    (void)instance;
}

static gw_status mirror_produce(void *instance, gw_call *call, const gw_request *req, gw_emit emit, uint32_t *wait_ms)
{
    (void)instance, (void)wait_ms;
    emit(call, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_TEXT, .text = h->json->text(req->body) });
    emit(call, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_FINISH, .text = GW_LIT("stop") });
    return GW_MISS;
}

static const gw_provider_ops ops = {
    .size = sizeof ops,
    .operations = GW_OP_CHAT,
    .flags = GW_PROVIDER_LOCAL,
    .open = mirror_open,
    .close = mirror_close,
    .produce = mirror_produce,
};
GW_PLUGIN(.kind = GW_KIND_PROVIDER, .name = "mirror", .version = "1.0.0", .license = "Apache-2.0", .ops = &ops);
