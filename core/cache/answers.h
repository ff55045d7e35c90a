/* answers.h - the answers that are kept, in a cache plugin. Each worker asks in its own session: nothing here is locked. */
#ifndef CACHE_ANSWERS_H
#define CACHE_ANSWERS_H

#include "cache/entry.h"
#include "cache/flights.h"
#include "cache/purges.h"
#include "plugin/plugin.h"

/* Bounds of an entry's life in seconds that every backend can keep. */
#define CACHE_TTL_LEAST 2
#define CACHE_TTL_MOST (30 * 86400)

struct cache_answers;

/* An instance of the plugin with `mb` megabytes, for `workers` workers, and a seal of its own: no key of another process finds anything.
 * Given; NULL with `fail`. Boot thread. */
struct cache_answers *answers_open(const struct plugin *plugin, size_t mb, unsigned workers, struct fail *fail);
/* When no worker asks any more. */
void answers_close(struct cache_answers *answers);
/* The secret of the keys' HMAC: CRYPTO_SHA256_LEN bytes. */
const uint8_t *answers_seal(const struct cache_answers *answers);
/* The calls under way whose answers may be kept. Lent. */
struct flights *answers_flights(const struct cache_answers *answers);
/* What was purged. Lent. */
struct purges *answers_purges(const struct cache_answers *answers);
/* The entry of that team under `key`; `value` (empty) gets what its texts are lent from. False: there is none. The worker's thread. */
bool answers_get(struct cache_answers *answers, unsigned worker, struct text team, const char key[CACHE_KEY_LEN + 1],
                 struct buf *value, struct cache_entry *entry);
/* Keeps it from now on for `ttl_s`; entry->stored_ms and ends_ms are filled in. The bytes that it takes; 0: it is not kept. The worker's
 * thread. */
size_t answers_put(struct cache_answers *answers, unsigned worker, struct text team, const char key[CACHE_KEY_LEN + 1],
                   struct cache_entry *entry, uint32_t ttl_s);

#endif
