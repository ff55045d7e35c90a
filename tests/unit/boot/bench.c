/* bench.c - loads configurations for the tests. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/json.h"
#include "plugin/plugin.h"

char bench_settings[2048];
int bench_open;
const char *bench_refuse;

static gw_status open_instance(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    gw_str text = host->json->text(config);
    snprintf(bench_settings, sizeof bench_settings, "%.*s", (int)text.len, text.ptr);
    if (bench_refuse != NULL) {
        host->explain(call, (gw_str){ bench_refuse, strlen(bench_refuse) });
        return GW_E_CONFIG;
    }
    bench_open++;
    *instance = &bench_open;
    return GW_OK;
}

static void close_instance(void *instance)
{
    (void)instance;
    bench_open--;
}

static gw_status build(void *instance, gw_call *call, const gw_request *req, gw_http *out)
{
    (void)instance, (void)call, (void)req, (void)out;
    return GW_OK;
}

static gw_status read_frame(void *instance, gw_call *call, const gw_frame *frame, gw_emit emit)
{
    (void)instance, (void)call, (void)frame, (void)emit;
    return GW_OK;
}

static gw_status produce(void *instance, gw_call *call, const gw_request *req, gw_emit emit, uint32_t *wait_ms)
{
    (void)instance, (void)call, (void)req, (void)emit, (void)wait_ms;
    return GW_MISS;
}

static gw_status cache_get(void *session, gw_call *call, const gw_scope *scope, gw_str key, gw_buf *value)
{
    (void)session, (void)call, (void)scope, (void)key, (void)value;
    return GW_MISS;
}

static gw_status cache_set(void *session, gw_call *call, const gw_scope *scope, gw_str key, gw_str value,
                           uint32_t ttl_s, uint32_t mode)
{
    (void)session, (void)call, (void)scope, (void)key, (void)value, (void)ttl_s, (void)mode;
    return GW_OK;
}

static gw_status cache_del(void *session, gw_call *call, const gw_scope *scope, gw_str key)
{
    (void)session, (void)call, (void)scope, (void)key;
    return GW_OK;
}

static gw_status cache_add(void *session, gw_call *call, const gw_scope *scope, gw_str key, int64_t delta,
                           uint32_t ttl_s, uint32_t mode, int64_t *total)
{
    (void)session, (void)call, (void)scope, (void)key, (void)delta, (void)ttl_s, (void)mode, (void)total;
    return GW_OK;
}

static gw_status attach(void *instance, gw_call *call, void **session)
{
    (void)call;
    *session = instance;
    return GW_OK;
}

#define REMOTE                                                                                                         \
    .size = sizeof(gw_provider_ops), .operations = GW_OP_CHAT, .dialects = GW_DIALECT_CHAT, .framing = GW_FRAMING_SSE, \
    .open = open_instance, .close = close_instance, .build = build, .read = read_frame

static const gw_provider_ops openai_ops = { REMOTE, .base_url = "https://api.openai.example/v1",
                                            .secret_env = "OPENAI_TEST_KEY", .models = "gpt-* o1*" };
static const gw_provider_ops rooted_ops = { REMOTE, .base_url = "https://api.rooted.example" };
static const gw_service near = { .size = sizeof near,
                                 .name = "near",
                                 .base_url = "https://near.example/v1",
                                 .secret_env = "NEAR_TEST_KEY",
                                 .models = "near-*" };
static const gw_service nearer = {
    .size = sizeof nearer, .dialects = GW_DIALECT_EMBEDDINGS, .name = "nearer", .base_url = "http://127.0.0.1:9/v1"
};
static const gw_service *const services[] = { &near, &nearer, NULL };
static const gw_provider_ops test_ops = { REMOTE, .services = services, .base_url_form = "https://NAME.example" };
static const gw_provider_ops demo_ops = { .size = sizeof(gw_provider_ops),
                                          .operations = GW_OP_CHAT,
                                          .flags = GW_PROVIDER_LOCAL,
                                          .open = open_instance,
                                          .close = close_instance,
                                          .produce = produce };
static const gw_cache_ops memory_ops = { .size = sizeof(gw_cache_ops),
                                         .flags = GW_CACHE_INLINE,
                                         .open = open_instance,
                                         .close = close_instance,
                                         .attach = attach,
                                         .detach = close_instance,
                                         .get = cache_get,
                                         .set = cache_set,
                                         .del = cache_del,
                                         .add = cache_add };
static const gw_cache_ops cache_ops = { .size = sizeof(gw_cache_ops),
                                        .open = open_instance,
                                        .close = close_instance,
                                        .attach = attach,
                                        .detach = close_instance,
                                        .get = cache_get,
                                        .set = cache_set,
                                        .del = cache_del,
                                        .add = cache_add };
static const gw_option test_options[] = {
    { "region", "where it is", GW_JSON_STR, 0 },
    { "retries", "how often", GW_JSON_INT, 0 },
    { "factor", "how much", GW_JSON_REAL, 0 },
    { "verbose", "say more", GW_JSON_BOOL, 0 },
    { "zones", "where else", GW_JSON_ARRAY, 0 },
    { "labels", "what for", GW_JSON_OBJECT, 0 },
    { "token", "a secret", GW_JSON_STR, GW_OPTION_SECRET },
    { "service", "which", GW_JSON_STR, 0 },
    { "key_id", "who signs", GW_JSON_STR, GW_OPTION_NAMED | GW_OPTION_REQUIRED },
    { "session", "of a while", GW_JSON_STR, GW_OPTION_NAMED },
    { NULL, NULL, 0, 0 },
};

/* A store that nobody attaches to. */
static gw_status open_store(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    static int one;
    (void)call;
    *instance = host->json->str(host->json->get(config, GW_LIT("path"))).len > 0 ? &one : NULL;
    return GW_OK;
}
static void close_store(void *instance)
{
    (void)instance;
}
static gw_status attach_store(void *instance, gw_call *call, uint32_t mode, void **session)
{
    (void)instance, (void)call, (void)mode, (void)session;
    return GW_E_RETRY;
}
static gw_status store_cursor_none(void *session, gw_call *call, gw_store_cursor *cursor)
{
    (void)session, (void)call, (void)cursor;
    return GW_E_RETRY;
}
static gw_status put_none(void *session, gw_call *call, const gw_store_batch *batch)
{
    (void)session, (void)call, (void)batch;
    return GW_E_RETRY;
}
static gw_status prune_none(void *session, gw_call *call, int64_t before_ms, uint32_t most, uint32_t *removed)
{
    (void)session, (void)call, (void)before_ms, (void)most, (void)removed;
    return GW_E_RETRY;
}
static gw_status sums_none(void *session, gw_call *call, const gw_store_query *query, gw_store_cursor *cursor,
                           void *owner, void (*each)(void *owner, const gw_store_group *group))
{
    (void)session, (void)call, (void)query, (void)cursor, (void)owner, (void)each;
    return GW_E_RETRY;
}
static gw_status rows_none(void *session, gw_call *call, const gw_store_find *query, void *owner,
                           void (*each)(void *owner, const gw_store_row *row))
{
    (void)session, (void)call, (void)query, (void)owner, (void)each;
    return GW_E_RETRY;
}
static const gw_store_ops store_ops = { .size = sizeof store_ops,
                                        .open = open_store,
                                        .close = close_store,
                                        .attach = attach_store,
                                        .detach = close_store,
                                        .cursor = store_cursor_none,
                                        .put = put_none,
                                        .prune = prune_none,
                                        .sums = sums_none,
                                        .rows = rows_none };
