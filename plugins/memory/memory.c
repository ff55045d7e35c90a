/* memory.c - values (values.c) and counters in the memory of one gateway: neither takes room from the other. */
#include <gateway/cache.h>
#include <gateway/easy.h>
#include <gateway/plugin.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "values.h"

enum { KEY_MOST = 400, BUCKETS_FIRST = 256, MB_USUAL = 64, MB_MOST = 1 << 20 };

struct counter {
    struct counter *next;
    uint64_t hash;
    int64_t total, ends_s; /* monotonic seconds */
    size_t len;
    char key[]; /* team, space and key, with a NUL between */
};

struct memory {
    const gw_host *host;
    pthread_mutex_t mutex;
    struct counter **buckets;
    size_t bucket_count, count; /* a power of two */
    struct table *table;
};

static int64_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static gw_status memory_open(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    int64_t mb = host->json->integer(host->json->get(config, gw_of("mb")), MB_USUAL);
    if (mb < 1 || mb > MB_MOST) {
        host->explain(call, gw_of("mb must be 1 to 1048576"));
        return GW_E_CONFIG;
    }
    struct memory *m = calloc(1, sizeof *m);
    if (m == NULL)
        return GW_E_NOMEM;
    m->host = host;
    m->bucket_count = BUCKETS_FIRST;
    m->buckets = calloc(m->bucket_count, sizeof(struct counter *));
    m->table = table_new((size_t)mb << 20);
    if (m->buckets == NULL || m->table == NULL || pthread_mutex_init(&m->mutex, NULL) != 0) {
        if (m->table != NULL)
            table_free(m->table);
        free(m->buckets);
        free(m);
        return GW_E_NOMEM;
    }
    *instance = m;
    return GW_OK;
}

static void memory_close(void *instance)
{
    struct memory *m = instance;
    for (size_t i = 0; i < m->bucket_count; i++)
        for (struct counter *c = m->buckets[i], *next; c != NULL; c = next) {
            next = c->next;
            free(c);
        }
    table_free(m->table);
    pthread_mutex_destroy(&m->mutex);
    free(m->buckets);
    free(m);
}

static gw_status memory_attach(void *instance, gw_call *call, void **session)
{
    (void)call;
    *session = instance;
    return GW_OK;
}

static void memory_detach(void *session)
{
    (void)session;
}

/* FNV-1a. Keys are the core's, no client's. */
static uint64_t hash_of(const char *bytes, size_t len)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
    return h;
}

/* 0: it does not fit. */
static size_t join(char out[KEY_MOST], const gw_scope *scope, gw_str key)
{
    size_t len = scope->team.len + scope->space.len + key.len + 2, n = 0;
    if (len > KEY_MOST || key.len == 0)
        return 0;
    const gw_str parts[] = { scope->team, scope->space, key };
    for (size_t i = 0; i < 3; i++) {
        if (parts[i].len > 0)
            memcpy(out + n, parts[i].ptr, parts[i].len);
        n += parts[i].len;
        if (i < 2)
            out[n++] = '\0';
    }
    return n;
}

static gw_status memory_get(void *session, gw_call *call, const gw_scope *scope, gw_str key, gw_buf *value)
{
    struct memory *m = session;
    char joined[KEY_MOST];
    size_t len = join(joined, scope, key);
    (void)call;
    return len == 0 ? GW_E_REJECT
                    : table_get(m->table, (gw_str){ joined, len }, m->host->now_ms(m->host->self), m->host, value);
}

static gw_status memory_set(void *session, gw_call *call, const gw_scope *scope, gw_str key, gw_str value,
                            uint32_t ttl_s, uint32_t mode)
{
    struct memory *m = session;
    char joined[KEY_MOST];
    size_t len = join(joined, scope, key);
    int64_t now = m->host->now_ms(m->host->self);
    (void)call;
    return len == 0 ? GW_E_REJECT
                    : table_set(m->table, (gw_str){ joined, len }, value, now, now + (int64_t)ttl_s * 1000, mode);
}

static void drop_old(struct memory *m, struct counter **at, int64_t now)
{
    while (*at != NULL)
        if ((*at)->ends_s <= now) {
            struct counter *old = *at;
            *at = old->next;
            free(old);
            m->count--;
        } else {
            at = &(*at)->next;
        }
}

