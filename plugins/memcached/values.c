/* values.c - values by key. What a server sends under another key than was asked for is thrown away, with the connection. */
#include <string.h>

#include "memcached.h"

enum { KEYS_MOST = 64 };

/* One call for several keys. */
struct many {
    struct session *s;
    char names[KEYS_MOST][KEY_ROOM];
    size_t lens[KEYS_MOST];
    struct server *servers[KEYS_MOST]; /* NULL: it is not asked */
    void *owner;
    void (*each)(void *owner, uint32_t index, gw_str value);
    uint32_t found;
};

/* False: nobody asked for that. */
static bool give(struct many *m, uint32_t count, const memcached_result_st *r, bool got[KEYS_MOST])
{
    const char *name = memcached_result_key_value(r);
    size_t len = memcached_result_key_length(r), value_len = memcached_result_length(r);
    for (uint32_t i = 0; i < count; i++) {
        if (m->servers[i] == NULL || got[i] || len != m->lens[i] || memcmp(name, m->names[i], len) != 0)
            continue;
        if (value_len > VALUE_MOST)
            return false;
        got[i] = true;
        m->found++;
        m->each(m->owner, i, (gw_str){ memcached_result_value(r), value_len });
        return true;
    }
    return false;
}

/* Of one server: all of its keys in one turn. */
static gw_status ask(struct many *m, uint32_t count, struct server *server)
{
    const char *names[KEYS_MOST];
    size_t lens[KEYS_MOST], n = 0;
    bool got[KEYS_MOST] = { false };
    memcached_return_t code;
    struct session *s = m->s;
    for (uint32_t i = 0; i < count; i++)
        if (m->servers[i] == server) {
            names[n] = m->names[i];
            lens[n++] = m->lens[i];
        }
    code = memcached_mget(s->mc, names, lens, n);
    if (memcached_failed(code))
        return outcome(s, server, code, false);
    memcached_result_st *r;
    bool wrong = false;
    while ((r = memcached_fetch_result(s->mc, NULL, &code)) != NULL) {
        wrong = wrong || !give(m, count, r, got);
        memcached_result_free(r);
        if (wrong)
            break;
    }
    if (wrong)
        code = MEMCACHED_PROTOCOL_ERROR;
    return outcome(s, server, code, false);
}

gw_status values_get_many(void *session, gw_call *call, const gw_scope *scope, const gw_str *keys, uint32_t count,
                          void *owner, void (*each)(void *owner, uint32_t index, gw_str value))
{
    struct session *s = session;
    struct many m = { .s = s, .owner = owner, .each = each };
    gw_status failed = GW_OK;
    (void)call;
    if (count == 0 || count > KEYS_MOST)
        return GW_E_REJECT;
    if (!session_ready(s))
        return GW_E_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        if (!key_of(s->of, 'v', scope, keys[i], m.names[i], &m.lens[i]))
            return GW_E_REJECT;
        m.servers[i] = server_of(s, m.names[i], m.lens[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct server *server = m.servers[i];
        if (server == NULL)
            continue;
        bool may = breaker_begin(server, s->of->host->now_ms(s->of->host->self));
        gw_status status = may ? ask(&m, count, server) : GW_E_RETRY;
        if (status < 0)
            failed = status;
        for (uint32_t k = i; k < count; k++) /* they have been asked for */
            if (m.servers[k] == server)
                m.servers[k] = NULL;
    }
    return m.found > 0 ? GW_OK : failed != GW_OK ? failed : GW_MISS;
}

struct one {
    const gw_host *host;
    gw_buf *value;
};

static void take(void *owner, uint32_t index, gw_str value)
{
    struct one *one = owner;
    (void)index;
    one->host->buf_append(one->value, value);
}

gw_status values_get(void *session, gw_call *call, const gw_scope *scope, gw_str key, gw_buf *value)
{
    struct session *s = session;
    struct one one = { s->of->host, value };
    return values_get_many(session, call, scope, &key, 1, &one, take);
}

gw_status values_set(void *session, gw_call *call, const gw_scope *scope, gw_str key, gw_str value, uint32_t ttl_s,
                     uint32_t mode)
{
    struct session *s = session;
    char name[KEY_ROOM];
    size_t len;
    (void)call;
    if (!key_of(s->of, 'v', scope, key, name, &len) || value.len > VALUE_MOST)
        return GW_E_REJECT;
    if (!session_ready(s))
        return GW_E_NOMEM;
    struct server *server = server_of(s, name, len);
    if (!breaker_begin(server, s->of->host->now_ms(s->of->host->self)))
        return GW_E_RETRY;
    const char *bytes = value.len > 0 ? value.ptr : "";
    memcached_return_t code = mode == GW_SET_IF_ABSENT
                                  ? memcached_add(s->mc, name, len, bytes, value.len, (time_t)ttl_of(ttl_s), 0)
                                  : memcached_set(s->mc, name, len, bytes, value.len, (time_t)ttl_of(ttl_s), 0);
    return outcome(s, server, code, true);
}

/* A key may have a value and a counter. */
gw_status values_del(void *session, gw_call *call, const gw_scope *scope, gw_str key)
{
    struct session *s = session;
    gw_status found = GW_MISS;
    (void)call;
    if (!session_ready(s))
        return GW_E_NOMEM;
    for (const char *kind = "vc"; *kind != '\0'; kind++) {
        char name[KEY_ROOM];
        size_t len;
        if (!key_of(s->of, *kind, scope, key, name, &len))
            return GW_E_REJECT;
        struct server *server = server_of(s, name, len);
        if (!breaker_begin(server, s->of->host->now_ms(s->of->host->self)))
            return GW_E_RETRY;
        gw_status status = outcome(s, server, memcached_delete(s->mc, name, len, 0), true);
        if (status < 0)
            return status;
        if (status == GW_OK)
            found = GW_OK;
    }
    return found;
}
