/* test_counters.c - counters in a cache: what it is asked, and what becomes of one that does not open or answer. */
#include <string.h>

#include "check.h"
#include "plugin/call.h"
#include "plugin/counters.h"

/* What the cache answers next, and what it was asked last. */
static struct {
    gw_status open, attach, add;
    const char *why;
    bool misuses;
} next;
static int detached, closed, added;
static const gw_host *host;
static struct {
    int64_t delta;
    uint32_t ttl_s, mode;
    char key[16], space[16];
} got;
static int session, instance;

static gw_status answer(gw_call *call, gw_status status)
{
    if (next.why != NULL)
        host->explain(call, call_str(text_of(next.why)));
    if (next.misuses)
        host->alloc(NULL, 1, 1);
    return status;
}

static gw_status fake_open(const gw_host *h, gw_call *call, const gw_json *config, void **out)
{
    host = h;
    cr_assert_eq(h->json->type(config), GW_JSON_OBJECT);
    *out = &instance;
    return answer(call, next.open);
}
static void fake_close(void *i)
{
    cr_assert_eq(i, &instance);
    closed++;
}
static gw_status fake_attach(void *i, gw_call *call, void **out)
{
    cr_assert_eq(i, &instance);
    *out = &session;
    return answer(call, next.attach);
}
static void fake_detach(void *s)
{
    cr_assert_eq(s, &session);
    detached++;
}
static gw_status fake_get(void *s, gw_call *call, const gw_scope *scope, gw_str key, gw_buf *value)
{
    (void)s, (void)call, (void)scope, (void)key, (void)value;
    return GW_MISS;
}
static gw_status fake_set(void *s, gw_call *call, const gw_scope *scope, gw_str key, gw_str value, uint32_t ttl_s,
                          uint32_t mode)
{
    (void)s, (void)call, (void)scope, (void)key, (void)value, (void)ttl_s, (void)mode;
    return GW_OK;
}
static gw_status fake_del(void *s, gw_call *call, const gw_scope *scope, gw_str key)
{
    (void)s, (void)call, (void)scope, (void)key;
    return GW_OK;
}
static gw_status fake_add(void *s, gw_call *call, const gw_scope *scope, gw_str key, int64_t delta, uint32_t ttl_s,
                          uint32_t mode, int64_t *total)
{
    cr_assert_eq(s, &session);
    cr_assert_eq(scope->size, sizeof *scope);
    cr_assert_eq(scope->team.len, 0u);
    memset(&got, 0, sizeof got);
    got.delta = delta;
    got.ttl_s = ttl_s;
    got.mode = mode;
    memcpy(got.key, key.ptr, key.len);
    memcpy(got.space, scope->space.ptr, scope->space.len);
    *total = 40 + ++added;
    cr_assert_not_null(host->alloc(call, 4096, 8), "each call has its memory");
    return answer(call, next.add);
}

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
                                      .name = "pile",
                                      .version = "1",
                                      .ops = &ops };
static struct fail fail;

static struct counters *opened(void)
{
    const struct plugin *plugin = plugin_adopt(&descriptor, "(built in)", &fail);
    cr_assert_not_null(plugin, "%s", fail.text);
    memset(&fail, 0, sizeof fail);
    detached = closed = added = 0;
    return counters_open(plugin, "limits", &fail);
}

Test(counters, ask_the_cache_as_they_are_asked)
{
    memset(&next, 0, sizeof next);
    struct counters *c = opened();
    cr_assert_not_null(c, "%s", fail.text);
    cr_assert_eq(counters_add(c, TEXT("k:1"), -5, 60), 41);
    cr_assert_eq(got.delta, -5);
    cr_assert_eq(got.ttl_s, 60u);
    cr_assert_eq(got.mode, GW_ADD_CREATE);
    cr_assert_str_eq(got.key, "k:1");
    cr_assert_str_eq(got.space, "limits");
    cr_assert_eq(counters_read(c, TEXT("k:2"), 7), 42);
    cr_assert_eq(got.delta, 0);
    cr_assert_eq(got.ttl_s, 7u);
    cr_assert_eq(got.mode, GW_ADD_EXISTING);
    cr_assert_str_eq(got.key, "k:2");
    cr_assert_eq(detached + closed, 0);
    counters_close(c);
    cr_assert_eq(detached, 1);
    cr_assert_eq(closed, 1);
}

/* More calls than the memory of one has room for: nothing is left of a call. */
Test(counters, know_nothing_where_the_cache_fails)
{
    static const struct {
        gw_status status;
        bool misuses;
        int64_t total;
    } rows[] = {
        { GW_MISS, false, 0 },
        { GW_E_RETRY, false, -1 },
        { GW_E_REJECT, false, -1 },
        { GW_OK, true, -1 },
    };
    memset(&next, 0, sizeof next);
    struct counters *c = opened();
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            next.add = rows[i].status;
            next.misuses = rows[i].misuses;
            next.why = round % 2 == 0 ? "no" : NULL;
            cr_assert_eq(counters_add(c, TEXT("k"), 1, 1), rows[i].total, "%zu", i);
            cr_assert_eq(counters_read(c, TEXT("k"), 1), rows[i].total, "%zu", i);
        }
    }
    next.add = GW_OK;
    next.misuses = false;
    cr_assert_eq(counters_add(c, TEXT("k"), 1, 1), 40 + added);
    counters_close(c);
}

Test(counters, of_a_cache_that_does_not_open_are_none)
{
    static const struct {
        gw_status open, attach;
        const char *why, *text;
        int closed;
    } rows[] = {
        { GW_E_CONFIG, GW_OK, "x", "the cache \"pile\" cannot be opened: x", 0 },
        { GW_E_CONFIG, GW_OK, NULL, "the cache \"pile\" cannot be opened: config", 0 },
        { GW_MISS, GW_OK, NULL, "the cache \"pile\" cannot be opened: miss", 0 },
        { GW_OK, GW_E_RETRY, "the server is away", "the cache \"pile\" cannot be opened: the server is away", 1 },
        { GW_OK, GW_E_RETRY, NULL, "the cache \"pile\" cannot be opened: retry", 1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memset(&next, 0, sizeof next);
        next.open = rows[i].open;
        next.attach = rows[i].attach;
        next.why = rows[i].why;
        cr_assert_null(opened(), "%zu", i);
        cr_assert_eq(fail.kind, FAIL_OPERATOR);
        cr_assert_str_eq(fail.text, rows[i].text);
        cr_assert_eq(closed, rows[i].closed, "%zu", i);
        cr_assert_eq(detached, 0, "there is no session");
    }
    memset(&next, 0, sizeof next);
    next.misuses = true;
    cr_assert_null(opened());
    cr_assert_str_eq(fail.text,
                     "the cache \"pile\" cannot be opened: it gives host->alloc() NULL where a handle must be");
    cr_assert_eq(closed, 1, "what it opened");
}

Test(counters, need_a_cache_that_answers_at_once)
{
    static const struct plugin slow = { .name = "slow", .kind = GW_KIND_CACHE };
    static const struct plugin store = { .name = "shelf",
                                         .kind = GW_KIND_STORE,
                                         .cache = { .flags = GW_CACHE_INLINE } };

    cr_assert_null(counters_open(&slow, "limits", &fail));
    cr_assert_eq(fail.kind, FAIL_OPERATOR);
    cr_assert_str_eq(fail.text, "the plugin \"slow\" is no cache that answers at once");
    cr_assert_null(counters_open(&store, "limits", &fail));
    cr_assert_str_eq(fail.text, "the plugin \"shelf\" is no cache that answers at once");
}
