/* test_route.c - which targets may answer, in which order, and in which words none is found: row "route". */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "flow/way.h"

static struct request req;
static struct gateway gateway;
static struct worker worker;
static struct config *config;
static const struct tariff *tariff_a = (const struct tariff *)(const void *)"a";
static const struct tariff *tariff_b = (const struct tariff *)(const void *)"b";
static struct plugin chat = {
    .name = "chat", .provider = { .operations = GW_OP_CHAT, .dialects = GW_DIALECT_CHAT, .models = "gpt-* o1" }
};
static struct plugin embeds = {
    .name = "embeds", .provider = { .operations = GW_OP_EMBEDDINGS, .dialects = GW_DIALECT_EMBEDDINGS, .models = "" }
};
static struct plugin claude = {
    .name = "claude",
    .provider = { .operations = GW_OP_CHAT | GW_OP_COUNT_TOKENS, .dialects = GW_DIALECT_MESSAGES, .models = "claude-*" }
};
static const gw_service service = { .size = sizeof service, .name = "s", .models = "llama-*" };
static struct text only_m[] = { { "m", 1 }, { "one/*", 5 } };

static struct config_target to(size_t provider, const char *model)
{
    return (struct config_target){ .provider = &config->providers[provider], .model = text_of(model) };
}

/* Providers one (chat), two (embeds), three (claude), off (chat, not in use). Models m, family-*, e, none. */
static void begin(const char *model)
{
    memset(&req, 0, sizeof req);
    memset(&gateway, 0, sizeof gateway);
    config = config_new();
    config->providers = arena_array(&config->arena, struct config_provider, 4);
    config->provider_count = 4;
    config->providers[0] = (struct config_provider){ .name = TEXT("one"), .plugin = &chat, .price = tariff_a };
    config->providers[1] = (struct config_provider){ .name = TEXT("two"), .plugin = &embeds };
    config->providers[2] = (struct config_provider){ .name = TEXT("three"), .plugin = &claude };
    config->providers[3] = (struct config_provider){ .name = TEXT("off"), .plugin = &chat, .off = "env is not set" };
    config->models = arena_array(&config->arena, struct config_model, 4);
    config->model_count = 4;
    struct config_target *targets = arena_array(&config->arena, struct config_target, 8);
    targets[0] = to(3, "x");
    targets[1] = to(0, "up");
    targets[2] = to(2, "*");
    targets[2].list = LIST_FALLBACK;
    targets[2].price = tariff_b;
    targets[3] = to(0, "*");
    targets[4] = to(1, "emb");
    targets[5] = to(3, "x");
    config->models[0] =
        (struct config_model){ .name = TEXT("m"), .targets = targets, .target_count = 3, .attempts = 5 };
    config->models[1] =
        (struct config_model){ .name = TEXT("family-*"), .targets = targets + 3, .target_count = 1, .attempts = 2 };
    config->models[2] =
        (struct config_model){ .name = TEXT("e"), .targets = targets + 4, .target_count = 1, .attempts = 1 };
    config->models[3] =
        (struct config_model){ .name = TEXT("none"), .targets = targets + 5, .target_count = 1, .attempts = 1 };
    config->teams = arena_array(&config->arena, struct config_team, 1);
    config->team_count = 1;
    config->teams->name = TEXT("t");
    config_seal(config);
    arena_init(&req.arena, NULL, 0, 1 << 20);
    worker.gateway = &gateway;
    req.worker = &worker;
    req.config = config;
    req.team = config->teams;
    req.face = &face_chat;
    req.operation = GW_OP_CHAT;
    req.ask.model = text_of(model);
    req.path = TEXT("/chat/completions");
}

static void end(void)
{
    config_unref(config);
    arena_fini(&req.arena);
}

/* "one/up three/m+": + is a fallback; what is configured has a '. */
static const char *targets(void)
{
    static char text[200];
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < req.target_count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s/%.*s%s%s", i > 0 ? " " : "",
                              TEXT_ARG(req.targets[i].provider->name), TEXT_ARG(req.targets[i].model),
                              req.targets[i].configured ? "'" : "", req.targets[i].fallback ? "+" : "");
    return text;
}

/* The limit is the target's, whichever name leads to it. */
Test(route, knows_the_limit_of_a_target_by_every_name)
{
    static const struct {
        const char *model;
        unsigned most;
    } rows[] = { { "m", 7 }, { "one/up", 7 }, { "one/other", 0 }, { "family-up", 9 }, { "family-other", 0 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].model);
        config->limits_targets = true;
        config->models[0].targets[1].max_in_flight = 7;
        config->models[3].targets[0] = to(0, "family-up");
        config->models[3].targets[0].max_in_flight = 9;
        cr_assert_eq(route_run(&req), NEXT, "%s: %s", rows[i].model, req.fail.text);
        cr_assert_eq(req.targets[0].max_in_flight, rows[i].most, "%s: %u", rows[i].model, req.targets[0].max_in_flight);
        end();
    }
}

