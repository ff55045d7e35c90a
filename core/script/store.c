/* store.c - values by name, in a hash table whose entries are also a list in the order of their last use. */
#include "script/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/map.h"

enum { BUCKETS = 1 << 14 };

struct entry {
    struct entry *next; /* of its bucket */
    struct entry *newer, *older;
    uint64_t hash;
    int64_t ends_ms, number;
    size_t key_len, value_len;
    char bytes[]; /* key, value */
};

struct store {
    pthread_mutex_t mutex;
    struct entry *buckets[BUCKETS];
    struct entry *newest, *oldest;
    size_t bytes, most;
};

struct store *store_new(size_t bytes)
{
    struct store *s = calloc(1, sizeof *s);
    BUG_IF(s == NULL || pthread_mutex_init(&s->mutex, NULL) != 0);
    s->most = bytes;
    return s;
}

static size_t size_of(const struct entry *e)
{
    return sizeof *e + e->key_len + e->value_len + 16; /* and malloc's own */
}

static void unlink_entry(struct store *s, struct entry *e)
{
    *(e->newer != NULL ? &e->newer->older : &s->newest) = e->older;
    *(e->older != NULL ? &e->older->newer : &s->oldest) = e->newer;
}

static void link_newest(struct store *s, struct entry *e)
{
    e->newer = NULL;
    e->older = s->newest;
    *(s->newest != NULL ? &s->newest->newer : &s->oldest) = e;
    s->newest = e;
}

static struct entry **place_of(struct store *s, struct text key, uint64_t hash)
{
    struct entry **at = &s->buckets[hash % BUCKETS];
    while (*at != NULL &&
           ((*at)->hash != hash || (*at)->key_len != key.len || memcmp((*at)->bytes, key.ptr, key.len) != 0))
        at = &(*at)->next;
    return at;
}

static void drop(struct store *s, struct entry **at)
{
    struct entry *e = *at;
    *at = e->next;
    unlink_entry(s, e);
    s->bytes -= size_of(e);
    free(e);
}

/* One that has not ended, used now; NULL: there is none. */
static struct entry *find(struct store *s, struct text key, uint64_t hash, int64_t now_ms)
{
    struct entry **at = place_of(s, key, hash);
    if (*at != NULL && (*at)->ends_ms <= now_ms)
        drop(s, at);
    if (*at == NULL)
        return NULL;
    unlink_entry(s, *at);
    link_newest(s, *at);
    return *at;
}

static struct entry *put(struct store *s, struct text key, uint64_t hash, struct text value, int64_t ends_ms)
{
    struct entry **at = place_of(s, key, hash);
    if (*at != NULL)
        drop(s, at);
    struct entry *e = malloc(sizeof *e + key.len + value.len);
    BUG_IF(e == NULL);
    *e = (struct entry){ .hash = hash, .ends_ms = ends_ms, .key_len = key.len, .value_len = value.len };
    memcpy(e->bytes, key.ptr, key.len);
    if (value.len > 0)
        memcpy(e->bytes + key.len, value.ptr, value.len);
    e->next = s->buckets[hash % BUCKETS];
    s->buckets[hash % BUCKETS] = e;
    link_newest(s, e);
    s->bytes += size_of(e);
    while (s->bytes > s->most && s->oldest != e)
        drop(s, place_of(s, (struct text){ s->oldest->bytes, s->oldest->key_len }, s->oldest->hash));
    return e;
}

void store_clear(struct store *s)
{
    pthread_mutex_lock(&s->mutex);
    while (s->oldest != NULL)
        drop(s, place_of(s, (struct text){ s->oldest->bytes, s->oldest->key_len }, s->oldest->hash));
    pthread_mutex_unlock(&s->mutex);
}

void store_free(struct store *s)
{
    store_clear(s);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

int64_t store_add(struct store *s, struct text key, int64_t delta, int64_t most, int64_t now_ms, int64_t ttl_ms,
                  bool *took)
{
    uint64_t hash = map_hash(key.ptr, key.len);
    int64_t sum;
    pthread_mutex_lock(&s->mutex);
    struct entry *e = find(s, key, hash, now_ms);
    int64_t before = e != NULL ? e->number : 0;
    *took = !__builtin_add_overflow(before, delta, &sum) && (delta <= 0 || sum <= most);
    if (*took && delta != 0) {
        if (e == NULL)
            e = put(s, key, hash, TEXT(""), now_ms + ttl_ms);
        e->number = sum;
    }
    pthread_mutex_unlock(&s->mutex);
    return *took ? sum : before;
}

void store_give_back(struct store *s, struct text key, int64_t n, int64_t now_ms)
{
    pthread_mutex_lock(&s->mutex);
    struct entry *e = find(s, key, map_hash(key.ptr, key.len), now_ms);
    if (e != NULL)
        e->number = e->number > n ? e->number - n : 0;
    pthread_mutex_unlock(&s->mutex);
}

bool store_get(struct store *s, struct text key, int64_t now_ms, struct buf *out)
{
    pthread_mutex_lock(&s->mutex);
    const struct entry *e = find(s, key, map_hash(key.ptr, key.len), now_ms);
    bool good = e != NULL && buf_append(out, e->bytes + e->key_len, e->value_len) == 0;
    pthread_mutex_unlock(&s->mutex);
    return good;
}

void store_set(struct store *s, struct text key, struct text value, int64_t now_ms, int64_t ttl_ms)
{
    pthread_mutex_lock(&s->mutex);
    put(s, key, map_hash(key.ptr, key.len), value, now_ms + ttl_ms);
    pthread_mutex_unlock(&s->mutex);
}

void store_del(struct store *s, struct text key)
{
    pthread_mutex_lock(&s->mutex);
    struct entry **at = place_of(s, key, map_hash(key.ptr, key.len));
    if (*at != NULL)
        drop(s, at);
    pthread_mutex_unlock(&s->mutex);
}
