/* cache.c - what holds for every cache: values by scope and key, counters that lose nothing, and an end of life. One whose set()
 * answers GW_E_REJECT keeps counters alone. */
#include <gateway/cache.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kit.h"

enum { VALUE_MOST = 1 << 20, TTL_S = 2, LONG_S = 3600, ADDS = 2000, THREADS = 2 };

/* One session, and the call that a step is made with. One thread. */
struct cache_session {
    struct cache_case *of;
    void *session;
    struct arena keep, scratch;
    struct gw_call call;
    struct gw_buf value; /* of the last get() */
};

struct cache_case {
    struct kit *kit;
    const gw_cache_ops *ops;
    void *instance;
    struct cache_session one, other;
    bool keeps_values; /* false: it keeps counters alone, and refuses all values */
    char problem[512];
};

__attribute__((format(printf, 2, 3))) static bool cache_fail(struct cache_case *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (c->problem[0] == '\0')
        vsnprintf(c->problem, sizeof c->problem, format, args);
    va_end(args);
    return false;
}

static void begin(struct cache_session *s)
{
    call_begin(&s->call, &s->keep, &s->scratch, NULL);
    call_step_begin(&s->call);
}

static gw_status end(struct cache_session *s, gw_status status)
{
    status = call_status(&s->call, status);
    call_step_end(&s->call);
    arena_reset(&s->keep);
    return status;
}

static gw_scope scope_of(const char *team, const char *space)
{
    return (gw_scope){ .size = sizeof(gw_scope), .team = { team, strlen(team) }, .space = { space, strlen(space) } };
}

static gw_str str(const char *text)
{
    return (gw_str){ text, strlen(text) };
}

/* The usual scope. */
static const char team[] = "red", space[] = "exact";

static gw_status put(struct cache_session *s, const char *of, const char *in, const char *key, gw_str value,
                     uint32_t ttl_s, uint32_t mode)
{
    gw_scope scope = scope_of(of, in);
    begin(s);
    return end(s, s->of->ops->set(s->session, &s->call, &scope, str(key), value, ttl_s, mode));
}

static gw_status get(struct cache_session *s, const char *of, const char *in, const char *key)
{
    gw_scope scope = scope_of(of, in);
    buf_free(&s->value.bytes);
    s->value.failed = false;
    begin(s);
    return end(s, s->of->ops->get(s->session, &s->call, &scope, str(key), &s->value));
}

static gw_status del(struct cache_session *s, const char *key)
{
    gw_scope scope = scope_of(team, space);
    begin(s);
    return end(s, s->of->ops->del(s->session, &s->call, &scope, str(key)));
}

static gw_status add(struct cache_session *s, const char *of, const char *key, int64_t delta, uint32_t mode,
                     int64_t *total)
{
    gw_scope scope = scope_of(of, "counters");
    begin(s);
    return end(s, s->of->ops->add(s->session, &s->call, &scope, str(key), delta, LONG_S, mode, total));
}

/* get() must give exactly `want`; absent: a miss, and nothing. */
static bool finds(struct cache_session *s, const char *of, const char *in, const char *key, struct text want)
{
    gw_status status = get(s, of, in, key);
    struct text got = buf_view(&s->value.bytes);
    if (want.ptr == NULL)
        return (status == GW_MISS && got.len == 0) ||
               cache_fail(s->of, "get() of \"%s\" in %s/%s answers %s and %zu bytes, and a miss is right", key, of, in,
                          call_status_name(status), got.len);
    return (status == GW_OK && text_eq(got, want)) ||
           cache_fail(s->of, "get() of \"%s\" answers %s and %zu bytes, and %zu are there", key,
                      call_status_name(status), got.len, want.len);
}

static bool keeps(struct cache_session *s, const char *key, struct text value)
{
    gw_status status = put(s, team, space, key, call_str(value), LONG_S, GW_SET_ALWAYS);
    return (status == GW_OK ||
            cache_fail(s->of, "set() of %zu bytes answers %s", value.len, call_status_name(status))) &&
           finds(s, team, space, key, value);
}

