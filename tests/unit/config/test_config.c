/* test_config.c - the snapshot: its defaults, its look-ups, its life. */
#include "check.h"

#include <string.h>

#include "base/clock.h"
#include "config/config.h"

static unsigned closed;

static void count_closed(struct config_provider *provider)
{
    (void)provider;
    closed++;
}

/* A snapshot as boot/ makes it: two providers, four models, two teams, two keys. */
static struct config *make(void)
{
    struct config *c = config_new();
    c->provider_count = 2;
    c->providers = arena_array(&c->arena, struct config_provider, 2);
    c->providers[0].name = TEXT("openai");
    c->providers[1].name = TEXT("demo");
    c->model_count = 4;
    c->models = arena_array(&c->arena, struct config_model, 4);
    c->models[0].name = TEXT("gpt-*");
    c->models[1].name = TEXT("gpt-4o*");
    c->models[2].name = TEXT("gpt-4o");
    c->models[3].name = TEXT("fast");
    c->team_count = 2;
    c->teams = arena_array(&c->arena, struct config_team, 2);
    c->teams[0].name = TEXT("default");
    c->teams[1].name = TEXT("support");
    c->default_team = &c->teams[0];
    c->key_count = 2;
    c->keys = arena_array(&c->arena, struct config_key, 2);
    for (size_t i = 0; i < 2; i++) {
        crypto_sha256(i == 0 ? TEXT("first key") : TEXT("second key"), c->keys[i].digest);
        c->keys[i].team = &c->teams[i];
    }
    config_seal(c);
    return c;
}

Test(config, is_made_with_the_defaults)
{
    struct config *c = config_new();
    cr_assert(text_is(c->listen.address, "127.0.0.1"));
    cr_assert_eq(c->listen.port, 8080);
    cr_assert_eq(c->limits.body_bytes, 20u << 20);
    cr_assert_eq(c->limits.header_bytes, 8u << 10);
    cr_assert_eq(c->limits.header_ns, 10 * CLOCK_S);
    cr_assert_eq(c->limits.drain_ns, 600 * CLOCK_S);
    cr_assert_eq(c->limits.in_flight, 0);
    cr_assert_eq(config_default_timeouts.idle_ns, 120 * CLOCK_S);
    cr_assert_not(c->keys_required);
    config_unref(c);
}

Test(config, finds_providers_by_their_exact_name)
{
    struct config *c = make();
    cr_assert_eq(config_provider(c, TEXT("demo")), &c->providers[1]);
    cr_assert_eq(c->providers[1].index, 1);
    cr_assert_null(config_provider(c, TEXT("dem")));
    cr_assert_null(config_provider(c, TEXT("Demo")));
    cr_assert_null(config_provider(c, TEXT_NONE));
    config_unref(c);
}

Test(config, finds_the_exact_model_and_the_longest_family)
{
    struct config *c = make();
    cr_assert_eq(config_model(c, TEXT("gpt-4o")), &c->models[2]);
    cr_assert_null(config_model(c, TEXT("gpt-4o-mini")));
    cr_assert_eq(config_model(c, TEXT("fast")), &c->models[3]);
    cr_assert_eq(config_family(c, TEXT("gpt-4o-mini")), &c->models[1]);
    cr_assert_eq(config_family(c, TEXT("gpt-5")), &c->models[0]);
    cr_assert_eq(config_family(c, TEXT("gpt-")), &c->models[0]);
    cr_assert_null(config_family(c, TEXT("faster")));
    cr_assert_null(config_family(c, TEXT("")));
    config_unref(c);
}

Test(config, knows_keys_by_their_digest_only)
{
    struct config *c = make();
    uint8_t digest[CRYPTO_SHA256_LEN];
    crypto_sha256(TEXT("second key"), digest);
    cr_assert_eq(config_key(c, digest), &c->keys[1]);
    digest[31] ^= 1;
    cr_assert_null(config_key(c, digest));
    memset(digest, 0, sizeof digest);
    cr_assert_null(config_key(c, digest));
    cr_assert(c->keys_required);
    config_unref(c);
}

Test(config, lets_a_team_ask_for_what_its_list_says)
{
    struct text list[] = { TEXT("fast"), TEXT("openai/*"), TEXT("claude-*") };
    struct config_team all = { .name = TEXT("all") }, some = { .models = list, .model_count = 3 },
                       none = { .models = list };
    cr_assert(config_team_may(&all, TEXT("anything")));
    cr_assert(config_team_may(NULL, TEXT("anything")));
    cr_assert(config_team_may(&some, TEXT("fast")));
    cr_assert(config_team_may(&some, TEXT("openai/gpt-4o")));
    cr_assert(config_team_may(&some, TEXT("claude-haiku")));
    cr_assert_not(config_team_may(&some, TEXT("faster")));
    cr_assert_not(config_team_may(&some, TEXT("openai")));
    cr_assert_not(config_team_may(&none, TEXT("fast")), "an empty list allows nothing");
}

Test(config, closes_instances_with_the_last_reference)
{
    int instance;
    struct config *c = make();
    config_on_close(count_closed);
    closed = 0;
    c->providers[0].instance = &instance;
    cr_assert_eq(config_ref(c), c);
    config_unref(c);
    cr_assert_eq(closed, 0);
    config_unref(c);
    cr_assert_eq(closed, 1, "only the one that is open");
    config_unref(NULL);
    config_on_close(NULL);
}