static const gw_option memory_options[] = {
    { "mb", "", GW_JSON_INT, 0 },
    { "servers", "", GW_JSON_ARRAY, 0 },
    { NULL, NULL, 0, 0 },
};
static const gw_option store_options[] = {
    { "path", "the file", GW_JSON_STR, GW_OPTION_REQUIRED },
    { NULL, NULL, 0, 0 },
};
static const gw_option shared_store_options[] = {
    { "url", "the database", GW_JSON_STR, GW_OPTION_REQUIRED },
    { "password", "its password", GW_JSON_STR, GW_OPTION_SECRET },
    { "ledger", "the ledger's folder", GW_JSON_STR, GW_OPTION_REQUIRED },
    { NULL, NULL, 0, 0 },
};

#define DESCRIPTOR(kind_, name_, ops_, options_)                                                                       \
    {                                                                                                                  \
        .abi_major = GW_ABI_MAJOR, .needs_minor = GW_ABI_MINOR, .size = sizeof(gw_plugin), .kind = (kind_),            \
        .name = (name_), .version = "1.0", .license = "Apache-2.0", .ops = (ops_), .options = (options_)               \
    }

static const gw_plugin descriptors[] = {
    DESCRIPTOR(GW_KIND_PROVIDER, "openai", &openai_ops, NULL),
    DESCRIPTOR(GW_KIND_PROVIDER, "test", &test_ops, test_options),
    DESCRIPTOR(GW_KIND_PROVIDER, "rooted", &rooted_ops, NULL),
    DESCRIPTOR(GW_KIND_PROVIDER, "demo", &demo_ops, NULL),
    DESCRIPTOR(GW_KIND_CACHE, "cache", &cache_ops, NULL),
    DESCRIPTOR(GW_KIND_CACHE, "memory", &memory_ops, memory_options),
    DESCRIPTOR(GW_KIND_STORE, "sqlite", &store_ops, store_options),
    DESCRIPTOR(GW_KIND_STORE, "postgres", &store_ops, shared_store_options),
};

