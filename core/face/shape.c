/* shape.c - the settings of the client APIs, and how one is changed. */
#include "face/shape.h"

#include <stdlib.h>

#include "face/edit.h"

enum {
    THINKING_LEAST = 1024
}; /* Anthropic: platform.claude.com/docs/en/build-with-claude/extended-thinking (2026-11) */

const char *const shape_names[] = {
    "effort", "max_tokens", "parallel_tool_calls", "seed", "service_tier", "temperature", "thinking_tokens",
    "top_p",  NULL
};

#define SETTING(name, ...)                                                                                             \
    {                                                                                                                  \
        (name), { __VA_ARGS__ }, false                                                                                 \
    }
#define LAST                                                                                                           \
    {                                                                                                                  \
        NULL, { NULL }, false                                                                                          \
    }

static const struct shape_setting chat_settings[] = {
    SETTING("effort", "reasoning_effort", "reasoning.effort"),
    SETTING("max_tokens", "max_tokens", "max_completion_tokens"),
    SETTING("parallel_tool_calls", "parallel_tool_calls"),
    SETTING("seed", "seed"),
    SETTING("service_tier", "service_tier"),
    SETTING("temperature", "temperature"),
    { "thinking_tokens", { "thinking.budget_tokens", "reasoning.max_tokens" }, true }, /* of services that have it */
    SETTING("top_p", "top_p"),
    LAST,
};

static const struct shape_setting messages_settings[] = {
    SETTING("effort", "output_config.effort"),
    SETTING("max_tokens", "max_tokens"),
    SETTING("service_tier", "service_tier"),
    SETTING("temperature", "temperature"),
    SETTING("thinking_tokens", "thinking.budget_tokens"),
    SETTING("top_p", "top_p"),
    LAST,
};

static const struct shape_setting responses_settings[] = {
    SETTING("effort", "reasoning.effort"),
    SETTING("max_tokens", "max_output_tokens"),
    SETTING("parallel_tool_calls", "parallel_tool_calls"),
    SETTING("service_tier", "service_tier"),
    SETTING("temperature", "temperature"),
    SETTING("top_p", "top_p"),
    LAST,
};

static const struct shape_setting completions_settings[] = {
    SETTING("max_tokens", "max_tokens"),
    SETTING("seed", "seed"),
    SETTING("temperature", "temperature"),
    SETTING("top_p", "top_p"),
    LAST,
};

const struct shape shape_chat = {
    .api = "the chat API",
    .settings = chat_settings,
    .system_messages = true,
    .turns = "messages",
    .auto_choice = "\"auto\"",
};
const struct shape shape_messages = {
    .api = "the messages API",
    .settings = messages_settings,
    .system = "system",
    .system_parts = true,
    .turns = "messages",
    .auto_choice = "{\"type\":\"auto\"}",
};
const struct shape shape_responses = {
    .api = "the responses API",
    .settings = responses_settings,
    .system = "instructions",
    .system_messages = true,
    .turns = "input",
    .auto_choice = "\"auto\"",
};
const struct shape shape_completions = {
    .api = "the completions API",
    .settings = completions_settings,
};

static const struct shape_setting *setting_of(const struct shape *shape, struct text name)
{
    for (const struct shape_setting *s = shape->settings; s->name != NULL; s++)
        if (text_is(name, s->name))
            return s;
    return NULL;
}

static const struct json *at_path(const struct json *v, const char *path)
{
    struct text rest = text_of(path);
    while (v != NULL && rest.ptr != NULL)
        v = json_get(v, text_cut(&rest, '.'));
    return v;
}

static bool is_there(const struct json *v)
{
    return json_type(v) != JSON_T_ABSENT && json_type(v) != JSON_T_NULL;
}

const struct json *shape_get(const struct shape_body *b, struct text name)
{
    const struct shape_setting *s = b->shape != NULL ? setting_of(b->shape, name) : NULL;
    for (size_t i = 0; s != NULL && i < 3 && s->paths[i] != NULL; i++)
        if (is_there(at_path(b->json, s->paths[i])))
            return at_path(b->json, s->paths[i]);
    return NULL;
}