static bool counts(struct cache_session *s, const char *of, const char *key, int64_t delta, uint32_t mode,
                   gw_status want, int64_t sum)
{
    int64_t total = -7;
    gw_status status = add(s, of, key, delta, mode, &total);
    if (status != want)
        return cache_fail(s->of, "add(%lld) answers %s", (long long)delta, call_status_name(status));
    return want != GW_OK || total == sum ||
           cache_fail(s->of, "add(%lld) gives %lld, and %lld is right", (long long)delta, (long long)total,
                      (long long)sum);
}

static bool misses_what_is_absent(struct cache_case *c)
{
    return finds(&c->one, team, space, "absent", TEXT_NONE);
}

static size_t most_of(const struct cache_case *c)
{
    return c->ops->value_most > 0 && c->ops->value_most < VALUE_MOST ? c->ops->value_most : VALUE_MOST;
}

static bool gives_what_was_set(struct cache_case *c)
{
    static char large[VALUE_MOST];
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)(i * 7);
    if (c->ops->value_most > 0 && c->ops->value_most < VALUE_MOST &&
        put(&c->one, team, space, "more", (gw_str){ large, c->ops->value_most + 1 }, LONG_S, GW_SET_ALWAYS) !=
            GW_E_REJECT)
        return cache_fail(c, "set() does not refuse a value of more than value_most bytes");
    return keeps(&c->one, "text", TEXT("value")) && keeps(&c->one, "empty", TEXT("")) &&
           keeps(&c->one, "bytes", (struct text){ "\0\xff\n", 3 }) &&
           keeps(&c->one, "large", (struct text){ large, most_of(c) }) && keeps(&c->one, "text", TEXT("another")) &&
           finds(&c->one, team, space, "bytes", (struct text){ "\0\xff\n", 3 });
}

/* 1 to 200 bytes, of which the last one decides. */
static bool tells_keys_apart(struct cache_case *c)
{
    char long_a[201], long_b[201];
    memset(long_a, 'k', 200);
    long_a[200] = '\0';
    memcpy(long_b, long_a, sizeof long_b);
    long_b[199] = 'l';
    return keeps(&c->one, long_a, TEXT("a")) && keeps(&c->one, long_b, TEXT("b")) && keeps(&c->one, "k", TEXT("c")) &&
           keeps(&c->one, "K:k_-9", TEXT("d")) && finds(&c->one, team, space, long_a, TEXT("a")) &&
           finds(&c->one, team, space, "k", TEXT("c"));
}

static bool tells_scopes_apart(struct cache_case *c)
{
    return keeps(&c->one, "whose", TEXT("red's")) && finds(&c->one, "blue", space, "whose", TEXT_NONE) &&
           finds(&c->one, team, "semantic", "whose", TEXT_NONE) && finds(&c->one, "", space, "whose", TEXT_NONE) &&
           finds(&c->one, "redexact", "", "whose", TEXT_NONE) && finds(&c->one, team, space, "whose", TEXT("red's"));
}

static bool sets_what_is_absent_only(struct cache_case *c)
{
    if (put(&c->one, team, space, "once", str("first"), LONG_S, GW_SET_IF_ABSENT) != GW_OK)
        return cache_fail(c, "set() if absent refuses a new key");
    if (put(&c->one, team, space, "once", str("second"), LONG_S, GW_SET_IF_ABSENT) != GW_MISS)
        return cache_fail(c, "set() if absent answers another word than miss for a key that is there");
    return finds(&c->one, team, space, "once", TEXT("first"));
}

/* What get_many() has handed in: a bit for each place. */
struct handed {
    unsigned places;
    bool wrong;
};

static void hand_in(void *owner, uint32_t index, gw_str value)
{
    static const char *const values[] = { "1", NULL, "22", "" };
    struct handed *h = owner;
    if (index >= 4 || values[index] == NULL || (h->places & 1u << index) != 0 ||
        !text_eq(call_text(value), text_of(values[index])))
        h->wrong = true;
    else
        h->places |= 1u << index;
}