const char bench_cert[] = "-----BEGIN CERTIFICATE-----\n"
                          "MIIBgDCCASWgAwIBAgIUX3LDKJWTRCuN6q+sREh74cwKioowCgYIKoZIzj0EAwIw\n"
                          "FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNzEzNTg0OFoYDzIxMjYxMTAz\n"
                          "MTM1ODQ4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO\n"
                          "PQMBBwNCAAQrFOkvoLTdq1pBP7E83OTKR3CQEZziMtHWZWxU3E3UfFfeShYFuXjL\n"
                          "gGyqvly7+ZdHr0x1YERBqUbzg4o+p+Sco1MwUTAdBgNVHQ4EFgQURjXQQw8hcUJ4\n"
                          "wj57EXQCH0YkQvQwHwYDVR0jBBgwFoAURjXQQw8hcUJ4wj57EXQCH0YkQvQwDwYD\n"
                          "VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEA95Vh2kovRUMsoMh/55Nj\n"
                          "mN/IJ/xb2b7Et7R60eohqiQCIQDV/Dk4REGVPA4+l1JMGMjJVMtmLZIyE4VU1Cvo\n"
                          "3ziIAA==\n"
                          "-----END CERTIFICATE-----\n";
const char bench_old_cert[] = "-----BEGIN CERTIFICATE-----\n"
                              "MIIBEDCBtgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwHhcN\n"
                              "MjAwMTAxMDAwMDAwWhcNMjEwMTAxMDAwMDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhv\n"
                              "c3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQrFOkvoLTdq1pBP7E83OTKR3CQ\n"
                              "EZziMtHWZWxU3E3UfFfeShYFuXjLgGyqvly7+ZdHr0x1YERBqUbzg4o+p+ScMAoG\n"
                              "CCqGSM49BAMCA0kAMEYCIQC8oQirR+cDZ8a9zbJdE0bDhVUkmjdamYSP4qlAMwZQ\n"
                              "MQIhAMuR13Tvh+9cUUE5ZoH0UwkWX5Y/Vox9FhjDzEQ/1ukb\n"
                              "-----END CERTIFICATE-----\n";
const char bench_key[] = "-----BEGIN PRIVATE KEY-----\n"
                         "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgrxzgKync85WWH6GG\n"
                         "irEAl4gI6xjcXV+gk2EfCh61CfqhRANCAAQrFOkvoLTdq1pBP7E83OTKR3CQEZzi\n"
                         "MtHWZWxU3E3UfFfeShYFuXjLgGyqvly7+ZdHr0x1YERBqUbzg4o+p+Sc\n"
                         "-----END PRIVATE KEY-----\n";
const char bench_other_key[] = "-----BEGIN PRIVATE KEY-----\n"
                               "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgHWgRtjrrgQc24R4/\n"
                               "jIC7RZKUERZcHYEi16LjtjSP5EehRANCAAStQNwbUGVKO9HRA+buISCsK2yPOk06\n"
                               "kxvP8YojYK2IWcnCe/MH5ksxZJXCo3v1HHktzAtdY3GmfpAdq1yiPsVM\n"
                               "-----END PRIVATE KEY-----\n";

static const struct plugin *find(const char *name, const char *const *folders, struct fail *fail)
{
    (void)folders;
    for (size_t i = 0; i < sizeof descriptors / sizeof descriptors[0]; i++)
        if (strcmp(descriptors[i].name, name) == 0)
            return plugin_adopt(&descriptors[i], "(linked in)", fail);
    fail_set(fail, FAIL_OPERATOR, "there is no plugin \"%s\"", name);
    return NULL;
}

void bench_load(struct bench *b, const char *source)
{
    *b = (struct bench){ .options = { .file = "gateway.lua" } };
    bench_load_with(b, source);
}

void bench_load_with(struct bench *b, const char *source)
{
    static const char *const no_folders[] = { NULL };
    json_start();
    crypto_start();
    b->options.source = text_of(source);
    if (b->options.folders == NULL)
        b->options.folders = no_folders;
    if (b->options.find_plugin == NULL)
        b->options.find_plugin = find;
    buf_init(&b->said, 1 << 20);
    load_report_init(&b->report, &b->options);
    b->config = load_config(&b->options, &b->report);
    complain_write(&b->report.complaints, &b->said);
    if (b->report.complaints.count == 0) {
        complain_write(&b->report.warnings, &b->said);
        complain_write(&b->report.notes, &b->said);
    }
    buf_append(&b->said, "", 1);
}

const char *bench_said(struct bench *b)
{
    return buf_view(&b->said).ptr;
}

void bench_end(struct bench *b)
{
    config_unref(b->config);
    load_report_fini(&b->report);
    buf_free(&b->said);
    *b = (struct bench){ .config = NULL };
}
