/* values.c - values by key. The memory is divided into parts, so that workers seldom meet: each has a lock, a hash table, and a list of its
 * values in the order of their last use. */
#include "values.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    PARTS_MOST = 16,
    PART_LEAST = 4 << 20, /* bytes: one part where there is less */
    BUCKETS_FIRST = 256,  /* a power of two */
    CHOICE = 8,           /* of so many that were used last long ago, the largest goes first */
    COUNTED = 32,         /* malloc's own bytes of an entry, about */
};

struct entry {
    struct entry *next; /* of its bucket */
    struct entry *newer, *older;
    uint64_t hash;
    int64_t ends_ms;
    unsigned passed; /* how often a larger one went in its place since it was used */
    size_t key_len, value_len;
    char bytes[]; /* key, value */
};

struct part {
    pthread_mutex_t mutex;
    struct entry **buckets;
    size_t bucket_count, count;
    struct entry *newest, *oldest;
    size_t bytes, most;
};

struct table {
    size_t part_count; /* a power of two */
    struct part parts[PARTS_MOST];
};

static size_t size_of(const struct entry *e)
{
    return sizeof *e + e->key_len + e->value_len + COUNTED;
}

/* FNV-1a. Keys are the core's, no client's. */
static uint64_t hash_of(gw_str key)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < key.len; i++)
        h = (h ^ (unsigned char)key.ptr[i]) * UINT64_C(1099511628211);
    return h;
}

static int part_init(struct part *p, size_t most)
{
    p->most = most;
    p->bucket_count = BUCKETS_FIRST;
    p->buckets = calloc(p->bucket_count, sizeof(struct entry *));
    if (p->buckets == NULL || pthread_mutex_init(&p->mutex, NULL) != 0) {
        free(p->buckets);
        return -1;
    }
    return 0;
}

static void part_fini(struct part *p)
{
    for (struct entry *e = p->oldest, *newer; e != NULL; e = newer) {
        newer = e->newer;
        free(e);
    }
    pthread_mutex_destroy(&p->mutex);
    free(p->buckets);
}

struct table *table_new(size_t bytes)
{
    struct table *v = calloc(1, sizeof *v);
    size_t wanted = 1;
    if (v == NULL)
        return NULL;
    while (wanted < PARTS_MOST && bytes / (wanted * 2) >= PART_LEAST)
        wanted *= 2;
    for (; v->part_count < wanted; v->part_count++)
        if (part_init(&v->parts[v->part_count], bytes / wanted) < 0) {
            table_free(v);
            return NULL;
        }
    return v;
}

void table_free(struct table *v)
{
    for (size_t i = 0; i < v->part_count; i++)
        part_fini(&v->parts[i]);
    free(v);
}

/* Its part, locked. The low bits of the hash choose the bucket. */
static struct part *enter(struct table *v, uint64_t hash)
{
    struct part *p = &v->parts[(hash >> 48) & (v->part_count - 1)];
    pthread_mutex_lock(&p->mutex);
    return p;
}

static void unlink_entry(struct part *p, struct entry *e)
{
    *(e->newer != NULL ? &e->newer->older : &p->newest) = e->older;
    *(e->older != NULL ? &e->older->newer : &p->oldest) = e->newer;
}

static void link_newest(struct part *p, struct entry *e)
{
    e->newer = NULL;
    e->older = p->newest;
    *(p->newest != NULL ? &p->newest->newer : &p->oldest) = e;
    p->newest = e;
}

static struct entry **bucket_of(const struct part *p, uint64_t hash)
{
    return &p->buckets[hash & (p->bucket_count - 1)];
}

static void drop(struct part *p, struct entry *e)
{
    struct entry **at = bucket_of(p, e->hash);
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    unlink_entry(p, e);
    p->bytes -= size_of(e);
    p->count--;
    free(e);
}

