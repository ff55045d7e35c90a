/* counters.c - counters by key: incr and decr, and add where there is none. */
#include <stdio.h>

#include "memcached.h"

enum { TRIES_MOST = 3 };

/* One that is there. What no int64 holds is no total: an answer that is none reads as the largest number. */
static gw_status change(struct session *s, struct server *server, const char *name, size_t len, int64_t delta,
                        int64_t *total)
{
    uint64_t value = UINT64_MAX;
    memcached_return_t code = delta < 0
                                  ? memcached_decrement_by_key(s->mc, name, len, name, len, (uint64_t)-delta, &value)
                                  : memcached_increment_by_key(s->mc, name, len, name, len, (uint64_t)delta, &value);
    if (code == MEMCACHED_SUCCESS && value > INT64_MAX)
        code = MEMCACHED_PROTOCOL_ERROR;
    *total = (int64_t)value;
    return outcome(s, server, code, true);
}

static gw_status create(struct session *s, struct server *server, const char *name, size_t len, int64_t total,
                        uint32_t ttl_s)
{
    char text[24];
    int text_len = snprintf(text, sizeof text, "%lld", (long long)total);
    return outcome(s, server, memcached_add(s->mc, name, len, text, (size_t)text_len, (time_t)ttl_of(ttl_s), 0), true);
}

static gw_status add(struct session *s, const gw_scope *scope, gw_str key, int64_t delta, int64_t start, uint32_t ttl_s,
                     bool creates, int64_t *total)
{
    char name[KEY_ROOM];
    size_t len;
    gw_status status = GW_MISS;
    if (!key_of(s->of, 'c', scope, key, name, &len) || delta == INT64_MIN)
        return GW_E_REJECT;
    if (!session_ready(s))
        return GW_E_NOMEM;
    struct server *server = server_of(s, name, len);
    for (int i = 0; i < TRIES_MOST && status == GW_MISS; i++) {
        int64_t first;
        if (!breaker_begin(server, s->of->host->now_ms(s->of->host->self)))
            return GW_E_RETRY;
        status = change(s, server, name, len, delta, total);
        if (status != GW_MISS || !creates)
            return status;
        if (__builtin_add_overflow(start, delta, &first))
            first = INT64_MAX;
        *total = first > 0 ? first : 0;
        if (!breaker_begin(server, s->of->host->now_ms(s->of->host->self)))
            return GW_E_RETRY;
        status = create(s, server, name, len, *total, ttl_s); /* a miss: another one was faster */
    }
    return status == GW_MISS ? GW_E_RETRY : status;
}

gw_status counters_add(void *session, gw_call *call, const gw_scope *scope, gw_str key, int64_t delta, uint32_t ttl_s,
                       uint32_t mode, int64_t *total)
{
    (void)call;
    return add(session, scope, key, delta, 0, ttl_s, mode == GW_ADD_CREATE, total);
}

gw_status counters_add_from(void *session, gw_call *call, const gw_scope *scope, gw_str key, int64_t delta,
                            int64_t start, uint32_t ttl_s, int64_t *total)
{
    (void)call;
    return add(session, scope, key, delta, start, ttl_s, true, total);
}
