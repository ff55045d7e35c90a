/* memcached.c - the plugin: its settings, its sessions, the names of keys. */
#include "memcached.h"

#include <gateway/easy.h>
#include <gateway/plugin.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIGEST_LEN = 32, SCOPE_HEX = 32, TIMEOUT_USUAL_MS = 5, TIMEOUT_MOST_MS = 60000 };

/* The address behind the last colon; false where it is none. A name that begins with / is a socket. */
static bool is_server(gw_str s)
{
    size_t colon = s.len;
    int port = 0;
    if (s.len < 2 || s.len > 255 || memchr(s.ptr, '\0', s.len) != NULL)
        return false;
    if (s.ptr[0] == '/')
        return true;
    while (colon > 0 && s.ptr[colon - 1] != ':')
        colon--;
    for (size_t i = colon; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || i - colon > 4)
            return false;
        port = port * 10 + (s.ptr[i] - '0');
    }
    return colon > 1 && port > 0 && port < 65536;
}

static void memcached_plugin_close(void *instance)
{
    struct instance *of = instance;
    for (size_t i = 0; i < of->server_count; i++) {
        pthread_mutex_destroy(&of->servers[i].mutex);
        free(of->servers[i].name);
    }
    free(of);
}

static gw_status refuse(const gw_host *host, gw_call *call, const char *why)
{
    host->explain(call, gw_of(why));
    return GW_E_CONFIG;
}

static gw_status add_server(struct instance *of, gw_call *call, gw_str name)
{
    char why[400];
    if (!is_server(name)) {
        snprintf(why, sizeof why,
                 "\"%.*s\" is no memcached server: write \"10.0.0.7:11211\", or the path of its socket",
                 (int)(name.len < 256 ? name.len : 256), name.ptr != NULL ? name.ptr : "");
        return refuse(of->host, call, why);
    }
    struct server *server = &of->servers[of->server_count];
    server->name = strndup(name.ptr, name.len);
    if (server->name == NULL)
        return GW_E_NOMEM;
    pthread_mutex_init(&server->mutex, NULL);
    of->server_count++;
    return GW_OK;
}

static gw_status memcached_plugin_open(const gw_host *host, gw_call *call, const gw_json *config, void **out)
{
    const gw_json *servers = gw_get(host, config, "servers");
    size_t count = host->json->count(servers);
    if (host->json->type(servers) != GW_JSON_ARRAY || count == 0 || count > SERVERS_MOST)
        return refuse(host, call, "servers must name 1 to 64 memcached servers: servers = { \"10.0.0.7:11211\" }");
    int64_t timeout_ms = gw_get_int(host, config, "timeout_ms", TIMEOUT_USUAL_MS);
    if (timeout_ms < 1 || timeout_ms > TIMEOUT_MOST_MS)
        return refuse(host, call, "timeout_ms must be 1 to 60000");
    struct instance *of = calloc(1, sizeof *of);
    if (of == NULL)
        return GW_E_NOMEM;
    of->host = host;
    of->timeout_ms = (uint32_t)timeout_ms;
    gw_status status = GW_OK;
    for (size_t i = 0; i < count && status == GW_OK; i++)
        status = add_server(of, call, host->json->str(host->json->at(servers, i)));
    if (status != GW_OK)
        memcached_plugin_close(of);
    else
        *out = of;
    return status;
}

/* Each server is asked at once and answers within some milliseconds, or counts as away. No server's keys move to another: what came
 * back with it would be old. */
static bool configure(memcached_st *mc, uint32_t timeout_ms)
{
    const struct {
        memcached_behavior_t what;
        uint64_t value;
    } behaviors[] = {
        { MEMCACHED_BEHAVIOR_NO_BLOCK, 1 },
        { MEMCACHED_BEHAVIOR_TCP_NODELAY, 1 },
        { MEMCACHED_BEHAVIOR_POLL_TIMEOUT, timeout_ms },
        { MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, timeout_ms },
        { MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1 },
        { MEMCACHED_BEHAVIOR_RETRY_TIMEOUT, 1 },
        { MEMCACHED_BEHAVIOR_SERVER_FAILURE_LIMIT, 1000000 },
        { MEMCACHED_BEHAVIOR_VERIFY_KEY, 1 },
        { MEMCACHED_BEHAVIOR_AUTO_EJECT_HOSTS, 0 },
        { MEMCACHED_BEHAVIOR_REMOVE_FAILED_SERVERS, 0 },
        { MEMCACHED_BEHAVIOR_BUFFER_REQUESTS, 0 },
        { MEMCACHED_BEHAVIOR_NOREPLY, 0 },
    };
    for (size_t i = 0; i < sizeof behaviors / sizeof *behaviors; i++)
        if (memcached_failed(memcached_behavior_set(mc, behaviors[i].what, behaviors[i].value)))
            return false;
    return true;
}

static bool name_server(memcached_st *mc, const char *name)
{
    char host[256];
    const char *colon = strrchr(name, ':');
    if (name[0] == '/')
        return !memcached_failed(memcached_server_add_unix_socket(mc, name));
    snprintf(host, sizeof host, "%.*s", (int)(colon - name), name);
    size_t len = strlen(host);
    if (host[0] == '[' && host[len - 1] == ']') { /* IPv6 */
        memmove(host, host + 1, len - 2);
        host[len - 2] = '\0';
    }
    return !memcached_failed(memcached_server_add(mc, host, (in_port_t)atoi(colon + 1)));
}

/* NULL: there is no memory. Nothing is connected yet. */
static memcached_st *make(const struct instance *of)
{
    memcached_st *mc = memcached_create(NULL);
    bool good = mc != NULL && configure(mc, of->timeout_ms);
    for (size_t i = 0; i < of->server_count && good; i++)
        good = name_server(mc, of->servers[i].name);
    if (!good && mc != NULL)
        memcached_free(mc);
    return good ? mc : NULL;
}

