/* config.c - the snapshot's life, and the questions asked of it. What it may contain was decided by
 * boot/: here everything is believed. */
#include "config/config.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"

/* A configuration is small; the bound only stops one that is not. */
enum { CONFIG_MAX_BYTES = 256 << 20, MB = 1 << 20, KB = 1 << 10 };

/* 600 s is what the SDKs themselves wait for an answer. The first token has as long: a model that reasons unseen may well take minutes
 * to it, and a target that answers nobody is found out by health/silence.h. */
const struct config_timeouts config_default_timeouts = {
    .connect_ns = 5 * CLOCK_S,
    .first_token_ns = 600 * CLOCK_S,
    .idle_ns = 120 * CLOCK_S,
    .total_ns = 600 * CLOCK_S,
};

static int64_t first_set(int64_t above, int64_t middle, int64_t below)
{
    return above > 0 ? above : middle > 0 ? middle : below;
}

struct config_timeouts config_timeouts_of(const struct config_timeouts *model, const struct config_provider *provider)
{
    const struct config_timeouts *p = &provider->timeouts, *d = &config_default_timeouts;
    return (struct config_timeouts){
        .connect_ns = first_set(model->connect_ns, p->connect_ns, d->connect_ns),
        .first_token_ns = first_set(model->first_token_ns, p->first_token_ns, d->first_token_ns),
        .idle_ns = first_set(model->idle_ns, p->idle_ns, d->idle_ns),
        .total_ns = first_set(model->total_ns, p->total_ns, d->total_ns),
    };
}

const char *config_strategy_name(enum config_strategy strategy)
{
    static const char *const names[STRATEGIES] = { "order", "weighted", "least_busy", "lowest_cost", "lowest_latency" };
    return names[strategy];
}

const char *config_list_name(enum config_list list)
{
    static const char *const names[LISTS] = { "", "fallback", "on_context_overflow", "on_content_filter" };
    return names[list];
}

const char *config_priority_name(enum config_priority priority)
{
    static const char *const names[PRIORITIES] = { "", "critical", "normal", "low" };
    return names[priority];
}

enum config_priority config_priority_of(const struct config_team *team, const struct config_key *key)
{
    if (key != NULL && key->priority != PRIORITY_UNSET)
        return key->priority;
    return team->priority != PRIORITY_UNSET ? team->priority : PRIORITY_NORMAL;
}

unsigned config_max_in_flight(const struct config *config, const struct config_provider *provider, struct text model)
{
    for (size_t i = 0; i < config->model_count && config->limits_targets; i++)
        for (size_t t = 0; t < config->models[i].target_count; t++) {
            const struct config_target *target = &config->models[i].targets[t];
            if (target->max_in_flight > 0 && target->provider == provider && text_eq(target->model, model))
                return target->max_in_flight;
        }
    return 0;
}

static const struct config_limits default_limits = {
    .body_bytes = 20 * MB,
    .answer_bytes = 64 * MB,
    .event_bytes = 16 * MB,
    .memory_bytes = 64 * MB,
    .header_bytes = 8 * KB,
    .header_count = 100,
    .connections = 16384,
    .header_ns = 10 * CLOCK_S,
    .body_ns = 60 * CLOCK_S,
    .write_ns = 60 * CLOCK_S,
    .keep_alive_ns = 75 * CLOCK_S,
    .drain_ns = 600 * CLOCK_S,
    .ping_ns = 15 * CLOCK_S,
    .dns_max_age_ns = 30 * CLOCK_S,
};

/* The same for all; a snapshot may be loaded while another one is freed. */
static void (*_Atomic close_instance)(struct config_provider *provider);

static void wipe_secrets(struct config *config);

struct config *config_new(void)
{
    struct config *config = calloc(1, sizeof *config);
    BUG_IF(config == NULL);
    config->magic = CONFIG_MAGIC;
    config->refs = 1;
    memset(config->digest, '0', sizeof config->digest - 1);
    arena_init(&config->arena, NULL, 0, CONFIG_MAX_BYTES);
    config->listen = (struct config_listen){ .address = TEXT("127.0.0.1"), .port = 8080, .workers = 1 };
    config->limits = default_limits;
    map_init(&config->provider_by_name);
    map_init(&config->model_by_name);
    map_init(&config->key_by_digest);
    return config;
}

struct config *config_ref(struct config *config)
{
    CHECK(config, CONFIG);
    __atomic_add_fetch(&config->refs, 1, __ATOMIC_RELAXED);
    return config;
}

