/* variant.c - a plugin that does nothing, to be built against changed copies of the headers:
 *   -DVARIANT_OLDER    the headers lack what follows read()
 *   -DVARIANT_NO_ENTRY no entry function */
#include <gateway/plugin.h>
#include <gateway/provider.h>

static gw_status variant_open(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    (void)host, (void)call, (void)config;
    *instance = NULL;
    return GW_OK;
}

static void variant_close(void *instance)
{
    (void)instance;
}

static gw_status variant_build(void *instance, gw_call *call, const gw_request *req, gw_http *out)
{
    (void)instance, (void)call, (void)req, (void)out;
    return GW_E_REQUEST;
}

static gw_status variant_read(void *instance, gw_call *call, const gw_frame *frame, gw_emit emit)
{
    (void)instance, (void)call, (void)frame, (void)emit;
    return GW_OK;
}

static const gw_provider_ops ops = {
    .size = sizeof ops,
    .operations = GW_OP_CHAT,
    .framing = GW_FRAMING_LINES,
    .open = variant_open,
    .close = variant_close,
    .build = variant_build,
    .read = variant_read,
#ifndef VARIANT_OLDER
    .base_url = "http://variant.example",
#endif
};

#ifdef VARIANT_NO_ENTRY
GW_EXPORT const gw_provider_ops *something_else(void);
GW_EXPORT const gw_provider_ops *something_else(void)
{
    return &ops;
}
#else
GW_PLUGIN(.kind = GW_KIND_PROVIDER, .name = "variant", .version = "0.1", .license = "MIT", .ops = &ops);
#endif