/* The library leaves a server alone for a second after a failure, in each session apart, and finds out in each that an old connection has
 * ended: the breaker knows better. */
bool session_ready(struct session *s)
{
    unsigned shut = atomic_load(&s->of->shut);
    if (!s->failed && s->shut == shut)
        return true;
    memcached_st *mc = make(s->of);
    if (mc == NULL)
        return false;
    memcached_free(s->mc);
    s->mc = mc;
    s->shut = shut;
    s->failed = false;
    return true;
}

static gw_status memcached_plugin_attach(void *instance, gw_call *call, void **session)
{
    struct instance *of = instance;
    struct session *s = calloc(1, sizeof *s);
    (void)call;
    if (s == NULL)
        return GW_E_NOMEM;
    s->of = of;
    s->mc = make(of);
    s->shut = atomic_load(&of->shut);
    if (s->mc == NULL) {
        free(s);
        return GW_E_NOMEM;
    }
    *session = s;
    return GW_OK;
}

static void memcached_plugin_detach(void *session)
{
    struct session *s = session;
    memcached_free(s->mc);
    free(s);
}

bool key_of(const struct instance *of, char kind, const gw_scope *scope, gw_str key, char out[KEY_ROOM], size_t *len)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t both[2 * DIGEST_LEN], digest[DIGEST_LEN];
    if (key.len == 0 || key.len > 200)
        return false;
    of->host->sha256(scope->team, both);
    of->host->sha256(scope->space, both + DIGEST_LEN);
    of->host->sha256((gw_str){ (const char *)both, sizeof both }, digest);
    out[0] = kind;
    for (size_t i = 0; i < SCOPE_HEX / 2; i++) {
        out[1 + 2 * i] = hex[digest[i] >> 4];
        out[2 + 2 * i] = hex[digest[i] & 15];
    }
    out[1 + SCOPE_HEX] = ':';
    memcpy(out + 2 + SCOPE_HEX, key.ptr, key.len);
    *len = 2 + SCOPE_HEX + key.len;
    out[*len] = '\0';
    return true;
}

struct server *server_of(struct session *s, const char *name, size_t len)
{
    return &s->of->servers[memcached_generate_hash(s->mc, name, len) % s->of->server_count];
}

uint32_t ttl_of(uint32_t ttl_s)
{
    return ttl_s < TTL_LEAST ? TTL_LEAST : ttl_s > TTL_MOST ? TTL_MOST : ttl_s;
}

gw_status outcome(struct session *s, struct server *server, memcached_return_t code, bool changes)
{
    gw_status status = GW_E_PROTOCOL;
    switch (code) {
    case MEMCACHED_SUCCESS:
    case MEMCACHED_STORED:
    case MEMCACHED_DELETED:
    case MEMCACHED_END:
        status = GW_OK;
        break;
    case MEMCACHED_NOTFOUND:
    case MEMCACHED_NOTSTORED:
    case MEMCACHED_DATA_EXISTS:
        status = GW_MISS;
        break;
    case MEMCACHED_E2BIG:
    case MEMCACHED_SERVER_MEMORY_ALLOCATION_FAILURE:
    case MEMCACHED_BAD_KEY_PROVIDED:
    case MEMCACHED_KEY_TOO_BIG:
    case MEMCACHED_CLIENT_ERROR:
        status = GW_E_REJECT;
        break;
    case MEMCACHED_HOST_LOOKUP_FAILURE:
    case MEMCACHED_CONNECTION_FAILURE:
    case MEMCACHED_NO_SERVERS:
    case MEMCACHED_SERVER_MARKED_DEAD:
    case MEMCACHED_SERVER_TEMPORARILY_DISABLED:
        status = GW_E_RETRY;
        break;
    case MEMCACHED_TIMEOUT:
    case MEMCACHED_ERRNO:
    case MEMCACHED_WRITE_FAILURE:
    case MEMCACHED_READ_FAILURE:
    case MEMCACHED_UNKNOWN_READ_FAILURE:
        status = changes ? GW_E_UNKNOWN : GW_E_RETRY;
        break;
    default:
        status = changes ? GW_E_UNKNOWN : GW_E_PROTOCOL;
        break;
    }
    bool good = status == GW_OK || status == GW_MISS || status == GW_E_REJECT;
    if (!good) { /* what still comes on its connections belongs to nobody */
        memcached_quit(s->mc);
        s->failed = true;
    }
    if (breaker_end(server, s->of->host->now_ms(s->of->host->self), good))
        atomic_fetch_add(&s->of->shut, 1);
    return status;
}

static const gw_option options[] = {
    { "servers", "the servers, as \"host:port\" (an IP is looked up sooner than a name), or the path of a socket",
      GW_JSON_ARRAY, GW_OPTION_REQUIRED },
    { "timeout_ms", "how long one step of an operation may take; 5 unless set", GW_JSON_INT, 0 },
    { NULL, NULL, 0, 0 },
};

static const gw_cache_ops ops = {
    .size = sizeof ops,
    .open = memcached_plugin_open,
    .close = memcached_plugin_close,
    .attach = memcached_plugin_attach,
    .detach = memcached_plugin_detach,
    .get = values_get,
    .set = values_set,
    .del = values_del,
    .add = counters_add,
    .value_most = VALUE_MOST,
    .get_many = values_get_many,
    .add_from = counters_add_from,
};

GW_PLUGIN(.kind = GW_KIND_CACHE, .name = "memcached", .version = "0.1.0", .license = "Apache-2.0", .ops = &ops,
          .options = options);
