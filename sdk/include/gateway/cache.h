/* cache.h - a cache backend: bytes and counters by key. It may block.
 *
 * [job] functions run on the core's job threads, never on an event loop, unless the
 * backend sets GW_CACHE_INLINE. The core opens one session per thread, so a session is
 * never used by two threads and needs no lock. Keys are 1..200 bytes of [A-Za-z0-9:_-];
 * the core has already put the scope into them (see gw_scope).
 */
#ifndef GATEWAY_CACHE_H
#define GATEWAY_CACHE_H

#include "host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GW_SET_ALWAYS 0u
#define GW_SET_IF_ABSENT 1u /* GW_MISS when the key was there */

#define GW_ADD_EXISTING 0u /* GW_MISS when the counter is not there */
#define GW_ADD_CREATE 1u   /* starts from 0 */

/* Whose value it is: an argument of its own, so that a key without a team cannot be built. */
typedef struct gw_scope {
    uint32_t size;
    uint32_t reserved0;
    gw_str team;
    gw_str space; /* "exact", "semantic", "policy:budget" ... */
} gw_scope;

#define GW_CACHE_INLINE (1u << 0) /* never blocks: may be called on a worker */

typedef struct gw_cache_ops {
    uint32_t size;
    uint32_t flags; /* GW_CACHE_* */

    gw_status (*open)(const gw_host *host, gw_call *call, const gw_json *config, void **instance); /* [boot] */
    void (*close)(void *instance);                                                                 /* [boot] */
    gw_status (*attach)(void *instance, gw_call *call, void **session);                            /* [job] */
    void (*detach)(void *session);                                                                 /* [job] */

    gw_status (*get)(void *session, gw_call *call, const gw_scope *scope, gw_str key, gw_buf *value);
    gw_status (*set)(void *session, gw_call *call, const gw_scope *scope, gw_str key, gw_str value, uint32_t ttl_s,
                     uint32_t mode);
    /* A hint: a reader may still find it for a while. */
    gw_status (*del)(void *session, gw_call *call, const gw_scope *scope, gw_str key);
    /* Add `delta` atomically among all gateways that share the backend. Never below 0. The counter lives for `ttl_s` from
     * its creation, or, where the backend renews it, from its last add(). GW_E_UNKNOWN: it may have been added. */
    gw_status (*add)(void *session, gw_call *call, const gw_scope *scope, gw_str key, int64_t delta, uint32_t ttl_s,
                     uint32_t mode, int64_t *total);

    /* The most bytes of a value; 0: 1048576. set() answers GW_E_REJECT to more. */
    uint64_t value_most;
    /* Several keys in one call, at least one: each() for those that are there, in any order; `index` is the key's place, and
     * `value` is lent. GW_OK, or GW_MISS where none is there. NULL: the core calls get() for each. */
    gw_status (*get_many)(void *session, gw_call *call, const gw_scope *scope, const gw_str *keys, uint32_t count,
                          void *owner, void (*each)(void *owner, uint32_t index, gw_str value));
    /* add() with GW_ADD_CREATE, where a counter that is not there begins with `start` + `delta`: what the gateway knows of one
     * that was lost. `start` is not below 0. NULL: one that is lost begins at 0. */
    gw_status (*add_from)(void *session, gw_call *call, const gw_scope *scope, gw_str key, int64_t delta, int64_t start,
                          uint32_t ttl_s, int64_t *total);
} gw_cache_ops;

#ifdef __cplusplus
}
#endif
#endif