static bool gives_several(struct cache_case *c)
{
    const gw_str keys[] = { str("many1"), str("many-not"), str("many2"), str("many3") };
    struct handed all = { 0 }, none = { 0 };
    gw_scope scope = scope_of(team, space), other = scope_of("blue", space);
    if (c->ops->get_many == NULL)
        return true;
    if (!keeps(&c->one, "many1", TEXT("1")) || !keeps(&c->one, "many2", TEXT("22")) ||
        !keeps(&c->one, "many3", TEXT("")))
        return false;
    begin(&c->one);
    gw_status status = end(&c->one, c->ops->get_many(c->one.session, &c->one.call, &scope, keys, 4, &all, hand_in));
    if (status != GW_OK || all.wrong || all.places != 13)
        return cache_fail(c, "get_many() answers %s and gives not what is there", call_status_name(status));
    begin(&c->one);
    status = end(&c->one, c->ops->get_many(c->one.session, &c->one.call, &other, keys, 4, &none, hand_in));
    return (status == GW_MISS && none.places == 0 && !none.wrong) ||
           cache_fail(c, "get_many() answers %s where nothing is there", call_status_name(status));
}

static bool removes(struct cache_case *c)
{
    gw_status status;
    if (!keeps(&c->one, "gone", TEXT("x")) || (status = del(&c->one, "gone")) < 0)
        return cache_fail(c, "del() fails");
    status = del(&c->one, "never");
    return (status == GW_OK || status == GW_MISS ||
            cache_fail(c, "del() of what is not there answers %s", call_status_name(status))) &&
           finds(&c->one, team, space, "gone", TEXT_NONE);
}

static bool shows_other_sessions(struct cache_case *c)
{
    return keeps(&c->one, "shared", TEXT("x")) && finds(&c->other, team, space, "shared", TEXT("x")) &&
           keeps(&c->other, "back", TEXT("y")) && finds(&c->one, team, space, "back", TEXT("y"));
}

/* The clock of the host and the machine's: a backend elsewhere has its own. */
static void wait_ttl(struct cache_case *c)
{
    c->kit->now_ms += (TTL_S + 1) * 1000;
    usleep((TTL_S * 1000 + 300) * 1000);
}

static bool forgets_counters(struct cache_case *c)
{
    gw_scope scope = scope_of(team, "counters");
    int64_t total = 0;
    begin(&c->one);
    if (end(&c->one, c->ops->add(c->one.session, &c->one.call, &scope, str("short"), 5, TTL_S, GW_ADD_CREATE,
                                 &total)) != GW_OK ||
        total != 5)
        return cache_fail(c, "add() with a time to live fails");
    wait_ttl(c);
    return counts(&c->one, team, "short", 1, GW_ADD_CREATE, GW_OK, 1);
}

/* Both at once: the wait is long. */
static bool forgets_both(struct cache_case *c)
{
    gw_scope scope = scope_of(team, "counters");
    int64_t total = 0;
    if (put(&c->one, team, space, "short", str("x"), TTL_S, GW_SET_ALWAYS) != GW_OK ||
        !keeps(&c->one, "long", TEXT("y")) || !finds(&c->one, team, space, "short", TEXT("x")))
        return false;
    begin(&c->one);
    if (end(&c->one, c->ops->add(c->one.session, &c->one.call, &scope, str("short"), 5, TTL_S, GW_ADD_CREATE,
                                 &total)) != GW_OK ||
        total != 5)
        return cache_fail(c, "add() with a time to live fails");
    wait_ttl(c);
    return finds(&c->one, team, space, "short", TEXT_NONE) && finds(&c->one, team, space, "long", TEXT("y")) &&
           counts(&c->one, team, "short", 1, GW_ADD_CREATE, GW_OK, 1);
}