/* A path of at most two names. */
static void put_at(struct edit *e, const struct json *root, const char *path, struct text value)
{
    struct text last = text_of(path), first = text_cut(&last, '.');
    const struct json *old = at_path(root, path), *outer = json_get(root, first);
    if (old != NULL) {
        edit_put(e, json_text(old), value);
    } else if (last.ptr == NULL) {
        edit_add_member(e, root, first, value);
    } else if (json_type(outer) == JSON_T_OBJECT) {
        edit_add_member(e, outer, last, value);
    } else {
        struct text all = text_of(arena_printf(e->arena, "{\"%.*s\":%.*s}", TEXT_ARG(last), TEXT_ARG(value)));
        if (outer != NULL)
            edit_put(e, json_text(outer), all);
        else
            edit_add_member(e, root, first, all);
    }
}

static void remove_at(struct edit *e, const struct json *root, const char *path)
{
    struct text last = text_of(path), first = text_cut(&last, '.');
    const struct json *holder = last.ptr == NULL ? root : json_get(root, first);
    edit_remove_member(e, holder, last.ptr == NULL ? first : last);
}

/* What is thought is part of the answer: less than all of it, and where that is less than the least, nothing. */
static void lower_thinking(struct edit *e, const struct json *root, int64_t most)
{
    const struct json *budget = at_path(root, "thinking.budget_tokens");
    if (budget == NULL || json_int(budget, INT64_MAX) < most)
        return;
    if (most <= THINKING_LEAST)
        edit_put(e, json_text(json_member(root, "thinking")), TEXT("{\"type\":\"disabled\"}"));
    else
        edit_put(e, json_text(budget), text_of(arena_printf(e->arena, "%lld", (long long)most - 1)));
}

static const char *set_thinking(struct edit *e, const struct json *root, struct text value)
{
    const struct json *thinking = json_member(root, "thinking"), *budget = at_path(root, "thinking.budget_tokens");
    struct text all = text_of(arena_printf(e->arena, "{\"type\":\"enabled\",\"budget_tokens\":%.*s}", TEXT_ARG(value)));
    if (value.ptr == NULL)
        edit_remove_member(e, root, TEXT("thinking"));
    else if (budget != NULL)
        edit_put(e, json_text(budget), value);
    else if (thinking != NULL)
        edit_put(e, json_text(thinking), all);
    else
        edit_add_member(e, root, TEXT("thinking"), all);
    return NULL;
}

const char *shape_set(struct shape_body *b, struct text name, struct text value)
{
    const struct shape_setting *s = b->shape != NULL ? setting_of(b->shape, name) : NULL;
    struct edit e;
    bool found = false;
    if (s == NULL || (s->only_there && value.ptr != NULL && shape_get(b, name) == NULL))
        return arena_printf(b->arena, "%s has no \"%.*s\"", b->shape != NULL ? b->shape->api : "this API",
                            TEXT_ARG(name));
    edit_begin(&e, b->arena, b->text);
    if (text_is(name, "thinking_tokens") && !s->only_there) {
        set_thinking(&e, b->json, value);
        b->text = edit_end(&e);
        return NULL;
    }
    for (size_t i = 0; i < 3 && s->paths[i] != NULL; i++) {
        if (at_path(b->json, s->paths[i]) == NULL)
            continue;
        found = true;
        if (value.ptr != NULL) {
            put_at(&e, b->json, s->paths[i], value);
            continue;
        }
        remove_at(&e, b->json, s->paths[i]);
        edit_again(&e, &b->json); /* one member of an object at a time */
    }
    if (!found && value.ptr != NULL)
        put_at(&e, b->json, s->paths[0], value);
    if (value.ptr != NULL && text_is(name, "max_tokens"))
        lower_thinking(&e, b->json, strtoll(arena_str(b->arena, value), NULL, 10));
    b->text = edit_end(&e);
    return NULL;
}
