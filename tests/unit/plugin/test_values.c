/* test_values.c - values in a cache: what it is asked, and what becomes of one that does not open, keep or answer. */
#include <string.h>

#include "check.h"
#include "plugin/call.h"
#include "plugin/values.h"

static struct {
    gw_status open, attach, get, set;
    bool misuses;
} next;
static int opened, attached, detached, closed;
static int64_t mb;
static const gw_host *host;
static char kept[32], last[128];

static gw_status fake_open(const gw_host *h, gw_call *call, const gw_json *config, void **out)
{
    (void)call;
    host = h;
    mb = h->json->integer(h->json->get(config, (gw_str){ "mb", 2 }), 0);
    *out = kept;
    opened += next.open == GW_OK;
    return next.open;
}
static void fake_close(void *i)
{
    cr_assert_eq(i, kept);
    closed++;
}
static gw_status fake_attach(void *i, gw_call *call, void **out)
{
    (void)call;
    cr_assert_eq(i, kept);
    *out = &kept[attached];
    attached += next.attach == GW_OK;
    return next.attach;
}
static void fake_detach(void *s)
{
    (void)s;
    detached++;
}
static void note(const char *what, void *session, const gw_scope *scope, gw_str key)
{
    cr_assert_eq(scope->size, sizeof *scope);
    snprintf(last, sizeof last, "%s %d %.*s/%.*s/%.*s", what, (int)((char *)session - kept), (int)scope->team.len,
             scope->team.ptr, (int)scope->space.len, scope->space.ptr, (int)key.len, key.ptr);
}
static gw_status fake_get(void *s, gw_call *call, const gw_scope *scope, gw_str key, gw_buf *value)
{
    note("get", s, scope, key);
    cr_assert_not_null(host->alloc(call, 4096, 8), "each call has its memory");
    if (next.misuses)
        host->alloc(NULL, 1, 1);
    if (next.get == GW_OK)
        host->buf_append(value, (gw_str){ "value", 5 });
    return next.get;
}
static gw_status fake_set(void *s, gw_call *call, const gw_scope *scope, gw_str key, gw_str value, uint32_t ttl_s,
                          uint32_t mode)
{
    (void)call;
    note("set", s, scope, key);
    cr_assert_eq(ttl_s, 7u);
    cr_assert_eq(mode, GW_SET_ALWAYS);
    cr_assert_eq(value.len, 3u);
    return next.set;
}
static gw_status fake_del(void *s, gw_call *call, const gw_scope *scope, gw_str key)
{
    (void)s, (void)call, (void)scope, (void)key;
    return GW_OK;
}
static gw_status fake_add(void *s, gw_call *call, const gw_scope *scope, gw_str key, int64_t delta, uint32_t ttl_s,
                          uint32_t mode, int64_t *total)
{
    (void)s, (void)call, (void)scope, (void)key, (void)delta, (void)ttl_s, (void)mode, (void)total;
    return GW_MISS;
}

static const gw_option options[] = { { "mb", "how much", GW_JSON_INT, 0 }, { NULL, NULL, 0, 0 } };
static const gw_cache_ops ops = { .size = sizeof ops,
                                  .flags = GW_CACHE_INLINE,
                                  .open = fake_open,
                                  .close = fake_close,
                                  .attach = fake_attach,
                                  .detach = fake_detach,
                                  .get = fake_get,
                                  .set = fake_set,
                                  .del = fake_del,
                                  .add = fake_add };
static const gw_plugin descriptor = { .abi_major = GW_ABI_MAJOR,
                                      .needs_minor = GW_ABI_MINOR,
                                      .size = sizeof descriptor,
                                      .kind = GW_KIND_CACHE,
                                      .name = "heap",
                                      .version = "1",
                                      .ops = &ops,
                                      .options = options };
static const gw_cache_ops slow_ops = { .size = sizeof slow_ops,
                                       .open = fake_open,
                                       .close = fake_close,
                                       .attach = fake_attach,
                                       .detach = fake_detach,
                                       .get = fake_get,
                                       .set = fake_set,
                                       .del = fake_del,
                                       .add = fake_add };
static const gw_plugin slow = { .abi_major = GW_ABI_MAJOR,
                                .needs_minor = GW_ABI_MINOR,
                                .size = sizeof slow,
                                .kind = GW_KIND_CACHE,
                                .name = "slow",
                                .version = "1",
                                .ops = &slow_ops };
static struct fail fail;

static struct values *open_with(const gw_plugin *which)
{
    const struct plugin *plugin = plugin_adopt(which, "(built in)", &fail);
    cr_assert_not_null(plugin, "%s", fail.text);
    memset(&fail, 0, sizeof fail);
    opened = attached = detached = closed = 0;
    return values_open(plugin, "answers", "{\"mb\":12}", 2, &fail);
}

Test(values, ask_the_cache_in_the_session_and_scope_that_are_theirs)
{
    struct buf out;
    memset(&next, 0, sizeof next);
    struct values *v = open_with(&descriptor);
    cr_assert_not_null(v, "%s", fail.text);
    cr_assert_eq(mb, 12);
    cr_assert_eq(attached, 2);
    buf_init(&out, 64);
    cr_assert(values_get(v, 1, TEXT("red"), TEXT("k"), &out));
    cr_assert_str_eq(last, "get 1 red/answers/k");
    cr_assert(text_is(buf_view(&out), "value"));
    cr_assert(values_set(v, 0, TEXT(""), TEXT("k2"), TEXT("abc"), 7));
    cr_assert_str_eq(last, "set 0 /answers/k2");
    buf_free(&out);
    values_close(v);
    cr_assert_eq(detached, 2);
    cr_assert_eq(closed, 1);
}

Test(values, that_are_not_there_or_do_not_fit_are_none)
{
    static const struct {
        gw_status status;
        bool misuses;
    } rows[] = { { GW_MISS, false }, { GW_E_RETRY, false }, { GW_OK, true } };
    struct buf out;
    memset(&next, 0, sizeof next);
    struct values *v = open_with(&descriptor);
    for (int round = 0; round < 30; round++)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            next.get = rows[i].status;
            next.misuses = rows[i].misuses;
            buf_init(&out, 64);
            cr_assert(!values_get(v, 0, TEXT("red"), TEXT("k"), &out), "%zu", i);
            buf_free(&out);
        }
    next.get = GW_OK;
    next.misuses = false;
    buf_init(&out, 4);
    cr_assert(!values_get(v, 0, TEXT("red"), TEXT("k"), &out), "half of it is none");
    buf_free(&out);
    next.set = GW_E_REJECT;
    cr_assert(!values_set(v, 0, TEXT("red"), TEXT("k"), TEXT("abc"), 7));
    values_close(v);
}

Test(values, of_a_cache_that_does_not_open_are_none)
{
    memset(&next, 0, sizeof next);
    next.open = GW_E_CONFIG;
    cr_assert_null(open_with(&descriptor));
    cr_assert_str_eq(fail.text, "the cache \"heap\" cannot be opened: config");
    cr_assert_eq(closed, 0);
    next.open = GW_OK;
    next.attach = GW_E_RETRY;
    cr_assert_null(open_with(&descriptor));
    cr_assert_eq(closed, 1);
    cr_assert_eq(detached, 0);
    next.attach = GW_OK;
    cr_assert_null(open_with(&slow));
    cr_assert_str_eq(fail.text, "the plugin \"slow\" is no cache that answers at once");
}