static struct entry *find(struct part *p, uint64_t hash, gw_str key, int64_t now_ms)
{
    struct entry *e = *bucket_of(p, hash);
    while (e != NULL && (e->hash != hash || e->key_len != key.len || memcmp(e->bytes, key.ptr, key.len) != 0))
        e = e->next;
    if (e == NULL || e->ends_ms > now_ms)
        return e;
    drop(p, e);
    return NULL;
}

/* Which one goes next: one that is over, else the largest of those that were used last long ago; a small one stays so for a while. */
static struct entry *least(const struct part *p, int64_t now_ms)
{
    struct entry *chosen = p->oldest, *e = p->oldest;
    if (e->passed >= CHOICE)
        return e;
    for (int i = 0; i < CHOICE && e != NULL && chosen->ends_ms > now_ms; i++, e = e->newer)
        if (e->ends_ms <= now_ms || size_of(e) > size_of(chosen))
            chosen = e;
    p->oldest->passed++;
    return chosen;
}

/* Twice as many buckets; where there is no memory for them it stays as it is. */
static void grow(struct part *p)
{
    size_t count = p->bucket_count * 2;
    struct entry **more = calloc(count, sizeof(struct entry *));
    if (more == NULL)
        return;
    for (struct entry *e = p->oldest; e != NULL; e = e->newer) {
        struct entry **bucket = &more[e->hash & (count - 1)];
        e->next = *bucket;
        *bucket = e;
    }
    free(p->buckets);
    p->buckets = more;
    p->bucket_count = count;
}

static void put(struct part *p, struct entry *e)
{
    if (p->count >= p->bucket_count)
        grow(p);
    struct entry **bucket = bucket_of(p, e->hash);
    e->next = *bucket;
    *bucket = e;
    link_newest(p, e);
    p->bytes += size_of(e);
    p->count++;
}

gw_status table_get(struct table *v, gw_str key, int64_t now_ms, const gw_host *host, gw_buf *out)
{
    uint64_t hash = hash_of(key);
    struct part *p = enter(v, hash);
    struct entry *e = find(p, hash, key, now_ms);
    if (e != NULL) {
        unlink_entry(p, e);
        link_newest(p, e);
        e->passed = 0;
        host->buf_append(out, (gw_str){ e->bytes + e->key_len, e->value_len });
    }
    pthread_mutex_unlock(&p->mutex);
    return e != NULL ? GW_OK : GW_MISS;
}

gw_status table_set(struct table *v, gw_str key, gw_str value, int64_t now_ms, int64_t ends_ms, uint32_t mode)
{
    uint64_t hash = hash_of(key);
    struct entry *e = malloc(sizeof *e + key.len + value.len); /* copied before the lock is taken */
    if (e == NULL)
        return GW_E_NOMEM;
    *e = (struct entry){ .hash = hash, .ends_ms = ends_ms, .key_len = key.len, .value_len = value.len };
    memcpy(e->bytes, key.ptr, key.len);
    if (value.len > 0)
        memcpy(e->bytes + key.len, value.ptr, value.len);
    struct part *p = enter(v, hash);
    struct entry *old = find(p, hash, key, now_ms);
    gw_status status = old != NULL && mode == GW_SET_IF_ABSENT ? GW_MISS : size_of(e) > p->most ? GW_E_REJECT : GW_OK;
    if (status == GW_OK) {
        if (old != NULL)
            drop(p, old);
        while (p->bytes + size_of(e) > p->most)
            drop(p, least(p, now_ms));
        put(p, e);
    }
    pthread_mutex_unlock(&p->mutex);
    if (status != GW_OK)
        free(e);
    return status;
}

gw_status table_del(struct table *v, gw_str key)
{
    uint64_t hash = hash_of(key);
    struct part *p = enter(v, hash);
    struct entry *e = find(p, hash, key, INT64_MIN);
    if (e != NULL)
        drop(p, e);
    pthread_mutex_unlock(&p->mutex);
    return e != NULL ? GW_OK : GW_MISS;
}
