/* pin.c - what lives in one account of a provider goes back to that account, and to no other. */
#include "flow/pin.h"

#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "flow/way.h"
#include "health/pins.h"

/* The account: provider, address and secret, whatever the configuration calls the secret and wherever it stands there. Never 0. */
static uint64_t place_of(struct arena *arena, const struct config_provider *p, int secret)
{
    struct text value = choose_secret_value(p, secret);
    uint8_t digest[CRYPTO_SHA256_LEN];
    uint64_t place;
    crypto_hmac_sha256(value.len > 0 ? value : TEXT("-"),
                       text_of(arena_printf(arena, "%.*s %.*s", TEXT_ARG(p->name), TEXT_ARG(p->base_url))), digest);
    memcpy(&place, digest, sizeof place);
    return place | 1;
}

static void digest_of(struct text id, uint8_t out[CRYPTO_SHA256_LEN])
{
    crypto_sha256(id, out); /* the first PINS_ID bytes of it are the id's */
}

void pin_read(struct request *req)
{
    struct owned owned;
    req->pin.owned = NULL;
    if (req->operation != GW_OP_CHAT)
        return;
    owned_find(buf_view(&req->body), &owned);
    if (owned.count == 0)
        return;
    struct pin_ids *ids = arena_new(&req->arena, struct pin_ids);
    *ids = (struct pin_ids){ .member = owned.member, .count = owned.count };
    for (unsigned i = 0; i < owned.count; i++)
        digest_of(owned.ids[i], ids->digests[i]);
    req->pin.owned = ids;
}

/* Of the first id that is known. */
static void look_up(struct request *req, const struct pin_ids *ids)
{
    struct pins *pins = req->worker->gateway->pins;
    int64_t now_s = clock_unix_ms() / 1000;
    req->pin.state = PIN_UNKNOWN;
    req->pin.member = ids->member;
    for (unsigned i = 0; i < ids->count && pins != NULL && req->pin.state == PIN_UNKNOWN; i++) {
        req->pin.place = pins_find(pins, ids->digests[i], now_s);
        if (req->pin.place != 0)
            req->pin.state = PIN_KNOWN;
    }
}

bool pin_allows(struct request *req, const struct route_target *target, int secret)
{
    switch (req->pin.state) {
    case PIN_KNOWN:
        return place_of(&req->arena, target->provider, secret) == req->pin.place;
    case PIN_UNKNOWN:
        return secret == 0;
    default:
        return true;
    }
}

static bool has_it(struct request *req, const struct route_target *t)
{
    size_t secrets = t->provider->secret_count > 0 ? t->provider->secret_count : 1;
    if (req->pin.state == PIN_UNKNOWN)
        return t->provider == req->targets[0].provider;
    for (size_t i = 0; i < secrets; i++)
        if (pin_allows(req, t, (int)i))
            return true;
    return false;
}

enum next pin_apply(struct request *req)
{
    size_t left = 0;
    req->pin.state = PIN_NONE;
    if (req->pin.owned == NULL || req->target_count == 0)
        return NEXT;
    look_up(req, req->pin.owned);
    for (size_t i = 0; i < req->target_count; i++)
        if (has_it(req, &req->targets[i]))
            req->targets[left++] = req->targets[i];
    req->target_count = left;
    way_debug(req, "\"%s\" lives in an account %s: %zu targets are left", req->pin.member,
              req->pin.state == PIN_KNOWN ? "that is known" : "that is not known", left);
    if (left > 0)
        return NEXT;
    error_set(&req->fail, E_UPSTREAM,
              "what \"%s\" names is in a provider's account that is no target of the model \"%.*s\": ask for the model "
              "that it was begun with, or leave it out",
              req->pin.member, (int)(req->ask.model.len < 120 ? req->ask.model.len : 120), req->ask.model.ptr);
    req->fail.status = 503;
    req->fail.code = PIN_UNAVAILABLE;
    req->fail.should_retry = 0;
    return FAIL;
}

void pin_learn(const struct attempt *a, struct arena *scratch, bool is_event, struct text name, struct text data)
{
    struct pins *pins = a->req->worker->gateway->pins;
    struct owned owned;
    uint8_t digest[CRYPTO_SHA256_LEN];
    if (pins == NULL || a->req->operation != GW_OP_CHAT || attempt_is_hit(a))
        return;
    owned_keep(scratch, is_event, name, data, &owned);
    if (owned.count == 0 || scratch->full)
        return;
    uint64_t place = place_of(scratch, a->target->provider, a->secret);
    for (unsigned i = 0; i < owned.count && !scratch->full; i++) {
        digest_of(owned.ids[i], digest);
        pins_note(pins, digest, place, clock_unix_ms() / 1000);
    }
}