Test(route, finds_targets_by_model_provider_and_family)
{
    static const struct {
        const char *model, *targets;
        unsigned attempts;
    } rows[] = {
        { "m", "one/up'+ three/m+", 5 }, /* the first is off: what comes behind it is a fallback */
        { "family-1", "one/family-1", 2 },
        { "one/anything/at-all", "one/anything/at-all", CONFIG_DEFAULT_ATTEMPTS },
        { "three/claude", "three/claude", CONFIG_DEFAULT_ATTEMPTS },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].model);
        cr_assert_eq(route_run(&req), NEXT, "%s: %s", rows[i].model, req.fail.text);
        cr_assert_str_eq(targets(), rows[i].targets);
        cr_assert_eq(req.attempts_max, rows[i].attempts, "%s", rows[i].model);
        cr_assert_eq(req.model != NULL, i < 2);
        end();
    }
    begin("m");
    cr_assert_eq(route_run(&req), NEXT);
    cr_assert_eq(req.targets[0].price, tariff_a, "the provider's");
    cr_assert_eq(req.targets[1].price, tariff_b, "its own");
    cr_assert_eq(req.off_targets, 1u);
    cr_assert_eq(req.unsupported_targets, 0u);
    end();
}

Test(route, gives_each_target_what_its_operator_states)
{
    begin("m");
    struct config_target *configured = config->models[0].targets;
    configured[1].weight = 3;
    configured[1].region = TEXT("eu");
    configured[1].retention = TEXT("none");
    configured[2].weight = 7;
    cr_assert_eq(route_run(&req), NEXT);
    cr_assert_eq(req.targets[0].weight, 3u);
    cr_assert(text_is(req.targets[0].region, "eu"));
    cr_assert(text_is(req.targets[0].retention, "none"));
    cr_assert_eq(req.targets[1].weight, 7u);
    cr_assert_null(req.targets[1].region.ptr);
    end();
    begin("one/x");
    cr_assert_eq(route_run(&req), NEXT);
    cr_assert_eq(req.targets[0].weight, 1u, "nobody has stated a share");
    end();
}

/* Models that send to this target count too; a request that a policy sends anew finds them anew. */
Test(route, finds_whose_budgets_count)
{
    begin("one/up");
    gateway.ledger = (struct ledger *)(void *)&gateway; /* it is only looked whether there is one */
    for (int again = 0; again < 2; again++) {
        req.target_count = 0;
        cr_assert_eq(route_run(&req), NEXT);
        cr_assert_eq(req.target_of_count, 1u, "%zu", req.target_of_count);
        cr_assert(text_is(req.target_of[0], "m"));
    }
    config->models[3].targets[0] = to(0, "up");
    config->models[3].budgets.count = 1;
    req.target_count = 0;
    cr_assert_eq(route_run(&req), NEXT);
    cr_assert_eq(req.target_of_count, 2u, "%zu", req.target_of_count);
    cr_assert(text_is(req.target_of[0], "none"), "what has a budget comes first");
    cr_assert(text_is(req.target_of[1], "m"));
    end();
}

/* What is not stated is not where a team requires it. */
Test(route, keeps_to_where_a_team_may_send)
{
    static struct text regions[] = { { "us", 2 }, { "eu", 2 } };
    for (int eu = 0; eu < 2; eu++) {
        begin("m");
        config->teams->regions = regions;
        config->teams->region_count = 2;
        config->models[0].targets[1].region = eu ? TEXT("eu") : TEXT("asia");
        cr_assert_eq(route_run(&req), eu ? NEXT : FAIL);
        cr_assert_str_eq(targets(), eu ? "one/up'" : "");
        if (!eu) {
            cr_assert_str_eq(
                req.fail.text,
                "the model \"m\" has no target in the region, or with the retention, that the team \"t\" requires");
            cr_assert_str_eq(req.fail.param, "model");
            cr_assert_eq(req.fail.status, 404);
        }
        end();
    }
}

