/* fixture.c - a policy and a request without a gateway. */
#include "fixture.h"

#include <string.h>

static void on_wrong(void *arg, const struct config_policy *policy, const char *text)
{
    struct fixture *f = arg;
    (void)policy;
    snprintf(f->wrong, sizeof f->wrong, "%s", text);
}

void fixture_open(struct fixture *f, const char *source, const char *args)
{
    fixture_open_in(f, NULL, source, args);
}

void fixture_open_in(struct fixture *f, const char *folder, const char *source, const char *args)
{
    static const char *const names[] = { "fast", "smart", "long" };
    memset(f, 0, sizeof *f);
    f->config = config_new();
    struct arena *arena = &f->config->arena;
    f->config->models = arena_array(arena, struct config_model, 3);
    for (size_t i = 0; i < 3; i++)
        f->config->models[f->config->model_count++].name = arena_text(arena, text_of(names[i]));
    f->config->teams = arena_array(arena, struct config_team, 2);
    f->config->teams[0].name = TEXT("default");
    f->config->teams[1].name = TEXT("support");
    f->config->team_count = 2;
    f->config->default_team = f->config->teams;
    f->config->policies = arena_array(arena, struct config_policy, 1);
    f->config->policies[0] = (struct config_policy){ .name = "p",
                                                     .file = "p.lua",
                                                     .folder = folder,
                                                     .source = text_of(source),
                                                     .args = args != NULL ? text_of(args) : TEXT("{}"),
                                                     .cpu_ns = CONFIG_POLICY_CPU_NS,
                                                     .wait_ns = CONFIG_POLICY_WAIT_NS,
                                                     .llm_wait_ns = CONFIG_POLICY_LLM_WAIT_NS,
                                                     .memory_bytes = CONFIG_POLICY_MEMORY };
    f->config->policy_count = 1;
    config_seal(f->config);
    f->shared = script_shared_new();
    script_check(f->config, on_wrong, f);
    if (f->wrong[0] == '\0')
        f->worker = script_open(f->config, f->shared, &f->fail);
    arena_init(&f->arena, NULL, 0, 64u << 20);
}

void fixture_close(struct fixture *f)
{
    script_unref(f->worker);
    script_shared_free(f->shared);
    arena_fini(&f->arena);
    config_unref(f->config);
}

void fixture_ask(struct fixture *f, const struct face *face, const char *body)
{
    struct fail fail;
    arena_reset(&f->arena);
    memset(&f->ask, 0, sizeof f->ask);
    if (face->decode(&f->arena, text_of(body), &f->ask, &fail) < 0)
        fail_bug(__FILE__, __LINE__, fail.text);
    f->req = (struct script_request){ .arena = &f->arena,
                                      .config = f->config,
                                      .face = face,
                                      .ask = &f->ask,
                                      .operation = face->operation,
                                      .id = TEXT("r1"),
                                      .team = TEXT("default"),
                                      .key = TEXT("k1"),
                                      .model = f->ask.model,
                                      .asked_model = f->ask.model,
                                      .client = "other",
                                      .address = TEXT("127.0.0.1"),
                                      .tags = TEXT("plan=free"),
                                      .attempt = 1,
                                      .admitted_ms = 1787000000000 };
}

const char *fixture_error(const struct fixture *f)
{
    const char *text = "";
    for (const struct script_trace *t = f->req.traces; t != NULL; t = t->next)
        if (text_is(text_of(t->decision), "error"))
            text = t->reason.ptr;
    return text;
}
