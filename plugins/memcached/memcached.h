/* memcached.h - what the files of this plugin share. */
#ifndef MEMCACHED_PLUGIN_H
#define MEMCACHED_PLUGIN_H

#include <gateway/cache.h>
#include <libmemcached/memcached.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum {
    SERVERS_MOST = 64,
    VALUE_MOST = 1000000,  /* 1,048,476 is the most that a server with its usual settings takes */
    KEY_ROOM = 251,        /* memcached's 250 bytes and a NUL */
    TTL_LEAST = 2,         /* one second may be over at once */
    TTL_MOST = 30 * 86400, /* what is more is a date */
};

/* One server. All sessions know what one of them has seen. */
struct server {
    char *name; /* "host:port", or the path of a socket */
    pthread_mutex_t mutex;
    unsigned failures; /* one after another */
    bool probes;       /* it is asked once, although it is shut */
    int64_t pause_ms;  /* 0: it is open */
    int64_t until_ms;
};

struct instance {
    const gw_host *host;
    struct server servers[SERVERS_MOST];
    size_t server_count;
    uint32_t timeout_ms;
    atomic_uint shut; /* how often one of them was left alone */
};

struct session {
    struct instance *of;
    memcached_st *mc;
    unsigned shut; /* when its connections were made */
    bool failed;   /* one of its connections is no use any more */
};

/* The name of a key on the servers: `kind`, a digest of team and space, the key. False: it is no key. */
bool key_of(const struct instance *of, char kind, const gw_scope *scope, gw_str key, char out[KEY_ROOM], size_t *len);
/* The server of a name. */
struct server *server_of(struct session *s, const char *name, size_t len);
uint32_t ttl_of(uint32_t ttl_s);

/* Before an operation: new connections, where the old ones may be of a server that has gone. False: there is no memory. */
bool session_ready(struct session *s);

/* breaker.c: may the server be asked? Then breaker_end() tells how it went; true: from now on it is left alone. */
bool breaker_begin(struct server *server, int64_t now_ms);
bool breaker_end(struct server *server, int64_t now_ms, bool good);

/* How an operation went: notes it for the server, and what follows for the core. `changes`: a server that did not answer may have
 * done it. */
gw_status outcome(struct session *s, struct server *server, memcached_return_t code, bool changes);

gw_status values_get(void *session, gw_call *call, const gw_scope *scope, gw_str key, gw_buf *value);
gw_status values_get_many(void *session, gw_call *call, const gw_scope *scope, const gw_str *keys, uint32_t count,
                          void *owner, void (*each)(void *owner, uint32_t index, gw_str value));
gw_status values_set(void *session, gw_call *call, const gw_scope *scope, gw_str key, gw_str value, uint32_t ttl_s,
                     uint32_t mode);
gw_status values_del(void *session, gw_call *call, const gw_scope *scope, gw_str key);
gw_status counters_add(void *session, gw_call *call, const gw_scope *scope, gw_str key, int64_t delta, uint32_t ttl_s,
                       uint32_t mode, int64_t *total);
gw_status counters_add_from(void *session, gw_call *call, const gw_scope *scope, gw_str key, int64_t delta,
                            int64_t start, uint32_t ttl_s, int64_t *total);

#endif
