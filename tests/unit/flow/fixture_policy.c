/* fixture_policy.c - a policy that the requests of a fixture pass. */
#include "base/clock.h"
#include "check.h"
#include "fixture.h"
#include "script/script.h"

static void on_wrong(void *arg, const struct config_policy *policy, const char *text)
{
    (void)arg, (void)policy;
    cr_assert_str_eq(text, "");
}

void fixture_policy(struct fixture *f, const char *source, struct config_place *places, size_t place_count)
{
    struct config *c = f->config;
    struct fail fail;
    c->policies = arena_new(&c->arena, struct config_policy);
    *c->policies = (struct config_policy){ .name = "p",
                                           .file = "p.lua",
                                           .source = text_of(source),
                                           .args = TEXT("{}"),
                                           .cpu_ns = CLOCK_S,
                                           .wait_ns = 2 * CLOCK_S,
                                           .llm_wait_ns = 2 * CLOCK_S,
                                           .memory_bytes = CONFIG_POLICY_MEMORY,
                                           .places = places,
                                           .place_count = place_count };
    c->policy_count = 1;
    script_check(c, on_wrong, NULL);
    f->gateway.scripts = script_shared_new();
    f->worker.scripts = script_open(c, f->gateway.scripts, &fail);
    cr_assert_not_null(f->worker.scripts, "%s", fail.text);
}
