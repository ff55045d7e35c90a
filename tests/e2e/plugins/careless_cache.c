/* careless_cache.c - a cache that may block, and does by turns what no cache may: it ends its process, hangs, is slow, and writes what is no
 * answer where its host has the socket to the gateway. In between it keeps values rightly. */
#include <gateway/cache.h>
#include <gateway/plugin.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VALUES = 64, KEY = 256, VALUE = 4096, FIRST_LANE = 4, LAST_LANE = 16 };

static const gw_host *h;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
    char key[KEY];
    size_t key_len, len;
    char bytes[VALUE];
} values[VALUES];
static unsigned count, turn;

static gw_status careless_open(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    (void)call, (void)config;
    h = host;
    *instance = &values;
    turn = (unsigned)getpid();
    return GW_OK;
}

static void careless_close(void *instance)
{
    (void)instance;
}

static gw_status careless_attach(void *instance, gw_call *call, void **session)
{
    (void)call;
    *session = instance;
    return GW_OK;
}

static void careless_detach(void *session)
{
    (void)session;
}

static void misbehave(unsigned what)
{
    static const char junk[200] = "HTTP/1.1 200 OK\r\n\r\nwhat nobody asked for";
    switch (what) {
    case 0:
        _exit(3);
    case 1:
        abort();
    case 2:
        sleep(30);
        break;
    case 3:
        for (int fd = FIRST_LANE; fd < LAST_LANE; fd++)
            (void)!write(fd, junk, sizeof junk);
        break;
    case 4: /* half an answer with the right beginning */
        for (int fd = FIRST_LANE; fd < LAST_LANE; fd++)
            (void)!write(fd, "!sna", 4);
        break;
    default:
        usleep(30000);
    }
}

static gw_status careless_get(void *session, gw_call *call, const gw_scope *scope, gw_str key, gw_buf *value)
{
    gw_status status = GW_MISS;
    (void)session, (void)call, (void)scope;
    pthread_mutex_lock(&mutex);
    unsigned now = ++turn;
    for (unsigned i = 0; i < VALUES && status == GW_MISS; i++)
        if (values[i].key_len == key.len && memcmp(values[i].key, key.ptr, key.len) == 0) {
            h->buf_append(value, (gw_str){ values[i].bytes, values[i].len });
            status = GW_OK;
        }
    pthread_mutex_unlock(&mutex);
    if (now % 40 == 0)
        misbehave(now / 40 % 6);
    return status;
}

static gw_status careless_set(void *session, gw_call *call, const gw_scope *scope, gw_str key, gw_str value,
                              uint32_t ttl_s, uint32_t mode)
{
    (void)session, (void)call, (void)scope, (void)ttl_s, (void)mode;
    if (key.len > KEY || value.len > VALUE)
        return GW_E_REJECT;
    pthread_mutex_lock(&mutex);
    unsigned i = count++ % VALUES;
    memcpy(values[i].key, key.ptr, key.len);
    values[i].key_len = key.len;
    memcpy(values[i].bytes, value.ptr, value.len);
    values[i].len = value.len;
    pthread_mutex_unlock(&mutex);
    return GW_OK;
}

static gw_status careless_del(void *session, gw_call *call, const gw_scope *scope, gw_str key)
{
    (void)session, (void)call, (void)scope, (void)key;
    return GW_MISS;
}

static gw_status careless_add(void *session, gw_call *call, const gw_scope *scope, gw_str key, int64_t delta,
                              uint32_t ttl_s, uint32_t mode, int64_t *total)
{
    (void)session, (void)call, (void)scope, (void)key, (void)delta, (void)ttl_s, (void)mode, (void)total;
    return GW_E_REJECT;
}

static const gw_cache_ops ops = { .size = sizeof ops,
                                  .open = careless_open,
                                  .close = careless_close,
                                  .attach = careless_attach,
                                  .detach = careless_detach,
                                  .get = careless_get,
                                  .set = careless_set,
                                  .del = careless_del,
                                  .add = careless_add };

GW_PLUGIN(.kind = GW_KIND_CACHE, .name = "careless_cache", .version = "0.1.0", .license = "Apache-2.0", .ops = &ops);