void config_unref(struct config *config)
{
    if (config == NULL)
        return;
    CHECK(config, CONFIG);
    if (__atomic_sub_fetch(&config->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;

    void (*close)(struct config_provider *) = atomic_load(&close_instance);
    for (size_t i = 0; i < config->provider_count; i++) {
        struct config_provider *provider = &config->providers[i];
        if (provider->instance != NULL && close != NULL)
            close(provider);
    }
    if (config->store.instance != NULL)
        config->store.close(config->store.plugin, config->store.instance);
    if (config->book != NULL)
        config->free_book(config->book);
    wipe_secrets(config);
    map_fini(&config->provider_by_name);
    map_fini(&config->model_by_name);
    map_fini(&config->key_by_digest);
    arena_fini(&config->arena);
    config->magic = 0;
    free(config);
}

void config_on_close(void (*close_provider)(struct config_provider *provider))
{
    atomic_store(&close_instance, close_provider);
}

static void wipe(struct text secret)
{
    if (secret.len > 0)
        crypto_wipe((void *)(uintptr_t)secret.ptr, secret.len);
}

static void wipe_headers(const struct config_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (headers[i].secret)
            wipe(headers[i].value);
}

static void wipe_secrets(struct config *config)
{
    for (size_t i = 0; i < config->provider_count; i++) {
        const struct config_provider *provider = &config->providers[i];
        for (size_t s = 0; s < provider->secret_count; s++)
            wipe(provider->secrets[s].value);
        for (size_t s = 0; s < provider->named_count; s++)
            wipe(provider->named[s].value);
        wipe_headers(provider->headers, provider->header_count);
    }
    for (size_t i = 0; i < config->policy_count; i++)
        for (size_t k = 0; k < config->policies[i].place_count; k++)
            wipe_headers(config->policies[i].places[k].headers, config->policies[i].places[k].header_count);
    wipe(config->listen.key_pem);
    wipe(config->metrics_token);
}

static bool is_family(struct text name)
{
    return text_ends(name, TEXT("*"));
}

void config_seal(struct config *config)
{
    CHECK(config, CONFIG);
    for (size_t i = 0; i < config->provider_count; i++) {
        config->providers[i].index = (unsigned)i;
        map_put(&config->provider_by_name, config->providers[i].name, &config->providers[i]);
    }
    for (size_t i = 0; i < config->model_count; i++)
        if (!is_family(config->models[i].name))
            map_put(&config->model_by_name, config->models[i].name, &config->models[i]);
    for (size_t i = 0; i < config->key_count; i++) {
        struct text digest = { (const char *)config->keys[i].digest, CRYPTO_SHA256_LEN };
        map_put(&config->key_by_digest, digest, &config->keys[i]);
        digest.ptr = (const char *)config->keys[i].previous_digest;
        if (config->keys[i].previous_until_unix_ms != 0)
            map_put(&config->key_by_digest, digest, &config->keys[i]);
    }
    config->keys_required = config->key_count > 0;
}

const struct config_provider *config_provider(const struct config *config, struct text name)
{
    CHECK(config, CONFIG);
    return map_get(&config->provider_by_name, name);
}

const struct config_model *config_model(const struct config *config, struct text name)
{
    CHECK(config, CONFIG);
    return map_get(&config->model_by_name, name);
}

const struct config_model *config_family(const struct config *config, struct text name)
{
    CHECK(config, CONFIG);
    const struct config_model *best = NULL;
    for (size_t i = 0; i < config->model_count; i++) {
        const struct config_model *model = &config->models[i];
        if (is_family(model->name) && text_matches(name, model->name) &&
            (best == NULL || model->name.len > best->name.len))
            best = model;
    }
    return best;
}

/* What is compared is the digest of what the client sent: how long the look-up takes means nothing
 * about the keys that exist. The last word is in constant time all the same. */
const struct config_key *config_key(const struct config *config, const uint8_t digest[CRYPTO_SHA256_LEN])
{
    CHECK(config, CONFIG);
    const struct config_key *key =
        map_get(&config->key_by_digest, (struct text){ (const char *)digest, CRYPTO_SHA256_LEN });
    if (key == NULL || (!crypto_equal(key->digest, digest, CRYPTO_SHA256_LEN) && !config_key_is_previous(key, digest)))
        return NULL;
    return key;
}

bool config_key_is_previous(const struct config_key *key, const uint8_t digest[CRYPTO_SHA256_LEN])
{
    return key->previous_until_unix_ms != 0 && !crypto_equal(key->digest, digest, CRYPTO_SHA256_LEN) &&
           crypto_equal(key->previous_digest, digest, CRYPTO_SHA256_LEN);
}

static bool is_in(const struct text *patterns, size_t count, struct text model)
{
    for (size_t i = 0; i < count; i++)
        if (text_matches(model, patterns[i]))
            return true;
    return patterns == NULL;
}

bool config_team_may(const struct config_team *team, struct text model)
{
    return team == NULL || is_in(team->models, team->model_count, model);
}

bool config_key_may(const struct config_team *team, const struct config_key *key, struct text model)
{
    return config_team_may(team, model) && (key == NULL || is_in(key->models, key->model_count, model));
}
