/* answers.c - entries as values of a cache plugin. */
#include "cache/answers.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/seal.h"
#include "plugin/values.h"

#define ANSWERS_MAGIC 0x616e7377u

struct cache_answers {
    uint32_t magic;
    struct values *values; /* one of the two */
    struct aside *aside;
    size_t value_most;
    struct flights *flights;
    struct purges *purges;
    uint8_t seal[CRYPTO_SHA256_LEN];
};

static const char space[] = "answers";

struct cache_answers *answers_open(const struct answers_settings *settings, struct fail *fail)
{
    const struct plugin *plugin = settings->plugin;
    bool waits = (plugin->cache.flags & GW_CACHE_INLINE) == 0;
    struct values *values = waits ? NULL : values_open(plugin, space, settings->json, settings->workers, fail);
    struct aside *aside = waits ? aside_open(plugin, settings->json, settings->workers, fail) : NULL;
    if (values == NULL && aside == NULL)
        return NULL;
    struct cache_answers *a = calloc(1, sizeof *a);
    BUG_IF(a == NULL);
    a->magic = ANSWERS_MAGIC;
    a->values = values;
    a->aside = aside;
    a->value_most = plugin->cache.value_most > 0 ? plugin->cache.value_most : 1 << 20;
    a->flights = flights_new(settings->workers);
    a->purges = purges_new();
    memcpy(a->seal, settings->seal, sizeof a->seal);
    return a;
}

void answers_close(struct cache_answers *a)
{
    CHECK(a, ANSWERS);
    flights_free(a->flights);
    purges_free(a->purges);
    if (a->values != NULL)
        values_close(a->values);
    if (a->aside != NULL)
        aside_close(a->aside);
    crypto_wipe(a, sizeof *a);
    free(a);
}

const uint8_t *answers_seal(const struct cache_answers *a)
{
    return a->seal;
}

struct flights *answers_flights(const struct cache_answers *a)
{
    return a->flights;
}

struct purges *answers_purges(const struct cache_answers *a)
{
    return a->purges;
}

const struct aside *answers_aside(const struct cache_answers *a)
{
    return a->aside;
}

bool answers_wait(const struct cache_answers *a)
{
    return a->aside != NULL;
}

bool answers_ask(struct cache_answers *a, unsigned worker, struct loop *loop, struct text team, const struct text *keys,
                 uint32_t key_count, struct aside_ask *ask)
{
    CHECK(a, ANSWERS);
    const struct aside_order order = {
        .op = ASIDE_GET, .team = team, .space = text_of(space), .keys = keys, .key_count = key_count
    };
    return aside_ask(a->aside, worker, loop, &order, ask);
}

/* No team opens another's values, whatever becomes of their keys. */
static void team_key(const struct cache_answers *a, struct text team, uint8_t out[SEAL_KEY_LEN])
{
    struct buf name;
    buf_init(&name, 64 << 10);
    buf_str(&name, "value");
    buf_append(&name, "", 1);
    buf_text(&name, team);
    BUG_IF(name.failed);
    crypto_hmac_sha256((struct text){ (const char *)a->seal, sizeof a->seal }, buf_view(&name), out);
    buf_free(&name);
}

bool answers_read(const struct cache_answers *a, struct text team, const char key[CACHE_KEY_LEN + 1], struct text came,
                  struct buf *value, struct cache_entry *entry)
{
    uint8_t secret[SEAL_KEY_LEN];
    team_key(a, team, secret);
    bool good = seal_open(secret, (struct text){ key, CACHE_KEY_LEN }, came, value) &&
                entry_read(buf_view(value), key, entry) && entry->ends_ms > clock_unix_ms();
    crypto_wipe(secret, sizeof secret);
    return good;
}

bool answers_get(struct cache_answers *a, unsigned worker, struct text team, const char key[CACHE_KEY_LEN + 1],
                 struct buf *value, struct cache_entry *entry)
{
    CHECK(a, ANSWERS);
    return a->values != NULL && values_get(a->values, worker, team, (struct text){ key, CACHE_KEY_LEN }, value) &&
           entry_read(buf_view(value), key, entry) && entry->ends_ms > clock_unix_ms();
}

/* Nobody waits for it: the next request may be asked before it is kept, and misses. */
static bool send_sealed(struct cache_answers *a, unsigned worker, struct loop *loop, struct text team, struct text key,
                        struct text value, uint32_t ttl_s)
{
    uint8_t secret[SEAL_KEY_LEN];
    struct buf sealed;
    if (value.len + SEAL_MORE > a->value_most)
        return false;
    buf_init(&sealed, value.len + SEAL_MORE);
    team_key(a, team, secret);
    bool good = seal_close(secret, key, value, &sealed) == 0;
    crypto_wipe(secret, sizeof secret);
    const struct aside_order order = { .op = ASIDE_SET,
                                       .team = team,
                                       .space = text_of(space),
                                       .keys = &key,
                                       .key_count = 1,
                                       .value = buf_view(&sealed),
                                       .ttl_s = ttl_s,
                                       .mode = GW_SET_ALWAYS };
    good = good && aside_ask(a->aside, worker, loop, &order, NULL);
    buf_free(&sealed);
    return good;
}

size_t answers_put(struct cache_answers *a, unsigned worker, struct loop *loop, struct text team,
                   const char key[CACHE_KEY_LEN + 1], struct cache_entry *entry, uint32_t ttl_s)
{
    struct buf value;
    struct text name = { key, CACHE_KEY_LEN };
    CHECK(a, ANSWERS);
    entry->stored_ms = clock_unix_ms();
    entry->ends_ms = entry->stored_ms + (int64_t)ttl_s * 1000;
    buf_init(&value, CACHE_ANSWER_MOST + 4096);
    size_t len = entry_write(entry, key, &value) == 0 ? value.len : 0;
    bool kept = len > 0 && (a->aside != NULL ? send_sealed(a, worker, loop, team, name, buf_view(&value), ttl_s)
                                             : values_set(a->values, worker, team, name, buf_view(&value), ttl_s));
    buf_free(&value);
    return kept ? len : 0;
}
