/* aside_serve.c - one thread and one session of the plugin for each lane. */
#include "plugin/aside_serve.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "plugin/aside_frame.h"
#include "plugin/sessions.h"

enum {
    SETTINGS_MOST = 64 << 10,
    LANES_MOST = 64,
    LATE_MS = 50, /* nobody waits for it any more: the next one begins with another connection */
};

struct lane {
    struct sessions *all;
    unsigned index;
    int fd;
    char *bytes; /* of an ask */
    struct gw_buf value;
};

/* --- the sockets --- */

static bool read_all(int fd, void *out, size_t len)
{
    char *at = out;
    while (len > 0) {
        ssize_t got = read(fd, at, len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        len -= (size_t)got;
    }
    return true;
}

static bool write_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t put = write(fd, at, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        at += put;
        len -= (size_t)put;
    }
    return true;
}

/* --- one operation --- */

struct ask {
    struct aside_ask_head head;
    gw_scope scope;
    gw_str keys[ASIDE_KEYS_MOST];
    gw_str value;
};

/* The texts of an ask in its bytes. False: it is none. */
static bool take_apart(struct ask *a, const char *bytes, size_t len)
{
    const char *at = bytes + a->head.team_len + a->head.space_len, *end = at + a->head.keys_len;
    a->scope = (gw_scope){ .size = sizeof a->scope,
                           .team = { bytes, a->head.team_len },
                           .space = { bytes + a->head.team_len, a->head.space_len } };
    if (a->head.key_count == 0 || a->head.key_count > ASIDE_KEYS_MOST)
        return false;
    for (uint32_t i = 0; i < a->head.key_count; i++) {
        const char *nul = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;
        if (nul == NULL)
            return false;
        a->keys[i] = (gw_str){ at, (size_t)(nul - at) };
        at = nul + 1;
    }
    a->value = (gw_str){ end, len - (size_t)(end - bytes) };
    return at == end;
}

static void put_value(struct gw_buf *out, uint32_t index, gw_str value)
{
    const uint32_t head[] = { index, (uint32_t)value.len };
    if (out->bytes.len + sizeof head + value.len > ASIDE_BYTES_MOST)
        return; /* a miss */
    buf_append(&out->bytes, head, sizeof head);
    buf_append(&out->bytes, value.ptr, value.len);
}

static void on_value(void *owner, uint32_t index, gw_str value)
{
    put_value(owner, index, value);
}

static gw_status get_each(const gw_cache_ops *ops, struct session *s, const struct ask *a, struct gw_buf *out)
{
    gw_status all = GW_MISS;
    for (uint32_t i = 0; i < a->head.key_count; i++) {
        struct gw_buf one = { .failed = false };
        buf_init(&one.bytes, ASIDE_BYTES_MOST);
        gw_status status = ops->get(s->of, &s->call, &a->scope, a->keys[i], &one);
        if (status == GW_OK && !one.failed)
            put_value(out, i, call_str(buf_view(&one.bytes)));
        if (status == GW_OK || all != GW_OK)
            all = status;
        buf_free(&one.bytes);
    }
    return all;
}

static gw_status run(const gw_cache_ops *ops, struct session *s, const struct ask *a, struct gw_buf *out,
                     int64_t *total)
{
    const struct aside_ask_head *h = &a->head;
    switch ((enum aside_op)h->op) {
    case ASIDE_GET:
        return ops->get_many != NULL ? ops->get_many(s->of, &s->call, &a->scope, a->keys, h->key_count, out, on_value)
                                     : get_each(ops, s, a, out);
    case ASIDE_SET:
        return ops->set(s->of, &s->call, &a->scope, a->keys[0], a->value, h->ttl_s, h->mode);
    case ASIDE_DEL:
        return ops->del(s->of, &s->call, &a->scope, a->keys[0]);
    case ASIDE_ADD:
        return h->mode == GW_ADD_CREATE && ops->add_from != NULL
                   ? ops->add_from(s->of, &s->call, &a->scope, a->keys[0], h->delta, h->start, h->ttl_s, total)
                   : ops->add(s->of, &s->call, &a->scope, a->keys[0], h->delta, h->ttl_s, h->mode, total);
    }
    return GW_E_REJECT;
}

