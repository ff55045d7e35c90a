/* cache.c - what holds for the counters of every cache: each add counts once, below 0 is nothing, what was not touched is forgotten. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kit.h"
#include "plugin/call.h"

enum { THREADS = 4, ADDS = 50000, KEYS = 5000, KEEP_S = 60 };

/* A session, as one thread has it. */
struct user {
    const struct plugin *plugin;
    void *instance, *session;
    struct arena keep, scratch;
    struct gw_call call;
    gw_scope scope;
    const char *problem;
    pthread_barrier_t *start; /* all begin together */
};

static bool begin(struct user *u, const struct plugin *plugin, void *instance, const char *team)
{
    *u = (struct user){.plugin = plugin, .instance = instance, .scope = {.size = sizeof u->scope, .team = call_str(text_of(team)), .space = call_str(TEXT("kit"))}};
    arena_init(&u->keep, NULL, 0, 1 << 20);
    arena_init(&u->scratch, NULL, 0, 1 << 20);
    call_begin(&u->call, &u->keep, &u->scratch, NULL);
    call_step_begin(&u->call);
    gw_status status = call_status(&u->call, plugin->cache.attach(instance, &u->call, &u->session));
    call_step_end(&u->call);
    return status == GW_OK;
}

static void end(struct user *u)
{
    u->plugin->cache.detach(u->session);
    arena_fini(&u->scratch);
    arena_fini(&u->keep);
}

static gw_status add(struct user *u, const char *key, int64_t delta, uint32_t ttl_s, uint32_t mode, int64_t *total)
{
    call_step_begin(&u->call);
    gw_status status = call_status(&u->call, u->plugin->cache.add(u->session, &u->call, &u->scope, call_str(text_of(key)), delta, ttl_s, mode, total));
    call_step_end(&u->call);
    return status;
}

/* Adds and is at `wanted` then. */
static bool is_at(struct user *u, const char *key, int64_t delta, int64_t wanted)
{
    int64_t total = -1;
    return add(u, key, delta, KEEP_S, GW_ADD_CREATE, &total) == GW_OK && total == wanted;
}

static bool is_missing(struct user *u, const char *key)
{
    int64_t total = -1;
    return add(u, key, 0, KEEP_S, GW_ADD_EXISTING, &total) == GW_MISS;
}

static bool counts(struct user *u)
{
    return is_missing(u, "a") && is_at(u, "a", 3, 3) && is_at(u, "a", 4, 7) && is_at(u, "ab", 1, 1) && is_at(u, "a", -2, 5) && !is_missing(u, "a");
}

static bool stays_above_nothing(struct user *u)
{
    return is_at(u, "low", 5, 5) && is_at(u, "low", -9, 0) && is_at(u, "low", 1, 1) && is_at(u, "new", -1, 0);
}

static bool keeps_teams_apart(struct user *u)
{
    struct user other;
    if (!begin(&other, u->plugin, u->instance, "other"))
        return false;
    bool apart = is_missing(&other, "a") && is_at(&other, "a", 1, 1) && is_at(u, "a", 0, 5);
    end(&other);
    return apart;
}

static bool forgets(struct user *u)
{
    int64_t total;
    bool good = add(u, "short", 1, 2, GW_ADD_CREATE, &total) == GW_OK && is_at(u, "long", 1, 1);
    sleep(3);
    return good && is_missing(u, "short") && is_at(u, "long", 1, 2);
}

static bool holds_many(struct user *u)
{
    char key[32];
    for (int round = 1; round <= 2; round++)
        for (int i = 0; i < KEYS; i++) {
            snprintf(key, sizeof key, "k:%d", i);
            if (!is_at(u, key, i, (int64_t)i * round))
                return false;
        }
    return true;
}

static void *add_often(void *arg)
{
    struct user *u = arg;
    int64_t total;
    pthread_barrier_wait(u->start);
    for (int i = 0; i < ADDS; i++)
        if (add(u, "shared", 1, KEEP_S, GW_ADD_CREATE, &total) != GW_OK)
            u->problem = "add() fails";
    return NULL;
}

static bool counts_each_once(struct user *u)
{
    pthread_t threads[THREADS];
    struct user users[THREADS];
    pthread_barrier_t start;
    bool good = pthread_barrier_init(&start, NULL, THREADS) == 0;
    for (int i = 0; i < THREADS; i++)
        good = begin(&users[i], u->plugin, u->instance, "team") && (users[i].start = &start) != NULL && pthread_create(&threads[i], NULL, add_often, &users[i]) == 0 && good;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        good = good && users[i].problem == NULL;
        end(&users[i]);
    }
    pthread_barrier_destroy(&start);
    return good && is_at(u, "shared", 0, THREADS * ADDS);
}

static bool removes(struct user *u)
{
    call_step_begin(&u->call);
    gw_status status = call_status(&u->call, u->plugin->cache.del(u->session, &u->call, &u->scope, call_str(TEXT("a"))));
    call_step_end(&u->call);
    return status == GW_OK && is_missing(u, "a");
}

static bool open_cache(struct kit *kit, void **instance)
{
    struct arena keep, scratch;
    struct gw_call call;
    struct fail fail;
    arena_init(&keep, NULL, 0, 1 << 20);
    arena_init(&scratch, NULL, 0, 1 << 20);
    const struct json *settings = json_parse(&keep, text_of(kit->settings != NULL ? kit->settings : "{}"), &fail);
    call_begin(&call, &keep, &scratch, NULL);
    call_step_begin(&call);
    gw_status status = call_status(&call, kit->plugin->cache.open(plugin_host(kit->plugin), &call, call_json(settings), instance));
    call_step_end(&call);
    arena_fini(&scratch);
    arena_fini(&keep);
    return status == GW_OK;
}

int cache_run(struct kit *kit)
{
    static const struct {
        const char *name;
        bool (*run)(struct user *u);
    } cases[] = {
        {"a counter begins at 0 and counts", counts},
        {"a counter is never below 0", stays_above_nothing},
        {"teams have counters of their own", keeps_teams_apart},
        {"five thousand counters are apart", holds_many},
        {"each add of four threads counts once", counts_each_once},
        {"what is removed is gone", removes},
        {"what was not touched for its time is forgotten", forgets},
    };
    struct user user;
    void *instance;
    unsigned passed = 0, failed = 0;

    if (!open_cache(kit, &instance) || !begin(&user, kit->plugin, instance, "team")) {
        puts("FAIL it opens\nconformance: 0 passed, 1 failed, 0 skipped");
        return 1;
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool good = cases[i].run(&user);
        passed += good;
        failed += !good;
        if (!good || !kit->quiet)
            printf("%s %s\n", good ? "ok  " : "FAIL", cases[i].name);
    }
    end(&user);
    kit->plugin->cache.close(instance);
    printf("conformance: %u passed, %u failed, 0 skipped\n", passed, failed);
    return failed > 0 ? 1 : 0;
}
