/* cache.c - a cache in the memory of the process, and with -DDEFECT=NAME one with a defect that the conformance kit must find. */
#include <gateway/cache.h>
#include <gateway/plugin.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NONE 0
#define IGNORES_TEAM 1
#define JOINS_SCOPE 2 /* red + exact is redexact + nothing */
#define OVERWRITES 3  /* set() if absent does */
#define BELOW_ZERO 4
#define NEVER_ENDS 5     /* no time to live */
#define CREATES 6        /* add() to what is not there does */
#define FORGETS 7        /* with its session */
#define SHORT_KEYS 8     /* of 64 bytes */
#define TEXT_ONLY 9      /* a value ends at its first NUL */
#define LOSES_ADDS 10    /* of two threads */
#define FINDS_NOTHING 11 /* an empty value is a miss */
#define KEEPS_DELETED 12
#ifndef DEFECT
#define DEFECT NONE
#endif

enum { MOST = 256, NAME_MOST = 600 };

struct entry {
    char name[NAME_MOST]; /* team, space, key; empty: free */
    size_t name_len;
    char *value;
    size_t len;
    int64_t count, ends_ms;
    int is_counter;
};

struct cache {
    const gw_host *host;
    pthread_mutex_t mutex;
    struct entry entries[MOST];
};

static gw_status cache_open(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    struct cache *c = calloc(1, sizeof *c);
    (void)call, (void)config;
    if (c == NULL)
        return GW_E_NOMEM;
    c->host = host;
    pthread_mutex_init(&c->mutex, NULL);
    *instance = c;
    return GW_OK;
}

static void forget(struct entry *e)
{
    free(e->value);
    memset(e, 0, sizeof *e);
}

static void cache_close(void *instance)
{
    struct cache *c = instance;
    for (size_t i = 0; i < MOST; i++)
        forget(&c->entries[i]);
    free(c);
}

static gw_status cache_attach(void *instance, gw_call *call, void **session)
{
    (void)call;
    *session = instance;
    return GW_OK;
}

static void cache_detach(void *session)
{
    struct cache *c = session;
    for (size_t i = 0; DEFECT == FORGETS && i < MOST; i++)
        forget(&c->entries[i]);
}

/* team, space and key as one name. */
static size_t name_of(const gw_scope *scope, gw_str key, int counter, char out[NAME_MOST])
{
    size_t n = 0;
    gw_str parts[] = { scope->team, scope->space, key };
    for (int i = DEFECT == IGNORES_TEAM ? 1 : 0; i < 3; i++) {
        size_t len = i == 2 && DEFECT == SHORT_KEYS && parts[i].len > 64 ? 64 : parts[i].len;
        memcpy(out + n, parts[i].ptr, len);
        n += len;
        if (DEFECT != JOINS_SCOPE || i != 0)
            out[n++] = '\0';
    }
    out[n++] = (char)('0' + counter);
    return n;
}

static struct entry *find(struct cache *c, const gw_scope *scope, gw_str key, int counter, int make)
{
    char name[NAME_MOST];
    size_t len = name_of(scope, key, counter, name);
    int64_t now = c->host->now_ms(c->host->self);
    struct entry *free_one = NULL;
    for (size_t i = 0; i < MOST; i++) {
        struct entry *e = &c->entries[i];
        if (e->name_len > 0 && now >= e->ends_ms && DEFECT != NEVER_ENDS)
            forget(e);
        if (e->name_len == len && memcmp(e->name, name, len) == 0)
            return e;
        if (e->name_len == 0 && free_one == NULL)
            free_one = e;
    }
    if (!make || free_one == NULL)
        return NULL;
    memcpy(free_one->name, name, len);
    free_one->name_len = len;
    return free_one;
}

static gw_status cache_get(void *session, gw_call *call, const gw_scope *scope, gw_str key, gw_buf *value)
{
    struct cache *c = session;
    (void)call;
    pthread_mutex_lock(&c->mutex);
    struct entry *e = find(c, scope, key, 0, 0);
    int found = e != NULL && (DEFECT != FINDS_NOTHING || e->len > 0);
    if (found)
        c->host->buf_append(value, (gw_str){ e->value, DEFECT == TEXT_ONLY ? strnlen(e->value, e->len) : e->len });
    pthread_mutex_unlock(&c->mutex);
    return found ? GW_OK : GW_MISS;
}

static gw_status cache_set(void *session, gw_call *call, const gw_scope *scope, gw_str key, gw_str value,
                           uint32_t ttl_s, uint32_t mode)
{
    struct cache *c = session;
    (void)call;
    pthread_mutex_lock(&c->mutex);
    int there = find(c, scope, key, 0, 0) != NULL;
    if (there && mode == GW_SET_IF_ABSENT && DEFECT != OVERWRITES) {
        pthread_mutex_unlock(&c->mutex);
        return GW_MISS;
    }
    struct entry *e = find(c, scope, key, 0, 1);
    if (e != NULL) {
        free(e->value);
        e->value = malloc(value.len + 1);
        memcpy(e->value, value.ptr, value.len);
        e->len = value.len;
        e->ends_ms = c->host->now_ms(c->host->self) + (int64_t)ttl_s * 1000;
    }
    pthread_mutex_unlock(&c->mutex);
    return e == NULL ? GW_E_NOMEM : there && mode == GW_SET_IF_ABSENT ? GW_MISS : GW_OK;
}

static gw_status cache_del(void *session, gw_call *call, const gw_scope *scope, gw_str key)
{
    struct cache *c = session;
    (void)call;
    pthread_mutex_lock(&c->mutex);
    struct entry *e = find(c, scope, key, 0, 0);
    if (e != NULL && DEFECT != KEEPS_DELETED)
        forget(e);
    pthread_mutex_unlock(&c->mutex);
    return e != NULL ? GW_OK : GW_MISS;
}

static gw_status cache_add(void *session, gw_call *call, const gw_scope *scope, gw_str key, int64_t delta,
                           uint32_t ttl_s, uint32_t mode, int64_t *total)
{
    struct cache *c = session;
    (void)call;
    pthread_mutex_lock(&c->mutex);
    int there = find(c, scope, key, 1, 0) != NULL;
    struct entry *e = there || mode == GW_ADD_CREATE || DEFECT == CREATES ? find(c, scope, key, 1, 1) : NULL;
    if (e != NULL && !there)
        e->ends_ms = c->host->now_ms(c->host->self) + (int64_t)ttl_s * 1000;
    if (e != NULL) {
        int64_t before = e->count;
        if (DEFECT == LOSES_ADDS) { /* another thread may come here */
            pthread_mutex_unlock(&c->mutex);
            for (volatile int i = 0; i < 20000; i++)
                ;
            pthread_mutex_lock(&c->mutex);
        }
        e->count = before + delta;
        if (e->count < 0 && DEFECT != BELOW_ZERO)
            e->count = 0;
        *total = e->count;
    }
    pthread_mutex_unlock(&c->mutex);
    return e != NULL ? GW_OK : GW_MISS;
}

static const gw_cache_ops ops = { .size = sizeof ops,
                                  .flags = GW_CACHE_INLINE,
                                  .open = cache_open,
                                  .close = cache_close,
                                  .attach = cache_attach,
                                  .detach = cache_detach,
                                  .get = cache_get,
                                  .set = cache_set,
                                  .del = cache_del,
                                  .add = cache_add };
GW_PLUGIN(.kind = GW_KIND_CACHE, .name = "testcache", .version = "1", .license = "Apache-2.0", .ops = &ops);