/* False: the gateway has left, or what it sent is no ask. */
static bool serve_one(struct lane *lane)
{
    struct ask a;
    struct session *s = &lane->all->each[lane->index];
    struct aside_answer_head answer = { .magic = ASIDE_ANSWER_MAGIC };
    if (!read_all(lane->fd, &a.head, sizeof a.head) || a.head.magic != ASIDE_ASK_MAGIC)
        return false;
    uint64_t len = (uint64_t)a.head.team_len + a.head.space_len + a.head.keys_len + a.head.value_len;
    if (len > ASIDE_BYTES_MOST || !read_all(lane->fd, lane->bytes, len) || !take_apart(&a, lane->bytes, len))
        return false;
    buf_truncate(&lane->value.bytes, 0);
    lane->value.failed = false;
    int64_t began = clock_ns();
    session_begin(s);
    answer.status = session_end(s, run(&lane->all->plugin->cache, s, &a, &lane->value, &answer.total));
    answer.id = a.head.id;
    answer.len = answer.status == GW_OK ? (uint32_t)lane->value.bytes.len : 0;
    bool sent = write_all(lane->fd, &answer, sizeof answer) &&
                write_all(lane->fd, buf_view(&lane->value.bytes).ptr, answer.len);
    return sent && (clock_ns() - began < LATE_MS * CLOCK_MS || session_again(lane->all, lane->index));
}

static void *serve_lane(void *arg)
{
    struct lane *lane = arg;
    while (serve_one(lane))
        continue;
    _exit(lane->index == 0 ? 0 : 1); /* the gateway has left, or it is no use any more */
    return NULL;
}

/* --- the process --- */

/* It ends with the gateway alone, not with what a terminal or a service manager sends to the whole group; and with the process that started
 * it, whatever happens to the gateway. */
static void settle_in(const char *name)
{
    sigset_t ours;
    const struct rlimit none = { 0, 0 };
    char title[16];
    snprintf(title, sizeof title, "gw-%s", name);
    prctl(PR_SET_NAME, title);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGHUP);
    sigaddset(&ours, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &ours, NULL);
}

static struct sessions *open_plugin(const char *path, const struct aside_hello *hello, struct fail *fail)
{
    static char settings[SETTINGS_MOST + 1];
    if (hello->settings_len > SETTINGS_MOST || hello->lanes == 0 || hello->lanes > LANES_MOST ||
        !read_all(ASIDE_CONTROL_FD, settings, hello->settings_len)) {
        fail_set(fail, FAIL_US, "the gateway's side is no gateway");
        return NULL;
    }
    settings[hello->settings_len] = '\0';
    const struct plugin *plugin = plugin_load(path, fail);
    if (plugin == NULL)
        return NULL;
    settle_in(plugin->name);
    return sessions_open(plugin, settings, hello->lanes, fail);
}

static bool start_lanes(struct sessions *all)
{
    for (unsigned i = 0; i < all->count; i++) {
        pthread_t thread;
        struct lane *lane = calloc(1, sizeof *lane);
        BUG_IF(lane == NULL);
        *lane = (struct lane){ .all = all, .index = i, .fd = ASIDE_CONTROL_FD + 1 + (int)i };
        lane->bytes = malloc(ASIDE_BYTES_MOST);
        BUG_IF(lane->bytes == NULL);
        buf_init(&lane->value.bytes, ASIDE_BYTES_MOST);
        if (pthread_create(&thread, NULL, serve_lane, lane) != 0)
            return false;
    }
    return true;
}

void aside_serve(const char *path)
{
    struct aside_hello hello;
    struct fail fail = { .kind = FAIL_NONE };
    char more;
    if (!read_all(ASIDE_CONTROL_FD, &hello, sizeof hello))
        _exit(1);
    struct sessions *all = open_plugin(path, &hello, &fail);
    if (all != NULL && !start_lanes(all)) {
        all = NULL;
        fail_set(&fail, FAIL_OPERATOR, "its helper process cannot start its threads");
    }
    uint32_t len = all == NULL ? (uint32_t)strlen(fail.text) : 0;
    if (!write_all(ASIDE_CONTROL_FD, &len, sizeof len) || !write_all(ASIDE_CONTROL_FD, fail.text, len) || all == NULL)
        _exit(1);
    while (read(ASIDE_CONTROL_FD, &more, 1) < 0 && errno == EINTR)
        continue;
    _exit(0);
}