/* Twice as many buckets; where there is no memory for them it stays as it is. */
static void grow(struct memory *m, int64_t now)
{
    for (size_t i = 0; i < m->bucket_count; i++)
        drop_old(m, &m->buckets[i], now);
    if (m->count < m->bucket_count)
        return;
    struct counter **more = calloc(m->bucket_count * 2, sizeof(struct counter *));
    if (more == NULL)
        return;
    for (size_t i = 0; i < m->bucket_count; i++)
        for (struct counter *c = m->buckets[i], *next; c != NULL; c = next) {
            next = c->next;
            struct counter **bucket = &more[c->hash & (m->bucket_count * 2 - 1)];
            c->next = *bucket;
            *bucket = c;
        }
    free(m->buckets);
    m->buckets = more;
    m->bucket_count *= 2;
}

static struct counter *find(struct memory *m, uint64_t hash, const char *key, size_t len, int64_t now)
{
    struct counter **bucket = &m->buckets[hash & (m->bucket_count - 1)];
    drop_old(m, bucket, now);
    struct counter *c = *bucket;
    while (c != NULL && (c->hash != hash || c->len != len || memcmp(c->key, key, len) != 0))
        c = c->next;
    return c;
}

static struct counter *make(struct memory *m, uint64_t hash, const char *key, size_t len, int64_t now)
{
    if (m->count >= m->bucket_count)
        grow(m, now);
    struct counter *c = malloc(sizeof *c + len);
    if (c == NULL)
        return NULL;
    struct counter **bucket = &m->buckets[hash & (m->bucket_count - 1)];
    *c = (struct counter){ .next = *bucket, .hash = hash, .len = len };
    memcpy(c->key, key, len);
    *bucket = c;
    m->count++;
    return c;
}

static gw_status memory_del(void *session, gw_call *call, const gw_scope *scope, gw_str key)
{
    struct memory *m = session;
    char joined[KEY_MOST];
    size_t len = join(joined, scope, key);
    int64_t now = now_s();
    (void)call;
    if (len == 0)
        return GW_E_REJECT;
    pthread_mutex_lock(&m->mutex);
    struct counter *c = find(m, hash_of(joined, len), joined, len, now);
    if (c != NULL)
        c->ends_s = now; /* the next one who comes by takes it away */
    pthread_mutex_unlock(&m->mutex);
    gw_status status = table_del(m->table, (gw_str){ joined, len });
    return c != NULL ? GW_OK : status;
}

static gw_status memory_add(void *session, gw_call *call, const gw_scope *scope, gw_str key, int64_t delta,
                            uint32_t ttl_s, uint32_t mode, int64_t *total)
{
    struct memory *m = session;
    char joined[KEY_MOST];
    size_t len = join(joined, scope, key);
    uint64_t hash = hash_of(joined, len);
    int64_t now = now_s();
    gw_status status = GW_OK;
    (void)call;
    if (len == 0)
        return GW_E_REJECT;
    pthread_mutex_lock(&m->mutex);
    struct counter *c = find(m, hash, joined, len, now);
    if (c == NULL && mode == GW_ADD_CREATE && (c = make(m, hash, joined, len, now)) == NULL)
        status = GW_E_NOMEM;
    if (c != NULL) {
        if (__builtin_add_overflow(c->total, delta, &c->total))
            c->total = delta > 0 ? INT64_MAX : 0;
        if (c->total < 0)
            c->total = 0;
        c->ends_s = now + ttl_s;
        *total = c->total;
    }
    pthread_mutex_unlock(&m->mutex);
    return c == NULL && status == GW_OK ? GW_MISS : status;
}

static const gw_option options[] = {
    { "mb", "most memory of its values, in MB; 64 unless set", GW_JSON_INT, 0 },
    { NULL, NULL, 0, 0 },
};

static const gw_cache_ops ops = {
    .size = sizeof ops,
    .flags = GW_CACHE_INLINE,
    .open = memory_open,
    .close = memory_close,
    .attach = memory_attach,
    .detach = memory_detach,
    .get = memory_get,
    .set = memory_set,
    .del = memory_del,
    .add = memory_add,
};

GW_PLUGIN(.kind = GW_KIND_CACHE, .name = "memory", .version = "0.1.0", .license = "Apache-2.0", .ops = &ops,
          .options = options);
