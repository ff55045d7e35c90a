/* bedrock.c - a provider for Amazon Bedrock's Converse API: settings, address, headers. A pure translator on the SDK alone. */
#include "bedrock.h"

#include <stdlib.h>
#include <time.h>

struct bedrock { /* an instance: read-only after open() */
    const gw_host *host;
    char region[33];
};

static gw_status bedrock_open(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    gw_str region = gw_get_str(host, config, "region");
    struct bedrock *bedrock;
    size_t i = 0;

    while (i < region.len && ((region.ptr[i] >= 'a' && region.ptr[i] <= 'z') ||
                              (region.ptr[i] >= '0' && region.ptr[i] <= '9') || region.ptr[i] == '-'))
        i++;
    if (i == 0 || i != region.len || i >= sizeof bedrock->region) {
        host->explain(call, GW_LIT("region is a region of AWS, such as us-east-1"));
        return GW_E_CONFIG;
    }
    if ((bedrock = *instance = calloc(1, sizeof *bedrock)) == NULL)
        return GW_E_NOMEM;
    bedrock->host = host;
    memcpy(bedrock->region, region.ptr, region.len);
    return GW_OK;
}

static void bedrock_close(void *instance)
{
    free(instance);
}

/* `base` with the region in the place of the word REGION. */
static gw_str address_of(const struct bedrock *b, gw_call *call, gw_str base)
{
    static const char word[] = "REGION";
    size_t len = sizeof word - 1;
    for (size_t i = 0; i + len <= base.len; i++)
        if (memcmp(base.ptr + i, word, len) == 0)
            return gw_join(b->host, call, gw_join(b->host, call, (gw_str){ base.ptr, i }, gw_of(b->region)),
                           (gw_str){ base.ptr + i + len, base.len - i - len });
    return base;
}

/* The signature covers Host, which the gateway writes as the address has it. */
static void write_signature(const struct bedrock *b, gw_call *call, gw_http *out, gw_str url, gw_str body)
{
    const gw_host *h = b->host;
    gw_str token = h->secret(call, GW_LIT("session_token"));
    size_t start = gw_begins(url, "https://") ? 8 : 7, end = start;
    time_t now = (time_t)(h->unix_ms(h->self) / 1000);
    struct tm utc;
    char date[17];

    while (end < url.len && url.ptr[end] != '/')
        end++;
    gmtime_r(&now, &utc);
    strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", &utc);
    gw_str headers = gw_join(h, call, gw_join(h, call, GW_LIT("host:"), (gw_str){ url.ptr + start, end - start }),
                             gw_join(h, call, GW_LIT("\nx-amz-date:"), gw_join(h, call, gw_of(date), GW_LIT("\n"))));
    if (token.len > 0)
        headers = gw_join(h, call, headers,
                          gw_join(h, call, GW_LIT("x-amz-security-token:"), gw_join(h, call, token, GW_LIT("\n"))));
    const struct bedrock_signing signing = {
        .method = GW_LIT("POST"),
        .path = { url.ptr + end, url.len - end },
        .headers = headers,
        .names = token.len > 0 ? GW_LIT("host;x-amz-date;x-amz-security-token") : GW_LIT("host;x-amz-date"),
        .body = body,
        .date = gw_of(date),
        .region = gw_of(b->region),
        .service = GW_LIT("bedrock"),
        .key_id = h->secret(call, GW_LIT("access_key_id")),
        .secret = h->secret(call, GW_LIT("secret_access_key")),
    };
    h->http_header(out, GW_LIT("X-Amz-Date"), gw_of(date));
    if (token.len > 0)
        h->http_header(out, GW_LIT("X-Amz-Security-Token"), token);
    h->http_header(out, GW_LIT("Authorization"), sign_authorization(h, call, &signing));
}

static gw_status bedrock_build(void *instance, gw_call *call, const gw_request *req, gw_http *out)
{
    const struct bedrock *b = instance;
    const gw_host *h = b->host;
    const struct bedrock_out o = { h, call, h->http_json_body(out), req };
    gw_status status;

    gw_str place = gw_join(h, call, GW_LIT("/model/"), sign_escape(h, call, req->model, 0));
    gw_str url = gw_join(h, call, gw_join(h, call, address_of(b, call, req->base_url), place),
                         req->stream ? GW_LIT("/converse-stream") : GW_LIT("/converse"));
    if (url.ptr == NULL)
        return GW_E_NOMEM;
    h->http_url(out, url);
    h->write->object(o.w);
    if ((status = messages_write(&o)) != GW_OK || (status = settings_write(&o)) != GW_OK)
        return status;
    h->write->close(o.w);
    if ((status = h->write->end(o.w)) != GW_OK)
        return status;
    h->http_header(out, GW_LIT("Content-Type"), GW_LIT("application/json"));
    h->http_header(out, GW_LIT("Accept"),
                   req->stream ? GW_LIT("application/vnd.amazon.eventstream") : GW_LIT("application/json"));
    if (h->secret(call, GW_LIT("access_key_id")).len > 0)
        write_signature(b, call, out, url, h->write->text(o.w));
    else if (req->secret.len > 0)
        h->http_header(out, GW_LIT("Authorization"), gw_join(h, call, GW_LIT("Bearer "), req->secret));
    return GW_OK;
}

static gw_status bedrock_read(void *instance, gw_call *call, const gw_frame *frame, gw_emit emit)
{
    return read_answer(((const struct bedrock *)instance)->host, call, frame, emit);
}

static const gw_capability *bedrock_capability(void *instance, const gw_request *req, uint32_t index)
{
    (void)instance, (void)req;
    return index < bedrock_row_count ? &bedrock_rows[index] : NULL;
}

static const gw_option options[] = {
    { "region", "of AWS, where the models are: us-east-1", GW_JSON_STR, GW_OPTION_REQUIRED },
    { "access_key_id", "names the key that signs", GW_JSON_STR, GW_OPTION_NAMED | GW_OPTION_REQUIRED },
    { "secret_access_key", "signs, and is never sent", GW_JSON_STR, GW_OPTION_NAMED | GW_OPTION_REQUIRED },
    { "session_token", "of a temporary key", GW_JSON_STR, GW_OPTION_NAMED },
    { NULL, NULL, 0, 0 },
};
static const gw_provider_ops ops = { .size = sizeof ops,
                                     .operations = GW_OP_CHAT,
                                     .framing = GW_FRAMING_EVENTSTREAM,
                                     .open = bedrock_open,
                                     .close = bedrock_close,
                                     .build = bedrock_build,
                                     .read = bedrock_read,
                                     .base_url = "https://bedrock-runtime.REGION.amazonaws.com",
                                     .secret_env = "AWS_BEARER_TOKEN_BEDROCK",
                                     .capability = bedrock_capability };
GW_PLUGIN(.kind = GW_KIND_PROVIDER, .name = "bedrock", .version = "1.0.0", .license = "Apache-2.0", .ops = &ops,
          .options = options);
