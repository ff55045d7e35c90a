/* auth.c - may this request come in at all, and whose is it? */
#include "base/clock.h"
#include "base/crypto.h"
#include "flow/metrics.h"
#include "flow/way.h"

/* Row "admit": shed before anything is parsed, and what the router refused. */
enum next admit_run(struct request *req)
{
    struct gateway *gateway = req->worker->gateway;
    unsigned limit = req->config->limits.in_flight;
    unsigned now = atomic_fetch_add_explicit(&gateway->in_flight, 1, memory_order_relaxed) + 1;
    req->in_flight = 1;
    if (limit > 0 && now > limit) {
        metrics_count_event(gateway->metrics, req->worker->index, "shed");
        metrics_count_shed(gateway->metrics, req->worker->index, "in_flight");
        error_set(&req->fail, E_OVERLOAD, "the gateway has %u requests in flight, its limit: try again shortly", limit);
        return FAIL;
    }
    switch (req->refuse) {
    case E_NONE:
        return NEXT;
    case E_PATH:
        error_set(&req->fail, E_PATH, "there is no such path here: check the base URL. Served are %.*s",
                  TEXT_ARG(req->allow));
        break;
    case E_METHOD:
        error_set(&req->fail, E_METHOD, "this path takes %.*s", TEXT_ARG(req->allow));
        break;
    case E_BODY_TOO_LARGE:
        error_set(&req->fail, E_BODY_TOO_LARGE, "the body is over %zu MB (limits.body_mb)",
                  req->config->limits.body_bytes >> 20);
        break;
    case E_HEAD_TOO_LARGE:
        error_set(&req->fail, E_HEAD_TOO_LARGE, "the request's head is too large (limits.header_kb, limits.headers)");
        break;
    case E_LOOP:
        error_set(
            &req->fail, E_LOOP,
            "this request has passed this gateway before: a provider's base_url leads back to it, and the operator must correct it");
        break;
    case E_UPGRADE:
        error_set(&req->fail, E_UPGRADE,
                  "WebSockets are not served: POST to the same path and read the answer as server-sent events");
        break;
    case E_FORBIDDEN:
    case E_MEDIA_TYPE:
        error_set(&req->fail, req->refuse, "%.*s", TEXT_ARG(req->allow));
        break;
    default:
        error_set(&req->fail, req->refuse, "the request is not well-formed HTTP/1.1");
        break;
    }
    return FAIL;
}

/* One and the same answer for no, unknown, disabled and expired keys. */
static enum next refuse(struct request *req)
{
    error_set(
        &req->fail, E_KEY,
        "no valid API key was given: send one as \"Authorization: Bearer KEY\" (or x-api-key, api-key); keys are made by the "
        "gateway's operator");
    return FAIL;
}

/* The key that a credential shows, NULL when it may not come in: then the log gets to know why. The arena's copy is wiped. */
static const struct config_key *key_of(struct request *req, struct text credential)
{
    uint8_t digest[CRYPTO_SHA256_LEN];
    crypto_sha256(credential, digest);
    crypto_wipe((void *)(uintptr_t)credential.ptr, credential.len);
    const struct config_key *key = config_key(req->config, digest);
    if (key == NULL) {
        if (req->refused_key == NULL)
            req->key_refused = "unknown";
        return NULL;
    }
    int64_t until = config_key_is_previous(key, digest) ? key->previous_until_unix_ms : INT64_MAX;
    if (key->expires_unix_ms != 0 && key->expires_unix_ms < until)
        until = key->expires_unix_ms;
    bool expired = until <= clock_unix_ms();
    if (key->enabled && !expired)
        return key;
    req->refused_key = key;
    req->key_refused = expired ? "expired" : "disabled";
    return NULL;
}

/* Row "auth". Clients send several: Claude Code has its own token in Authorization beside the key in x-api-key. */
enum next auth_run(struct request *req)
{
    if (req->parent != NULL) {
        req->key = req->parent->key;
        req->team = req->parent->team;
        return whose_is_off(req, &req->fail) == 0 ? NEXT : FAIL;
    }
    if (!req->config->keys_required || req->shadow.len > 0)
        return whose_complete(req) == 0 ? NEXT : FAIL;
    req->key_refused = "missing";
    for (size_t i = 0; i < sizeof req->credentials / sizeof *req->credentials; i++) {
        const struct config_key *key = req->credentials[i].len > 0 ? key_of(req, req->credentials[i]) : NULL;
        if (req->key == NULL)
            req->key = key;
    }
    if (req->key == NULL) {
        if (req->refused_key != NULL)
            req->team = req->refused_key->team;
        metrics_count_event(req->worker->gateway->metrics, req->worker->index,
                            arena_printf(&req->arena, "key_%s", req->key_refused));
        return refuse(req);
    }
    req->key_refused = NULL;
    req->team = req->key->team;
    return whose_complete(req) == 0 ? NEXT : FAIL;
}