static bool counts_up_and_down(struct cache_case *c)
{
    return counts(&c->one, team, "n", 1, GW_ADD_EXISTING, GW_MISS, 0) &&
           counts(&c->one, team, "n", 5, GW_ADD_CREATE, GW_OK, 5) &&
           counts(&c->one, team, "n", 3, GW_ADD_EXISTING, GW_OK, 8) &&
           counts(&c->other, team, "n", -2, GW_ADD_CREATE, GW_OK, 6) &&
           counts(&c->one, "blue", "n", 1, GW_ADD_CREATE, GW_OK, 1) &&
           counts(&c->one, team, "n", 0, GW_ADD_EXISTING, GW_OK, 6) &&
           counts(&c->one, team, "n", INT64_C(1) << 50, GW_ADD_EXISTING, GW_OK, (INT64_C(1) << 50) + 6);
}

static bool begins_where_it_is_told(struct cache_case *c)
{
    gw_scope scope = scope_of(team, "counters");
    int64_t totals[2] = { 0 };
    for (int i = 0; i < 2 && c->ops->add_from != NULL; i++) {
        begin(&c->one);
        gw_status status = end(
            &c->one, c->ops->add_from(c->one.session, &c->one.call, &scope, str("from"), 3, 40, LONG_S, &totals[i]));
        if (status != GW_OK)
            return cache_fail(c, "add_from() answers %s", call_status_name(status));
    }
    return c->ops->add_from == NULL || (totals[0] == 43 && totals[1] == 46) ||
           cache_fail(c, "add_from(3, 40) gives %lld and then %lld", (long long)totals[0], (long long)totals[1]);
}

static bool stays_above_zero(struct cache_case *c)
{
    return counts(&c->one, team, "z", 3, GW_ADD_CREATE, GW_OK, 3) &&
           counts(&c->one, team, "z", -10, GW_ADD_EXISTING, GW_OK, 0) &&
           counts(&c->one, team, "z", 4, GW_ADD_EXISTING, GW_OK, 4);
}

static bool session_open_own(struct cache_session *s, struct cache_case *c)
{
    *s = (struct cache_session){ .of = c };
    arena_init(&s->keep, NULL, 0, 1 << 20);
    arena_init(&s->scratch, NULL, 0, 1 << 20);
    buf_init(&s->value.bytes, 4 * VALUE_MOST);
    begin(s);
    return end(s, c->ops->attach(c->instance, &s->call, &s->session)) == GW_OK || cache_fail(c, "attach() fails");
}

static void session_close_own(struct cache_session *s)
{
    if (s->session != NULL)
        s->of->ops->detach(s->session);
    buf_free(&s->value.bytes);
    arena_fini(&s->keep);
    arena_fini(&s->scratch);
    s->session = NULL;
}

/* A thread with a session of its own. */
static void *adds(void *arg)
{
    struct cache_session *s = arg;
    int64_t total;
    for (int i = 0; i < ADDS; i++)
        if (add(s, team, "together", 1, GW_ADD_CREATE, &total) != GW_OK)
            return s;
    return NULL;
}

static bool loses_nothing_between_threads(struct cache_case *c)
{
    struct cache_session sessions[THREADS];
    pthread_t threads[THREADS];
    bool good = true;
    for (int i = 0; i < THREADS; i++)
        good = session_open_own(&sessions[i], c) && good;
    for (int i = 0; i < THREADS && good; i++)
        pthread_create(&threads[i], NULL, adds, &sessions[i]);
    for (int i = 0; i < THREADS && good; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        if (failed != NULL)
            cache_fail(c, "add() fails beside another thread's");
    }
    for (int i = 0; i < THREADS; i++)
        session_close_own(&sessions[i]);
    return good && c->problem[0] == '\0' &&
           counts(&c->one, team, "together", 0, GW_ADD_EXISTING, GW_OK, THREADS * ADDS);
}

static bool keeps_it_for_another_session(struct cache_case *c)
{
    if (!keeps(&c->other, "kept", TEXT("x")))
        return false;
    session_close_own(&c->other);
    return session_open_own(&c->other, c) && finds(&c->other, team, space, "kept", TEXT("x"));
}

