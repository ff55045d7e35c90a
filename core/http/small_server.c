/* small_server.c - libmicrohttpd with threads of its own. */
#include "http/small_server.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/large.h"
#include "http/front.h"
#include "http/inside.h"
#include "http/peer.h"

enum {
    THREADS = 4,
    CONNECTIONS_MOST = 256,
    ONE_ADDRESS_MOST = 32, /* of the connections; behind a proxy on this machine all come from one */
    IDLE_S = 30,
    HEAD_MOST = 64 << 10,
    ARENA_MOST = 256 << 20,
    STRICT = 1,
};

struct small_server {
    struct MHD_Daemon *mhd;
    small_serve serve;
    void *owner;
    char *cert, *key;
    bool is_local; /* it listens for this machine alone */
};

/* One request while it comes in. */
struct coming {
    struct text target;
    struct buf body;
    bool too_large, begun;
    struct arena arena;
};

static void *begin(void *cls, const char *target, struct MHD_Connection *mhd)
{
    struct coming *c = calloc(1, sizeof *c);
    (void)cls;
    (void)mhd;
    if (c == NULL)
        return NULL;
    arena_init(&c->arena, NULL, 0, ARENA_MOST);
    buf_init(&c->body, SMALL_SERVER_BODY_MOST);
    c->target = arena_text(&c->arena, text_of(target));
    return c;
}

static void end(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
    struct coming *c = *context;
    (void)cls;
    (void)mhd;
    (void)code;
    if (c == NULL)
        return;
    buf_free(&c->body);
    arena_fini(&c->arena);
    free(c);
    *context = NULL;
}

struct text small_server_decode(struct text t, bool plus, struct arena *arena)
{
    char *out = arena_alloc(arena, t.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < t.len; i++) {
        char c = t.ptr[i];
        if (c == '%') {
            if (t.len - i < 3 || text_hex(t.ptr[i + 1]) < 0 || text_hex(t.ptr[i + 2]) < 0)
                return TEXT_NONE;
            c = (char)(text_hex(t.ptr[i + 1]) * 16 + text_hex(t.ptr[i + 2]));
            if (c == '\0')
                return TEXT_NONE;
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        out[len++] = c;
    }
    return (struct text){ out, len };
}

static void read_query(struct text query, struct small_request *r)
{
    while (query.len > 0) {
        struct text value = text_cut(&query, '&'), name = text_cut(&value, '=');
        if (name.len == 0)
            continue;
        if (r->query_count == SMALL_SERVER_QUERY_MOST) {
            r->query_is_bad = true;
            return;
        }
        name = small_server_decode(name, true, r->arena);
        value = value.ptr != NULL ? small_server_decode(value, true, r->arena) : TEXT("");
        r->query_is_bad = r->query_is_bad || name.ptr == NULL || value.ptr == NULL;
        r->query[r->query_count].name = name;
        r->query[r->query_count++].value = value;
    }
}

static struct text header(struct MHD_Connection *mhd, const char *name)
{
    return text_of(MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, name));
}

static enum MHD_Result reply(struct MHD_Connection *mhd, struct small_answer *a)
{
    size_t len;
    char number[16];
    char *bytes = buf_take(&a->body, &len);
    struct MHD_Response *response = len > 0 ? MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_COPY)
                                            : MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    large_free_any(bytes);
    if (response == NULL)
        return MHD_NO;
    if (a->type != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (a->allow != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, a->allow);
    if (a->challenge)
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (a->retry_after_s > 0) {
        snprintf(number, sizeof number, "%d", a->retry_after_s);
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, number);
    }
    enum MHD_Result result = MHD_queue_response(mhd, (unsigned)a->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer(struct small_server *s, struct MHD_Connection *mhd, const char *method, struct coming *c)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct small_answer a = { .status = 200, .type = "application/json" };
    struct small_request *r = arena_new(&c->arena, struct small_request);
    struct text query = c->target;
    r->method = text_of(method);
    r->path = text_cut(&query, '?');
    r->authorization = header(mhd, MHD_HTTP_HEADER_AUTHORIZATION);
    r->content_type = header(mhd, MHD_HTTP_HEADER_CONTENT_TYPE);
    r->body = buf_view(&c->body);
    r->arena = &c->arena;
    read_query(query, r);
    if (info != NULL)
        peer_name((const struct sockaddr_storage *)(const void *)info->client_addr, r->peer);
    buf_init(&a.body, SMALL_SERVER_ANSWER_MOST);
    if (c->too_large) {
        a.status = MHD_HTTP_CONTENT_TOO_LARGE;
        buf_str(&a.body, "{\"error\":{\"code\":\"body_too_large\",\"message\":\"a body has at most 1 MB\"}}\n");
    } else {
        s->serve(s->owner, r, &a);
    }
    crypto_thread_end(); /* the thread is libmicrohttpd's: nothing of ours runs at its end */
    return reply(mhd, &a);
}

static enum MHD_Result take(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                            const char *version, const char *bytes, size_t *len, void **context)
{
    struct coming *c = *context;
    (void)url;
    (void)version;
    if (c == NULL)
        return MHD_NO;
    if (!c->begun) {
        c->begun = true;
        return MHD_YES;
    }
    if (*len == 0)
        return answer(cls, mhd, method, c);
    if (buf_append(&c->body, bytes, *len) < 0)
        c->too_large = true;
    *len = 0;
    return MHD_YES;
}

static size_t as_it_is(void *cls, struct MHD_Connection *mhd, char *s)
{
    (void)cls;
    (void)mhd;
    return strlen(s);
}

static struct MHD_Daemon *start(struct small_server *s, int fd)
{
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | (s->cert != NULL ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, s->cert },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, s->key },
        { MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES },
        { MHD_OPTION_END, 0, NULL },
    };
    return MHD_start_daemon(
        flags, 0, NULL, NULL, take, s, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MOST, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        s->is_local ? 0u : (unsigned)ONE_ADDRESS_MOST, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_MOST, MHD_OPTION_CLIENT_DISCIPLINE_LVL, (int)STRICT,
        MHD_OPTION_URI_LOG_CALLBACK, begin, NULL, MHD_OPTION_NOTIFY_COMPLETED, end, NULL, MHD_OPTION_UNESCAPE_CALLBACK,
        as_it_is, NULL, MHD_OPTION_ARRAY, s->cert != NULL ? tls : tls + 3, MHD_OPTION_END);
}

static char *pem(struct text t)
{
    return t.len == 0 ? NULL : strndup(t.ptr, t.len);
}

struct small_server *small_server_open(const struct small_server_settings *settings, uint16_t *bound_port,
                                       struct fail *fail)
{
    int fd = front_listen(settings->address, settings->port, bound_port, fail);
    if (fd < 0)
        return NULL;
    struct small_server *s = calloc(1, sizeof *s);
    BUG_IF(s == NULL);
    s->serve = settings->serve;
    s->owner = settings->owner;
    s->is_local = settings->is_local;
    s->cert = pem(settings->cert_pem);
    s->key = pem(settings->key_pem);
    errno = 0;
    s->mhd = start(s, fd);
    if (s->mhd != NULL)
        return s;
    fail_set(fail, FAIL_OPERATOR, "the HTTP server cannot start: %s",
             errno != 0 ? strerror(errno) : "libmicrohttpd refused its options");
    close(fd);
    small_server_close(s);
    return NULL;
}

void small_server_close(struct small_server *s)
{
    if (s->mhd != NULL)
        MHD_stop_daemon(s->mhd);
    if (s->key != NULL)
        crypto_wipe(s->key, strlen(s->key));
    free(s->key);
    free(s->cert);
    free(s);
}