Test(route, explains_why_there_is_no_target)
{
    static const struct {
        const char *model;
        int status;
        const char *text;
        enum fail_kind kind;
    } rows[] = {
        { "x", 404, "the model \"x\" does not exist or this key may not use it", FAIL_CLIENT },
        { "nobody/x", 404, "the model \"nobody/x\" does not exist or this key may not use it", FAIL_CLIENT },
        { "one/", 404, "the model \"one/\" does not exist or this key may not use it", FAIL_CLIENT },
        { "gpt-5", 404, "the model \"gpt-5\" does not exist or this key may not use it", FAIL_CLIENT },
        { "e", 404,
          "the model \"e\" is served by a provider that does not have /chat/completions, and this version does not translate it: use /v1/chat/completions or /v1/messages",
          FAIL_CLIENT },
        { "none", 502, "no provider of the model \"none\" is in use: the operator must set its secret", FAIL_OPERATOR },
        { "off/x", 502, "no provider of the model \"off/x\" is in use: the operator must set its secret",
          FAIL_OPERATOR },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].model);
        cr_assert_eq(route_run(&req), FAIL, "%s", rows[i].model);
        cr_assert_str_eq(req.fail.text, rows[i].text);
        cr_assert_eq(req.fail.status, rows[i].status);
        cr_assert_eq(req.fail.kind, rows[i].kind, "%s", rows[i].model);
        cr_assert_eq(req.fail.should_retry, 0);
        end();
    }
    char name[201], text[200];
    memset(name, 'n', 200);
    name[200] = '\0';
    begin(name);
    cr_assert_eq(route_run(&req), FAIL);
    snprintf(text, sizeof text, "the model \"%.120s\" does not exist or this key may not use it", name);
    cr_assert_str_eq(req.fail.text, text, "a long name is cut");
    end();
}

Test(route, goes_by_the_providers_patterns_where_nothing_is_configured)
{
    static const char *const rows[][2] = {
        { "gpt-5", "one/gpt-5" }, { "o1", "one/o1" }, { "claude-4", "three/claude-4" },
        { "o1-mini", "" },        { "gpt", "" },      { "llama-3", "two/llama-3" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i][0]);
        config->prefix_routing = true;
        config->providers[1] = (struct config_provider){ .name = TEXT("two"), .plugin = &chat, .service = &service };
        cr_assert_eq(route_run(&req), rows[i][1][0] != '\0' ? NEXT : FAIL, "%s", rows[i][0]);
        cr_assert_str_eq(targets(), rows[i][1]);
        end();
    }
}

Test(route, keeps_to_what_a_team_may_use)
{
    static const char *const rows[][2] = {
        { "m", "one/up'+ three/m+" }, { "one/x", "one/x" }, { "e", "" }, { "family-1", "" }, { "three/x", "" }
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i][0]);
        config->teams->models = only_m;
        config->teams->model_count = 2;
        cr_assert_eq(route_run(&req), rows[i][1][0] != '\0' ? NEXT : FAIL, "%s", rows[i][0]);
        cr_assert_str_eq(targets(), rows[i][1]);
        end();
    }
}

/* Other models that the request names beside "model". */
Test(route, keeps_to_it_for_every_model_that_is_named)
{
    struct ask_choice last = { .member = "models", .model = TEXT("x") },
                      first = { .member = "fallbacks", .next = &last };
    begin("one/y");
    req.ask.choice = &last;
    cr_assert_eq(route_run(&req), NEXT, "the team may use all");
    end();
    begin("one/y");
    config->teams->models = only_m;
    config->teams->model_count = 2;
    req.ask.choice = &last;
    cr_assert_eq(route_run(&req), NEXT, "one/x is allowed: %s", req.fail.text);
    end();
    begin("m");
    config->teams->models = only_m;
    config->teams->model_count = 2;
    req.ask.choice = &last;
    cr_assert_eq(route_run(&req), FAIL, "three/x is not");
    cr_assert_str_eq(req.fail.text, "models names the model \"x\", which this key may not use");
    cr_assert_str_eq(req.fail.param, "models");
    cr_assert_eq(req.fail.status, 404);
    end();
    begin("one/y");
    config->teams->models = only_m;
    config->teams->model_count = 2;
    req.ask.choice = &first; /* it cannot be known which */
    cr_assert_eq(route_run(&req), FAIL);
    cr_assert_str_eq(req.fail.text, "fallbacks can choose a model that this key may not use: leave it out, or ask the "
                                    "gateway's operator for a key without a list of models");
    cr_assert_eq(req.fail.status, 400);
    end();
}

Test(route, asks_who_serves_the_operation)
{
    static const struct {
        const struct face *face;
        uint32_t operation;
        const char *model, *targets;
    } rows[] = {
        { &face_embeddings, GW_OP_EMBEDDINGS, "e", "two/emb'" },
        { &face_embeddings, GW_OP_EMBEDDINGS, "one/x", "" },
        { &face_messages, GW_OP_CHAT, "one/x", "one/x" }, /* translated */
        { &face_responses, GW_OP_CHAT, "one/x", "" },     /* relayed only */
        { &face_count_tokens, GW_OP_COUNT_TOKENS, "three/x", "three/x" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].model);
        req.face = rows[i].face;
        req.operation = rows[i].operation;
        cr_assert_eq(route_run(&req), rows[i].targets[0] != '\0' ? NEXT : FAIL, "%zu: %s", i, req.fail.text);
        cr_assert_str_eq(targets(), rows[i].targets);
        end();
    }
}
