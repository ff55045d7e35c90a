/* answers.c - entries as values of a cache plugin. */
#include "cache/answers.h"

#include <stdlib.h>

#include "base/clock.h"
#include "plugin/values.h"

#define ANSWERS_MAGIC 0x616e7377u

struct cache_answers {
    uint32_t magic;
    struct values *values;
    struct flights *flights;
    struct purges *purges;
    uint8_t seal[CRYPTO_SHA256_LEN];
};

struct cache_answers *answers_open(const struct plugin *plugin, size_t mb, unsigned workers, struct fail *fail)
{
    struct values *values = values_open(plugin, "answers", mb, workers, fail);
    if (values == NULL)
        return NULL;
    struct cache_answers *a = calloc(1, sizeof *a);
    BUG_IF(a == NULL);
    a->magic = ANSWERS_MAGIC;
    a->values = values;
    a->flights = flights_new(workers);
    a->purges = purges_new();
    crypto_random(a->seal, sizeof a->seal);
    return a;
}

void answers_close(struct cache_answers *a)
{
    CHECK(a, ANSWERS);
    flights_free(a->flights);
    purges_free(a->purges);
    values_close(a->values);
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

bool answers_get(struct cache_answers *a, unsigned worker, struct text team, const char key[CACHE_KEY_LEN + 1],
                 struct buf *value, struct cache_entry *entry)
{
    CHECK(a, ANSWERS);
    return values_get(a->values, worker, team, (struct text){ key, CACHE_KEY_LEN }, value) &&
           entry_read(buf_view(value), key, entry) && entry->ends_ms > clock_unix_ms();
}

size_t answers_put(struct cache_answers *a, unsigned worker, struct text team, const char key[CACHE_KEY_LEN + 1],
                   struct cache_entry *entry, uint32_t ttl_s)
{
    struct buf value;
    CHECK(a, ANSWERS);
    entry->stored_ms = clock_unix_ms();
    entry->ends_ms = entry->stored_ms + (int64_t)ttl_s * 1000;
    buf_init(&value, CACHE_ANSWER_MOST + 4096);
    size_t len = entry_write(entry, key, &value) == 0 ? value.len : 0;
    if (len > 0 && !values_set(a->values, worker, team, (struct text){ key, CACHE_KEY_LEN }, buf_view(&value), ttl_s))
        len = 0;
    buf_free(&value);
    return len;
}