static const struct {
    const char *name;
    bool (*check)(struct cache_case *c);
    enum { OF_ALL, OF_VALUES, OF_COUNTERS_ALONE } of; /* which caches are asked */
} checks[] = {
    { "what is absent is missed", misses_what_is_absent, OF_VALUES },
    { "get() gives what was set: empty, any bytes, up to the most that it keeps", gives_what_was_set, OF_VALUES },
    { "keys of 1 to 200 bytes are told apart", tells_keys_apart, OF_VALUES },
    { "teams and spaces are told apart", tells_scopes_apart, OF_VALUES },
    { "set() if absent leaves what is there", sets_what_is_absent_only, OF_VALUES },
    { "several keys in one call", gives_several, OF_VALUES },
    { "del() removes, and what is absent is no error", removes, OF_VALUES },
    { "one session sees what another one set", shows_other_sessions, OF_VALUES },
    { "values and counters end with their time to live", forgets_both, OF_VALUES },
    { "counters end with their time to live", forgets_counters, OF_COUNTERS_ALONE },
    { "counters count, by team, and are created only where that is asked", counts_up_and_down, OF_ALL },
    { "counters stay above zero", stays_above_zero, OF_ALL },
    { "a counter begins where add_from() says, once", begins_where_it_is_told, OF_ALL },
    { "no add() is lost between threads", loses_nothing_between_threads, OF_ALL },
    { "what was set outlives its session", keeps_it_for_another_session, OF_VALUES },
};

static void report(struct kit *kit, const char *name, const char *problem)
{
    *(problem[0] != '\0' ? &kit->failed : &kit->passed) += 1;
    if (!kit->quiet || problem[0] != '\0')
        printf("%s %s\n", problem[0] != '\0' ? "FAILED " : "ok     ", name);
    if (problem[0] != '\0')
        printf("        %s\n", problem);
}

static bool open_cache(struct cache_case *c, struct fail *fail)
{
    struct kit *kit = c->kit;
    struct cache_session boot = { .of = c };
    arena_init(&boot.keep, NULL, 0, 1 << 20);
    arena_init(&boot.scratch, NULL, 0, 1 << 20);
    const struct json *settings = json_parse(&boot.keep, text_of(kit->settings != NULL ? kit->settings : "{}"), fail);
    bool good = settings != NULL && plugin_check_settings(kit->plugin, settings, fail) == 0;
    if (good) {
        call_begin(&boot.call, &boot.keep, &boot.scratch, NULL);
        call_step_begin(&boot.call);
        gw_status status =
            call_status(&boot.call, c->ops->open(&kit->host, &boot.call, call_json(settings), &c->instance));
        good = status == GW_OK;
        if (!good)
            fail_set(fail, FAIL_OPERATOR, "open() answers %s: %.*s", call_status_name(status),
                     TEXT_ARG(boot.call.explain));
        call_step_end(&boot.call);
    }
    arena_fini(&boot.keep);
    arena_fini(&boot.scratch);
    return good;
}

int cache_run(struct kit *kit)
{
    struct cache_case c = { .kit = kit, .ops = &kit->plugin->cache };
    struct fail fail = { .kind = FAIL_NONE };
    if (!open_cache(&c, &fail)) {
        report(kit, "the cache is opened", fail.text);
    } else {
        bool attached = session_open_own(&c.one, &c);
        attached = session_open_own(&c.other, &c) && attached; /* both are closed below */
        report(kit, "the cache is opened", c.problem);
        c.keeps_values = attached && put(&c.one, team, space, "probe", str("x"), TTL_S, GW_SET_ALWAYS) != GW_E_REJECT;
        for (size_t i = 0; i < sizeof checks / sizeof *checks && attached; i++) {
            if (checks[i].of == (c.keeps_values ? OF_COUNTERS_ALONE : OF_VALUES))
                continue;
            c.problem[0] = '\0';
            if (!checks[i].check(&c))
                cache_fail(&c, "it does not hold");
            report(kit, checks[i].name, c.problem);
        }
        session_close_own(&c.one);
        session_close_own(&c.other);
        c.ops->close(c.instance);
    }
    printf("conformance: %u passed, %u failed, %u skipped\n", kit->passed, kit->failed, kit->skipped);
    return kit->failed > 0 ? 1 : 0;
}
