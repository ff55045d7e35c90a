/* answers.h - the answers that are kept, in a cache plugin. Each worker asks in its own session: nothing here is locked.
 *
 * A plugin that never waits is called at once (answers_get()). Another one runs in a helper process (plugin/aside.h), which answers later
 * (answers_ask()); what that keeps is sealed, with a key of the team. */
#ifndef CACHE_ANSWERS_H
#define CACHE_ANSWERS_H

#include "cache/entry.h"
#include "cache/flights.h"
#include "cache/purges.h"
#include "plugin/aside.h"
#include "plugin/plugin.h"

/* Bounds of an entry's life in seconds that every backend can keep. */
#define CACHE_TTL_LEAST 2
#define CACHE_TTL_MOST (30 * 86400)

struct cache_answers;

struct answers_settings {
    const struct plugin *plugin;
    const char *json; /* the plugin's settings, an object; lent */
    unsigned workers;
    uint8_t
        seal[CRYPTO_SHA256_LEN]; /* with another one no entry is found. Gateways that share a backend have the same */
};

/* An instance of the plugin. Given; NULL with `fail`. Boot thread. */
struct cache_answers *answers_open(const struct answers_settings *settings, struct fail *fail);
/* When no worker asks any more. */
void answers_close(struct cache_answers *answers);
/* The secret of the keys' HMAC: CRYPTO_SHA256_LEN bytes. */
const uint8_t *answers_seal(const struct cache_answers *answers);
/* The calls under way whose answers may be kept. Lent. */
struct flights *answers_flights(const struct cache_answers *answers);
/* What was purged. Lent. */
struct purges *answers_purges(const struct cache_answers *answers);
/* Does its plugin answer later? Then answers_get() finds nothing. */
bool answers_wait(const struct cache_answers *answers);
/* Asks for the entries of that team under `keys`. False: they cannot be had, and `ask` is not answered. The worker's thread, and its loop. */
bool answers_ask(struct cache_answers *answers, unsigned worker, struct loop *loop, struct text team,
                 const struct text *keys, uint32_t key_count, struct aside_ask *ask);
/* One value of what came, which was kept under `key`: as answers_get(). */
bool answers_read(const struct cache_answers *answers, struct text team, const char key[CACHE_KEY_LEN + 1],
                  struct text came, struct buf *value, struct cache_entry *entry);
/* NULL: there is no helper process. Lent. */
const struct aside *answers_aside(const struct cache_answers *answers);
/* The entry of that team under `key`; `value` (empty) gets what its texts are lent from. False: there is none. The worker's thread. */
bool answers_get(struct cache_answers *answers, unsigned worker, struct text team, const char key[CACHE_KEY_LEN + 1],
                 struct buf *value, struct cache_entry *entry);
/* Keeps it from now on for `ttl_s`; entry->stored_ms and ends_ms are filled in. The bytes that it takes; 0: it is not kept. A helper process may
 * still lose it. The worker's thread, and its loop. */
size_t answers_put(struct cache_answers *answers, unsigned worker, struct loop *loop, struct text team,
                   const char key[CACHE_KEY_LEN + 1], struct cache_entry *entry, uint32_t ttl_s);

#endif
