/* test_fit.c - which targets are surely too small for a prompt: rows "fit.count" and "fit". */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "flow/way.h"

static struct request req;
static struct gateway gateway;
static struct worker worker;
static struct config *config;
static struct plugin chat = { .name = "chat",
                              .provider = { .operations = GW_OP_CHAT, .dialects = GW_DIALECT_CHAT, .models = "" } };

static struct config_target to(const char *model, enum config_list list, int64_t tokens)
{
    return (struct config_target){
        .provider = &config->providers[0], .model = text_of(model), .list = list, .context_tokens = tokens
    };
}

static void take_body(const char *body)
{
    buf_free(&req.body);
    buf_init(&req.body, 1 << 20);
    buf_str(&req.body, body);
    req.ask = (struct ask){ .body = buf_view(&req.body), .model = TEXT("m") };
    cr_assert_eq(scan_object(&req.arena, req.ask.body, SCAN_MAX_DEPTH, &req.ask.scan), 0);
}

/* The model m: small (10 tokens), large (20), unknown; on_context_overflow: huge (40). */
static void begin(const char *body)
{
    memset(&req, 0, sizeof req);
    memset(&gateway, 0, sizeof gateway);
    config = config_new();
    config->providers = arena_array(&config->arena, struct config_provider, 1);
    config->provider_count = 1;
    config->providers[0] = (struct config_provider){ .name = TEXT("p"), .plugin = &chat };
    config->models = arena_array(&config->arena, struct config_model, 1);
    config->model_count = 1;
    struct config_target *targets = arena_array(&config->arena, struct config_target, 4);
    targets[0] = to("small", LIST_FIRST, 10);
    targets[1] = to("large", LIST_FALLBACK, 20);
    targets[2] = to("huge", LIST_OVERFLOW, 40);
    targets[3] = to("other", LIST_FILTER, 0);
    config->models[0] =
        (struct config_model){ .name = TEXT("m"), .targets = targets, .target_count = 4, .attempts = 3 };
    config->teams = arena_array(&config->arena, struct config_team, 1);
    config->team_count = 1;
    config->teams->name = TEXT("t");
    config_seal(config);
    arena_init(&req.arena, NULL, 0, 1 << 20);
    arena_init(&worker.scratch, NULL, 0, 1 << 20);
    worker.gateway = &gateway;
    req.worker = &worker;
    req.config = config;
    req.team = config->teams;
    req.face = &face_chat;
    req.operation = GW_OP_CHAT;
    req.path = TEXT("/chat/completions");
    take_body(body);
    cr_assert_eq(route_run(&req), NEXT);
}

static void end(void)
{
    config_unref(config);
    buf_free(&req.body);
    arena_fini(&req.arena);
    arena_fini(&worker.scratch);
}

static const char *targets(void)
{
    static char text[200];
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < req.target_count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s%s", i > 0 ? " " : "", TEXT_ARG(req.targets[i].model),
                              req.targets[i].fallback ? "+" : "");
    return text;
}

static enum next fit(void)
{
    cr_assert_eq(fit_count(&req), NEXT);
    return fit_run(&req);
}

#define SAY(text) "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"" text "\"}]}"
#define TEN "1 2 3 4 5 6 7 8 9 ten"
#define FORTY TEN " " TEN " " TEN " " TEN

Test(fit, leaves_out_what_is_surely_too_small)
{
    static const struct {
        const char *body, *targets;
        int64_t least;
    } rows[] = {
        { SAY("1 2 3 4 5 6 7 8 9"), "small large+", 9 },
        { SAY(TEN), "large+", 10 }, /* there is no room for an answer */
        { SAY("  1\\n2\\t3 4 5 6\\r\\n7 8 9  "), "small large+", 9 },
        { SAY(TEN " " TEN), "huge+", 20 },
        { SAY("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), "small large+", 1 },
        { SAY(""), "small large+", 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].body);
        cr_assert_eq(fit(), NEXT, "%s: %s", rows[i].body, req.fail.text);
        cr_assert_eq(req.least_tokens, rows[i].least, "%s: %lld", rows[i].body, (long long)req.least_tokens);
        cr_assert_str_eq(targets(), rows[i].targets, "%s", rows[i].body);
        end();
    }
}

Test(fit, counts_only_what_the_model_surely_reads)
{
    static const char *const bodies[] = {
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"" FORTY
        "\"}}]}]}",
        "{\"model\":\"m\",\"metadata\":{\"a\":\"" FORTY "\"},\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
        "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":\"x\",\"reasoning_content\":\"" FORTY
        "\"}]}",
        "{\"model\":\"m\",\"truncation\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":\"" FORTY "\"}]}",
        "{\"model\":\"m\",\"context_management\":{},\"messages\":[{\"role\":\"user\",\"content\":\"" FORTY "\"}]}",
        "{\"model\":\"m\",\"transforms\":[\"middle-out\"],\"messages\":[{\"role\":\"user\",\"content\":\"" FORTY
        "\"}]}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        begin(bodies[i]);
        cr_assert_eq(fit(), NEXT, "%s: %s", bodies[i], req.fail.text);
        cr_assert_str_eq(targets(), "small large+", "%s", bodies[i]);
        end();
    }
}

Test(fit, refuses_what_fits_nowhere)
{
    begin(SAY(FORTY));
    cr_assert_eq(fit(), FAIL);
    cr_assert_eq(req.fail.status, 400);
    cr_assert_str_eq(req.fail.code, "context_length_exceeded");
    cr_assert_str_eq(req.fail.text,
                     "prompt is too long: at least 40 tokens > 40 maximum of the model \"m\". Shorten it");
    end();
    begin("{\"model\":\"m\",\"truncation\":\"disabled\",\"messages\":[{\"role\":\"user\",\"content\":\"" FORTY "\"}]}");
    cr_assert_eq(fit(), FAIL);
    end();
}

Test(fit, turns_once_to_a_list_for_a_failure)
{
    begin(SAY("x"));
    req.target_next = 1;
    const struct route_target *tried = &req.targets[0];
    cr_assert(route_turn(&req, LIST_FILTER));
    cr_assert_str_eq(targets(), "small other+");
    cr_assert_neq(&req.targets[0], tried, "attempts point to those before");
    cr_assert(req.targets[1].reserve);
    cr_assert_not(route_turn(&req, LIST_OVERFLOW), "once");
    end();
}
